"""The account as a whole: its alias, all its authorization details, the credential report."""

import csv
import json
from collections.abc import Callable
from typing import Any

import pytest

from kansatsu.identity import bootstrap
from kansatsu.identity.administrators import wipe

from .conftest import ACCOUNT, EC2_TRUST, NOW, POLICY, LastUse, TestClock, World

Refused = Callable[..., str]
READ_S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
POWER = "arn:aws:iam::aws:policy/PowerUserAccess"
LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")


@pytest.fixture
def other(world: World) -> Any:
    """IAM of another account of the installation."""
    admin = bootstrap(world.store, "210987654321")
    assert admin is not None
    keys = {"aws_access_key_id": admin.access_key_id, "aws_secret_access_key": admin.secret.value}
    return world.client("iam", keys)


@pytest.fixture
def full(world: World, iam: Any) -> World:
    """One of everything."""
    own = iam.create_policy(PolicyName="own", PolicyDocument=json.dumps(POLICY), Description="what it is for")
    arn = own["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(POLICY), SetAsDefault=True)
    world.user("u", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, Path="/p/", PermissionsBoundary=POWER)
    iam.tag_user(UserName="u", Tags=[{"Key": "team", "Value": "red"}])
    iam.create_group(GroupName="g")
    iam.attach_group_policy(GroupName="g", PolicyArn=arn)
    iam.put_group_policy(GroupName="g", PolicyName="in", PolicyDocument=json.dumps(POLICY))
    iam.add_user_to_group(GroupName="g", UserName="u")
    role = world.role("r", PermissionsBoundary=arn, Tags=[{"Key": "k", "Value": "v"}])
    iam.attach_role_policy(RoleName="r", PolicyArn=READ_S3)
    iam.create_instance_profile(InstanceProfileName="ip")
    iam.add_role_to_instance_profile(InstanceProfileName="ip", RoleName="r")
    world.uses.principals[role["RoleId"]] = LastUse(NOW.timestamp(), "s3", "eu-west-1")
    return world


# ---- GetAccountAuthorizationDetails ---------------------------------------------------------------------------------


def test_details_say_what_each_operation_says_by_itself(full: World, iam: Any) -> None:
    got = iam.get_account_authorization_details()
    assert got["IsTruncated"] is False
    user = next(item for item in got["UserDetailList"] if item["UserName"] == "u")
    alone = iam.get_user(UserName="u")["User"]
    assert {key: user[key] for key in alone} == alone
    document = iam.get_user_policy(UserName="u", PolicyName="own")["PolicyDocument"]
    assert user["UserPolicyList"] == [{"PolicyName": "own", "PolicyDocument": document}]
    assert (user["GroupList"], user["AttachedManagedPolicies"]) == (["g"], [])
    (group,) = got["GroupDetailList"]
    assert group["AttachedManagedPolicies"] == iam.list_attached_group_policies(GroupName="g")["AttachedPolicies"]
    assert group["GroupPolicyList"] == [{"PolicyName": "in", "PolicyDocument": POLICY}]
    (role,) = got["RoleDetailList"]
    alone = iam.get_role(RoleName="r")["Role"]
    assert {key: alone[key] for key in role if key in alone} == {key: role[key] for key in role if key in alone}
    assert role["RoleLastUsed"]["Region"] == "eu-west-1"
    assert role["AssumeRolePolicyDocument"] == EC2_TRUST
    assert role["AttachedManagedPolicies"] == [{"PolicyName": "AmazonS3ReadOnlyAccess", "PolicyArn": READ_S3}]
    assert role["InstanceProfileList"] == iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"]


def test_details_have_every_version_of_every_policy_in_use(full: World, iam: Any) -> None:
    policies = {item["Arn"]: item for item in iam.get_account_authorization_details()["Policies"]}
    own = f"arn:aws:iam::{ACCOUNT}:policy/own"
    # Of AWS's: what the administrator and the role have, and the boundary of the user; none that nobody uses.
    assert set(policies) == {own, READ_S3, POWER, "arn:aws:iam::aws:policy/AdministratorAccess"}
    alone = iam.get_policy(PolicyArn=own)["Policy"]
    shown = policies[own]
    assert {key: shown[key] for key in alone if key != "Tags"} == {key: alone[key] for key in alone if key != "Tags"}
    assert (shown["AttachmentCount"], shown["PermissionsBoundaryUsageCount"]) == (1, 1)
    versions = [(item["VersionId"], item["IsDefaultVersion"], item["Document"]) for item in shown["PolicyVersionList"]]
    assert versions == [("v2", True, POLICY), ("v1", False, POLICY)]
    version = policies[READ_S3]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=READ_S3, VersionId=version)["PolicyVersion"]["Document"]
    assert policies[READ_S3]["PolicyVersionList"][0]["Document"] == document


