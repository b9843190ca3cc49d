"""Volumes of tasks: whose they are, how long they live, and which directories of the host they can be."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kansatsu.workload.providers import Mount
from kansatsu.workload.tasks.configuring import POD_URI
from services.ecs_world import Engine, engine
from services.test_ecs_definitions import TASKS, cloud, container, ecs_client, world

__all__ = ["cloud", "ecs_client", "engine", "world"]

SHARED = {"scope": "shared", "autoprovision": True}


def run(engine: Engine, volume: dict[str, Any], *names: str, **point: Any) -> str:
    """A task whose containers, of these names, all mount the volume; its id."""
    points = [{"sourceVolume": volume["name"], "containerPath": "/v", **point}]
    made = [container(name=name, mountPoints=points) for name in names or ("web",)]
    engine.ecs.register_task_definition(family="v", containerDefinitions=made, volumes=[volume])
    task = engine.ecs.run_task(taskDefinition="v")["tasks"][0]["taskArn"].rpartition("/")[2]
    engine.cloud.settle()
    return str(task)


def mounted(engine: Engine, task: str, name: str = "web") -> tuple[Mount, ...]:
    return engine.fake.options[engine.key(task, name)].mounts


@pytest.mark.parametrize("volume", [{"name": "v"}, {"name": "v", "dockerVolumeConfiguration": {"scope": "task"}}])
def test_the_containers_of_a_task_share_a_volume_that_ends_with_it(engine: Engine, volume: dict[str, Any]) -> None:
    first, second = run(engine, volume, "web", "side"), run(engine, volume)
    assert mounted(engine, first) == mounted(engine, first, "side") == (Mount(f"ecs-{first}.v", "/v"),)
    assert mounted(engine, second) == (Mount(f"ecs-{second}.v", "/v"),)
    engine.ecs.stop_task(task=first)
    engine.cloud.settle()
    engine.cloud.clock.move(hours=1.1)
    engine.cloud.settle()
    assert engine.fake.volumes == {f"ecs-{second}.v"}


def test_a_container_has_the_volumes_of_another_one(engine: Engine) -> None:
    """Whatever their order in the definition: the other one is made first.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_VolumeFrom.html
    """
    given = [{"sourceContainer": "data", "readOnly": True}, {"sourceContainer": "side"}]
    task = engine.run(
        container(volumesFrom=given),
        container(name="data"),
        container(name="side", volumesFrom=[{"sourceContainer": "data"}]),
    )
    assert engine.task(task)["lastStatus"] == "RUNNING"
    data, side = engine.key(task, "data"), engine.key(task, "side")
    assert engine.fake.options[engine.key(task)].volumes_from == ((data, True), (side, False))
    assert engine.fake.options[side].volumes_from == ((data, False),)


@pytest.mark.parametrize("path", ["/v/token", "/etc/../v//deep/token", "/v"])
@pytest.mark.parametrize("from_other", [False, True])
def test_no_token_is_put_into_a_volume(engine: Engine, path: str, from_other: bool) -> None:
    """The attack: the file to be read lies in a directory of the host, which would be written to as root."""
    engine.cloud.role("r", TASKS)
    told = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": POD_URI, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": path}
    environment = [{"name": name, "value": value} for name, value in told.items()]
    mounts = {"mountPoints": [{"sourceVolume": "v", "containerPath": "/v", "readOnly": True}]}
    beside = [container(name="side", volumesFrom=[{"sourceContainer": "data"}]), container(name="data", **mounts)]
    given = {"volumesFrom": [{"sourceContainer": "side"}]} if from_other else mounts
    engine.ecs.register_task_definition(
        family="v",
        taskRoleArn="r",
        volumes=[{"name": "v"}],
        containerDefinitions=[container(environment=environment, **given), *beside],
    )
    task = engine.ecs.run_task(taskDefinition="v")["tasks"][0]["taskArn"].rpartition("/")[2]
    engine.cloud.settle()
    reason = engine.task(task)["stoppedReason"]
    assert reason == f"CannotCreateContainerError: {path} is to be a file of the container's own, and lies in a volume."
    assert not engine.cloud.settings.tokens.exists()


def test_a_shared_volume_is_its_clusters_and_outlives_its_tasks(engine: Engine) -> None:
    task = run(engine, {"name": "v", "dockerVolumeConfiguration": SHARED}, readOnly=True)
    name = "ecs.123456789012.us-east-1.default.v"
    assert mounted(engine, task) == (Mount(name, "/v", read_only=True),)
    engine.ecs.stop_task(task=task)
    engine.cloud.settle()
    engine.cloud.clock.move(hours=1.1)
    engine.cloud.settle()
    assert engine.fake.volumes == {name}
    there = run(engine, {"name": "v", "dockerVolumeConfiguration": {"scope": "shared"}})
    assert engine.task(there)["lastStatus"] == "RUNNING"
    engine.fake.volumes.clear()
    lacking = engine.task(run(engine, {"name": "v", "dockerVolumeConfiguration": {"scope": "shared"}}))
    assert lacking["lastStatus"] == "STOPPED" and "no volume v of this cluster" in lacking["stoppedReason"]


def test_only_directories_that_the_administrator_names_can_be_mounted(engine: Engine, tmp_path: Path) -> None:
    """The attacks: any other directory, one within, the parent, a way around, and a link put in its place."""
    open_, cloud = tmp_path / "open", engine.cloud
    (open_ / "within").mkdir(parents=True)
    cloud.settings = replace(cloud.settings, host_paths=frozenset({str(open_)}))
    cloud.restart()
    task = run(engine, {"name": "v", "host": {"sourcePath": str(open_)}})
    assert mounted(engine, task) == (Mount(str(open_), "/v"),)
    for path in ("/", "/etc", str(tmp_path), f"{open_}/", f"{open_}/within", f"{open_}/../open", f"{open_}/../../etc"):
        refused = engine.task(run(engine, {"name": "v", "host": {"sourcePath": path}}))
        assert refused["lastStatus"] == "STOPPED" and "task-host-paths" in refused["stoppedReason"], path
    open_.rename(tmp_path / "moved")
    os.symlink("/etc", open_)
    refused = engine.task(run(engine, {"name": "v", "host": {"sourcePath": str(open_)}}))
    assert refused["lastStatus"] == "STOPPED" and "task-host-paths" in refused["stoppedReason"]
