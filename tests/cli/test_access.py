"""`kansatsu access` against a real server: what it prints, in which order, what it names next, and how it ends."""

import csv
import io
import json
import subprocess
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from commands import kansatsu
from kansatsu.cli.access import moment

ADMIN = "arn:aws:iam::123456789012:user/admin"


@pytest.fixture(scope="module")
def name() -> str:
    return f"access-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def policy(server: Any, name: str) -> str:
    """A policy on S3 and SQS at a user who used S3, a user who used nothing, and an idle group's member."""
    iam = server.client("iam")
    document = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": ["s3:ListAllMyBuckets", "sqs:*"], "Resource": "*"}],
        }
    )
    arn = iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]
    iam.create_group(GroupName=name)
    iam.put_group_policy(GroupName=name, PolicyName="team", PolicyDocument=document)
    for user in (f"{name}-busy", f"{name}-idle"):
        iam.create_user(UserName=user)
        iam.attach_user_policy(UserName=user, PolicyArn=arn)
        iam.add_user_to_group(GroupName=name, UserName=user)
    key = iam.create_access_key(UserName=f"{name}-busy")["AccessKey"]
    busy = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    server.client("s3", **busy).list_buckets()
    return str(arn)


def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, str]]:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return list(csv.DictReader(io.StringIO(done.stdout)))


def test_services_that_nobody_tried_come_first(server: Any, policy: str, name: str) -> None:
    done = kansatsu(server.environ(), "access", f"policy/{name}")  # a group has the name, too
    title, first, second = done.stdout.splitlines()
    assert title.split() == ["SERVICE", "NAME", "LAST-ACCESSED", "BY", "REGION", "ENTITIES"]
    assert first.split() == ["sqs", "Amazon", "SQS", "not", "accessed", "0"]
    assert "ago" in second and f"user/{name}-busy" in second and "us-east-1" in second
    assert done.stderr == f"Next: kansatsu access {policy} --entities sqs\n"
    found = rows(kansatsu(server.environ(), "access", policy, "-o", "csv"))
    assert [(row["service"], row["entities"]) for row in found] == [("sqs", "0"), ("s3", "1")]
    assert found[0]["last-accessed"] == ""
    assert datetime.now(UTC) - datetime.fromisoformat(found[1]["last-accessed"]) < timedelta(minutes=10)
    answer = json.loads(kansatsu(server.environ(), "access", policy, "-o", "json").stdout)
    assert answer[0]["last-accessed"] is None
    assert answer[1]["by"] == f"arn:aws:iam::123456789012:user/{name}-busy"


def test_actions(server: Any, policy: str, name: str) -> None:
    found = rows(kansatsu(server.environ(), "access", f"user/{name}-busy", "--actions", "-o", "csv"))
    assert {row["action"] for row in found[:-1] if row["last-accessed"]} == set()
    assert "sqs:SendMessage" in {row["action"] for row in found}
    assert found[-1]["action"] == "s3:ListAllMyBuckets" and found[-1]["last-accessed"]


def test_what_aws_does_not_tell_is_marked(server: Any, name: str) -> None:
    notes = {
        "sqs:SendMessage": "beyond AWS",
        "sqs:CreateQueue": "",
        "s3:GetObject": "beyond AWS",
        "iam:PassRole": "inferred",
    }
    allowed = {"Effect": "Allow", "Action": list(notes), "Resource": "*"}
    iam, user = server.client("iam"), f"{name}-marked"
    iam.create_user(UserName=user)
    text = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=text)
    found = rows(kansatsu(server.environ(), "access", f"user/{user}", "--actions", "-o", "csv"))
    assert {row["action"]: row["note"] for row in found} == notes


def test_entities_who_never_tried_come_first(server: Any, policy: str, name: str) -> None:
    for arn in (policy, f"group/{name}"):
        done = kansatsu(server.environ(), "access", arn, "--entities", "s3")
        assert [line.split()[0].rpartition("-")[2] for line in done.stdout.splitlines()] == ["ENTITY", "idle", "busy"]
        assert done.stderr.startswith("Next: kansatsu access arn:aws:iam::123456789012:user/")
        assert done.stderr.endswith("-idle --policies s3\n")


