"""Groups and their members: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateGroup.html"""

from typing import Any

from kansatsu.identity import entities, groups
from kansatsu.identity.entities import Entity
from kansatsu.identity.pages import Cursor
from kansatsu.services.iam import _render, _resources, users
from kansatsu.services.iam._register import iam, twins
from kansatsu.services.registry import Call


@iam("CreateGroup", _resources.new("group"), write=True)
def create_group(call: Call, group_name: str, path: str = "/") -> dict[str, Any]:
    users.check_room(call, "group")
    now = int(call.now.timestamp())
    return {"Group": _render.entity(entities.create(call.conn, call.account, "group", group_name, path=path, now=now))}


@twins("Get{}", "group")
def get_group(call: Call, group: Entity, marker: str | None = None, max_items: int | None = None) -> dict[str, Any]:
    cursor = Cursor.of("GetGroup", marker, max_items)
    members = _render.page("Users", groups.members(call.conn, group, cursor), _render.entity)
    return {"Group": _render.entity(group)} | members


@iam("ListGroups", _resources.below("group"))
def list_groups(
    call: Call, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> dict[str, Any]:
    cursor = Cursor.of("ListGroups", marker, max_items)
    return _render.page(
        "Groups", entities.listing(call.conn, call.account, "group", path_prefix, cursor), _render.entity
    )


@iam("UpdateGroup", _resources.entity("group"), authorize=_resources.renamed("group"), write=True)
def update_group(
    call: Call, group_name: str, new_path: str | None = None, new_group_name: str | None = None
) -> dict[str, Any]:
    entities.rename(call.conn, entities.get(call.conn, call.account, "group", group_name), new_group_name, new_path)
    return {}


@twins("AddUserTo{}", "group", write=True)
def add_user_to_group(call: Call, group: Entity, user_name: str) -> dict[str, Any]:
    groups.add(call.conn, group, entities.get(call.conn, call.account, "user", user_name), call.store.quotas)
    return {}


@twins("RemoveUserFrom{}", "group", write=True)
def remove_user_from_group(call: Call, group: Entity, user_name: str) -> dict[str, Any]:
    groups.remove(call.conn, group, entities.get(call.conn, call.account, "user", user_name))
    return {}


@twins("ListGroupsFor{}", "user")
def list_groups_for_user(
    call: Call, user: Entity, marker: str | None = None, max_items: int | None = None
) -> dict[str, Any]:
    cursor = Cursor.of("ListGroupsForUser", marker, max_items)
    return _render.page("Groups", groups.of(call.conn, user, cursor), _render.entity)
