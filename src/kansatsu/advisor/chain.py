"""How far each segment was written, with an HMAC of it, in the database: what is not so in the files is a named gap.

A digest is bound to the name of its file, and its key is derived from DIR/master.key: who can write the segment files
alone can neither alter, cut, exchange, hide nor delete one unseen. Segments of versions that made no digests are linked
when this one starts first: that they are there is known then, what they say is not.
"""

import hmac
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, delete, insert, select

from kansatsu.advisor.calls import CallRecord
from kansatsu.advisor.events import (
    ALTERED_SEGMENT,
    CUT_SEGMENT,
    MISSING_SEGMENT,
    OTHER_NODE,
    UNKNOWN_SEGMENT,
    AccessEvent,
    End,
    Gap,
    decode,
)
from kansatsu.advisor.segments import Position, blocks, dated, lines, split
from kansatsu.identity.schema import setting
from kansatsu.identity.sealing import Vault

_LINK, _PLACE = "segment:", "recorder:"
_MTIME_SLACK = 2.0  # seconds: clocks of file systems are coarse


class Link(msgspec.Struct, frozen=True):
    """A segment of which `size` bytes were written from `first` to `last` (epoch seconds), and their digest, "" where
    none was made. `ended`: nothing was written after them."""

    size: int
    mac: str
    first: float
    last: float
    ended: bool = False


class _Position(msgspec.Struct, frozen=True):
    segment: int
    offset: int


Links = Mapping[str, Link]  # by the names of files
_NONE = Link(0, "", 0.0, 0.0)


def key_of(vault: Vault) -> bytes:
    """What digests are made with."""
    return vault.derived("evidence")


def digest(key: bytes, name: str) -> hmac.HMAC:
    """That of a segment, before its first byte."""
    return hmac.new(key, name.encode() + b"\n", "sha256")


# ---- in the database ------------------------------------------------------------------------------------------------


def links(conn: Connection) -> dict[str, Link]:
    """Of all segments, of every node."""
    rows = conn.execute(select(setting).where(setting.c.name.startswith(_LINK)))
    return {row.name.removeprefix(_LINK): msgspec.json.decode(row.value, type=Link) for row in rows}


def unlinked(conn: Connection) -> set[str]:
    """Who records here and has no links: nodes of a version that made none, at whatever time they did so."""
    places = conn.execute(select(setting.c.name).where(setting.c.name.startswith(_PLACE))).scalars()
    return {name.removeprefix(_PLACE) for name in places} - set(map(_worker, links(conn)))


def keep(conn: Connection, made: Mapping[str, Link | None]) -> None:
    """Links, each in place of a former one; None: of a segment that is not to be there any more."""
    for name, link in made.items():
        _set(conn, _LINK + name, msgspec.json.encode(link).decode() if link is not None else None)


def position(conn: Connection, worker: str) -> Position:
    """Up to where the registers have what a worker recorded."""
    value = conn.execute(select(setting.c.value).where(setting.c.name == _PLACE + worker)).scalar()
    if value is None:
        return Position(0, 0)
    known = msgspec.json.decode(value, type=_Position)
    return Position(known.segment, known.offset)


def keep_position(conn: Connection, worker: str, reached: Position) -> None:
    """For the next start."""
    _set(conn, _PLACE + worker, msgspec.json.encode(_Position(reached.number, reached.offset)).decode())


def forget_position(conn: Connection, worker: str) -> None:
    """Of a worker that is no more, and of which nothing is left."""
    _set(conn, _PLACE + worker, None)


def _set(conn: Connection, name: str, value: str | None) -> None:
    conn.execute(delete(setting).where(setting.c.name == name))
    if value is not None:
        conn.execute(insert(setting), {"name": name, "value": value})


# ---- in the files ---------------------------------------------------------------------------------------------------


def held(path: Path, key: bytes, link: Link) -> tuple[str, int, hmac.HMAC]:
    """What is wrong with a file ("" for nothing), its size, and the digest of all that it has."""
    check = _Check(key, path.name, link)
    for block in blocks(path):
        check.take(block)
    return check.wrong(), check.size, check.mac


def begins(segment: Iterable[bytes]) -> float:
    """When the first record of a segment's lines was made; infinity of an empty one."""
    for line in segment:
        record = decode(line)
        if isinstance(record, CallRecord | AccessEvent):
            return record.time
        if isinstance(record, Gap):
            return record.until
        if isinstance(record, End):
            return record.end
    return float("inf")


def unchained(path: Path, time: float) -> Link:
    """The link of a segment of before there were any."""
    return Link(path.stat().st_size, "", min(time, begins(lines(path))), time, ended=True)


