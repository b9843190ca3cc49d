"""The account in numbers: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html"""

from typing import Any

from sqlalchemy import func, select

from kansatsu.identity import credentials, inline, keys, managed, profiles, tally, token_versions
from kansatsu.identity.schema import policy, policy_version
from kansatsu.services.iam import _resources, oidc_providers, public_keys, saml_providers, server_certificates
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call

# Only quotas that are enforced here.
_QUOTAS = {
    "UserPolicySizeQuota": inline.TOTAL_SIZE["user"],
    "GroupPolicySizeQuota": inline.TOTAL_SIZE["group"],
    "RolePolicySizeQuota": inline.TOTAL_SIZE["role"],
    "PolicySizeQuota": managed.SIZE,
    "VersionsPerPolicyQuota": managed.VERSIONS,
    "SigningCertificatesPerUserQuota": public_keys.PER_USER[public_keys.CERTIFICATE],
}
# Quotas that a setting can change -> their names in identity.quotas; of what has no limit none is shown.
_ADJUSTABLE = {
    "UsersQuota": "UsersPerAccount",
    "GroupsQuota": "GroupsPerAccount",
    "RolesQuota": "RolesPerAccount",
    "PoliciesQuota": "PoliciesPerAccount",
    "InstanceProfilesQuota": "InstanceProfilesPerAccount",
    "ServerCertificatesQuota": "ServerCertificatesPerAccount",
    "GroupsPerUserQuota": "GroupsPerUser",
    "AccessKeysPerUserQuota": "AccessKeysPerUser",
    "AttachedPoliciesPerUserQuota": "PoliciesPerUser",
    "AttachedPoliciesPerGroupQuota": "PoliciesPerGroup",
    "AttachedPoliciesPerRoleQuota": "PoliciesPerRole",
    "AssumeRolePolicySizeQuota": "ACLSizePerRole",
}
_COUNTED = {
    "Users": ("user",),
    "Groups": ("group",),
    "Roles": ("role",),
    "InstanceProfiles": (profiles.KIND,),
    "Policies": (managed.KIND,),
    "ServerCertificates": (server_certificates.KIND,),
    "Providers": (oidc_providers.KIND, saml_providers.KIND),
    "MFADevices": ("mfa",),
}
_VERSIONS = {"v1Token": token_versions.BY_DEFAULT, "v2Token": token_versions.EVERYWHERE}

_MFA = {"AccountMFAEnabled": 0}  # the root user has no device here
_OF_ROOT = {"AccountPasswordPresent": "password", "AccountSigningCertificatesPresent": public_keys.CERTIFICATE}


@iam("GetAccountSummary", _resources.everything)
def get_account_summary(call: Call) -> dict[str, Any]:
    in_use = (
        select(func.count())
        .select_from(policy_version.join(policy, policy.c.id == policy_version.c.policy_id))
        .where(policy.c.account == call.account)
    )
    counted = {
        shown: sum(tally.held(call.conn, call.account, kind) for kind in kinds) for shown, kinds in _COUNTED.items()
    } | {
        "PolicyVersionsInUse": call.conn.execute(in_use).scalar_one(),
        "AccountAccessKeysPresent": int(bool(keys.of_root(call.conn, call.account))),
        "MFADevicesInUse": credentials.in_use(call.conn, call.account, "mfa"),
        "GlobalEndpointTokenVersion": token_versions.of(call.conn, call.account),
    }
    for shown, kind in _OF_ROOT.items():
        counted[shown] = int(bool(credentials.owned(call.conn, call.account, kind)))
    limits = {shown: call.store.quotas.of(name) for shown, name in _ADJUSTABLE.items()}
    adjusted = {shown: limit for shown, limit in limits.items() if limit is not None}
    return {"SummaryMap": counted | _MFA | _QUOTAS | adjusted}


@iam("SetSecurityTokenServicePreferences", _resources.everything, write=True)
def set_security_token_service_preferences(call: Call, global_endpoint_token_version: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_SetSecurityTokenServicePreferences.html"""
    token_versions.put(call.conn, call.account, _VERSIONS[global_endpoint_token_version])
    return {}
