"""`kansatsu up --mode observe` and `kansatsu logs --would-deny`, as a person sees them."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from commands import kansatsu
from conftest import cli_environ
from kansatsu.advisor import AccessEvent
from kansatsu.advisor.events import encode
from kansatsu.cli.observed import rows_of
from kansatsu.cli.settings import NOT_ENFORCED

BASE = {
    "time": 100.0, "request_id": "r", "account": "123456789012", "principal_id": "AROA", "access_key_id": "ASIA",
    "service": "s3", "action": "GetObject", "resource": "arn:aws:s3:::b/k", "region": "us-east-1", "allowed": False,
    "error": "", "exact": True, "source_ip": "", "user_agent": "",
    "principal_arn": "arn:aws:sts::123456789012:assumed-role/r/one",
    "would_deny": "because no identity-based policy allows the s3:GetObject action",
}  # fmt: skip


def event(**fields: Any) -> AccessEvent:
    return AccessEvent(**{**BASE, **fields})


def test_sessions_of_a_role_are_one_principal_and_only_what_helps_is_proposed() -> None:
    other = BASE["principal_arn"].replace("one", "two")
    deny = "with an explicit deny in an identity-based policy"
    rows = list(
        rows_of(
            [
                event(would_deny=""),
                event(action="PutObject", would_deny=deny),
                event(principal_arn=other, time=50.0),
                event(),
                event(action="Odd", exact=False, resource="*", time=300.0),
                event(action="Query", exact=False, resource="arn:t", time=300.0),
            ]
        )
    )
    assert [(row["action"], row["count"]) for row in rows] == [
        ("s3:GetObject", 2),
        ("s3:Odd", 1),
        ("s3:PutObject", 1),
        ("s3:Query", 1),
    ]
    assert rows[0]["principal"] == "arn:aws:sts::123456789012:assumed-role/r/*"
    assert (rows[0]["first"], rows[0]["last"]) == ("1970-01-01T00:00:50Z", "1970-01-01T00:01:40Z")
    assert [row["statement"] and json.loads(row["statement"])["Resource"] for row in rows] == [
        "arn:aws:s3:::b/k",
        "*",
        "",
        "arn:t",  # of what is not exact the resource may be: DynamoDB's keys of a condition are not always
    ]


def test_a_segment_that_is_deleted_for_its_age_meanwhile(tmp_path: Path) -> None:
    """What is there is told; a name whose file is gone is what it looks like."""
    directory = tmp_path / "events"
    directory.mkdir()
    (directory / "w0-000000000002.jsonl").write_bytes(encode(event()))
    (directory / "w0-000000000001.jsonl").symlink_to(tmp_path / "gone")
    found = kansatsu({**cli_environ(), "KANSATSU_DATA_DIR": str(tmp_path)}, "logs", "--would-deny", "-o", "json")
    assert [row["count"] for row in json.loads(found.stdout)] == [1]


def test_observing(start_server: Callable[..., Any], data_dir: Path) -> None:
    with start_server(data_dir, "--engine", "none", "--mode", "observe") as server:
        iam = server.client("iam")
        iam.create_user(UserName="ana")
        key = iam.create_access_key(UserName="ana")["AccessKey"]
        given = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        server.client("s3", **given).create_bucket(Bucket="a-bucket")
        status = kansatsu(server.environ(), "status", "-o", "json")
        assert json.loads(status.stdout)[0]["mode"] == "observe"
        assert NOT_ENFORCED in status.stderr
        found = kansatsu(server.environ(), "logs", "--would-deny", "--since", "1h", "-o", "csv")
        (row,) = csv.DictReader(io.StringIO(found.stdout))
        assert (row["principal"], row["action"], row["count"]) == (
            "arn:aws:iam::123456789012:user/ana",
            "s3:CreateBucket",
            "1",
        )
        lacks = {"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "arn:aws:s3:::a-bucket"}
        assert json.loads(row["statement"]) == lacks
        assert "s3:CreateBucket" in kansatsu(server.environ(), "why", "--last").stdout
        lines = kansatsu(server.environ(), "logs", "-n", "1000").stdout.splitlines()
        assert lines and all("[NOT ENFORCED]" in line for line in lines)
        assert kansatsu(server.environ(), "logs", "--since", "1h").returncode == 2
        assert kansatsu(server.environ(), "logs", "--would-deny", "--since", "soon").returncode == 2
    assert NOT_ENFORCED in data_dir.with_name("data.out").read_text()
