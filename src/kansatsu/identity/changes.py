"""The log of changes by which snapshots of all processes drop exactly what a write has made stale.

Which touches a write needs (kind, id); a write that lacks one is a security bug, because the old permission lives on:

| write                                                                     | touch                                  |
|---------------------------------------------------------------------------|----------------------------------------|
| create, update, rename, delete of a user, group, role                     | "entity", its id                       |
| its tags, boundary, trust policy, session duration                        | "entity", its id                       |
| inline policy put or deleted; managed policy attached or detached         | "entity", id of the owner of the policy |
|   (a group's members are dropped with it)                                 |                                        |
| user added to or removed from a group                                     | "entity", the user's id                |
| customer policy created, deleted, default version changed, tags           | "policy", its ARN                      |
| access key created, activated, deactivated, deleted                       | "access_key", its id                   |
| instance profile created, deleted, role added or removed, tags            | "instance_profile", its id             |
| organization made, dissolved; account joins, leaves, moves, is closed      | "organization", the account's id       |
| its policy types or features                                              | "organization", its id                 |
| SCP or RCP attached or detached; changed or deleted                       | "organization", the target's; its own  |
| account opened                                                            | "account", ACCOUNTS                    |
| revoke() and rotation of sealing keys                                     | they touch by themselves               |
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, exists, func, insert, select

from kansatsu.identity.schema import change

KINDS = frozenset(
    {
        "entity",
        "policy",
        "access_key",
        "instance_profile",
        "instance",
        "association",
        "revocation",
        "sealing_key",
        "reset",
        "account",
        "organization",
    }
)

ACCOUNTS = "accounts"  # the id under which the list of accounts is known


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the log."""

    revision: int
    account: str
    kind: str
    id: str


def touch(conn: Connection, account: str, kind: str, id: str) -> None:
    """Log a change in the transaction that makes it, so that every snapshot drops the entry `id`."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind of change: {kind}")
    conn.execute(insert(change), {"account": account, "kind": kind, "id": id})


def latest(conn: Connection) -> int:
    """The revision of the newest change, 0 when there is none."""
    return conn.execute(select(func.max(change.c.revision))).scalar() or 0


def since(conn: Connection, revision: int, limit: int) -> list[Change]:
    """At most `limit` changes after `revision`, oldest first."""
    columns = (change.c.revision, change.c.account, change.c.kind, change.c.id)
    query = select(*columns).where(change.c.revision > revision).order_by(change.c.revision).limit(limit)
    return [Change(*row) for row in conn.execute(query)]


def reaches(conn: Connection, revision: int, following: Sequence[Change]) -> bool:
    """Whether the log still holds all changes after `revision`, of which `following` are the first.

    Revisions have gaps on PostgreSQL, where a transaction that fails does not give back the one that it took.
    """
    if not following or following[0].revision == revision + 1:
        return True
    return conn.execute(select(exists().where(change.c.revision <= revision))).scalar_one()
