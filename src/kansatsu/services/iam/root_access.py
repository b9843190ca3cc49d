"""Central management of the root users of an organization's members: which of its features are enabled.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-enable-root-access.html
"""

from collections.abc import Callable
from typing import Any

from kansatsu.errors import AwsError
from kansatsu.identity.organizations import Organization, delegation, tree
from kansatsu.services.iam import _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call

SERVICE = "iam.amazonaws.com"
CREDENTIALS, SESSIONS = "RootCredentialsManagement", "RootSessions"
_OPERATIONS = {
    "EnableOrganizationsRootCredentialsManagement": (CREDENTIALS, True),
    "EnableOrganizationsRootSessions": (SESSIONS, True),
    "DisableOrganizationsRootCredentialsManagement": (CREDENTIALS, False),
    "DisableOrganizationsRootSessions": (SESSIONS, False),
}


@iam("ListOrganizationsFeatures", _resources.everything)
def list_organizations_features(call: Call) -> dict[str, Any]:
    return _shown(_organization(call))


def _setter(feature: str, enabled: bool) -> Callable[[Call], dict[str, Any]]:
    def run(call: Call) -> dict[str, Any]:
        org = _organization(call)
        if enabled and call.account != org.account:
            raise _error(
                "CallerIsNotManagementAccount", "The account is not the management account of the organization."
            )
        features = {*org.features, feature} if enabled else {*org.features} - {feature}
        return _shown(tree.change(call.conn, org, features=sorted(features)))

    return run


for _name, (_feature, _enabled) in _OPERATIONS.items():
    iam(_name, _resources.everything, write=True)(_setter(_feature, _enabled))


def _organization(call: Call) -> Organization:
    """The organization whose root users the caller may manage. Raises the errors of each operation's page.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableOrganizationsRootSessions.html
    """
    org = tree.find(call.conn, call.account)
    if org is None:
        raise _error("OrganizationNotFound", "Your account is not a member of an organization.")
    if call.account != org.account and not delegation.is_delegated(call.conn, org, call.account, SERVICE):
        raise _error(
            "AccountNotManagementOrDelegatedAdministrator",
            "The account is neither the management account of the organization nor a delegated administrator for IAM.",
        )
    if org.feature_set != tree.ALL_FEATURES:
        raise _error("OrganizationNotInAllFeaturesMode", "The organization does not have all features enabled.")
    if not any(item.service == SERVICE for item in delegation.enabled(call.conn, org)):
        raise _error("ServiceAccessNotEnabled", f"Trusted access of {SERVICE} to the organization is not enabled.")
    return org


def _error(name: str, sentence: str) -> AwsError:
    return AwsError(sentence, code=f"{name}Exception", status=400)


def _shown(org: Organization) -> dict[str, Any]:
    return {"OrganizationId": org.id, "EnabledFeatures": sorted(org.features)}