FILTERS = {
    "User": {"UserDetailList": 2},
    "Group": {"GroupDetailList": 1},
    "Role": {"RoleDetailList": 1},
    "LocalManagedPolicy": {"Policies": 1},
    "AWSManagedPolicy": {"Policies": 3},
}


@pytest.mark.parametrize("kind", FILTERS)
def test_filters(full: World, iam: Any, kind: str) -> None:
    got = iam.get_account_authorization_details(Filter=[kind])
    assert {name: len(got[name]) for name in LISTS if got[name]} == FILTERS[kind]
    both = iam.get_account_authorization_details(Filter=[kind, "Role"])
    assert [item["RoleName"] for item in both["RoleDetailList"]] == ["r"]


def test_an_unknown_filter(iam: Any, refused: Refused) -> None:
    refused("ValidationError", iam.get_account_authorization_details, Filter=["Robot"])


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_pages_hold_everything_once_and_in_order(full: World, iam: Any, size: int) -> None:
    for number in range(3):
        iam.create_user(UserName=f"U{number}")
    whole = iam.get_account_authorization_details()
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": size}))
    assert {name: [item for page in pages for item in page[name]] for name in LISTS} == {n: whole[n] for n in LISTS}
    assert all(sum(len(page[name]) for name in LISTS) <= size for page in pages)
    assert [user["UserName"] for user in whole["UserDetailList"]] == ["admin", "u", "U0", "U1", "U2"]


def test_details_are_of_ones_own_account(full: World, other: Any) -> None:
    got = other.get_account_authorization_details()
    assert [user["Arn"] for user in got["UserDetailList"]] == ["arn:aws:iam::210987654321:user/admin"]
    assert [item["Arn"] for item in got["Policies"]] == ["arn:aws:iam::aws:policy/AdministratorAccess"]
    assert got["GroupDetailList"] == got["RoleDetailList"] == []


# ---- aliases --------------------------------------------------------------------------------------------------------


def test_an_account_has_one_alias(iam: Any, refused: Refused) -> None:
    assert iam.list_account_aliases()["AccountAliases"] == []
    iam.create_account_alias(AccountAlias="first-one")
    iam.create_account_alias(AccountAlias="second")
    assert iam.list_account_aliases()["AccountAliases"] == ["second"]
    message = refused("EntityAlreadyExists", iam.create_account_alias, AccountAlias="second")
    assert message == "The account alias second already exists."
    refused("NoSuchEntity", iam.delete_account_alias, AccountAlias="first-one")
    iam.delete_account_alias(AccountAlias="second")
    assert iam.list_account_aliases()["AccountAliases"] == []
    refused("NoSuchEntity", iam.delete_account_alias, AccountAlias="second")


def test_an_alias_is_one_accounts(iam: Any, other: Any, refused: Refused) -> None:
    iam.create_account_alias(AccountAlias="acme")
    refused("EntityAlreadyExists", other.create_account_alias, AccountAlias="acme")
    refused("NoSuchEntity", other.delete_account_alias, AccountAlias="acme")
    assert other.list_account_aliases()["AccountAliases"] == []
    iam.delete_account_alias(AccountAlias="acme")
    other.create_account_alias(AccountAlias="acme")


@pytest.mark.parametrize("alias", ["ab", "-abc", "abc-", "a--b", "Abc", "a_b", "a" * 64])
def test_what_is_no_alias(iam: Any, alias: str, refused: Refused) -> None:
    refused("ValidationError", iam.create_account_alias, AccountAlias=alias)


# ---- the credential report ------------------------------------------------------------------------------------------


def report(iam: Any) -> dict[str, dict[str, str]]:
    """The rows by user."""
    iam.generate_credential_report()
    got = iam.get_credential_report()
    assert got["ReportFormat"] == "text/csv"
    return {row["user"]: row for row in csv.DictReader(got["Content"].decode().splitlines())}


