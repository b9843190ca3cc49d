"""Every rule of the linter finds what it is about and leaves what is near to it alone."""

import json
from typing import Any

import pytest

from kansatsu.identity import aws_managed
from kansatsu.lint import RULES, lint
from kansatsu.policy import PolicyType, parse

PASSED = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
ROLE = "arn:aws:iam::111122223333:role/web"
ORG = {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}

# rule, what it finds, what it leaves alone
CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("pass-role-anything", {"Action": "iam:Pass*"}, {"Action": "iam:PassRole", "Condition": PASSED}),
    ("pass-role-anything", {"Action": "IAM:passrole"}, {"Action": "iam:PassRole", "Resource": ROLE}),
    ("administrator", {"Action": "*"}, {"Action": "*", "Effect": "Deny"}),
    ("administrator", {"Action": "*:*"}, {"Action": "*", "Resource": ROLE}),
    ("allow-not-action", {"NotAction": "iam:*"}, {"NotAction": "iam:*", "Effect": "Deny"}),
    ("escalation", {"Action": "iam:CreatePolicyVersion"}, {"Action": "iam:CreatePolicyVersion", "Condition": ORG}),
    ("escalation", {"Action": "iam:*"}, {"Action": "iam:Get*"}),
    ("trust-anybody", {"Principal": "*"}, {"Principal": "*", "Condition": ORG}),
    ("trust-anybody", {"Principal": {"AWS": "*"}}, {"Principal": {"AWS": "111122223333"}}),
]


def found(rule: str, statement: dict[str, Any]) -> list[tuple[str, int]]:
    trust = PolicyType.TRUST in RULES[rule].types
    given = {"Effect": "Allow"} | ({"Action": "sts:AssumeRole"} if trust else {"Resource": "*"}) | statement
    kind = PolicyType.TRUST if trust else PolicyType.IDENTITY
    text = json.dumps({"Version": "2012-10-17", "Statement": [given]}, indent=1)
    return [(finding.rule, finding.line) for finding in lint(parse(text, kind), kind)]


@pytest.mark.parametrize(("rule", "wrong", "right"), CASES)
def test_rule(rule: str, wrong: dict[str, Any], right: dict[str, Any]) -> None:
    assert (rule, 4) in found(rule, wrong)
    assert rule not in dict(found(rule, right))


def test_every_rule_has_a_case() -> None:
    assert {rule for rule, _, _ in CASES} == set(RULES)


def test_aws_managed_policies() -> None:
    """All of AWS's own policies are read; the grant of everything is AdministratorAccess's and few others'."""
    found = {}
    for info in aws_managed.all():
        text = aws_managed.document(info.arn)
        assert text is not None
        found[info.arn] = {finding.rule for finding in lint(parse(text))}
    assert found["arn:aws:iam::aws:policy/AdministratorAccess"] == {"administrator"}
    assert found["arn:aws:iam::aws:policy/PowerUserAccess"] == {"allow-not-action"}
    assert found["arn:aws:iam::aws:policy/IAMFullAccess"] == {"pass-role-anything", "escalation"}
    assert found["arn:aws:iam::aws:policy/ReadOnlyAccess"] == set()
    assert len(found) > 1500 and sum("administrator" in rules for rules in found.values()) < 10
