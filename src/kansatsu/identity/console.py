"""Sessions of the console and the one-time links that open them: rows, so that any node knows them and can end them.

What a browser holds is random and kept here as a digest; the temporary credentials behind it are sealed and never
leave the server.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from sqlalchemy import Connection, delete, select

from kansatsu.identity import credentials, keys, sessions
from kansatsu.identity.credentials import Credential
from kansatsu.identity.entities import Entity, by_id
from kansatsu.identity.records import EntityRecord
from kansatsu.identity.schema import credential
from kansatsu.identity.sealer import Sealer

SESSION, LINK, PASSWORD = "console-session", "console-link", "password"
LINK_LIFE = 60  # seconds
LONGEST = "longest"  # of the details of a password: MaxSigninSessionDuration in seconds
SOURCE = "console"  # in the source of a session: it was made by signing in


@dataclass(frozen=True, slots=True)
class Proof:
    """By what a user signed in; the session lasts no longer than it does.

    `way`: "password" or "key". `stamp`: the digest of the password's hash, or the access key's id.
    """

    way: str
    stamp: str

    def holds(self, conn: Connection, sealer: Sealer, user: Entity | EntityRecord) -> bool:
        """Is it still what the user signs in with?

        INVARIANT: whoever changes a password, or switches off or deletes a key, ends the sessions that rest on it.
        """
        if self.way == PASSWORD:
            profile = credentials.named(conn, user.account, PASSWORD, user.id)
            return profile is not None and compare_digest(
                self.stamp, digest(credentials.secret(conn, sealer, profile).value)
            )
        key = keys.find(conn, self.stamp)
        return key is not None and key.user_id == user.id and key.status == "Active"


@dataclass(frozen=True, slots=True)
class Keys:
    """The temporary credentials of a session."""

    access_key_id: str
    secret_access_key: str
    token: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A session of the console that is good now. Times are epoch seconds."""

    row: Credential
    user: Entity
    keys: Keys
    mfa: bool
    expires: float


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def temporary(
    sealer: Sealer, user: Entity | EntityRecord, issued: datetime, life: timedelta, mfa: datetime | None
) -> Keys:
    """Credentials of a user who signed in: without the limits of GetSessionToken, as in AWS's console."""
    session, token = sessions.issue(
        sealer,
        account=user.account,
        principal_id=user.id,
        principal_name=user.name,
        kind="user",
        issued=issued,
        expires=issued.replace(microsecond=0) + life,
        mfa=mfa,
        source={SOURCE: "sign-in"},
    )
    return Keys(session.access_key_id, session.secret.value, token)


def begin(
    conn: Connection,
    sealer: Sealer,
    user: Entity | EntityRecord,
    proof: Proof,
    now: datetime,
    life: timedelta,
    mfa: datetime | None,
) -> tuple[str, str]:
    """A new session: what goes into the cookie, and what the page says besides with every call.

    INVARIANT: both are new for every sign-in and neither is of use alone: cookies are shared by all ports of a host,
    what a page keeps is its origin's only.
    """
    prune(conn, now)
    cookie, word = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    made = temporary(sealer, user, now, life, mfa)
    details = {
        "expires": now.timestamp() + life.total_seconds(),
        "way": proof.way,
        "stamp": proof.stamp,
        "word": digest(word),
        "mfa": mfa is not None,
    }
    secret = json.dumps([made.access_key_id, made.secret_access_key, made.token])
    _add(conn, sealer, SESSION, user, cookie, now, details, secret)
    return cookie, word


def find(conn: Connection, sealer: Sealer, cookie: str, word: str, now: datetime) -> Opened | None:
    """The session of a cookie and its word, None when it is over, was ended, or is nobody's."""
    row = credentials.by_id(conn, _id(SESSION, cookie), SESSION)
    if row is None or now.timestamp() >= row.details["expires"]:
        return None
    user = by_id(conn, row.owner)
    if user is None or not compare_digest(row.details["word"], digest(word)):
        return None
    if not Proof(row.details["way"], row.details["stamp"]).holds(conn, sealer, user):
        return None
    kept = Keys(*json.loads(credentials.secret(conn, sealer, row).value))
    return Opened(row, user, kept, row.details["mfa"], row.details["expires"])


def end(conn: Connection, opened: Opened) -> None:
    credentials.remove(conn, opened.row)


def end_with_key(conn: Connection, key: keys.Key) -> None:
    """INVARIANT: what rests on a key that is switched off is over, and does not come back with it."""
    for row in credentials.owned(conn, key.user_id, SESSION):
        if row.details["stamp"] == key.id:
            credentials.remove(conn, row)
    for row in credentials.owned(conn, key.user_id, LINK):
        if row.details["key"] == key.id:
            credentials.remove(conn, row)


def offer(conn: Connection, sealer: Sealer, user: Entity | EntityRecord, access_key_id: str, now: datetime) -> str:
    """A link that opens one session as this user, who holds the key, within LINK_LIFE."""
    prune(conn, now)
    link = secrets.token_urlsafe(32)
    details = {"expires": now.timestamp() + LINK_LIFE, "key": access_key_id}
    _add(conn, sealer, LINK, user, link, now, details, None)
    return link


def redeem(conn: Connection, sealer: Sealer, link: str, now: datetime) -> tuple[Entity, Proof] | None:
    """Whose session a link opens, once.

    INVARIANT: it is gone with this transaction, whether it was good or not.
    """
    row = credentials.by_id(conn, _id(LINK, link), LINK)
    if row is None:
        return None
    credentials.remove(conn, row)
    user, proof = by_id(conn, row.owner), Proof("key", row.details["key"])
    if user is None or now.timestamp() >= row.details["expires"] or not proof.holds(conn, sealer, user):
        return None
    return user, proof


def prune(conn: Connection, now: datetime) -> None:
    """Forget sessions and links whose time is over."""
    query = select(credential.c.id, credential.c.details).where(credential.c.kind.in_((SESSION, LINK)))
    over = [row.id for row in conn.execute(query) if json.loads(row.details)["expires"] <= now.timestamp()]
    if over:
        conn.execute(delete(credential).where(credential.c.id.in_(over)))


def _id(kind: str, given: str) -> str:
    # 64 characters is what the column holds; 48 hexadecimal digits of the digest are 192 bits.
    return f"{kind}:{digest(given)[:48]}"


def _add(
    conn: Connection,
    sealer: Sealer,
    kind: str,
    user: Entity | EntityRecord,
    given: str,
    now: datetime,
    details: Mapping[str, Any],
    secret: str | None,
) -> None:
    item = Credential(_id(kind, given), user.account, kind, user.id, digest(given), "Active", now.timestamp(), details)
    credentials.add(conn, sealer, item, secret)
