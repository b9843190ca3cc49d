"""What IAM operations are authorized on: real ARNs, condition keys, and the second permission some of them need."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, EC2_TRUST, POLICY, World

Refused = Callable[..., str]
IAM = f"arn:aws:iam::{ACCOUNT}"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
POWER = "arn:aws:iam::aws:policy/PowerUserAccess"
TRUST = json.dumps(EC2_TRUST)


def allow(*actions: str, on: str | list[str] = "*", **condition: Any) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": on}
    return statement | ({"Condition": condition} if condition else {})


@pytest.fixture
def stage(world: World, iam: Any) -> World:
    """Things with paths and tags."""
    iam.create_user(UserName="u", Path="/team/", Tags=[{"Key": "Team", "Value": "red"}])
    iam.create_group(GroupName="g", Path="/team/")
    world.role("r", Path="/team/", Tags=[{"Key": "Team", "Value": "red"}], PermissionsBoundary=READ_ONLY)
    iam.create_policy(PolicyName="p", Path="/team/", PolicyDocument=json.dumps(POLICY))
    iam.create_instance_profile(InstanceProfileName="ip", Path="/team/", Tags=[{"Key": "Team", "Value": "red"}])
    return world


# operation, parameters, the one resource that a policy must name for it
RESOURCES: list[tuple[str, dict[str, Any], str]] = [
    ("get_user", {"UserName": "u"}, f"{IAM}:user/team/u"),
    ("get_user", {"UserName": "unknown"}, f"{IAM}:user/unknown"),
    ("create_user", {"UserName": "new", "Path": "/n/"}, f"{IAM}:user/n/new"),
    ("create_access_key", {"UserName": "u"}, f"{IAM}:user/team/u"),
    ("list_users", {"PathPrefix": "/team/"}, f"{IAM}:user/team/"),
    ("list_groups_for_user", {"UserName": "u"}, f"{IAM}:user/team/u"),
    ("add_user_to_group", {"UserName": "u", "GroupName": "g"}, f"{IAM}:group/team/g"),
    ("get_group", {"GroupName": "g"}, f"{IAM}:group/team/g"),
    ("get_role", {"RoleName": "r"}, f"{IAM}:role/team/r"),
    ("list_roles", {}, f"{IAM}:role/"),
    ("create_role", {"RoleName": "new", "AssumeRolePolicyDocument": TRUST}, f"{IAM}:role/new"),
    ("put_role_policy", {"RoleName": "r", "PolicyName": "x", "PolicyDocument": "{}"}, f"{IAM}:role/team/r"),
    ("attach_role_policy", {"RoleName": "r", "PolicyArn": READ_ONLY}, f"{IAM}:role/team/r"),
    ("create_policy", {"PolicyName": "new", "PolicyDocument": json.dumps(POLICY)}, f"{IAM}:policy/new"),
    ("get_policy", {"PolicyArn": f"{IAM}:policy/team/p"}, f"{IAM}:policy/team/p"),
    ("get_policy", {"PolicyArn": READ_ONLY}, READ_ONLY),
    ("create_instance_profile", {"InstanceProfileName": "new"}, f"{IAM}:instance-profile/new"),
    ("get_instance_profile", {"InstanceProfileName": "ip"}, f"{IAM}:instance-profile/team/ip"),
    ("remove_role_from_instance_profile", {"InstanceProfileName": "ip", "RoleName": "r"},
     f"{IAM}:instance-profile/team/ip"),
    ("list_instance_profiles_for_role", {"RoleName": "r"}, f"{IAM}:role/team/r"),
    ("list_policies", {}, "*"),
    ("get_account_summary", {}, "*"),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "params", "resource"), RESOURCES, ids=[case[0] for case in RESOURCES])
def test_resource(stage: World, operation: str, params: dict[str, Any], resource: str, refused: Refused) -> None:
    nothing = stage.client("iam", stage.user("nothing"))
    action = "iam:" + "".join(word.capitalize() for word in operation.split("_"))
    message = refused("AccessDenied", getattr(nothing, operation), **params)
    assert message == (
        f"User: {IAM}:user/nothing is not authorized to perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action"
    )
    able = stage.client("iam", stage.user("able", allow(action, on=resource)))
    assert _outcome(getattr(able, operation), params) in ("", "NoSuchEntity", "MalformedPolicyDocument")


def _outcome(function: Callable[..., Any], params: dict[str, Any]) -> str:
    try:
        function(**params)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


# statement, what it lets pass, what it does not
CONDITIONS: list[tuple[dict[str, Any], tuple[str, dict[str, Any]], tuple[str, dict[str, Any]]]] = [
    (
        allow("iam:AttachRolePolicy", ArnEquals={"iam:PolicyARN": READ_ONLY}),
        ("attach_role_policy", {"RoleName": "r", "PolicyArn": READ_ONLY}),
        ("attach_role_policy", {"RoleName": "r", "PolicyArn": POWER}),
    ),
    (
        allow("iam:CreateRole", StringEquals={"iam:PermissionsBoundary": READ_ONLY}),
        ("create_role", {"RoleName": "n", "AssumeRolePolicyDocument": TRUST, "PermissionsBoundary": READ_ONLY}),
        ("create_role", {"RoleName": "m", "AssumeRolePolicyDocument": TRUST}),
    ),
    (
        allow("iam:AttachRolePolicy", "iam:AttachUserPolicy", StringEquals={"iam:PermissionsBoundary": READ_ONLY}),
        ("attach_role_policy", {"RoleName": "r", "PolicyArn": POWER}),
        ("attach_user_policy", {"UserName": "u", "PolicyArn": POWER}),
    ),
    (
        # what counts is the boundary that is set, not the one that is there
        allow("iam:PutRolePermissionsBoundary", StringEquals={"iam:PermissionsBoundary": READ_ONLY}),
        ("put_role_permissions_boundary", {"RoleName": "r", "PermissionsBoundary": READ_ONLY}),
        ("put_role_permissions_boundary", {"RoleName": "r", "PermissionsBoundary": POWER}),
    ),
    (
        allow("iam:GetUser", "iam:GetRole", StringEquals={"iam:ResourceTag/team": "red"}),
        ("get_role", {"RoleName": "r"}),
        ("get_user", {"UserName": "admin"}),
    ),
    (
        allow("iam:GetInstanceProfile", "iam:GetPolicy", StringEquals={"aws:ResourceTag/Team": "red"}),
        ("get_instance_profile", {"InstanceProfileName": "ip"}),
        ("get_policy", {"PolicyArn": f"{IAM}:policy/team/p"}),
    ),
    (
        allow("iam:TagUser", StringEquals={"aws:RequestTag/Team": "red"}, **{"ForAllValues:StringEquals": {
            "aws:TagKeys": ["Team"]}}),
        ("tag_user", {"UserName": "u", "Tags": [{"Key": "Team", "Value": "red"}]}),
        ("tag_user", {"UserName": "u", "Tags": [{"Key": "Team", "Value": "red"}, {"Key": "x", "Value": "y"}]}),
    ),
    (
        allow("iam:UntagUser", **{"ForAllValues:StringEquals": {"aws:TagKeys": ["Team"]}}),
        ("untag_user", {"UserName": "u", "TagKeys": ["Team"]}),
        ("untag_user", {"UserName": "u", "TagKeys": ["Other"]}),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "passes", "fails"), CONDITIONS)
def test_condition_keys(
    stage: World,
    statement: dict[str, Any],
    passes: tuple[str, dict[str, Any]],
    fails: tuple[str, dict[str, Any]],
    refused: Refused,
) -> None:
    client = stage.client("iam", stage.user("someone", statement))
    getattr(client, passes[0])(**passes[1])
    refused("AccessDenied", getattr(client, fails[0]), **fails[1])


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("User", {"UserName": "n"}),
        ("Role", {"RoleName": "n", "AssumeRolePolicyDocument": TRUST}),
        ("Policy", {"PolicyName": "n", "PolicyDocument": json.dumps(POLICY)}),
        ("InstanceProfile", {"InstanceProfileName": "n"}),
    ],
)
def test_tagging_at_creation_needs_both_permissions(
    world: World, kind: str, params: dict[str, Any], refused: Refused
) -> None:
    create = "create_instance_profile" if kind == "InstanceProfile" else f"create_{kind.lower()}"
    tags = [{"Key": "k", "Value": "v"}]
    half = world.client("iam", world.user("half", allow(f"iam:Create{kind}")))
    message = refused("AccessDenied", getattr(half, create), **params, Tags=tags)
    assert f"iam:Tag{kind} on resource" in message
    getattr(half, create)(**params)
    whole = world.client("iam", world.user("whole", allow(f"iam:Create{kind}", f"iam:Tag{kind}")))
    other = {name: "m" if value == "n" else value for name, value in params.items()}
    getattr(whole, create)(**other, Tags=tags)


PASS_ROLE = [
    (allow("iam:PassRole", on=f"{IAM}:role/team/r"), True),
    (allow("iam:PassRole", StringEquals={"iam:PassedToService": "ec2.amazonaws.com"}), True),
    (allow("iam:PassRole", ArnLike={"iam:AssociatedResourceArn": "arn:aws:ec2:*:123456789012:instance/*"}), True),
    (allow("iam:PassRole", StringEquals={"iam:PassedToService": "lambda.amazonaws.com"}), False),
    (allow("iam:PassRole", on=f"{IAM}:role/r"), False),
    (allow("iam:GetRole"), False),
]


@pytest.mark.parametrize(("statement", "allowed"), PASS_ROLE)
def test_a_role_in_a_profile_must_be_ones_to_pass(
    stage: World, statement: dict[str, Any], allowed: bool, refused: Refused
) -> None:
    """The attack: whoever may fill profiles puts the administrator's role in and starts an instance."""
    keys = stage.user("operator", allow("iam:AddRoleToInstanceProfile"), statement)
    add = stage.client("iam", keys).add_role_to_instance_profile
    if allowed:
        add(InstanceProfileName="ip", RoleName="r")
        return
    message = refused("AccessDenied", add, InstanceProfileName="ip", RoleName="r")
    assert f"iam:PassRole on resource: {IAM}:role/team/r" in message
    assert stage.iam.get_instance_profile(InstanceProfileName="ip")["InstanceProfile"]["Roles"] == []


