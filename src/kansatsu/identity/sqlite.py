"""The store on SQLite, in a file of the data directory. What is SQLite's own is here alone."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from kansatsu.errors import ServiceUnavailable
from kansatsu.identity import database
from kansatsu.identity.results import close_with_connection
from kansatsu.identity.sealing import StoreError

FILE = "kansatsu.db"
_SPELT = "case_sensitive_like=ON"  # paths differ by case: https://www.sqlite.org/pragma.html#pragma_case_sensitive_like


class SqliteDatabase:
    """A reading and a writing engine on one SQLite file, and the counter by which commits of anybody are noticed."""

    local = True
    node = ""
    trouble = None

    def __init__(self, path: Path):
        self._path = path
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives its -wal and -shm the same mode
        path.chmod(0o600)
        # INVARIANT: what was written is on disk when its transaction ends.
        self.writer = self._engine(
            "BEGIN IMMEDIATE", ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", _SPELT)
        )
        self.reader = self._engine("BEGIN", ("query_only=ON", _SPELT))
        self._watch: sqlite3.Connection | None = None

    def where(self) -> str:
        return str(self._path)

    def check(self) -> None:
        with self._understood():
            self.reader.connect().close()

    @contextmanager
    def _understood(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, sqlite3.OperationalError, ServiceUnavailable) as error:
            raise StoreError(f"The database {self._path} cannot be opened: {_reason(error)}.") from error
        except (DatabaseError, sqlite3.DatabaseError) as error:
            raise StoreError(f"{self._path} is not a Kansatsu database: {_reason(error)}.") from error

    def prepare(self) -> None:
        """Create the tables or bring them up to date. Raises StoreError."""
        with self._understood():
            database.bring_up_to_date(self)
        # This connection never writes: SQLite then changes data_version for every commit of any other connection,
        # of this process or another. https://www.sqlite.org/pragma.html#pragma_data_version
        self._watch = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)

    def preparing(self) -> AbstractContextManager[Connection]:
        return self.writer.begin()

    def settle(self, conn: Connection) -> None:
        """Nothing: SQLite has no lengths and compares bytes."""

    def others(self) -> set[str]:
        return set()

    def claim(self) -> bool:
        return True  # the lock of the data directory is that of the database, too

    def data_version(self) -> tuple[int, int]:
        """See Database. Not thread-safe."""
        if self._watch is None:
            raise RuntimeError("prepare() the database first")
        return 0, int(self._watch.execute("PRAGMA data_version").fetchall()[0][0])

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()
        self.reader.dispose()
        self.writer.dispose()

    def _engine(self, begin: str, pragmas: tuple[str, ...]) -> Engine:
        engine = create_engine(
            f"sqlite+pysqlite:///{self._path}",
            connect_args={"timeout": database.BUSY_SECONDS, "check_same_thread": False},
        )
        event.listen(engine, "connect", _connected(pragmas))
        event.listen(engine, "begin", _begun(begin))
        close_with_connection(engine)
        return engine


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", error)).rstrip(".")


def _connected(pragmas: tuple[str, ...]) -> Callable[[Any, Any], None]:
    def listener(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where SQLAlchemy says so, not where sqlite3 guesses
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").fetchall()

    return listener


def _begun(statement: str) -> Callable[[Connection], None]:
    def listener(conn: Connection) -> None:
        raw = cast(sqlite3.Connection, conn.connection.dbapi_connection)
        try:
            raw.execute(statement)  # not through SQLAlchemy: this is a quarter of the cost of a small read
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise ServiceUnavailable("Another process has been writing for too long. Try again.") from error
            raise

    return listener
