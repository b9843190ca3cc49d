"""Tasks and tags in the shapes of the ECS API."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kansatsu.workload.tasks.task import LAUNCH_TYPE, Task, TaskContainer


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in sorted(tags.items())]


def task(item: Task, *, tags: bool) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html"""
    shown: dict[str, Any] = {
        "taskArn": item.arn,
        "taskDefinitionArn": item.definition_arn,
        "clusterArn": item.cluster_arn,
        "group": item.group,
        "launchType": LAUNCH_TYPE,
        "lastStatus": item.state,
        "desiredStatus": item.desired,
        "healthStatus": "UNKNOWN",
        "attachments": [],
        "attributes": [],
        "availabilityZone": f"{item.region}a",
        "containers": [_container(item, each) for each in item.containers],
        "cpu": str(sum(each.definition.get("cpu", 0) for each in item.containers)),
        "memory": str(sum(_memory(each) for each in item.containers)),
        "enableExecuteCommand": False,
        "overrides": {
            **item.overrides,
            "containerOverrides": item.overrides.get("containerOverrides")
            or [{"name": each.name} for each in item.containers],
        },
        "tags": tag_list(item.tags) if tags else [],
        "version": item.version,
    }
    times = {
        "createdAt": item.created,
        "startedAt": item.started,
        "stoppingAt": item.stopping,
        "stoppedAt": item.stopped,
    }
    shown.update({name: datetime.fromtimestamp(when, UTC) for name, when in times.items() if when is not None})
    words = {"startedBy": item.started_by, "stopCode": item.stop_code, "stoppedReason": item.stopped_reason}
    return shown | {name: text for name, text in words.items() if text}


def _memory(container: TaskContainer) -> int:
    definition = container.definition
    return int(definition.get("memory") or definition.get("memoryReservation") or 0)


def _container(item: Task, container: TaskContainer) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Container.html"""
    definition = container.definition
    shown: dict[str, Any] = {
        "containerArn": item.container_arn(container),
        "taskArn": item.arn,
        "name": container.name,
        "image": definition["image"],
        "lastStatus": container.state,
        "networkBindings": [],
        "networkInterfaces": [],
        "healthStatus": "UNKNOWN",
        "cpu": str(definition.get("cpu", 0)),
    }
    sizes = {name: definition.get(name) for name in ("memory", "memoryReservation")}
    shown.update({name: str(size) for name, size in sizes.items() if size})
    if container.exit_code is not None:
        shown["exitCode"] = container.exit_code
    words = {"runtimeId": container.reference, "reason": container.reason}
    return shown | {name: text for name, text in words.items() if text}
