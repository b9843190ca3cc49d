"""Delegation requests: what a partner asks for, how far that has come, and until when.

Rows of `credential`, of the partner's account; `owner` is the account that the request is associated with.
https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-building-integration.html
"""

import base64
import secrets
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from kansatsu.identity import credentials
from kansatsu.identity.credentials import Credential
from kansatsu.identity.sealer import Sealer, Unopenable

KIND = "delegation"
SOURCE = "delegation"  # key in the source of a session that was delegated
ITSELF = "itself"  # its value where the lender was no session of GetSessionToken, whose limits stay
_PURPOSE = "trade-in token"
_DAY = 86400
_UNASSIGNED_LIFE, _LIFE = _DAY, 7 * _DAY  # without any action, in each state


class State(StrEnum):
    UNASSIGNED = "UNASSIGNED"
    ASSIGNED = "ASSIGNED"
    PENDING = "PENDING_APPROVAL"
    ACCEPTED = "ACCEPTED"
    FINALIZED = "FINALIZED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


def create(
    conn: Connection, sealer: Sealer, account: str, workflow: str, now: float, details: Mapping[str, Any]
) -> Credential:
    """A new request of a partner's account; `workflow` is unique in it. What expired a week ago is forgotten."""
    for known in credentials.every(conn, account, KIND):
        if expires(known) + _LIFE < now:
            credentials.remove(conn, known)
    held = {"state": State.UNASSIGNED, "updated": now, **details}
    made = Credential(f"dr-{secrets.token_hex(16)}", account, KIND, "", workflow, "Active", now, held)
    return credentials.add(conn, sealer, made)


def expires(item: Credential) -> float:
    """When it expires if nobody does anything, in epoch seconds."""
    unassigned = item.details["state"] == State.UNASSIGNED
    return float(item.details["updated"]) + (_UNASSIGNED_LIFE if unassigned else _LIFE)


def state(item: Credential, now: float) -> State:
    return State.EXPIRED if now >= expires(item) else State(item.details["state"])


def move(
    conn: Connection,
    sealer: Sealer,
    item: Credential,
    to: State,
    now: float,
    account: str | None = None,
    **details: Any,
) -> Credential:
    """Put it into another state, and into the hands of an account where one is given."""
    fields = {} if account is None else {"owner": account}
    return credentials.change(conn, sealer, item, details={"state": to, "updated": now, **details}, **fields)


def sealed(sealer: Sealer, item: Credential) -> str:
    """The token of a request, which its partner's account alone can trade in."""
    return base64.urlsafe_b64encode(sealer.seal(_PURPOSE, item.id.encode(), item.account)).decode()


def opened(sealer: Sealer, account: str, token: str, now: datetime) -> str:
    """The id of the request of a token; "" for what is no token of this account."""
    try:
        return sealer.open(_PURPOSE, base64.b64decode(token, altchars=b"-_", validate=True), account, now).decode()
    except (ValueError, Unopenable):
        return ""
