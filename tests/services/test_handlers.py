"""Every registered operation exists in AWS's model and takes nothing that the model does not know."""

import pytest
from botocore import xform_name

from kansatsu import wire
from kansatsu.catalog import reference
from kansatsu.services import cloudtrail, ecs, iam, organizations, sts
from kansatsu.services.registry import Handler, everything, handlers, mismatches

PACKAGES = (cloudtrail, ecs, iam, organizations, sts)  # importing them registers their operations
_OURS = [item for item in handlers() if item.service in ("iam", "sts")]

# The parameters of the model that an operation of ours does not take: it answers 501 to them.
_NOT_TAKEN = {
    "CreateRole": {"max_signin_session_duration"},
    "CreateLoginProfile": {"max_signin_session_duration"},
    "UpdateLoginProfile": {"max_signin_session_duration", "reset_max_signin_session_duration"},
    "UpdateRole": {"max_signin_session_duration", "reset_max_signin_session_duration"},
    "CreateOpenIDConnectProvider": {"context_provider", "identity_center_instance_arn"},
    "UpdateOpenIDConnectProvider": {"context_provider", "identity_center_instance_arn"},
    "CreateSAMLProvider": {
        *("assertion_encryption_mode", "add_private_key", "context_provider", "identity_center_instance_arn")
    },
    "UpdateSAMLProvider": {
        *("assertion_encryption_mode", "add_private_key", "remove_private_key", "context_provider"),
        *("identity_center_instance_arn", "remove_context_provider", "remove_identity_center_instance"),
    },
}


@pytest.mark.parametrize("item", _OURS, ids=lambda item: f"{item.service}:{item.name}")
def test_fits_the_model(item: Handler) -> None:
    service = wire.load_service(item.service)
    assert item.name in service.operation_names
    model = service.operation(item.name)
    assert mismatches(item, model) == []
    taken = set(item.arguments) | _NOT_TAKEN.get(item.name, set())
    assert {xform_name(member) for member in model.input_members} == taken


def test_none_is_on_everything_that_aws_has_a_resource_for() -> None:
    """Of docs/catalog.md: what Kansatsu answers itself is never authorized on more than AWS asks for."""
    for item in handlers():
        documented = reference.documented(*item.action.split(":", 1))
        if item.resource is everything and not item.always_allowed and documented:
            assert not any(kind.required for kind in documented.types), item.name


def test_all_of_the_issue_are_there() -> None:
    names = {item.name for item in _OURS}
    owners = ("User", "Group", "Role")
    wanted = {f"{verb}{kind}" for verb in ("Create", "Get", "Update", "Delete") for kind in owners}
    wanted |= {f"{verb}{kind}Policy" for verb in ("Put", "Get", "Delete", "Attach", "Detach") for kind in owners}
    wanted |= {f"List{kind}Policies" for kind in owners} | {f"ListAttached{kind}Policies" for kind in owners}
    wanted |= {f"{verb}{kind}PermissionsBoundary" for verb in ("Put", "Delete") for kind in ("User", "Role")}
    tagged = ("User", "Role", "Policy", "InstanceProfile")
    wanted |= {f"{verb}{kind}" for verb in ("Tag", "Untag") for kind in tagged} | {f"List{kind}Tags" for kind in tagged}
    wanted |= {f"{verb}AccessKey" for verb in ("Create", "Update", "Delete")} | {"ListAccessKeys"}
    wanted |= {f"{verb}InstanceProfile" for verb in ("Create", "Get", "Delete")} | {"ListInstanceProfilesForRole"}
    wanted |= {"AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile", "ListInstanceProfiles", "GetPolicy"}
    wanted |= {"ListUsers", "ListGroups", "ListRoles", "ListPolicies", "AddUserToGroup", "RemoveUserFromGroup"}
    wanted |= {"ListGroupsForUser", "UpdateAssumeRolePolicy", "UpdateRoleDescription", "CreatePolicy", "DeletePolicy"}
    wanted |= {"CreatePolicyVersion", "GetPolicyVersion", "ListPolicyVersions", "SetDefaultPolicyVersion"}
    wanted |= {"DeletePolicyVersion", "ListEntitiesForPolicy", "GetAccessKeyLastUsed", "GetAccountSummary"}
    wanted |= {"GetCallerIdentity", "AssumeRole", "GetAccessKeyInfo", "DecodeAuthorizationMessage"}
    assert wanted <= names
