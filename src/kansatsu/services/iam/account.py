"""The account in numbers: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html"""

from typing import Any

from sqlalchemy import func, select

from kansatsu.identity import attachments, credentials, entities, groups, inline, keys, managed, profiles
from kansatsu.identity.schema import policy, policy_version
from kansatsu.services.iam import _resources, _trust, oidc_providers, public_keys, saml_providers, server_certificates
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call

# Only quotas that are enforced here: AWS's limits on the number of entities of an account are not.
_QUOTAS = {
    "UserPolicySizeQuota": inline.TOTAL_SIZE["user"],
    "GroupPolicySizeQuota": inline.TOTAL_SIZE["group"],
    "RolePolicySizeQuota": inline.TOTAL_SIZE["role"],
    "AssumeRolePolicySizeQuota": _trust.SIZE,
    "PolicySizeQuota": managed.SIZE,
    "VersionsPerPolicyQuota": managed.VERSIONS,
    "GroupsPerUserQuota": groups.PER_USER,
    "AccessKeysPerUserQuota": keys.PER_USER,
    "AttachedPoliciesPerUserQuota": attachments.LIMIT,
    "AttachedPoliciesPerGroupQuota": attachments.LIMIT,
    "AttachedPoliciesPerRoleQuota": attachments.LIMIT,
    "SigningCertificatesPerUserQuota": public_keys.PER_USER[public_keys.CERTIFICATE],
    "ServerCertificatesQuota": server_certificates.PER_ACCOUNT,
}

# What nobody has, because nothing here makes it: the operations for it answer 501. The root user cannot sign in.
_ABSENT = (
    "AccountMFAEnabled",
    "AccountAccessKeysPresent",
    "AccountPasswordPresent",
    "AccountSigningCertificatesPresent",
)


@iam("GetAccountSummary", _resources.everything)
def get_account_summary(call: Call) -> dict[str, Any]:
    own = select(func.count()).select_from(policy).where(policy.c.account == call.account)
    in_use = (
        select(func.count())
        .select_from(policy_version.join(policy, policy.c.id == policy_version.c.policy_id))
        .where(policy.c.account == call.account)
    )
    counted = {
        "Users": entities.count(call.conn, call.account, "user"),
        "Groups": entities.count(call.conn, call.account, "group"),
        "Roles": entities.count(call.conn, call.account, "role"),
        "InstanceProfiles": profiles.count(call.conn, call.account),
        "Policies": call.conn.execute(own).scalar_one(),
        "PolicyVersionsInUse": call.conn.execute(in_use).scalar_one(),
        "ServerCertificates": credentials.count(call.conn, call.account, server_certificates.KIND),
        "Providers": sum(
            credentials.count(call.conn, call.account, kind) for kind in (oidc_providers.KIND, saml_providers.KIND)
        ),
        "MFADevices": credentials.count(call.conn, call.account, "mfa"),
        "MFADevicesInUse": credentials.count(call.conn, call.account, "mfa", in_use=True),
    }
    return {"SummaryMap": counted | dict.fromkeys(_ABSENT, 0) | _QUOTAS}
