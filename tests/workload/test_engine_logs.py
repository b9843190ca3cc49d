"""Logs of real containers, which write lines in parts, long ones, and to both streams at once, while they are read."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from containers import PODMAN, Engine, engine, image, network, run, run_container
from kansatsu.workload.engine import DockerEngine
from kansatsu.workload.providers import Line, NoSuchContainer

__all__ = ["engine", "image", "network", "run_container"]

pytestmark = pytest.mark.root
GIVE_UP = 300.0  # seconds, on a machine that others use
ROUNDS = 40
# Lines in three parts, over the end of a second, too; one of each five is longer than what engines keep in one piece.
WRITER = f"""
import os, sys, time
def say(stream, *parts):
    for part in parts:
        os.write(stream, part.encode())
        time.sleep(0.03)
for n in range({ROUNDS}):
    say(1, f"out {{n}} ", "o" * (20000 if n % 5 == 0 else 3))
    say(2, f"err {{n}} ", "caf", "é\\n")
    say(1, "", f" end {{n}}\\n")
    if n == 20: time.sleep(1.1)
os.write(1, b"never ends")
"""
OUT = [f"out {n} {'o' * (20000 if n % 5 == 0 else 3)} end {n}" for n in range(ROUNDS)]
ERR = [f"err {n} café" for n in range(ROUNDS)]
WAITS = "\nimport signal; signal.pause()"


def as_written(texts: Sequence[str]) -> bool:
    """Whether all is there, of each stream in its order; of two pipes that both wait, the engine reads either first."""
    return [text for text in texts if text in ERR] == ERR and [text for text in texts if text not in ERR] == [
        *OUT,
        "never ends",
    ]


@pytest.fixture
async def provider(engine: Engine) -> AsyncIterator[DockerEngine]:
    made = DockerEngine(engine.url)
    yield made
    await made.close()


async def follow(provider: DockerEngine, container: str) -> list[str]:
    """As the log driver does: on and on from the last line that has ended, until the container has."""
    said, place, limit = list[str](), "", time.monotonic() + GIVE_UP
    while time.monotonic() < limit:
        running = (await provider.inspect(container)).running
        lines = [line for line in await provider.lines(container, place) if line.ended or not running]
        said += [line.text for line in lines]
        place = lines[-1].place if lines else place
        if not running and not lines:
            return said
    raise AssertionError(f"still running, after {said[-3:]}")


async def last(provider: DockerEngine, container: str) -> Sequence[Line]:
    """All lines, once they are there; until then the last ones, of several numbers: each time a piece of the whole."""
    limit, pieces, texts = time.monotonic() + GIVE_UP, list[list[str]](), list[str]()
    while not {ERR[-1], OUT[-1], "never ends"} <= set(texts):
        assert time.monotonic() < limit
        for most in (1, 3, 7, 1000):
            lines = await provider.logs(container, most)
            pieces.append([line.text for line in lines if line.ended])
            texts = [line.text for line in lines]
    found = await provider.logs(container, 1000)
    whole = [line.text for line in found]
    for piece in filter(None, pieces):
        at = whole.index(piece[0])
        assert piece == whole[at : at + len(piece)]
    return found


async def test_each_line_once_whole_and_in_order(provider: DockerEngine, run_container: Callable[..., Any]) -> None:
    """With several containers at once, and as many readers."""
    containers = [run_container("python", "python3", "-c", WRITER).id for _ in range(4)]
    followed = await asyncio.gather(*(follow(provider, each) for each in containers))
    assert all(as_written(texts) for texts in followed)
    for most in (1000, 5):
        assert [line.text for line in await provider.logs(containers[0], most)] == followed[0][-most:]


async def test_the_last_lines_of_one_that_writes(provider: DockerEngine, run_container: Callable[..., Any]) -> None:
    container = run_container("python", "python3", "-c", WRITER + WAITS).id
    found = await last(provider, container)
    assert as_written([line.text for line in found]) and [line.ended for line in found] == [*[True] * 2 * ROUNDS, False]


async def test_a_log_that_is_not_read_at_once(
    provider: DockerEngine, run_container: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same, from an engine whose answers about much are cut."""
    for name in ("reading", "written"):
        monkeypatch.setattr(f"kansatsu.workload.{name}.AT_ONCE", 30_000)
    container = run_container("python", "python3", "-c", WRITER).id
    texts = await follow(provider, container)
    assert as_written(texts)
    for most in (1, 2, 5, 11):
        assert [line.text for line in await provider.logs(container, most)] == texts[-most:]


async def test_a_terminal(provider: DockerEngine) -> None:
    """What has no frames of its own; both streams are one."""
    program = "printf 'one '; sleep 1.1; printf 'two\\n'; printf 'err ' >&2; sleep 0.2; echo or >&2; printf half"
    name = f"kansatsu-test-terminal-{time.monotonic_ns()}"
    run(PODMAN, "run", "-t", "--name", name, "--network=none", "kansatsu-test/python", "sh", "-c", program)
    try:
        assert [line.text for line in await provider.logs(name, 10)] == ["one two", "err or", "half"]
    finally:
        run(PODMAN, "rm", "-f", name)


async def test_one_that_does_not_run_yet_and_one_that_is_not_there(provider: DockerEngine, image: Any) -> None:
    name = f"kansatsu-test-created-{time.monotonic_ns()}"
    run(PODMAN, "create", "--name", name, "--network=none", image("python"), "true")
    try:
        assert await provider.logs(name, 10) == [] and await provider.lines(name, "") == []
    finally:
        run(PODMAN, "rm", "-f", name)
    with pytest.raises(NoSuchContainer):
        await provider.logs("nowhere", 10)
