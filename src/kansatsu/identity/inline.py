"""Inline policies: documents that live and die with one user, group or role."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select

from kansatsu.errors import LimitExceeded, NoSuchEntity
from kansatsu.identity.changes import touch
from kansatsu.identity.entities import Entity
from kansatsu.identity.pages import Cursor, Page
from kansatsu.identity.schema import inline_policy

# Characters without white space, all inline policies of the entity together:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length
TOTAL_SIZE = {"user": 2048, "group": 5120, "role": 10240}


def size(document: str) -> int:
    """The length that counts against a quota: without white space."""
    return len("".join(document.split()))


def check_total(kind: str, name: str, documents: Iterable[str]) -> None:
    """Raise LimitExceeded for more inline policies than one owner can hold."""
    limit = TOTAL_SIZE[kind]
    if sum(map(size, documents)) > limit:
        raise LimitExceeded(f"Maximum policy size of {limit} bytes exceeded for {kind} {name}")


def documents(conn: Connection, owner: Entity) -> dict[str, str]:
    """All inline policies of an owner by name."""
    rows = conn.execute(
        select(inline_policy.c.name, inline_policy.c.document)
        .where(inline_policy.c.entity_id == owner.id)
        .order_by(inline_policy.c.name)
    )
    return {row.name: row.document for row in rows}


def put(conn: Connection, owner: Entity, name: str, document: str) -> None:
    """Add or replace a policy that was validated before. Raises LimitExceeded."""
    check_total(owner.kind, owner.name, {**documents(conn, owner), name: document}.values())
    _delete(conn, owner, name)
    conn.execute(insert(inline_policy).values(entity_id=owner.id, name=name, document=document))
    touch(conn, owner.account, "entity", owner.id)


def get(conn: Connection, owner: Entity, name: str) -> str:
    """The document of a policy. Raises NoSuchEntity."""
    document = conn.execute(
        select(inline_policy.c.document).where(inline_policy.c.entity_id == owner.id, inline_policy.c.name == name)
    ).scalar()
    if document is None:
        raise _missing(owner, name)
    return str(document)


def remove(conn: Connection, owner: Entity, name: str) -> None:
    """Delete a policy. Raises NoSuchEntity."""
    if not _delete(conn, owner, name):
        raise _missing(owner, name)
    touch(conn, owner.account, "entity", owner.id)


def names(conn: Connection, owner: Entity, cursor: Cursor) -> Page[str]:
    rows = conn.execute(
        select(inline_policy.c.name)
        .where(inline_policy.c.entity_id == owner.id, inline_policy.c.name > cursor.after)
        .order_by(inline_policy.c.name)
        .limit(cursor.size + 1)
    )
    return cursor.page([(name, name) for (name,) in rows])


def _delete(conn: Connection, owner: Entity, name: str) -> bool:
    return bool(
        conn.execute(
            delete(inline_policy).where(inline_policy.c.entity_id == owner.id, inline_policy.c.name == name)
        ).rowcount
    )


def _missing(owner: Entity, name: str) -> NoSuchEntity:
    return NoSuchEntity(f"The {owner.kind} policy with name {name} cannot be found.")
