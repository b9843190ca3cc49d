"""What backends deliver by themselves, as it was set up through Kansatsu; gateway/standing.py has the meaning."""

import hashlib

from sqlalchemy import Connection, delete, insert, select

from kansatsu.identity.schema import delivery


def _at(account: str, holder: str, details: str) -> dict[str, str]:
    digest = hashlib.sha256("\0".join((account, holder, details)).encode()).hexdigest()
    return {"id": digest, "account": account, "holder": holder, "details": details}


def add(conn: Connection, account: str, holder: str, details: str) -> None:
    """Keep a delivery (JSON) to what has its policy in `holder` (an ARN); nothing happens when it is kept already."""
    row = _at(account, holder, details)
    if conn.execute(select(delivery.c.id).where(delivery.c.id == row["id"])).first() is None:
        conn.execute(insert(delivery), row)


def discard(conn: Connection, account: str, holder: str, details: str) -> None:
    """Forget it."""
    conn.execute(delete(delivery).where(delivery.c.id == _at(account, holder, details)["id"]))


def of(conn: Connection, account: str, holder: str) -> list[str]:
    """The deliveries of an account to a holder, in a stable order."""
    query = select(delivery.c.details).where(delivery.c.account == account, delivery.c.holder == holder)
    return [row.details for row in conn.execute(query.order_by(delivery.c.id))]
