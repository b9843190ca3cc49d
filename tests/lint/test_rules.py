"""Every rule finds what it is about, at its place, and leaves alone what is near to it."""

import json
from typing import Any

import pytest

from kansatsu.lint import RULES, lint
from kansatsu.lint.escalation import BORROWED, ESCALATIONS
from kansatsu.policy import PolicyType

IDENTITY, TRUST, RESOURCE = PolicyType.IDENTITY, PolicyType.TRUST, PolicyType.RESOURCE
BUCKET, OBJECTS = "arn:aws:s3:::photos", "arn:aws:s3:::photos/*"
ROLE, ROLES, USERS = (f"arn:aws:iam::111122223333:{name}" for name in ("role/web", "role/*", "user/*"))
OWN = "arn:aws:iam::*:user/${aws:username}"
GITHUB = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
GET = {"Action": "s3:GetObject", "Resource": OBJECTS}
DEFAULTS: dict[PolicyType, dict[str, Any]] = {
    IDENTITY: {"Resource": "*"},
    TRUST: {"Action": "sts:AssumeRole"},
    RESOURCE: {**GET, "Principal": {"AWS": "111122223333"}},
}


def when(operator: str, key: str, *values: str, **more: dict[str, Any]) -> dict[str, Any]:
    return {"Condition": {operator: {key: list(values)}, **more}}


