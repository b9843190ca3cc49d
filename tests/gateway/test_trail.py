"""LookupEvents over what was really asked, and no secret in anything that is written down of a request."""

import gzip
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu import wire
from kansatsu.catalog import redaction
from kansatsu.cli import trails
from kansatsu.cli.settings import load
from kansatsu.errors import AwsError
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.wire import Shape

from .conftest import ACCOUNT, Gateway
from .raw import Keys, statement


def found(gateway: Gateway, keys: Keys | None = None, **asked: Any) -> list[dict[str, Any]]:
    pages = gateway.client("cloudtrail", keys).get_paginator("lookup_events").paginate(**asked)
    return [event for page in pages for event in page["Events"]]


def by(key: str, value: str) -> dict[str, Any]:
    return {"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]}


def around(moment: datetime) -> dict[str, Any]:
    return {"StartTime": moment - timedelta(seconds=1), "EndTime": moment + timedelta(seconds=1)}


@pytest.fixture(scope="module")
def ana(gateway: Gateway) -> Keys:
    """She reads and writes management and data, and is refused one thing."""
    keys = gateway.user(statement("Allow", ["iam:*User", "s3:*"]))
    iam, s3 = gateway.client("iam", keys), gateway.client("s3", keys)
    iam.get_user(UserName=keys.name)
    iam.create_user(UserName=keys.name + "-made")
    bucket = gateway.name("trail")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="x", Body=b"contents")
    with pytest.raises(ClientError):
        iam.list_roles()
    return keys


MINE = ["ListRoles", "CreateBucket", "CreateUser", "GetUser"]  # the newest first; PutObject is a data event


def test_a_call_is_found_by_every_attribute(gateway: Gateway, ana: Keys) -> None:
    mine = found(gateway, **by("AccessKeyId", ana.id))
    assert [event["EventName"] for event in mine] == MINE
    made = mine[2]
    told = json.loads(made["CloudTrailEvent"])
    assert told["requestParameters"] == {"userName": ana.name + "-made"}
    assert told["responseElements"]["user"]["userName"] == ana.name + "-made"
    assert (made["ReadOnly"], made["Username"], made["EventSource"]) == ("false", ana.name, "iam.amazonaws.com")
    assert made["Resources"] == [{"ResourceType": "AWS::IAM::User", "ResourceName": ana.name + "-made"}]
    assert told["eventID"] == made["EventId"]
    refused = json.loads(mine[0]["CloudTrailEvent"])
    assert (refused["errorCode"], refused["responseElements"]) == ("AccessDenied", None)
    for key, value in {
        "EventId": made["EventId"],
        "EventName": "CreateUser",
        "ReadOnly": "false",
        "Username": ana.name,
        "ResourceType": "AWS::IAM::User",
        "ResourceName": ana.name + "-made",
        "EventSource": "iam.amazonaws.com",
        "AccessKeyId": ana.id,
    }.items():
        # Of that second: others who share the gateway have made thousands of the same kind.
        ids = [event["EventId"] for event in found(gateway, **around(made["EventTime"]), **by(key, value))]
        assert made["EventId"] in ids, key
        assert len(ids) == len(set(ids)), key
    assert [event["EventName"] for event in found(gateway, **by("Username", ana.name))] == MINE


def test_a_session_is_found_by_its_name_and_says_whose_it_is(gateway: Gateway) -> None:
    role = gateway.role(statement("Allow", "iam:GetRole"), Path="/svc/")
    name = gateway.name("night")
    session = gateway.assume(role, RoleSessionName=name)
    gateway.client("iam", session).get_role(RoleName=role["RoleName"])
    [event] = found(gateway, **by("Username", name))
    identity = json.loads(event["CloudTrailEvent"])["userIdentity"]
    assert identity["principalId"] == f"{role['RoleId']}:{name}"
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == role["Arn"]
    [assumed] = [e for e in found(gateway, **by("ResourceName", role["Arn"])) if e["EventName"] == "AssumeRole"]
    told = json.loads(assumed["CloudTrailEvent"])
    assert told["requestParameters"] == {"roleArn": role["Arn"], "roleSessionName": name}
    assert told["responseElements"]["credentials"]["accessKeyId"] == session.id


