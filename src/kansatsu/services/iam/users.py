"""Users: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateUser.html and its neighbours."""

from typing import Any

from kansatsu import arn
from kansatsu.identity import attachments, entities, roots, tags
from kansatsu.identity.entities import Entity
from kansatsu.identity.pages import Cursor
from kansatsu.services.iam import _render, _resources
from kansatsu.services.iam._register import iam, twins
from kansatsu.services.registry import Call


@iam("CreateUser", _resources.new("user"), write=True)
def create_user(
    call: Call,
    user_name: str,
    path: str = "/",
    permissions_boundary: str | None = None,
    tags: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    user = create(call, "user", user_name, path=path, boundary=permissions_boundary, requested=tags)
    return {"User": show(call, user)}


@iam("GetUser", _resources.entity("user"))
def get_user(call: Call, user_name: str | None = None) -> dict[str, Any]:
    if user_name is None and call.caller.kind == roots.KIND:
        root = roots.ensure(call.conn, call.account, call.now.timestamp())
        shown = {"UserId": root.id, "Arn": arn.iam(call.account, roots.KIND), "CreateDate": _render.when(root.created)}
        return {"User": shown}
    name = user_name or _resources.caller_name(call)
    user = call.snapshot.find(call.account, "user", name)
    if user is None:
        raise entities.missing("user", name)
    return {"User": _render.entity(user) | _render.details(user, user.tags)}


@iam("ListUsers", _resources.below("user"))
def list_users(
    call: Call, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> dict[str, Any]:
    cursor = Cursor.of("ListUsers", marker, max_items)
    return _render.page("Users", entities.listing(call.conn, call.account, "user", path_prefix, cursor), _render.entity)


@iam("UpdateUser", _resources.entity("user"), authorize=_resources.renamed("user"), write=True)
def update_user(
    call: Call, user_name: str, new_path: str | None = None, new_user_name: str | None = None
) -> dict[str, Any]:
    entities.rename(call.conn, entities.get(call.conn, call.account, "user", user_name), new_user_name, new_path)
    return {}


@twins("Delete{}", "user", "group", "role", write=True)
def delete(call: Call, owner: Entity) -> dict[str, Any]:
    entities.remove(call.conn, owner)
    return {}


def create(
    call: Call,
    kind: str,
    name: str,
    *,
    path: str,
    boundary: str | None,
    requested: list[dict[str, str]] | None,
    **fields: Any,
) -> Entity:
    """A new user or role with its boundary and tags."""
    check_room(call, kind)
    if boundary is not None:
        attachments.check_boundary(call.conn, call.account, boundary)
    now = int(call.now.timestamp())
    created = entities.create(call.conn, call.account, kind, name, path=path, now=now, boundary_arn=boundary, **fields)
    tags.put(call.conn, created.id, _render.pairs(requested))
    return created


def check_room(call: Call, kind: str) -> None:
    """Raises LimitExceeded where the account has as many users, groups or roles as it may."""
    name = f"{kind.capitalize()}sPerAccount"
    call.store.quotas.check_room(name, call.conn, call.account, kind)


def show(call: Call, user: Entity) -> dict[str, Any]:
    return _render.entity(user) | _render.details(user, tags.of(call.conn, user.id))
