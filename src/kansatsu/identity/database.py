"""What a store needs of a database, and what every database needs at first: its tables, at the newest revision."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, inspect, text

from kansatsu.identity import tally
from kansatsu.identity.schema import metadata
from kansatsu.identity.sealing import StoreError

HEAD = "0014"  # the newest migration; a test holds it against migrations/versions
BUSY_SECONDS = 5.0  # how long a writer waits for a writer of another process
MIGRATIONS = Path(__file__).parent / "migrations"


class Database(Protocol):
    """Two engines on one database, and what tells that anybody has committed to it."""

    @property
    def writer(self) -> Engine:
        """Its transactions are one at a time, of all processes, and durable when they end."""

    @property
    def reader(self) -> Engine:
        """Its transactions see one state and cannot write."""

    @property
    def local(self) -> bool:
        """Whether data_version() is a matter of microseconds, and nothing that can be away."""

    @property
    def node(self) -> str:
        """Which of several processes on it this one is; "" where there can only be one."""

    def where(self) -> str:
        """What it is called in a sentence, without secrets."""

    @property
    def trouble(self) -> tuple[float, str] | None:
        """Since when (epoch seconds) it is away, and why, as far as anybody has asked it; None when it answers."""

    def check(self) -> None:
        """Raises StoreError when it cannot be reached, or is none that can be used."""

    def prepare(self) -> None:
        """Create the tables or bring them up to date. Raises StoreError."""

    def preparing(self) -> AbstractContextManager[Connection]:
        """A transaction for that alone."""

    def settle(self, conn: Connection) -> None:
        """Do what tables that were just made or altered still need, in the same transaction."""

    def others(self) -> set[str]:
        """The other nodes that are connected to it at this moment."""

    def claim(self) -> bool:
        """Be the only process of this name for as long as it is open; False when another one is."""

    def data_version(self) -> tuple[int, int]:
        """Two numbers: the second differs after any commit that a snapshot must know of, the first when what is in
        memory is not to be trusted at all. The store calls it from one thread at a time. Raises ServiceUnavailable."""

    def close(self) -> None:
        """Let go of all connections."""


def bring_up_to_date(database: Database) -> None:
    """Create the tables, or upgrade them. Raises StoreError."""
    with database.preparing() as conn:
        current = revision(conn, database)
        if current is None:
            _create(conn)
        elif current != HEAD:
            _upgrade(conn, current, database)
        if current != HEAD:
            database.settle(conn)
            tally.install(conn)


def standing(database: Database) -> str:
    """How far its tables are, in words; nothing is changed. Raises StoreError when this version cannot use them."""
    with database.reader.connect() as conn:
        current = revision(conn, database)
    if current is None:
        return "empty, the first start makes its tables"
    if current == HEAD:
        return f"schema {HEAD}, up to date"
    if not any((MIGRATIONS / "versions").glob(f"{current}_*.py")):
        raise _newer(database, current)
    return f"schema {current}, the next start brings it to {HEAD}"


def _newer(database: Database, current: str) -> StoreError:
    return StoreError(
        f"The database {database.where()} was made by a newer Kansatsu (schema {current}, this one knows {HEAD}). "
        "Install that version, or restore a backup from before the upgrade."
    )


def revision(conn: Connection, database: Database) -> str | None:
    """The schema revision, None for an empty database. Raises StoreError when the tables are somebody else's."""
    tables = inspect(conn).get_table_names()
    if not tables:
        return None
    # Others keep their revision in a table of that name too.
    if not {"alembic_version", "sealing_key"} <= set(tables):
        raise StoreError(f"{database.where()} is not a Kansatsu database: it holds tables of something else.")
    return str(conn.execute(text("SELECT version_num FROM alembic_version")).scalar())


def _create(conn: Connection) -> None:
    """A new database is made from the metadata and stamped; the migrations yield the same (tests/identity)."""
    metadata.create_all(conn)
    conn.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    conn.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def _upgrade(conn: Connection, current: str, database: Database) -> None:
    """Alembic is imported only here: it costs more than the rest of opening a store."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    if current not in {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}:
        raise _newer(database, current)
    if others := database.others():
        raise StoreError(
            f"The database {database.where()} has the schema {current}, this version needs {HEAD}, and the nodes "
            f"{', '.join(sorted(others))} use it. Stop them; the first start of this version brings it up to date."
        )
    config.attributes["connection"] = conn
    command.upgrade(config, "head")
