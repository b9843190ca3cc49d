"""The store: one place where identities are written in transactions and read without waiting."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from kansatsu.clock import Clock
from kansatsu.identity import keyring
from kansatsu.identity.database import HEAD, Database
from kansatsu.identity.quotas import AWS
from kansatsu.identity.rounds import Rounds
from kansatsu.identity.sealer import Sealer
from kansatsu.identity.sealing import StoreError, Vault
from kansatsu.identity.snapshot import Snapshot
from kansatsu.identity.turns import Turns
from kansatsu.identity.upkeep import upkeep

P = ParamSpec("P")
T = TypeVar("T")
READERS = 4  # threads that read, each with a connection or two of those that SQLAlchemy's pool gives out


class Store:
    """Users, groups, roles, policies, keys of all accounts. Make one with open_store(); one per process and directory.

    Reads run where they are called. Writes are one at a time; each commits durably before write() returns. From the
    event loop, use `await store.fetch(function, ...)` and `await store.transact(function, ...)`, which read and write
    in threads of their own.
    """

    def __init__(self, database: Database, vault: Vault, clock: Clock):
        self._database = database
        self.node = database.node  # "" unless others may have the same database
        self._writing = threading.RLock()
        self._writer_busy = False
        self._executor = ThreadPoolExecutor(1, "kansatsu-write")
        self._readers = ThreadPoolExecutor(READERS, "kansatsu-read")  # its threads start when they are needed
        self.aside = Turns("kansatsu-aside")  # of accounts, at what takes seconds to work out
        self.large = Turns("kansatsu-large", 1024)  # of accounts, at requests that have much in them
        self.codes = Turns("kansatsu-codes")  # of users, at codes that they use up, for which they wait for writers
        self._lock = threading.RLock()
        self._asking = threading.Lock()
        self._rounds = Rounds(self.snapshot, "kansatsu-revision")
        self._version = (-1, -1)
        self.clock = clock
        self.sealer = Sealer(vault, lambda: keyring.load(self, vault))
        self.quotas = AWS  # of every account
        self._snapshot = Snapshot(self, self._lock)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the database and cannot write."""
        with self._database.reader.connect() as conn:
            yield conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: it commits when the block ends, and leaves nothing behind when the block raises.

        INVARIANT: what was written is on disk when this returns.
        """
        with self._writing:
            if self._writer_busy:
                raise RuntimeError("a write transaction is already open in this thread")
            self._writer_busy = True
            try:
                with self._database.writer.begin() as conn:
                    yield conn
            finally:
                self._writer_busy = False

    async def transact(self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(conn, ...)` in one write transaction, off the event loop; its result, or its error."""

        def work() -> T:
            with self.write() as conn:
                return function(conn, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def apart(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`function(...)`, which may read, for the event loop.

        INVARIANT: a database that is another process, however slow, holds up only who waits for it: what may ask it
        runs in another thread. One in a file answers sooner than a thread begins.
        """
        if self._database.local:
            return function(*args, **kwargs)
        work = partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def fetch(self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function(conn, ...)` reads in one state of the database, likewise."""

        def work() -> T:
            with self.read() as conn:
                return function(conn, *args, **kwargs)

        return await self.apart(work)

    def snapshot(self) -> Snapshot:
        """The state in memory, never older than the last acknowledged write of anybody.

        INVARIANT: every request takes a snapshot anew; a write acknowledged before, by this process or another on the
        same database, is seen by it.
        """
        with self._asking:  # and not the other lock: who has what he needs in memory does not wait for a slow database
            version = self._database.data_version()
        with self._lock:
            if version != self._version:
                self._snapshot.refresh(trusted=version[0] == self._version[0])
                self._version = version
            return self._snapshot

    def held(self) -> Snapshot:
        """The state in memory as somebody of this request has found it with current(): nobody is asked again."""
        return self.snapshot() if self._database.local else self._snapshot

    def condition(self) -> dict[str, str | None]:
        """Which database it is and how it was when it was last asked: `state` ready | away, since when, and why."""
        since, why = self._database.trouble or (None, None)
        at = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if since is not None else None
        state = "ready" if since is None else "away"
        where = "sqlite" if self._database.local else self._database.where()
        return {"where": where, "schema": HEAD, "state": state, "since": at, "why": why}

    async def current(self) -> Snapshot:
        """snapshot() for the event loop, which goes on meanwhile where the database is another process: those who ask
        at once share one look at it. Raises ServiceUnavailable."""
        return self.snapshot() if self._database.local else await self._rounds.ask()

    def claim_node(self) -> set[str]:
        """The other nodes that are connected to the database. Raises StoreError when one has this one's name."""
        if not self._database.claim():
            raise StoreError(
                f"Another node with the name {self.node} uses {self._database.where()}: its data directory is a copy "
                "of this one's. Remove the file `node` from one of them."
            )
        return self._database.others()

    def upkeep(self) -> None:
        """Rotate the sealing key when it is a day old, and prune; the composition root calls it hourly."""
        with self.write() as conn:
            upkeep(conn, self.sealer.vault, self.clock.now())

    def close(self) -> None:
        """Finish the writes that were begun and let go of all files."""
        self._executor.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self.aside.close()
        self.large.close()
        self.codes.close()
        self._rounds.close()
        self._database.close()
