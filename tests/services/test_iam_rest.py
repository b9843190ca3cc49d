"""Instance profiles, access keys, tags and the account summary, through boto3."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, NOW, POLICY, LastUse, World

Refused = Callable[..., str]


def test_instance_profiles(world: World, iam: Any, refused: Refused) -> None:
    made = iam.create_instance_profile(InstanceProfileName="Pro", Path="/x/", Tags=[{"Key": "k", "Value": "v"}])[
        "InstanceProfile"
    ]
    assert made["InstanceProfileId"].startswith("AIPA")
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:instance-profile/x/Pro"
    assert (made["Roles"], made["Tags"]) == ([], [{"Key": "k", "Value": "v"}])
    message = refused("EntityAlreadyExists", iam.create_instance_profile, InstanceProfileName="PRO")
    assert message == "Instance Profile PRO already exists."
    for role in ("r", "other"):
        world.role(role)
    add, remove = iam.add_role_to_instance_profile, iam.remove_role_from_instance_profile
    add(InstanceProfileName="Pro", RoleName="r")
    for role in ("r", "other"):
        message = refused("LimitExceeded", add, InstanceProfileName="Pro", RoleName=role)
        assert message == "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"
    found = iam.get_instance_profile(InstanceProfileName="Pro")["InstanceProfile"]
    assert [role["RoleName"] for role in found["Roles"]] == ["r"]
    assert found["Roles"][0]["AssumeRolePolicyDocument"]["Statement"]
    assert refused("DeleteConflict", iam.delete_instance_profile, InstanceProfileName="Pro") == (
        "Cannot delete entity, must remove roles from instance profile first."
    )
    refused("NoSuchEntity", remove, InstanceProfileName="Pro", RoleName="other")
    remove(InstanceProfileName="Pro", RoleName="r")
    iam.delete_instance_profile(InstanceProfileName="Pro")
    for function in (iam.get_instance_profile, iam.delete_instance_profile):
        message = refused("NoSuchEntity", function, InstanceProfileName="Pro")
        assert message == "Instance Profile Pro cannot be found."


def test_lists_of_instance_profiles(world: World, iam: Any) -> None:
    world.role("r")
    for name in ("c", "a", "B"):
        iam.create_instance_profile(InstanceProfileName=name, Path="/p/")
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName="r")
    iam.create_instance_profile(InstanceProfileName="d")
    for operation, params in (
        ("list_instance_profiles", {"PathPrefix": "/p/"}),
        ("list_instance_profiles_for_role", {"RoleName": "r"}),
    ):
        pages = list(iam.get_paginator(operation).paginate(**params, PaginationConfig={"PageSize": 2}))
        names = [[item["InstanceProfileName"] for item in page["InstanceProfiles"]] for page in pages]
        assert names == [["a", "B"], ["c"]]


def test_access_keys(world: World, iam: Any, refused: Refused) -> None:
    iam.create_user(UserName="u")
    first, second = (iam.create_access_key(UserName="u")["AccessKey"] for _ in range(2))
    assert (first["AccessKeyId"][:4], len(first["AccessKeyId"]), len(first["SecretAccessKey"])) == ("AKIA", 20, 40)
    message = refused("LimitExceeded", iam.create_access_key, UserName="u")
    assert message == "Cannot exceed quota for AccessKeysPerUser: 2"
    listed = iam.list_access_keys(UserName="u")["AccessKeyMetadata"]
    assert {key["AccessKeyId"] for key in listed} == {first["AccessKeyId"], second["AccessKeyId"]}
    assert not any("SecretAccessKey" in key for key in listed)
    page = iam.list_access_keys(UserName="u", MaxItems=1)
    assert page["IsTruncated"]
    assert len(iam.list_access_keys(UserName="u", Marker=page["Marker"])["AccessKeyMetadata"]) == 1
    iam.update_access_key(UserName="u", AccessKeyId=first["AccessKeyId"], Status="Inactive")
    record = world.store.snapshot().access_key(first["AccessKeyId"])
    assert record is not None
    assert (record.status, record.secret.value) == ("Inactive", first["SecretAccessKey"])
    refused("ValidationError", iam.update_access_key, UserName="u", AccessKeyId=first["AccessKeyId"], Status="Expired")
    iam.delete_access_key(UserName="u", AccessKeyId=first["AccessKeyId"])
    assert world.store.snapshot().access_key(first["AccessKeyId"]) is None
    for function, more in ((iam.delete_access_key, {}), (iam.update_access_key, {"Status": "Active"})):
        message = refused("NoSuchEntity", function, UserName="u", AccessKeyId=first["AccessKeyId"], **more)
        assert message == f"The Access Key with id {first['AccessKeyId']} cannot be found."


def test_a_key_of_another_user_is_out_of_reach(world: World, iam: Any, refused: Refused) -> None:
    theirs = world.user("theirs")["aws_access_key_id"]
    iam.create_user(UserName="mine")
    refused("NoSuchEntity", iam.delete_access_key, UserName="mine", AccessKeyId=theirs)
    refused("NoSuchEntity", iam.update_access_key, UserName="mine", AccessKeyId=theirs, Status="Inactive")


def test_last_use_of_a_key(world: World, iam: Any, refused: Refused) -> None:
    key = world.user("u")["aws_access_key_id"]
    answer = iam.get_access_key_last_used(AccessKeyId=key)
    assert answer["UserName"] == "u"
    assert answer["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    world.uses.keys[key] = LastUse(NOW.timestamp(), "s3", "eu-west-1")
    used = iam.get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"]
    assert used == {"LastUsedDate": NOW.replace(microsecond=0), "ServiceName": "s3", "Region": "eu-west-1"}
    refused("NoSuchEntity", iam.get_access_key_last_used, AccessKeyId="AKIAIOSFODNN7EXAMPLE")


@pytest.fixture(params=["user", "role", "policy", "instance_profile"])
def tagged(request: pytest.FixtureRequest, world: World, iam: Any) -> tuple[str, dict[str, str]]:
    made: dict[str, Callable[[], dict[str, str]]] = {
        "user": lambda: {"UserName": iam.create_user(UserName="t")["User"]["UserName"]},
        "role": lambda: {"RoleName": world.role("t")["RoleName"]},
        "policy": lambda: {
            "PolicyArn": iam.create_policy(PolicyName="t", PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
        },
        "instance_profile": lambda: {
            "InstanceProfileName": iam.create_instance_profile(InstanceProfileName="t")["InstanceProfile"][
                "InstanceProfileName"
            ]
        },
    }
    return request.param, made[request.param]()


def test_tags(iam: Any, tagged: tuple[str, dict[str, str]], refused: Refused) -> None:
    kind, named = tagged
    tag, untag, listed = (getattr(iam, name) for name in (f"tag_{kind}", f"untag_{kind}", f"list_{kind}_tags"))
    tag(**named, Tags=[{"Key": "b", "Value": "1"}, {"Key": "A", "Value": ""}])
    tag(**named, Tags=[{"Key": "B", "Value": "2"}])
    assert listed(**named)["Tags"] == [{"Key": "A", "Value": ""}, {"Key": "B", "Value": "2"}]
    first = listed(**named, MaxItems=1)
    assert (first["IsTruncated"], first["Tags"]) == (True, [{"Key": "A", "Value": ""}])
    assert listed(**named, Marker=first["Marker"])["Tags"] == [{"Key": "B", "Value": "2"}]
    untag(**named, TagKeys=["a", "not-there"])
    assert listed(**named)["Tags"] == [{"Key": "B", "Value": "2"}]
    message = refused("InvalidInput", tag, **named, Tags=[{"Key": "x", "Value": "1"}, {"Key": "X", "Value": "2"}])
    assert message == "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    refused("InvalidInput", tag, **named, Tags=[{"Key": "aws:x", "Value": "1"}])
    tag(**named, Tags=[{"Key": f"k{n}", "Value": "v"} for n in range(49)])
    message = refused("LimitExceeded", tag, **named, Tags=[{"Key": "one-too-many", "Value": "v"}])
    assert message == "The number of tags has reached the maximum limit."
    assert len(listed(**named)["Tags"]) == 50


def test_tags_go_with_what_they_were_on(world: World, iam: Any) -> None:
    tags = [{"Key": "k", "Value": "v"}]
    for _ in range(2):
        iam.create_user(UserName="u", Tags=tags)
        iam.delete_user(UserName="u")
        world.role("r", Tags=tags)
        iam.delete_role(RoleName="r")
    with world.store.read() as conn:
        from sqlalchemy import select

        from kansatsu.identity.schema import tag

        assert conn.execute(select(tag)).all() == []


def test_account_summary_counts(world: World, iam: Any) -> None:
    before = iam.get_account_summary()["SummaryMap"]
    iam.create_user(UserName="u")
    iam.create_group(GroupName="g")
    world.role("r")
    iam.create_instance_profile(InstanceProfileName="p")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(POLICY))
    after = iam.get_account_summary()["SummaryMap"]
    changed = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert changed == {
        "Users": 1, "Groups": 1, "Roles": 1, "InstanceProfiles": 1, "Policies": 1, "PolicyVersionsInUse": 2,
    }  # fmt: skip
    assert after["GroupPolicySizeQuota"] == 5120


def test_a_failed_call_leaves_nothing(iam: Any) -> None:
    with pytest.raises(ClientError):
        iam.create_user(UserName="u", Tags=[{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}])
    assert "u" not in [user["UserName"] for user in iam.list_users()["Users"]]
