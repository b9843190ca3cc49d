"""What is taken away is gone at the very next request, and one account never reaches into another."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import insert

from kansatsu.identity import bootstrap
from kansatsu.identity.schema import association

from .conftest import ACCOUNT, EC2_TRUST, POLICY, World

Refused = Callable[..., str]
OTHER = "210987654321"
READ = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"


def document(effect: str = "Allow", action: str = "iam:ListUsers") -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": "*"}]})


def own_policy(iam: Any) -> None:
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document())


def customer_policy(iam: Any) -> str:
    arn: str = iam.create_policy(PolicyName="p", PolicyDocument=document())["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("Deny"))
    iam.attach_user_policy(UserName="u", PolicyArn=arn)
    return arn


def in_group(iam: Any) -> None:
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="u")


def group_inline(iam: Any) -> None:
    in_group(iam)
    iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=document())


def group_attached(iam: Any) -> None:
    in_group(iam)
    iam.attach_group_policy(GroupName="g", PolicyArn=READ)


P = f"arn:aws:iam::{ACCOUNT}:policy/p"

# what grants iam:ListUsers to the user u, and what takes it away
TAKEN: list[tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = [
    ("inline deleted", own_policy, lambda iam: iam.delete_user_policy(UserName="u", PolicyName="p")),
    ("inline replaced", own_policy,
     lambda iam: iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document(action="iam:GetUser"))),
    ("another inline denies", own_policy,
     lambda iam: iam.put_user_policy(UserName="u", PolicyName="q", PolicyDocument=document("Deny"))),
    ("detached", customer_policy, lambda iam: iam.detach_user_policy(UserName="u", PolicyArn=P)),
    ("another default version", customer_policy,
     lambda iam: iam.set_default_policy_version(PolicyArn=P, VersionId="v2")),
    ("a new default version", customer_policy,
     lambda iam: iam.create_policy_version(PolicyArn=P, PolicyDocument=document("Deny"), SetAsDefault=True)),
    ("boundary", own_policy,
     lambda iam: iam.put_user_permissions_boundary(
         UserName="u", PermissionsBoundary="arn:aws:iam::aws:policy/AmazonS3FullAccess")),
    ("removed from the group", group_inline, lambda iam: iam.remove_user_from_group(GroupName="g", UserName="u")),
    ("the group's inline deleted", group_inline, lambda iam: iam.delete_group_policy(GroupName="g", PolicyName="p")),
    ("the group's detached", group_attached, lambda iam: iam.detach_group_policy(GroupName="g", PolicyArn=READ)),
    ("the group denies", group_attached,
     lambda iam: iam.put_group_policy(GroupName="g", PolicyName="q", PolicyDocument=document("Deny"))),
]  # fmt: skip


@pytest.mark.parametrize(("grant", "take"), [case[1:] for case in TAKEN], ids=[case[0] for case in TAKEN])
def test_gone_at_the_next_request(
    world: World, grant: Callable[[Any], Any], take: Callable[[Any], Any], refused: Refused
) -> None:
    client = world.client("iam", world.user("u"))
    refused("AccessDenied", client.list_users)
    grant(world.iam)
    client.list_users()
    take(world.iam)
    refused("AccessDenied", client.list_users)


def test_a_boundary_that_is_edited_bounds_at_once(world: World, refused: Refused) -> None:
    arn = world.iam.create_policy(PolicyName="b", PolicyDocument=document())["Policy"]["Arn"]
    keys = world.user("u", {"Effect": "Allow", "Action": "*", "Resource": "*"}, PermissionsBoundary=arn)
    client = world.client("iam", keys)
    client.list_users()
    world.iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(action="s3:*"), SetAsDefault=True)
    refused("AccessDenied", client.list_users)
    world.iam.delete_user_permissions_boundary(UserName="u")
    client.list_users()


def test_tags_count_at_once(world: World, refused: Refused) -> None:
    only_red = {
        "Effect": "Allow", "Action": "iam:GetRole", "Resource": "*",
        "Condition": {"StringEquals": {"iam:ResourceTag/Team": "red"}},
    }  # fmt: skip
    client = world.client("iam", world.user("u", only_red))
    world.role("r")
    refused("AccessDenied", client.get_role, RoleName="r")
    world.iam.tag_role(RoleName="r", Tags=[{"Key": "team", "Value": "red"}])
    client.get_role(RoleName="r")
    world.iam.untag_role(RoleName="r", TagKeys=["TEAM"])
    refused("AccessDenied", client.get_role, RoleName="r")


@pytest.mark.parametrize("how", ["update_access_key", "delete_access_key"])
def test_a_key_that_was_switched_off_opens_nothing(world: World, how: str) -> None:
    keys = world.user("u")
    client = world.client("sts", keys)
    client.get_caller_identity()
    more = {"Status": "Inactive"} if how == "update_access_key" else {}
    getattr(world.iam, how)(UserName="u", AccessKeyId=keys["aws_access_key_id"], **more)
    with pytest.raises(AssertionError):  # the harness asserts what the gateway checks: an active key
        client.get_caller_identity()


def test_deleting_a_profile_ends_the_sessions_that_came_through_it(world: World) -> None:
    from kansatsu.identity import sessions

    world.iam.create_instance_profile(InstanceProfileName="p")
    profile = world.iam.get_instance_profile(InstanceProfileName="p")["InstanceProfile"]
    role = world.role("r")
    row = {
        "id": "iip-assoc-1", "account": ACCOUNT, "instance_id": "i-1", "profile_id": profile["InstanceProfileId"],
        "profile_arn": profile["Arn"], "state": "associated", "changed": 0.0,
    }  # fmt: skip
    with world.store.write() as conn:
        conn.execute(insert(association).values(**row))
    now = world.clock.now()
    session, _token = sessions.issue(
        world.store, account=ACCOUNT, principal_id=role["RoleId"], principal_name="r", kind="role",
        session_name="i-1", issued=now, expires=now.replace(hour=9), source={"association": "iip-assoc-1"},
    )  # fmt: skip
    assert not world.store.snapshot().revoked(session)
    world.clock.move(seconds=1)
    world.iam.delete_instance_profile(InstanceProfileName="p")
    assert world.store.snapshot().revoked(session)


@pytest.fixture
def other(world: World) -> Any:
    """The administrator of another account in the same store."""
    key = bootstrap(world.store, OTHER)
    assert key is not None
    return world.client("iam", {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret.value})


def test_names_are_per_account(world: World, other: Any) -> None:
    for client, account in ((world.iam, ACCOUNT), (other, OTHER)):
        assert client.create_user(UserName="same")["User"]["Arn"] == f"arn:aws:iam::{account}:user/same"
        policy = client.create_policy(PolicyName="same", PolicyDocument=json.dumps(POLICY))["Policy"]
        assert policy["Arn"] == f"arn:aws:iam::{account}:policy/same"
        assert [user["UserName"] for user in client.list_users()["Users"]] == ["admin", "same"]
        assert [item["Arn"] for item in client.list_policies(Scope="Local")["Policies"]] == [policy["Arn"]]


def test_an_account_sees_and_changes_nothing_of_another(world: World, other: Any) -> None:
    """The attack: the administrator of one account names the things of another."""
    iam = world.iam
    key = world.user("u")["aws_access_key_id"]
    iam.create_group(GroupName="g")
    world.role("r")
    iam.create_instance_profile(InstanceProfileName="ip")
    iam.create_policy(PolicyName="p", PolicyDocument=json.dumps(POLICY))
    other.create_user(UserName="mine")
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("get_user", {"UserName": "u"}),
        ("delete_user", {"UserName": "u"}),
        ("create_access_key", {"UserName": "u"}),
        ("get_access_key_last_used", {"AccessKeyId": key}),
        ("delete_access_key", {"UserName": "mine", "AccessKeyId": key}),
        ("get_group", {"GroupName": "g"}),
        ("add_user_to_group", {"GroupName": "g", "UserName": "mine"}),
        ("get_role", {"RoleName": "r"}),
        ("update_assume_role_policy", {"RoleName": "r", "PolicyDocument": json.dumps(EC2_TRUST)}),
        ("get_instance_profile", {"InstanceProfileName": "ip"}),
        ("get_policy", {"PolicyArn": P}),
        ("get_policy_version", {"PolicyArn": P, "VersionId": "v1"}),
        ("create_policy_version", {"PolicyArn": P, "PolicyDocument": json.dumps(POLICY)}),
        ("set_default_policy_version", {"PolicyArn": P, "VersionId": "v1"}),
        ("delete_policy", {"PolicyArn": P}),
        ("tag_policy", {"PolicyArn": P, "Tags": [{"Key": "k", "Value": "v"}]}),
        ("list_entities_for_policy", {"PolicyArn": P}),
        ("attach_user_policy", {"UserName": "mine", "PolicyArn": P}),
        ("put_user_permissions_boundary", {"UserName": "mine", "PermissionsBoundary": P}),
    ]
    for operation, params in attempts:
        with pytest.raises(ClientError) as caught:
            getattr(other, operation)(**params)
        # a policy of another account is out of reach already for the administrator's own policy: no account
        # boundary is crossed by an identity policy alone
        assert caught.value.response["Error"]["Code"] in ("NoSuchEntity", "AccessDenied"), operation


def test_a_role_of_another_account(world: World, other: Any, refused: Refused) -> None:
    """Across accounts both sides must allow: the trust policy, and the caller's own policies."""
    theirs = other.create_role(
        RoleName="r",
        AssumeRolePolicyDocument=json.dumps({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
        }),
    )["Role"]["Arn"]  # fmt: skip
    able = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": theirs}
    answer = world.assume(world.user("able", able), theirs)
    assert answer["AssumedRoleUser"]["Arn"].startswith(f"arn:aws:sts::{OTHER}:assumed-role/r/")
    unable = world.client("sts", world.user("unable"))
    refused("AccessDenied", unable.assume_role, RoleArn=theirs, RoleSessionName="ss")
    other.update_assume_role_policy(RoleName="r", PolicyDocument=json.dumps(EC2_TRUST))
    able_now = world.client("sts", world.admin_keys)
    refused("AccessDenied", able_now.assume_role, RoleArn=theirs, RoleSessionName="ss")
