"""No bucket changes hands under a request that is at work in it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kansatsu.errors import AwsError
from kansatsu.gateway.occupancy import Apart, Occupancy


@contextmanager
def aborted() -> Iterator[None]:
    with pytest.raises(AwsError) as raised:
        yield
    assert (raised.value.code, raised.value.status) == ("OperationAborted", 409)


async def test_requests_in_one_bucket_do_not_wait_for_each_other() -> None:
    gate = Occupancy(0)
    async with gate.using(["a", "b"]), gate.using(["a"]), gate.using(["b"]), gate.changing("c"):
        pass


async def test_a_change_waits_for_those_at_work_and_the_next_waits_for_the_change() -> None:
    gate, order = Occupancy(60), []

    async def change() -> None:
        async with gate.changing("a"):
            order.append("change")

    async def use() -> None:
        async with gate.using(["b", "a"]):
            order.append("use")

    async with gate.using(["a"]):
        changing = asyncio.create_task(change())
        await asyncio.sleep(0)
        using = asyncio.create_task(use())
        await asyncio.sleep(0)
        order.append("first")
    await asyncio.gather(changing, using)
    assert order == ["first", "change", "use"]


async def test_who_waits_too_long_is_told_so_and_leaves_nothing_behind() -> None:
    gate = Occupancy(0)
    async with gate.using(["a"]):
        with aborted():
            async with gate.changing("a"):
                pytest.fail("a change beside a request")
    async with gate.changing("a"):
        with aborted():
            async with gate.using(["b", "a"]):
                pytest.fail("a request beside a change")
        with aborted():
            async with gate.changing("a"):
                pytest.fail("two changes at once")
        async with gate.changing("b"):
            pass
    async with gate.changing("a"), gate.using(["b"]):
        pass


async def test_a_request_that_is_cancelled_makes_room() -> None:
    gate = Occupancy(60)

    async def forever() -> None:
        async with gate.using(["a"]):
            await asyncio.Event().wait()

    task = asyncio.create_task(forever())
    await asyncio.sleep(0)
    task.cancel()
    async with gate.changing("a"):
        pass


async def test_reads_and_writes_of_one_object_wait_for_each_other_and_for_nobody_else() -> None:
    gate = Apart(0)
    async with gate.at(["a"], []), gate.at(["a"], ["b"]), gate.at([], ["b", "c"]), gate.at(["d"], ["d"]):
        for reading, writing in ((["b"], []), ([], ["a"]), (["d"], []), (["x", "c"], ["y"])):
            with aborted():
                async with gate.at(reading, writing):
                    pass
    async with gate.at(["b"], ["a"]):  # who waited in vain holds nothing, and who has gone neither
        pass
    gate, order = Apart(60), []

    async def write() -> None:
        async with gate.at([], ["a"]):
            order.append("write")

    async with gate.at(["a"], []):
        writing = asyncio.create_task(write())
        await asyncio.sleep(0)
        order.append("read")
    await writing
    assert order == ["read", "write"]
