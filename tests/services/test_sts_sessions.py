"""STS through boto3: what a session carries: policies that take away, tags and source identity that are handed on."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import ACCOUNT, World
from .trust import IAM, ROLE, USER, allow, denial, keys_of, trust

Refused = Callable[..., str]


def session_policy(*actions: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [allow(*actions)]})


@pytest.mark.parametrize(
    ("passed", "may"),
    [
        ({}, {"iam:GetRole", "iam:ListUsers"}),
        ({"Policy": session_policy("iam:GetRole")}, {"iam:GetRole"}),
        ({"Policy": session_policy("sts:GetCallerIdentity")}, set()),
        ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"}]}, set()),
        ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}]}, {"iam:GetRole", "iam:ListUsers"}),
        ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"}],
          "Policy": session_policy("iam:ListUsers", "iam:CreateUser")}, {"iam:ListUsers"}),
    ],
)  # fmt: skip
def test_session_policies_only_take_away(world: World, passed: Any, may: set[str], refused: Refused) -> None:
    world.role("r", trust("*"), Path="/p/")
    world.iam.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    answer = world.assume(None, ROLE, **passed)
    assert ("PackedPolicySize" in answer) == bool(passed)
    client = world.client("iam", keys_of(answer))
    calls: dict[str, tuple[Any, dict[str, str]]] = {
        "iam:GetRole": (client.get_role, {"RoleName": "r"}),
        "iam:ListUsers": (client.list_users, {}),
        "iam:CreateUser": (client.create_user, {"UserName": "x"}),
    }
    for action, (function, params) in calls.items():
        if action in may:
            function(**params)
        else:
            refused("AccessDenied", function, **params)


def test_a_session_policy_that_is_deleted_allows_nothing(world: World, refused: Refused) -> None:
    """The attack: delete the policy that limits one's session."""
    world.role("r", trust("*"), Path="/p/")
    world.iam.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    arn = world.iam.create_policy(PolicyName="limit", PolicyDocument=session_policy("iam:DeletePolicy", "iam:GetRole"))[
        "Policy"
    ]["Arn"]
    client = world.client("iam", keys_of(world.assume(None, ROLE, PolicyArns=[{"arn": arn}])))
    client.get_role(RoleName="r")
    client.delete_policy(PolicyArn=arn)
    refused("AccessDenied", client.get_role, RoleName="r")
    refused("AccessDenied", client.create_user, UserName="x")


def test_bad_session_policies(world: World, refused: Refused) -> None:
    world.role("r", trust("*"), Path="/p/")
    given = {"RoleArn": ROLE, "RoleSessionName": "ss"}
    assume = world.sts.assume_role
    refused("MalformedPolicyDocument", world.sts.assume_role, **given, Policy="{}")
    refused("MalformedPolicyDocument", world.sts.assume_role, **given, Policy=json.dumps(trust("*")))
    missing = f"{IAM}:policy/missing"
    assert missing in refused("ValidationError", assume, **given, PolicyArns=[{"arn": missing}])
    eleven = [{"arn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"}] * 11
    refused("ValidationError", assume, **given, PolicyArns=eleven)
    varied = [f"arn:aws:s3:::{number * 7919 % 104729:x}{number * 104729 % 7919:x}/*" for number in range(900)]
    large = json.dumps({"Version": "2012-10-17", "Statement": [{**allow("s3:GetObject"), "Resource": varied}]})
    message = refused("PackedPolicyTooLarge", world.sts.assume_role, **given, Policy=large)
    assert message.startswith("Packed policy consumes ")
    assert message.endswith("% of allotted space, please use smaller policy.")


TAGS = [{"Key": "Star", "Value": "1"}, {"Key": "Heart", "Value": "2"}]


def test_session_tags_need_their_own_permission(world: World, refused: Refused) -> None:
    sts = world.client("sts", world.user("u"))
    given = {"RoleArn": ROLE, "RoleSessionName": "ss"}
    world.role("r", trust(USER), Path="/p/")
    assert refused("AccessDenied", sts.assume_role, **given, Tags=TAGS) == denial("sts:TagSession")
    policy = trust(USER, "sts:AssumeRole", "sts:TagSession")
    policy["Statement"][0]["Condition"] = {"ForAllValues:StringEquals": {"aws:TagKeys": ["Star", "Heart"]}}
    world.iam.update_assume_role_policy(RoleName="r", PolicyDocument=json.dumps(policy))
    answer = sts.assume_role(**given, Tags=TAGS)
    session = world.caller(answer["Credentials"]["AccessKeyId"], answer["Credentials"]["SessionToken"]).session
    assert session is not None
    assert session.tags == {"Star": "1", "Heart": "2"}
    refused("AccessDenied", sts.assume_role, **given, Tags=[{"Key": "Moon", "Value": "1"}])


