"""Two `kansatsu up` on one PostgreSQL database: one installation, whichever node is asked, paused or lost."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clusters import Cluster
from commands import kansatsu
from conftest import Server, cli_environ
from kansatsu.cli import daemon
from kansatsu.clock import SystemClock
from kansatsu.identity import keyring, open_store
from kansatsu.identity.database import HEAD
from races import PAIRS, QUOTAS, one_alone, over_quota, rounds
from writers import hammer, once

Start = Callable[..., AbstractContextManager[Server]]
FLAGS = ("--engine", "none", "--backend", "http://127.0.0.1:9", "--trail", "none")
WAIT = 180.0


class Nodes:
    """Two servers, `one` and `two`, and the server of their database."""

    def __init__(self, directory: Path, stack: ExitStack, start: Start) -> None:
        self.cluster = Cluster()
        stack.callback(self.cluster.remove)
        self.cluster.ask("CREATE DATABASE shared TEMPLATE template0")
        self.url = self.cluster.url("shared")
        file = directory / "url"
        file.write_text(self.url + "\n")
        self.environ = {**cli_environ(), "KANSATSU_DATABASE_URL": f"file:{file}", **OF_BACKEND}
        self.directory = directory
        self.one = stack.enter_context(start(directory / "one", *FLAGS, environ=self.environ))
        self.copy_key("two")
        self.two = stack.enter_context(start(directory / "two", *FLAGS, environ=self.environ))

    def copy_key(self, name: str) -> Path:
        made = self.directory / name
        made.mkdir(mode=0o700)
        (made / "master.key").write_bytes((self.directory / "one" / "master.key").read_bytes())
        (made / "master.key").chmod(0o600)
        return made

    def up(self, name: str, *flags: str, **environ: str) -> str:
        """What a start says that must fail."""
        command = ["up", "--data-dir", str(self.directory / name), "--listen", "127.0.0.1:0", *FLAGS, *flags]
        ended = subprocess.run(
            [sys.executable, "-m", "kansatsu.cli", *command],
            env=self.environ | environ,
            check=False,
            capture_output=True,
            text=True,
            timeout=WAIT,
        )
        assert ended.returncode == 1, ended
        return " ".join(ended.stderr.split())


OF_BACKEND = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x"}


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, start_server: Start) -> Iterator[Nodes]:
    with ExitStack() as stack:
        yield Nodes(tmp_path_factory.mktemp("n"), stack, start_server)


def keys_of(server: Server, name: str) -> dict[str, str]:
    """A new user with a key, made through this node."""
    iam = server.client("iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def code(call: Callable[..., Any], **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


def test_a_write_on_one_counts_for_the_next_request_on_the_other(nodes: Nodes) -> None:
    keys = keys_of(nodes.one, "alice")
    here, there = nodes.one.client("iam"), nodes.two.client("iam")
    asking = nodes.two.client("iam", **keys)
    for number in range(20):
        assert code(asking.list_users) == "AccessDenied"
        policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}}
        here.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=json.dumps(policy))
        assert asking.list_users()["Users"]
        there.create_group(GroupName=f"g{number}")
        assert here.get_group(GroupName=f"g{number}")["Group"]["GroupName"] == f"g{number}"
        there.delete_user_policy(UserName="alice", PolicyName="p")


# INVARIANT: a node that slept through a revocation does not honour the key when it wakes up.
def test_a_paused_node_refuses_a_key_that_was_revoked_meanwhile(nodes: Nodes) -> None:
    keys = keys_of(nodes.one, "bob")
    sleeping = nodes.two.client("sts", **keys)
    assert sleeping.get_caller_identity()["Arn"].endswith("user/bob")
    nodes.two.process.send_signal(signal.SIGSTOP)
    try:
        nodes.one.client("iam").update_access_key(
            UserName="bob", AccessKeyId=keys["aws_access_key_id"], Status="Inactive"
        )
    finally:
        nodes.two.process.send_signal(signal.SIGCONT)
    assert code(sleeping.get_caller_identity) == "InvalidClientTokenId"


def test_sessions_of_one_are_accepted_by_the_other_over_rotations_until_they_are_revoked(nodes: Nodes) -> None:
    def session(server: Server) -> dict[str, str]:
        made = server.client("sts").get_session_token()["Credentials"]
        names = {
            "AccessKeyId": "access_key_id",
            "SecretAccessKey": "secret_access_key",
            "SessionToken": "session_token",
        }
        return {f"aws_{ours}": made[theirs] for theirs, ours in names.items()}

    before = [session(nodes.one), session(nodes.two)]
    store = open_store(nodes.copy_key("rotating"), SystemClock(), nodes.url)
    for revoke in (False, True):
        with store.write() as conn:
            keyring.rotate(conn, store.sealer.vault, store.clock.now(), revoke=revoke)
        for server in (nodes.one, nodes.two):
            for held in before:
                asking = server.client("sts", **held).get_caller_identity
                if revoke:
                    assert code(asking) == "InvalidClientTokenId"
                else:
                    assert asking()["Arn"].endswith("user/admin")
    store.close()


def test_last_use_on_either_node_is_known_to_both(nodes: Nodes) -> None:
    keys = keys_of(nodes.one, "carol")
    nodes.two.client("sts", **keys).get_caller_identity()
    limit = time.monotonic() + WAIT
    used: dict[str, Any] = {}
    while "LastUsedDate" not in used and time.monotonic() < limit:
        named = {"AccessKeyId": keys["aws_access_key_id"]}
        used = nodes.one.client("iam").get_access_key_last_used(**named)["AccessKeyLastUsed"]
    assert used["ServiceName"] == "sts"


# INVARIANT: no node takes its own record for all that was asked of the installation.
def test_what_was_asked_of_another_node_is_a_gap_that_is_named(nodes: Nodes) -> None:
    """`dora` uses SQS through the second node alone: the first one must not say that she does not."""
    keys = keys_of(nodes.one, "dora")
    statement = {"Effect": "Allow", "Action": ["sts:GetCallerIdentity", "iam:ListUsers"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    nodes.one.client("iam").put_user_policy(UserName="dora", PolicyName="p", PolicyDocument=policy)
    nodes.two.client("iam", **keys).list_users()
    nodes.one.client("sts", **keys).get_caller_identity()
    arn = nodes.one.client("iam").get_user(UserName="dora")["User"]["Arn"]

    def asked(server: Server, *command: str) -> Any:
        return kansatsu(nodes.environ | {"KANSATSU_DATA_DIR": str(server.data_dir)}, "policy", *command)

    assert asked(nodes.two, "suggest", arn).returncode == 0  # it has what it served in the database from then on
    name = (nodes.two.data_dir / "node").read_text().strip()
    for command in (("suggest", arn), ("replay", arn, "--suggested")):
        said = asked(nodes.one, *command)
        assert f"recorded on another node, node {name}" in said.stdout + said.stderr
    refused = asked(nodes.one, "commit", arn, "--suggested")
    assert refused.returncode == 1 and f"recorded on another node in node {name}" in " ".join(refused.stderr.split())
    assert nodes.two.client("iam", **keys).list_users()["Users"]


def test_a_start_that_cannot_work_says_why_and_no_password(nodes: Nodes) -> None:
    secret = "s3cret-and-no-other"
    url = f"postgresql://nobody:{secret}@/shared?host={nodes.cluster.directory}"
    said = nodes.up("elsewhere", KANSATSU_DATABASE_URL=url)
    assert "cannot be used" in said and 'role "nobody" does not exist' in said
    assert secret not in said + (nodes.directory / "elsewhere" / "kansatsu.log").read_text()
    assert "test-mode empties" in nodes.up("testing", "--test-mode")


def test_sixty_four_writers_on_two_nodes(nodes: Nodes) -> None:
    outcome = hammer([once(nodes.one), once(nodes.two)])
    assert (outcome.refused, outcome.lost) == ([], [])
    assert outcome.acknowledged == 64 * 2


@pytest.mark.parametrize("quota", QUOTAS)
def test_attack_one_more_than_a_quota_through_two_nodes(nodes: Nodes, quota: str) -> None:
    codes = over_quota([once(nodes.one), once(nodes.two)], quota)
    assert codes == ["", *["LimitExceeded"] * 7]


@pytest.mark.parametrize("pair", PAIRS)
def test_attack_what_one_node_deletes_while_the_other_uses_it(nodes: Nodes, pair: str) -> None:
    found = rounds([once(nodes.one), once(nodes.two)], pair)
    assert one_alone(found), found


def test_status_and_doctor_tell_of_the_database(nodes: Nodes) -> None:
    environ = nodes.environ | {"KANSATSU_DATA_DIR": str(nodes.one.data_dir)}
    (status,) = json.loads(kansatsu(environ, "status", "-o", "json").stdout)
    assert status["database"] == f"shared on {nodes.cluster.directory}: ready"
    rows = {row["check"]: row for row in json.loads(kansatsu(environ, "doctor", "-o", "json").stdout)}
    assert rows["database"]["detail"] == f"shared on {nodes.cluster.directory}: schema {HEAD}, up to date"
    secret = "s3cret-and-no-other"
    wrong = {"KANSATSU_DATABASE_URL": f"postgresql://nobody:{secret}@/shared?host={nodes.cluster.directory}"}
    found = kansatsu(environ | wrong, "doctor", "-o", "json")
    row = next(row for row in json.loads(found.stdout) if row["check"] == "database")
    assert (found.returncode, row["state"], row["needed"]) == (1, "missing", "to start")
    assert 'role "nobody" does not exist' in row["detail"] and secret not in found.stdout + found.stderr


# INVARIANT: a node decides nothing without its database, and what needs none is answered meanwhile.
def test_a_database_that_stands_still_refuses_requests_and_holds_nobody(nodes: Nodes) -> None:
    iam = once(nodes.two)
    assert iam.list_users()["Users"]
    with nodes.cluster.paused():
        with pytest.raises(ClientError) as caught:
            iam.list_users()
        answer = caught.value.response
        assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("ServiceUnavailable", 503)
        status, said = daemon.ask_health(nodes.two.endpoint, WAIT)
        assert status == 200
        assert said["database"]["state"] == "away" and "not answered within 2 seconds" in said["database"]["why"]
    limit = time.monotonic() + WAIT
    while time.monotonic() < limit:
        with contextlib.suppress(ClientError):
            assert iam.list_users()["Users"]
            break
    assert daemon.ask_health(nodes.two.endpoint, WAIT)[1]["database"]["state"] == "ready"


def test_a_lost_node_and_a_restarted_database_lose_nothing(nodes: Nodes) -> None:
    names = [f"lost{number}" for number in range(10)]
    for name in names:
        nodes.one.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    nodes.one.process.kill()
    iam = nodes.two.client("iam")
    assert {role["RoleName"] for role in iam.list_roles()["Roles"]} >= set(names)
    nodes.cluster.stop()
    assert code(iam.get_user) == "ServiceUnavailable"
    nodes.cluster.start()
    limit = time.monotonic() + WAIT
    found = None
    while found is None and time.monotonic() < limit:
        with contextlib.suppress(iam.exceptions.ClientError):  # boto3 tries again by itself, for seconds
            found = iam.get_role(RoleName=names[0])["Role"]["RoleName"]
    assert found == names[0]
    iam.create_role(RoleName="afterwards", AssumeRolePolicyDocument=TRUST)


TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    }
)
