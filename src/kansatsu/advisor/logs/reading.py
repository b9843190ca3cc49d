"""All files of a trail as one sum: read in several processes, merged in any order, and only what is new anew."""

import errno
import gc
import os
import signal
import sys
import threading
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process

import msgspec

from kansatsu.advisor.logs import rivals, sources
from kansatsu.advisor.logs.cache import Cache
from kansatsu.advisor.logs.sources import Bucket, LogFile
from kansatsu.advisor.logs.summary import Batch, File, Known, Totals, pack, summarise, unpack

_AT_ONCE = 16  # files in a task of a worker
_MOST_AT_ONCE = 64  # where each worker has _TASKS of them: less is to be merged
_TASKS = 8
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


class _Task(msgspec.Struct, frozen=True):
    """What a worker has made of some files, and which it could not read, with the reason.

    `totals` and `ids`: those of the batch, where they were counted in this process and need not be unpacked again.
    """

    batch: Batch
    unread: list[tuple[str, str]]
    totals: Totals | None = None
    ids: dict[str, set[int]] | None = None


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


@_without_collections()
def read(files: Sequence[LogFile], bucket: Bucket, cache: Cache, processes: int, progress: Progress) -> Result:
    """The sum of these files: nothing else that the cache knows counts, and order does not matter.

    Raises sources.NotLetIn, OSError and sqlite3.Error; the cache keeps what was read until then.
    """
    current = {file.name: file for file in files}
    known = cache.batches()
    gone = [id_ for id_, tags in known.items() if any(_is_other(current.get(name), tag) for name, tag in tags.items())]
    before = cache.merged()
    if before is None or cache.forget(gone):
        cache.apart()
        before = None
    sum_ = _Sum(cache, bucket, unpack(before) if before is not None else Totals())
    for id_ in cache.unmerged():
        sum_.add(id_, cache.batch(id_))
    same = {name for id_ in known.keys() - set(gone) for name in known[id_]}
    new = [file for file in files if file.name not in same]
    result = Result(sum_.totals, len(new), len(same), sum(file.size for file in new))
    done = 0
    for task in _tasks(new, bucket, processes):
        result.troubles += [(name, why, 0) for name, why in task.unread]
        if task.batch.files:
            tags = {file.name: current[file.name].tag for file in task.batch.files}
            sum_.add(cache.keep(task.batch, tags), task.batch, task.totals, task.ids)
            cache.commit()
        done += sum(current[name].size for name in _names(task))
        progress(done, result.size)
    if sum_.changed or before is None:
        cache.keep_merged(pack(sum_.totals))
        cache.commit()
    result.troubles += cache.troubles()
    result.days = cache.event_days()
    return result


def _is_other(file: LogFile | None, tag: str) -> bool:
    return file is None or file.tag != tag


def _names(task: _Task) -> list[str]:
    return [*(file.name for file in task.batch.files), *(name for name, _ in task.unread)]


class _Sum:
    """Totals to which batches of files are added, each event once."""

    def __init__(self, cache: Cache, bucket: Bucket, totals: Totals) -> None:
        self.totals = totals
        self.changed = False
        self._cache, self._bucket = cache, bucket
        self._seen: OrderedDict[str, set[int]] = OrderedDict()

    def add(self, id_: int, batch: Batch, totals: Totals | None = None, ids: dict[str, set[int]] | None = None) -> None:
        """`totals` and `ids` are those of the batch, and are not to be used any more."""
        totals, files = totals or unpack(batch.totals), batch.files
        ids = ids or {hour: set(_ids(digests)) for hour, digests in batch.hours.items()}
        if any(not self._events(hour).isdisjoint(some) for hour, some in ids.items()):
            totals, files = self._without(batch)
        self.totals.merge(totals)
        for hour, some in ids.items():
            self._events(hour).update(some)
        self._cache.merging(id_, files)
        self.changed = True

    def _without(self, batch: Batch) -> tuple[Totals, list[File]]:
        """The batch without the events that are counted already; it has to be read again for that."""
        known = {hour: self._events(hour) for hour in batch.hours}
        others = self._cache.holders(batch.hours)
        again = _counted([file.name for file in batch.files], self._bucket, known, others)
        for name, why in again.unread:
            raise OSError(errno.EIO, why, name)
        return unpack(again.batch.totals), again.batch.files

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
    parts = list(_parts(files, max(_AT_ONCE, min(len(files) // (processes * _TASKS), _MOST_AT_ONCE))))
    if processes == 1 or len(parts) < 2 or sum(file.size for file in files) < _WORTH_A_POOL:
        yield from (_counted([file.name for file in part], bucket) for part in parts)
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
            yield _decoder.decode(future.result())


def _parts(files: Iterable[LogFile], most: int) -> Iterator[list[LogFile]]:
    part: list[LogFile] = []
    size = 0
    for file in files:
        part.append(file)
        size += file.size
        if len(part) >= most or size >= _BYTES_AT_ONCE:
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
    return msgspec.msgpack.encode(msgspec.structs.replace(_counted(names, bucket), totals=None, ids=None))


_decoder = msgspec.msgpack.Decoder(_Task)


def _counted(names: list[str], bucket: Bucket, known: Known | None = None, others: Iterable[str] = ()) -> _Task:
    """The files as one batch; `known` are events that count elsewhere, which are in the files `others`.

    INVARIANT: no record hides another that has its eventID and says something else: both count.
    """
    task = _summed(names, bucket, known, frozenset())
    if task.totals is None or not task.totals.duplicates:
        return task
    contents = [data for data in _contents([*others, *names], bucket) if isinstance(data, bytes)]
    found = rivals.found(contents)
    return _summed(names, bucket, known, found) if found else task


@_without_collections()
def _summed(names: list[str], bucket: Bucket, known: Known | None, rival: Set[int]) -> _Task:
    files: list[File] = []
    unread: list[tuple[str, str]] = []
    together = Totals()
    ids: dict[str, set[int]] = {}
    seen = {hour: set(some) for hour, some in known.items()} if known else ids
    for name, data in zip(names, _contents(names, bucket), strict=True):
        if isinstance(data, OSError):
            unread.append((name, data.strerror or "cannot be read"))
            continue
        summary = summarise(data, seen, together, rival)
        for held in (ids,) if seen is ids else (ids, seen):
            for hour, some in summary.ids.items():
                if held.setdefault(hour, some) is not some:
                    held[hour] |= some
        files.append(File(name, summary.trouble, summary.elsewhere))
    hours = {hour: array("Q", some).tobytes() for hour, some in ids.items()}
    return _Task(Batch(files, pack(together), hours), unread, together, ids)


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
