"""A store on its first day, for tests that are not about that day: what one test has opened is the next one's."""

import atexit
import functools
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from kansatsu.clock import Clock
from kansatsu.identity import Store, open_store, opening
from kansatsu.identity.database import Database
from kansatsu.identity.postgres import PostgresDatabase
from kansatsu.identity.sealing import load_master_key
from kansatsu.identity.sqlite import FILE, SqliteDatabase

_FILES = (FILE, f"{FILE}-wal", f"{FILE}-shm")


class _Moment:
    def __init__(self, time: datetime) -> None:
        self.time = time

    def now(self) -> datetime:
        return self.time


@functools.cache
def _first_day(time: datetime) -> Path:
    made = _directory() / "data"
    open_store(made, _Moment(time)).close()
    return made


def _directory() -> Path:
    directory = tempfile.mkdtemp(prefix="kansatsu-first-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return Path(directory)


def opened(data_dir: Path, clock: Clock, url: str = "") -> Store:
    """open_store() on a new data directory. On SQLite the machine may lose what was written last: no test cuts its
    power, and to wait for the disk is most of a small write."""
    if not url:
        shutil.copytree(_first_day(clock.now()), data_dir)
    store = open_store(data_dir, clock, url)
    if not url:
        _hurry(store._database)
    return store


def _hurry(database: Any) -> None:
    raw = database.writer.raw_connection()
    raw.cursor().execute("PRAGMA synchronous=OFF")
    raw.close()


class _Kept:
    """Stays open when the store on it is closed, with its connections and the statements that it has compiled, which
    are most of what a small test costs."""

    def close(self) -> None:
        """Not yet: see release()."""

    def release(self) -> None:
        super().close()  # type: ignore[misc]


class _KeptSqlite(_Kept, SqliteDatabase):
    pass


class _KeptPostgres(_Kept, PostgresDatabase):
    pass


_free: list[tuple[Path, _KeptSqlite]] = []
_by_url: dict[str, _KeptPostgres] = {}


@contextmanager
def lent(data_dir: Path, clock: Clock, url: str = "") -> Iterator[Store]:
    """A store as opened() gives it, on a database that former tests have used and that is as on its first day."""
    first = _first_day(clock.now())
    data_dir.mkdir(mode=0o700, parents=True)
    if url:
        key = load_master_key(data_dir / opening.MASTER_KEY, create=True)
        with closing(opening._checked(_on_postgres(url), key, clock, data_dir)) as store:
            yield store
        return
    place, database = _free.pop() if _free else _on_sqlite(first)
    raw: Any = database.writer.raw_connection()
    with closing(sqlite3.connect(first / FILE)) as source:
        source.backup(raw.dbapi_connection)
    raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")  # nor is anything of them in its log
    raw.close()
    shutil.copy(first / opening.MASTER_KEY, data_dir)
    for name in _FILES:
        (data_dir / name).symlink_to(place / name)
    key = load_master_key(data_dir / opening.MASTER_KEY, create=False)
    with closing(opening._checked(database, key, clock, data_dir)) as store:
        yield store
    _free.append((place, database))


def _on_sqlite(first: Path) -> tuple[Path, _KeptSqlite]:
    place = _directory()
    shutil.copy(first / FILE, place)
    database = _KeptSqlite(place / FILE)
    database.prepare()
    _hurry(database)
    return place, database


def _on_postgres(url: str) -> Database:
    if url not in _by_url:
        _by_url[url] = _KeptPostgres(url, "tests")
    return _by_url[url]


@atexit.register
def release() -> None:
    """Close what is kept; before its server goes."""
    for database in (*_by_url.values(), *(database for _, database in _free)):
        database.release()
    _by_url.clear()
    _free.clear()