def test_policies_that_grant(server: Any, policy: str, name: str) -> None:
    found = rows(kansatsu(server.environ(), "access", f"user/{name}-idle", "--policies", "sqs", "-o", "csv"))
    assert sorted(tuple(row.values()) for row in found) == [
        (policy, "managed", f"user/{name}-idle"),
        ("team", "inline", f"group/{name}"),
    ]
    server.client("iam").attach_group_policy(GroupName=name, PolicyArn=policy)
    found = rows(kansatsu(server.environ(), "access", f"user/{name}-idle", "--policies", "s3", "-o", "csv"))
    assert {row["policy"]: row["attached-to"] for row in found}[policy] == f"user/{name}-idle, group/{name}"
    server.client("iam").detach_group_policy(GroupName=name, PolicyArn=policy)
    done = kansatsu(server.environ(), "access", f"group/{name}", "--policies", "sqs")
    assert done.stderr == f"Next: aws iam get-group-policy --group-name {name} --policy-name team\n"


def test_who_may_not_list_groups_still_has_the_policies(server: Any, policy: str, name: str, tmp_path: Path) -> None:
    iam, auditor = server.client("iam"), f"{name}-auditor"
    iam.create_user(UserName=auditor)
    allow = {"Effect": "Allow", "Action": "iam:ListPoliciesGrantingServiceAccess", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": allow})
    iam.put_user_policy(UserName=auditor, PolicyName="reads", PolicyDocument=document)
    key = iam.create_access_key(UserName=auditor)["AccessKey"]
    files = tmp_path / "credentials"
    keys = f"aws_access_key_id = {key['AccessKeyId']}\naws_secret_access_key = {key['SecretAccessKey']}\n"
    files.write_text(f"[auditor]\n{keys}")
    environ = server.environ() | {"AWS_SHARED_CREDENTIALS_FILE": str(files)}
    arn = f"arn:aws:iam::123456789012:user/{name}-idle"
    done = kansatsu(environ, "access", arn, "--policies", "sqs", "--profile", "auditor", "-o", "csv")
    assert done.returncode == 0 and f"{policy},managed,\n" in done.stdout
    assert "To whom managed policies are attached is not told" in done.stderr and "iam:ListGroupsForUser" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["non sense"], 2, "non sense names nobody. Give such an ARN (arn:aws:iam::123456789012:role/NAME), user/NAME"),
        ([""], 2, "An empty name names nobody."),
        (["nonsense"], 1, "NoSuchEntity: There is no user, group, role or managed policy named nonsense."),
        (["policy/nonsense"], 1, "NoSuchEntity: There is no managed policy named nonsense."),
        ([ADMIN, "--actions", "--policies", "s3"], 2, "Give one of"),
        (["user/nobody-of-this-name"], 1, "NoSuchEntity"),
        ([ADMIN + "-of-another-name"], 1, "NoSuchEntity"),
        ([ADMIN, "--policies", "nonsense"], 1, "InvalidInput"),
        (["arn:aws:s3:::b"], 2, "arn:aws:s3:::b is the ARN of no user, group, role or managed policy. Give such"),
        (["arn:aws:iam::123456789012:root"], 2, "is the ARN of no user"),
    ],
)
def test_how_it_fails(server: Any, arguments: list[str], code: int, message: str) -> None:
    done = kansatsu(server.environ(), "access", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr and "Traceback" not in done.stderr


def test_who_may_nothing_is_told_so(server: Any, name: str) -> None:
    server.client("iam").create_user(UserName=f"{name}-nothing")
    done = kansatsu(server.environ(), "access", f"user/{name}-nothing")
    assert done.returncode == 0
    assert done.stderr == "No identity-based policy there allows anything.\n"


NOON = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("passed", "ago"),
    [
        (timedelta(seconds=-5), "0 s ago"),  # a clock that is a little behind
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=399), "399 d ago"),
    ],
)
def test_times(passed: timedelta, ago: str) -> None:
    assert moment(NOON - passed, NOON) == f"{NOON - passed:%Y-%m-%d %H:%M:%S}Z, {ago}"
