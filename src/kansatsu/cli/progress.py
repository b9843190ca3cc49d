"""A bar on the work, on stderr and only for a person who watches: bytes done, how fast, how long still."""

import sys
import time
from types import TracebackType

_WIDTH = 30
_EVERY = 0.1  # seconds between two looks


class Bar:
    """`with Bar() as bar: bar.show(done, size)`; the line is gone at the end."""

    def __init__(self) -> None:
        self._shown = False
        self._begin = self._next = time.monotonic()

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()

    def show(self, done: int, size: int) -> None:
        now = time.monotonic()
        if not sys.stderr.isatty() or now < self._next or not size:
            return
        self._next, self._shown = now + _EVERY, True
        sys.stderr.write("\r\033[K" + line(done, size, now - self._begin))
        sys.stderr.flush()


def line(done: int, size: int, seconds: float) -> str:
    """`[#####.....]  50%  120 of 240 MB, 40 MB/s, 3 s left`."""
    part = min(1.0, done / size)
    bar = "#" * int(part * _WIDTH)
    speed = done / seconds if seconds > 0 else 0.0
    left = f", {max(0.0, size - done) / speed:.0f} s left" if speed else ""
    return f"[{bar:.<{_WIDTH}}] {part:4.0%}  {done / 1e6:.0f} of {size / 1e6:.0f} MB, {speed / 1e6:.0f} MB/s{left}"
