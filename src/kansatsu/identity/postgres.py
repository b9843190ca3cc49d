"""The store on PostgreSQL, for several nodes: who writes, what tells of commits, and a database that goes away.

Writes are one at a time over all nodes, as on SQLite: each holds one advisory lock from its begin to its commit. So
what a transaction has read is true until it ends, revisions in the log of changes become visible in their order, and
nothing ever fails for a conflict. A node that reads the newest revision has missed no commit.
"""

import logging
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic, sleep, time
from typing import Any

import psycopg
from psycopg import conninfo, errors, pq
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError

from kansatsu.errors import AwsError, ServiceUnavailable, ValidationError
from kansatsu.identity import database
from kansatsu.identity.results import close_with_connection
from kansatsu.identity.sealing import StoreError

log = logging.getLogger(__name__)
OLDEST = 15  # the release that the tests run on; https://www.postgresql.org/support/versioning/
CLAIM_SECONDS = 10.0
# INVARIANT: a database that has stopped answering holds nobody for longer, and nothing is decided without it.
CONNECT_SECONDS = 5
REVISION_SECONDS = 2.0
READ_SECONDS = 5.0
WRITE_SECONDS = 40.0  # the server ends a statement sooner
_PROGRAM = "kansatsu"
_LOCK = int.from_bytes(b"kansatsu")  # https://www.postgresql.org/docs/15/explicit-locking.html#ADVISORY-LOCKS
_WRITE = f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock({_LOCK})"
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_NEWEST = "SELECT coalesce(max(revision), 0) FROM change"
_AGAIN = 1.0  # seconds from a connection that failed to the next attempt: requests do not queue up behind a dead host
# INVARIANT: a node that is paused or cut off in the middle of a write does not keep the others from writing: the
# server ends its transaction. https://www.postgresql.org/docs/15/runtime-config-client.html
# INVARIANT: what was written is on disk when its transaction ends, whatever the server does by default.
_SESSION = """
SET lock_timeout = '{busy}ms';
SET statement_timeout = '30s';
SET idle_in_transaction_session_timeout = '10s';
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')
"""
# Of libpq, where the URL says nothing else: https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-PARAMKEYWORDS
_CONNECTION: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    # INVARIANT: a server that only follows another one, and may be behind it, decides nothing.
    "target_session_attrs": "read-write",
}
_TEXTS = """
SELECT table_name, string_agg('ALTER ' || quote_ident(column_name) || ' TYPE text COLLATE "C"', ', ')
FROM information_schema.columns
WHERE table_schema = current_schema() AND data_type IN ('character varying', 'text')
AND (data_type <> 'text' OR collation_name IS DISTINCT FROM 'C')
GROUP BY table_name
"""


class _Silent(psycopg.OperationalError):
    """The server has not answered in time."""


