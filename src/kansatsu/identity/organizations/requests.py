"""Accounts that were asked for, and handshakes (to join, to enable all features): what became of each.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccountStatus.html
https://docs.aws.amazon.com/organizations/latest/APIReference/API_Handshake.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, insert, select, update

from kansatsu.identity.organization_tables import organization, organization_request
from kansatsu.identity.organizations import tree
from kansatsu.identity.organizations.errors import error
from kansatsu.identity.organizations.tree import Organization

CREATE, INVITE, ENABLE, APPROVE = "create", "invite", "enable", "approve"
REQUESTED, OPEN, ACCEPTED, DECLINED, CANCELED, EXPIRED = (
    "REQUESTED",
    "OPEN",
    "ACCEPTED",
    "DECLINED",
    "CANCELED",
    "EXPIRED",
)
# Handshakes, as AWS calls what they are about, and the seconds that they stay open.
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_org_support-all-features.html
ACTIONS = {INVITE: "INVITE", ENABLE: "ENABLE_ALL_FEATURES", APPROVE: "APPROVE_ALL_FEATURES"}
LIFETIMES = {INVITE: 15 * 86_400, ENABLE: 90 * 86_400, APPROVE: 90 * 86_400}


@dataclass(frozen=True, slots=True)
class Asked:
    """`account` is the management account, `organization` its organization's id, `subject` the account in question.

    `ended`: when it ended, or an open invitation will. `details`: "name" and "reason" of an account that was asked
    for; "type", "value", "notes" and "tags" of an invitation; the "parent" of an approval.
    """

    id: str
    account: str
    organization: str
    kind: str
    subject: str
    state: str
    created: float
    ended: float
    details: Mapping[str, Any]


_JOINED = organization_request.join(organization, organization.c.account == organization_request.c.account)
_COLUMNS = (
    organization_request.c.id,
    organization_request.c.account,
    organization.c.id.label("organization"),
    organization_request.c.kind,
    organization_request.c.subject,
    organization_request.c.state,
    organization_request.c.created,
    organization_request.c.ended,
    organization_request.c.details,
)


def add(
    conn: Connection,
    org: Organization,
    kind: str,
    subject: str,
    state: str,
    now: float,
    details: Mapping[str, Any],
) -> Asked:
    """Write one down. Raises DuplicateHandshakeException for a second open invitation of the same account."""
    if kind == INVITE and any(one.state == OPEN for one in of_organization(conn, org, kind, now, subject)):
        raise error("DuplicateHandshakeException")
    head, length = ("h-", 10) if kind in ACTIONS else ("car-", 32)
    ended = now + LIFETIMES[kind] if state in (REQUESTED, OPEN) else now
    made = Asked(tree.make_id(head, length), org.account, org.id, kind, subject, state, now, ended, details)
    row = {name: getattr(made, name) for name in ("id", "account", "kind", "subject", "state", "created", "ended")}
    conn.execute(insert(organization_request).values(details=json.dumps(details), **row))
    return made


def end(conn: Connection, asked: Asked, state: str, now: float) -> Asked:
    """Accept, decline or cancel, or open what all others have approved.

    Raises HandshakeAlreadyInStateException, InvalidHandshakeTransitionException.
    """
    if asked.state == state:
        raise error("HandshakeAlreadyInStateException")
    if asked.state != OPEN and (asked.state, state) not in ((REQUESTED, CANCELED), (REQUESTED, OPEN)):
        raise error("InvalidHandshakeTransitionException")
    if state == OPEN:
        now = asked.ended
    where = organization_request.c.id == asked.id
    conn.execute(update(organization_request).where(where).values(state=state, ended=now))
    return replace(asked, state=state, ended=now)


def of_organization(
    conn: Connection, org: Organization, kind: str | None, now: float, subject: str | None = None
) -> list[Asked]:
    """What an organization asked for, the oldest first; without a kind all handshakes."""
    query = select(*_COLUMNS).select_from(_JOINED)
    kinds = organization_request.c.kind.in_(ACTIONS if kind is None else (kind,))
    query = query.where(organization_request.c.account == org.account, kinds)
    if subject is not None:
        query = query.where(organization_request.c.subject == subject)
    return _found(conn, query, now)


def invitations(conn: Connection, account: str, now: float) -> list[Asked]:
    """The invitations that an account got, and what it is asked to approve."""
    query = select(*_COLUMNS).select_from(_JOINED)
    return _found(
        conn,
        query.where(organization_request.c.subject == account, organization_request.c.kind.in_((INVITE, APPROVE))),
        now,
    )


def handshake(conn: Connection, id: str, now: float) -> Asked | None:
    """A handshake by its id, whoever may see it."""
    query = select(*_COLUMNS).select_from(_JOINED)
    where = organization_request.c.id == id, organization_request.c.kind.in_(ACTIONS)
    return next(iter(_found(conn, query.where(*where), now)), None)


def _found(conn: Connection, query: Any, now: float) -> list[Asked]:
    rows = conn.execute(query.order_by(organization_request.c.created, organization_request.c.id))
    found = [Asked(**{**row._asdict(), "details": json.loads(row.details)}) for row in rows]
    return [
        replace(one, state=EXPIRED) if one.state in (REQUESTED, OPEN) and one.ended <= now else one for one in found
    ]
