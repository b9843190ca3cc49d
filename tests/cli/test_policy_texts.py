"""Documents side by side: diffs with evidence, AWS CLI commands that a shell reads back, and Terraform's templates."""

import json
import shlex
from datetime import UTC, datetime
from typing import Any

import pytest

from kansatsu.cli import policy_texts

ACCOUNT = "123456789012"
DAY = datetime(2026, 11, 5, tzinfo=UTC)


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(actions: Any, resources: Any = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def test_the_order_and_form_of_a_document_are_no_difference() -> None:
    one, other = document(allow(["s3:Get*", "sqs:*"])), document(allow(["sqs:*", "s3:Get*"], ["*"]))
    assert list(policy_texts.diff(one, other, ("a", "b"))) == []
    single = json.dumps({"Version": "2012-10-17", "Statement": allow("s3:Get*")})
    assert list(policy_texts.diff(single, document(allow(["s3:Get*"])), ("a", "b"))) == []


def test_a_diff_has_the_evidence_beside_each_line() -> None:
    lines: list[dict[str, Any]] = [
        {"Action": "s3:*", "Uses": 2, "Principals": 1, "Fate": "narrowed", "LastUsed": DAY, "Confidence": "low"},
        {"Action": "sqs:*", "Uses": 0, "Principals": 0, "Fate": "removed", "Confidence": "low"},
    ]  # fmt: skip
    made = list(
        policy_texts.diff(
            document(allow(["s3:*", "sqs:*"])),
            document(allow("s3:GetObject")),
            ("a", "b"),
            policy_texts.evidence(lines),
        )
    )
    assert '-        "s3:*",    # narrowed: used 2 times by one principal, last on 2026-11-05; confidence low' in made
    assert '-        "sqs:*"    # removed: not used on record; confidence low' in made
    assert '+        "s3:GetObject"' in made


def test_what_stays_has_its_evidence_too_where_that_is_asked_for() -> None:
    line = {"Action": "s3:Get*", "Uses": 1, "Principals": 2, "Fate": "kept", "LastUsed": DAY, "Confidence": "high"}
    same = document(allow(["s3:Get*"]))
    noted = '         "s3:Get*"    # kept: used once by 2 principals, last on 2026-11-05; confidence high'
    for after in (same, document(allow(["s3:Get*"], ["arn:aws:s3:::b"]))):
        made = list(policy_texts.diff(same, after, ("a", "b"), policy_texts.evidence([line]), whole=True))
        assert noted in made
        assert made[0 if after == same else 3].strip() == "{"
    assert list(policy_texts.diff(same, same, ("a", "b"), policy_texts.evidence([line]))) == []


TEXT = document(allow("s3:GetObject", "arn:aws:s3:::b/${aws:username}/it's"))
POLICIES = [
    {"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess", "PolicyName": "ReadOnlyAccess", "Document": TEXT},
    {"PolicyArn": "", "PolicyName": "own", "Document": TEXT},
]
COMMANDS: list[tuple[str, str, list[list[str]]]] = [
    (
        "policy/team/shared",
        TEXT,
        [["create-policy-version", "--policy-arn", f"arn:aws:iam::{ACCOUNT}:policy/team/shared", "--set-as-default"]],
    ),
    (
        "role/svc/job",
        TEXT,
        [
            ["put-role-policy", "--role-name", "job", "--policy-name", "suggested"],
            ["detach-role-policy", "--role-name", "job", "--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"],
            ["delete-role-policy", "--role-name", "job", "--policy-name", "own"],
        ],
    ),
    (
        "user/ana",
        "",
        [
            ["detach-user-policy", "--user-name", "ana", "--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"],
            ["delete-user-policy", "--user-name", "ana", "--policy-name", "own"],
        ],
    ),
]


@pytest.mark.parametrize(("subject", "text", "words"), COMMANDS, ids=[subject for subject, *_ in COMMANDS])
def test_commands_are_read_back_by_a_shell(subject: str, text: str, words: list[list[str]]) -> None:
    answer = {"Arn": f"arn:aws:iam::{ACCOUNT}:{subject}", "Document": text, "Policies": POLICIES}
    made = [shlex.split(command) for command in policy_texts.commands(answer)]
    assert [command[2 : 2 + len(each)] for command, each in zip(made, words, strict=True)] == words
    if text:
        assert json.loads(made[0][-1]) == json.loads(text)


def test_terraform_gets_a_template_without_templates() -> None:
    answer = {"Arn": f"arn:aws:iam::{ACCOUNT}:policy/team/shared", "Document": TEXT}
    made = policy_texts.terraform(answer)
    assert made.startswith('resource "aws_iam_policy" "shared" {\n  name   = "shared"\n  path   = "/team/"\n')
    assert "$${aws:username}" in made
    body = made.partition("<<JSON\n")[2].partition("\nJSON")[0].replace("$${", "${")
    assert json.loads(body) == json.loads(document(allow(["s3:GetObject"], ["arn:aws:s3:::b/${aws:username}/it's"])))
    inline = policy_texts.terraform({"Arn": f"arn:aws:iam::{ACCOUNT}:role/job", "Document": TEXT})
    assert 'resource "aws_iam_role_policy" "job_suggested"' in inline
