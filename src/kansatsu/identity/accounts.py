"""The accounts of one installation: the first, which the first start makes, and those that it opens afterwards.

Every account is a namespace of its own with an administrator of its own; the first alone opens and lists the others.
"""

import json
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select

from kansatsu.errors import EntityAlreadyExists, InternalFailure, InvalidParameterValue
from kansatsu.identity.administrators import AdminKey, administered, administrator, remove, wipe
from kansatsu.identity.changes import ACCOUNTS, touch
from kansatsu.identity.schema import setting

if TYPE_CHECKING:
    from kansatsu.identity.store import Store

FIRST = "first"  # the name of the first account
_PREFIX = "account:"
_FIRST_SETTING = "first_account"
_ID = re.compile(r"[0-9]{12}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}", re.ASCII)  # AWS's names have up to 50 characters too


@dataclass(frozen=True, slots=True)
class Account:
    """One account. `created` is in epoch seconds; `name` is unique without regard to case.

    `member`: an organization made it. It has no administrator of its own, but a role for the management account.
    """

    id: str
    name: str
    created: float
    first: bool
    member: bool = False


def found(store: "Store", account: str) -> str:
    """The id of the installation's first account; `account` becomes it when there is none yet."""
    with store.write() as conn:
        known = _first(conn)
        if known is None:
            older = sorted(administered(conn))  # a directory from before there were further accounts
            known = older[0] if older and account not in older else account
            _register(conn, Account(known, FIRST, store.clock.now().timestamp(), True))
            conn.execute(insert(setting), {"name": _FIRST_SETTING, "value": known})
            touch(conn, known, "account", ACCOUNTS)
        return known


def first(conn: Connection) -> str:
    """The id of the first account. Raises InternalFailure before the first start, when there is none."""
    known = _first(conn)
    if known is None:
        raise InternalFailure("This installation has no first account yet.")
    return known


def _first(conn: Connection) -> str | None:
    value: str | None = conn.execute(select(setting.c.value).where(setting.c.name == _FIRST_SETTING)).scalar()
    return value


def listing(conn: Connection) -> list[Account]:
    """All accounts: the first, then the others by name."""
    query = select(setting.c.name, setting.c.value).where(setting.c.name.startswith(_PREFIX, autoescape=True))
    known = [Account(name.removeprefix(_PREFIX), **json.loads(value)) for name, value in conn.execute(query)]
    return sorted(known, key=lambda account: (not account.first, account.name.lower()))


def create(
    store: "Store", conn: Connection, name: str | None = None, id: str | None = None
) -> tuple[Account, AdminKey]:
    """A further account with its administrator; `name` is its id unless it is given.

    Raises InvalidParameterValue, and EntityAlreadyExists when the id or the name is another account's.
    """
    if id is not None and not _ID.fullmatch(id):
        raise InvalidParameterValue(f"{id!r} is not an account id: 12 digits.")
    known = listing(conn)
    taken = {account.id for account in known}
    chosen = id or _free(taken)
    name = name or chosen
    # INVARIANT: a name is never the id of another account, so that whoever is meant by either is one account only.
    if not _NAME.fullmatch(name) or (_ID.fullmatch(name) and name != chosen):
        raise InvalidParameterValue(
            f"{name!r} is not the name of an account: a letter or digit, then up to 49 letters, digits and ._-, and "
            "no other account's id."
        )
    if chosen in taken:
        raise EntityAlreadyExists(f"The account {chosen} already exists.")
    if name.lower() in {account.name.lower() for account in known}:
        raise EntityAlreadyExists(f"An account with the name {name} already exists.")
    account = Account(chosen, name, store.clock.now().timestamp(), False)
    _register(conn, account)
    touch(conn, chosen, "account", ACCOUNTS)
    return account, administrator(store, conn, chosen)


def open_member(conn: Connection, name: str, now: float) -> Account:
    """A further account for an organization, by its name where that may be one here and is free, else by its id."""
    known = listing(conn)
    chosen = _free({account.id for account in known})
    taken = {account.name.lower() for account in known}
    fits = _NAME.fullmatch(name) and not _ID.fullmatch(name) and name.lower() not in taken
    made = Account(chosen, name if fits else chosen, now, False, member=True)
    _register(conn, made)
    touch(conn, chosen, "account", ACCOUNTS)
    return made


def reset(store: "Store", account: str) -> None:
    """For --test-mode: further accounts are gone, and the first is as on its first day, in one transaction."""
    with store.write() as conn:
        for other in listing(conn):
            if other.id != account:
                remove(conn, other.id)
                conn.execute(setting.delete().where(setting.c.name == _PREFIX + other.id))
        wipe(store, conn, account)


def _free(taken: set[str]) -> str:
    while True:
        made = str(10**11 + secrets.randbelow(9 * 10**11))
        if made not in taken:
            return made


def _register(conn: Connection, account: Account) -> None:
    value = json.dumps(
        {"name": account.name, "created": account.created, "first": account.first, "member": account.member}
    )
    conn.execute(insert(setting), {"name": _PREFIX + account.id, "value": value})
