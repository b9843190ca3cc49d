"""Every rule finds what it is about, at its place, and leaves alone what is near to it."""

from typing import Any

import pytest

from kansatsu.lint import RULES, lint
from kansatsu.lint.escalation import BORROWED, ESCALATIONS
from kansatsu.policy import PolicyType
from lint.mistakes import (
    BUCKET,
    GITHUB,
    IDENTITY,
    MISTAKES,
    OWN,
    RESOURCE,
    ROLE,
    ROLES,
    TRUST,
    USERS,
    Case,
    when,
    written,
)

# The rules about what grants more than was meant; the columns are those of MISTAKES.
GRANTS: list[tuple[str, PolicyType, Case, str, Case]] = [
    ("administrator", IDENTITY, {"Action": "*"}, '"*"', {"Action": "*", "Resource": ROLE}),
    ("administrator", IDENTITY, {"Action": "*:*"}, '"*:*"', {"Action": "*", "Effect": "Deny"}),
    ("allow-not-action", IDENTITY, {"NotAction": "iam:*"}, '"iam:*"', {"NotAction": "iam:*", "Effect": "Deny"}),
    (
        "allow-not-resource",
        IDENTITY,
        {"Action": "s3:*", "Resource": None, "NotResource": BUCKET},
        BUCKET,
        {"Action": "s3:*", "Resource": None, "NotResource": BUCKET, "Effect": "Deny"},
    ),
    (
        "pass-role-anything",
        IDENTITY,
        {"Action": "iam:Pass*"},
        '"iam:Pass*"',
        {"Action": "iam:PassRole", **when("StringEquals", "iam:PassedToService", "ec2.amazonaws.com")},
    ),
    (
        "pass-role-anything",
        IDENTITY,
        {"Action": "IAM:passrole", "Resource": ROLES},
        '"IAM:passrole"',
        {"Action": "iam:PassRole", "Resource": ROLE},
    ),
    ("privilege-escalation", IDENTITY, {"Action": "iam:*"}, '"iam:*"', {"Action": "iam:Get*"}),
    (
        "privilege-escalation",
        IDENTITY,
        {"Action": "iam:CreateAccessKey", "Resource": USERS},
        '"iam:CreateAccessKey"',
        {"Action": "iam:CreateAccessKey", "Resource": OWN},
    ),
    (
        "privilege-escalation",
        IDENTITY,
        {"Action": "iam:PutUserPolicy", "Resource": OWN},
        '"iam:PutUserPolicy"',
        [{"Action": "iam:PutUserPolicy", "Resource": OWN}, {"Effect": "Deny", "Action": "iam:Put*"}],
    ),
    (
        "privilege-escalation",
        IDENTITY,
        {"Action": "iam:AttachUserPolicy"},
        '"iam:AttachUserPolicy"',
        {
            "Action": "iam:AttachUserPolicy",
            **when("ArnEquals", "iam:PolicyARN", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
        },
    ),
    (
        "privilege-escalation",
        IDENTITY,
        {"Action": ["iam:PassRole", "ec2:RunInstances"]},
        '"ec2:RunInstances"',
        {
            "Action": ["iam:PassRole", "ec2:RunInstances"],
            **when("StringEqualsIfExists", "iam:PassedToService", "lambda.amazonaws.com"),
        },
    ),
    ("borrowed-role", IDENTITY, {"Action": "lambda:Update*"}, '"lambda:Update*"', {"Action": "lambda:Get*"}),
    (
        "public-access",
        RESOURCE,
        {"Principal": "*"},
        '"*"',
        {"Principal": "*", **when("StringEquals", "aws:PrincipalOrgID", "o-a1b2c3d4e5")},
    ),
    (
        "public-access",
        RESOURCE,
        {"Principal": {"AWS": "*"}, **when("Bool", "aws:SecureTransport", "true")},
        "AWS",
        {"Principal": {"AWS": "*"}, **when("IpAddress", "aws:SourceIp", "198.51.100.0/24")},
    ),
    (
        "trust-anybody",
        TRUST,
        {"Principal": {"AWS": "*"}},
        "AWS",
        {"Principal": {"AWS": "*"}, **when("StringEquals", "sts:ExternalId", "shared-secret")},
    ),
    (
        "deny-not-principal",
        RESOURCE,
        {"Effect": "Deny", "Principal": None, "NotPrincipal": {"AWS": "111122223333"}},
        "AWS",
        {"Effect": "Deny", "Principal": "*"},
    ),
    (
        "confused-deputy",
        RESOURCE,
        {"Principal": {"Service": "sns.amazonaws.com"}},
        '"sns.amazonaws.com"',
        {"Principal": {"Service": "sns.amazonaws.com"}, **when("StringEquals", "aws:SourceAccount", "111122223333")},
    ),
    (
        "oidc-any-subject",
        TRUST,
        {
            "Principal": {"Federated": GITHUB},
            "Action": "sts:AssumeRoleWithWebIdentity",
            **when("StringEquals", "token.actions.githubusercontent.com:aud", "sts.amazonaws.com"),
        },
        GITHUB,
        {
            "Principal": {"Federated": GITHUB},
            "Action": "sts:AssumeRoleWithWebIdentity",
            **when("StringEquals", "token.actions.githubusercontent.com:sub", "repo:me/mine:ref:refs/heads/main"),
        },
    ),
]


@pytest.mark.parametrize(("rule", "kind", "wrong", "marked", "right"), [*MISTAKES, *GRANTS])
def test_rule(rule: str, kind: PolicyType, wrong: Case, marked: str, right: Case) -> None:
    text = written(wrong, kind)
    found = [finding for finding in lint(text, kind) if finding.rule == rule]
    assert found, [finding.rule for finding in lint(text, kind)]
    assert marked in text[slice(*found[0].span)]
    assert text.splitlines()[found[0].line - 1][found[0].column - 1] == text[found[0].span[0]]
    assert rule not in {finding.rule for finding in lint(written(right, kind), kind)}


def test_every_rule_has_a_case() -> None:
    assert {rule for rule, *_ in [*MISTAKES, *GRANTS]} == set(RULES)


@pytest.mark.parametrize("path", [*ESCALATIONS, *BORROWED], ids=lambda path: path.steps[-1].actions[0])
def test_every_path_is_found_and_needs_each_of_its_steps(path: Any) -> None:
    """All first alternatives together open the path; without any one step it is not open."""
    actions = [step.actions[0] for step in path.steps]
    rules = {"privilege-escalation", "borrowed-role"}
    said = [each.message for each in lint(written({"Action": actions}, IDENTITY)) if each.rule in rules]
    assert any(path.sentence in message or " and ".join(actions) in message for message in said)
    assert "unknown-action" not in {each.rule for each in lint(written({"Action": actions}, IDENTITY))}
    for left in actions:
        fewer = [action for action in actions if action != left] or ["s3:GetObject"]
        said = [each.message for each in lint(written({"Action": fewer}, IDENTITY)) if each.rule in rules]
        assert not any(path.sentence in message for message in said)


def test_what_is_meant_is_named_as_aws_spells_it() -> None:
    near = {"iam:PassedToServices": "iam:PassedToService", "aws:PrincipleOrgID": "aws:PrincipalOrgID"}
    for wrong, right in near.items():
        text = written({"Action": "iam:PassRole", **when("StringEquals", wrong, "a")}, IDENTITY)
        said = [finding.message for finding in lint(text) if finding.rule == "unknown-condition-key"]
        assert said == [f"AWS has no condition key {wrong}; did you mean {right}?"]


def test_links_are_pages_of_aws() -> None:
    assert all(rule.url.startswith("https://docs.aws.amazon.com/") for rule in RULES.values())


def test_what_is_malformed_is_told_in_the_order_of_the_text() -> None:
    """An element that there is not is looked for first, wherever it stands."""
    statement = '{"Effect": "Alow", "Action": "s3:Get*", "Resorce": "*", "Condition": {"StringEqual": {"aws:a": "b"}}}'
    found = lint(f'{{"Version": "2012-10-17", "Statement": [{statement}]}}')
    assert len(found) == 3
    assert list(found) == sorted(found, key=lambda each: each.span)
