"""All files of a trail as one sum: read in several processes, merged in any order, and only what is new anew."""

import gc
import os
import signal
import sys
import threading
from array import array
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process

import msgspec

from kansatsu.advisor.logs import sources
from kansatsu.advisor.logs.cache import Cache
from kansatsu.advisor.logs.sources import Bucket, LogFile
from kansatsu.advisor.logs.summary import Packed, Totals, pack, summarise, unpack

_AT_ONCE = 16  # files in a task of a worker
_BYTES_AT_ONCE = 8 << 20
_WORTH_A_POOL = 4 << 20  # bytes; less is read here before processes have started
_FETCHERS = 8  # objects that one process fetches at once
_MOST_HOURS = 100  # whose events are kept in memory
Progress = Callable[[int, int], None]  # bytes done, bytes in all


@dataclass(slots=True)
class Result:
    """What was read: new files, and those that were known.

    `troubles`: file, what is wrong with it, and how many of its events other files have too.
    """

    totals: Totals
    read: int = 0
    known: int = 0
    size: int = 0  # bytes that were read
    troubles: list[tuple[str, str, int]] = field(default_factory=list)
    days: list[str] = field(default_factory=list)  # with events, as ISO dates
    older: int = 0  # files that were not looked at
    beside: dict[str, int] = field(default_factory=dict)  # files that are no logs of events, by kind


class _Done(msgspec.Struct, frozen=True):
    """A file that a worker has read, or why it could not."""

    name: str
    summary: Packed | None
    error: str = ""


class _Task(msgspec.Struct, frozen=True):
    """The files of one task, and their totals together; None when some have events of others."""

    files: list[_Done]
    together: Totals | None


def read(files: Sequence[LogFile], bucket: Bucket, cache: Cache, processes: int, progress: Progress) -> Result:
    """The sum of these files: nothing else that the cache knows counts, and order does not matter.

    Raises sources.NotLetIn, OSError and sqlite3.Error; the cache keeps what was read until then.
    """
    known = cache.files()
    current = {file.name: file for file in files}
    same = {name for name, item in known.items() if name in current and current[name].tag == item.tag}
    merged = {name for name, item in known.items() if item.merged}
    before = cache.merged()
    if before is None or merged - same:
        cache.apart()
        before, merged = None, set()
    cache.forget(set(known) - set(current))
    sum_ = _Sum(cache, bucket, unpack(before) if before is not None else Totals())
    for name in sorted(same - merged):
        sum_.add(name, cache.summary(name))
    new = [file for file in files if file.name not in same]
    result = Result(sum_.totals, len(new), len(same), sum(file.size for file in new))
    done = 0
    with _without_collections():
        for task in _tasks(new, bucket, processes):
            for item in task.files:
                if item.summary is None:
                    result.troubles.append((item.name, item.error, 0))
                else:
                    cache.keep(item.name, current[item.name].tag, item.summary)
            sum_.add_all(task)
            cache.commit()
            done += sum(current[item.name].size for item in task.files)
            progress(done, result.size)
    if sum_.changed or before is None:
        cache.keep_merged(pack(sum_.totals))
        cache.commit()
    result.troubles += cache.troubles()
    result.days = cache.event_days()
    return result


class _Sum:
    """Totals to which files are added, each event once."""

    def __init__(self, cache: Cache, bucket: Bucket, totals: Totals) -> None:
        self.totals = totals
        self.changed = False
        self._cache, self._bucket = cache, bucket
        self._seen: OrderedDict[str, set[int]] = OrderedDict()

    def add_all(self, task: _Task) -> None:
        files = [(item.name, item.summary) for item in task.files if item.summary is not None]
        if task.together is None or any(self._duplicates(summary) for _, summary in files):
            for name, summary in files:
                self.add(name, summary)
            return
        self.totals.merge(task.together)
        for name, summary in files:
            self._note(name, summary, 0)

    def add(self, name: str, summary: Packed) -> None:
        duplicates = self._duplicates(summary)
        totals = unpack(summary.totals)
        if duplicates:
            totals = self._without(name, summary, totals)
        self.totals.merge(totals)
        self._note(name, summary, duplicates)

    def _without(self, name: str, summary: Packed, totals: Totals) -> Totals:
        """The file without the events that are counted already; it has to be read for that, unless none is left."""
        known = {hour: frozenset(self._events(hour)) for hour in summary.hours}
        if totals.events == sum(len(ids) for ids in map(_ids, summary.hours.values())) and all(
            known[hour].issuperset(_ids(digests)) for hour, digests in summary.hours.items()
        ):
            rest = msgspec.structs.replace(totals, rows={}, events=0)
            rest.duplicates += totals.events
            return rest
        return summarise(sources.content(name, self._bucket), known).totals

    def _note(self, name: str, summary: Packed, duplicates: int) -> None:
        for hour, digests in summary.hours.items():
            self._events(hour).update(_ids(digests))
        self._cache.merging(name, duplicates)
        self.changed = True

    def _duplicates(self, summary: Packed) -> int:
        return sum(len(self._events(hour).intersection(_ids(ids))) for hour, ids in summary.hours.items())

    def _events(self, hour: str) -> set[int]:
        found = self._seen.get(hour)
        if found is None:
            found = self._seen[hour] = self._cache.events(hour)
            if len(self._seen) > _MOST_HOURS:
                self._seen.popitem(last=False)
        self._seen.move_to_end(hour)
        return found


