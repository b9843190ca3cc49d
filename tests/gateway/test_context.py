"""Every condition key that a request itself supplies, end to end: one request that fits the policy, one that does not.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from kansatsu.gateway import asgi

from . import raw
from .asks import DYNAMODB, IAM
from .conftest import ACCOUNT, Gateway
from .raw import Ask, Keys, statement

Who = Callable[[Gateway, dict[str, Any]], Keys]  # credentials of somebody who has a policy with this condition


def user(gateway: Gateway, condition: dict[str, Any]) -> Keys:
    return gateway.user(statement("Allow", "iam:ListUsers", condition=condition))


def tagged_user(gateway: Gateway, condition: dict[str, Any]) -> Keys:
    return gateway.user(
        statement("Allow", "iam:ListUsers", condition=condition), Tags=[{"Key": "Team", "Value": "Blue"}]
    )


def role(**issued: Any) -> Who:
    """A session of a role /svc/... as a service would give it to a workload, with these fields."""

    def make(gateway: Gateway, condition: dict[str, Any]) -> Keys:
        made = gateway.role(
            statement("Allow", "iam:ListUsers", condition=condition),
            Path="/svc/",
            Tags=[{"Key": "Team", "Value": "Blue"}],
        )
        return gateway.session(made, **issued)

    return make


def tagged_session(gateway: Gateway, condition: dict[str, Any]) -> Keys:
    made = gateway.role(
        statement("Allow", "iam:ListUsers", condition=condition), Tags=[{"Key": "Team", "Value": "Blue"}]
    )
    return gateway.assume(made, Tags=[{"Key": "Team", "Value": "Red"}])


INSTANCE = {
    "instance": "i-0123456789abcdef0",
    "region": "us-east-1",
    "delivery": "2.0",
    "vpc": "vpc-1",
    "private_ip": "10.0.0.7",
}
instance = role(source=INSTANCE, session_name="i-0123456789abcdef0")


@dataclass(frozen=True)
class Case:
    """`fits` and `not_` are conditions of the same key, the first true of the request, the second not."""

    key: str
    fits: dict[str, Any]
    misses: dict[str, Any]
    who: Who = user
    ask: Ask = IAM
    region: str = raw.REGION
    service: str = "iam"

    def __str__(self) -> str:
        return f"{self.key}-{getattr(self.who, '__name__', '')}"


def one(operator: str, key: str, right: str, wrong: str, **more: Any) -> Case:
    return Case(key, {operator: {key: right}}, {operator: {key: wrong}}, **more)


def absent(key: str, who: Who) -> Case:
    return Case(f"no {key}", {"Null": {key: "true"}}, {"Null": {key: "false"}}, who)


NOW = datetime.now(UTC)
BEFORE, AFTER = "2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"
CASES = [
    one("IpAddress", "aws:SourceIp", "127.0.0.0/8", "10.0.0.0/8"),
    one("Bool", "aws:SecureTransport", "false", "true"),
    one("StringLike", "aws:UserAgent", "curl/*", "wget/*", ask=IAM.having(user_agent="curl/8.5.0")),
    one(
        "StringEquals",
        "aws:Referer",
        "https://a.example/",
        "https://b.example/",
        ask=IAM.having(referer="https://a.example/"),
    ),
    one("DateGreaterThan", "aws:CurrentTime", BEFORE, AFTER),
    one("DateLessThan", "aws:CurrentTime", AFTER, BEFORE),
    one("NumericLessThan", "aws:EpochTime", "4102444800", "1577836800"),
    # IAM is global: the Region that a client signs with does not choose this key.
    one("StringEquals", "aws:RequestedRegion", "us-east-1", "eu-west-3", region="eu-west-3"),
    one("StringEquals", "aws:PrincipalAccount", ACCOUNT, "210987654321"),
    one("StringEquals", "aws:PrincipalType", "User", "AssumedRole"),
    one("StringEquals", "aws:PrincipalType", "AssumedRole", "User", who=role()),
    one("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:user/user-*", f"arn:aws:iam::{ACCOUNT}:role/*"),
    # Of a role session it is the role's ARN, with its path; not that of the session.
    one(
        "ArnLike",
        "aws:PrincipalArn",
        f"arn:aws:iam::{ACCOUNT}:role/svc/role-*",
        "arn:aws:sts::*:assumed-role/*/*",
        who=role(),
    ),
    one(
        "ArnLike",
        "aws:PrincipalArn",
        f"arn:aws:iam::{ACCOUNT}:role/svc/*",
        f"arn:aws:iam::{ACCOUNT}:role/r*",
        who=role(),
    ),
    one("StringLike", "aws:username", "user-*", "admin"),
    absent("aws:username", role()),
    one("StringLike", "aws:userid", "AIDA?????????????????", "*:*"),
    one("StringLike", "aws:userid", "AROA*:session", "AROA*:other", who=role()),
    one("StringLike", "aws:userid", "AROA*:i-0123456789abcdef0", "AROA*:session", who=instance),
    one("StringEquals", "aws:PrincipalTag/team", "Blue", "blue", who=tagged_user),
    one("StringEquals", "aws:PrincipalTag/Team", "Blue", "Red", who=role()),
    # A session tag beats the role's tag of the same name.
    one("StringEquals", "aws:PrincipalTag/Team", "Red", "Blue", who=tagged_session),
    absent("aws:PrincipalTag/Team", user),
    # aws:MultiFactorAuthPresent: absent, not false, for long-term keys.
    absent("aws:MultiFactorAuthPresent", user),
    one("Bool", "aws:MultiFactorAuthPresent", "false", "true", who=role()),
    one("Bool", "aws:MultiFactorAuthPresent", "true", "false", who=role(mfa=NOW)),
    absent("aws:MultiFactorAuthAge", user),
    absent("aws:MultiFactorAuthAge", role()),
    one("NumericLessThan", "aws:MultiFactorAuthAge", "3600", "0", who=role(mfa=NOW)),
    absent("aws:TokenIssueTime", user),
    one("DateGreaterThan", "aws:TokenIssueTime", BEFORE, AFTER, who=role()),
    absent("aws:SourceIdentity", role()),
    one("StringEquals", "aws:SourceIdentity", "ana", "bob", who=role(source_identity="ana")),
    one("Bool", "aws:ViaAWSService", "false", "true"),
    one("Bool", "aws:PrincipalIsAWSService", "false", "true"),
    one("StringEquals", "ec2:RoleDelivery", "2.0", "1.0", who=instance),
    one("NumericGreaterThanEquals", "ec2:RoleDelivery", "2.0", "3.0", who=instance),
    one(
        "ArnEquals",
        "ec2:SourceInstanceARN",
        f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i-0123456789abcdef0",
        f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i-0123456789abcdef1",
        who=instance,
    ),
    one("StringEquals", "aws:Ec2InstanceSourceVpc", "vpc-1", "vpc-2", who=instance),
    one("IpAddress", "aws:Ec2InstanceSourcePrivateIPv4", "10.0.0.0/8", "192.168.0.0/16", who=instance),
    absent("ec2:RoleDelivery", role()),
    absent("ec2:SourceInstanceARN", user),
    absent("aws:SourceVpc", user),
    absent("aws:PrincipalOrgID", user),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_key_decides(gateway: Gateway, case: Case) -> None:
    for condition, expected in ((case.fits, 200), (case.misses, 403)):
        unsigned = ["user-agent", "referer"] & case.ask.headers.keys()
        keys = case.who(gateway, condition)
        got = gateway.ask(case.ask, keys, case.service, region=case.region, unsigned=unsigned)
        assert got.status == expected, (condition, got.body)


def test_tags_that_change_count_at_once(gateway: Gateway) -> None:
    keys = user(gateway, {"StringEquals": {"aws:PrincipalTag/stage": "prod"}})
    assert gateway.ask(IAM, keys, "iam").status == 403
    gateway.iam.tag_user(UserName=keys.name, Tags=[{"Key": "stage", "Value": "prod"}])
    assert gateway.ask(IAM, keys, "iam").status == 200
    gateway.iam.untag_user(UserName=keys.name, TagKeys=["stage"])
    assert gateway.ask(IAM, keys, "iam").status == 403


@pytest.mark.parametrize(
    "header",
    [
        {"x-forwarded-for": "10.1.2.3"},
        {"forwarded": "for=10.1.2.3;proto=https"},
        {"x-real-ip": "10.1.2.3"},
        {"x-forwarded-for": "10.1.2.3", "x-forwarded-proto": "https"},
        {"x-forwarded-proto": "https", "x-forwarded-host": "iam.amazonaws.com"},
        {"x-amzn-vpc-id": "vpc-1", "x-amzn-vpce-id": "vpce-1"},
    ],
    ids=str,
)
def test_a_client_cannot_say_where_it_comes_from(gateway: Gateway, header: dict[str, str]) -> None:
    """The attack: a policy that lets in one network, or TLS alone, and a client that claims to be there."""
    somewhere = gateway.user(
        statement("Allow", "iam:ListUsers", condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        statement("Allow", "iam:ListUsers", condition={"Bool": {"aws:SecureTransport": "true"}}),
        statement("Allow", "iam:ListUsers", condition={"Null": {"aws:SourceVpc": "false"}}),
    )
    ask = Ask("POST", headers={**IAM.headers, **header}, body=IAM.body)
    assert gateway.ask(ask, somewhere, "iam").status == 403
    assert gateway.ask(ask, somewhere, "iam", unsigned=header).status == 403
    assert {event.source_ip for event in gateway.events(somewhere)} == {"127.0.0.1"}


S3_CASES = [
    ("s3:prefix", "StringEquals", "home/", "prefix=home%2F", "prefix=other%2F"),
    ("s3:prefix", "StringLike", "home/*", "prefix=home%2Fana", "prefix=homer"),
    ("s3:prefix", "StringEquals", "", "prefix=", "prefix=x"),
    ("s3:delimiter", "StringEquals", "/", "delimiter=%2F", "delimiter=x"),
    ("s3:max-keys", "NumericLessThanEquals", "10", "max-keys=10", "max-keys=11"),
]


@pytest.mark.parametrize(("key", "operator", "value", "fits", "misses"), S3_CASES)
def test_a_key_of_s3_decides(gateway: Gateway, key: str, operator: str, value: str, fits: str, misses: str) -> None:
    bucket = gateway.bucket()
    keys = gateway.user(
        statement("Allow", "s3:ListBucket", f"arn:aws:s3:::{bucket}", condition={operator: {key: value}})
    )
    for query, expected in ((fits, 200), (misses, 403), ("", 403)):
        assert gateway.ask(Ask("GET", f"/{bucket}", query), keys, "s3").status == expected, query


def test_a_variable_in_a_policy_is_the_callers_own(gateway: Gateway) -> None:
    bucket = gateway.bucket()
    keys = gateway.user(statement("Allow", "s3:PutObject", f"arn:aws:s3:::{bucket}/${{aws:username}}/*"))
    assert gateway.ask(Ask("PUT", f"/{bucket}/{keys.name}/a", body=b"x"), keys, "s3").status == 200
    for other in ("user-0", "*", f"{keys.name}x", keys.name.upper()):
        assert gateway.ask(Ask("PUT", f"/{bucket}/{other}/a", body=b"x"), keys, "s3").status == 403


@pytest.mark.parametrize(("region", "status"), [("eu-west-3", 200), ("us-east-1", 400)])
def test_a_regional_service_is_asked_in_the_region_of_its_signature(gateway: Gateway, region: str, status: int) -> None:
    only = {"StringEquals": {"aws:RequestedRegion": "eu-west-3"}}
    keys = gateway.user(statement("Allow", "dynamodb:*", condition=only))
    assert gateway.ask(DYNAMODB, keys, "dynamodb", region=region).status == status


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (("::ffff:10.1.2.3", 1), "10.1.2.3"),
        (("10.1.2.3", 1), "10.1.2.3"),
        (("2001:db8::1", 1, 0, 0), "2001:db8::1"),
        (("::ffff:0:1", 1, 0, 0), "::ffff:0:1"),
        (("::1", 1, 0, 0), "::1"),
        (None, "127.0.0.1"),
    ],
)
def test_a_client_of_a_socket_of_both_kinds_is_in_its_own_range(address: tuple[str, int] | None, expected: str) -> None:
    """The attack: over `--listen [::]:PORT` a Deny of 10.0.0.0/8 met nobody."""
    assert asgi.client({"client": address}) == expected
