"""Reading recorded requests again from the segment files of all workers: by time, and only lines that may matter."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from kansatsu.advisor.calls import CallRecord, PolicyText
from kansatsu.advisor.events import AccessEvent, End, Gap, decode
from kansatsu.advisor.segments import lines

_MTIME_SLACK = 2.0  # seconds: clocks of file systems are coarse
_CALL, _GAP, _POLICY = b'{"call":', b'{"gap":', b'{"policy":'
T = TypeVar("T")


@dataclass(slots=True)
class Found:
    """Requests of a time range, the texts of the policies they name by digest, and the gaps in between.

    `uncovered`: requests of before records had all that replay needs, by their events alone.
    """

    calls: list[CallRecord] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    uncovered: int = 0
    oldest: float = 0.0  # of all evidence that there is, in epoch seconds; 0: there is none


def files(directory: Path, since: float) -> list[Path]:
    """The segments with anything in or after `since`, the newest first."""
    dated = ((path.stat().st_mtime, path) for path in directory.glob("*.jsonl"))
    return [path for time, path in sorted(dated, reverse=True) if time >= since - _MTIME_SLACK]


def begins(path: Path) -> float:
    """When the first record of a segment was made; infinity of an empty one."""
    for line in lines(path):
        record = decode(line)
        if isinstance(record, CallRecord | AccessEvent):
            return record.time
        if isinstance(record, Gap):
            return record.until
        if isinstance(record, End):
            return record.end
    return float("inf")


def newest(
    directory: Path, since: float, until: float, needles: Sequence[bytes], wanted: Callable[[CallRecord], bool], n: int
) -> list[CallRecord]:
    """The newest `n` requests of a time range that are wanted, whatever the order in which they were written.

    `needles`: what must stand in a line literally, so that other lines need not be read.
    """
    kept: list[CallRecord] = []
    for path in files(directory, since):
        if len(kept) == n and path.stat().st_mtime < kept[-1].time - _MTIME_SLACK:
            break
        if begins(path) > until:
            continue
        found = (record for record in _calls(path, needles) if since <= record.time <= until and wanted(record))
        kept = heapq.nlargest(n, [*kept, *heapq.nlargest(n, found, key=_order)], key=_order)
    return kept


def everything(directory: Path, since: float, until: float, wanted: Callable[[CallRecord], bool]) -> Found:
    """All requests of a time range that are wanted, in the order of their times."""
    found = Found()
    everywhere = files(directory, 0.0)
    found.oldest = min((time for path in everywhere if (time := begins(path)) != float("inf")), default=0.0)
    for path in files(directory, since):
        for line in lines(path):
            if line.startswith((_CALL, _GAP, _POLICY)):
                _take(found, decode(line), since, until, wanted)
    found.calls.sort(key=_order)
    return found


def _take(found: Found, record: object, since: float, until: float, wanted: Callable[[CallRecord], bool]) -> None:
    if isinstance(record, PolicyText):
        found.texts[record.policy] = record.text
    elif isinstance(record, Gap):
        if record.until >= since and record.after <= until:
            found.gaps.append(record)
    elif isinstance(record, CallRecord) and since <= record.time <= until and wanted(record):
        found.calls.append(record)


def _calls(path: Path, needles: Sequence[bytes]) -> Iterator[CallRecord]:
    for line in lines(path):
        if line.startswith(_CALL) and all(needle in line for needle in needles):
            record = decode(line)
            if isinstance(record, CallRecord):
                yield record


def _order(record: CallRecord) -> tuple[float, str]:
    return record.time, record.call
