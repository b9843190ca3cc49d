"""The trail: recorded requests in CloudTrail's delivery layout, derived from the segment files, never lost with them.

    AWSLogs/ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_UNIQUE.json.gz

A batch begins where the last one ended; the place is kept once the files of the batch are. Names follow from that
place, so that a batch that is done again after a crash replaces its own files: nothing is missing, nothing twice.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
"""

import gzip
import logging
import os
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from kansatsu.advisor import trail
from kansatsu.advisor.calls import CallRecord
from kansatsu.advisor.segments import Position, numbers, path_of, read
from kansatsu.clock import Clock
from kansatsu.identity import sync_directory

log = logging.getLogger(__name__)

Put = Callable[[str, bytes], None]  # (key, gzip) -> when it returns, it is kept
_MOST = 10_000  # records in a batch
_LEVEL = 1  # of compression: it is done while requests are answered
_NAME = re.compile(r"\d{12}_CloudTrail_[a-z0-9-]+_(\d{8})T\d{4}Z_[A-Za-z0-9]{16}\.json\.gz", re.ASCII)
_DAY = 86400.0
_encode = msgspec.json.Encoder(enc_hook=str).encode


@dataclass(frozen=True, slots=True)
class TrailSettings:
    """How often the trail is delivered, in seconds, and how many days its files are kept."""

    seconds: float = 60.0
    retention_days: float = 400.0


class _Place(msgspec.Struct, frozen=True):
    segment: int
    offset: int


class Directory:
    """A trail in a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(self, key: str, data: bytes) -> None:
        """All of a file or nothing, and on disk."""
        path = self.root / key
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path, data)

    def prune(self, oldest: float) -> int:
        """Delete files of days before `oldest` (epoch seconds); how many."""
        last, gone = datetime.fromtimestamp(oldest, UTC).strftime("%Y%m%d"), 0
        for path in self.root.glob("AWSLogs/*/CloudTrail/*/*/*/*/*.json.gz"):
            named = _NAME.fullmatch(path.name)
            if named and named[1] < last:
                path.unlink()
                gone += 1
        return gone


class Trail:
    """Delivers what one worker recorded to every destination, at an interval in a thread or by hand."""

    def __init__(
        self,
        events: Path,
        state: Path,
        clock: Clock,
        destinations: Sequence[Put],
        *,
        worker: str = "w0",
        settings: TrailSettings | None = None,
    ) -> None:
        self.settings = settings or TrailSettings()
        self._events = events
        self._place = state / f"trail-{worker}.json"
        self._worker = worker
        self._clock = clock
        self._destinations = destinations
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._said = False

    def deliver(self) -> int:
        """Deliver all that there is; how many events. Raises OSError where it cannot be kept: then it is tried again.

        INVARIANT: the place moves on only after every destination has the batch.
        """
        count = 0
        while True:
            place = self._where()
            records, end = self._batch(place)
            if end == place:
                return count
            for key, data in _files(records, f"{self._worker} {place.number} {place.offset}"):
                for put in self._destinations:
                    put(key, data)
            _write(self._place, msgspec.json.encode(_Place(end.number, end.offset)))
            count += len(records)

    def start(self) -> None:
        """Deliver and prune at the interval until close()."""
        self._thread = threading.Thread(target=self._run, name="kansatsu-trail", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Deliver what is left."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._attempt()

    def _run(self) -> None:
        while not self._stop.wait(self.settings.seconds):
            self._attempt()
            oldest = self._clock.now().timestamp() - self.settings.retention_days * _DAY
            for destination in self._destinations:
                if isinstance(destination, Directory):
                    destination.prune(oldest)

    def _attempt(self) -> None:
        """The edge of this thread: the segments have it all, so that what failed is tried again; it is said once."""
        try:
            self.deliver()
        except OSError as error:
            if not self._said:
                log.error("the trail cannot be delivered, which is tried again: %s", error)
            self._said = True
        except Exception:
            if not self._said:
                log.exception("the trail cannot be delivered; it is tried again")
            self._said = True
        else:
            if self._said:
                log.info("the trail is delivered again; nothing of it is missing")
            self._said = False

    def _where(self) -> Position:
        try:
            known = msgspec.json.decode(self._place.read_bytes(), type=_Place)
        except FileNotFoundError:
            return Position(0, 0)
        return Position(known.segment, known.offset)

    def _batch(self, place: Position) -> tuple[list[CallRecord], Position]:
        """The next records after a place, and the place after them."""
        records: list[CallRecord] = []
        present = numbers(self._events, self._worker)
        for number in present:
            if number < place.number:
                continue
            offset = place.offset if number == place.number else 0
            place = Position(number, offset)
            for line in read(path_of(self._events, self._worker, number), offset):
                if line.record is None and number == present[-1]:
                    break  # it may be on its way to the file
                if isinstance(line.record, CallRecord):
                    records.append(line.record)
                place = Position(number, line.end)
                if len(records) == _MOST:
                    return records, place
        return records, place


def _files(records: Sequence[CallRecord], origin: str) -> Iterator[tuple[str, bytes]]:
    """(key, gzip) of the files for these records; an account, a Region and a day each."""
    groups: defaultdict[tuple[str, str, str], list[CallRecord]] = defaultdict(list)
    for record in records:
        day = datetime.fromtimestamp(record.time, UTC).strftime("%Y/%m/%d")
        for account in trail.accounts(record):
            groups[account, record.region, day].append(record)
    for (account, region, day), those in groups.items():
        began = datetime.fromtimestamp(those[0].time, UTC).strftime("%Y%m%dT%H%MZ")
        unique = sha256(f"{origin} {account} {region} {day}".encode()).hexdigest()[:16]
        name = f"{account}_CloudTrail_{region}_{began}_{unique}.json.gz"
        text = b'{"Records":[' + b",".join(_encode(trail.event(one, account)) for one in those) + b"]}"
        yield f"AWSLogs/{account}/CloudTrail/{region}/{day}/{name}", gzip.compress(text, _LEVEL, mtime=0)


def _write(path: Path, data: bytes) -> None:
    """All of it or nothing, and on disk."""
    temporary = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)
