"""The control plane starts again while much is under way: it serves, adopts, and says nothing wrong in between."""

import asyncio
from typing import Any

import pytest

from kansatsu.errors import ServiceUnavailable
from kansatsu.workload import facade
from services.ec2_world import Ec2World
from services.ecs_world import Engine, engine
from services.test_ecs_definitions import container, ecs_client, world

__all__ = ["ecs_client", "engine", "world"]


def begin_again(cloud: Ec2World) -> None:
    """What a killed control plane leaves, and a new one that has started and has looked at nothing yet."""
    cloud.run(cloud.workload.close())
    cloud.workload = cloud.fresh_workload()


def hold(cloud: Ec2World, name: str) -> asyncio.Event:
    """From now on the engine answers this question only when the event is set."""
    gate, real = asyncio.Event(), getattr(cloud.provider, name)

    async def wait(*words: Any, **given: Any) -> Any:
        await gate.wait()
        return await real(*words, **given)

    setattr(cloud.provider, name, wait)
    return gate


def test_it_starts_whatever_the_engine_does_and_says_what_is_true_once_it_knows(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: a task has ended while nobody looked, and the engine is slow to say so."""
    cloud = engine.cloud
    task = engine.run()
    key = engine.key(task)
    begin_again(cloud)
    engine.fake.halt(key, 3)
    gate = hold(cloud, "list")
    cloud.run(cloud.workload.start())  # it returns although the engine says nothing
    monkeypatch.setattr(facade, "_PATIENCE", 0.01)
    with pytest.raises(ServiceUnavailable, match="is adopting what runs: try again"):
        cloud.run(cloud.workload.adopted())
    with pytest.raises(ServiceUnavailable):
        cloud.run(cloud.workload.register("123456789012", "us-east-1", "web", {}))
    monkeypatch.setattr(facade, "_PATIENCE", 10.0)
    gate.set()
    cloud.run(cloud.workload.adopted())
    cloud.settle()
    assert engine.states(task) == {"web": ("STOPPED", 3)}


def test_an_engine_that_is_away_keeps_nobody_waiting(engine: Engine) -> None:
    cloud = engine.cloud
    task = engine.run()
    begin_again(cloud)
    cloud.provider.broken = "away"
    cloud.begin()
    assert engine.task(task)["lastStatus"] == "RUNNING"


def test_a_task_that_takes_its_time_to_stop_keeps_no_other_from_its_endpoints(engine: Engine) -> None:
    """In the middle of a deployment some are being stopped, up to two minutes each."""
    cloud = engine.cloud
    stopping = [engine.run(container(stopTimeout=120)) for _ in range(12)]
    others = [engine.run() for _ in range(12)]
    gate = hold(cloud, "stop")

    members = {member.task.id: member for member in cloud.workload.tasks}
    ids = {key: member.task.credential_id for key, member in members.items()}

    async def condemn() -> None:
        assert cloud.workload.runner is not None
        for task in stopping:
            await cloud.workload.runner.stop(members[task], "UserInitiated", "the end")

    cloud.run(condemn())
    begin_again(cloud)
    cloud.begin()
    served = {handle.view.id for handle in cloud.task_server.open}
    assert served == {ids[task] for task in others}  # what stops gets no new endpoints
    assert {engine.task(task)["desiredStatus"] for task in stopping} == {"STOPPED"}
    gate.set()
    cloud.settle()
    assert {engine.task(task)["lastStatus"] for task in stopping} == {"STOPPED"}
