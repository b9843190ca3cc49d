"""Tasks, services and container instances in the store: one JSON document a row, searched in memory only."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import msgspec
from sqlalchemy import Connection, Table, delete, insert, select, true, update


class Document(Protocol):
    """A frozen dataclass that is kept whole. `created` is epoch seconds."""

    @property
    def id(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def created(self) -> float: ...


D = TypeVar("D", bound=Document)


def load(conn: Connection, table: Table, kind: type[D], node: str | None = None) -> Sequence[D]:
    """All of a kind, oldest first; those of one node, where it is given."""
    mine = true() if node is None else table.c.node == node
    rows = conn.execute(select(table.c.details).where(mine).order_by(table.c.created, table.c.id))
    return [msgspec.json.decode(row.details, type=kind) for row in rows]


def save(conn: Connection, table: Table, item: Document, *, new: bool = False, node: str = "") -> None:
    """Insert, as this node's, or overwrite."""
    details = msgspec.json.encode(item).decode()
    if new:
        values = {"id": item.id, "account": item.account, "created": item.created, "details": details}
        conn.execute(insert(table).values(values | ({"node": node} if node else {})))
    else:
        conn.execute(update(table).where(table.c.id == item.id).values(details=details))


def forget(conn: Connection, table: Table, document_id: str) -> None:
    """Delete; one that is gone already is no error."""
    conn.execute(delete(table).where(table.c.id == document_id))
