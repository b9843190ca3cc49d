"""Every paginator and every waiter that boto3 has for IAM: item by item it is the same list as all at once.

https://docs.aws.amazon.com/IAM/latest/UserGuide/programming.html (the markers of List operations)
"""

import json
from typing import Any

import boto3
import pytest

import stores

from .conftest import ACCOUNT, EC2_TRUST, POLICY, World
from .test_iam_credentials import CURVE, KEYS, certified, pem, ssh
from .test_iam_saml import metadata
from .test_iam_sign_in import _codes, _seed

TRUST, DOCUMENT = json.dumps(EC2_TRUST), json.dumps(POLICY)
ARN = f"arn:aws:iam::{ACCOUNT}"
TAGS = [{"Key": f"k{number}", "Value": "v"} for number in range(3)]
AWS = [f"arn:aws:iam::aws:policy/{name}" for name in ("ReadOnlyAccess", "IAMReadOnlyAccess", "AmazonS3FullAccess")]
THREE = ("one", "two", "three")
SIMULATED = {"ActionNames": ["s3:GetObject", "s3:PutObject", "sqs:SendMessage"]}


@pytest.fixture(scope="module")
def iam(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An account in which everything is there at least twice."""
    from .conftest import TestClock

    clock = TestClock()
    store = stores.opened(tmp_path_factory.mktemp("pages") / "data", clock)
    world = World(store, clock)
    _fill(world.iam, clock)
    yield world.iam
    store.close()


def _fill(iam: Any, clock: Any) -> None:
    arns = [iam.create_policy(PolicyName=name, PolicyDocument=DOCUMENT, Tags=TAGS)["Policy"]["Arn"] for name in THREE]
    for _ in range(2):
        iam.create_policy_version(PolicyArn=arns[0], PolicyDocument=DOCUMENT)
    for name in THREE:
        iam.create_user(UserName=name, Tags=TAGS)
        iam.create_group(GroupName=name)
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Tags=TAGS)
        iam.create_instance_profile(InstanceProfileName=name, Tags=TAGS)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName="one")
        for kind in ("user", "group", "role"):
            owner = {f"{kind.capitalize()}Name": "one"}
            getattr(iam, f"put_{kind}_policy")(**owner, PolicyName=name, PolicyDocument=DOCUMENT)
            for arn in (arns[0], *AWS):
                getattr(iam, f"attach_{kind}_policy")(**{f"{kind.capitalize()}Name": name}, PolicyArn=arn)
    for name in THREE:
        iam.add_user_to_group(GroupName=name, UserName="one")
        if name != "one":
            iam.add_user_to_group(GroupName="one", UserName=name)
        device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name, Tags=TAGS)["VirtualMFADevice"]
        iam.enable_mfa_device(UserName="one", SerialNumber=device["SerialNumber"], **_codes(_seed(device), clock))
    for _ in range(2):
        iam.create_access_key(UserName="one")
    for key in KEYS[:2]:
        iam.upload_ssh_public_key(UserName="one", SSHPublicKeyBody=ssh(key))
        iam.upload_signing_certificate(UserName="one", CertificateBody=certified(key))
    for name in THREE[:2]:
        iam.upload_server_certificate(
            ServerCertificateName=name, CertificateBody=certified(CURVE), PrivateKey=pem(CURVE), Tags=TAGS
        )
    iam.create_open_id_connect_provider(Url="https://idp.example", Tags=TAGS)
    iam.create_saml_provider(Name="corp", SAMLMetadataDocument=metadata(), Tags=TAGS)
    iam.create_account_alias(AccountAlias="pages")


_ONE = {kind: {f"{kind}Name": "one"} for kind in ("User", "Group", "Role", "InstanceProfile", "ServerCertificate")}
ASKED: dict[str, dict[str, Any]] = {
    "GetAccountAuthorizationDetails": {},
    "GetGroup": _ONE["Group"],
    "ListAccessKeys": _ONE["User"],
    "ListAccountAliases": {},
    "ListAttachedGroupPolicies": _ONE["Group"],
    "ListAttachedRolePolicies": _ONE["Role"],
    "ListAttachedUserPolicies": _ONE["User"],
    "ListEntitiesForPolicy": {"PolicyArn": f"{ARN}:policy/one"},
    "ListGroupPolicies": _ONE["Group"],
    "ListGroups": {},
    "ListGroupsForUser": _ONE["User"],
    "ListInstanceProfiles": {},
    "ListInstanceProfilesForRole": _ONE["Role"],
    "ListMFADevices": _ONE["User"],
    "ListPolicies": {"Scope": "Local"},
    "ListPolicyVersions": {"PolicyArn": f"{ARN}:policy/one"},
    "ListRolePolicies": _ONE["Role"],
    "ListRoles": {},
    "ListServerCertificates": {},
    "ListSigningCertificates": _ONE["User"],
    "ListSSHPublicKeys": _ONE["User"],
    "ListUserPolicies": _ONE["User"],
    "ListUsers": {},
    "ListVirtualMFADevices": {},
    "SimulateCustomPolicy": {**SIMULATED, "PolicyInputList": [DOCUMENT]},
    "SimulatePrincipalPolicy": {**SIMULATED, "PolicySourceArn": f"{ARN}:user/one"},
    "ListUserTags": _ONE["User"],
    "ListInstanceProfileTags": _ONE["InstanceProfile"],
    "ListMFADeviceTags": {"SerialNumber": f"{ARN}:mfa/one"},
    "ListOpenIDConnectProviderTags": {"OpenIDConnectProviderArn": f"{ARN}:oidc-provider/idp.example"},
    "ListPolicyTags": {"PolicyArn": f"{ARN}:policy/one"},
    "ListRoleTags": _ONE["Role"],
    "ListSAMLProviderTags": {"SAMLProviderArn": f"{ARN}:saml-provider/corp"},
    "ListServerCertificateTags": _ONE["ServerCertificate"],
}
_FEWEST = {"ListAccountAliases": 1}  # an account has no more


def test_item_by_item_is_all_at_once(iam: Any) -> None:
    config = boto3.session.Session()._session.get_paginator_model("iam")._paginator_config
    assert set(config) == set(ASKED), "boto3 has another paginator"
    methods = {operation: name for name, operation in iam.meta.method_to_api_mapping.items()}
    for operation, params in ASKED.items():
        pages = iam.get_paginator(methods[operation])
        keys = config[operation]["result_key"]
        for key in [keys] if isinstance(keys, str) else keys:
            whole = list(pages.paginate(**params).search(f"{key}[]"))
            single = list(pages.paginate(**params, PaginationConfig={"PageSize": 1}))
            by_one = [item for page in single for item in page.get(key, ())]
            assert by_one == whole, operation
            assert len(whole) >= _FEWEST.get(operation, 2), operation
            assert all(sum(len(page.get(one, ())) for one in _all(keys)) <= 1 for page in single), operation
            assert [page["IsTruncated"] for page in single] == [True] * (len(single) - 1) + [False], operation


def _all(keys: str | list[str]) -> list[str]:
    return [keys] if isinstance(keys, str) else keys


def test_waiters_see_what_is_there_and_give_up_on_what_is_not(iam: Any) -> None:
    asked = {
        "instance_profile_exists": _ONE["InstanceProfile"],
        "policy_exists": {"PolicyArn": f"{ARN}:policy/one"},
        "role_exists": _ONE["Role"],
        "user_exists": _ONE["User"],
    }
    assert set(iam.waiter_names) == set(asked), "boto3 has another waiter"
    once = {"Delay": 0, "MaxAttempts": 1}
    for name, params in asked.items():
        waiter = iam.get_waiter(name)
        waiter.wait(**params, WaiterConfig=once)
        missing = {key: value.replace("one", "nobody") for key, value in params.items()}
        with pytest.raises(Exception, match="Max attempts exceeded"):
            waiter.wait(**missing, WaiterConfig=once)
