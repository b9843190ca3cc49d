"""The memory of facts: asked once, forgotten when a passing request may have changed them, never guessed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.errors import AwsError, ServiceUnavailable
from kansatsu.resources import UNSUPPORTED, Kind, Knowledge, Place

ACCOUNT = "123456789012"
THING = Place(ACCOUNT, "arn:aws:x:us-east-1:123456789012:thing", "us-east-1")
OTHER = THING._replace(arn=THING.arn + "2")
KIND: Kind[str | None] = Kind(
    "colour",
    "x",
    "GetColour",
    lambda place: {"Name": place.arn},
    lambda _place, answer: str(answer["Colour"]),
    None,
    frozenset({"NoSuchColour"}),
    frozenset({"x.PutColour", "x.DeleteThing"}),
)


@dataclass
class Clock:
    time: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


@dataclass
class Backend:
    """A backend whose things have colours; `held` makes it wait before it answers."""

    colours: dict[str, str] = field(default_factory=lambda: {THING.arn: "red"})
    failure: Exception | None = None
    asked: int = 0
    held: asyncio.Event | None = None

    async def __call__(
        self, account: str, region: str, service: str, operation: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        assert (account, region, service, operation) == (ACCOUNT, "us-east-1", "x", "GetColour")
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        seen = self.colours.get(params["Name"])
        if self.held is not None:
            await self.held.wait()
        if seen is None:
            raise AwsError("none", code="NoSuchColour", status=404)
        return {"Colour": seen}


def knowing(backend: Backend, clock: Clock | None = None, lifetime: float = float("inf"), most: int = 100) -> Knowledge:
    return Knowledge(backend, clock or Clock(), [KIND], lambda _service: lifetime, most)


async def test_asked_once_by_many_at_once() -> None:
    backend = Backend(held=asyncio.Event())
    knowledge = knowing(backend)
    waiting = [asyncio.create_task(knowledge.learn(KIND, THING)) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    assert backend.held is not None
    backend.held.set()
    assert await asyncio.gather(*waiting[1:]) == ["red"] * 4
    assert await knowledge.learn(KIND, THING) == "red"
    assert backend.asked == 1


async def test_none_is_remembered_too() -> None:
    backend = Backend(colours={})
    knowledge = knowing(backend)
    assert [await knowledge.learn(KIND, THING) for _ in range(2)] == [None, None]
    assert backend.asked == 1


@pytest.mark.parametrize(
    "failure",
    [
        AwsError("down", code="ServiceUnavailable", status=503),
        AwsError("slow down", code="SlowDown", status=503),
        AwsError("throttled", code="ThrottlingException", status=400),
        AwsError("denied", code="AccessDenied", status=403),
        AwsError("broken", code="InternalFailure", status=500),
        AwsError("no such thing", code="NoSuchThing", status=404),
    ],
    ids=lambda failure: failure.code,
)
async def test_what_cannot_be_read_is_not_none(failure: AwsError) -> None:
    backend = Backend(failure=failure)
    knowledge = knowing(backend)
    with pytest.raises(ServiceUnavailable):
        await knowledge.learn(KIND, THING)
    backend.failure = None
    assert await knowledge.learn(KIND, THING) == "red"


@pytest.mark.parametrize(("code", "status"), [("UnknownOperationException", 400), ("NotImplemented", 501), ("", 405)])
async def test_a_backend_without_the_operation(code: str, status: int) -> None:
    assert await knowing(Backend(failure=AwsError("", code=code, status=status))).learn(KIND, THING) is UNSUPPORTED


@pytest.mark.parametrize("arns", [[THING.arn], None])
@pytest.mark.parametrize("operation", ["x.PutColour", "x.DeleteThing"])
async def test_a_change_is_seen(arns: list[str] | None, operation: str) -> None:
    backend = Backend()
    knowledge = knowing(backend)
    assert await knowledge.learn(KIND, THING) == "red"
    with knowledge.changing(operation, arns):
        backend.colours[THING.arn] = "blue"
    assert await knowledge.learn(KIND, THING) == "blue"


async def test_a_change_of_another_changes_nothing() -> None:
    backend = Backend()
    knowledge = knowing(backend)
    await knowledge.learn(KIND, THING)
    with knowledge.changing("x.PutColour", [OTHER.arn]):
        pass
    assert not knowledge.changed_by("x.GetColour")
    await knowledge.learn(KIND, THING)
    assert backend.asked == 1


async def test_what_was_read_while_it_changed_answers_nobody_after() -> None:
    """The attack: a read that began before the change ends after it, and would bring the old policy back."""
    backend = Backend(held=asyncio.Event())
    knowledge = knowing(backend)
    old = asyncio.create_task(knowledge.learn(KIND, THING))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with knowledge.changing("x.PutColour", [THING.arn]):
        backend.colours[THING.arn] = "blue"
    late = asyncio.create_task(knowledge.learn(KIND, THING))  # must not join the read that is under way
    await asyncio.sleep(0)
    assert backend.held is not None
    backend.held.set()
    assert await old == "red"
    assert await late == "blue"
    assert await knowledge.learn(KIND, THING) == "blue"


async def test_what_was_read_during_the_change_is_not_kept() -> None:
    backend = Backend()
    knowledge = knowing(backend)
    with knowledge.changing("x.PutColour", [THING.arn]):
        assert await knowledge.learn(KIND, THING) == "red"
        backend.colours[THING.arn] = "blue"
        assert await knowledge.learn(KIND, THING) == "blue"
    assert await knowledge.learn(KIND, THING) == "blue"


async def test_a_change_that_was_broken_off_may_come_later() -> None:
    backend, clock = Backend(), Clock()
    knowledge = knowing(backend, clock)
    with pytest.raises(ConnectionError), knowledge.changing("x.PutColour", [THING.arn]):
        raise ConnectionError
    assert await knowledge.learn(KIND, THING) == "red"
    backend.colours[THING.arn] = "blue"  # only now does the backend get to it
    assert await knowledge.learn(KIND, THING) == "blue"
    clock.time += timedelta(minutes=2)
    asked = backend.asked
    assert [await knowledge.learn(KIND, THING) for _ in range(3)] == ["blue"] * 3
    assert backend.asked == asked + 1


async def test_others_may_change_it_too() -> None:
    backend, clock = Backend(), Clock()
    knowledge = knowing(backend, clock, lifetime=5)
    await knowledge.learn(KIND, THING)
    backend.colours[THING.arn] = "blue"
    clock.time += timedelta(seconds=4)
    assert await knowledge.learn(KIND, THING) == "red"
    clock.time += timedelta(seconds=1)
    assert await knowledge.learn(KIND, THING) == "blue"


async def test_no_number_of_names_fills_the_memory() -> None:
    knowledge = knowing(Backend(), most=10)
    for number in range(100):
        await knowledge.learn(KIND, THING._replace(arn=f"{THING.arn}{number}"))
    assert len(knowledge._kept) == 10


@given(st.lists(st.tuples(st.sampled_from(["read", "write", "reread"]), st.integers(0, 3)), max_size=30))
def test_who_asks_after_a_change_never_sees_what_was_before(steps: list[tuple[str, int]]) -> None:
    """Any interleaving: a read that begins after the n-th change has ended says at least the n-th colour."""

    async def play() -> None:
        backend = Backend(colours={THING.arn: "0"})
        knowledge = knowing(backend)
        done = 0
        started: list[tuple[int, asyncio.Task[Any]]] = []
        for step, ticks in steps:
            if step == "write":
                with knowledge.changing("x.PutColour", [THING.arn]):
                    for _ in range(ticks):
                        await asyncio.sleep(0)
                    backend.colours[THING.arn] = str(done + 1)
                    for _ in range(ticks):
                        await asyncio.sleep(0)
                done += 1
            else:
                backend.held = asyncio.Event()
                started.append((done, asyncio.create_task(knowledge.learn(KIND, THING))))
                for _ in range(ticks):
                    await asyncio.sleep(0)
                if step == "reread":
                    backend.held.set()
                held, backend.held = backend.held, None
                asyncio.get_running_loop().call_soon(held.set)
        for least, task in started:
            assert int(await task) >= least
        assert await knowledge.learn(KIND, THING) == str(done)

    asyncio.run(play())


@pytest.mark.parametrize(
    ("failure", "level", "why"),
    [
        (
            ServiceUnavailable("The backend is away. Please try again."),
            "INFO",
            ": The backend is away. Please try again.",
        ),
        (AwsError("no", code="AccessDenied", status=403), "ERROR", " from the backend. Please try again."),
    ],
)
async def test_a_backend_that_is_away_is_no_error_for_each_fact(
    failure: AwsError, level: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The client is told what is the matter, and nothing that the backend said to Kansatsu."""
    caplog.set_level("INFO", "kansatsu.resources.knowledge")
    with pytest.raises(ServiceUnavailable) as told:
        await knowing(Backend(failure=failure)).learn(KIND, THING)
    assert told.value.message.endswith(f"could not be read{why}")
    assert [record.levelname for record in caplog.records if "could not be read" in record.getMessage()] == [level]
