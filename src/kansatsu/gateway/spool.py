"""How much of browsers' uploads waits on disk at once, so that nobody fills it.

A form says how long its file is only where it ends; until then the file waits, and a stranger may send one where a
bucket lets everybody in.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from kansatsu.errors import SlowDown

GIB = 1024**3


class Room:
    """What one upload has taken of the spool."""

    def __init__(self, spool: "Spool", stranger: bool) -> None:
        self._spool = spool
        self._stranger = stranger
        self._taken = 0

    def take(self, size: int) -> None:
        """Room for this many bytes more. Raises SlowDown when there is none."""
        self._spool._take(size, self._stranger)
        self._taken += size

    def give_back(self) -> None:
        self._spool._take(-self._taken, self._stranger)
        self._taken = 0


class Spool:
    """Bytes of all uploads that wait; at most `limit`, and at most half of it for uploads that nobody signed."""

    def __init__(self, limit: int = 10 * GIB) -> None:
        self._limit = limit
        self._taken = {False: 0, True: 0}

    @contextmanager
    def room(self, *, stranger: bool) -> Iterator[Room]:
        """Around one upload, from its first byte to the backend's answer."""
        room = Room(self, stranger)
        try:
            yield room
        finally:
            room.give_back()

    def _take(self, size: int, stranger: bool) -> None:
        # INVARIANT: strangers never take the room of those who sign.
        full = sum(self._taken.values()) + size > self._limit
        if size > 0 and (full or (stranger and self._taken[True] + size > self._limit // 2)):
            # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
            raise SlowDown("Please reduce your request rate.")
        self._taken[stranger] += size
