"""What proves who somebody is, besides access keys: one kind of row, with one set of functions for all.

| kind               | owner                   | name                          | secret                |
|--------------------|-------------------------|-------------------------------|-----------------------|
| password           | the user                | the user's unique id          | hash of the password  |
| mfa                | the user; "": not yet   | serial number (ARN)           | seed of the codes     |
| ssh-key            | the user                | the user's id and fingerprint | none: it is public    |
| certificate        | the user                | fingerprint                   | none: it is public    |
| service            | the user                | user name at the service      | the password          |
| server-certificate | ""                      | name                          | the private key       |
| oidc               | ""                      | URL without https://          | none: it is public    |
| saml               | ""                      | name                          | its private keys      |
| issuer             | ""                      | last part of its URL          | keys of tokens        |
| assertion          | ""                      | hash of one that was used     | none                  |
| delegation         | an account, or "": none  | id of the partner's workflow  | none                  |
| gone               | ""                      | unique id of a deleted user or role | none            |
| deletion           | ""                      | id of the deletion task       | none                  |
| console-session    | the user                | digest of the cookie          | temporary credentials |
| console-link       | the user                | digest of the link            | none                  |
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from kansatsu.identity.pages import Cursor, Page
from kansatsu.identity.schema import credential, tag
from kansatsu.identity.sealer import Sealer
from kansatsu.identity.sealing import Secret


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential without its secret. `created` in epoch seconds; what is in `details` is its kind's own affair."""

    id: str
    account: str
    kind: str
    owner: str  # the unique id of a user, or ""
    name: str
    status: str  # Active | Inactive
    created: float
    details: Mapping[str, Any] = field(default_factory=dict)


_COLUMNS = tuple(getattr(credential.c, name) for name in Credential.__slots__)


def add(conn: Connection, sealer: Sealer, item: Credential, secret: str | None = None) -> Credential:
    """Keep a new one, whose id and name nobody has: callers look first, and the index holds them to it."""
    sealed = sealer.seal_secret(secret, item.id) if secret is not None else None
    conn.execute(insert(credential), _row(item) | {"name_key": item.name.lower(), "secret": sealed})
    return item


def owned(conn: Connection, owner: str, kind: str) -> list[Credential]:
    """Those of a user, oldest first."""
    where = (credential.c.owner == owner) & (credential.c.kind == kind)
    return [_of(row) for row in conn.execute(_select().where(where).order_by(credential.c.created, credential.c.id))]


def named(conn: Connection, account: str, kind: str, name: str) -> Credential | None:
    """The one of that name, without regard to case."""
    mine = (credential.c.account == account) & (credential.c.kind == kind)
    row = conn.execute(_select().where(mine, credential.c.name_key == name.lower())).first()
    return _of(row) if row is not None else None


def by_id(conn: Connection, id: str, kind: str) -> Credential | None:
    """The one of that kind with this id, of whatever account."""
    row = conn.execute(_select().where(credential.c.id == id, credential.c.kind == kind)).first()
    return _of(row) if row is not None else None


def listing(conn: Connection, account: str, kind: str, cursor: Cursor) -> Page[Credential]:
    """Those of an account, by name."""
    mine = (credential.c.account == account) & (credential.c.kind == kind)
    query = _select().where(mine, credential.c.name_key > cursor.after).order_by(credential.c.name_key)
    found = [_of(row) for row in conn.execute(query.limit(cursor.size + 1))]
    return cursor.page([(item.name.lower(), item) for item in found])


def every(conn: Connection, account: str, kind: str) -> list[Credential]:
    """All of an account, by name."""
    return list(listing(conn, account, kind, Cursor(kind, size=sys.maxsize - 1)).items)


def in_use(conn: Connection, account: str, kind: str) -> int:
    """How many an account has that belong to somebody; tally.held() says how many there are."""
    mine = credential.c.account == account, credential.c.kind == kind, credential.c.owner != ""
    return conn.execute(select(func.count()).select_from(credential).where(*mine)).scalar_one()


def secret(conn: Connection, sealer: Sealer, item: Credential) -> Secret:
    """Its secret. Raises StoreError when the row was altered."""
    sealed = conn.execute(select(credential.c.secret).where(credential.c.id == item.id)).scalar_one()
    return sealer.open_secret(sealed, item.id)


def change(
    conn: Connection,
    sealer: Sealer,
    item: Credential,
    *,
    secret: str | None = None,
    details: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Credential:
    """Set fields of it by their names, add to its details, and replace its secret where one is given."""
    changed = replace(item, **fields, details={**item.details, **(details or {})})
    values = _row(changed) | {"name_key": changed.name.lower()}
    if secret is not None:
        values["secret"] = sealer.seal_secret(secret, item.id)
    conn.execute(update(credential).where(credential.c.id == item.id).values(**values))
    return changed


def remove(conn: Connection, item: Credential) -> None:
    """Delete it and its tags."""
    conn.execute(delete(tag).where(tag.c.resource_id == item.id))
    conn.execute(delete(credential).where(credential.c.id == item.id))


def _select() -> Any:
    return select(*_COLUMNS)


def _row(item: Credential) -> dict[str, Any]:
    row = {name: getattr(item, name) for name in Credential.__slots__}
    return row | {"details": json.dumps(dict(item.details))}


def _of(row: Any) -> Credential:
    return Credential(**{**row._mapping, "details": json.loads(row.details)})
