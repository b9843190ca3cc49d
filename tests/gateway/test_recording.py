"""Every call leaves its evidence before its answer goes out, and what cannot be recorded is not answered."""

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.advisor.events import Gap, decode

from . import raw
from .asks import IAM, SPOKEN
from .conftest import ACCOUNT, Gateway, started
from .raw import REGION, Ask, Keys, statement

SOON = 1.0  # seconds within which last use must be true
Evidence = tuple[str, str, bool]  # action, resource, exact


@pytest.fixture(scope="module", name="gateway")
def own_gateway() -> Iterator[Gateway]:
    """One of this module's own: the gaps that it makes in the evidence stay, and no change is committed over such."""
    with started() as made:
        yield made


def evidence(gateway: Gateway, keys: Keys) -> list[Evidence]:
    """What was recorded of these credentials, the oldest first."""
    return [(f"{e.service}:{e.action}", e.resource, e.exact) for e in reversed(gateway.events(keys))]


def key_schema() -> dict[str, Any]:
    return {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }


CALLS: list[tuple[str, Callable[[Any, str], Any], list[Evidence]]] = [
    ("s3", lambda c, n: c.create_bucket(Bucket=n), [("s3:CreateBucket", "arn:aws:s3:::{n}", True)]),
    ("s3", lambda c, n: c.put_object(Bucket=n, Key="a/b", Body=b"x"), [("s3:PutObject", "arn:aws:s3:::{n}/a/b", True)]),
    ("s3", lambda c, n: c.head_object(Bucket=n, Key="a/b"), [("s3:GetObject", "arn:aws:s3:::{n}/a/b", True)]),
    ("s3", lambda c, n: c.list_objects_v2(Bucket=n), [("s3:ListBucket", "arn:aws:s3:::{n}", True)]),
    (
        "s3",
        lambda c, n: c.delete_objects(Bucket=n, Delete={"Objects": [{"Key": "a/b"}, {"Key": "c"}]}),
        [("s3:DeleteObject", "arn:aws:s3:::{n}/a/b", True), ("s3:DeleteObject", "arn:aws:s3:::{n}/c", True)],
    ),
    ("s3", lambda c, n: c.list_buckets(), [("s3:ListAllMyBuckets", "*", True)]),
    (
        "dynamodb",
        lambda c, n: c.create_table(TableName=n, **key_schema()),
        [("dynamodb:CreateTable", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{{n}}", True)],
    ),
    (
        "dynamodb",
        lambda c, n: c.put_item(TableName=n, Item={"id": {"S": "1"}}),
        [("dynamodb:PutItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{{n}}", True)],
    ),
    ("iam", lambda c, n: c.create_user(UserName=n), [("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/{{n}}", True)]),
    ("iam", lambda c, n: c.get_user(UserName=n), [("iam:GetUser", f"arn:aws:iam::{ACCOUNT}:user/{{n}}", True)]),
    ("sts", lambda c, n: c.get_caller_identity(), [("sts:GetCallerIdentity", "*", True)]),
    ("ec2", lambda c, n: c.describe_vpcs(), [("ec2:DescribeVpcs", "*", True)]),
    ("lambda", lambda c, n: c.list_functions(), [("lambda:ListFunctions", "*", True)]),
    ("sqs", lambda c, n: c.list_queues(), [("sqs:ListQueues", "*", True)]),
]


def test_each_call_leaves_its_evidence(gateway: Gateway) -> None:
    keys = gateway.user(statement("Allow", "*"))
    name = gateway.name("recorded")
    clients = {service: gateway.client(service, keys) for service in {service for service, _, _ in CALLS}}
    expected: list[Evidence] = []
    for service, call, left in CALLS:
        call(clients[service], name)
        # INVARIANT: it is written when the answer is there, not a moment later.
        expected += [(action, resource.format(n=name), exact) for action, resource, exact in left]
        assert sorted(evidence(gateway, keys)) == sorted(expected), service
    events = gateway.events(keys)
    user = gateway.iam.get_user(UserName=keys.name)["User"]
    assert {event.principal_id for event in events} == {user["UserId"]}
    assert {event.principal_arn for event in events} == {user["Arn"]}
    assert {(event.account, event.region, event.source_ip) for event in events} == {(ACCOUNT, REGION, "127.0.0.1")}
    assert {(event.allowed, event.error) for event in events} == {(True, "")}
    assert all("Boto3" in event.user_agent for event in events)


def test_a_session_is_recorded_as_what_it_is(gateway: Gateway) -> None:
    role = gateway.role(statement("Allow", "iam:*"), Path="/svc/")
    session = gateway.assume(role)
    assert gateway.ask(IAM, session, "iam").status == 200
    [event] = gateway.events(session)
    assert event.principal_id == role["RoleId"]
    assert event.principal_arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role['RoleName']}/session"


def test_what_is_refused_or_fails_is_recorded_as_such(gateway: Gateway) -> None:
    keys = gateway.user(statement("Allow", ["iam:GetUser", "ecs:UpdateTaskProtection", "s3:PutBucketPolicy"]))
    iam, s3, ecs = (gateway.client(name, keys) for name in ("iam", "s3", "ecs"))
    for attempt in (
        iam.list_users,
        lambda: iam.get_user(UserName="no-such-user"),
        lambda: s3.put_bucket_policy(Bucket="b-1", Policy="{}"),
        lambda: ecs.update_task_protection(cluster="c", tasks=["t"], protectionEnabled=True),
    ):
        with pytest.raises(ClientError):
            attempt()
    got = [(event.action, event.allowed, event.error) for event in reversed(gateway.events(keys))]
    assert got == [
        ("ListUsers", False, "AccessDenied"),
        ("GetUser", True, "NoSuchEntity"),
        ("PutBucketPolicy", True, "MalformedPolicy"),
        # Nobody asked a policy whether it is allowed.
        ("UpdateTaskProtection", False, "NotImplemented"),
    ]


def test_of_a_denied_call_the_part_that_was_denied_is_recorded(gateway: Gateway) -> None:
    bucket = gateway.bucket()
    keys = gateway.user(statement("Allow", "s3:PutObject", f"arn:aws:s3:::{bucket}/*"))
    with pytest.raises(ClientError):
        gateway.client("s3", keys).copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "from"})
    assert evidence(gateway, keys) == [("s3:GetObject", f"arn:aws:s3:::{bucket}/from", True)]


