"""Who is at work in a bucket or on an object, so that none becomes another between the look at it and the answer.

Buckets of all accounts share one namespace, and a backend is not asked whose bucket it reads. Between the look at a
bucket's owner and the backend's answer the name must not come to mean the bucket of another account, nor an object that
is copied to be encrypted by another key.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from kansatsu.errors import AwsError

PATIENCE = 5.0  # seconds that a request waits for others at the same bucket


class _Using:
    """A request in some buckets; a class of its own because every S3 request makes one."""

    __slots__ = ("_names", "_of")

    def __init__(self, of: "Occupancy", names: Collection[str]) -> None:
        self._of = of
        self._names = names

    async def __aenter__(self) -> None:
        of, names = self._of, self._names
        # INVARIANT: all names are taken at once and nothing is held while waiting, so that nobody waits for a waiter.
        if not of._changing.isdisjoint(names):
            await of._until(lambda: of._changing.isdisjoint(names))
        for name in names:
            of._at_work[name] = of._at_work.get(name, 0) + 1

    async def __aexit__(self, *_: object) -> None:
        at_work = self._of._at_work
        for name in self._names:
            at_work[name] -= 1
            if not at_work[name]:
                del at_work[name]
        self._of._wake()


class _Waiting:
    """Requests that wait until they may go on."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._waiting: set[asyncio.Future[None]] = set()

    async def _until(self, free: Callable[[], bool]) -> None:
        if free():
            return
        try:
            async with asyncio.timeout(self._patience):
                while not free():
                    turn = asyncio.get_running_loop().create_future()
                    self._waiting.add(turn)
                    try:
                        await turn
                    finally:
                        self._waiting.discard(turn)
        except TimeoutError:
            # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
            text = "A conflicting conditional operation is currently in progress against this resource. Try again."
            raise AwsError(text, code="OperationAborted", status=409) from None

    def _wake(self) -> None:
        for turn in self._waiting:
            if not turn.done():
                turn.set_result(None)


class Occupancy(_Waiting):
    """Requests at work by the names of their buckets; used from one event loop."""

    def __init__(self, patience: float = PATIENCE) -> None:
        super().__init__(patience)
        self._at_work: dict[str, int] = {}
        self._changing: set[str] = set()

    def using(self, names: Collection[str]) -> _Using:
        """Around a request in these buckets. Raises OperationAborted while one of them is made or deleted for long."""
        return _Using(self, names)

    @asynccontextmanager
    async def changing(self, name: str) -> AsyncIterator[None]:
        """Around a request that makes or deletes a bucket: alone, after those that are at work in it.

        Raises OperationAborted when they go on for long.
        """
        await self._until(lambda: name not in self._changing)
        self._changing.add(name)
        try:
            await self._until(lambda: name not in self._at_work)
            yield
        finally:
            self._changing.discard(name)
            self._wake()


class Apart(_Waiting):
    """Requests that read objects and requests that write them: any number of either at one object, never both.

    Used from one event loop.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        super().__init__(patience)
        self._reading: Counter[str] = Counter()
        self._writing: Counter[str] = Counter()

    @asynccontextmanager
    async def at(self, reading: Collection[str], writing: Collection[str]) -> AsyncIterator[None]:
        """Around a request that reads and writes these. Raises OperationAborted while others do otherwise for long."""
        # INVARIANT: all are taken at once and nothing is held while waiting, so that nobody waits for a waiter.
        await self._until(lambda: self._writing.keys().isdisjoint(reading) and self._reading.keys().isdisjoint(writing))
        self._reading.update(reading)
        self._writing.update(writing)
        try:
            yield
        finally:
            for held, names in ((self._reading, reading), (self._writing, writing)):
                held.subtract(names)
                for name in names:
                    if not held[name]:
                        del held[name]
            self._wake()