class _Check:
    """Holds the bytes of a file against its link, as they are read."""

    def __init__(self, key: bytes, name: str, link: Link) -> None:
        self.mac = digest(key, name)
        self.size = 0
        self._link = link
        self._same = True

    def take(self, block: bytes) -> None:
        rest = self._link.size - self.size
        if 0 <= rest <= len(block):
            self.mac.update(block[:rest])
            self._same = not self._link.mac or hmac.compare_digest(self.mac.hexdigest(), self._link.mac)
            self.mac.update(block[rest:])
        else:
            self.mac.update(block)
        self.size += len(block)

    def wrong(self) -> str:
        if self.size < self._link.size:
            return CUT_SEGMENT
        # INVARIANT: who adds to a segment that was ended has altered it, as who changes a bit in what was written.
        longer = self._link.ended and self.size > self._link.size
        return "" if self._same and not longer else ALTERED_SEGMENT


class Chain:
    """The segments of a directory, for one reader: each is held against its link as it is read.

    `own`: whose files are here in any case; `silent`: who has no links. `present`: the files of a moment before that of
    the links `known`, with the times when they were written last. `now` gives the links of this moment: a segment that
    was deleted for its age while somebody reads is no gap.
    """

    def __init__(
        self,
        directory: Path,
        key: bytes,
        own: str,
        present: Mapping[str, float],
        known: Links,
        now: Callable[[], Links],
        silent: Iterable[str] = (),
    ) -> None:
        here = {own, *map(_worker, present)}
        self._directory = directory
        self._key = key
        self._now = now
        self._found: dict[str, Gap] = {}
        self._links = {name: link for name, link in known.items() if _worker(name) in here}
        self._times = {**present, **{name: link.last for name, link in self._links.items()}}
        for name in present.keys() - known.keys():  # of whatever time it claims to be
            self._found[name] = Gap(UNKNOWN_SEGMENT, float("-inf"), float("inf"), 0, name)
        always = {f"{worker}-": Link(1, "", float("-inf"), float("inf")) for worker in silent}
        for name, link in {**known, **always}.items():
            if _worker(name) not in here and link.size:
                node = f"node {_worker(name)}"
                before = self._found.get(node, Gap(OTHER_NODE, link.first, link.last, 0, node))
                first, last = min(before.after, link.first), max(before.until, link.last)
                self._found[node] = Gap(OTHER_NODE, first, last, 0, node)

    def files(self, since: float = 0.0) -> list[str]:
        """The segments with anything in or after `since`, the newest first, whether or not they are there."""
        times = sorted(((time, name) for name, time in self._times.items()), reverse=True)
        return [name for time, name in times if time >= since - _MTIME_SLACK]

    def lines(self, name: str) -> Iterator[bytes]:
        """The whole lines of a segment; at their end it is known whether they are what was written."""
        link = self._links.get(name, _NONE)
        check = _Check(self._key, name, link)
        try:
            for line, _, whole in split(self._directory / name, seen=check.take):
                if whole:
                    yield line
            wrong = check.wrong()
        except OSError:
            wrong = MISSING_SEGMENT if link is not _NONE and name in self._now() else ""
        if wrong:
            self._found[name] = Gap(wrong, link.first, link.last, 0, name)

    def begins(self, name: str) -> float:
        """From when a segment tells what was done; infinity of one that does not, or is not there any more."""
        path, link = self._directory / name, self._links.get(name, _NONE)
        try:
            return link.first if link.mac and path.exists() else begins(lines(path))
        except OSError:
            return float("inf")

    def gaps(self, since: float, until: float) -> list[Gap]:
        """What is not as it was written, of what was read, within a time range."""
        found = (gap for gap in self._found.values() if gap.until >= since and gap.after <= until)
        return [replace(gap, after=max(gap.after, since), until=min(gap.until, until)) for gap in found]


def look(directory: Path, vault: Vault, own: str, now: Callable[[], Links]) -> tuple[int, list[Gap]]:
    """How many segments a directory has, and which of them are not as they were written; reads them all.

    One that was begun a moment ago, and is linked at the next flush, is as it should be.
    """
    here, known = present(directory), now()
    newest = {_worker(name): name for name in sorted(known)}
    linked = {name: time for name, time in here.items() if known and name <= newest.get(_worker(name), name)}
    chain = Chain(directory, key_of(vault), own, linked, known, now)
    for name in chain.files():
        deque(chain.lines(name), maxlen=0)
    return len(here), [gap for gap in chain.gaps(float("-inf"), float("inf")) if gap.gap != OTHER_NODE]


def present(directory: Path) -> dict[str, float]:
    """The segments in a directory and when they were written last."""
    return {path.name: time for time, path in dated(directory)}


def _worker(name: str) -> str:
    return name.partition("-")[0]
