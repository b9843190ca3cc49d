"""The organization itself: made, shown, given up; its root and the types of policies that are enabled there.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateOrganization.html and its neighbours.
"""

from typing import Any

from kansatsu.errors import Unimplemented
from kansatsu.identity.organizations import Organization, policies, tree
from kansatsu.identity.organizations.errors import error
from kansatsu.services.organizations import _render
from kansatsu.services.organizations._register import By, existing, named, organizations
from kansatsu.services.registry import Call, operation

Shown = dict[str, Any]


@operation("organizations", "CreateOrganization", write=True)
def create_organization(call: Call, feature_set: str = tree.ALL_FEATURES) -> Shown:
    made = tree.create(call.conn, call.account, feature_set, call.now.timestamp())
    for target in (made.root, call.account):
        policies.hang_defaults(call.conn, made, target)
    return {"Organization": _render.organization(call.conn, made)}


@organizations("DescribeOrganization", by=By.MEMBER)
def describe_organization(call: Call, org: Organization) -> Shown:
    return {"Organization": _render.organization(call.conn, org)}


@organizations("DeleteOrganization", write=True)
def delete_organization(call: Call, org: Organization) -> Shown:
    tree.dissolve(call.conn, org)
    return {}


@organizations("ListRoots", by=By.DELEGATED)
def list_roots(call: Call, org: Organization, next_token: str | None = None, max_results: int | None = None) -> Shown:
    return _render.page("Roots", [(org.root, org)], next_token, max_results, _render.root)


@organizations("EnablePolicyType", named("RootId"), write=True)
def enable_policy_type(call: Call, org: Organization, root_id: str, policy_type: str) -> Shown:
    _check(org, root_id, policy_type)
    return {"Root": _render.root(policies.enable(call.conn, org, policy_type))}


@organizations("DisablePolicyType", named("RootId"), write=True)
def disable_policy_type(call: Call, org: Organization, root_id: str, policy_type: str) -> Shown:
    _check(org, root_id, policy_type)
    return {"Root": _render.root(policies.disable(call.conn, org, policy_type))}


def _check(org: Organization, root_id: str, policy_type: str) -> None:
    enforced(policy_type)
    if root_id != org.root:
        raise error("RootNotFoundException")


def enforced(policy_type: str) -> str:
    """INVARIANT: a type of policy that nothing here enforces is refused, never stored."""
    if policy_type not in policies.TYPES:
        raise Unimplemented(f"Kansatsu enforces {' and '.join(policies.TYPES)}, and has no policies of {policy_type}.")
    return policy_type


@organizations("DescribeEffectivePolicy", by=By.MEMBER)
def describe_effective_policy(call: Call, org: Organization, policy_type: str, target_id: str | None = None) -> Shown:
    """SCPs and RCPs have no effective policy on AWS either; of the other types there are none."""
    wanted = existing(call, org, target_id or call.account)
    if call.account not in {wanted, org.account}:
        raise error("AccessDeniedException")
    raise error("EffectivePolicyNotFoundException")