def _ids(digests: bytes) -> "array[int]":
    return array("Q", digests)


def _tasks(files: Sequence[LogFile], bucket: Bucket, processes: int) -> Iterator[_Task]:
    """What workers make of the files, in the order in which they are done."""
    parts = list(_parts(files))
    if processes == 1 or len(parts) < 2 or sum(file.size for file in files) < _WORTH_A_POOL:
        yield from (_task([file.name for file in part], bucket) for part in parts)
        return
    # A fork has all modules already; elsewhere than on Linux it is not safe.
    context = get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(processes, context, initializer=_begin) as pool:
        try:
            yield from _in_pool(pool, parts, bucket, 2 * processes)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _in_pool(pool: ProcessPoolExecutor, parts: list[list[LogFile]], bucket: Bucket, ahead: int) -> Iterator[_Task]:
    """Only so many tasks at once that the merger keeps up: memory does not grow with the trail."""
    waiting: set[Future[bytes]] = set()
    queue = iter(parts)
    while True:
        for part in queue:
            waiting.add(pool.submit(_packed_task, [file.name for file in part], bucket))
            if len(waiting) >= ahead:
                break
        if not waiting:
            return
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            files, together = _decoder.decode(future.result())
            yield _Task(files, unpack(together) if together is not None else None)


def _parts(files: Iterable[LogFile]) -> Iterator[list[LogFile]]:
    part: list[LogFile] = []
    size = 0
    for file in files:
        part.append(file)
        size += file.size
        if len(part) >= _AT_ONCE or size >= _BYTES_AT_ONCE:
            yield part
            part, size = [], 0
    if part:
        yield part


def _begin() -> None:
    """A worker: Ctrl-C is for who started it, and it ends with who started it, also where that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


def _packed_task(names: list[str], bucket: Bucket) -> bytes:
    done = _task(names, bucket)
    return msgspec.msgpack.encode((done.files, pack(done.together) if done.together is not None else None))


_decoder = msgspec.msgpack.Decoder(tuple[list[_Done], bytes | None])


def _task(names: list[str], bucket: Bucket) -> _Task:
    files: list[_Done] = []
    together = Totals()
    seen: defaultdict[str, set[int]] = defaultdict(set)
    apart = False
    with _without_collections():
        for name, data in zip(names, _contents(names, bucket), strict=True):
            if isinstance(data, OSError):
                files.append(_Done(name, None, data.strerror or "cannot be read"))
                continue
            summary = summarise(data)
            for hour, digests in summary.hours.items():
                before = len(seen[hour])
                seen[hour].update(ids := _ids(digests))
                apart = apart or len(seen[hour]) < before + len(ids)
            files.append(_Done(name, Packed(pack(summary.totals), summary.trouble, summary.hours)))
            together.merge(summary.totals)
        return _Task(files, None if apart else together)


@contextmanager
def _without_collections() -> Iterator[None]:
    """Records are many objects without cycles: looking for cycles would cost a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _contents(names: list[str], bucket: Bucket) -> Iterator[bytes | OSError]:
    if not any(name.startswith("s3://") for name in names):
        yield from (_content(name, bucket) for name in names)
        return
    with ThreadPoolExecutor(_FETCHERS) as pool:
        yield from pool.map(lambda name: _content(name, bucket), names)


def _content(name: str, bucket: Bucket) -> bytes | OSError:
    try:
        return sources.content(name, bucket)
    except OSError as error:
        return error
