"""The volumes of a task: directories of this host that its administrator allows, and volumes that the engine keeps.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_data_volumes.html
"""

import os
from collections.abc import Mapping
from pathlib import PurePosixPath
from posixpath import normpath
from typing import Any

from kansatsu.workload.providers import Mount
from kansatsu.workload.tasks.task import Task, TaskContainer

SHARED = "shared"
_LONGEST = 255  # characters of a directory's name, which a volume's is


class VolumeError(Exception):
    """The volume cannot be had; the text is for the user."""


def source(task: Task, volume: Mapping[str, Any], allowed: frozenset[str]) -> str:
    """What the engine is to mount: a path, or the name of a volume of its own. Raises VolumeError."""
    name, path = volume["name"], (volume.get("host") or {}).get("sourcePath")
    if path:
        return _allowed(path, allowed)
    if not shared(volume):
        return own_name(task, name)
    # INVARIANT: the volumes of another account, Region or cluster have other names: no name of a volume has a dot.
    shared_name = f"ecs.{task.account}.{task.region}.{task.cluster}.{name}"
    if len(shared_name) > _LONGEST:
        raise VolumeError(f"The names of the cluster and of volume {name} are too long together.")
    return shared_name


def shared(volume: Mapping[str, Any]) -> bool:
    """Whether it outlives the task."""
    return (volume.get("dockerVolumeConfiguration") or {}).get("scope") == SHARED


def own_name(task: Task, name: str) -> str:
    """The engine's name of a volume that lives as long as the task."""
    return f"ecs-{task.id}.{name}"


def own_names(task: Task) -> list[str]:
    """The engine's volumes that go with the task."""
    kept = (each for each in task.volumes if not shared(each) and not (each.get("host") or {}).get("sourcePath"))
    return [own_name(task, each["name"]) for each in kept]


def mounts(container: TaskContainer, sources: Mapping[str, str]) -> tuple[Mount, ...]:
    """Where a container has which volume."""
    points = container.definition.get("mountPoints", ())
    return tuple(
        Mount(sources[each["sourceVolume"]], each["containerPath"], read_only=bool(each.get("readOnly")))
        for each in points
    )


def shared_from(container: TaskContainer) -> tuple[tuple[str, bool], ...]:
    """The containers of its task whose volumes it has too, and whether it may only read them."""
    given = container.definition.get("volumesFrom", ())
    return tuple((each["sourceContainer"], bool(each.get("readOnly"))) for each in given)


def outside(path: str, task: Task, container: TaskContainer) -> None:
    """Raises VolumeError for a path in a volume that the container has, of its own or from another one.

    INVARIANT: where a file of ours is mounted, the engine makes one as root: never in a directory of the host, nor in
    a volume that others have.
    """
    by_name, sources, names = {each.name: each for each in task.containers}, [container], {container.name}
    for each in sources:
        more = {name for name, _ in shared_from(each)} - names
        names |= more
        sources += [by_name[name] for name in more]
    targets = {point["containerPath"] for each in sources for point in each.definition.get("mountPoints", ())}
    if any(PurePosixPath(normpath(path)).is_relative_to(normpath(target)) for target in targets):
        raise VolumeError(f"{path} is to be a file of the container's own, and lies in a volume.")


def _allowed(path: str, allowed: frozenset[str]) -> str:
    # INVARIANT: exactly the directories that the administrator named, and not what is in them: what is in them a task
    # may have replaced by a link to anywhere. None of them lies in another one (the settings see to that).
    if path not in allowed or os.path.realpath(path) != path:
        raise VolumeError(
            f"{path} is no directory of this host that tasks may mount. Its administrator allows directories, one by "
            "one, with the setting task-host-paths."
        )
    return path
