"""`kansatsu can` and `kansatsu who-can` against a real server: what they print, and with which exit code."""

import csv
import io
import json
import uuid
from typing import Any

import pytest

from commands import kansatsu

KEY = "arn:aws:s3:::bucket/key"


@pytest.fixture(scope="module")
def user(server: Any) -> str:
    """Somebody who may read with MFA only."""
    iam, name = server.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    statement = {
        "Sid": "WithMfa",
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::bucket/*",
        "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
    return name


def test_can(server: Any, user: str) -> None:
    done = kansatsu(server.environ(), "can", user, "s3:GetObject", KEY)
    assert done.returncode == 4, done.stderr
    assert "asked for and the request had no value of: aws:MultiFactorAuthPresent" in done.stdout
    assert (
        "The smallest change that allows it:\n  Meet what statement 1 (WithMfa) of the inline policy own" in done.stdout
    )
    denied = kansatsu(server.environ(), "can", user, "s3:PutObject", KEY)
    assert "Add this statement to an identity-based policy of arn:aws:iam::123456789012:user/" in denied.stdout
    assert f"Next: aws iam put-user-policy --user-name {user} --policy-name Allow-s3-PutObject" in denied.stderr
    given = ["--context", "aws:MultiFactorAuthPresent=true"]
    done = kansatsu(server.environ(), "can", f"arn:aws:iam::123456789012:user/{user}", "s3:GetObject", KEY, *given)
    assert done.returncode == 0, done.stderr
    assert f"Allowed: s3:GetObject on {KEY}" in done.stdout
    assert "Allow by statement 1 (WithMfa), which decided: own of" in done.stdout and "line 4" in done.stdout
    done = kansatsu(server.environ(), "can", f"user/{user}", "s3:GetObject", KEY, *given, "-o", "json")
    assert json.loads(done.stdout)["Evaluation"]["Allowed"] is True


def test_what_another_account_decides_is_undecided(server: Any) -> None:
    queue = "arn:aws:sqs:us-east-1:210987654321:q"
    done = kansatsu(server.environ(), "can", "user/admin", "sqs:SendMessage", queue)
    assert done.returncode == 4, done.stderr
    assert f"Undecided: sqs:SendMessage on {queue}\n  allowed by the policies of this account;" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["user/nobody-there", "s3:GetObject", KEY], 1),
        (["nobody-there", "s3:GetObject", KEY], 1),
        (["user/admin", "s3:Get*", KEY], 2),
        (["user/admin", "s3", KEY], 2),
        (["user/admin", "", KEY], 2),
        (["user/admin", "s3:GetObjct", KEY], 2),
        (["user/admin", "s3:GetObject", "bucket/key"], 2),
        (["user/admin", "s3:GetObject", ""], 2),
        (["group/admin", "s3:GetObject", KEY], 2),
        (["arn:aws:s3:::bucket", "s3:GetObject", KEY], 2),
        (["user/admin", "s3:GetObject", KEY, "--context", "true"], 2),
        (["user/admin"], 2),
    ],
)
def test_wrong(server: Any, arguments: list[str], code: int) -> None:
    done = kansatsu(server.environ(), "can", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["s3", KEY], ["s3:Get*", KEY], ["s3:GetObjct", KEY], ["s3:GetObject", "key"]])
def test_who_can_of_what_cannot_be_read(server: Any, arguments: list[str]) -> None:
    done = kansatsu(server.environ(), "who-can", *arguments)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.startswith("kansatsu: ")


def test_who_can(server: Any, user: str) -> None:
    done = kansatsu(server.environ(), "who-can", "s3:GetObject", KEY, "-o", "csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert rows == sorted(rows, key=lambda row: list(row.values()))
    (mine,) = [row for row in rows if row["principal"].endswith(f":user/{user}")]
    assert mine["policy"] == "own" and mine["statement"] == "1 (WithMfa)" and mine["through"] == ""
    assert mine["line"] == "4"
    assert mine["conditions"] == "if aws:MultiFactorAuthPresent Bool true"
    given = ["--context", "aws:MultiFactorAuthPresent=false"]
    done = kansatsu(server.environ(), "who-can", "s3:GetObject", KEY, *given, "-o", "json")
    principals = [row["principal"] for row in json.loads(done.stdout)]
    assert not any(arn.endswith(user) for arn in principals)
    assert "arn:aws:iam::123456789012:user/admin" in principals


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("{}s", "{}"),
        ("user/{}s", "user/{}"),
        ("role/{}", "user/{}"),
        ("arn:aws:iam::123456789012:user/{}s", "arn:aws:iam::123456789012:user/{}"),
    ],
)
def test_whom_a_name_may_mean(server: Any, user: str, typed: str, meant: str) -> None:
    done = kansatsu(server.environ(), "can", typed.format(user), "s3:GetObject", KEY)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("kansatsu: NoSuchEntity: There is no ")
    assert done.stderr.endswith(f". Did you mean {meant.format(user)}?\n")


def test_a_misspelt_action_is_told(server: Any) -> None:
    """It is denied like any other, so that nobody would notice, or allowed, as to `admin`."""
    sentence = "kansatsu: AWS has no action s3:GetObjct; did you mean s3:GetObject?\n"
    for words in (["can", "user/admin"], ["who-can"]):  # and nothing is offered that would allow it
        done = kansatsu(server.environ(), *words, "s3:GetObjct", KEY)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", sentence)
    assert kansatsu(server.environ(), "can", "user/admin", "s3:GetObject", KEY).stderr == ""
