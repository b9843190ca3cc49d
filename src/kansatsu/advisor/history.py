"""Reading recorded requests again from the segment files of all workers: by time, and only lines that may matter."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from kansatsu.advisor.calls import CallRecord, PolicyText
from kansatsu.advisor.chain import Chain, begins
from kansatsu.advisor.events import AccessEvent, Gap, decode
from kansatsu.advisor.segments import dated, lines

_MTIME_SLACK = 2.0  # seconds: clocks of file systems are coarse
_DAY, _SILENCE = 86400.0, 14
_CALL, _GAP, _POLICY = b'{"call":', b'{"gap":', b'{"policy":'
T = TypeVar("T")


@dataclass(slots=True)
class Found:
    """Requests of a time range, the texts of the policies they name by digest, and the gaps in between.

    `days`: those (since the epoch, UTC) on which anybody's request is on record.
    """

    calls: list[CallRecord] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    oldest: float = 0.0  # of all evidence that there is, in epoch seconds; 0: there is none
    days: set[int] = field(default_factory=set)

    def covered(self, since: float, until: float) -> float:
        """How many days the record is about: two weeks without any request may be the server's, or its clock's.

        INVARIANT: a clock that once was years behind makes no long record of a short one.
        """
        begin, end = max(since, self.oldest), int(until / _DAY)
        days = sorted({*(day for day in self.days if begin / _DAY - 1 < day < end), end})
        spans = (one - other for other, one in pairwise(days))
        seen = sum(span for span in spans if span <= _SILENCE) + 1
        return min((until - begin) / _DAY, seen) if self.oldest else 0.0


def newest(
    directory: Path, since: float, until: float, needles: Sequence[bytes], wanted: Callable[[CallRecord], bool], n: int
) -> list[CallRecord]:
    """The newest `n` requests of a time range that are wanted, whatever the order in which they were written.

    `needles`: what must stand in a line literally, so that other lines need not be read.
    """
    kept: list[CallRecord] = []
    for time, path in dated(directory):
        if time < max(since, kept[-1].time if len(kept) == n else 0.0) - _MTIME_SLACK:
            break
        with suppress(FileNotFoundError):  # deleted for its age meanwhile
            if begins(lines(path)) > until:
                continue
            found = (record for record in _calls(path, needles) if since <= record.time <= until and wanted(record))
            kept = heapq.nlargest(n, [*kept, *heapq.nlargest(n, found, key=_order)], key=_order)
    return kept


def everything(chain: Chain, since: float, until: float, wanted: Callable[[CallRecord], bool]) -> Found:
    """All requests since a time that are wanted, in the order of their times, and the gaps until another.

    INVARIANT: a clock that once was ahead hides no request: what lies in the future was made, too.
    """
    found = Found()
    for name in chain.files(since):
        for line in chain.lines(name):
            if line.startswith((_CALL, _GAP, _POLICY)):
                _take(found, decode(line), since, until, wanted)
    # INVARIANT: what was deleted for its age while this was read is not taken for a time that is known.
    oldest = min(map(chain.begins, chain.files()), default=float("inf"))
    found.oldest = oldest if oldest != float("inf") else 0.0
    found.gaps += chain.gaps(since, until)
    found.calls.sort(key=_order)
    return found


def of_principal(chain: Chain, subject: str, since: float = 0.0) -> tuple[list[AccessEvent], int]:
    """All that was recorded of a session (its ARN), user or role (its unique id), and how many gaps there are.

    `since` is in epoch seconds. Reads every file that was written to since then; for a thread.
    """
    found, gaps = [], 0
    for name in sorted(chain.files(since)):
        for line in chain.lines(name):
            record = decode(line)
            if isinstance(record, AccessEvent) and subject in (record.principal_arn, record.principal_id):
                found.append(record)
            gaps += isinstance(record, Gap) and record.until >= since
    return found, gaps + len(chain.gaps(since, float("inf")))


def _take(found: Found, record: object, since: float, until: float, wanted: Callable[[CallRecord], bool]) -> None:
    if isinstance(record, PolicyText):
        found.texts[record.policy] = record.text
    elif isinstance(record, Gap):
        if record.until >= since and record.after <= until:
            found.gaps.append(record)
    elif isinstance(record, CallRecord) and since <= record.time:
        found.days.add(int(record.time / _DAY))
        if wanted(record):
            found.calls.append(record)


def _calls(path: Path, needles: Sequence[bytes]) -> Iterator[CallRecord]:
    for line in lines(path):
        if line.startswith(_CALL) and all(needle in line for needle in needles):
            record = decode(line)
            if isinstance(record, CallRecord):
                yield record


def _order(record: CallRecord) -> tuple[float, str]:
    return record.time, record.call
