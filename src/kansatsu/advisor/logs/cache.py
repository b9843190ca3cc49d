"""Summaries of files that were read before, so that only new files cost: one SQLite file in the output directory.

A file of a trail never changes once it is delivered; one that did has another tag and is read again, with the few that
were counted together with it. Beside the summaries lies the merger of all of them, with which a run begins when every
file in it is still there.
"""

import sqlite3
from array import array
from collections.abc import Iterable, Mapping
from pathlib import Path

from kansatsu.advisor.logs.summary import VERSION, Batch, File, Hours

NAME = "summaries.sqlite"
_SCHEMA = """
CREATE TABLE batch (id INTEGER PRIMARY KEY, merged INTEGER NOT NULL, totals BLOB NOT NULL);
CREATE TABLE file (name TEXT PRIMARY KEY, tag TEXT NOT NULL, batch INTEGER NOT NULL, trouble TEXT NOT NULL,
    within INTEGER NOT NULL, duplicates INTEGER NOT NULL, shown TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX file_of ON file (batch);
CREATE TABLE event (hour TEXT NOT NULL, batch INTEGER NOT NULL, digests BLOB NOT NULL,
    PRIMARY KEY (hour, batch)) WITHOUT ROWID;
CREATE INDEX event_of ON event (batch);
CREATE TABLE merged (id INTEGER PRIMARY KEY CHECK (id = 1), totals BLOB NOT NULL);
"""


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
            for table in ("batch", "file", "event", "merged"):
                self._db.execute(f"DROP TABLE IF EXISTS {table}")
            self._db.executescript(_SCHEMA)
            self._db.execute(f"PRAGMA user_version = {VERSION}")
            self._db.execute("BEGIN IMMEDIATE")

    def batches(self) -> dict[int, dict[str, str]]:
        """What was read before: the names and tags of the files of each batch."""
        found: dict[int, dict[str, str]] = {}
        for id_, name, tag in self._db.execute("SELECT batch, name, tag FROM file"):
            found.setdefault(id_, {})[name] = tag
        return found

    def event_days(self) -> list[str]:
        """The days that have events, as ISO dates."""
        return [day for (day,) in self._db.execute("SELECT DISTINCT substr(hour, 1, 10) FROM event ORDER BY 1")]

    def unmerged(self) -> list[int]:
        """Batches that were read before and are not part of the merger."""
        return [id_ for (id_,) in self._db.execute("SELECT id FROM batch WHERE merged = 0 ORDER BY id")]

    def batch(self, id_: int) -> Batch:
        """One that was read before."""
        (totals,) = self._db.execute("SELECT totals FROM batch WHERE id = ?", (id_,)).fetchone()
        files = self._db.execute("SELECT name, trouble, within FROM file WHERE batch = ? ORDER BY name", (id_,))
        hours: Hours = dict(self._db.execute("SELECT hour, digests FROM event WHERE batch = ?", (id_,)))
        return Batch([File(*row) for row in files], totals, hours)

    def events(self, hour: str) -> set[int]:
        """The events of an hour in batches that are merged."""
        query = "SELECT digests FROM event JOIN batch ON batch.id = event.batch WHERE hour = ? AND merged = 1"
        found: set[int] = set()
        for (digests,) in self._db.execute(query, (hour,)):
            found.update(array("Q", digests))
        return found

    def holders(self, hours: Hours) -> list[str]:
        """Files of batches that are merged and have one of these events."""
        query = "SELECT batch, digests FROM event JOIN batch ON batch.id = event.batch WHERE hour = ? AND merged = 1"
        found: set[int] = set()
        for hour, digests in hours.items():
            events = set(array("Q", digests))
            found |= {id_ for id_, some in self._db.execute(query, (hour,)) if not events.isdisjoint(array("Q", some))}
        named = "SELECT name FROM file WHERE batch = ? ORDER BY name"
        return [name for id_ in sorted(found) for (name,) in self._db.execute(named, (id_,))]

    def keep(self, batch: Batch, tags: Mapping[str, str]) -> int:
        """Files that were read, with their tags; they are not merged yet. The id of the batch."""
        id_ = self._db.execute("INSERT INTO batch (merged, totals) VALUES (0, ?)", (batch.totals,)).lastrowid or 0
        files = [(one.name, tags[one.name], id_, one.trouble, one.duplicates, 0, "") for one in batch.files]
        self._db.executemany("INSERT INTO file VALUES (?, ?, ?, ?, ?, ?, ?)", files)
        hours = [(hour, id_, digests) for hour, digests in batch.hours.items()]
        self._db.executemany("INSERT INTO event VALUES (?, ?, ?)", hours)
        return id_

    def commit(self) -> None:
        """From here on a run that is interrupted does not lose what was kept."""
        self._db.execute("COMMIT")
        self._db.execute("BEGIN IMMEDIATE")

    def forget(self, ids: Iterable[int]) -> bool:
        """Batches with a file that has changed, or that is not part of what is asked. Was one of them merged?"""
        merged = False
        for id_ in ids:
            (one,) = self._db.execute("SELECT merged FROM batch WHERE id = ?", (id_,)).fetchone()
            merged = merged or bool(one)
            self._db.execute("DELETE FROM event WHERE batch = ?", (id_,))
            self._db.execute("DELETE FROM file WHERE batch = ?", (id_,))
            self._db.execute("DELETE FROM batch WHERE id = ?", (id_,))
        return merged

    def merged(self) -> bytes | None:
        """The merger; None when there is none, or when a run was interrupted while it merged."""
        row = self._db.execute("SELECT totals FROM merged").fetchone()
        return row[0] if row else None

    def apart(self) -> None:
        """Nothing is merged."""
        self._db.execute("UPDATE batch SET merged = 0 WHERE merged = 1")
        self._db.execute("DELETE FROM merged")

    def merging(self, id_: int, files: Iterable[File]) -> None:
        """A batch is part of a merger that is not kept yet; its files, with what shows of them only beside others."""
        self._db.execute("DELETE FROM merged")
        self._db.execute("UPDATE batch SET merged = 1 WHERE id = ?", (id_,))
        shown = [(file.duplicates, file.trouble, file.name) for file in files]
        self._db.executemany("UPDATE file SET duplicates = ?, shown = ? WHERE name = ?", shown)

    def keep_merged(self, totals: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO merged VALUES (1, ?)", (totals,))

    def troubles(self) -> list[tuple[str, str, int]]:
        """Files with trouble or with events that others have too: name, trouble, how many such events."""
        query = "SELECT name, shown, duplicates FROM file WHERE shown != '' OR duplicates > 0 ORDER BY name"
        return list(self._db.execute(query))

    def close(self) -> None:
        self._db.execute("COMMIT")
        self._db.close()
