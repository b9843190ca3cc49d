"""Users, groups and roles: one kind of row, created, read, renamed and removed by the same functions."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, exists, insert, select, true, update

from kansatsu import arn
from kansatsu.errors import DeleteConflict, EntityAlreadyExists, NoSuchEntity
from kansatsu.identity import ids
from kansatsu.identity.changes import touch
from kansatsu.identity.pages import Cursor, Page
from kansatsu.identity.schema import (
    access_key,
    attachment,
    credential,
    entity,
    inline_policy,
    instance_profile,
    membership,
    tag,
)

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
GONE = "gone"  # kind of the row that remembers who was deleted
_ID_PREFIX = {"user": "AIDA", "group": "AGPA", "role": "AROA"}


@dataclass(frozen=True, slots=True)
class Entity:
    """A user, group or role as it is stored; `trust_document` holds principals as unique ids."""

    id: str
    account: str
    kind: str  # user | group | role
    name: str
    path: str
    created: float  # epoch seconds
    boundary_arn: str | None = None
    trust_document: str | None = None
    description: str | None = None
    max_session_duration: int | None = None  # seconds
    max_signin_duration: int | None = None  # seconds; None: unset

    @property
    def arn(self) -> str:
        return arn.entity(self.account, self.kind, self.path, self.name)


_COLUMNS = (
    entity.c.id,
    entity.c.account,
    entity.c.kind,
    entity.c.name,
    entity.c.path,
    entity.c.created,
    entity.c.boundary_arn,
    entity.c.trust_document,
    entity.c.description,
    entity.c.max_session_duration,
    entity.c.max_signin_duration,
)
_BY_NAME: Select[Any] = select(*_COLUMNS).where(
    entity.c.account == bindparam("account"),
    entity.c.kind == bindparam("kind"),
    entity.c.name_key == bindparam("name_key"),
)
_BY_ID: Select[Any] = select(*_COLUMNS).where(entity.c.id == bindparam("id"))


def missing(kind: str, name: str) -> NoSuchEntity:
    return NoSuchEntity(f"The {kind} with name {name} cannot be found.")


def _taken(kind: str, name: str) -> EntityAlreadyExists:
    return EntityAlreadyExists(f"{kind.capitalize()} with name {name} already exists.")


def find(conn: Connection, account: str, kind: str, name: str) -> Entity | None:
    """The entity of that name, or None. AWS finds names as they are spelt, without regard to case only on creation."""
    row = conn.execute(_BY_NAME, {"account": account, "kind": kind, "name_key": name.lower()}).first()
    return _of(row) if row is not None and row.name == name else None


def get(conn: Connection, account: str, kind: str, name: str) -> Entity:
    """The entity of that name. Raises NoSuchEntity."""
    found = find(conn, account, kind, name)
    if found is None:
        raise missing(kind, name)
    return found


def by_id(conn: Connection, id: str) -> Entity | None:
    """The entity with that unique id, of whatever account."""
    row = conn.execute(_BY_ID, {"id": id}).first()
    return _of(row) if row is not None else None


def among(conn: Connection, wanted: Select[Any]) -> list[Entity]:
    """The entities whose unique ids a query finds, by id."""
    return [_of(row) for row in conn.execute(select(*_COLUMNS).where(entity.c.id.in_(wanted)).order_by(entity.c.id))]


def create(
    conn: Connection, account: str, kind: str, name: str, *, path: str, now: float, id: str | None = None, **fields: Any
) -> Entity:
    """A new user, group or role; `fields` are further fields of Entity. Raises EntityAlreadyExists."""
    if _name_taken(conn, account, kind, name):
        raise _taken(kind, name)
    new = Entity(id or ids.new_id(_ID_PREFIX[kind]), account, kind, name, path, now, **fields)
    values = {column.name: getattr(new, column.name) for column in _COLUMNS}
    conn.execute(insert(entity).values(name_key=name.lower(), **values))
    touch(conn, account, "entity", new.id)
    return new


def listing(conn: Connection, account: str, kind: str, path_prefix: str, cursor: Cursor) -> Page[Entity]:
    """Entities of a kind below a path, by name."""
    rows = conn.execute(
        select(*_COLUMNS)
        .where(
            entity.c.account == account,
            entity.c.kind == kind,
            entity.c.name_key > cursor.after,
            entity.c.path.startswith(path_prefix, autoescape=True) if path_prefix != "/" else true(),
        )
        .order_by(entity.c.name_key)
        .limit(cursor.size + 1)
    )
    return cursor.page([(row.name.lower(), _of(row)) for row in rows])


def rename(conn: Connection, subject: Entity, name: str | None, path: str | None) -> Entity:
    """Another name, another path, or both; the unique id stays. Raises EntityAlreadyExists."""
    renamed = replace(subject, name=name or subject.name, path=path or subject.path)
    if renamed.name.lower() != subject.name.lower() and _name_taken(conn, subject.account, subject.kind, renamed.name):
        raise _taken(subject.kind, renamed.name)
    _write(conn, subject, name=renamed.name, name_key=renamed.name.lower(), path=renamed.path)
    return renamed


def change(conn: Connection, subject: Entity, **fields: str | int | None) -> Entity:
    """Set fields of an entity by their names in Entity."""
    _write(conn, subject, **fields)
    return replace(subject, **fields)  # type: ignore[arg-type]  # names and types are those of Entity


def remove(conn: Connection, subject: Entity) -> None:
    """Delete an entity that nothing holds on to any more. Raises DeleteConflict."""
    for kinds, what, query in _HOLDERS:
        if subject.kind in kinds and conn.execute(query, {"id": subject.id}).scalar():
            raise DeleteConflict(f"Cannot delete entity, must {what} first.")
    conn.execute(delete(tag).where(tag.c.resource_id == subject.id))
    conn.execute(delete(entity).where(entity.c.id == subject.id))
    if subject.kind in ("user", "role"):
        # INVARIANT: nobody has the unique id of one who was deleted ever again; what trusts it may be anywhere.
        conn.execute(insert(credential).values(**_gone(subject)))
    touch(conn, subject.account, "entity", subject.id)


def _gone(subject: Entity) -> dict[str, Any]:
    """The row that remembers a deleted user or role: see identity.restoring."""
    key = {"id": f"{GONE}:{subject.id}", "account": subject.account, "kind": GONE, "owner": ""}
    name = {"name": subject.id, "name_key": subject.id.lower()}
    return key | name | {"status": "Inactive", "created": subject.created, "details": "{}"}


# What must go before an entity can: https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html
_HOLDERS = tuple(
    (kinds, what, select(exists().where(column == bindparam("id"), *more)))
    for kinds, what, column, *more in (
        ("user", "remove users from group", membership.c.user_id),
        ("group", "remove users from group", membership.c.group_id),
        ("role", "remove roles from instance profile", instance_profile.c.role_id),
        ("user group role", "detach all policies", attachment.c.entity_id),
        ("user group role", "delete policies", inline_policy.c.entity_id),
        ("user", "delete access keys", access_key.c.user_id),
        ("user", "delete login profile", credential.c.owner, credential.c.kind == "password"),
        ("user", "delete MFA device", credential.c.owner, credential.c.kind == "mfa"),
        ("user", "delete SSH public keys", credential.c.owner, credential.c.kind == "ssh-key"),
        ("user", "delete signing certificate", credential.c.owner, credential.c.kind == "certificate"),
        ("user", "delete service specific credentials", credential.c.owner, credential.c.kind == "service"),
    )
)


def _name_taken(conn: Connection, account: str, kind: str, name: str) -> bool:
    return conn.execute(_BY_NAME, {"account": account, "kind": kind, "name_key": name.lower()}).first() is not None


def _write(conn: Connection, subject: Entity, **values: Any) -> None:
    conn.execute(update(entity).where(entity.c.id == subject.id).values(**values))
    touch(conn, subject.account, "entity", subject.id)


def _of(row: Any) -> Entity:
    return Entity(*row)
