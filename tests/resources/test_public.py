"""When a bucket policy is public: the cases of AWS's page on Block Public Access, and their neighbours.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

import json
from typing import Any

import pytest

from kansatsu.policy import PolicyType, parse
from kansatsu.resources import is_public

EVERYBODY: dict[str, Any] = {"Principal": "*"}
ROLE = {"Principal": {"AWS": "arn:aws:iam::123456789012:role/r"}}


def when(operator: str, key: str, *values: str) -> dict[str, Any]:
    return EVERYBODY | {"Condition": {operator: {key: list(values)}}}


CASES: list[tuple[dict[str, Any], bool]] = [
    (EVERYBODY, True),
    ({"Principal": {"AWS": "*"}}, True),
    ({"Principal": {"AWS": ["123456789012", "*"]}}, True),
    ({"Principal": {"Federated": "graph.facebook.com"}}, True),
    ({"Principal": {"Service": "*"}}, True),
    (ROLE, False),
    ({"Principal": {"AWS": "123456789012"}}, False),
    ({"Principal": {"Service": "cloudtrail.amazonaws.com"}}, False),
    (EVERYBODY | {"Effect": "Deny"}, False),
    ({"NotPrincipal": {"AWS": "123456789012"}, "Effect": "Deny"}, False),
    (when("StringLike", "aws:SourceVpc", "vpc-*"), True),
    (when("StringEquals", "aws:SourceVpc", "vpc-91237329"), False),
    (when("StringEquals", "AWS:sourcevpc", "vpc-91237329"), False),
    (when("StringEquals", "aws:SourceVpc", "vpc-1", "vpc-?"), True),
    (when("StringNotEquals", "aws:SourceVpc", "vpc-1"), True),
    (when("StringEqualsIfExists", "aws:SourceVpc", "vpc-1"), True),
    (when("ForAllValues:StringEquals", "aws:SourceVpc", "vpc-1"), True),
    (when("ForAnyValue:StringEquals", "aws:PrincipalOrgID", "o-123"), False),
    (when("StringEquals", "aws:PrincipalOrgID", "o-123"), False),
    (when("StringEquals", "aws:PrincipalOrgID", "${aws:PrincipalOrgID}"), True),
    (when("StringEquals", "aws:userid", "AIDAEXAMPLE"), False),
    (when("StringLike", "aws:userid", "AROAEXAMPLE:*"), True),
    (when("IpAddress", "aws:SourceIp", "203.0.113.0/24"), False),
    (when("IpAddress", "aws:SourceIp", "203.0.113.7"), False),
    (when("IpAddress", "aws:SourceIp", "10.0.0.0/8"), False),
    (when("IpAddress", "aws:SourceIp", "0.0.0.0/1"), True),
    (when("IpAddress", "aws:SourceIp", "203.0.113.0/24", "0.0.0.0/0"), True),
    (when("NotIpAddress", "aws:SourceIp", "203.0.113.0/24"), True),
    (when("IpAddress", "aws:SourceIp", "2001:db8::/32"), False),
    (when("IpAddress", "aws:SourceIp", "2001::/16"), True),
    (when("ArnLike", "s3:DataAccessPointArn", "arn:aws:s3:us-west-2:123456789012:accesspoint/*"), False),
    (when("ArnLike", "s3:DataAccessPointArn", "arn:aws:s3:us-west-2:*:accesspoint/a"), True),
    (when("StringEquals", "aws:Referer", "https://example.com/"), True),
    (when("Bool", "aws:SecureTransport", "true"), True),
]


@pytest.mark.parametrize(("elements", "public"), CASES)
def test_a_statement(elements: dict[str, Any], public: bool) -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **elements}
    for statements in (
        [statement],
        [{**statement, **ROLE} if "NotPrincipal" not in elements else statement, statement],
    ):
        text = json.dumps({"Version": "2012-10-17", "Statement": statements})
        assert is_public(parse(text, PolicyType.RESOURCE)) is public
