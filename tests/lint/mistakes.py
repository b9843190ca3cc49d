"""The words of the tests of lint's rules, and the cases of the rules about what does not work as it is written."""

import json
from typing import Any

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
QUEUE = "arn:aws:sqs:{}:{}:q"
# rule, type, what it finds, what stands in the marked place, what it leaves alone
MISTAKES: list[tuple[str, PolicyType, Case, str, Case]] = [
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
    *(
        ("malformed-account", kind, wrong, marked, right)
        for kind, wrong, marked, right in (
            (
                IDENTITY,
                {"Action": "sqs:*", "Resource": QUEUE.format("eu-west-1", "11112222333")},
                "11112222333",
                {
                    "Action": "sqs:*",
                    "Resource": [QUEUE.format("eu-west-1", each) for each in ("111122223333", "*", "1*")],
                },
            ),
            (
                IDENTITY,
                {**GET, **when("StringEquals", "aws:PrincipalAccount", "1234")},
                "1234",
                {"Action": "iam:*", "Resource": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
            ),
        )
    ),
    (
        "unknown-region",
        IDENTITY,
        {"Action": "sqs:*", "Resource": QUEUE.format("us-esat-1", "*")},
        "us-esat-1",
        {"Action": "sqs:*", "Resource": [QUEUE.format(each, "*") for each in ("us-gov-west-1", "us-*", "")]},
    ),
    (
        "unknown-region",
        IDENTITY,
        {**GET, **when("StringEquals", "aws:RequestedRegion", "eu-west1")},
        "eu-west1",
        {**GET, **when("StringLike", "aws:RequestedRegion", "eu-*", "cn-north-1")},
    ),
    (
        "malformed-arn",
        IDENTITY,
        {"Action": "s3:GetObject", "Resource": "arn:aws:s3::photos/*"},
        "arn:aws:s3::photos/*",
        {"Action": "s3:GetObject", "Resource": ["arn:aws:s3:::photos/*", "arn:aws:s3*", "*"]},
    ),
    (
        "malformed-arn",
        IDENTITY,
        {"Action": "*", "Resource": "arn:aws:dynamdb:*:*:table/t"},
        "arn:aws:dynamdb:*:*:table/t",
        {"Action": "*", "Resource": ["arn:aws:dynamodb:*:*:table/t", "arn:aws:d*:*:*:table/t"]},
    ),
    (
        "misspelt-service-principal",
        TRUST,
        {"Principal": {"Service": ["ec2.amazonaws.com", "ecs-task.amazonaws.com"]}},
        "ecs-task.amazonaws.com",
        {"Principal": {"Service": ["ecs-tasks.amazonaws.com", "logs.eu-west-1.amazonaws.com"]}},
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
    (
        "private-source-ip",
        IDENTITY,
        {**GET, **when("IpAddress", "aws:SourceIp", "fd00::/8")},
        '"fd00::/8"',
        {**GET, **when("IpAddress", "aws:SourceIp", "192.0.2.0/24", "203.0.113.7", "2001:db8::/48")},
    ),
]


def written(case: Case, kind: PolicyType) -> str:
    if isinstance(case, dict) and "Statement" in case:
        return json.dumps(case, indent=1)
    given = [{"Effect": "Allow"} | DEFAULTS[kind] | each for each in (case if isinstance(case, list) else [case])]
    statements = [{name: value for name, value in each.items() if value is not None} for each in given]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=1)
