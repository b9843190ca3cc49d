"""What is written down of a request, byte for byte: recorded.jsonl has it as the code wrote it before it became fast.

Who changes what a record says changes that file with it, on purpose: `python -m tests.gateway.test_recorded`.
"""

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from unittest import mock

import msgspec
import pytest

from kansatsu import wire
from kansatsu.advisor.events import bounded, encode, encoded
from kansatsu.catalog import Authorization
from kansatsu.clock import SystemClock
from kansatsu.errors import AccessDenied, AwsError
from kansatsu.gateway import evidence
from kansatsu.gateway.authentication import Identity
from kansatsu.gateway.exchange import Exchange
from kansatsu.gateway.observing import Passed
from kansatsu.http import HttpRequest
from kansatsu.identity import EntityRecord, Secret, Session, Snapshot, open_store
from kansatsu.policy import Decision, Policies, Policy, PolicySet, PolicyType, Principal, Request, Source, parse
from kansatsu.resources import Guard
from kansatsu.services.registry import Caller, Step

RECORDED = Path(__file__).with_name("recorded.jsonl")
ACCOUNT = "123456789012"
NOW = datetime(2026, 11, 27, 4, 50, 2, 125000, UTC)
USER = Caller(ACCOUNT, "user", "AIDAEXAMPLE", "ada", f"arn:aws:iam::{ACCOUNT}:user/ada", "AKIAEXAMPLE")
BUCKET = "arn:aws:s3:::plans"
_TEXT = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"%s}}'


def session(**more: Any) -> Session:
    made = datetime(2026, 11, 27, 4, 0, tzinfo=UTC)
    role = Session("ASIAEXAMPLE", Secret("s"), ACCOUNT, "AROAEXAMPLE", "ops", "role", "ada", made, made)
    return replace(role, **more)


def of_role(caller_session: Session) -> Identity:
    entity = EntityRecord(
        "AROAEXAMPLE", ACCOUNT, "role", "ops", "/", f"arn:aws:iam::{ACCOUNT}:role/ops", 0.0, {}, None, None, 3600
    )
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/ada"
    caller = Caller(ACCOUNT, "role", "AROAEXAMPLE", "ops", arn, "ASIAEXAMPLE", caller_session)
    return Identity(caller, entity, Principal(ACCOUNT, entity.arn, "role"), {})


def identity(caller: Caller = USER) -> Identity:
    return Identity(caller, None, Principal(caller.account, caller.arn, caller.kind), {})


def guard(account: str = ACCOUNT, **more: Any) -> Guard:
    text = _TEXT % ',"Principal":"*"'
    policy = Policy(parse(text, PolicyType.RESOURCE), Source(PolicyType.RESOURCE, BUCKET))
    return Guard(account, policy=policy, **more)


def exchange(
    name: str, *items: Authorization, secure: bool = False, agent: str = "aws-cli/2", **known: Any
) -> Exchange:
    service, _, operation = name.partition(".")
    request = HttpRequest("POST", "/", "", {"user-agent": agent, "host": "iam.example:4566"} if agent else {}, b"")
    made = Exchange(request, cast("Any", None), "203.0.113.7", secure, NOW, "request-1")
    made.operation = wire.load_service(service).operation(operation)
    made.identity, made.region, made.authorizations, made.authorized = identity(), "us-east-1", items, True
    made.context = {"aws:username": "ada", "aws:tagkeys": ("a", "b")}
    for key, value in known.items():
        setattr(made, key, value)
    return made


def item(action: str, resource: str = "*", **more: Any) -> Authorization:
    return Authorization(action, resource, **more)


def delivered() -> list[Decision]:
    owner = Principal(ACCOUNT, "s3.amazonaws.com", "service")
    role = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/ops", "role", "AROAEXAMPLE:s3")
    asked = [
        Request(owner, "sqs:SendMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:in", {}),
        Request(role, "lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f", {}),
    ]
    by = (None, PolicyType.IDENTITY)
    return [Decision(one, Policies(PolicySet()), not why, False, why) for one, why in zip(asked, by, strict=True)]