def test_pages_and_times(gateway: Gateway, ana: Keys) -> None:
    client, mine = gateway.client("cloudtrail"), by("AccessKeyId", ana.id)
    names, token = [], None
    while True:
        page = client.lookup_events(MaxResults=1, **mine, **({"NextToken": token} if token else {}))
        names += [event["EventName"] for event in page["Events"]]
        token = page.get("NextToken")
        if token is None:
            break
        last = token
    assert names == MINE
    with pytest.raises(ClientError, match="InvalidNextToken"):
        client.lookup_events(NextToken=last, **by("AccessKeyId", gateway.admin.id))
    with pytest.raises(ClientError, match="InvalidNextToken"):
        client.lookup_events(NextToken="made-up", **mine)
    now = datetime.now(UTC)
    assert found(gateway, StartTime=now + timedelta(hours=1), **mine) == []
    assert found(gateway, EndTime=now - timedelta(hours=1), **mine) == []
    assert len(found(gateway, StartTime=now - timedelta(hours=1), EndTime=now, **mine)) == len(MINE)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"StartTime": datetime(2026, 2, 1), "EndTime": datetime(2026, 1, 1)}, "InvalidTimeRange"),
    ({"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "a"}] * 2}, "InvalidLookupAttributes"),
    ({"MaxResults": 51}, "ValidationException|InvalidMaxResults"),
]


@pytest.mark.parametrize(("asked", "code"), BAD, ids=[code for _, code in BAD])
def test_bad_input_has_awss_errors(gateway: Gateway, asked: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError, match=code):
        gateway.client("cloudtrail").lookup_events(**asked)


def test_another_region_and_another_account_see_nothing(gateway: Gateway, ana: Keys) -> None:
    """INVARIANT: nobody looks up events of another account."""
    stranger = gateway.stranger
    assert found(gateway, stranger, **by("AccessKeyId", ana.id)) == []
    assert ana.name not in str(found(gateway, stranger))
    elsewhere = gateway.client("cloudtrail", region_name="eu-west-1")
    assert elsewhere.lookup_events(**by("AccessKeyId", ana.id))["Events"] == []


def test_a_call_is_visible_within_a_second(gateway: Gateway) -> None:
    keys = gateway.user(statement("Allow", "iam:ListUsers"))
    gateway.client("iam", keys).list_users()
    began = time.monotonic()
    assert [event["EventName"] for event in found(gateway, **by("AccessKeyId", keys.id))] == ["ListUsers"]
    assert time.monotonic() - began < 30  # of patience; it is there at once, for the evidence is what is read


def test_no_trail_is_made_up(gateway: Gateway) -> None:
    with pytest.raises(ClientError, match="NotImplemented"):
        gateway.client("cloudtrail").describe_trails()


# ---- the bucket -----------------------------------------------------------------------------------------------------


def test_a_bucket_that_is_gone_or_refuses_gets_all_of_the_trail_later(
    gateway: Gateway, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """INVARIANT: nothing is lost while a bucket takes nothing, and nothing is there twice when it does again."""
    bucket, s3, refusing = gateway.name("logs"), gateway.client("s3"), [False]
    flags = {"trail": [f"s3://{bucket}/audit", "files"], "data-dir": [str(tmp_path)]}
    forwarder = Forwarder({}, gateway.backend, ACCOUNT)

    async def ask(*asked: Any) -> Any:
        if refusing[0]:  # as a backend with policies of its own
            raise AwsError("Access Denied", code="AccessDenied", status=403)
        return await forwarder.ask(*asked)

    async def made() -> Any:
        return trails.opened(load(flags, environ={}).settings, gateway.recorder, gateway.clock, ACCOUNT, ask)

    def kept() -> list[str]:
        """The requests that are in the bucket."""
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"audit/AWSLogs/{ACCOUNT}/")
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        bodies = (s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys)
        records = [event for body in bodies for event in json.loads(gzip.decompress(body))["Records"]]
        return [event["requestID"] for event in records if "requestID" in event]  # a ConsoleLogin has none

    def asks() -> str:
        return str(gateway.iam.list_users(MaxItems=1)["ResponseMetadata"]["RequestId"])

    trail, first = gateway.run(made()), asks()
    with pytest.raises(OSError, match=f"s3://{bucket}/audit took no file of the trail: NoSuchBucket"):
        trail.deliver()
    s3.create_bucket(Bucket=bucket)
    trail.deliver()
    assert kept().count(first) == 1
    refusing[0], second = True, asks()
    for _ in range(2):
        trail._attempt()
    assert [line.message for line in caplog.records if "cannot be delivered" in line.message] == [
        f"the trail cannot be delivered, which is tried again: s3://{bucket}/audit took no file of the trail: "
        "AccessDenied: Access Denied"
    ]
    refusing[0], third = False, asks()
    caplog.set_level("INFO")
    trail.close()
    assert "nothing of it is missing" in caplog.text
    there = kept()
    assert [there.count(one) for one in (first, second, third)] == [1, 1, 1]
    files = [json.loads(gzip.decompress(path.read_bytes())) for path in (tmp_path / "trail").rglob("*.json.gz")]
    mine = [event for file in files for event in file["Records"] if event["recipientAccountId"] == ACCOUNT]
    here = [event["requestID"] for event in mine if "requestID" in event]
    assert sorted(here) == sorted(set(here))
    assert set(there) >= set(here)


# ---- secrets --------------------------------------------------------------------------------------------------------

CANARY = "canary-9f2c"


def everywhere(shape: Shape, above: tuple[str, ...] = ()) -> Any:
    """A value with a canary at everything that is secret by the model, or contents."""
    if shape.get("sensitive") or shape.type == "blob":
        return CANARY
    if shape.name in above:
        return None
    inside = (*above, shape.name)
    if shape.type == "structure":
        return {name: everywhere(member, inside) for name, member in shape.members}
    if shape.type == "list":
        return [everywhere(shape.member, inside)]
    return {"k": everywhere(shape.value, inside)} if shape.type == "map" else "plain"


SERVED = ("iam", "sts", "ec2", "ecs", "kansatsu", "s3", "kms", "ssm", "secretsmanager", "lambda", "sqs", "rds")


@pytest.mark.parametrize("service", SERVED)
def test_nothing_that_a_model_marks_as_sensitive_is_kept(service: str) -> None:
    """INVARIANT: of all operations, parameters and results."""
    planted = 0
    for name in wire.load_service(service).operation_names:
        operation = wire.load_service(service).operation(name)
        sides = ((operation.input, redaction.of_params), (operation.output, redaction.of_result))
        for shape, redactor in sides:
            value = everywhere(shape) if shape is not None else {}
            hides = redactor(operation)
            planted += CANARY in str(value)
            assert CANARY not in str(hides(value) if hides else value), (service, name)
    assert planted or service in ("ec2", "sqs", "kansatsu")


def test_no_secret_and_no_contents_reach_the_evidence(gateway: Gateway) -> None:
    """INVARIANT: what stands in segment files opens nothing: neither keys, passwords and tokens, nor data."""
    iam, user, bucket = gateway.iam, gateway.name("keeper"), gateway.bucket()
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    session = gateway.assume(gateway.role(statement("Allow", "*")))
    gateway.client("s3").put_object(Bucket=bucket, Key="x", Body=(CANARY * 10).encode())
    gateway.client("secretsmanager").create_secret(Name=gateway.name("s"), SecretString=CANARY)
    gateway.client("ssm").put_parameter(Name=gateway.name("p"), Value=CANARY, Type="SecureString")
    queue = gateway.client("sqs").create_queue(QueueName=gateway.name("q"))["QueueUrl"]
    gateway.client("sqs").send_message(QueueUrl=queue, MessageBody=CANARY)
    text = "".join(path.read_text() for path in gateway.recorder.directory.glob("*.jsonl"))
    for secret in (CANARY, key["SecretAccessKey"], gateway.admin.secret, session.secret, session.token):
        assert secret not in text
    assert key["AccessKeyId"] in text  # it is there, but for the secrets