def test_another_spelling_does_not_get_around_a_deny(world: World, refused: Refused) -> None:
    """The attack: a Deny on role/Admin, and a request for role ADMIN."""
    world.role("Admin")
    deny = {"Effect": "Deny", "Action": "iam:*", "Resource": f"{IAM}:role/Admin"}
    client = world.client("iam", world.user("sly", allow("iam:*"), deny))
    refused("AccessDenied", client.get_role, RoleName="Admin")
    for name in ("ADMIN", "admin"):
        refused("NoSuchEntity", client.get_role, RoleName=name)
        refused("NoSuchEntity", client.attach_role_policy, RoleName=name, PolicyArn=READ_ONLY)


@pytest.mark.parametrize(("kind", "new"), [("User", "NewUserName"), ("User", "NewPath"), ("Group", "NewPath")])
def test_renaming_needs_the_permission_on_both_names(stage: World, kind: str, new: str, refused: Refused) -> None:
    """The attack: whoever may rename users of one path moves one to a path that another policy trusts."""
    name = kind.lower()[0]
    source = f"{IAM}:{kind.lower()}/team/{name}"
    value, target = {
        "NewPath": ("/admins/", f"{IAM}:{kind.lower()}/admins/{name}"),
        "NewUserName": ("boss", f"{IAM}:user/team/boss"),
    }[new]
    params = {f"{kind}Name": name, new: value}
    half = stage.client("iam", stage.user("half", allow(f"iam:Update{kind}", on=source)))
    message = refused("AccessDenied", getattr(half, f"update_{kind.lower()}"), **params)
    assert f"on resource: {target} " in message
    whole = stage.client("iam", stage.user("whole", allow(f"iam:Update{kind}", on=[source, target])))
    getattr(whole, f"update_{kind.lower()}")(**params)
