"""A slow question, asked off the event loop and once for all who wait: each gets an answer younger than his asking."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Rounds(Generic[T]):
    """One call of `work` at a time, in a thread of its own; for the coroutines of one event loop."""

    def __init__(self, work: Callable[[], T], name: str) -> None:
        self._work = work
        self._executor = ThreadPoolExecutor(1, name)
        self._current: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def ask(self) -> T:
        """What `work` returns, or raises, in a call that begins after this.

        INVARIANT: a call that has begun is nobody's who asks from then on: it may have read before the write that he
        knows of.
        """
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._round(self._current))
            self._next.add_done_callback(_heard)
        return await asyncio.shield(self._next)

    async def _round(self, before: asyncio.Task[T] | None) -> T:
        if before is not None and not before.done():
            await asyncio.wait([before])
        self._current, self._next = self._next, None
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._work)

    def close(self) -> None:
        self._executor.shutdown(wait=True)


def _heard(task: asyncio.Task[T]) -> None:
    """All who asked may be gone: an error is then nobody's."""
    if not task.cancelled():
        task.exception()
