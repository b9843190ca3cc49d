"""Whether the volumes of a task definition, and where its containers mount them, are valid and can be honoured."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from kansatsu.errors import ClientException, Unimplemented
from kansatsu.services.ecs._honoured import honoured
from kansatsu.services.ecs._resources import NAME

_VOLUME = frozenset({"name", "host", "dockerVolumeConfiguration"})
_HOST = frozenset({"sourcePath"})
# Options of a driver are none: with some of them a volume is any directory of the host.
_DOCKER = frozenset({"scope", "autoprovision", "driver"})
_FROM = frozenset({"sourceContainer", "readOnly"})
_POINT = frozenset({"sourceVolume", "containerPath", "readOnly"})


def check(volumes: Sequence[Mapping[str, Any]], containers: Sequence[Mapping[str, Any]]) -> None:
    """Raise the first error. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Volume.html"""
    names = [volume.get("name") or "" for volume in volumes]
    for index, volume in enumerate(volumes):
        _check_volume(volume, f"volumes[{index}].")
    if len(set(names)) != len(names):
        raise ClientException("Volume names must be unique within a task definition.")
    sources = {container["name"]: [_source(container, item) for item in container.get("volumesFrom", ())]
               for container in containers}  # fmt: skip
    for container in containers:
        for point in container.get("mountPoints", ()):
            _check_point(container["name"], point, names)
        for source in sources[container["name"]]:
            if source not in sources:
                raise ClientException(f"Unknown container '{source}' in volumesFrom of {container['name']}.")
    try:
        TopologicalSorter(sources).prepare()
    except CycleError as error:
        raise ClientException(f"The volumesFrom of containers form a circle: {', '.join(error.args[1])}.") from None


def _source(container: Mapping[str, Any], item: Mapping[str, Any]) -> str:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_VolumeFrom.html"""
    honoured(item, _FROM, f"volumesFrom of {container['name']}: ")
    return str(item.get("sourceContainer") or "")


def _check_volume(volume: Mapping[str, Any], where: str) -> None:
    honoured(volume, _VOLUME, where)
    name, host, docker = volume.get("name") or "", volume.get("host") or {}, volume.get("dockerVolumeConfiguration")
    if NAME.fullmatch(name) is None:
        raise ClientException(f"Volume.name {name!r} is not valid: up to 255 letters, numbers, - and _.")
    honoured(host, _HOST, f"{where}host.")
    path = host.get("sourcePath") or ""
    if path and docker:
        raise ClientException(f"Volume {name} has both host and dockerVolumeConfiguration.")
    if path and (not path.startswith("/") or "\0" in path):
        raise ClientException(f"The sourcePath of volume {name} is no absolute path.")
    if not docker:
        return
    honoured(docker, _DOCKER, f"{where}dockerVolumeConfiguration.")
    if docker.get("driver") not in (None, "local"):
        raise Unimplemented(f"The driver {docker['driver']} of volumes is not implemented: local is.")
    if docker.get("autoprovision") and docker.get("scope") != "shared":
        raise ClientException(f"autoprovision of volume {name} is for the scope shared.")


def _check_point(container: str, point: Mapping[str, Any], names: Sequence[str]) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_MountPoint.html"""
    honoured(point, _POINT, f"mountPoints of {container}: ")
    if point.get("sourceVolume") not in names:
        raise ClientException(f"Unknown volume '{point.get('sourceVolume')}'.")
    path = point.get("containerPath") or ""
    if not path.startswith("/") or path.strip("/") == "" or "\0" in path or ".." in path.split("/"):
        raise ClientException(f"Container {container}: {path!r} is no path to mount volume {point['sourceVolume']} at.")
