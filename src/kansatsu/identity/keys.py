"""Long-term access keys of users: made, switched, listed, deleted; the secret is shown once and kept sealed."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from kansatsu.errors import NoSuchEntity
from kansatsu.identity import ids, roots
from kansatsu.identity.changes import touch
from kansatsu.identity.entities import Entity
from kansatsu.identity.quotas import AWS, Quotas
from kansatsu.identity.schema import access_key
from kansatsu.identity.sealer import Sealer


@dataclass(frozen=True, slots=True)
class Key:
    """An access key without its secret. `created` in epoch seconds."""

    id: str
    account: str
    user_id: str
    status: str  # Active | Inactive
    created: float


_COLUMNS = (
    access_key.c.id,
    access_key.c.account,
    access_key.c.user_id,
    access_key.c.status,
    access_key.c.created,
)


def create(conn: Connection, sealer: Sealer, user: Entity, now: float, quotas: Quotas = AWS) -> tuple[Key, str]:
    """A new active key and its secret. Raises LimitExceeded."""
    quotas.check("AccessKeysPerUser", len(of(conn, user)) + 1)
    key = Key(ids.access_key_id(user.account, "AKIA"), user.account, user.id, "Active", now)
    secret = ids.secret_key()
    values = {column.name: getattr(key, column.name) for column in _COLUMNS}
    conn.execute(insert(access_key).values(secret=sealer.seal_secret(secret, key.id), **values))
    touch(conn, key.account, "access_key", key.id)
    return key, secret


def of(conn: Connection, user: Entity) -> list[Key]:
    """The keys of a user, oldest first."""
    rows = conn.execute(
        select(*_COLUMNS).where(access_key.c.user_id == user.id).order_by(access_key.c.created, access_key.c.id)
    )
    return [Key(*row) for row in rows]


def of_root(conn: Connection, account: str) -> list[Key]:
    """The keys of an account's root user, oldest first."""
    root = roots.find(conn, account)
    return of(conn, root) if root is not None else []


def find(conn: Connection, id: str) -> Key | None:
    """The key with that id, of whatever account."""
    row = conn.execute(select(*_COLUMNS).where(access_key.c.id == id)).first()
    return Key(*row) if row is not None else None


def get(conn: Connection, user: Entity, id: str) -> Key:
    """A key of this user. Raises NoSuchEntity."""
    key = find(conn, id)
    if key is None or key.user_id != user.id:
        raise missing(id)
    return key


def missing(id: str) -> NoSuchEntity:
    return NoSuchEntity(f"The Access Key with id {id} cannot be found.")


def set_status(conn: Connection, key: Key, status: str) -> None:
    """Switch a key: Active or Inactive."""
    conn.execute(update(access_key).where(access_key.c.id == key.id).values(status=status))
    touch(conn, key.account, "access_key", key.id)


def remove(conn: Connection, key: Key) -> None:
    """Delete a key for good."""
    conn.execute(delete(access_key).where(access_key.c.id == key.id))
    touch(conn, key.account, "access_key", key.id)
