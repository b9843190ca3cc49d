"""Segment files: where evidence goes by write(2) before an answer does, and from where it is read again."""

import errno
import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hmac import HMAC
from pathlib import Path

from kansatsu.advisor.events import Record, decode
from kansatsu.identity import sync_directory

NAME = re.compile(r"(?P<worker>[A-Za-z0-9]{1,32})-(?P<number>\d{12})\.jsonl")
_BLOCK = 1 << 20
_LONGEST_LINE = 1 << 20


class EvidenceLost(Exception):
    """An event could not be written: the request that it is about must not be answered as if it had been."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a worker's evidence: everything before `offset` (bytes) of segment `number`, and older segments."""

    number: int
    offset: int


class SegmentWriter:
    """Appends to one file. Not thread-safe: the recorder's lock guards it."""

    def __init__(self, path: Path, number: int, mac: HMAC, began: float):
        self.path = path
        self.mac = mac  # of all that is in the file
        self.began = began  # epoch seconds
        self.number = number
        self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.offset = 0
        self._synced = 0
        self._torn = False  # bytes that could not be cut off again: the next record begins a line of its own
        sync_directory(path.parent)

    @property
    def position(self) -> Position:
        return Position(self.number, self.offset)

    def write(self, data: bytes) -> None:
        """All of `data`, or nothing and OSError: what a full disk took of it is cut off again."""
        if self._torn:
            data = b"\n" + data
        written = os.write(self._fd, data)
        if written != len(data):
            self._cut(data[:written])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self._torn = False
        self.offset += written
        self.mac.update(data)

    def sync(self) -> None:
        """Force what was written to disk."""
        if self._synced != self.offset:
            target = self.offset
            os.fdatasync(self._fd)
            self._synced = target

    def close(self) -> None:
        os.close(self._fd)

    def _cut(self, part: bytes) -> None:
        try:
            os.ftruncate(self._fd, self.offset)
        except OSError:
            self._torn = True
            self.offset += len(part)
            self.mac.update(part)


@dataclass(frozen=True, slots=True)
class Line:
    """What stands between two line feeds. `record` is None for what is no record; `end` is the offset after it."""

    record: Record | None
    end: int


def claim(directory: Path, worker: str) -> int:
    """A lock that dies with the process. Raises EvidenceLost when another process records under this name."""
    fd = os.open(directory / f"{worker}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise EvidenceLost(f"Another process records as {worker} in {directory}.") from None
    return fd


def path_of(directory: Path, worker: str, number: int) -> Path:
    return directory / f"{worker}-{number:012d}.jsonl"


def numbers(directory: Path, worker: str) -> list[int]:
    """The segments of a worker, oldest first."""
    found = (NAME.fullmatch(entry.name) for entry in directory.iterdir())
    return sorted(int(match["number"]) for match in found if match and match["worker"] == worker)


def dated(directory: Path) -> list[tuple[float, Path]]:
    """The segments of all workers and when they were written last, the newest first."""
    found: list[tuple[float, Path]] = []
    for path in directory.glob("*.jsonl"):
        with suppress(FileNotFoundError):  # deleted for its age meanwhile
            found.append((path.stat().st_mtime, path))
    return sorted(found, reverse=True)


def read(path: Path, offset: int = 0) -> Iterator[Line]:
    """The lines from `offset` on; a last one without its line feed counts as torn."""
    for line, end, whole in split(path, offset):
        yield Line(decode(line) if whole else None, end)


def lines(path: Path) -> Iterator[bytes]:
    """The whole lines as they are, for who looks at few of them."""
    return (line for line, _, whole in split(path) if whole)


def blocks(path: Path, offset: int = 0) -> Iterator[bytes]:
    """The bytes of a file from `offset` on."""
    with path.open("rb") as file:
        file.seek(offset)
        while block := file.read(_BLOCK):
            yield block


def split(
    path: Path, offset: int = 0, seen: Callable[[bytes], None] = lambda _: None
) -> Iterator[tuple[bytes, int, bool]]:
    """What stands between line feeds, the offset after it, and whether it is whole; `seen` gets all bytes."""
    rest = b""
    for block in blocks(path, offset):
        seen(block)
        parts = (rest + block).split(b"\n")
        rest = parts.pop()
        for line in parts:
            offset += len(line) + 1
            yield line, offset, True
        if len(rest) > _LONGEST_LINE:
            offset, rest = offset + len(rest), b""
            yield b"", offset, False
    if rest:
        yield rest, offset + len(rest), False


def tail(path: Path, size: int) -> list[Record]:
    """The records in about the last `size` bytes, oldest first."""
    try:
        start = max(0, path.stat().st_size - size)
        with path.open("rb") as file:
            file.seek(start)
            lines = file.read(size).split(b"\n")
    except FileNotFoundError:
        return []  # deleted for its age meanwhile
    if start:
        del lines[0]  # most likely cut in two
    return [record for record in map(decode, lines) if record is not None]
