"""Who can do what: the decision of now for one principal, and everybody who may, with policies and conditions."""

import json
from typing import Any

import pytest

from services.conftest import ACCOUNT
from services.ec2_world import Ec2World, cloud

__all__ = ["cloud"]

IAM = f"arn:aws:iam::{ACCOUNT}:"
KEY = "arn:aws:s3:::bucket/key"
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
NETWORK = {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}


def allow(action: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str, **more: Any) -> dict[str, Any]:
    return allow(action, **more) | {"Effect": "Deny"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2)


def who(cloud: Ec2World, action: str = "s3:GetObject", resource: str = KEY, **more: Any) -> list[dict[str, Any]]:
    """Everybody but the administrator of the fixture."""
    found: list[dict[str, Any]] = []
    asked = {"Action": action, "Resource": resource, **more}
    while True:
        answer = cloud.control.list_principals_with_access(**asked)
        found += answer["Principals"]
        if "NextToken" not in answer:
            return [item for item in found if item["PrincipalArn"] != f"{IAM}user/admin"]
        asked["NextToken"] = answer["NextToken"]


def can(cloud: Ec2World, principal: str, **more: Any) -> dict[str, Any]:
    answer = cloud.control.simulate_access(Principal=principal, Action="s3:GetObject", Resource=KEY, **more)
    found: dict[str, Any] = answer["Evaluation"]
    return found


def key(name: str, *values: str) -> dict[str, Any]:
    return {"Key": name, "Values": list(values)}


def test_can(cloud: Ec2World) -> None:
    cloud.user("ann", allow("s3:*", Condition=MFA), deny("s3:Get*", Condition=NETWORK))
    for principal in ("user/ann", f"{IAM}user/ann"):
        found = can(cloud, principal)
        assert not found["Allowed"] and found["Explicit"]  # a negated operator matches when the key is missing
        assert found["MissingKeys"] == ["aws:SourceIp", "aws:MultiFactorAuthPresent"]
        (statement,) = found["Statements"]
        assert (statement["Index"], statement["PolicyName"], statement["Line"]) == (1, "own", 1)
        assert statement["Deciding"] and json.loads(statement["Text"])["Effect"] == "Deny"
    inside = key("aws:SourceIp", "192.0.2.1")
    assert "no identity-based policy allows" in can(cloud, "user/ann", Context=[inside])["Reason"]
    found = can(cloud, "user/ann", Context=[inside, key("aws:multifactorauthpresent", "true")])
    assert found["Allowed"] and found["MissingKeys"] == []
    assert {item["PolicyType"]: item["Verdict"] for item in found["Verdicts"]} == {"identity-based policy": "allowed"}


@pytest.mark.parametrize(
    ("code", "params"),
    [
        ("NoSuchEntity", {"Principal": "user/nobody"}),
        ("NoSuchEntity", {"Principal": "arn:aws:iam::210987654321:user/admin"}),
        ("NoSuchEntity", {"Principal": "nobody"}),
        ("InvalidParameterValue", {"Principal": "people/admin"}),
        ("InvalidParameterValue", {"Principal": f"{IAM}group/G"}),
        ("InvalidParameterValue", {"Action": "s3:*"}),
        ("InvalidParameterValue", {"Resource": "bucket"}),
        ("InvalidParameterValue", {"Context": [key("aws:x", "1"), key("AWS:X", "2")]}),
        ("InvalidParameterValue", {"Context": [key("aws:x")]}),
    ],
)
def test_refused(cloud: Ec2World, refused: Any, code: str, params: dict[str, Any]) -> None:
    given = {"Principal": "user/admin", "Action": "s3:GetObject", "Resource": KEY}
    refused(code, cloud.control.simulate_access, **given | params)


def test_what_would_allow_it(cloud: Ec2World) -> None:
    """The change is proven by the engine; and where nothing does it, that is said."""
    cloud.user("ann", deny("s3:Get*"))
    asked = {"Principal": "user/ann", "Action": "s3:GetObject", "Resource": KEY}
    found = cloud.control.simulate_access(**asked)
    assert [change["Kind"] for change in found["Changes"]] == ["ChangeDeny", "AddStatement"]
    assert (json.loads(found["Changes"][1]["Statement"]), found["Notes"]) == (allow("s3:GetObject", KEY), [])
    text = document(json.loads(found["Changes"][1]["Statement"]))
    cloud.iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=text)
    assert cloud.control.simulate_access(**asked)["Changes"] == []
    far = cloud.control.simulate_access(
        **asked | {"Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:us-east-1:210987654321:q"}
    )
    assert "belongs to account 210987654321" in far["Notes"][0]


