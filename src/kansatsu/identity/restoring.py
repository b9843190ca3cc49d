"""What an account had elsewhere, written down here as it was: ids, dates and versions are kept."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update

from kansatsu.identity.changes import touch
from kansatsu.identity.entities import GONE
from kansatsu.identity.principals import UNIQUE_ID
from kansatsu.identity.schema import (
    attachment,
    credential,
    entity,
    inline_policy,
    instance_profile,
    membership,
    policy,
    policy_version,
    tag,
)

_AT_ONCE = 500
Rows = Iterable[Mapping[str, Any]]
_ORDER = (policy, policy_version, entity, inline_policy, attachment, membership, instance_profile, tag)


def holders(conn: Connection, table: Table, ids: Iterable[str]) -> set[str]:
    """Which of these unique ids are taken, in whatever account."""
    wanted = set(ids)
    return {found for found in conn.execute(select(table.c.id)).scalars() if found in wanted}


def gone(conn: Connection, ids: Iterable[str]) -> set[str]:
    """Which of these were the unique ids of users and roles that were deleted, in whatever account.

    INVARIANT: who was deleted does not come back by an import, neither to what trusts the id (policies of buckets and
    keys, which the backend keeps, are read by nobody here) nor to its sessions.
    """
    wanted, found = sorted(set(ids)), set[str]()
    for begin in range(0, len(wanted), _AT_ONCE):
        keys = [f"{GONE}:{each}" for each in wanted[begin : begin + _AT_ONCE]]
        found |= set(conn.execute(select(credential.c.name).where(credential.c.id.in_(keys))).scalars())
    return found


def trusted_elsewhere(conn: Connection, account: str) -> set[str]:
    """The unique ids that trust policies of other accounts hold, of those who are gone too.

    INVARIANT: who was deleted comes back in no other account, to be trusted there as the one who is gone.
    """
    texts = conn.execute(select(entity.c.trust_document).where(entity.c.account != account, entity.c.kind == "role"))
    return {found for text in texts.scalars() for found in UNIQUE_ID.findall(text or "")}


def names(conn: Connection, table: Table, account: str, *kind: str) -> set[str]:
    """The names in use in an account, in lower case; of entities those of a kind."""
    query = select(table.c.name_key).where(table.c.account == account)
    for each in kind:
        query = query.where(table.c.kind == each)
    return set(conn.execute(query).scalars())


def write(conn: Connection, account: str, rows: Mapping[str, Rows]) -> None:
    """Insert rows by the names of their tables; snapshots start afresh."""
    for table in _ORDER:
        if found := list(rows.get(table.name, ())):
            conn.execute(insert(table), found)
    touch(conn, account, "reset", account)


def set_trust(conn: Connection, role_id: str, document: str) -> None:
    conn.execute(update(entity).where(entity.c.id == role_id).values(trust_document=document))
