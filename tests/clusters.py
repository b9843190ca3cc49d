"""A PostgreSQL server of the test's own: a new cluster in a temporary directory, on a unix socket only."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from kansatsu.identity import schema
from kansatsu.identity.postgres import OLDEST, PostgresDatabase

BIN = Path(f"/usr/lib/postgresql/{OLDEST}/bin")  # of Debian's package, see scripts/test-machine.sh
USER = "postgres"  # the server does not run as root; this is the package's user
START = 180.0
_EMPTY = "; ".join(
    [f'DELETE FROM "{table.name}"' for table in reversed(schema.metadata.sorted_tables)]
    + ["ALTER SEQUENCE change_revision_seq RESTART"]
)


class Cluster:
    """One server; `durable` as in production, else without fsync. Databases are copies of one whose tables are made."""

    def __init__(self, *, durable: bool = False) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="kansatsu-pg-"))
        self.as_root = os.geteuid() == 0
        if self.as_root:
            shutil.chown(self.directory, USER, USER)
        self.directory.chmod(0o755)
        # Not the locale C: what depends on the order of texts must fail here rather than elsewhere.
        made = ["--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8", "--encoding=UTF8"]
        self._run("initdb", "-D", self.data, "-A", "trust", "-U", "kansatsu", "--no-sync", *made)
        self._fast = [] if durable else ["-c", "fsync=off", "-c", "full_page_writes=off"]
        self._numbers = itertools.count()
        self._template = ""
        self._free: dict[bool, list[str]] = {False: [], True: []}
        self.start()

    @property
    def data(self) -> str:
        return str(self.directory / "data")

    def start(self) -> None:
        tuned = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self.directory}", "-c", "jit=off"]
        command = self._command("postgres", "-D", self.data, *tuned, *self._fast)
        with (self.directory / "log").open("ab") as log:
            self.server = subprocess.Popen(command, stdout=log, stderr=log)
        limit = time.monotonic() + START
        while not self._answers():
            assert self.server.poll() is None and time.monotonic() < limit, (self.directory / "log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """As an administrator's restart does: whoever is connected is told, and cut off."""
        self.server.send_signal(signal.SIGINT)
        self.server.wait(START)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It stands still meanwhile, with all its processes: it is connected, and says nothing."""
        stopped = list[int]()
        while more := [pid for pid in self._processes() if pid not in stopped]:
            for pid in more:
                os.kill(pid, signal.SIGSTOP)
            stopped += more
        try:
            yield
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)

    def _processes(self) -> list[int]:
        pid = self.server.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, database: str, **more: str) -> str:
        query = "&".join(f"{name}={value}" for name, value in {"host": str(self.directory), **more}.items())
        return f"postgresql://kansatsu@/{database}?{query}"

    @contextmanager
    def database(self, *, lent: bool = False) -> Iterator[str]:
        """The URL of a database with our tables, empty as on the first day; emptied, it is the next test's. On those of
        stores.lent() connections stay open, which to other tests would be another node."""
        free = self._free[lent]
        name = free.pop() if free else self._made()
        yield self.url(name)
        self.ask(_EMPTY, name)
        free.append(name)

    @contextmanager
    def empty_database(self) -> Iterator[str]:
        """The URL of a database without tables."""
        name = self._named()
        self.ask(f"CREATE DATABASE {name} TEMPLATE template0")
        yield self.url(name)
        self.ask(f"DROP DATABASE {name} WITH (FORCE)")

    def _made(self) -> str:
        """A copy of the first one: to make the tables takes longer."""
        if not self._template:
            self._template = self._named()
            self.ask(f"CREATE DATABASE {self._template} TEMPLATE template0")
            database = PostgresDatabase(self.url(self._template), "tests")
            database.prepare()
            database.close()
        name = self._named()
        self.ask(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return name

    def _named(self) -> str:
        return f"t{next(self._numbers)}"

    def ask(self, command: str, database: str = "postgres") -> list[tuple[object, ...]]:
        with psycopg.connect(self.url(database), autocommit=True) as conn:
            cursor = conn.execute(command.encode())
            return cursor.fetchall() if cursor.description else []

    def _answers(self) -> bool:
        try:
            self.ask("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _command(self, program: str, *arguments: str) -> list[str]:
        other = [f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if self.as_root else []
        # It ends with whoever runs the tests, whatever ends that.
        return ["setpriv", "--pdeathsig", "INT", *other, str(BIN / program), *arguments]

    def _run(self, *command: str) -> None:
        subprocess.run(self._command(*command), check=True, capture_output=True, cwd="/")