def test_who_may_not_pass_a_role_tried_the_service_all_the_same(gateway: Gateway) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html: attempts count."""
    keys, role = gateway.user(statement("Allow", "ecs:*")), gateway.role()
    container = {"name": "c", "image": "i"}
    with pytest.raises(ClientError, match="PassRole"):
        gateway.client("ecs", keys).register_task_definition(
            family="x", taskRoleArn=role["Arn"], containerDefinitions=[container]
        )
    got = [(f"{event.service}:{event.action}", event.allowed) for event in gateway.events(keys)]
    assert sorted(got) == [("ecs:RegisterTaskDefinition", False), ("iam:PassRole", False)]


def test_a_role_that_may_not_be_assumed_was_not_allowed(gateway: Gateway) -> None:
    keys = gateway.user(statement("Allow", "sts:*"))
    role = gateway.role(
        trust={"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        gateway.client("sts", keys).assume_role(RoleArn=role["Arn"], RoleSessionName="session")
    [event] = gateway.events(keys)
    assert (event.action, event.allowed, event.error) == ("AssumeRole", False, "AccessDenied")


# ---- last use -------------------------------------------------------------------------------------------------------


def test_last_use_is_true_within_a_second(gateway: Gateway) -> None:
    keys, role = gateway.user(statement("Allow", "*")), gateway.role(statement("Allow", "s3:*"))
    iam = gateway.iam
    assert iam.get_access_key_last_used(AccessKeyId=keys.id)["AccessKeyLastUsed"]["ServiceName"] == "N/A"
    assert iam.get_role(RoleName=role["RoleName"])["Role"]["RoleLastUsed"] == {}
    before = int(time.time())
    gateway.client("sqs", keys).list_queues()
    gateway.client("s3", gateway.assume(role)).list_buckets()
    used = iam.get_access_key_last_used(AccessKeyId=keys.id)
    assert used["UserName"] == keys.name
    assert (used["AccessKeyLastUsed"]["ServiceName"], used["AccessKeyLastUsed"]["Region"]) == ("sqs", REGION)
    last = iam.get_role(RoleName=role["RoleName"])["Role"]["RoleLastUsed"]
    assert last["Region"] == REGION
    for moment in (used["AccessKeyLastUsed"]["LastUsedDate"], last["LastUsedDate"]):
        assert before <= moment.timestamp() <= time.time() + SOON


def test_who_is_not_authentic_has_not_used_the_key(gateway: Gateway) -> None:
    keys = gateway.user(statement("Allow", "*"))
    gateway.ask(IAM, Keys(keys.id, "wrong"), "iam")
    assert gateway.iam.get_access_key_last_used(AccessKeyId=keys.id)["AccessKeyLastUsed"]["ServiceName"] == "N/A"


def test_last_use_survives_kill_9(start_server: Callable[..., Any], data_dir: Path) -> None:
    with start_server(data_dir, "--engine", "none") as server:
        iam = server.client("iam")
        iam.create_user(UserName="ana")
        key = iam.create_access_key(UserName="ana")["AccessKey"]
        iam.attach_user_policy(UserName="ana", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        trust = {"Effect": "Allow", "Principal": {"AWS": server_account(iam)}, "Action": "sts:AssumeRole"}
        role = iam.create_role(RoleName="job", AssumeRolePolicyDocument=raw.document(trust))["Role"]
        ana = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        got = server.client("sts", **ana).assume_role(RoleArn=role["Arn"], RoleSessionName="session")["Credentials"]
        session = {
            "aws_access_key_id": got["AccessKeyId"],
            "aws_secret_access_key": got["SecretAccessKey"],
            "aws_session_token": got["SessionToken"],
        }
        with pytest.raises(ClientError, match="AccessDenied"):
            server.client("s3", **session).list_buckets()
        server.process.send_signal(signal.SIGKILL)  # at once: nothing was flushed by hand
        server.process.wait()
    with start_server(data_dir, "--engine", "none") as server:
        iam = server.client("iam")
        used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
        assert (used["UserName"], used["AccessKeyLastUsed"]["ServiceName"]) == ("ana", "sts")
        assert time.time() - iam.get_role(RoleName="job")["Role"]["RoleLastUsed"]["LastUsedDate"].timestamp() < 60
        # The session of before is as good as it was.
        assert server.client("sts", **session).get_caller_identity()["Arn"].endswith("assumed-role/job/session")


def server_account(iam: Any) -> str:
    return str(iam.get_user()["User"]["Arn"].split(":")[4])


# ---- evidence that cannot be written --------------------------------------------------------------------------------


@pytest.fixture
def full(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A disk on which no segment file can be written."""
    write = os.write

    def refusing(fd: int, data: bytes) -> int:
        # Not the files of denials: one that fails keeps the details of denials away for a minute, from other tests too.
        if Path(os.readlink(f"/proc/self/fd/{fd}")).parent.name == "events":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refusing)
        yield patch


