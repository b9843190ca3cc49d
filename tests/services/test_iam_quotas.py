"""Quotas: each holds, can be another one, and is told by its name."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from kansatsu.cli import values
from kansatsu.identity.quotas import DEFAULTS, Quotas

from .conftest import EC2_TRUST, POLICY, World
from .test_iam_credentials import KEYS, certified, pem
from .test_iam_saml import metadata

Refused = Callable[..., str]
TRUST, DOCUMENT = json.dumps(EC2_TRUST), json.dumps(POLICY)
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
Ask = tuple[str, Callable[..., Any], dict[str, Any]]


def cases(iam: Any) -> dict[str, Ask]:
    """Quota -> what would be one more than none: the administrator's user is there already."""
    iam.create_user(UserName="u")
    iam.create_group(GroupName="g")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    return {
        "UsersPerAccount": ("LimitExceeded", iam.create_user, {"UserName": "new"}),
        "GroupsPerAccount": ("LimitExceeded", iam.create_group, {"GroupName": "new"}),
        "RolesPerAccount": ("LimitExceeded", iam.create_role, {"RoleName": "new", "AssumeRolePolicyDocument": TRUST}),
        "PoliciesPerAccount": ("LimitExceeded", iam.create_policy, {"PolicyName": "new", "PolicyDocument": DOCUMENT}),
        "InstanceProfilesPerAccount": ("LimitExceeded", iam.create_instance_profile, {"InstanceProfileName": "new"}),
        "VirtualMFADevicesPerAccount": (
            "LimitExceeded",
            iam.create_virtual_mfa_device,
            {"VirtualMFADeviceName": "new"},
        ),
        "OpenIdConnectProvidersPerAccount": (
            "LimitExceeded",
            iam.create_open_id_connect_provider,
            {"Url": "https://idp.example"},
        ),
        "SAMLProvidersPerAccount": (
            "LimitExceeded",
            iam.create_saml_provider,
            {"Name": "new", "SAMLMetadataDocument": metadata()},
        ),
        "ServerCertificatesPerAccount": (
            "LimitExceeded",
            iam.upload_server_certificate,
            {"ServerCertificateName": "new", "CertificateBody": certified(KEYS[0]), "PrivateKey": pem(KEYS[0])},
        ),
        "PoliciesPerUser": ("LimitExceeded", iam.attach_user_policy, {"UserName": "u", "PolicyArn": READ_ONLY}),
        "PoliciesPerGroup": ("LimitExceeded", iam.attach_group_policy, {"GroupName": "g", "PolicyArn": READ_ONLY}),
        "PoliciesPerRole": ("LimitExceeded", iam.attach_role_policy, {"RoleName": "r", "PolicyArn": READ_ONLY}),
        "GroupsPerUser": ("LimitExceeded", iam.add_user_to_group, {"UserName": "u", "GroupName": "g"}),
        "AccessKeysPerUser": ("LimitExceeded", iam.create_access_key, {"UserName": "u"}),
        "ACLSizePerRole": ("LimitExceeded", iam.update_assume_role_policy, {"RoleName": "r", "PolicyDocument": TRUST}),
    }


def test_every_quota_holds_and_can_be_changed(world: World, iam: Any, refused: Refused) -> None:
    asks = cases(iam)
    assert set(asks) == set(DEFAULTS)
    for name, (code, call, params) in asks.items():
        world.store.quotas = Quotas({name: 0})
        assert refused(code, call, **params) == f"Cannot exceed quota for {name}: 0"
        world.store.quotas = Quotas({name: None})
        call(**params)


def test_a_quota_counts_what_is_there(world: World, iam: Any, refused: Refused) -> None:
    world.store.quotas = Quotas({"RolesPerAccount": 2})
    for name in ("one", "two"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    refused("LimitExceeded", iam.create_role, RoleName="three", AssumeRolePolicyDocument=TRUST)
    refused("LimitExceeded", iam.create_service_linked_role, AWSServiceName="ecs.amazonaws.com")
    iam.delete_role(RoleName="one")
    iam.create_role(RoleName="three", AssumeRolePolicyDocument=TRUST)


def test_the_summary_tells_the_quotas_that_hold(world: World, iam: Any) -> None:
    world.store.quotas = Quotas({"RolesPerAccount": 7, "UsersPerAccount": None})
    told = iam.get_account_summary()["SummaryMap"]
    assert (told["RolesQuota"], told["GroupsQuota"], "UsersQuota" in told) == (7, 300, False)
    assert told["GlobalEndpointTokenVersion"] == 1


def test_the_summary_tells_the_version_of_tokens(iam: Any, refused: Refused) -> None:
    """What it does: gateway/test_global_sessions.py."""
    for given, version in (("v2Token", 2), ("v1Token", 1)):
        iam.set_security_token_service_preferences(GlobalEndpointTokenVersion=given)
        assert iam.get_account_summary()["SummaryMap"]["GlobalEndpointTokenVersion"] == version
    refused("ValidationError", iam.set_security_token_service_preferences, GlobalEndpointTokenVersion="v3Token")


@pytest.mark.parametrize("text", ["aws", "RolesPerAccount=5", "RolesPerAccount=unlimited,PoliciesPerRole=20"])
def test_the_setting_is_shown_as_it_was_written(text: str) -> None:
    assert values.show_quotas(values.quotas(text)) == text


@pytest.mark.parametrize("text", ["", "Roles=5", "RolesPerAccount", "RolesPerAccount=-1", "RolesPerAccount=many"])
def test_what_is_no_quota(text: str) -> None:
    with pytest.raises(values.BadValue):
        values.quotas(text)
