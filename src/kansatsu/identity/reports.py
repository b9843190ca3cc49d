"""The credential report of an account, kept from when it was generated until it expires.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
"""

import json
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from kansatsu.identity.schema import setting

_PREFIX = "credential_report:"


@dataclass(frozen=True, slots=True)
class Report:
    """`generated` in epoch seconds; `content` is CSV."""

    generated: int
    content: str


def name_of(account: str) -> str:
    """The setting that holds it."""
    return _PREFIX + account


def find(conn: Connection, account: str) -> Report | None:
    kept = conn.execute(select(setting.c.value).where(setting.c.name == name_of(account))).scalar()
    return Report(**json.loads(kept)) if kept is not None else None


def put(conn: Connection, account: str, report: Report) -> None:
    """Keep it, in place of an older one."""
    conn.execute(delete(setting).where(setting.c.name == name_of(account)))
    value = json.dumps({"generated": report.generated, "content": report.content})
    conn.execute(insert(setting), {"name": name_of(account), "value": value})