@pytest.mark.parametrize("dialect", SPOKEN)
def test_what_cannot_be_recorded_is_not_answered(gateway: Gateway, full: pytest.MonkeyPatch, dialect: str) -> None:
    ask, service = SPOKEN[dialect]
    got = gateway.ask(ask, gateway.admin, service)
    assert (got.status, got.code) == (503, "ServiceUnavailable")
    assert got.message == "The access could not be recorded: No space left on device."
    # Who is nobody is refused as always: there is nothing to record.
    assert gateway.ask(ask, Keys("test", "test"), service).status in (400, 401, 403)
    full.undo()
    assert gateway.ask(ask, gateway.admin, service).status == 200


@pytest.fixture(scope="module")
def nobody(gateway: Gateway) -> Keys:
    return gateway.user()


def test_a_denial_that_cannot_be_recorded_says_nothing(
    gateway: Gateway, nobody: Keys, full: pytest.MonkeyPatch
) -> None:
    """Otherwise an attacker who fills the disk looks around unseen."""
    assert gateway.ask(IAM, nobody, "iam").status == 503
    full.undo()
    assert gateway.ask(IAM, nobody, "iam").status == 403


def test_what_was_lost_is_recorded_as_a_gap(gateway: Gateway, full: pytest.MonkeyPatch) -> None:
    ask = Ask("GET", "/")
    for _ in range(3):
        assert gateway.ask(ask, gateway.admin, "s3").status == 503
    full.undo()
    assert gateway.ask(ask, gateway.admin, "s3").status == 200
    [newest] = sorted((gateway.data_dir / "events").glob("*.jsonl"))[-1:]
    gaps = [record for record in map(decode, newest.read_bytes().splitlines()) if isinstance(record, Gap)]
    assert (gaps[-1].gap, gaps[-1].lost) == ("write failed", 3)
