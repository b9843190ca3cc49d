"""The alias of an account: at most one, and no two accounts of an installation have the same.

https://docs.aws.amazon.com/IAM/latest/UserGuide/console_account-alias.html
"""

from sqlalchemy import Connection, delete, insert, select

from kansatsu.errors import EntityAlreadyExists, NoSuchEntity
from kansatsu.identity.schema import setting

_PREFIX = "alias:"


def name_of(account: str) -> str:
    """The setting that holds it."""
    return _PREFIX + account


def of(conn: Connection, account: str) -> str | None:
    alias: str | None = conn.execute(select(setting.c.value).where(setting.c.name == name_of(account))).scalar()
    return alias


def account_of(conn: Connection, alias: str) -> str | None:
    """The account that has this alias."""
    named = setting.c.name.startswith(_PREFIX, autoescape=True)
    found: str | None = conn.execute(select(setting.c.name).where(named, setting.c.value == alias)).scalar()
    return found.removeprefix(_PREFIX) if found is not None else None


def put(conn: Connection, account: str, alias: str) -> None:
    """Give the account an alias, in place of one that it had. Raises EntityAlreadyExists, also for its own."""
    others = setting.c.name.startswith(_PREFIX, autoescape=True)
    if conn.execute(select(setting.c.name).where(others, setting.c.value == alias)).first() is not None:
        raise EntityAlreadyExists(f"The account alias {alias} already exists.")
    conn.execute(delete(setting).where(setting.c.name == name_of(account)))
    conn.execute(insert(setting), {"name": name_of(account), "value": alias})


def remove(conn: Connection, account: str, alias: str) -> None:
    """Raises NoSuchEntity for an alias that is not the account's."""
    mine = (setting.c.name == name_of(account)) & (setting.c.value == alias)
    if not conn.execute(delete(setting).where(mine)).rowcount:
        raise NoSuchEntity(f"The account alias {alias} cannot be found.")
