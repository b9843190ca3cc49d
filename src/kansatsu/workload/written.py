"""What a container wrote, out of an engine's stream of it: whole lines in their order, each with a time of its own."""

import re
from codecs import getincrementaldecoder
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from kansatsu.workload.providers import AT_ONCE, Line, ProviderError

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ?")
_PIECE = re.compile(rb"[^\n]*\n|[^\n]+")
_HEADER = 8  # bytes: the stream, three zeros, the length
_STREAMS = 2  # standard output is 1, standard error 2
SECOND = 19  # characters of a stamp
# A line that is longer comes as several. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
LONGEST = 196_608
_CHARACTER = 4  # bytes at most


class Frames:
    """The frames of an answer, however it arrives.

    A frame is what the program wrote at once, with a time: a part of a line, too. With a terminal it has no header and
    is a chunk of HTTP. https://docs.docker.com/reference/api/engine/version/v1.43/#tag/Container/operation/ContainerAttach
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._headed: bool | None = None

    def feed(self, data: bytes, *, chunk_ended: bool) -> Iterator[tuple[int, bytes]]:
        """(stream, frame) of each that is complete."""
        held = self._held
        held += data
        if self._headed is None and held:
            self._headed = held[0] <= _STREAMS  # else it is the first digit of a time
        while self._headed and len(held) >= _HEADER:
            end = _HEADER + int.from_bytes(held[4:_HEADER])
            if len(held) < end:
                return
            yield held[0], bytes(held[_HEADER:end])
            del held[:end]
        if not self._headed and chunk_ended:
            yield from ((1, piece) for piece in _PIECE.findall(bytes(held)))
            held.clear()


@dataclass(slots=True)
class _Open:
    """A line that has not ended, from its first to its last frame so far."""

    first: str
    last: str = ""
    text: bytearray = field(default_factory=bytearray)


class Reader:
    """Puts lines together from frames, those after a place (`Line.place`, "" for all); the last `most`, if that is set.

    INVARIANT: frames are numbered alike by whoever begins at any full second: podman tells no more than seconds. So a
    place is exact, although what is asked again is more, and no line is read twice, never, or in part.
    """

    def __init__(self, after: str = "", most: int = 0) -> None:
        self._after, *opened = after.split(" ")
        self._begun = {int(stream): first for stream, _, first in (each.partition(":") for each in opened)}
        self._most = most
        self._open: dict[int, _Open] = {}
        self._last = ""  # of the last frame
        self._given = self._after  # of the last line
        self.lines: deque[Line] = deque()
        self.size = 0  # characters of `lines`
        self.dropped = False  # whether there were more lines than it keeps
        self.first = ""  # of the first frame
        self.frames = 0
        self.bytes = 0

    @property
    def since(self) -> str:
        """From when on frames are needed; "" for all."""
        return min([self._after, *self._begun.values()])

    def add(self, stream: int, frame: bytes) -> None:
        """Raises ProviderError for a frame without a time, unless it goes on with a line."""
        stamp, text = _stamped(frame)
        self.frames += 1
        self.bytes += len(frame)
        if stamp:
            self._last = max(stamp, _next(self._last))
        elif stream not in self._open:
            raise ProviderError(f"a line of a log has no time that can be read: {frame[:80]!r}")
        self.first = self.first or self._last
        if self._last <= self._after and self._last < self._begun.get(stream, "~"):
            return
        line = self._open.setdefault(stream, _Open(self._last))
        line.last = self._last
        line.text += text
        if text.endswith(b"\n") or _long(line.text):
            self._close(stream)

    def end(self, now: str) -> list[Line]:
        """All lines. What was written in this very second may be half of what the engine is writing down."""
        if self.lines and self.lines[-1].stamp == self._last and self._last[:SECOND] >= now[:SECOND]:
            self.lines[-1] = replace(self.lines[-1], ended=False)
        for stream in sorted(self._open, key=lambda stream: self._open[stream].last):
            self._close(stream, ended=False)
        return list(self.lines)

    def _close(self, stream: int, *, ended: bool = True) -> None:
        line = self._open.pop(stream)
        text = line.text.removesuffix(b"\n").removesuffix(b"\r").decode(errors="replace")
        others = "".join(f" {other}:{part.first}" for other, part in sorted(self._open.items()))
        self._given = max(line.last, _next(self._given))
        self.lines.append(Line(self._given, text, ended, others))
        self.size += len(text)
        while self._most and (len(self.lines) > self._most or (self.size > AT_ONCE and len(self.lines) > 1)):
            self.size -= len(self.lines.popleft().text)
            self.dropped = True


def _long(text: bytearray) -> bool:
    """Whether it is time to cut a line: between two characters, if that can be."""
    if len(text) < LONGEST:
        return False
    decoder = getincrementaldecoder("utf-8")("ignore")
    decoder.decode(bytes(text[-_CHARACTER:]))
    return decoder.getstate()[0] == b"" or len(text) >= 2 * LONGEST


def _next(stamp: str) -> str:
    if not stamp:
        return ""
    whole, _, fraction = stamp[:-1].partition(".")
    return f"{whole}.{min(int(fraction) + 1, 999_999_999):09}Z"


def _stamped(frame: bytes) -> tuple[str, bytes]:
    """RFC 3339 with up to nine digits of a second and the machine's own offset, a space, and the text; "" without."""
    found = _STAMP.match(frame)
    if found is None:
        return "", frame
    whole, fraction, offset = (each.decode() for each in found.groups(b""))
    if offset != "Z":
        moment = datetime.fromisoformat(f"{whole}{offset}").astimezone(UTC)
        whole = f"{moment:%Y-%m-%dT%H:%M:%S}"
    return f"{whole}.{fraction.ljust(9, '0')}Z", frame[found.end() :]