def test_who_through_what(cloud: Ec2World) -> None:
    cloud.user("ann", allow("s3:Get*"))
    cloud.user("bob")
    cloud.user("eve", allow("s3:*"), deny("s3:GetObject"))
    cloud.user("dan", allow("s3:Get*", "arn:aws:s3:::${aws:username}/*"))
    cloud.iam.create_group(GroupName="G", Path="/team/")
    cloud.iam.add_user_to_group(GroupName="G", UserName="bob")
    cloud.iam.put_group_policy(GroupName="G", PolicyName="inline", PolicyDocument=document(allow("s3:GetObject")))
    managed = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    cloud.iam.attach_group_policy(GroupName="G", PolicyArn=managed)
    cloud.role("R")
    cloud.iam.attach_role_policy(RoleName="R", PolicyArn=managed)
    found = [(i["PrincipalArn"], i["PolicyArn"] or i["PolicyName"], i["Through"], i["Conditions"]) for i in who(cloud)]
    group = f"{IAM}group/team/G"
    assert found == [
        (f"{IAM}role/R", managed, f"{IAM}role/R", []),
        (f"{IAM}user/ann", "own", f"{IAM}user/ann", []),
        (f"{IAM}user/bob", "inline", group, []),
        (f"{IAM}user/bob", managed, group, []),
    ]
    own = who(cloud, resource="arn:aws:s3:::dan/key")
    assert f"{IAM}user/dan" in [item["PrincipalArn"] for item in own]


@pytest.mark.parametrize(
    ("statements", "boundary", "conditions"),
    [
        ([allow("s3:*", Condition=MFA)], None, [["if aws:MultiFactorAuthPresent Bool true"]]),
        (
            [allow("s3:*"), deny("s3:*", Condition=NETWORK)], None,
            [["unless aws:SourceIp NotIpAddress 192.0.2.0/24"]],
        ),
        ([allow("s3:*"), deny("s3:Put*", Condition=NETWORK)], None, [[]]),
        ([allow("s3:*"), allow("s3:*", Condition=MFA)], None, [[], ["if aws:MultiFactorAuthPresent Bool true"]]),
        ([allow("s3:*")], allow("s3:*", Condition=MFA), [["if aws:MultiFactorAuthPresent Bool true"]]),
        ([allow("s3:*")], allow("s3:Put*"), []),
        ([allow("s3:*", Condition={"StringEquals": {"aws:PrincipalTag/T": "y"}})], None, []),
        ([allow("s3:*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})], None, []),
        ([allow("s3:*", Condition={"StringNotEquals": {"aws:PrincipalTag/T": "y"}})], None, [[]]),
        ([allow("s3:*", Condition={"StringEquals": {"aws:username": "bob"}})], None, []),
    ],
)  # fmt: skip
def test_conditions(cloud: Ec2World, statements: Any, boundary: Any, conditions: list[list[str]]) -> None:
    cloud.user("ann", *statements)
    if boundary:
        made = cloud.iam.create_policy(PolicyName="b", PolicyDocument=document(boundary))["Policy"]["Arn"]
        cloud.iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=made)
    assert [item["Conditions"] for item in who(cloud)] == conditions
    # INVARIANT: what is listed without conditions is allowed as it stands.
    assert can(cloud, "user/ann")["Allowed"] == ([] in conditions) or any("unless" in c[0] for c in conditions if c)


def test_sessions_of_a_role_may_bring_tags(cloud: Ec2World) -> None:
    cloud.role("R")
    statement = allow("s3:*", Condition={"StringEquals": {"aws:PrincipalTag/T": "y"}})
    cloud.iam.put_role_policy(RoleName="R", PolicyName="own", PolicyDocument=document(statement))
    assert [item["Conditions"] for item in who(cloud)] == [["if aws:PrincipalTag/T StringEquals y"]]


def test_conditions_that_are_given_are_decided(cloud: Ec2World) -> None:
    cloud.user("ann", allow("s3:*", Condition=MFA), deny("s3:*", Condition=NETWORK))
    yes, inside = key("aws:MultiFactorAuthPresent", "true"), key("aws:SourceIp", "192.0.2.1")
    assert who(cloud, Context=[key("aws:MultiFactorAuthPresent", "false")]) == []
    assert who(cloud, Context=[key("aws:SourceIp", "198.51.100.1")]) == []
    assert [item["Conditions"] for item in who(cloud, Context=[yes, inside])] == [[]]


def test_pages(cloud: Ec2World, refused: Any) -> None:
    for number in range(5):
        cloud.user(f"u{number}", *([allow("s3:*")] if number % 2 else []))
        cloud.role(f"r{number}")
    assert who(cloud, MaxResults=2) == who(cloud)
    assert [item["PrincipalArn"][-2:] for item in who(cloud, MaxResults=1)] == ["u1", "u3"]
    for token in ("x", "group:", "user:x"):
        with pytest.raises(cloud.control.exceptions.ClientError):
            cloud.control.list_principals_with_access(Action="s3:GetObject", Resource=KEY, NextToken=token)


def test_who_may_ask(cloud: Ec2World, refused: Any) -> None:
    """INVARIANT: what others may do is told only to whom it is granted."""
    client = cloud.client("kansatsu", cloud.user("curious", allow("s3:*")))
    asked = {"Action": "s3:GetObject", "Resource": KEY}
    assert "kansatsu:SimulateAccess" in refused("AccessDenied", client.simulate_access, Principal="user/admin", **asked)
    assert "kansatsu:ListPrincipals" in refused("AccessDenied", client.list_principals_with_access, **asked)
