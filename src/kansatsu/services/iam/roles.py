"""Roles: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html and its neighbours."""

from typing import Any

from kansatsu.errors import ValidationError
from kansatsu.identity import EntityRecord, entities, tags
from kansatsu.identity.entities import Entity
from kansatsu.identity.pages import Cursor
from kansatsu.services.iam import _render, _resources, _trust, passwords, users
from kansatsu.services.iam._register import changeable, iam, twins
from kansatsu.services.registry import Call

DEFAULT_SESSION = 3600  # seconds


@iam("CreateRole", _resources.new("role"), write=True)
def create_role(
    call: Call,
    *,
    role_name: str,
    assume_role_policy_document: str,
    path: str = "/",
    description: str | None = None,
    max_session_duration: int = DEFAULT_SESSION,
    max_signin_session_duration: int | None = None,
    permissions_boundary: str | None = None,
    tags: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    if path.startswith("/aws-service-role/"):
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
        raise ValidationError("The specified value for path is invalid. It must not begin with /aws-service-role/.")
    role = users.create(
        call,
        "role",
        role_name,
        path=path,
        boundary=permissions_boundary,
        requested=tags,
        trust_document=_trust.stored(call.conn, assume_role_policy_document, call.store.quotas),
        description=description,
        max_session_duration=max_session_duration,
        max_signin_duration=max_signin_session_duration,
    )
    return {"Role": _show(call, role)}


@iam("GetRole", _resources.entity("role"))
def get_role(call: Call, role_name: str) -> dict[str, Any]:
    # From the snapshot, without SQL: this is what agents and tools ask for most.
    snapshot = call.snapshot
    role = snapshot.find(call.account, "role", role_name)
    if role is None:
        raise entities.missing("role", role_name)
    trust = role.trust.document.text if role.trust is not None else ""
    known = _trust.shown(trust, lambda item: _arn(snapshot.entity(item)))
    shown = _render.role(role, known) | _render.details(role, role.tags)
    return {"Role": shown | {"RoleLastUsed": last_used(call, role.id)}}


@iam("ListRoles", _resources.below("role"))
def list_roles(
    call: Call, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> dict[str, Any]:
    cursor = Cursor.of("ListRoles", marker, max_items)
    found = entities.listing(call.conn, call.account, "role", path_prefix, cursor)
    return _render.page("Roles", found, lambda role: listed(call, role))


@twins("Update{}", "role", write=True)
def update_role(
    call: Call,
    role: Entity,
    description: str | None = None,
    max_session_duration: int | None = None,
    max_signin_session_duration: int | None = None,
    reset_max_signin_session_duration: bool = False,
) -> dict[str, Any]:
    passwords.check_sign_in(max_signin_session_duration, reset=reset_max_signin_session_duration)
    durations = {"max_session_duration": max_session_duration, "max_signin_duration": max_signin_session_duration}
    changes: dict[str, Any] = {name: value for name, value in durations.items() if value is not None}
    if reset_max_signin_session_duration:
        changes["max_signin_duration"] = None
    if changes:
        changeable(call, role.name)
    if description is not None:
        changes["description"] = description
    if changes:
        entities.change(call.conn, role, **changes)
    return {}


@twins("Update{}Description", "role", write=True)
def update_role_description(call: Call, role: Entity, description: str) -> dict[str, Any]:
    return {"Role": _show(call, entities.change(call.conn, role, description=description))}


@iam("UpdateAssumeRolePolicy", _resources.entity("role"), write=True)
def update_assume_role_policy(call: Call, role_name: str, policy_document: str) -> dict[str, Any]:
    role = changeable(call, role_name)
    entities.change(call.conn, role, trust_document=_trust.stored(call.conn, policy_document, call.store.quotas))
    return {}


def listed(call: Call, role: Entity) -> dict[str, Any]:
    """A role as it stands in listings."""

    return _render.role(
        role, _trust.shown(role.trust_document or "", lambda item: _arn(entities.by_id(call.conn, item)))
    )


def last_used(call: Call, role_id: str) -> dict[str, Any]:
    """RoleLastUsed: empty for a role that nobody used."""
    last = call.recorder.last_used(role_id)
    return {"LastUsedDate": _render.when(last.time), "Region": last.region} if last is not None else {}


def _arn(found: Entity | EntityRecord | None) -> str | None:
    return found.arn if found is not None else None


def _show(call: Call, role: Entity) -> dict[str, Any]:
    return listed(call, role) | _render.details(role, tags.of(call.conn, role.id))
