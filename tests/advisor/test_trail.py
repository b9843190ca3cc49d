"""The trail: the shapes of AWS's documentation, and a delivery that loses and doubles nothing."""

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from called import ACCOUNT, NOW, OTHER, ROLE, record
from kansatsu.advisor import Asking, CallRecord, Directory, Trail, TrailSettings, trail
from kansatsu.advisor.calls import PolicyText
from kansatsu.advisor.events import AccessEvent, bounded, encode


def test_a_user_agent_stands_in_a_record_once() -> None:
    """A client chooses its length, and is to make evidence longer by that alone."""
    agent = "x" * 500
    for kept in (record(user_agent="", context={"aws:useragent": agent}), record(user_agent=agent)):
        assert encode(kept).count(agent.encode()) == 1
        assert trail.event(kept, ACCOUNT)["userAgent"] == agent
    short = bounded(record(user_agent="", context={"aws:useragent": agent, "aws:userid": "x" * 300_000}))
    assert len(short) < 10_000 and agent.encode() in short


def test_an_event_has_every_field() -> None:
    made = record(host="kansatsu.example")
    assert trail.event(made, ACCOUNT) == {
        "eventVersion": "1.11",
        "userIdentity": trail.user_identity(made, ACCOUNT),
        "eventTime": "2026-11-05T12:00:00Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "GetUser",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "127.0.0.1",
        "userAgent": "aws-cli/2",
        "requestParameters": {"userName": "ben"},
        "responseElements": None,
        "requestID": made.call,
        "eventID": trail.event_id(made, ACCOUNT),
        "readOnly": True,
        "resources": [
            {"ARN": f"arn:aws:iam::{ACCOUNT}:user/ben", "accountId": ACCOUNT, "type": "AWS::IAM::User"},
        ],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        "tlsDetails": {"clientProvidedHostHeader": "kansatsu.example"},
    }


def asked(action: str, *resources: str) -> dict[str, Any]:
    return {"asked": tuple(Asking(action, resource, True) for resource in resources)}


CALLED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {
            "service": "s3", "operation": "PutObject", "params": {"Bucket": "b", "Key": "a/b", "ContentType": "x"},
            "context": {"s3:authtype": "REST-HEADER"}, **asked("s3:PutObject", "arn:aws:s3:::b/a/b"),
        },
        {
            "eventName": "PutObject", "eventCategory": "Data", "managementEvent": False, "readOnly": False,
            "requestParameters": {"bucketName": "b", "key": "a/b", "contentType": "x"},
            "additionalEventData": {"SignatureVersion": "SigV4", "AuthenticationMethod": "AuthHeader"},
        },
    ),
    (
        {"service": "s3", "operation": "ListObjectsV2", **asked("s3:ListBucket", "arn:aws:s3:::b")},
        {"eventName": "ListObjects", "eventCategory": "Data", "readOnly": True},
    ),
    (
        {"service": "lambda", "operation": "CreateFunction", **asked("lambda:CreateFunction", "*")},
        {"eventName": "CreateFunction20150331", "eventSource": "lambda.amazonaws.com", "readOnly": False},
    ),
    (
        {
            "service": "ec2", "operation": "TerminateInstances", "params": {"InstanceIds": ["i-1"], "DryRun": False},
            "error": "UnauthorizedOperation", "message": "You are not authorized.", "allowed": False,
            **asked("ec2:TerminateInstances", "*"),
        },
        {
            "requestParameters": {"instancesSet": {"items": [{"instanceId": "i-1"}]}, "dryRun": False},
            "errorCode": "Client.UnauthorizedOperation", "errorMessage": "You are not authorized.",
        },
    ),
    (
        {
            "operation": "CreateAccessKey", "params": None, **asked("iam:CreateAccessKey", "*"),
            "result": {"AccessKey": {"AccessKeyId": "AKIAB", "SecretAccessKey": "HIDDEN_DUE_TO_SECURITY_REASONS"}},
        },
        {"requestParameters": None, "responseElements": {"accessKey": {"accessKeyId": "AKIAB"}}, "readOnly": False},
    ),
    (
        {"service": "cloudwatch", "operation": "PutMetricAlarm", **asked("cloudwatch:PutMetricAlarm", "*")},
        {"eventSource": "monitoring.amazonaws.com"},
    ),
    ({"service": "kms", "operation": "Decrypt", **asked("kms:Decrypt", "*")}, {"readOnly": True}),
    ({"service": "kansatsu", "operation": "ExplainRequest", **asked("kansatsu:Explain", "*")}, {"readOnly": True}),
    ({"service": "sts", "operation": "AssumeRole", **asked("sts:AssumeRole", ROLE)}, {"readOnly": True}),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "said"), CALLED, ids=[fields.get("operation") for fields, _ in CALLED])
def test_an_event_says_what_was_asked_as_its_service_says_it(fields: dict[str, Any], said: dict[str, Any]) -> None:
    found = trail.event(record(**fields), ACCOUNT)
    assert {key: found.get(key) for key in said} == said