DENIED = AccessDenied("Access Denied")
KEYS = tuple(item("s3:DeleteObject", f"{BUCKET}/{key}") for key in "abc")
PASS = item("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/ops", context={"iam:passedtoservice": "ec2.amazonaws.com"})
CREATED = {"User": {"UserName": "eve", "CreateDate": NOW, "Path": "/"}}
STEP = Step(
    "iam", "TagUser", {"UserName": "eve", "Tags": [{"Key": "a", "Value": "b"}]}, (item("iam:TagUser", USER.arn),)
)
CASES: dict[str, tuple[Exchange, AwsError | None]] = {
    "who am I": (exchange("sts.GetCallerIdentity", item("sts:GetCallerIdentity"), result={"Account": ACCOUNT}), None),
    "reads ours": (exchange("iam.GetUser", item("iam:GetUser", USER.arn), result=CREATED), None),
    "changes ours": (
        exchange("iam.CreateUser", item("iam:CreateUser", USER.arn), params={"UserName": "eve"}, result=CREATED),
        None,
    ),
    "nothing was resolved": (exchange("iam.ListUsers", authorized=False), AwsError("Slow down", code="Throttling")),
    "denied": (exchange("iam.ListUsers", item("iam:ListUsers"), authorized=False), DENIED),
    "a trust policy refused": (exchange("sts.AssumeRole", item("sts:AssumeRole", USER.arn)), DENIED),
    "failed": (exchange("iam.GetUser", item("iam:GetUser", USER.arn)), AwsError("None.", code="NoSuchEntity")),
    "an anonymous one": (
        exchange(
            "s3.GetObject",
            item("s3:GetObject", f"{BUCKET}/key"),
            identity=identity(Caller("", "anonymous", "", "", "", "")),
            guards=(guard("210987654321"),),
        ),
        None,
    ),
    "a session with everything": (
        exchange(
            "ec2.RunInstances",
            item("ec2:RunInstances", f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/*"),
            PASS,
            identity=of_role(
                session(
                    policy=_TEXT % "",
                    policy_arns=("arn:aws:iam::aws:policy/ReadOnlyAccess",),
                    source_identity="ada",
                    mfa=NOW,
                    chain_depth=2,
                    source={"instance": "i-1", "delivery": "2.0", "learning": "handle"},
                    scoped=(_TEXT % ',"Sid":"A"', _TEXT % ',"Sid":"B"'),
                )
            ),
            params={"UserData": "secret", "ImageId": "ami-1"},
        ),
        None,
    ),
    "a plain session": (exchange("s3.ListBuckets", item("s3:ListAllMyBuckets"), identity=of_role(session())), None),
    "secrets": (
        exchange(
            "iam.CreateAccessKey",
            item("iam:CreateAccessKey", USER.arn),
            params={"UserName": "ada"},
            result={"AccessKey": {"UserName": "ada", "AccessKeyId": "AKIANEW", "SecretAccessKey": "s3cr3t"}},
        ),
        None,
    ),
    "over TLS": (exchange("iam.ListUsers", item("iam:ListUsers"), secure=True), None),
    "without an agent": (exchange("iam.ListUsers", item("iam:ListUsers"), agent=""), None),
    "inexact": (exchange("sqs.ListQueues", item("sqs:ListQueues", exact=False)), None),
    "long texts": (exchange("s3.GetObject", item("s3:GetObject", f"{BUCKET}/{'k' * 5000}"), agent="a" * 5000), None),
    "a record too long": (
        exchange("iam.CreateUser", item("iam:CreateUser", USER.arn), params={"UserName": "u" * 300_000}),
        None,
    ),
    "half a surrogate": (
        exchange("iam.CreateUser", item("iam:CreateUser", USER.arn), params={"UserName": "\ud800"}),
        None,
    ),
    "guarded": (
        exchange(
            "s3.CopyObject",
            item("s3:PutObject", f"{BUCKET}/to", context={"s3:objectcreationoperation": "true"}),
            item("s3:GetObject", f"{BUCKET}/from"),
            guards=(guard(), guard("210987654321", own_only=True)),
        ),
        None,
    ),
    "observed": (
        exchange(
            "s3.CopyObject",
            item("s3:PutObject", f"{BUCKET}/to"),
            item("s3:GetObject", f"{BUCKET}/from"),
            passed={1: Passed(item("s3:GetObject", f"{BUCKET}/from"), "implicitly denied", str)},
        ),
        None,
    ),
    "delivering": (exchange("s3.PutObject", item("s3:PutObject", f"{BUCKET}/k"), delivering=delivered()), None),
    "steps that were made": (
        exchange("iam.CreateUser", item("iam:CreateUser", USER.arn), result=CREATED, steps=(replace(STEP, made=True),)),
        None,
    ),
    "a step that was denied": (
        exchange("iam.CreateUser", item("iam:CreateUser", USER.arn), steps=(STEP,), authorized=False),
        AccessDenied("no"),
    ),
    "some keys refused": (
        exchange("s3.DeleteObjects", *KEYS, guards=(guard(), guard(), guard()), refused={1: DENIED}),
        None,
    ),
    "all keys refused": (
        exchange("s3.DeleteObjects", *KEYS[:1], guards=(guard(),), refused={0: DENIED}),
        None,
    ),
}


def written(name: str, snapshot: Snapshot) -> dict[str, Any]:
    """A copy is told of, since some of it is changed by that."""
    told, error = CASES[name]
    told = replace(told, snapshot=snapshot)
    ids = (f"part-{number}" for number in itertools.count(1))
    with mock.patch.object(evidence, "new_id", side_effect=ids):
        events, records, texts = evidence.told(told, error)
    apart = b"".join(map(bounded, records)) + b"".join(map(encode, events))
    assert encoded(events, records) == apart
    return {"case": name, "texts": texts, "lines": apart.decode().splitlines()}


def recorded() -> dict[str, Any]:
    return {line["case"]: line for line in map(msgspec.json.decode, RECORDED.read_bytes().splitlines())}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Any:
    store = open_store(tmp_path_factory.mktemp("store"), SystemClock())
    yield store.snapshot()
    store.close()


@pytest.mark.parametrize("name", CASES)
def test_what_is_written_of_a_request_is_what_was_written_of_it_before(name: str, snapshot: Snapshot) -> None:
    assert written(name, snapshot) == recorded()[name]


def test_the_file_has_no_other_cases() -> None:
    assert list(recorded()) == list(CASES)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        opened = open_store(Path(directory), SystemClock())
        lines = [msgspec.json.encode(written(name, opened.snapshot())) for name in CASES]
        RECORDED.write_bytes(b"\n".join(lines) + b"\n")
        opened.close()
