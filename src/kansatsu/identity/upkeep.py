"""What a store needs now and then: keys rotated, and what nobody can need any more forgotten."""

from datetime import datetime

from sqlalchemy import Connection, delete

from kansatsu.identity import changes, keyring, revocations
from kansatsu.identity.schema import change
from kansatsu.identity.sealing import Vault

KEPT_CHANGES = 100_000  # a process that is further behind than this starts its snapshot afresh


def upkeep(conn: Connection, vault: Vault, now: datetime) -> None:
    """Rotate the sealing key when it is due; prune revocations and the log of changes. Call it hourly."""
    keyring.rotate_if_due(conn, vault, now)
    revocations.prune(conn, now)
    conn.execute(delete(change).where(change.c.revision <= changes.latest(conn) - KEPT_CHANGES))
