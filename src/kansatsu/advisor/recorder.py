"""The recorder: no answer goes out before its evidence is in a segment file; registers follow, and lose nothing.

A flush writes the registers and the position up to which they are derived in one transaction, so that a start after
kill -9 takes in exactly the rest: nothing is lost and nothing counts twice.
"""

import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from kansatsu.advisor import chain, retention
from kansatsu.advisor import registers as register
from kansatsu.advisor.calls import CallRecord, PolicyText
from kansatsu.advisor.denials import Denials
from kansatsu.advisor.events import (
    MISSING_SEGMENT,
    TORN_RECORD,
    UNCLEAN_END,
    WRITE_FAILED,
    AccessEvent,
    End,
    Gap,
    encode,
    encoded,
    whole,
)
from kansatsu.advisor.last_access import Attempts
from kansatsu.advisor.organization_report import AccountAttempt
from kansatsu.advisor.registers import LastUse, Registers
from kansatsu.advisor.segments import (
    EvidenceLost,
    Position,
    SegmentWriter,
    claim,
    dated,
    numbers,
    path_of,
    read,
    tail,
)
from kansatsu.clock import Clock
from kansatsu.errors import ServiceUnavailable
from kansatsu.identity import Store

log = logging.getLogger(__name__)
DIRECTORY = "events"
DEFAULT_WORKER = "w0"
_TAIL_BYTES = 1 << 20
_HOUR = 3600.0
_REMEMBERED = 0.5  # seconds; what other workers flush is seen within this
_REMEMBERED_SUBJECTS = 10_000
_NO_TEXTS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """Seconds, bytes and days. `answer_without_evidence`: when an event cannot be written, answer nevertheless and
    record the gap later; False refuses the answer (AWS's 503), because silence must never look like "unused".
    """

    sync_seconds: float = 1.0
    flush_seconds: float = 0.5
    segment_bytes: int = 64 << 20
    retention_days: float = 90.0
    tracking_days: float = 400.0  # AWS's tracking period: older use is not reported
    answer_without_evidence: bool = False