def test_the_owner_of_what_was_reached_has_an_event_too_without_names() -> None:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html"""
    asks = (Asking("s3:GetObject", "arn:aws:s3:::theirs/x", True, OTHER),)
    made = record(service="s3", operation="GetObject", asked=asks)
    assert trail.accounts(made) == (ACCOUNT, OTHER)
    mine, theirs = (trail.event(made, account) for account in trail.accounts(made))
    # INVARIANT: what a principal of another account is called is not told.
    assert theirs["userIdentity"] == {"type": "AWSAccount", "principalId": "AIDAA", "accountId": ACCOUNT}
    assert mine["sharedEventID"] == theirs["sharedEventID"]
    assert mine["eventID"] != theirs["eventID"]
    assert theirs["recipientAccountId"] == OTHER
    assert trail.accounts(msgspec.structs.replace(made, allowed=False)) == (ACCOUNT,)


# ---- delivery -------------------------------------------------------------------------------------------------------


class Clock:
    def now(self) -> datetime:
        return datetime.fromtimestamp(NOW, UTC)


def segment(directory: Path, number: int, calls: Sequence[CallRecord]) -> None:
    """With what else is in segments."""
    event = AccessEvent(NOW, "x", ACCOUNT, "A", "a", "K", "iam", "GetUser", "*", "us-east-1", True, "", True, "", "")
    lines = [encode(event), encode(PolicyText("d", "{}")), *map(encode, calls)]
    (directory / f"w0-{number:012d}.jsonl").write_bytes(b"".join(lines))


def delivered(root: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted(root.glob("AWSLogs/*/CloudTrail/*/*/*/*/*.json.gz")):
        found += json.loads(gzip.decompress(path.read_bytes()))["Records"]
    return found


def make(tmp_path: Path, *more: Any) -> Trail:
    (tmp_path / "events").mkdir(exist_ok=True)
    return Trail(tmp_path / "events", tmp_path, Clock(), [Directory(tmp_path / "trail"), *more])


def test_files_are_where_cloudtrail_puts_them(tmp_path: Path) -> None:
    made = make(tmp_path)
    calls = [record(call="a"), record(call="b", region="eu-west-1"), record(call="c", time=NOW - 86400)]
    segment(tmp_path / "events", 1, calls)
    assert made.deliver() == 3
    names = [str(path.relative_to(tmp_path / "trail")) for path in (tmp_path / "trail").rglob("*.json.gz")]
    assert sorted(name.rpartition("_")[0] for name in names) == [
        f"AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/2026/11/05/{ACCOUNT}_CloudTrail_eu-west-1_20261105T1200Z",
        f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/11/04/{ACCOUNT}_CloudTrail_us-east-1_20261104T1200Z",
        f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/11/05/{ACCOUNT}_CloudTrail_us-east-1_20261105T1200Z",
    ]
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "trail").rglob("*.json.gz")} == {0o600}
    assert made.deliver() == 0


class Died(OSError):
    """The process, as far as the trail can tell."""


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.lists(st.booleans(), min_size=4, max_size=8))
def test_nothing_is_lost_or_doubled_however_often_it_dies(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], deaths: list[bool]
) -> None:
    """INVARIANT: it may die after any file that it wrote; afterwards each record is there once."""
    tmp_path = tmp_path_factory.mktemp("trail")
    dying, written = iter(deaths), 0

    def dies(_key: str, _data: bytes) -> None:
        if next(dying, False):
            raise Died

    def deliver() -> None:
        while True:
            try:
                make(tmp_path, dies).deliver()  # a new process each time
            except Died:
                continue
            return

    for number, size in enumerate(sizes, 1):
        (tmp_path / "events").mkdir(exist_ok=True)
        more = [record(call=f"{number}-{n}", region=("us-east-1", "eu-west-1")[n % 2]) for n in range(size)]
        segment(tmp_path / "events", number, more)
        written += size
        deliver()
    ids = [event["requestID"] for event in delivered(tmp_path / "trail")]
    assert len(ids) == written
    assert len(set(ids)) == written


def test_a_record_on_its_way_to_the_file_is_waited_for(tmp_path: Path) -> None:
    made = make(tmp_path)
    segment(tmp_path / "events", 1, [record(call="a")])
    with (tmp_path / "events" / "w0-000000000001.jsonl").open("ab") as file:
        line = encode(record(call="b"))
        file.write(line[:100])
        file.flush()
        assert made.deliver() == 1
        file.write(line[100:])
    assert made.deliver() == 1
    assert sorted(event["requestID"] for event in delivered(tmp_path / "trail")) == ["a", "b"]


def test_files_older_than_the_retention_go(tmp_path: Path) -> None:
    made = make(tmp_path)
    segment(tmp_path / "events", 1, [record(call="old", time=NOW - 40 * 86400), record(call="new")])
    made.deliver()
    (tmp_path / "trail" / "AWSLogs" / "mine.txt").write_text("not ours")
    assert Directory(tmp_path / "trail").prune(NOW - 30 * 86400) == 1
    assert [event["requestID"] for event in delivered(tmp_path / "trail")] == ["new"]


def test_the_thread_delivers_at_its_interval_and_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    made = Trail(tmp_path / "events", tmp_path, Clock(), [Directory(tmp_path / "trail")], settings=TrailSettings(3600))
    made.start()
    segment(tmp_path / "events", 1, [record(call="a")])
    made.close()
    assert [event["requestID"] for event in delivered(tmp_path / "trail")] == ["a"]
