"""Managed policies at their users, and boundaries.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html
"""

from typing import Any

from kansatsu.identity import attachments
from kansatsu.identity.entities import Entity
from kansatsu.identity.pages import Cursor
from kansatsu.services.iam import _render
from kansatsu.services.iam._register import twins
from kansatsu.services.registry import Call

_OWNERS = ("user", "group", "role")


@twins("Attach{}Policy", *_OWNERS, write=True)
def attach_policy(call: Call, owner: Entity, policy_arn: str) -> dict[str, Any]:
    attachments.attach(call.conn, owner, policy_arn, call.now.timestamp(), call.store.quotas)
    return {}


@twins("Detach{}Policy", *_OWNERS, write=True)
def detach_policy(call: Call, owner: Entity, policy_arn: str) -> dict[str, Any]:
    attachments.detach(call.conn, owner, policy_arn)
    return {}


@twins("ListAttached{}Policies", *_OWNERS)
def list_attached_policies(
    call: Call, owner: Entity, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> dict[str, Any]:
    cursor = Cursor.of("ListAttachedPolicies", marker, max_items)
    held = [
        (f"{item.name.lower()} {item.arn.split(':')[4]}", item)
        for item in attachments.of(call.conn, owner)
        if item.path.startswith(path_prefix)
    ]
    return _render.page(
        "AttachedPolicies", cursor.cut(held), lambda item: {"PolicyName": item.name, "PolicyArn": item.arn}
    )


@twins("Put{}PermissionsBoundary", "user", "role", write=True)
def put_boundary(call: Call, owner: Entity, permissions_boundary: str) -> dict[str, Any]:
    attachments.bound(call.conn, owner, permissions_boundary)
    return {}


@twins("Delete{}PermissionsBoundary", "user", "role", write=True)
def delete_boundary(call: Call, owner: Entity) -> dict[str, Any]:
    attachments.bound(call.conn, owner, None)
    return {}
