"""Summaries of files that were read before, so that only new files cost: one SQLite file in the output directory.

A file of a trail never changes once it is delivered; one that did has another tag and is read again. Beside the
summaries lies the merger of all of them, with which a run begins when every file in it is still there.
"""

import sqlite3
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kansatsu.advisor.logs.summary import VERSION, Hours, Packed

NAME = "summaries.sqlite"
_SCHEMA = """
CREATE TABLE file (name TEXT PRIMARY KEY, tag TEXT NOT NULL, merged INTEGER NOT NULL,
    trouble TEXT NOT NULL, duplicates INTEGER NOT NULL, summary BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE event (hour TEXT NOT NULL, name TEXT NOT NULL, digests BLOB NOT NULL,
    PRIMARY KEY (hour, name)) WITHOUT ROWID;
CREATE INDEX event_of ON event (name);
CREATE TABLE merged (id INTEGER PRIMARY KEY CHECK (id = 1), totals BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Known:
    """A file that was read before: its tag, and whether it is part of the merger."""

    tag: str
    merged: bool


class CacheBusy(Exception):
    """Another run uses the output directory."""


class Cache:
    """The summaries of one output directory. One process writes."""

    def __init__(self, directory: Path) -> None:
        """Raises CacheBusy, OSError. What another version or a crash left is thrown away: it is only a cache."""
        path = directory / NAME
        try:
            self._open(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                raise CacheBusy(str(directory)) from None
            path.unlink()
            self._open(path)

    def _open(self, path: Path) -> None:
        self._db = sqlite3.connect(path, timeout=0, isolation_level=None)
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA synchronous = OFF")  # what is lost is read again
        self._db.execute("BEGIN IMMEDIATE")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            self._db.execute("ROLLBACK")
            for table in ("file", "event", "merged"):
                self._db.execute(f"DROP TABLE IF EXISTS {table}")
            self._db.executescript(_SCHEMA)
            self._db.execute(f"PRAGMA user_version = {VERSION}")
            self._db.execute("BEGIN IMMEDIATE")

    def files(self) -> dict[str, Known]:
        """What was read before."""
        rows = self._db.execute("SELECT name, tag, merged FROM file")
        return {name: Known(tag, bool(merged)) for name, tag, merged in rows}

    def event_days(self) -> list[str]:
        """The days that have events, as ISO dates."""
        return [day for (day,) in self._db.execute("SELECT DISTINCT substr(hour, 1, 10) FROM event ORDER BY 1")]

    def summary(self, name: str) -> Packed:
        """That of a file that was read before."""
        query = "SELECT trouble, summary FROM file WHERE name = ?"
        trouble, totals = self._db.execute(query, (name,)).fetchone()
        hours: Hours = dict(self._db.execute("SELECT hour, digests FROM event WHERE name = ?", (name,)))
        return Packed(totals, trouble, hours)

    def events(self, hour: str) -> set[int]:
        """The events of an hour in files that are merged."""
        query = "SELECT digests FROM event JOIN file USING (name) WHERE hour = ? AND merged = 1"
        found: set[int] = set()
        for (digests,) in self._db.execute(query, (hour,)):
            found.update(array("Q", digests))
        return found

    def keep(self, name: str, tag: str, summary: Packed) -> None:
        """A file that was read; it is not merged yet."""
        self._forget(name)
        row = (name, tag, 0, summary.trouble, 0, summary.totals)
        self._db.execute("INSERT INTO file VALUES (?, ?, ?, ?, ?, ?)", row)
        hours = summary.hours.items()
        self._db.executemany("INSERT INTO event VALUES (?, ?, ?)", [(hour, name, ids) for hour, ids in hours])

    def commit(self) -> None:
        """From here on a run that is interrupted does not lose what was kept."""
        self._db.execute("COMMIT")
        self._db.execute("BEGIN IMMEDIATE")

    def forget(self, names: Iterable[str]) -> None:
        """Files that are not there any more, or not part of what is asked."""
        for name in names:
            self._forget(name)

    def _forget(self, name: str) -> None:
        self._db.execute("DELETE FROM event WHERE name = ?", (name,))
        self._db.execute("DELETE FROM file WHERE name = ?", (name,))

    def merged(self) -> bytes | None:
        """The merger; None when there is none, or when a run was interrupted while it merged."""
        row = self._db.execute("SELECT totals FROM merged").fetchone()
        return row[0] if row else None

    def apart(self) -> None:
        """Nothing is merged."""
        self._db.execute("UPDATE file SET merged = 0, duplicates = 0 WHERE merged = 1")
        self._db.execute("DELETE FROM merged")

    def merging(self, name: str, duplicates: int) -> None:
        """A file is part of a merger that is not kept yet."""
        self._db.execute("DELETE FROM merged")
        self._db.execute("UPDATE file SET merged = 1, duplicates = ? WHERE name = ?", (duplicates, name))

    def keep_merged(self, totals: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO merged VALUES (1, ?)", (totals,))

    def troubles(self) -> list[tuple[str, str, int]]:
        """Files with trouble or with events that others have too: name, trouble, how many such events."""
        query = "SELECT name, trouble, duplicates FROM file WHERE trouble != '' OR duplicates > 0 ORDER BY name"
        return list(self._db.execute(query))

    def close(self) -> None:
        self._db.execute("COMMIT")
        self._db.close()
