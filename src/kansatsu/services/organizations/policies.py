"""Service and resource control policies, and what they hang on.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreatePolicy.html and its neighbours.
"""

from functools import partial
from typing import Any

from kansatsu.identity.organizations import Organization, policies, tree
from kansatsu.services.organizations import _render
from kansatsu.services.organizations._register import By, arn_of, existing, named, organizations, target_type
from kansatsu.services.organizations.organization import enforced
from kansatsu.services.organizations.tags import tag
from kansatsu.services.registry import Call

Shown = dict[str, Any]


@organizations("CreatePolicy", write=True)
def create_policy(
    call: Call,
    org: Organization,
    content: str,
    description: str,
    name: str,
    type: str,
    tags: list[dict[str, str]] | None = None,
) -> Shown:
    now = call.now.timestamp()
    made = policies.create(call.conn, org, enforced(type), name, description, content, now)
    tag(call.conn, made.id, tags)
    return _shown(org, made)


@organizations("UpdatePolicy", named("PolicyId"), write=True)
def update_policy(
    call: Call,
    org: Organization,
    policy_id: str,
    name: str | None = None,
    description: str | None = None,
    content: str | None = None,
) -> Shown:
    given = {"name": name, "description": description, "content": content}
    fields = {field: value for field, value in given.items() if value is not None}
    held = policies.get(call.conn, org, policy_id)
    return _shown(org, policies.change(call.conn, org, held, **fields))


@organizations("DeletePolicy", named("PolicyId"), write=True)
def delete_policy(call: Call, org: Organization, policy_id: str) -> Shown:
    policies.remove(call.conn, org, policies.get(call.conn, org, policy_id))
    return {}


@organizations("DescribePolicy", named("PolicyId"), by=By.DELEGATED)
def describe_policy(call: Call, org: Organization, policy_id: str) -> Shown:
    return _shown(org, policies.get(call.conn, org, policy_id))


@organizations("ListPolicies", by=By.DELEGATED)
def list_policies(
    call: Call, org: Organization, filter: str, next_token: str | None = None, max_results: int | None = None
) -> Shown:
    found = policies.listing(call.conn, org, enforced(filter))
    show = partial(_render.policy, org)
    return _render.page("Policies", [(p.id, p) for p in found], next_token, max_results, show)


@organizations("AttachPolicy", named("PolicyId", "TargetId"), write=True)
def attach_policy(call: Call, org: Organization, policy_id: str, target_id: str) -> Shown:
    held = policies.get(call.conn, org, policy_id)
    policies.attach(call.conn, org, held, existing(call, org, target_id))
    return {}


@organizations("DetachPolicy", named("PolicyId", "TargetId"), write=True)
def detach_policy(call: Call, org: Organization, policy_id: str, target_id: str) -> Shown:
    held = policies.get(call.conn, org, policy_id)
    policies.detach(call.conn, org, held, existing(call, org, target_id))
    return {}


@organizations("ListPoliciesForTarget", named("TargetId"), by=By.DELEGATED)
def list_policies_for_target(
    call: Call,
    org: Organization,
    target_id: str,
    filter: str,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Shown:
    held = policies.attached(call.conn, existing(call, org, target_id), enforced(filter))
    items = [(each, policies.get(call.conn, org, each)) for each in held]
    return _render.page("Policies", items, next_token, max_results, partial(_render.policy, org))


@organizations("ListTargetsForPolicy", named("PolicyId"), by=By.DELEGATED)
def list_targets_for_policy(
    call: Call, org: Organization, policy_id: str, next_token: str | None = None, max_results: int | None = None
) -> Shown:
    held = policies.get(call.conn, org, policy_id)
    items = [(each, each) for each in policies.targets(call.conn, org, held.id)]
    return _render.page("Targets", items, next_token, max_results, partial(_target, call, org))


def _target(call: Call, org: Organization, id: str) -> Shown:
    found = tree.unit(call.conn, org, id) or tree.member(call.conn, org, id)
    name = found.name if found is not None else "Root"
    return {"TargetId": id, "Arn": arn_of(call, org, id), "Name": name, "Type": target_type(id)}


def _shown(org: Organization, policy: policies.OrganizationPolicy) -> Shown:
    return {"Policy": {"PolicySummary": _render.policy(org, policy), "Content": policy.content}}