def test_bad_session_tags(world: World, refused: Refused) -> None:
    world.role("r", trust("*", "sts:*"), Path="/p/")
    given = {"RoleArn": ROLE, "RoleSessionName": "ss"}
    assert refused("ValidationError", world.sts.assume_role, **given, Tags=TAGS, TransitiveTagKeys=["Moon"]) == (
        "The specified transitive tag key must be included in the requested tags."
    )
    refused("ValidationError", world.sts.assume_role, **given, Tags=[*TAGS, {"Key": "star", "Value": "3"}])
    refused("ValidationError", world.sts.assume_role, **given, Tags=[{"Key": "aws:x", "Value": "3"}])


def test_transitive_tags_go_down_the_chain_and_cannot_be_changed(world: World, refused: Refused) -> None:
    world.role("first", trust("*", "sts:*"))
    world.role("r", trust("*", "sts:*"), Path="/p/")
    world.role("untagged", trust("*"))
    first = world.assume(None, f"{IAM}:role/first", Tags=TAGS, TransitiveTagKeys=["Star"])
    sts = world.client("sts", keys_of(first))
    answer = sts.assume_role(RoleArn=ROLE, RoleSessionName="ss", Tags=[{"Key": "Sun", "Value": "3"}])
    session = world.caller(answer["Credentials"]["AccessKeyId"], answer["Credentials"]["SessionToken"]).session
    assert session is not None
    assert session.tags == {"Star": "1", "Sun": "3"}
    assert session.transitive_tag_keys == ("Star",)
    for key in ("Star", "STAR"):
        given = {"RoleArn": ROLE, "RoleSessionName": "ss", "Tags": [{"Key": key, "Value": "x"}]}
        assert "conflicts with a transitive tag key" in refused("ValidationError", sts.assume_role, **given)
    message = refused("AccessDenied", sts.assume_role, RoleArn=f"{IAM}:role/untagged", RoleSessionName="ss")
    who = f"arn:aws:sts::{ACCOUNT}:assumed-role/first/session"
    assert message == denial("sts:TagSession", f"{IAM}:role/untagged", who)


def test_source_identity_persists_and_cannot_be_changed(world: World, refused: Refused) -> None:
    world.role("first", trust("*", "sts:*"))
    world.role("r", trust("*", "sts:*"), Path="/p/")
    world.role("plain", trust("*"))
    given = {"RoleArn": ROLE, "RoleSessionName": "ss"}
    sts = world.client("sts", world.user("u"))
    plain = {"RoleArn": f"{IAM}:role/plain", "RoleSessionName": "ss"}
    message = refused("AccessDenied", sts.assume_role, **plain, SourceIdentity="alice")
    assert message == denial("sts:SetSourceIdentity", f"{IAM}:role/plain")
    answer = world.assume(None, f"{IAM}:role/first", SourceIdentity="alice")
    assert answer["SourceIdentity"] == "alice"
    chained = world.client("sts", keys_of(answer))
    # in a chain the caller's own policies must allow it too
    refused("AccessDenied", chained.assume_role, **given)
    world.iam.put_role_policy(RoleName="first", PolicyName="p", PolicyDocument=session_policy("sts:SetSourceIdentity"))
    assert chained.assume_role(**given)["SourceIdentity"] == "alice"
    refused("AccessDenied", chained.assume_role, **given, SourceIdentity="mallory")
    assert chained.assume_role(**given, SourceIdentity="alice")["SourceIdentity"] == "alice"


def test_source_identity_is_a_condition_key(world: World, refused: Refused) -> None:
    condition = {"StringEquals": {"sts:SourceIdentity": "alice"}}
    world.role("r", trust("*", "sts:*", **condition), Path="/p/")
    given = {"RoleArn": ROLE, "RoleSessionName": "ss"}
    world.sts.assume_role(**given, SourceIdentity="alice")
    refused("AccessDenied", world.sts.assume_role, **given, SourceIdentity="bob")
    refused("AccessDenied", world.sts.assume_role, **given)


def test_no_serial_number_is_that_of_a_device(world: World, refused: Refused) -> None:
    world.role("r", trust("*"), Path="/p/")
    params = {"SerialNumber": f"{IAM}:mfa/u", "TokenCode": "123456"}
    message = refused("AccessDenied", world.sts.assume_role, RoleArn=ROLE, RoleSessionName="ss", **params)
    assert message.startswith("MultiFactorAuthentication failed")


def test_boundary_and_session_policy_of_the_caller_count(world: World, refused: Refused) -> None:
    """A trust in the account alone leaves the caller under its own limits."""
    keys = world.user("u", allow("sts:AssumeRole"), PermissionsBoundary="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    world.role("r", trust({"AWS": ACCOUNT}), Path="/p/")
    refused("AccessDenied", world.client("sts", keys).assume_role, RoleArn=ROLE, RoleSessionName="ss")
    world.role("first", trust("*"))
    world.iam.attach_role_policy(RoleName="first", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    world.assume(keys_of(world.assume(None, f"{IAM}:role/first")), ROLE)
    limited = world.assume(None, f"{IAM}:role/first", Policy=session_policy("s3:*"))
    sts = world.client("sts", keys_of(limited))
    refused("AccessDenied", sts.assume_role, RoleArn=ROLE, RoleSessionName="ss")
