"""What is kept of denials: found by its id, once per policy text, bounded, for a day, and after kill -9."""

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.advisor import Change, Denied, freeze, smallest_change, thaw
from kansatsu.advisor.denials import ID, Denial, Denials
from kansatsu.policy import (
    UNRESOLVED,
    Policies,
    Policy,
    PolicySet,
    PolicyType,
    Principal,
    Request,
    Source,
    compile_policy,
    evaluate,
    parse,
)

ACCOUNT = "123456789012"
USER = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/u", "user", id="AIDAAAAAAAAAAAAAAAAAA")
CONTEXT = {"aws:sourceip": "192.0.2.1", "aws:tagkeys": ("a", "b")}


class Hands:
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def policy(kind: PolicyType, *statements: dict[str, object], name: str = "p") -> Policy:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return compile_policy(parse(text, kind), Source(kind, owner=USER.arn, name=name))


def says(effect: str, action: str, resource: str = "*") -> dict[str, object]:
    return {"Effect": effect, "Action": action, "Resource": resource}


ALLOW = says("Allow", "*")


def denied(policies: Policies, request_id: str = "r", resource: str = "*") -> Denied:
    decision = evaluate(Request(USER, "iam:ListUsers", resource, CONTEXT), policies)
    return Denied(0.0, request_id, ACCOUNT, "iam:ListUsers", "us-east-1", USER.id, CONTEXT, [decision])


NOTHING = Policies(PolicySet([policy(PolicyType.IDENTITY, says("Allow", "s3:*"))]))


def kept(denials: Denials, **how: str) -> str:
    return denials.keep(*freeze(denied(NOTHING, **how)))


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def denials(tmp_path: Path, clock: Hands) -> Denials:
    return Denials(tmp_path, clock)


def files(directory: Path) -> list[Path]:
    return sorted((directory / "denials").glob("*.jsonl"))


def test_a_denial_is_found_by_its_id_by_anybody(tmp_path: Path, clock: Hands, denials: Denials) -> None:
    ids = [kept(denials, request_id=f"r{number}") for number in range(20)]
    assert len(set(ids)) == 20
    other = Denials(tmp_path, clock)
    for number, given_id in enumerate(ids):
        assert ID.fullmatch(given_id)
        found = other.find(given_id)
        assert found is not None and (found.id, found.request_id) == (given_id, f"r{number}")
        assert other.text(found, found.held[0]) == NOTHING.identity.policies[0].document.text
    assert other.of_request(ACCOUNT, "r7") == other.find(ids[7])
    assert other.of_request("999999999999", "r7") is None


def test_a_text_is_stored_once(tmp_path: Path, denials: Denials) -> None:
    for _ in range(50):
        kept(denials)
    (path,) = files(tmp_path)
    assert path.read_bytes().count(b'{"text":') == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_the_last_denial_of_an_account(denials: Denials) -> None:
    """By time, also where another account was denied later."""
    kept(denials, request_id="first")
    last = kept(denials, request_id="last")
    denial, texts = freeze(denied(NOTHING))
    denials.keep(msgspec.structs.replace(denial, account="999999999999"), texts)
    found = denials.newest(ACCOUNT)
    assert found is not None and found.id == last
    assert denials.newest("000000000000") is None


def test_a_day_and_no_longer(tmp_path: Path, clock: Hands, denials: Denials) -> None:
    first = kept(denials)
    clock.at += timedelta(hours=24, seconds=-1)
    assert denials.find(first) is not None
    second = kept(denials)
    assert denials.find(first) is not None, "a new file does not shorten the day"
    clock.at += timedelta(hours=1, seconds=1)
    assert denials.find(first) is None
    assert denials.prune() == 1
    assert denials.find(second) is not None
    assert len(files(tmp_path)) == 1


# INVARIANT: bounded, and nobody makes the details of others' denials disappear by being denied himself.
def test_a_flood_is_bounded_and_takes_nothing_away(tmp_path: Path, clock: Hands) -> None:
    denials = Denials(tmp_path, clock, total_bytes=1)
    first = kept(denials)
    assert first and kept(denials), "what is open is filled"
    clock.at += timedelta(hours=1, seconds=1)
    assert kept(denials) == ""
    assert denials.find(first) is not None
    clock.at += timedelta(hours=25)
    assert kept(denials) != ""