def test_a_report_tells_of_keys_and_their_last_use(world: World, iam: Any) -> None:
    user = world.user("u")
    iam.create_user(UserName="keyless")
    second = iam.create_access_key(UserName="u")["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName="u", AccessKeyId=second, Status="Inactive")
    world.uses.keys[user["aws_access_key_id"]] = LastUse(NOW.timestamp(), "s3", "eu-west-1")
    rows = report(iam)
    assert list(rows) == ["<root_account>", "admin", "keyless", "u"]
    row, second_first = rows["u"], iam.list_access_keys(UserName="u")["AccessKeyMetadata"][0]["AccessKeyId"] == second
    used, unused = ("2", "1") if second_first else ("1", "2")
    at = "2026-03-04T05:06:07+00:00"
    assert (row["arn"], row["user_creation_time"]) == (f"arn:aws:iam::{ACCOUNT}:user/u", at)
    found = [row[f"access_key_{used}_{what}"] for what in ("active", "last_rotated", "last_used_date")]
    assert found == ["true", at, at]
    assert (row[f"access_key_{used}_last_used_region"], row[f"access_key_{used}_last_used_service"]) == (
        "eu-west-1",
        "s3",
    )
    assert (row[f"access_key_{unused}_active"], row[f"access_key_{unused}_last_used_date"]) == ("false", "N/A")
    assert (rows["keyless"]["access_key_1_active"], rows["keyless"]["access_key_1_last_rotated"]) == ("false", "N/A")
    assert rows["<root_account>"]["arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert not any(None in row or None in row.values() for row in rows.values())


def test_a_report_is_kept_for_four_hours(world: World, iam: Any, clock: TestClock, refused: Refused) -> None:
    assert refused("ReportNotPresent", iam.get_credential_report) == "The credential report does not exist."
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    first = iam.get_credential_report()
    iam.create_user(UserName="later")
    clock.move(hours=4, seconds=-1)
    iam.generate_credential_report()
    assert iam.get_credential_report()["Content"] == first["Content"]
    clock.move(seconds=1)
    refused("ReportExpired", iam.get_credential_report)
    iam.generate_credential_report()
    again = iam.get_credential_report()
    assert b"later" in again["Content"]
    assert again["GeneratedTime"] > first["GeneratedTime"]


def test_a_report_is_of_ones_own_account(world: World, iam: Any, other: Any, refused: Refused) -> None:
    iam.create_user(UserName="secret-one")
    iam.generate_credential_report()
    refused("ReportNotPresent", other.get_credential_report)
    assert list(report(other)) == ["<root_account>", "admin"]


def test_a_report_has_every_user(world: World, iam: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kansatsu.services.iam.reports._PAGE", 2)
    names = sorted(["admin", *(f"n{number}" for number in range(4))])
    for name in names[1:]:
        iam.create_user(UserName=name)
    assert list(report(iam))[1:] == names


NEEDED = [
    ("get_account_authorization_details", {}),
    ("create_account_alias", {"AccountAlias": "mine"}),
    ("delete_account_alias", {"AccountAlias": "mine"}),
    ("list_account_aliases", {}),
    ("generate_credential_report", {}),
    ("get_credential_report", {}),
]


@pytest.mark.parametrize(("call", "params"), NEEDED, ids=[case[0] for case in NEEDED])
def test_each_takes_its_permission_on_everything(world: World, call: str, params: Any, refused: Refused) -> None:
    action = "iam:" + "".join(word.capitalize() for word in call.split("_"))
    narrow = {"Effect": "Allow", "Action": action, "Resource": f"arn:aws:iam::{ACCOUNT}:*"}
    message = refused("AccessDenied", getattr(world.client("iam", world.user("u", narrow)), call), **params)
    assert f"not authorized to perform: {action} on resource: *" in message


def test_wiping_an_account_takes_alias_and_report_along(world: World, iam: Any) -> None:
    iam.create_account_alias(AccountAlias="acme")
    iam.generate_credential_report()
    with world.store.write() as conn:
        wipe(world.store, conn, ACCOUNT)
    assert iam.list_account_aliases()["AccountAliases"] == []
    with pytest.raises(iam.exceptions.CredentialReportNotPresentException):
        iam.get_credential_report()


def test_there_are_no_templates_of_services_and_no_properties(iam: Any, refused: Refused) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_AcquireRole.html"""
    template = "arn:aws:iam::aws:role-template/lambda.amazonaws.com/Basic:1"
    for call in (iam.acquire_role, iam.get_role_template_version):
        refused("NoSuchEntity", call, TemplateArn=template)
        refused("InvalidInput", call, TemplateArn="arn:aws:iam::aws:role/template")
    refused("NoSuchEntity", iam.acquire_role, TemplateArn=template)
    refused("NoSuchEntity", iam.get_role_template_version, TemplateArn=template)
    refused("InvalidInput", iam.put_account_properties, Properties={"RoleManager/Enabled": "true"})
    assert iam.get_account_properties()["Properties"] == {}
    assert iam.list_roles()["Roles"] == []


def test_no_provider_has_context_to_take_away(iam: Any, refused: Refused) -> None:
    made = iam.create_open_id_connect_provider(Url="https://idp.example")["OpenIDConnectProviderArn"]
    named = {"OpenIDConnectProviderArn": made}
    refused("InvalidInput", iam.update_open_id_connect_provider, **named, RemoveContextProvider=True)
    refused("InvalidInput", iam.update_open_id_connect_provider, **named)