class _Connection(psycopg.Connection[Any]):
    """One that gives up on a server that does not answer, be it paused or cut off, and is then closed."""

    limit: float | None = WRITE_SECONDS

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """https://www.psycopg.org/psycopg3/docs/api/connections.html#psycopg.Connection.wait"""
        try:
            return super().wait(gen, interval, self.limit if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if self.pgconn.transaction_status != pq.TransactionStatus.ACTIVE:
                raise
            self.close()
            raise _Silent(f"it has not answered within {self.limit:g} seconds") from error


class PostgresDatabase:
    """Two engines and a watching connection on one database; `node` tells this process from others in it."""

    local = False

    def __init__(self, url: str, node: str):
        self.node = node
        try:
            named = {"application_name": f"{_PROGRAM} {node}".strip()}  # without a name it is no node
            self._parameters = _CONNECTION | conninfo.conninfo_to_dict(url) | named
        except psycopg.Error:  # its text would quote the URL
            raise StoreError("The URL of the database cannot be read: postgresql://USER@HOST:PORT/NAME.") from None
        self.writer = self._engine(_WRITE, WRITE_SECONDS)
        self.reader = self._engine(_READ, READ_SECONDS)
        self._watch: psycopg.Connection[Any] | None = None
        self._epoch = 0
        self.trouble: tuple[float, str] | None = None
        self._next_attempt = 0.0

    def where(self) -> str:
        given = self._parameters
        return f"{given.get('dbname', '')} on {given.get('host') or given.get('hostaddr') or 'localhost'}"

    def check(self) -> None:
        with self._understood():
            self._check_server()

    @contextmanager
    def _understood(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.Error, AwsError) as error:
            raise StoreError(f"The database {self.where()} cannot be used: {_said(error)}") from error

    def prepare(self) -> None:
        """Create the tables or bring them up to date. Raises StoreError."""
        with self._understood():
            self._check_server()
            database.bring_up_to_date(self)

    @contextmanager
    def preparing(self) -> Iterator[Connection]:
        with self.writer.begin() as conn:
            conn.execute(text("SET LOCAL statement_timeout = 0"))
            raw: Any = conn.connection.dbapi_connection
            raw.limit = None  # a migration takes as long as it takes
            try:
                yield conn
            finally:
                raw.limit = WRITE_SECONDS

    def settle(self, conn: Connection) -> None:
        """Let texts be of any length and in the order of their code points, as on SQLite: what may be how long is
        AWS's models' to say, and pages are in the same order on every server."""
        for table, alterations in conn.exec_driver_sql(_TEXTS).all():
            conn.exec_driver_sql(f'ALTER TABLE "{table}" {alterations}')

    def others(self) -> set[str]:
        query = "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()"
        with self.reader.connect() as conn:
            names = [str(name) for (name,) in conn.exec_driver_sql(query)]
        return {name.removeprefix(_PROGRAM + " ") for name in names if name.startswith(_PROGRAM + " ")} - {self.node}

    def claim(self) -> bool:
        """Ask for some seconds: a process that died a moment ago may still be connected for the server."""
        limit = monotonic() + CLAIM_SECONDS
        while not self._try_claim():
            if monotonic() > limit:
                return False
            sleep(0.2)
        return True

    def _try_claim(self) -> bool:
        self.data_version()  # connects; the lock lasts as long as the connection
        assert self._watch is not None  # noqa: S101 - it has just answered
        name = f"{_PROGRAM} {self.node}"
        row = self._watch.execute("SELECT pg_try_advisory_lock(hashtext(%s), 0)", [name]).fetchone()
        return row is not None and bool(row[0])

    def data_version(self) -> tuple[int, int]:
        """How often this process has connected, and the newest revision: one round trip.

        INVARIANT: after a connection was lost nothing in memory is trusted: what answers now may be another server,
        which never saw the last commits of the former one.
        """
        watch, self._watch = self._watch, None
        try:
            if watch is not None:
                try:
                    if not _is_stale(watch):
                        return self._watched(watch)
                except _Silent:
                    raise
                except psycopg.Error:
                    pass  # it is lost: a new one may do
                watch.close()
            self._epoch += 1
            return self._watched(self._connect(REVISION_SECONDS))
        except psycopg.Error as error:
            if self.trouble is None:
                log.error("the database %s is away: %s", self.where(), _said(error))
                self.trouble = time(), _said(error)
            raise (_known(error) or error) from error

    def _watched(self, watch: psycopg.Connection[Any]) -> tuple[int, int]:
        row = watch.execute(_NEWEST, prepare=True).fetchone()
        self._watch = watch
        if self.trouble is not None:
            log.warning("the database %s is back", self.where())
        self.trouble = None
        return self._epoch, int(row[0]) if row else 0

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()
        self.reader.dispose()
        self.writer.dispose()

    def _connect(self, limit: float = WRITE_SECONDS) -> psycopg.Connection[Any]:
        if monotonic() < self._next_attempt:
            raise errors.CannotConnectNow("the last attempt to connect failed just now")
        try:
            conn = _Connection.connect(**self._parameters, autocommit=True)  # SQLAlchemy says where transactions begin
        except psycopg.Error:
            self._next_attempt = monotonic() + _AGAIN
            raise
        conn.limit = limit
        conn.execute(_SESSION.format(busy=int(database.BUSY_SECONDS * 1000)).encode())
        return conn

    def _check_server(self) -> None:
        with self._connect() as conn:
            if (release := conn.info.server_version // 10_000) < OLDEST:
                raise StoreError(f"{self.where()} is on PostgreSQL {release}; Kansatsu needs {OLDEST} or newer.")
            if (encoding := conn.info.parameter_status("server_encoding")) != "UTF8":
                raise StoreError(
                    f"The database {self.where()} holds texts as {encoding}; make one with: "
                    "createdb --template=template0 --encoding=UTF8"
                )
            row = conn.execute("SHOW fsync").fetchone()
            if row is not None and row[0] == "off":
                log.warning("fsync is off in %s: a power cut may lose what was acknowledged", self.where())

    def _engine(self, begin: str, limit: float) -> Engine:
        creator = partial(self._connect, limit)
        engine = create_engine("postgresql+psycopg://", creator=creator, hide_parameters=True, use_native_hstore=False)
        event.listen(engine, "checkout", _checked_out)
        event.listen(engine, "begin", _begun(begin))
        event.listen(engine, "handle_error", _failed)
        close_with_connection(engine)
        return engine


def _is_stale(conn: psycopg.Connection[Any]) -> bool:
    """Whether the server has closed it, or has said something that nobody asked for, as it does before."""
    if conn.closed:
        return True
    poll = select.poll()
    poll.register(conn.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _checked_out(connection: Any, _record: object, _proxy: object) -> None:
    """After a restart of the server no request fails for a connection from before."""
    if _is_stale(connection):
        raise DisconnectionError("the server has closed it")


def _begun(statement: str) -> Callable[[Connection], None]:
    command = statement.encode()

    def listener(conn: Connection) -> None:
        raw: Any = conn.connection.dbapi_connection
        try:
            raw.execute(command)  # begin and lock in one round trip
        except psycopg.Error as error:
            if raw.closed:
                conn.invalidate(error)
            raise (_known(error) or error) from error

    return listener


def _failed(context: ExceptionContext) -> None:
    error = context.original_exception
    if isinstance(error, psycopg.Error) and (known := _known(error)) is not None:
        raise known from error


def _known(error: psycopg.Error) -> AwsError | None:
    """What a client is told of an error of the database; None for one that is a bug of ours."""
    if isinstance(error, errors.LockNotAvailable):
        return ServiceUnavailable("Another process has been writing for too long. Try again.")
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | errors.IdleInTransactionSessionTimeout):
        return ServiceUnavailable("The database of Kansatsu is not available. Try again.")
    if isinstance(error, psycopg.DataError) and "NUL" in str(error):
        return ValidationError("A text with a NUL character is not valid.")
    return None


def _said(error: BaseException) -> str:
    """The server's own sentence, or ours where that says more."""
    cause = error.__cause__ if isinstance(error, AwsError) else error
    said = error if cause is None or isinstance(cause, errors.LockNotAvailable) else cause
    lines = (" ".join(line.split()) for line in str(said).splitlines())
    words = ". ".join(line.rstrip(".") for line in lines if line).removeprefix("connection failed: ")
    if "session is read-only" in words:  # target_session_attrs, above
        words = "it takes no writes: a standby, or one that is set to read only. Name the primary server."
    return words if words.endswith((".", "?")) else words + "."
