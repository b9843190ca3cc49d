"""Organizational units, and where accounts are among them.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateOrganizationalUnit.html and its neighbours.
"""

from functools import partial
from typing import Any

from kansatsu.identity.organizations import Organization, policies, tree
from kansatsu.identity.organizations.errors import error
from kansatsu.services.organizations import _render
from kansatsu.services.organizations._register import By, named, organizations, target_type
from kansatsu.services.organizations.tags import tag
from kansatsu.services.registry import Call

Shown = dict[str, Any]


@organizations("CreateOrganizationalUnit", named("ParentId"), write=True)
def create_organizational_unit(
    call: Call, org: Organization, parent_id: str, name: str, tags: list[dict[str, str]] | None = None
) -> Shown:
    made = tree.add_unit(call.conn, org, parent_id, name, call.now.timestamp())
    policies.hang_defaults(call.conn, org, made.id)
    tag(call.conn, made.id, tags)
    return {"OrganizationalUnit": _render.unit(call.conn, org, made)}


@organizations("UpdateOrganizationalUnit", named("OrganizationalUnitId"), write=True)
def update_organizational_unit(
    call: Call, org: Organization, organizational_unit_id: str, name: str | None = None
) -> Shown:
    found = tree.known_unit(call.conn, org, organizational_unit_id)
    renamed = tree.rename_unit(call.conn, found, name or found.name)
    return {"OrganizationalUnit": _render.unit(call.conn, org, renamed)}


@organizations("DeleteOrganizationalUnit", named("OrganizationalUnitId"), write=True)
def delete_organizational_unit(call: Call, org: Organization, organizational_unit_id: str) -> Shown:
    found = tree.known_unit(call.conn, org, organizational_unit_id)
    tree.remove_unit(call.conn, org, found)
    policies.take_down(call.conn, found.id)
    return {}


@organizations("DescribeOrganizationalUnit", named("OrganizationalUnitId"), by=By.DELEGATED)
def describe_organizational_unit(call: Call, org: Organization, organizational_unit_id: str) -> Shown:
    found = tree.known_unit(call.conn, org, organizational_unit_id)
    return {"OrganizationalUnit": _render.unit(call.conn, org, found)}


@organizations("ListOrganizationalUnitsForParent", named("ParentId"), by=By.DELEGATED)
def list_organizational_units_for_parent(
    call: Call, org: Organization, parent_id: str, next_token: str | None = None, max_results: int | None = None
) -> Shown:
    found = tree.units(call.conn, org, _parent(call, org, parent_id))
    show = partial(_render.unit, call.conn, org)
    return _render.page("OrganizationalUnits", [(unit.id, unit) for unit in found], next_token, max_results, show)


@organizations("ListAccountsForParent", named("ParentId"), by=By.DELEGATED)
def list_accounts_for_parent(
    call: Call, org: Organization, parent_id: str, next_token: str | None = None, max_results: int | None = None
) -> Shown:
    found = tree.members(call.conn, org, _parent(call, org, parent_id))
    show = partial(_render.account, call.conn, org)
    return _render.page("Accounts", [(member.id, member) for member in found], next_token, max_results, show)


@organizations("ListChildren", named("ParentId"), by=By.DELEGATED)
def list_children(
    call: Call,
    org: Organization,
    parent_id: str,
    child_type: str,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Shown:
    parent = _parent(call, org, parent_id)
    children = tree.members(call.conn, org, parent) if child_type == "ACCOUNT" else tree.units(call.conn, org, parent)
    return _render.page("Children", [(child.id, child.id) for child in children], next_token, max_results, _named)


@organizations("ListParents", named("ChildId"), by=By.DELEGATED)
def list_parents(
    call: Call, org: Organization, child_id: str, next_token: str | None = None, max_results: int | None = None
) -> Shown:
    child = tree.member(call.conn, org, child_id) or tree.unit(call.conn, org, child_id)
    if child is None:
        raise error("ChildNotFoundException")
    return _render.page("Parents", [(child.parent, child.parent)], next_token, max_results, _named)


def _named(found: str) -> Shown:
    return {"Id": found, "Type": target_type(found)}


@organizations("MoveAccount", named("AccountId", "SourceParentId", "DestinationParentId"), write=True)
def move_account(
    call: Call, org: Organization, account_id: str, source_parent_id: str, destination_parent_id: str
) -> Shown:
    found = tree.known_member(call.conn, org, account_id)
    if not tree.is_parent(call.conn, org, source_parent_id) or found.parent != source_parent_id:
        raise error("SourceParentNotFoundException")
    if not tree.is_parent(call.conn, org, destination_parent_id):
        raise error("DestinationParentNotFoundException")
    if destination_parent_id == found.parent:
        raise error("DuplicateAccountException")
    tree.set_member(call.conn, found, parent=destination_parent_id)
    return {}


def _parent(call: Call, org: Organization, id: str) -> str:
    if not tree.is_parent(call.conn, org, id):
        raise error("ParentNotFoundException")
    return id
