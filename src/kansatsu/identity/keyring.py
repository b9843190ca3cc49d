"""The ring of sealing keys in the database: read, added to, rotated, and emptied when a key is known to be stolen."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, select, update

from kansatsu.identity.changes import touch
from kansatsu.identity.schema import sealing_key
from kansatsu.identity.sealer import RETIRED_LIFE, Ring, RingKey, new_material
from kansatsu.identity.sealing import StoreError, Vault

if TYPE_CHECKING:
    from kansatsu.identity.store import Store

ROTATE_EVERY = timedelta(days=1)
_PURPOSE = "sealing key"


def load(store: "Store", vault: Vault) -> Ring:
    """All keys of the ring, unsealed."""
    with store.read() as conn:
        rows = conn.execute(select(sealing_key).order_by(sealing_key.c.created)).all()
    keys = [
        RingKey.of(
            row.id,
            vault.open(row.material, _PURPOSE, row.id),
            datetime.fromtimestamp(row.retired, UTC) if row.retired is not None else None,
        )
        for row in rows
    ]
    current = [key for key in keys if key.retired is None]
    if not current:
        raise StoreError("The database holds no key that seals sessions: it is incomplete. Restore a backup.")
    return Ring(current[-1], {key.id: key for key in keys})


def add(conn: Connection, vault: Vault, now: datetime) -> None:
    """Put a new key on the ring; it seals from the commit on."""
    key_id, material = new_material()
    sealed = vault.seal(material, _PURPOSE, key_id)
    conn.execute(insert(sealing_key), {"id": key_id, "material": sealed, "created": now.timestamp(), "retired": None})
    touch(conn, "", "sealing_key", key_id)


def rotate(conn: Connection, vault: Vault, now: datetime, *, revoke: bool = False) -> None:
    """Seal with a new key. Former keys open for 36 h more, or, with `revoke` (a key was stolen), no longer at all."""
    moment = now.timestamp()
    if revoke:
        conn.execute(delete(sealing_key))
    else:
        retire = update(sealing_key).where(sealing_key.c.retired.is_(None))
        conn.execute(retire.values(retired=moment))
        conn.execute(delete(sealing_key).where(sealing_key.c.retired <= moment - RETIRED_LIFE.total_seconds()))
    add(conn, vault, now)


def rotate_if_due(conn: Connection, vault: Vault, now: datetime, every: timedelta = ROTATE_EVERY) -> bool:
    """Rotate when the current key is older than `every`. True when it did."""
    query = select(sealing_key.c.created).where(sealing_key.c.retired.is_(None)).order_by(sealing_key.c.created.desc())
    created = conn.execute(query.limit(1)).scalar()
    if created is not None and now.timestamp() - created < every.total_seconds():
        return False
    rotate(conn, vault, now)
    return True
