"""Managed policies and their versions: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html"""

from typing import Any

from kansatsu.identity import attachments, managed, tags
from kansatsu.identity.entities import Entity
from kansatsu.identity.managed import Usage
from kansatsu.identity.pages import Cursor
from kansatsu.policy import PolicyType, parse
from kansatsu.services.iam import _render, _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call

_KINDS = {"User": "user", "Group": "group", "Role": "role"}


@iam("CreatePolicy", _resources.new("policy"), write=True)
def create_policy(
    call: Call,
    *,
    policy_name: str,
    policy_document: str,
    path: str = "/",
    description: str | None = None,
    tags: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    parse(policy_document, PolicyType.IDENTITY, managed=True)
    call.store.quotas.check_room("PoliciesPerAccount", call.conn, call.account, managed.KIND)
    created = managed.create(
        call.conn,
        call.account,
        policy_name,
        policy_document,
        path=path,
        description=description,
        now=int(call.now.timestamp()),
    )
    return {"Policy": _render.policy(created, Usage()) | _tag_new(call, created.id, tags)}


@iam("GetPolicy", _resources.policy)
def get_policy(call: Call, policy_arn: str) -> dict[str, Any]:
    found = managed.get(call.conn, call.account, policy_arn)
    shown = _render.policy(found, managed.usage(call.conn, call.account, policy_arn))
    shown["Tags"] = _render.tags(tags.of(call.conn, found.id))
    if found.description is not None:
        shown["Description"] = found.description
    return {"Policy": shown}


@iam("ListPolicies", _resources.everything)
def list_policies(
    call: Call,
    *,
    scope: str = "All",
    only_attached: bool = False,
    path_prefix: str = "/",
    policy_usage_filter: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> dict[str, Any]:
    cursor = Cursor.of("ListPolicies", marker, max_items)
    found = managed.listing(call.conn, call.account, path_prefix) if scope != "AWS" else []
    if scope != "Local":
        found += managed.listing_aws(path_prefix)
    used = managed.usages(call.conn, call.account)
    shown = [
        (f"{item.name.lower()} {item.account}", (item, used.get(item.arn, Usage())))
        for item in found
        if _wanted(used.get(item.arn, Usage()), only_attached, policy_usage_filter)
    ]
    return _render.page("Policies", cursor.cut(shown), lambda entry: _render.policy(*entry))


@iam("DeletePolicy", _resources.policy, write=True)
def delete_policy(call: Call, policy_arn: str) -> dict[str, Any]:
    managed.remove(call.conn, managed.own(call.conn, call.account, policy_arn))
    return {}


@iam("CreatePolicyVersion", _resources.policy, write=True)
def create_policy_version(
    call: Call, policy_arn: str, policy_document: str, set_as_default: bool = False
) -> dict[str, Any]:
    subject = managed.own(call.conn, call.account, policy_arn)
    parse(policy_document, PolicyType.IDENTITY, managed=True)
    now = int(call.now.timestamp())
    return {
        "PolicyVersion": _render.version(
            managed.add_version(call.conn, subject, policy_document, default=set_as_default, now=now)
        )
    }


@iam("GetPolicyVersion", _resources.policy)
def get_policy_version(call: Call, policy_arn: str, version_id: str) -> dict[str, Any]:
    found = managed.version(call.conn, managed.get(call.conn, call.account, policy_arn), version_id)
    return {"PolicyVersion": _render.version(found) | {"Document": _render.document(found.document)}}


@iam("ListPolicyVersions", _resources.policy)
def list_policy_versions(
    call: Call, policy_arn: str, marker: str | None = None, max_items: int | None = None
) -> dict[str, Any]:
    cursor = Cursor.of("ListPolicyVersions", marker, max_items)
    subject = managed.get(call.conn, call.account, policy_arn)
    return _render.page("Versions", managed.page_of_versions(call.conn, subject, cursor), _render.version)


@iam("SetDefaultPolicyVersion", _resources.policy, write=True)
def set_default_policy_version(call: Call, policy_arn: str, version_id: str) -> dict[str, Any]:
    subject = managed.own(call.conn, call.account, policy_arn)
    number = managed.version(call.conn, subject, version_id).number
    managed.set_default(call.conn, subject, number, int(call.now.timestamp()))
    return {}


@iam("DeletePolicyVersion", _resources.policy, write=True)
def delete_policy_version(call: Call, policy_arn: str, version_id: str) -> dict[str, Any]:
    subject = managed.own(call.conn, call.account, policy_arn)
    managed.remove_version(call.conn, subject, managed.version(call.conn, subject, version_id).number)
    return {}


@iam("ListEntitiesForPolicy", _resources.policy)
def list_entities_for_policy(
    call: Call,
    *,
    policy_arn: str,
    entity_filter: str | None = None,
    path_prefix: str = "/",
    policy_usage_filter: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> dict[str, Any]:
    cursor = Cursor.of("ListEntitiesForPolicy", marker, max_items)
    managed.get(call.conn, call.account, policy_arn)
    users = attachments.users_of(
        call.conn,
        call.account,
        policy_arn,
        attached=policy_usage_filter != "PermissionsBoundary",
        bounds=policy_usage_filter != "PermissionsPolicy",
    )
    wanted = [
        (f"{item.kind} {item.name.lower()}", item)
        for item in users
        if item.path.startswith(path_prefix) and (entity_filter is None or item.kind == _KINDS.get(entity_filter))
    ]
    found = cursor.cut(wanted)
    shown = _render.page("PolicyUsers", found, str)
    return shown | {
        f"Policy{word}s": [_brief(word, item) for item in found.items if item.kind == kind]
        for word, kind in _KINDS.items()
    }


def _brief(word: str, item: Entity) -> dict[str, str]:
    return {f"{word}Name": item.name, f"{word}Id": item.id}


def _wanted(used: Usage, only_attached: bool, usage_filter: str | None) -> bool:
    if usage_filter == "PermissionsBoundary":
        return used.bounds > 0
    if usage_filter == "PermissionsPolicy":
        return used.attached > 0
    return not only_attached or used.attached > 0


def _tag_new(call: Call, policy_id: str, requested: list[dict[str, str]] | None) -> dict[str, Any]:
    tags.put(call.conn, policy_id, _render.pairs(requested))
    return {"Tags": requested} if requested else {}
