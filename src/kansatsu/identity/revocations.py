"""Revoked sessions: not a list of tokens but of subjects, each with the moment before which its sessions are refused.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, select, update

from kansatsu.identity.changes import touch
from kansatsu.identity.schema import revocation
from kansatsu.identity.sealer import RETIRED_LIFE

if TYPE_CHECKING:
    from kansatsu.identity.sessions import Session

KINDS = frozenset({"role", "principal", "association", "instance"})
Revocations = Mapping[tuple[str, str, str], float]


def revoke(conn: Connection, account: str, kind: str, subject: str, before: datetime) -> None:
    """Refuse the sessions of `subject` that were issued up to and including `before`.

    kind "role": subject is the role's unique id; "principal": ROLE-ID:SESSION-NAME or a user's id (Session.user_id);
    "association": the id of the instance profile association that handed the session out; "instance": the id of the
    instance, whichever association it was. A later `before` wins.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of revocation: {kind}")
    values = {"account": account, "kind": kind, "subject": subject}
    moment = before.timestamp()
    row = revocation.c
    where = (row.account == account) & (row.kind == kind) & (row.subject == subject)
    known = conn.execute(select(row.before).where(where)).scalar()
    if known is None:
        conn.execute(insert(revocation), {**values, "before": moment})
    else:
        conn.execute(update(revocation).where(where).values(before=max(known, moment)))
    touch(conn, account, "revocation", subject)


def prune(conn: Connection, now: datetime) -> int:
    """Forget the revocations that the longest session can no longer meet; how many they were."""
    return conn.execute(
        delete(revocation).where(revocation.c.before < now.timestamp() - RETIRED_LIFE.total_seconds())
    ).rowcount


def load(conn: Connection) -> dict[tuple[str, str, str], float]:
    """All of them: (account, kind, subject) -> before, in epoch seconds."""
    return {(row.account, row.kind, row.subject): row.before for row in conn.execute(select(revocation))}


def applies(listed: Revocations, session: "Session") -> bool:
    """Whether any revocation meets this session."""
    issued = session.issued.astimezone(UTC).timestamp()
    subjects = (
        ("role", session.principal_id),
        ("principal", session.user_id),
        # A user takes along the federated users that it vouched for; a role's id alone is no principal.
        ("principal", session.principal_id if session.kind == "federated" else ""),
        ("association", session.source.get("association", "")),
        ("instance", session.source.get("instance", "")),
    )
    return any(issued <= listed.get((session.account, kind, subject), -1.0) for kind, subject in subjects)
