"""Inline policies: https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html and its twins."""

from typing import Any

from kansatsu.identity import inline
from kansatsu.identity.entities import Entity
from kansatsu.identity.pages import Cursor
from kansatsu.policy import PolicyType, parse
from kansatsu.services.iam import _render
from kansatsu.services.iam._register import twins
from kansatsu.services.registry import Call

_OWNERS = ("user", "group", "role")


@twins("Put{}Policy", *_OWNERS, write=True)
def put_policy(call: Call, owner: Entity, policy_name: str, policy_document: str) -> dict[str, Any]:
    parse(policy_document, PolicyType.IDENTITY)
    inline.put(call.conn, owner, policy_name, policy_document)
    return {}


@twins("Get{}Policy", *_OWNERS)
def get_policy(call: Call, owner: Entity, policy_name: str) -> dict[str, Any]:
    return {
        f"{owner.kind.capitalize()}Name": owner.name,
        "PolicyName": policy_name,
        "PolicyDocument": _render.document(inline.get(call.conn, owner, policy_name)),
    }


@twins("List{}Policies", *_OWNERS)
def list_policies(call: Call, owner: Entity, marker: str | None = None, max_items: int | None = None) -> dict[str, Any]:
    cursor = Cursor.of("ListInlinePolicies", marker, max_items)
    return _render.page("PolicyNames", inline.names(call.conn, owner, cursor), str)


@twins("Delete{}Policy", *_OWNERS, write=True)
def delete_policy(call: Call, owner: Entity, policy_name: str) -> dict[str, Any]:
    inline.remove(call.conn, owner, policy_name)
    return {}
