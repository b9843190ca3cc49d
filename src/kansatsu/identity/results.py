"""Ends every query with the use of its connection, so that no half-read result holds a connection at an old state.

SQLite keeps a connection at the state that its oldest unfinished query began with, even when the transaction is rolled
back and begun again (https://www.sqlite.org/isolation.html): whoever is given that connection next would miss writes.
"""

from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, event

_OPEN = "kansatsu_results"


def close_with_connection(engine: Engine) -> None:
    """From now on results end when their connection goes back to the pool; to read on then raises an error.

    INVARIANT: a connection from the pool is at no earlier state than the last commit.
    """
    event.listen(engine, "after_execute", _remember)
    event.listen(engine, "reset", _close)


def _remember(conn: Connection, _statement: Any, _many: Any, _params: Any, _options: Any, result: Any) -> None:
    if isinstance(result, CursorResult) and result.returns_rows:
        unread = (each for each in conn.info.get(_OPEN, ()) if each.cursor is not None)
        conn.info[_OPEN] = [*unread, result]


def _close(_connection: Any, record: Any, _state: Any) -> None:
    for result in record.info.pop(_OPEN, ()):
        result.close()