def test_a_full_disk_denies_without_an_id(denials: Denials, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = kept(denials)
    with monkeypatch.context() as patch:
        write = os.write
        patch.setattr(os, "write", lambda fd, data: write(fd, data[: len(data) // 2]))
        assert kept(denials) == ""
        assert denials.find(whole) is not None
    assert kept(denials) == "", "not tried again at once"


@given(st.text(alphabet="0123456789abcdefghijklmnopqrstuvwxyz", max_size=40) | st.text(max_size=40))
def test_ids_that_nobody_gave_out(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    assert Denials(tmp_path_factory.getbasetemp(), Hands()).find(text) is None


def test_an_id_is_no_hint_at_others(denials: Denials) -> None:
    """The place in the file is not enough: the rest must be right."""
    one = kept(denials)
    assert denials.find(one[:-1] + ("0" if one[-1] != "0" else "1")) is None
    assert denials.find(one[:18] + "0" * 12) is None


def test_junk_in_a_file_is_nothing(tmp_path: Path, denials: Denials) -> None:
    one = kept(denials)
    (path,) = files(tmp_path)
    with path.open("ab") as file:
        file.write(b'{"id":"torn')
    assert denials.newest(ACCOUNT) == denials.find(one)
    path.write_bytes(b"\0" * path.stat().st_size)
    assert denials.find(one) is None
    assert denials.newest(ACCOUNT) is None


def test_threads(denials: Denials) -> None:
    ids: list[str] = []
    threads = [threading.Thread(target=lambda: ids.extend(kept(denials) for _ in range(50))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 200
    assert all(denials.find(one) is not None for one in ids)


KILLED = """
import sys
from pathlib import Path
from advisor.test_denials import Denials, Hands, kept
denials = Denials(Path(sys.argv[1]), Hands())
while True:
    print(kept(denials), flush=True)
"""


def test_kill_9_loses_nothing_that_was_answered(tmp_path: Path, clock: Hands) -> None:
    root = Path(__file__).parents[2]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root / "tests")])}
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, env=environ)
    assert child.stdout is not None
    answered = [child.stdout.readline().decode().strip() for _ in range(100)]
    child.send_signal(signal.SIGKILL)
    answered += [line.decode().strip() for line in child.stdout if line.endswith(b"\n")]
    child.wait()
    child.stdout.close()
    after = Denials(tmp_path, clock)
    assert all(after.find(one) is not None for one in answered)


# ---- as it was ----------------------------------------------------------------------------------------------------

RESOURCE = {**says("Deny", "iam:*"), "Principal": "*"}
TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
FULL = PolicySet([policy(PolicyType.IDENTITY, ALLOW)])
SCP = PolicySet([policy(PolicyType.SCP, says("Allow", "s3:*"), name="low")])
ROOT_SCP = PolicySet([policy(PolicyType.SCP, ALLOW, name="root")])
EVERYTHING = {**ALLOW, "Principal": "*"}  # RCPFullAWSAccess, the only Allow there is
RCP = {**says("Deny", "s3:*"), "Principal": "*"}
SITUATIONS = {
    "nothing": Policies(PolicySet()),
    "identity": NOTHING,
    "explicit": Policies(PolicySet([policy(PolicyType.IDENTITY, ALLOW, says("Deny", "iam:List*"))])),
    "boundary": Policies(FULL, boundary=policy(PolicyType.BOUNDARY, says("Allow", "s3:*"))),
    "session": Policies(FULL, session=PolicySet([policy(PolicyType.SESSION, says("Allow", "s3:*"))])),
    "an empty session policy": Policies(FULL, session=PolicySet()),
    "resource": Policies(FULL, resource=policy(PolicyType.RESOURCE, RESOURCE)),
    "trust": Policies(FULL, trust=policy(PolicyType.TRUST, TRUST)),
    "deny in a trust policy": Policies(
        FULL,
        trust=policy(PolicyType.TRUST, {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}),
    ),
    "vpc endpoint": Policies(
        FULL, vpc_endpoint=policy(PolicyType.VPC_ENDPOINT, {**says("Allow", "s3:*"), "Principal": "*"})
    ),
    "deny in an rcp": Policies(FULL, rcps=(PolicySet([policy(PolicyType.RCP, EVERYTHING, RCP)]),)),
    "an rcp that allows nothing": Policies(FULL, rcps=(PolicySet([policy(PolicyType.RCP, RCP)]), PolicySet())),
    "scp": Policies(FULL, scps=(ROOT_SCP, SCP)),
    "deny in an scp": Policies(
        FULL, scps=(ROOT_SCP, PolicySet([policy(PolicyType.SCP, ALLOW, says("Deny", "iam:*"), name="low")]))
    ),
    "everything": Policies(
        PolicySet([policy(PolicyType.IDENTITY, says("Deny", "*"))]),
        boundary=policy(PolicyType.BOUNDARY, says("Deny", "iam:*")),
        session=PolicySet([policy(PolicyType.SESSION, says("Allow", "s3:*"))]),
        scps=(ROOT_SCP, SCP),
    ),
}


def asked(policies: Policies) -> str:
    """RCPs are of a few services only, trust policies of one."""
    return "sts:AssumeRole" if policies.trust else "s3:GetObject" if policies.rcps else "iam:ListUsers"


@pytest.mark.parametrize("policies", SITUATIONS.values(), ids=SITUATIONS)
@pytest.mark.parametrize("resource", ["*", f"arn:aws:iam::{ACCOUNT}:user/x", UNRESOLVED], ids=repr)
def test_thawed_it_decides_as_it_did(policies: Policies, resource: str) -> None:
    action = asked(policies)
    decision = evaluate(Request(USER, action, resource, CONTEXT), policies)
    assert not decision.allowed
    what = Denied(0.0, "r", ACCOUNT, action, "us-east-1", USER.id, {"aws:sourceip": "192.0.2.1"}, [decision])
    denial, texts = freeze(what)
    again = msgspec.json.decode(msgspec.json.encode(denial), type=Denial)
    (thawed,) = thaw(again, texts)
    assert (thawed.request, thawed.policies) == (decision.request, decision.policies)
    assert (thawed.request.resource is UNRESOLVED) == (resource is UNRESOLVED)
    assert (thawed.explicit, thawed.type, thawed.matched) == (decision.explicit, decision.type, decision.matched)


@pytest.mark.parametrize("policies", SITUATIONS.values(), ids=SITUATIONS)
@pytest.mark.parametrize("resource", ["*", f"arn:aws:iam::{ACCOUNT}:user/x", UNRESOLVED], ids=repr)
def test_there_is_a_change_and_none_of_it_is_idle(policies: Policies, resource: str) -> None:
    """The smallest: as many parts as there are Deny statements that apply and kinds that do not allow."""
    action = asked(policies)
    decision = evaluate(Request(USER, action, resource, CONTEXT), policies)
    changes = smallest_change(decision)
    assert changes is not None
    denies = {(match.policy, match.index) for match in decision.matched if match.effect == "Deny"}
    assert {(change.policy, change.index) for change in changes if change.index is not None} == denies
    added = [change.policy.type for change in changes if change.index is None]
    assert len(added) == len(set(added)) + (len(policies.rcps) > 1), "each level by itself"
    for change in changes:
        if change.index is None:
            assert change.statement["Action"] == ("*" if change.policy.type is PolicyType.RCP else action)


OTHERS = "999999999999"


@pytest.mark.parametrize(
    ("action", "resource", "kind", "owner"),
    [
        ("s3:GetObject", "arn:aws:s3:::theirs/x", PolicyType.RESOURCE, "arn:aws:s3:::theirs"),
        ("sts:AssumeRole", f"arn:aws:iam::{OTHERS}:role/r", PolicyType.TRUST, f"arn:aws:iam::{OTHERS}:role/r"),
    ],
)
def test_what_another_account_owns_takes_a_change_on_each_side(
    action: str, resource: str, kind: PolicyType, owner: str
) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html"""
    request = Request(USER, action, resource, CONTEXT, resource_account=OTHERS)
    theirs, ours = smallest_change(evaluate(request, Policies(PolicySet()))) or ()
    assert (theirs.policy.type, theirs.policy.owner, ours.policy.type) == (kind, owner, PolicyType.IDENTITY)
    (alone,) = smallest_change(evaluate(request, Policies(FULL))) or ()
    assert alone == theirs


def test_no_change_where_none_helps() -> None:
    """There is no policy of an instance that could let another account in."""
    request = Request(USER, "ec2:StopInstances", f"arn:aws:ec2:us-east-1:{OTHERS}:instance/i", CONTEXT, OTHERS)
    decision = evaluate(request, Policies(FULL))
    assert not decision.allowed
    assert smallest_change(decision) is None


def test_a_statement_goes_into_a_policy_of_a_name_that_is_free() -> None:
    own = policy(PolicyType.IDENTITY, says("Allow", "s3:*"), name="Allow-iam-ListUsers")
    (change,) = (
        smallest_change(evaluate(Request(USER, "iam:ListUsers", "*", CONTEXT), Policies(PolicySet([own])))) or ()
    )
    assert change == Change(
        Source(PolicyType.IDENTITY, owner=USER.arn, name="Allow-iam-ListUsers-2"),
        {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"},
    )
