"""Users, groups and roles through boto3: what is written is read back, and each refusal is AWS's own."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from .conftest import ACCOUNT, EC2_TRUST, NOW, POLICY, World

Refused = Callable[..., str]
KINDS = ("User", "Group", "Role")
PREFIX = {"User": "AIDA", "Group": "AGPA", "Role": "AROA"}
WHEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def create(iam: Any, kind: str, name: str, **more: Any) -> dict[str, Any]:
    if kind == "Role":
        more["AssumeRolePolicyDocument"] = json.dumps(EC2_TRUST)
    return getattr(iam, f"create_{kind.lower()}")(**{f"{kind}Name": name}, **more)[kind]


def get(iam: Any, kind: str, name: str) -> dict[str, Any]:
    return getattr(iam, f"get_{kind.lower()}")(**{f"{kind}Name": name})[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_created_is_read_back(iam: Any, kind: str) -> None:
    made = create(iam, kind, "Some.One", Path="/a/b/")
    assert made[f"{kind}Id"].startswith(PREFIX[kind])
    assert len(made[f"{kind}Id"]) == 21
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:{kind.lower()}/a/b/Some.One"
    assert made["Path"] == "/a/b/"
    assert made["CreateDate"] == WHEN
    found = get(iam, kind, "Some.One")
    found.pop("RoleLastUsed", None)
    assert found == made


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_unique_without_case_and_found_with_it(iam: Any, kind: str, refused: Refused) -> None:
    create(iam, kind, "Name")
    with_arguments = {f"{kind}Name": "NAME"}
    if kind == "Role":
        with_arguments["AssumeRolePolicyDocument"] = json.dumps(EC2_TRUST)
    message = refused("EntityAlreadyExists", getattr(iam, f"create_{kind.lower()}"), **with_arguments)
    assert message == f"{kind} with name NAME already exists."
    refused("NoSuchEntity", getattr(iam, f"get_{kind.lower()}"), **{f"{kind}Name": "NAME"})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("verb", ["get", "delete"])
def test_what_is_not_there(iam: Any, kind: str, verb: str, refused: Refused) -> None:
    message = refused("NoSuchEntity", getattr(iam, f"{verb}_{kind.lower()}"), **{f"{kind}Name": "nobody"})
    assert message == f"The {kind.lower()} with name nobody cannot be found."


@pytest.mark.parametrize("kind", KINDS)
def test_listed_by_name_below_a_path_in_pages(iam: Any, kind: str) -> None:
    for name in ("beta", "Alpha", "gamma", "delta"):
        create(iam, kind, name, Path="/p/")
    create(iam, kind, "elsewhere", Path="/p_/")  # "_" and "%" are no wildcards
    paginator = iam.get_paginator(f"list_{kind.lower()}s")
    pages = list(paginator.paginate(PathPrefix="/p/", PaginationConfig={"PageSize": 3}))
    assert [[item[f"{kind}Name"] for item in page[f"{kind}s"]] for page in pages] == [
        ["Alpha", "beta", "delta"],
        ["gamma"],
    ]
    assert [page["IsTruncated"] for page in pages] == [True, False]
    assert "Marker" not in pages[1]


def test_a_marker_belongs_to_its_listing(iam: Any, refused: Refused) -> None:
    for name in ("a", "b"):
        create(iam, "Group", name)
    marker = iam.list_groups(MaxItems=1)["Marker"]
    assert [item["GroupName"] for item in iam.list_groups(Marker=marker)["Groups"]] == ["b"]
    for given in ("nonsense", "bm9uc2Vuc2U=", marker):
        assert refused("ValidationError", iam.list_users, Marker=given) == "Invalid Marker."


@pytest.mark.parametrize("kind", ["User", "Group"])
def test_renamed_keeps_its_id_and_its_policies(iam: Any, kind: str, refused: Refused) -> None:
    made = create(iam, kind, "old")
    create(iam, kind, "Taken")
    put = getattr(iam, f"put_{kind.lower()}_policy")
    put(**{f"{kind}Name": "old"}, PolicyName="p", PolicyDocument=json.dumps(POLICY))
    update = getattr(iam, f"update_{kind.lower()}")
    message = refused("EntityAlreadyExists", update, **{f"{kind}Name": "old", f"New{kind}Name": "taken"})
    assert message == f"{kind} with name taken already exists."
    update(**{f"{kind}Name": "old", f"New{kind}Name": "OLD", "NewPath": "/moved/"})
    found = get(iam, kind, "OLD")
    assert found[f"{kind}Id"] == made[f"{kind}Id"]
    assert found["Arn"].endswith("/moved/OLD")
    names = getattr(iam, f"list_{kind.lower()}_policies")(**{f"{kind}Name": "OLD"})["PolicyNames"]
    assert names == ["p"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_holds_an_entity_back(iam: Any, kind: str, refused: Refused) -> None:
    create(iam, kind, "held")
    named, word = {f"{kind}Name": "held"}, kind.lower()
    remove = getattr(iam, f"delete_{word}")
    policy = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    getattr(iam, f"attach_{word}_policy")(**named, PolicyArn=policy)
    assert refused("DeleteConflict", remove, **named) == "Cannot delete entity, must detach all policies first."
    getattr(iam, f"detach_{word}_policy")(**named, PolicyArn=policy)
    getattr(iam, f"put_{word}_policy")(**named, PolicyName="p", PolicyDocument=json.dumps(POLICY))
    assert refused("DeleteConflict", remove, **named) == "Cannot delete entity, must delete policies first."
    getattr(iam, f"delete_{word}_policy")(**named, PolicyName="p")
    remove(**named)
    refused("NoSuchEntity", remove, **named)


def test_members_keys_and_profiles_hold_back_too(iam: Any, refused: Refused) -> None:
    create(iam, "User", "u")
    create(iam, "Group", "g")
    create(iam, "Role", "r")
    iam.add_user_to_group(GroupName="g", UserName="u")
    for remove, named in ((iam.delete_user, {"UserName": "u"}), (iam.delete_group, {"GroupName": "g"})):
        message = refused("DeleteConflict", remove, **named)
        assert message == "Cannot delete entity, must remove users from group first."
    iam.remove_user_from_group(GroupName="g", UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]["AccessKeyId"]
    assert refused("DeleteConflict", iam.delete_user, UserName="u") == (
        "Cannot delete entity, must delete access keys first."
    )
    iam.delete_access_key(UserName="u", AccessKeyId=key)
    iam.delete_user(UserName="u")
    iam.create_instance_profile(InstanceProfileName="p")
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    assert refused("DeleteConflict", iam.delete_role, RoleName="r") == (
        "Cannot delete entity, must remove roles from instance profile first."
    )


def test_groups_and_their_members(iam: Any, refused: Refused) -> None:
    for number in range(11):
        create(iam, "Group", f"g{number:02}")
    for name in ("bob", "Alice", "carol"):
        create(iam, "User", name)
        iam.add_user_to_group(GroupName="g00", UserName=name)
        iam.add_user_to_group(GroupName="g00", UserName=name)
    first = iam.get_group(GroupName="g00", MaxItems=2)
    assert first["Group"]["GroupName"] == "g00"
    assert [user["UserName"] for user in first["Users"]] == ["Alice", "bob"]
    rest = iam.get_group(GroupName="g00", Marker=first["Marker"])
    assert [user["UserName"] for user in rest["Users"]] == ["carol"]
    for number in range(1, 10):
        iam.add_user_to_group(GroupName=f"g{number:02}", UserName="bob")
    assert refused("LimitExceeded", iam.add_user_to_group, GroupName="g10", UserName="bob") == (
        "Cannot exceed quota for GroupsPerUser: 10"
    )
    pages = list(iam.get_paginator("list_groups_for_user").paginate(UserName="bob", PaginationConfig={"PageSize": 4}))
    assert [group["GroupName"] for page in pages for group in page["Groups"]] == [f"g{n:02}" for n in range(10)]
    iam.remove_user_from_group(GroupName="g00", UserName="bob")
    refused("NoSuchEntity", iam.remove_user_from_group, GroupName="g00", UserName="bob")
    refused("NoSuchEntity", iam.add_user_to_group, GroupName="g00", UserName="nobody")
    refused("NoSuchEntity", iam.add_user_to_group, GroupName="none", UserName="bob")


def test_a_role_in_full(world: World, iam: Any) -> None:
    boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    tags = [{"Key": "Team", "Value": "a"}, {"Key": "Empty", "Value": ""}]
    world.role("r", Description="d", MaxSessionDuration=7200, PermissionsBoundary=boundary, Tags=tags)
    role = iam.get_role(RoleName="r")["Role"]
    assert role["AssumeRolePolicyDocument"] == EC2_TRUST
    assert (role["Description"], role["MaxSessionDuration"]) == ("d", 7200)
    assert role["PermissionsBoundary"] == {
        "PermissionsBoundaryType": "Policy",
        "PermissionsBoundaryArn": boundary,
    }
    assert sorted(role["Tags"], key=str) == sorted(tags, key=str)
    assert role["RoleLastUsed"] == {}
    (listed,) = iam.list_roles()["Roles"]
    assert not {"Tags", "PermissionsBoundary", "RoleLastUsed"} & listed.keys()
    assert listed["MaxSessionDuration"] == 7200
    iam.update_role(RoleName="r", Description="", MaxSessionDuration=3600)
    iam.update_role(RoleName="r")
    role = iam.get_role(RoleName="r")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("", 3600)
    assert iam.update_role_description(RoleName="r", Description="new")["Role"]["Description"] == "new"


def test_the_longest_sign_in_with_a_role(world: World, iam: Any, refused: Refused) -> None:
    """Set, kept, replaced and unset, apart from MaxSessionDuration; wherever a role is shown in whole."""

    def longest() -> set[int | None]:
        in_profile = iam.get_instance_profile(InstanceProfileName="p")["InstanceProfile"]["Roles"]
        shown = [iam.get_role(RoleName="r")["Role"], *iam.list_roles()["Roles"], *in_profile]
        assert {role["MaxSessionDuration"] for role in shown} == {7200} and len(shown) == 3
        return {role.get("MaxSigninSessionDuration") for role in shown}

    made = world.role("r", MaxSessionDuration=7200, MaxSigninSessionDuration=3600)
    assert made["MaxSigninSessionDuration"] == 3600
    iam.create_instance_profile(InstanceProfileName="p")
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    assert longest() == {3600}
    iam.update_role(RoleName="r", Description="d", ResetMaxSigninSessionDuration=False)
    assert longest() == {3600}
    iam.update_role(RoleName="r", MaxSigninSessionDuration=7776000)
    assert longest() == {7776000}
    both = {"MaxSigninSessionDuration": 3600, "ResetMaxSigninSessionDuration": True}
    assert "both" in refused("ValidationError", iam.update_role, RoleName="r", **both)
    for wrong in (3599, 7776001):
        refused("ValidationError", iam.update_role, RoleName="r", MaxSigninSessionDuration=wrong)
    assert longest() == {7776000}
    for _ in range(2):
        iam.update_role(RoleName="r", ResetMaxSigninSessionDuration=True)
        assert longest() == {None}


def test_nobody_sets_how_long_one_is_signed_in_with_a_role_of_a_service(iam: Any, refused: Refused) -> None:
    name = iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")["Role"]["RoleName"]
    iam.update_role(RoleName=name, Description="d", ResetMaxSigninSessionDuration=False)
    for given in ({"MaxSigninSessionDuration": 3600}, {"ResetMaxSigninSessionDuration": True}):
        refused("UnmodifiableEntity", iam.update_role, RoleName=name, Description="e", **given)
    role = iam.get_role(RoleName=name)["Role"]
    assert role["Description"] == "d" and "MaxSigninSessionDuration" not in role


def test_last_use_of_a_role_comes_from_the_record(world: World, iam: Any) -> None:
    from .conftest import LastUse

    role = world.role("r")
    world.uses.principals[role["RoleId"]] = LastUse(NOW.timestamp(), "s3", "eu-west-1")
    assert iam.get_role(RoleName="r")["Role"]["RoleLastUsed"] == {"LastUsedDate": WHEN, "Region": "eu-west-1"}


def test_a_user_in_full(iam: Any) -> None:
    iam.create_user(UserName="u", Tags=[{"Key": "k", "Value": "v"}])
    user = iam.get_user(UserName="u")["User"]
    assert user["Tags"] == [{"Key": "k", "Value": "v"}]
    listed = [item for item in iam.list_users()["Users"] if item["UserName"] == "u"]
    assert "Tags" not in listed[0]


def test_without_a_name_the_caller_is_meant(world: World, refused: Refused) -> None:
    mine = world.client("iam", world.user("me", {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}))
    assert mine.get_user()["User"]["UserName"] == "me"
    assert [key["UserName"] for key in mine.list_access_keys()["AccessKeyMetadata"]] == ["me"]
    world.role("r", {**EC2_TRUST, "Statement": [{**EC2_TRUST["Statement"][0], "Principal": {"AWS": ACCOUNT}}]})
    world.iam.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    session = world.assume(None, f"arn:aws:iam::{ACCOUNT}:role/r")["Credentials"]
    keys = {
        "aws_access_key_id": session["AccessKeyId"],
        "aws_secret_access_key": session["SecretAccessKey"],
        "aws_session_token": session["SessionToken"],
    }
    message = refused("ValidationError", world.client("iam", keys).get_user)
    assert message == "Must specify userName when calling with non-User credentials"


def test_bad_input_is_a_validation_error(iam: Any, refused: Refused) -> None:
    cases: list[tuple[Any, dict[str, Any]]] = [
        (iam.create_user, {"UserName": "a b"}),
        (iam.create_user, {"UserName": "x" * 65}),
        (iam.create_user, {"UserName": "u", "Path": "no-slash"}),
        (iam.create_role, {"RoleName": "r", "AssumeRolePolicyDocument": "{}", "MaxSessionDuration": 60}),
        (iam.list_users, {"MaxItems": 1001}),
        (iam.create_group, {}),
    ]
    for function, params in cases:
        refused("ValidationError", function, **params)
