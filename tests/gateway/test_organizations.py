"""Organizations as an API: what each operation does, and the errors of AWS where it may not.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_Operations.html
"""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from . import raw
from .conftest import Gateway
from .organized import FULL, Organized
from .raw import Keys, statement

SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
NOBODY = "000000000000"


@pytest.fixture(scope="module")
def org(gateway: Gateway) -> Organized:
    return Organized(gateway)


def error(call: Callable[..., Any], **params: Any) -> str:
    """Its code, with the reason where the error has one."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    response = caught.value.response
    reason = response.get("Reason")
    return response["Error"]["Code"] + (f" {reason}" if reason else "")


def boss(gateway: Gateway) -> tuple[str, Keys, Any]:
    """The administrator of an account in no organization."""
    made = gateway.client("kansatsu").create_account()
    keys = Keys(made["AccessKeyId"], made["SecretAccessKey"])
    return made["Account"]["Id"], keys, gateway.client("organizations", keys)


def test_from_nothing_and_back(gateway: Gateway) -> None:
    account, _, api = boss(gateway)
    assert error(api.describe_organization) == "AWSOrganizationsNotInUseException"
    assert error(api.list_roots) == "AWSOrganizationsNotInUseException"
    made = api.create_organization()["Organization"]
    assert (made["MasterAccountId"], made["FeatureSet"]) == (account, "ALL")
    assert made["Arn"] == f"arn:aws:organizations::{account}:organization/{made['Id']}"
    assert error(api.create_organization) == "AlreadyInOrganizationException"
    [root] = api.list_roots()["Roots"]
    assert root["PolicyTypes"] == [{"Type": SCP, "Status": "ENABLED"}]
    for target in (root["Id"], account):
        [held] = api.list_policies_for_target(TargetId=target, Filter=SCP)["Policies"]
        assert (held["Id"], held["AwsManaged"]) == (FULL, True)
    [only] = api.list_accounts()["Accounts"]
    assert (only["Id"], only["Status"], only["State"], only["JoinedMethod"]) == (account, "ACTIVE", "ACTIVE", "INVITED")
    unit = api.create_organizational_unit(ParentId=root["Id"], Name="u")["OrganizationalUnit"]
    assert error(api.delete_organization) == "OrganizationNotEmptyException"
    api.delete_organizational_unit(OrganizationalUnitId=unit["Id"])
    api.delete_organization()
    assert error(api.describe_organization) == "AWSOrganizationsNotInUseException"
    assert api.create_organization(FeatureSet="CONSOLIDATED_BILLING")["Organization"]["Id"] != made["Id"]
    [root] = api.list_roots()["Roots"]
    assert root["PolicyTypes"] == []
    unavailable = "PolicyTypeNotAvailableForOrganizationException"
    assert error(api.enable_policy_type, RootId=root["Id"], PolicyType=SCP) == unavailable


def test_an_account_is_made_with_a_role_for_the_management_account_alone(org: Organized) -> None:
    asked = org.api.create_account(
        Email="New@example.com", AccountName="Shop, staging", RoleName="Way", Tags=[{"Key": "Env", "Value": "stage"}]
    )["CreateAccountStatus"]
    again = org.api.describe_create_account_status(CreateAccountRequestId=asked["Id"])["CreateAccountStatus"]
    assert again == asked and asked["State"] == "SUCCEEDED"
    account = asked["AccountId"]
    shown = org.api.describe_account(AccountId=account)["Account"]
    assert (shown["Name"], shown["Email"], shown["JoinedMethod"]) == ("Shop, staging", "New@example.com", "CREATED")
    assert org.api.list_tags_for_resource(ResourceId=account)["Tags"] == [{"Key": "Env", "Value": "stage"}]
    way = org.assume(org.boss, f"arn:aws:iam::{account}:role/Way")
    iam = org.client("iam", way)
    assert iam.list_users()["Users"] == []
    [role] = [each["RoleName"] for each in iam.list_roles()["Roles"]]
    [attached] = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert attached["PolicyName"] == "AdministratorAccess"
    for keys in (org.gateway.admin, org.person(org.other)):
        with pytest.raises(ClientError, match="AccessDenied"):
            org.assume(keys, f"arn:aws:iam::{account}:role/Way")
    twice = org.api.create_account(Email="new@EXAMPLE.com", AccountName="other")["CreateAccountStatus"]
    assert (twice["State"], twice["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    failed = org.api.list_create_account_status(States=["FAILED"])["CreateAccountStatuses"]
    assert [each["Id"] for each in failed] == [twice["Id"]]
    unknown = "car-00000000000000000000000000000000"
    missing = error(org.api.describe_create_account_status, CreateAccountRequestId=unknown)
    assert missing == "CreateAccountStatusNotFoundException"


def test_the_tree(org: Organized) -> None:
    api = org.api
    at = org.root
    for depth in range(5):
        at = api.create_organizational_unit(ParentId=at, Name=f"level {depth}")["OrganizationalUnit"]["Id"]
    deeper = error(api.create_organizational_unit, ParentId=at, Name="deeper")
    assert deeper == "ConstraintViolationException OU_DEPTH_LIMIT_EXCEEDED"
    assert error(api.create_organizational_unit, ParentId=org.root, Name="level 0") == (
        "DuplicateOrganizationalUnitException"
    )
    account = org.account(at)
    assert api.list_parents(ChildId=account)["Parents"] == [{"Id": at, "Type": "ORGANIZATIONAL_UNIT"}]
    assert api.list_children(ParentId=at, ChildType="ACCOUNT")["Children"] == [{"Id": account, "Type": "ACCOUNT"}]
    assert [each["Id"] for each in api.list_accounts_for_parent(ParentId=at)["Accounts"]] == [account]
    assert error(api.delete_organizational_unit, OrganizationalUnitId=at) == "OrganizationalUnitNotEmptyException"
    renamed = api.update_organizational_unit(OrganizationalUnitId=at, Name="last")["OrganizationalUnit"]
    assert api.describe_organizational_unit(OrganizationalUnitId=at)["OrganizationalUnit"] == renamed
    above = api.list_parents(ChildId=at)["Parents"][0]["Id"]
    assert [each["Name"] for each in api.list_organizational_units_for_parent(ParentId=above)[
        "OrganizationalUnits"
    ]] == ["last"]  # fmt: skip
    assert api.list_children(ParentId=above, ChildType="ORGANIZATIONAL_UNIT")["Children"][0]["Id"] == at
    move = {"AccountId": account, "SourceParentId": at, "DestinationParentId": org.root}
    for change, code in (
        ({"AccountId": NOBODY}, "AccountNotFoundException"),
        ({"SourceParentId": org.root}, "SourceParentNotFoundException"),
        ({"DestinationParentId": "ou-abcd-00000000"}, "DestinationParentNotFoundException"),
        ({"DestinationParentId": at}, "DuplicateAccountException"),
    ):
        assert error(api.move_account, **{**move, **change}) == code
    api.move_account(**move)
    api.delete_organizational_unit(OrganizationalUnitId=at)
    assert error(api.describe_organizational_unit, OrganizationalUnitId=at) == "OrganizationalUnitNotFoundException"
    assert error(api.list_children, ParentId=at, ChildType="ACCOUNT") == "ParentNotFoundException"
    assert error(api.list_parents, ChildId=NOBODY) == "ChildNotFoundException"
    every = [each["Id"] for page in api.get_paginator("list_accounts").paginate(PaginationConfig={"PageSize": 2})
             for each in page["Accounts"]]  # fmt: skip
    assert every == sorted(every) and {account, org.member, org.other, org.management} <= set(every)
    assert error(api.list_accounts, NextToken="x") == "InvalidInputException INVALID_NEXT_TOKEN"


def test_policies_and_what_they_hang_on(org: Organized) -> None:
    api = org.api
    unit = org.unit(org.root)
    made = org.policy(statement("Deny", "s3:*"))
    held = api.describe_policy(PolicyId=made)["Policy"]
    assert held["PolicySummary"]["Arn"].endswith(f":policy/{org.id}/service_control_policy/{made}")
    create = {"Content": held["Content"], "Description": "", "Name": held["PolicySummary"]["Name"], "Type": SCP}
    assert error(api.create_policy, **create) == "DuplicatePolicyException"
    assert made in [each["Id"] for each in api.list_policies(Filter=SCP)["Policies"]]
    for bad in ("{}", "[", raw.document(statement("Allow", "s3:*") | {"Principal": "*"})):
        assert error(api.create_policy, **{**create, "Content": bad, "Name": "bad"}) == (
            "MalformedPolicyDocumentException"
        )
        assert error(api.update_policy, PolicyId=made, Content=bad) == "MalformedPolicyDocumentException"
    allow = raw.document(statement("Allow", "s3:*") | {"Principal": "*"})
    assert error(api.create_policy, **{**create, "Content": allow, "Type": RCP, "Name": "r"}) == (
        "MalformedPolicyDocumentException"
    )
    assert error(api.create_policy, **{**create, "Type": "TAG_POLICY", "Name": "tags"}) == "NotImplemented"
    api.attach_policy(PolicyId=made, TargetId=unit)
    assert error(api.attach_policy, PolicyId=made, TargetId=unit) == "DuplicatePolicyAttachmentException"
    assert error(api.attach_policy, PolicyId=made, TargetId=NOBODY) == "TargetNotFoundException"
    assert error(api.attach_policy, PolicyId="p-00000000", TargetId=unit) == "PolicyNotFoundException"
    assert error(api.delete_policy, PolicyId=made) == "PolicyInUseException"
    [target] = api.list_targets_for_policy(PolicyId=made)["Targets"]
    assert (target["TargetId"], target["Type"]) == (unit, "ORGANIZATIONAL_UNIT")
    org.attach(unit, statement("Deny", "s3:*"))
    [*held] = api.list_policies_for_target(TargetId=unit, Filter=SCP)["Policies"]
    for each in held[:-1]:
        org.take(each["Id"], unit)
    last = error(api.detach_policy, PolicyId=held[-1]["Id"], TargetId=unit)
    assert last == "ConstraintViolationException MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
    gone = made if held[-1]["Id"] != made else held[0]["Id"]
    assert error(api.detach_policy, PolicyId=gone, TargetId=unit) == "PolicyNotAttachedException"
    always = error(api.detach_policy, PolicyId="p-RCPFullAWSAccess", TargetId=unit)
    assert always == "InvalidInputException NON_DETACHABLE_POLICY"
    for call, params in ((api.update_policy, {"Name": "mine"}), (api.delete_policy, {})):
        assert error(call, PolicyId=FULL, **params) == "InvalidInputException IMMUTABLE_POLICY"
    api.delete_organizational_unit(OrganizationalUnitId=unit)
    assert api.list_targets_for_policy(PolicyId=held[-1]["Id"]).get("Targets", []) == [] or held[-1]["Id"] == FULL
    assert error(api.enable_policy_type, RootId=org.root, PolicyType=SCP) == "PolicyTypeAlreadyEnabledException"
    assert error(api.enable_policy_type, RootId="r-0000", PolicyType=RCP) == "RootNotFoundException"
    effective = error(api.describe_effective_policy, PolicyType="TAG_POLICY", TargetId=org.member)
    assert effective == "EffectivePolicyNotFoundException"


@pytest.mark.parametrize(("kind", "size", "count"), [(SCP, 10_240, 10), (RCP, 5_120, 5)])
def test_the_quotas_of_policies(org: Organized, kind: str, size: int, count: int) -> None:
    """https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html"""
    deny = statement("Deny", "s3:*") | ({"Principal": "*"} if kind == RCP else {})
    fits = raw.document(deny)
    fits += " " * (size - len(fits))
    create = {"Description": "", "Type": kind, "Name": org.gateway.name("large")}
    assert error(org.api.create_policy, **create, Content=fits + " ") == (
        "ConstraintViolationException POLICY_CONTENT_LIMIT_EXCEEDED"
    )
    made = org.api.create_policy(**create, Content=fits)["Policy"]["PolicySummary"]["Id"]
    unit = org.unit(org.root)
    for _ in range(count - 1):  # besides what AWS attaches to a new unit
        org.attach(unit, statement("Deny", "s3:*"), rcp=kind == RCP)
    assert error(org.api.attach_policy, PolicyId=made, TargetId=unit) == (
        "ConstraintViolationException MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
    )


def test_invitations(org: Organized) -> None:
    account, _, invited = boss(org.gateway)
    invite = {"Target": {"Type": "ACCOUNT", "Id": account}, "Notes": "join us"}
    made = org.api.invite_account_to_organization(**invite)["Handshake"]
    assert made["State"] == "OPEN"
    assert error(org.api.invite_account_to_organization, **invite) == "DuplicateHandshakeException"
    [got] = invited.list_handshakes_for_account()["Handshakes"]
    assert got["Id"] == made["Id"] and {"Type": "NOTES", "Value": "join us"} in got["Resources"]
    stranger = org.gateway.client("organizations", org.gateway.stranger)
    for call in (stranger.accept_handshake, stranger.describe_handshake):
        assert error(call, HandshakeId=made["Id"]) == "HandshakeNotFoundException"
    assert error(org.api.accept_handshake, HandshakeId=made["Id"]) == "AccessDeniedException"
    assert error(invited.cancel_handshake, HandshakeId=made["Id"]) == "AccessDeniedException"
    invited.decline_handshake(HandshakeId=made["Id"])
    assert error(invited.accept_handshake, HandshakeId=made["Id"]) == "InvalidHandshakeTransitionException"
    made = org.api.invite_account_to_organization(**invite)["Handshake"]
    org.api.cancel_handshake(HandshakeId=made["Id"])
    assert error(org.api.cancel_handshake, HandshakeId=made["Id"]) == "HandshakeAlreadyInStateException"
    made = org.api.invite_account_to_organization(**invite, Tags=[{"Key": "k", "Value": "v"}])["Handshake"]
    assert invited.accept_handshake(HandshakeId=made["Id"])["Handshake"]["State"] == "ACCEPTED"
    assert invited.describe_organization()["Organization"]["Id"] == org.id
    assert org.api.describe_account(AccountId=account)["Account"]["JoinedMethod"] == "INVITED"
    assert org.api.list_tags_for_resource(ResourceId=account)["Tags"] == [{"Key": "k", "Value": "v"}]
    states = [each["State"] for each in org.api.list_handshakes_for_organization()["Handshakes"]]
    for action, found in (("INVITE", states), ("ENABLE_ALL_FEATURES", [])):
        listed = org.api.list_handshakes_for_organization(Filter={"ActionType": action})["Handshakes"]
        assert [each["State"] for each in listed] == found
    assert states == ["DECLINED", "CANCELED", "ACCEPTED"]
    already = "HandshakeConstraintViolationException ALREADY_IN_AN_ORGANIZATION"
    assert error(org.api.invite_account_to_organization, **invite) == already
    invited.leave_organization()
    assert error(invited.describe_organization) == "AWSOrganizationsNotInUseException"
    assert error(org.api.leave_organization) == "MasterCannotLeaveOrganizationException"


def test_delegated_administrators_see_and_change_nothing(org: Organized) -> None:
    service = {"ServicePrincipal": "access-analyzer.amazonaws.com"}
    delegate = {"AccountId": org.other, **service}
    mine = org.client("organizations", org.person(org.other))
    assert error(org.api.register_delegated_administrator, **delegate) == (
        "ConstraintViolationException SERVICE_ACCESS_NOT_ENABLED"
    )
    org.api.enable_aws_service_access(**service)
    assert [each["ServicePrincipal"] for each in org.api.list_aws_service_access_for_organization()[
        "EnabledServicePrincipals"
    ]] == [service["ServicePrincipal"]]  # fmt: skip
    assert error(mine.list_accounts) == "AccessDeniedException"
    org.api.register_delegated_administrator(**delegate)
    assert error(org.api.register_delegated_administrator, **delegate) == "AccountAlreadyRegisteredException"
    assert mine.list_accounts()["Accounts"]
    assert mine.describe_account(AccountId=org.member)["Account"]["Id"] == org.member
    assert mine.describe_policy(PolicyId=FULL)["Policy"]["PolicySummary"]["Name"] == "FullAWSAccess"
    move = {"AccountId": org.other, "SourceParentId": org.root, "DestinationParentId": org.outer}
    assert error(mine.move_account, **move) == "AccessDeniedException"
    [admin] = org.api.list_delegated_administrators()["DelegatedAdministrators"]
    assert admin["Id"] == org.other
    [held] = org.api.list_delegated_services_for_account(AccountId=org.other)["DelegatedServices"]
    assert held["ServicePrincipal"] == service["ServicePrincipal"]
    refused = error(org.api.remove_account_from_organization, AccountId=org.other)
    assert refused == "ConstraintViolationException CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG"
    org.api.deregister_delegated_administrator(**delegate)
    assert error(org.api.deregister_delegated_administrator, **delegate) == "AccountNotRegisteredException"
    org.api.disable_aws_service_access(**service)
    assert error(mine.list_accounts) == "AccessDeniedException"


def test_tags_and_permissions(org: Organized) -> None:
    """Who may do what in Organizations is IAM's to say, on the ARNs of the Service Authorization Reference."""
    tags = [{"Key": "Team", "Value": "red"}, {"Key": "team", "Value": "blue"}]
    for resource in (org.root, org.outer, org.member, org.policy(statement("Deny", "s3:*"))):
        org.api.tag_resource(ResourceId=resource, Tags=tags)
        assert org.api.list_tags_for_resource(ResourceId=resource)["Tags"] == tags
        org.api.untag_resource(ResourceId=resource, TagKeys=["team"])
    assert error(org.api.tag_resource, ResourceId=org.root, Tags=[{"Key": "aws:x", "Value": ""}]) == (
        "InvalidInputException INVALID_SYSTEM_TAGS_PARAMETER"
    )
    outer = f"arn:aws:organizations::{org.management}:ou/{org.id}/{org.outer}"
    red = {"StringEquals": {"aws:ResourceTag/Team": "red"}}
    only = org.client(
        "organizations",
        org.person(
            org.management,
            statement("Allow", "organizations:CreateOrganizationalUnit", outer),
            statement("Allow", "organizations:DescribeAccount", "*") | {"Condition": red},
            statement("Allow", "organizations:AttachPolicy")
            | {"Condition": {"StringEquals": {"organizations:PolicyType": RCP}}},
        ),
    )
    only.create_organizational_unit(ParentId=org.outer, Name="allowed")
    create = {"ParentId": org.root, "Name": "not allowed"}
    assert error(only.create_organizational_unit, **create) == "AccessDeniedException"
    tagged = {"ParentId": org.outer, "Name": "tagged", "Tags": tags}
    assert error(only.create_organizational_unit, **tagged) == "AccessDeniedException"
    only.describe_account(AccountId=org.member)
    assert error(only.describe_account, AccountId=org.other) == "AccessDeniedException"
    unit = org.unit(org.root)
    only.attach_policy(PolicyId=org.policy(statement("Deny", "s3:*"), rcp=True), TargetId=unit)
    attach = {"PolicyId": org.policy(statement("Deny", "s3:*")), "TargetId": unit}
    assert error(only.attach_policy, **attach) == "AccessDeniedException"
