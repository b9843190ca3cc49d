"""Who is in which group."""

from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select

from kansatsu.errors import NoSuchEntity
from kansatsu.identity import entities
from kansatsu.identity.changes import touch
from kansatsu.identity.entities import Entity
from kansatsu.identity.pages import Cursor, Page
from kansatsu.identity.quotas import AWS, Quotas
from kansatsu.identity.schema import entity, membership


def add(conn: Connection, group: Entity, user: Entity, quotas: Quotas = AWS) -> None:
    """Put a user into a group; once more is no error. Raises LimitExceeded."""
    held = conn.execute(select(membership.c.group_id).where(membership.c.user_id == user.id)).scalars().all()
    if group.id in held:
        return
    quotas.check("GroupsPerUser", len(held) + 1)
    conn.execute(insert(membership).values(group_id=group.id, user_id=user.id))
    touch(conn, user.account, "entity", user.id)


def remove(conn: Connection, group: Entity, user: Entity) -> None:
    """Take a user out of a group. Raises NoSuchEntity when it is not a member."""
    member = (membership.c.group_id == group.id) & (membership.c.user_id == user.id)
    if not conn.execute(delete(membership).where(member)).rowcount:
        raise NoSuchEntity(f"The user with name {user.name} cannot be found in the group {group.name}.")
    touch(conn, user.account, "entity", user.id)


def members(conn: Connection, group: Entity, cursor: Cursor) -> Page[Entity]:
    """The users in a group, by name."""
    query = select(entity.c.id).join(membership, membership.c.user_id == entity.c.id)
    return _page(conn, query.where(membership.c.group_id == group.id), cursor)


def everybody(conn: Connection, group_id: str) -> list[Entity]:
    """All users in a group."""
    return entities.among(conn, select(membership.c.user_id).where(membership.c.group_id == group_id))


def of(conn: Connection, user: Entity, cursor: Cursor) -> Page[Entity]:
    """The groups that a user is in, by name."""
    query = select(entity.c.id).join(membership, membership.c.group_id == entity.c.id)
    return _page(conn, query.where(membership.c.user_id == user.id), cursor)


def _page(conn: Connection, query: Select[Any], cursor: Cursor) -> Page[Entity]:
    rows = conn.execute(
        query.where(entity.c.name_key > cursor.after).order_by(entity.c.name_key).limit(cursor.size + 1)
    ).all()
    found = (entities.by_id(conn, row[0]) for row in rows)
    return cursor.page([(item.name.lower(), item) for item in found if item is not None])
