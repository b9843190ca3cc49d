"""Opens the database of a data directory: engines, schema revision, file modes. What is SQLite's own is here alone."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError, OperationalError

from kansatsu.errors import ServiceUnavailable
from kansatsu.identity.results import close_with_connection
from kansatsu.identity.schema import metadata
from kansatsu.identity.sealing import StoreError

FILE = "kansatsu.db"
HEAD = "0009"  # the newest migration; a test holds it against migrations/versions
BUSY_SECONDS = 5.0  # how long a writer waits for a writer of another process
MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """A reading and a writing engine on one SQLite file, and the counter by which commits of anybody are noticed."""

    def __init__(self, path: Path):
        self._path = path
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives its -wal and -shm the same mode
        path.chmod(0o600)
        self.writer = self._engine("BEGIN IMMEDIATE", ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"))
        self.reader = self._engine("BEGIN", ("query_only=ON",))
        self._watch: sqlite3.Connection | None = None

    def prepare(self) -> None:
        """Create the tables or bring them up to date. Raises StoreError."""
        try:
            with self.writer.begin() as conn:
                current = _revision(conn)
                if current is None:
                    _create(conn)
            if current not in {None, HEAD}:
                self._upgrade(str(current))
        except (OperationalError, sqlite3.OperationalError, ServiceUnavailable) as error:
            raise StoreError(f"The database {self._path} cannot be opened: {_reason(error)}.") from error
        except (DatabaseError, sqlite3.DatabaseError) as error:
            raise StoreError(f"{self._path} is not a Kansatsu database: {_reason(error)}.") from error
        # This connection never writes: SQLite then changes data_version for every commit of any other connection,
        # of this process or another. https://www.sqlite.org/pragma.html#pragma_data_version
        self._watch = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)

    def data_version(self) -> int:
        """A number that differs after any commit. Not thread-safe: the store calls it under its lock."""
        if self._watch is None:
            raise RuntimeError("prepare() the database first")
        return int(self._watch.execute("PRAGMA data_version").fetchall()[0][0])

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()
        self.reader.dispose()
        self.writer.dispose()

    def _engine(self, begin: str, pragmas: tuple[str, ...]) -> Engine:
        engine = create_engine(
            f"sqlite+pysqlite:///{self._path}", connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}
        )
        event.listen(engine, "connect", _connected(pragmas))
        event.listen(engine, "begin", _begun(begin))
        close_with_connection(engine)
        return engine

    def _upgrade(self, current: str) -> None:
        """Alembic is imported only here: it costs more than the rest of opening a store."""
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        if current not in {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}:
            raise StoreError(
                f"The database {self._path} was made by a newer Kansatsu (schema {current}, this one knows {HEAD}). "
                "Install that version, or restore a backup from before the upgrade."
            )
        with self.writer.begin() as conn:
            config.attributes["connection"] = conn
            command.upgrade(config, "head")


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


def _revision(conn: Connection) -> str | None:
    """The schema revision, None for an empty database. Raises StoreError when the tables are somebody else's."""
    tables = inspect(conn).get_table_names()
    if "alembic_version" not in tables:
        if tables:
            raise StoreError(f"{conn.engine.url.database} is not a Kansatsu database.")
        return None
    return str(conn.execute(text("SELECT version_num FROM alembic_version")).scalar())


def _create(conn: Connection) -> None:
    """A new database is made from the metadata and stamped; the migration yields the same (tests/identity)."""
    metadata.create_all(conn)
    conn.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    conn.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
