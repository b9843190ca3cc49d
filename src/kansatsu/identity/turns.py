"""Work that takes long or waits for writers, in a thread of its own: each who asks has one piece done at a time."""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from kansatsu.errors import Throttling

T = TypeVar("T")
SMALL = 1 << 16  # octets of a request that are worked through where they are
WAITING = 64  # pieces of one account, or user, that may wait or be worked on


class Turns:
    """Used from one event loop."""

    def __init__(self, name: str, most: int = WAITING) -> None:
        self._most = most
        self._executor = ThreadPoolExecutor(1, name)
        self._locks: dict[str, asyncio.Lock] = {}  # of those who have something done, or wait
        self.waiting: Counter[str] = Counter()

    async def take(self, who: str, work: Callable[[], T]) -> T:
        """What the work comes to.

        INVARIANT: however much somebody asks for, only those who ask for as much wait for it, and of each for one piece
        at a time. Raises Throttling for more than there is room for.
        """
        if self.waiting[who] >= self._most:
            raise Throttling("Rate exceeded")
        self.waiting[who] += 1
        try:
            async with self._locks.setdefault(who, asyncio.Lock()):
                return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self.waiting[who] -= 1
            if not self.waiting[who]:
                del self.waiting[who], self._locks[who]

    async def by_size(self, who: str, size: int, work: Callable[[], T]) -> T:
        """The same, at once where there is little to do; `size` in octets."""
        return work() if size <= SMALL else await self.take(who, work)

    def close(self) -> None:
        """Finish what was begun; what waits is not begun any more."""
        self._executor.shutdown(wait=True, cancel_futures=True)