def old(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2008-10-17", "Statement": statements}


Case = dict[str, Any] | list[dict[str, Any]]
LONG = {"Action": "s3:GetObject", "Resource": [f"{BUCKET}/{number:04}" for number in range(300)]}
LONGER = {"Action": "s3:GetObject", "Resource": [f"{BUCKET}/{number:04}" for number in range(500)]}
# rule, type, what it finds, what stands in the marked place, what it leaves alone
CASES: list[tuple[str, PolicyType, Case, str, Case]] = [
    ("malformed", IDENTITY, {"Action": "s3"}, '"s3"', {"Action": "s3:*"}),
    ("too-large", IDENTITY, LONGER, "photos/0499", LONG),
    ("over-default-quota", IDENTITY, LONG, "photos/0299", GET),
    (
        "over-default-quota",
        TRUST,
        {"Principal": {"Service": [f"s{i:060}.amazonaws.com" for i in range(30)]}},
        "s0",
        {"Principal": {"Service": "ec2.amazonaws.com"}},
    ),
    ("missing-version", IDENTITY, {"Statement": {"Effect": "Allow", **GET}}, "{", old({"Effect": "Allow", **GET})),
    (
        "variable-in-old-version",
        IDENTITY,
        old({"Effect": "Allow", "Action": "iam:GetUser", "Resource": OWN}),
        OWN,
        {"Action": "iam:GetUser", "Resource": OWN},
    ),
    (
        "variable-in-old-version",
        IDENTITY,
        old({"Effect": "Allow", **GET, **when("StringLike", "aws:userid", "${a:b}")}),
        "${a:b}",
        old({"Effect": "Allow", **GET}),
    ),
    ("empty-sid", IDENTITY, {"Sid": "", **GET}, '""', {"Sid": "A", **GET}),
    (
        "redundant-statement",
        IDENTITY,
        [GET, {"Action": "s3:*", "Resource": "*"}],
        '"Allow"',
        [{**GET, **when("Bool", "aws:SecureTransport", "true")}, {**GET, **when("StringEquals", "aws:username", "a")}],
    ),
    ("redundant-statement", IDENTITY, [GET, GET], '"Allow"', [GET, {**GET, "Effect": "Deny"}]),
    ("redundant-statement", IDENTITY, [GET, {"NotAction": "iam:*"}], '"Allow"', [GET, {"NotAction": "s3:Get*"}]),
    (
        "redundant-statement",
        RESOURCE,
        [{}, {"Principal": "*"}],
        '"Allow"',
        [{}, {"Principal": {"AWS": "444455556666"}}],
    ),
    (
        "shadowed-statement",
        IDENTITY,
        [GET, {"Effect": "Deny", "Action": "s3:*"}],
        '"Allow"',
        [GET, {"Effect": "Deny", **GET, **when("Bool", "aws:SecureTransport", "false")}],
    ),
    (
        "redundant-value",
        IDENTITY,
        {"Action": ["s3:GetObject", "S3:get*"]},
        '"s3:GetObject"',
        {"Action": ["s3:GetObject", "s3:Put*"]},
    ),
    (
        "redundant-value",
        IDENTITY,
        {**GET, "Resource": [OBJECTS, OBJECTS]},
        OBJECTS,
        {**GET, "Resource": [OBJECTS, BUCKET]},
    ),
    (
        "unknown-service",
        IDENTITY,
        {"Action": "s33:GetObject"},
        '"s33:GetObject"',
        {"Action": "kansatsu:ExplainRequest"},
    ),
    (
        "unknown-action",
        IDENTITY,
        {"Action": ["s3:GetObject", "s3:GetObjct"]},
        '"s3:GetObjct"',
        {"Action": "S3:getobject"},
    ),
    ("unknown-action", IDENTITY, {"Action": "s3:Fetch*"}, '"s3:Fetch*"', {"Action": "s3:Get*"}),
    (
        "unsupported-resource",
        IDENTITY,
        {"Action": ["s3:GetObject", "s3:ListBucket"], "Resource": OBJECTS},
        '"s3:ListBucket"',
        {"Action": "s3:ListBucket", "Resource": BUCKET},
    ),
    (
        "unsupported-resource",
        IDENTITY,
        {"Action": "sqs:SendMessage", "Resource": OBJECTS},
        '"sqs:SendMessage"',
        {"Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:jobs"},
    ),
    (
        "unsupported-resource",
        IDENTITY,
        {"Action": "ec2:DescribeInstances", "Resource": BUCKET},
        '"ec2:DescribeInstances"',
        {"Action": "ec2:DescribeInstances"},
    ),
    (
        "unused-resource",
        IDENTITY,
        {**GET, "Resource": [OBJECTS, BUCKET]},
        f'"{BUCKET}"',
        {"Action": ["s3:GetObject", "s3:ListBucket"], "Resource": [OBJECTS, BUCKET]},
    ),
    (
        "unknown-condition-key",
        IDENTITY,
        {**GET, **when("StringEquals", "aws:PrincipalOrgIDs", "o-a")},
        "[\n",
        {**GET, **when("StringEquals", "aws:PrincipalTag/team", "a")},
    ),
    (
        "unknown-condition-key",
        IDENTITY,
        {**GET, **when("StringEquals", "s3:Prefixx", "a")},
        "[\n",
        {**GET, **when("StringEquals", "s3:ExistingObjectTag/a", "b")},
    ),
    (
        "unsupported-condition-key",
        IDENTITY,
        {**GET, **when("StringEquals", "s3:prefix", "a")},
        "[\n",
        {"Action": "s3:ListBucket", **when("StringEquals", "s3:prefix", "a")},
    ),
    (
        "partly-supported-condition-key",
        IDENTITY,
        {"Action": ["s3:ListBucket", "s3:GetObject"], **when("StringEquals", "s3:prefix", "a")},
        "[\n",
        {"Action": ["s3:ListBucket", "s3:GetObject"], **when("StringEqualsIfExists", "s3:prefix", "a")},
    ),
    (
        "operator-key-type",
        IDENTITY,
        {**GET, **when("StringEquals", "aws:SourceIp", "192.0.2.1")},
        "[\n",
        {**GET, **when("IpAddress", "aws:SourceIp", "203.0.113.0/24")},
    ),
    (
        "operator-key-type",
        IDENTITY,
        {**GET, **when("NumericEquals", "aws:SecureTransport", "1")},
        "[\n",
        {**GET, **when("NumericLessThan", "aws:EpochTime", "1")},
    ),
    (
        "condition-never-matches",
        IDENTITY,
        {**GET, **when("ArnLike", "aws:SourceArn", "photos")},
        "[\n",
        {**GET, **when("ArnLike", "aws:SourceArn", BUCKET)},
    ),
    (
        "condition-never-matches",
        IDENTITY,
        {**GET, **when("StringEquals", "aws:username", "a", StringLike={"aws:username": "b*"})},
        '"b*"',
        {**GET, **when("StringEquals", "aws:username", "a", StringLike={"aws:username": "a*"})},
    ),
    (
        "condition-never-matches",
        IDENTITY,
        {**GET, **when("StringEquals", "aws:username", "a", Null={"aws:username": "true"})},
        '"true"',
        {**GET, **when("StringEquals", "aws:username", "a", Null={"aws:username": "false"})},
    ),
    (
        "condition-never-matches",
        IDENTITY,
        {**GET, **when("StringEquals", "aws:username", "a", StringNotEquals={"aws:username": "a"})},
        '"a"',
        {**GET, **when("StringEquals", "aws:username", "a", StringNotEquals={"aws:username": "b"})},
    ),
    (
        "condition-never-matches",
        IDENTITY,
        {
            **GET,
            **when(
                "NumericLessThan", "aws:MultiFactorAuthAge", "1", NumericGreaterThan={"aws:MultiFactorAuthAge": "9"}
            ),
        },
        '"9"',
        {
            **GET,
            **when(
                "NumericLessThan", "aws:MultiFactorAuthAge", "9", NumericGreaterThan={"aws:MultiFactorAuthAge": "1"}
            ),
        },
    ),
    (
        "missing-set-operator",
        IDENTITY,
        {"Action": "s3:*", **when("StringEquals", "aws:TagKeys", "a")},
        "[\n",
        {"Action": "s3:*", **when("ForAnyValue:StringEquals", "aws:TagKeys", "a")},
    ),
    (
        "set-operator-on-single-value",
        IDENTITY,
        {**GET, **when("ForAnyValue:StringEquals", "aws:username", "a")},
        "[\n",
        {**GET, **when("StringEquals", "aws:username", "a")},
    ),
    (
        "for-all-values-without-null",
        IDENTITY,
        {"Action": "s3:*", **when("ForAllValues:StringEquals", "aws:TagKeys", "a")},
        "[\n",
        {"Action": "s3:*", **when("ForAllValues:StringEquals", "aws:TagKeys", "a", Null={"aws:TagKeys": "false"})},
    ),
    (
        "wildcard-in-equals",
        IDENTITY,
        {**GET, **when("StringEquals", "aws:username", "a*")},
        '"a*"',
        {**GET, **when("StringLike", "aws:username", "a*")},
    ),
    (
        "mfa-without-if-exists",
        IDENTITY,
        {"Effect": "Deny", "Action": "*", **when("Bool", "aws:MultiFactorAuthPresent", "false")},
        "[\n",
        {"Effect": "Deny", "Action": "*", **when("BoolIfExists", "aws:MultiFactorAuthPresent", "false")},
    ),
    (
        "private-source-ip",
        IDENTITY,
        {**GET, **when("IpAddress", "aws:SourceIp", "10.0.0.0/8")},
        '"10.0.0.0/8"',
        {**GET, **when("IpAddress", "aws:VpcSourceIp", "10.0.0.0/8")},
    ),
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


def written(case: Case, kind: PolicyType) -> str:
    if isinstance(case, dict) and "Statement" in case:
        return json.dumps(case, indent=1)
    given = [{"Effect": "Allow"} | DEFAULTS[kind] | each for each in (case if isinstance(case, list) else [case])]
    statements = [{name: value for name, value in each.items() if value is not None} for each in given]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=1)


@pytest.mark.parametrize(("rule", "kind", "wrong", "marked", "right"), CASES)
def test_rule(rule: str, kind: PolicyType, wrong: Case, marked: str, right: Case) -> None:
    text = written(wrong, kind)
    found = [finding for finding in lint(text, kind) if finding.rule == rule]
    assert found, [finding.rule for finding in lint(text, kind)]
    assert marked in text[slice(*found[0].span)]
    assert text.splitlines()[found[0].line - 1][found[0].column - 1] == text[found[0].span[0]]
    assert rule not in {finding.rule for finding in lint(written(right, kind), kind)}


def test_every_rule_has_a_case() -> None:
    assert {rule for rule, *_ in CASES} == set(RULES)


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