class Recorder:
    """One per worker process; `worker` (letters and digits) names its files and must not be in use by another.

    append() and last_used() are called on the event loop; flush(), sync() and retention run in a thread that start()
    makes, or are called by hand.
    """

    def __init__(
        self,
        store: Store,
        data_dir: Path,
        clock: Clock,
        *,
        worker: str = DEFAULT_WORKER,
        settings: RecorderSettings | None = None,
    ):
        self.settings = settings or RecorderSettings()
        self.denials = Denials(data_dir, clock)  # the details of denials, beside the evidence that there were some
        self.gaps = 0  # found or made since this process started
        self._store = store
        self._clock = clock
        self.worker = worker
        self.directory = data_dir / DIRECTORY
        self.directory.mkdir(mode=0o700, exist_ok=True)
        self._claim = claim(self.directory, worker)
        self._lock = (
            threading.Lock()
        )  # around the writer and the pending registers: appending and counting are one step
        self._flushing = threading.Lock()
        self._pending = Registers()
        self._saving = Registers()
        self._stored: dict[tuple[str, str], tuple[float, LastUse | None]] = {}  # (column, id) -> until, as in the table
        self._texts: set[str] = set()  # digests of the policies that the present segment has
        self._failed: Gap | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._key = chain.key_of(store.sealer.vault)
        self._links: dict[str, chain.Link | None] = {}  # to be kept at the next flush; None: to be forgotten
        self._flushed, found = self._recover()
        following = max([self._flushed.number, *numbers(self.directory, worker)]) + 1
        self._writer = self._begin(following)
        self._ended: list[SegmentWriter] = []  # to be synced and closed
        self._note(found)
        self.flush()

    def append(
        self, events: Sequence[AccessEvent], records: Sequence[CallRecord] = (), texts: Mapping[str, str] = _NO_TEXTS
    ) -> None:
        """Write the events of one request, the request itself and what was done within it, then count them; `texts` are
        the policies that they name by their digests. Raises EvidenceLost when they cannot be written.

        INVARIANT: when this returns, all of it survives the death of this process; it is one write.
        """
        if not events and not records:
            return
        data = encoded(events, records)
        with self._lock:
            try:
                if texts and (fresh := texts.keys() - self._texts):
                    data = b"".join(encode(PolicyText(name, texts[name])) for name in sorted(fresh)) + data
                    self._texts |= fresh
                self._write(data)
            except OSError as error:
                self._texts = set()  # whatever was written, it is written once more
                self._lost(max(1, len(events)), error)
                return
            if self._writer.offset >= self.settings.segment_bytes:
                self._rotate()
            for event in events:
                self._pending.add(event)

    def last_used(self, principal_id: str) -> LastUse | None:
        """The last attempt of a user or role within the tracking period."""
        with self._lock:
            fresh = (self._pending.principals.get(principal_id), self._saving.principals.get(principal_id))
            stored = self._stored
        return self._latest(fresh, stored, ("principal_id", principal_id))

    def key_last_used(self, access_key_id: str) -> LastUse | None:
        """The last use of a long-term access key within the tracking period."""
        if not access_key_id:
            return None
        with self._lock:
            fresh = (self._pending.keys.get(access_key_id), self._saving.keys.get(access_key_id))
            stored = self._stored
        return self._latest(fresh, stored, ("access_key_id", access_key_id))

    def uses(self, account: str, principal_ids: Sequence[str]) -> list[Attempts]:
        """All that these users and roles tried within the tracking period, by this moment. For a thread: it flushes."""
        self.flush()
        with self._store.read() as conn:
            return register.uses_of(conn, account, principal_ids, self._oldest())

    def uses_of_accounts(self, accounts: Sequence[str]) -> list[AccountAttempt]:
        """The last attempts of anybody in these accounts, by this moment. For a thread: it flushes."""
        self.flush()
        with self._store.read() as conn:
            return register.uses_of_accounts(conn, accounts, self._oldest())

    def flush(self) -> None:
        """Bring the registers in the database up to date with the segments, in one transaction."""
        with self._flushing:
            with self._lock:
                position = self._writer.position
                if position == self._flushed and not self._links and not self._pending.rows:
                    return
                self._saving, self._pending = self._pending, Registers()
                links = {self._writer.path.name: self._link(), **self._links}
            try:
                with self._store.write() as conn:
                    register.save(conn, self._saving)
                    chain.keep(conn, links)
                    chain.keep_position(conn, self.worker, position)
            except BaseException:
                with self._lock:
                    self._pending.merge(self._saving)
                    self._saving = Registers()
                raise
            with self._lock:
                self._saving = Registers()
                self._stored = {}  # a new one: who is reading the table at this moment fills the former
                self._links = {name: link for name, link in self._links.items() if links.get(name) is not link}
                self._flushed = position

    def sync(self) -> None:
        """Force the segment to disk: what was appended before survives a power cut too."""
        with self._flushing:
            with self._lock:
                ended, self._ended, writer = self._ended, [], self._writer
            for former in ended:
                former.sync()
                former.close()
            writer.sync()  # a rotation meanwhile puts it among the ended; only the next sync() closes it

    def prune(self) -> int:
        """Delete segments that are in the registers and older than the retention; how many."""
        oldest = self._clock.now().timestamp() - self.settings.retention_days * 86400
        ended = min(self._flushed.number, self._writer.number)
        return retention.prune(self._store, self.directory, self.worker, ended, oldest)

    def evidence(self) -> chain.Chain:
        """What is recorded by this moment, for one reader. For a thread: it flushes."""
        present = chain.present(self.directory)
        self.flush()
        with self._store.read() as conn:
            known, silent = chain.links(conn), chain.unlinked(conn)
        return chain.Chain(self.directory, self._key, self.worker, present, known, self._known, silent)

    def recent(self, count: int) -> list[AccessEvent]:
        """The last events of all workers, newest first, at most `count`; looks at the end of the newest files only."""
        found: list[AccessEvent] = []
        for _, path in dated(self.directory):
            found += whole(tail(path, _TAIL_BYTES))
            if len(found) >= count:
                break
        return sorted(found, key=lambda event: event.time, reverse=True)[:count]

    def start(self) -> None:
        """Flush, sync and prune at their intervals, in a thread, until close()."""
        self._thread = threading.Thread(target=self._run, name="kansatsu-recorder", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Flush, mark the clean end, sync, and let go of the files."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._end_segment()
        self.flush()
        self.sync()
        self._writer.close()
        self.denials.close()
        os.close(self._claim)

    def _run(self) -> None:
        wait = min(self.settings.flush_seconds, self.settings.sync_seconds)
        last_sync = last_prune = 0.0
        while not self._stop.wait(wait):
            now = time.monotonic()
            try:
                self.flush()
                if now - last_sync >= self.settings.sync_seconds:
                    self.sync()
                    last_sync = now
                if now - last_prune >= _HOUR:
                    self.prune()
                    self.denials.prune()
                    last_prune = now
            except ServiceUnavailable:
                continue  # the log says when the database is away; what is to be saved stays pending
            except Exception:  # the edge of this thread: what failed stays pending and is tried again
                log.exception("the recorder could not bring the registers up to date")

    def _write(self, data: bytes) -> None:
        if self._failed is not None:
            gap = replace(self._failed, until=self._clock.now().timestamp())
            self._writer.write(encode(gap) + data)
            self._failed = None
        else:
            self._writer.write(data)

    def _begin(self, number: int) -> SegmentWriter:
        path = path_of(self.directory, self.worker, number)
        return SegmentWriter(path, number, chain.digest(self._key, path.name), self._clock.now().timestamp())

    def _rotate(self) -> None:
        """Go on in a new segment; when there is no room for one, the present one grows on."""
        try:
            following = self._begin(self._writer.number + 1)
        except OSError:
            log.exception("the recorder could not begin a new segment")
            return
        self._end_segment()
        self._ended.append(self._writer)
        self._writer, self._texts = following, set()

    def _end_segment(self) -> None:
        """With what was lost of it: nothing that is written later would say that."""
        now = self._clock.now().timestamp()
        try:
            self._write(encode(End(now)))
        except OSError:
            log.exception("the recorder could not end %s", self._writer.path)
            self._links[self._writer.path.name] = self._link()
        else:
            self._links[self._writer.path.name] = self._link(ended=True)

    def _link(self, *, ended: bool = False) -> chain.Link:
        """How far the present segment is written."""
        writer = self._writer
        return chain.Link(writer.offset, writer.mac.hexdigest(), writer.began, self._clock.now().timestamp(), ended)

    def _known(self) -> chain.Links:
        with self._store.read() as conn:
            return chain.links(conn)

    def _lost(self, count: int, error: OSError) -> None:
        now = self._clock.now().timestamp()
        if self._failed is None:
            self.gaps += 1
            self._failed = Gap(WRITE_FAILED, now, now, 0, self._writer.path.name)
            log.error("evidence cannot be written: %s", error)
        self._failed = replace(self._failed, lost=self._failed.lost + count)
        if not self.settings.answer_without_evidence:
            raise EvidenceLost(f"The access could not be recorded: {error.strerror}.") from error

    def _latest(
        self,
        fresh: tuple[LastUse | None, ...],
        stored: dict[tuple[str, str], tuple[float, LastUse | None]],
        subject: tuple[str, str],
    ) -> LastUse | None:
        known = stored.get(subject)
        now = time.monotonic()
        if known is None or known[0] < now:
            with self._store.read() as conn:
                known = now + _REMEMBERED, register.stored_use(conn, *subject)
            if len(stored) >= _REMEMBERED_SUBJECTS:
                stored.clear()
            stored[subject] = known
        use = register.latest((*fresh, known[1]))
        return use if use is not None and use.time >= self._oldest() else None

    def _oldest(self) -> float:
        return self._clock.now().timestamp() - self.settings.tracking_days * 86400

    def _recover(self) -> tuple[Position, list[Gap]]:
        """Take in what earlier processes of this worker wrote and did not flush; the gaps that they left."""
        with self._store.read() as conn:
            flushed, known = chain.position(conn, self.worker), chain.links(conn)
        present = numbers(self.directory, self.worker)
        # INVARIANT: a new name of this worker makes no link of a file beside those that have theirs.
        if not any(name.startswith(f"{self.worker}-") or (self.directory / name).exists() for name in known):
            self._links |= {path.name: chain.unchained(path, time) for time, path in dated(self.directory)}
        found: list[Gap] = []
        for number in range(flushed.number or min(present, default=1), max([flushed.number, *present]) + 1):
            path = path_of(self.directory, self.worker, number)
            found += self._take_in(path, flushed.offset if number == flushed.number else 0, known.get(path.name))
        return flushed, found

    def _take_in(self, path: Path, offset: int, link: chain.Link | None) -> list[Gap]:
        """What is in a segment from `offset` on; it is linked as it is found, and what is wrong with it is a gap."""
        now = self._clock.now().timestamp()
        if not path.exists():
            self._links[path.name] = None
            return [Gap(MISSING_SEGMENT, link.first if link is not None else 0.0, now, 0, path.name)]
        wrong, size, mac = chain.held(path, self._key, link or chain.Link(0, "", 0.0, 0.0))
        if link is not None and link.ended:  # whatever comes after it is nobody's
            self._links |= {path.name: replace(link, size=size, mac=mac.hexdigest())} if wrong else {}
            return [Gap(wrong, link.first, link.last, 0, path.name)] if wrong else []
        newest, torn, last = 0.0, 0, None
        for line in read(path, offset):
            last = line.record
            if last is None:
                torn += 1
            elif isinstance(last, AccessEvent):
                self._pending.add(last)
                newest = max(newest, last.time)
        since = newest or path.stat().st_mtime
        first = link.first if link is not None else chain.unchained(path, since).first
        gaps = [Gap(wrong, first, now, 0, path.name)] if wrong else []
        gaps += [Gap(TORN_RECORD, since, now, torn, path.name)] if torn else []
        if not isinstance(last, End):
            gaps.append(Gap(UNCLEAN_END, since, now, 0, path.name))
        self._links[path.name] = chain.Link(size, mac.hexdigest(), first, since, ended=True)
        return gaps

    def _note(self, found: list[Gap]) -> None:
        """Write down what is missing; without that there is no start, for the evidence would look whole."""
        self.gaps += len(found)
        for gap in found:
            log.warning("evidence has a gap: %s in %s", gap.gap, gap.segment)
        if found:
            self._writer.write(b"".join(map(encode, found)))
