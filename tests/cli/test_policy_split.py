"""Suggestions that are larger than AWS takes: in several managed policies, each within the quota, that say the same."""

import json
import shlex
from typing import Any

import hcl2
import pytest

from kansatsu.cli import policy_texts
from kansatsu.policy import QUOTAS, parse

ACCOUNT = "123456789012"
ACTIONS = sorted(f"sqs:{'Action' * 5}{number:03}" for number in range(400))
WIDE = {"Effect": "Allow", "Action": ACTIONS, "Resource": ["*"]}
LARGE = json.dumps({"Version": "2012-10-17", "Statement": [WIDE]})
ATTACHED = {"PolicyArn": "arn:aws:iam::aws:policy/AmazonSQSFullAccess", "PolicyName": "x", "Document": LARGE}


def answer(subject: str, **more: Any) -> dict[str, Any]:
    line = {"Action": "sqs:*", "Confidence": "high", "Uses": 1}
    given = {"Document": LARGE, "Requests": 1, "Notes": [], "Gaps": [], "Lines": [line], "Policies": [ATTACHED]}
    return {"Arn": f"arn:aws:iam::{subject}"} | given | more


def words(given: dict[str, Any]) -> list[list[str]]:
    lines = [line for line in policy_texts.commands(given) if not line.startswith("#")]
    assert all(line.endswith(" &&") for line in lines[:-1])
    return [shlex.split(line.removesuffix(" &&"))[2:] for line in lines]


def documents(commands: list[list[str]]) -> list[str]:
    return [command[-1] for command in commands if "--policy-document" in command]


STEPS = [
    (
        f"{ACCOUNT}:role/svc/job",
        {},
        [
            *(["create-policy", "--policy-name", f"job-suggested-{number}"] for number in (1, 2, 3)),
            *(["attach-role-policy", "--role-name", "job", "--policy-arn",
               f"arn:aws:iam::{ACCOUNT}:policy/job-suggested-{number}"] for number in (1, 2, 3)),
            ["detach-role-policy", "--role-name", "job", "--policy-arn", ATTACHED["PolicyArn"]],
        ],
    ),
    (
        f"{ACCOUNT}:policy/job",
        {"AttachedTo": [f"arn:aws:iam::{ACCOUNT}:group/staff"]},
        [
            *(["create-policy", "--policy-name", f"job-{number}"] for number in (2, 3)),
            *(["attach-group-policy", "--group-name", "staff", "--policy-arn",
               f"arn:aws:iam::{ACCOUNT}:policy/job-{number}"] for number in (2, 3)),
            ["create-policy-version", "--policy-arn", f"arn:aws:iam::{ACCOUNT}:policy/job", "--set-as-default"],
        ],
    ),
    (
        "aws:policy/AmazonSQSFullAccess",
        {},
        [["create-policy", "--policy-name", f"AmazonSQSFullAccess-suggested{n}"] for n in ("", "-2", "-3")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "more", "expected"), STEPS, ids=[row[0] for row in STEPS])
def test_several_policies_are_made_and_attached_before_anything_goes(
    subject: str, more: dict[str, Any], expected: list[list[str]]
) -> None:
    made = words(answer(subject, **more))
    assert [command[: len(each)] for command, each in zip(made, expected, strict=True)] == expected
    texts = documents(made)
    assert all(QUOTAS["managed"].fits(parse(text)) for text in texts)
    said = [action for text in texts for one in json.loads(text)["Statement"] for action in one["Action"]]
    assert sorted(said) == ACTIONS


def test_terraform_has_the_same_policies_attached() -> None:
    (*blocks,) = hcl2.loads(policy_texts.terraform(answer(f"{ACCOUNT}:role/job")))["resource"]
    kinds = [kind.strip('"') for block in blocks for kind in block]
    assert kinds == ["aws_iam_policy"] * 3 + ["aws_iam_role_policy_attachment"] * 3
    attached = [next(iter(next(iter(block.values())).values())) for block in blocks[3:]]
    labels = [label.strip('"') for block in blocks[:3] for label in next(iter(block.values()))]
    assert [one["policy_arn"] for one in attached] == [f"${{aws_iam_policy.{label}.arn}}" for label in labels]


WITHOUT_A_WAY: list[tuple[str, str, dict[str, Any], str]] = [
    ("a NotAction", f"{ACCOUNT}:role/job",
     {"Document": LARGE.replace('"Action"', '"NotAction"')}, "it cannot be divided: spell out its NotAction"),
    ("a boundary", f"{ACCOUNT}:policy/job", {"Bounds": [f"arn:aws:iam::{ACCOUNT}:user/ana"]},
     f"it bounds arn:aws:iam::{ACCOUNT}:user/ana, and a boundary is one policy"),
    ("a role of IAM Identity Center", f"{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_A_1", {},
     "AWSReservedSSO_A_1 is managed by AWS, which refuses other changes"),
    ("a service-linked role", f"{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
     {"Document": ""}, "AWSServiceRoleForECS is managed by AWS, which refuses other changes"),
    ("too many beside", f"{ACCOUNT}:role/job", {"Policies": [ATTACHED] * 8}, "more than the 10 that one may have"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("subject", "more", "said"), [row[1:] for row in WITHOUT_A_WAY], ids=[row[0] for row in WITHOUT_A_WAY]
)
def test_what_does_not_fit_at_all_is_no_command(subject: str, more: dict[str, Any], said: str) -> None:
    given = answer(subject, **more)
    for printed in ("\n".join(policy_texts.commands(given)), policy_texts.terraform(given)):
        assert shlex.split(printed, comments=True) == [] and said in printed
