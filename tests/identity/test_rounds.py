"""A slow database does not stop the event loop, and whoever asks it shares only what was asked after him."""

import asyncio
import threading

import pytest

from kansatsu.errors import ServiceUnavailable
from kansatsu.identity import Store
from kansatsu.identity.rounds import Rounds

from . import people
from .people import ACCOUNT

WAIT = 180.0


class Slow:
    """Work that waits until it is let go on; each call has the next number."""

    def __init__(self) -> None:
        self.calls = 0
        self.begun, self.go = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self) -> int:
        self.calls += 1
        mine = self.calls
        self.begun.release()
        assert self.go.acquire(timeout=WAIT), "the loop stood still"
        if mine == 3:
            raise ServiceUnavailable("away")
        return mine

    async def has_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.acquire, True, WAIT)


# INVARIANT: an answer that was begun before a question is not its answer.
async def test_whoever_asks_shares_the_next_call_and_never_the_one_that_has_begun() -> None:
    slow = Slow()
    rounds = Rounds(slow, "test")
    first = [asyncio.create_task(rounds.ask()) for _ in range(3)]
    await slow.has_begun()
    late = [asyncio.create_task(rounds.ask()) for _ in range(3)]
    late[2].cancel()  # its client has gone
    slow.go.release()
    assert await asyncio.gather(*first) == [1, 1, 1]
    await slow.has_begun()
    last = [asyncio.create_task(rounds.ask()) for _ in range(3)]
    slow.go.release()
    assert await asyncio.gather(*late[:2]) == [2, 2]
    slow.go.release()
    assert [type(each) for each in await asyncio.gather(*last, return_exceptions=True)] == [ServiceUnavailable] * 3
    slow.go.release()
    assert await rounds.ask() == 4
    rounds.close()


async def test_the_loop_goes_on_while_the_database_is_asked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    if store._database.local:
        assert await store.current() is store.snapshot()
        return
    snapshot, truth, slow = store.snapshot(), store._database.data_version, Slow()
    monkeypatch.setattr(store._database, "data_version", lambda: (slow(), truth())[1])
    asking = asyncio.create_task(store.current())
    await slow.has_begun()
    assert snapshot.find(ACCOUNT, "role", "late") is None  # what is at hand waits for nobody
    with store.write() as conn:
        people.add(conn, "role", "late")
    again = asyncio.create_task(store.current())
    await asyncio.sleep(0)
    slow.go.release(2)
    await asking
    assert (await again).find(ACCOUNT, "role", "late") is not None
    assert slow.calls == 2
