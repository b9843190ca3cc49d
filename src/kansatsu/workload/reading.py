"""Which answers of an engine about a log make up what is wanted of it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

from kansatsu.workload.providers import AT_ONCE, Line
from kansatsu.workload.written import SECOND, Frames, Reader

Pieces = AsyncIterator[tuple[bytes, bool]]  # of an answer, and whether a chunk of HTTP has ended with it
Ask = Callable[[Mapping[str, int]], AbstractAsyncContextManager[Pieces]]


async def last(ask: Ask, lines: int) -> Sequence[Line]:
    """The last lines, all of a log that is not long."""
    now, asked, whole = _now(), lines + 1, Reader(most=lines)
    if await _read(ask, whole, lambda: whole.bytes > AT_ONCE):
        return whole.end(now)
    while True:
        # Of this answer only a time is taken: podman 4.3 loses parts of the last lines, and mixes them up.
        times = Reader(most=1)
        await _read(ask, times, tail=asked)
        reader = Reader(most=lines)
        await _read(ask, reader, since=_since(times.first if times.frames >= asked else ""))
        if reader.dropped or times.frames < asked:  # else the first one may lack its beginning
            return reader.end(now)
        asked *= 4


async def after(ask: Ask, place: str) -> Sequence[Line]:
    """What comes after the place of a line, "" for all; of more than AT_ONCE the beginning."""
    now, reader = _now(), Reader(place)
    if await _read(ask, reader, lambda: reader.size > AT_ONCE, since=_since(reader.since)):
        return reader.end(now)
    return list(reader.lines)


async def _read(ask: Ask, reader: Reader, enough: Callable[[], bool] = lambda: False, **which: int) -> bool:
    """Give a log to the reader; whether it was read to its end."""
    frames = Frames()
    async with ask({"stdout": 1, "stderr": 1, "timestamps": 1, **which}) as pieces:
        async for data, chunk_ended in pieces:
            for frame in frames.feed(data, chunk_ended=chunk_ended):
                reader.add(*frame)
            if enough():
                return False
    return True


def _now() -> str:
    """As the time of a Line."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"


def _since(stamp: str) -> int:
    """For all of that second: what podman is asked for is what came later than a time."""
    return max(int(datetime.fromisoformat(f"{stamp[:SECOND]}+00:00").timestamp()) - 1, 0) if stamp else 0
