"""Tasks, services and tags in the shapes of the ECS API."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kansatsu.workload.tasks import plan
from kansatsu.workload.tasks.hosts import host_arn
from kansatsu.workload.tasks.service import ACTIVE, Deployment, Service
from kansatsu.workload.tasks.task import LAUNCH_TYPE, RUNNING, UNKNOWN, Task, TaskContainer


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in sorted(tags.items())]


def task(item: Task, *, tags: bool) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html"""
    shown: dict[str, Any] = {
        "taskArn": item.arn,
        "taskDefinitionArn": item.definition_arn,
        "clusterArn": item.cluster_arn,
        "containerInstanceArn": host_arn(item.place, item.cluster, item.engine),
        "group": item.group,
        "launchType": LAUNCH_TYPE,
        "lastStatus": item.state,
        "desiredStatus": item.desired,
        "healthStatus": item.health,
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


def _mapped(definition: Mapping[str, Any]) -> set[tuple[int, str]]:
    return {(each["containerPort"], each.get("protocol") or "tcp") for each in definition.get("portMappings", ())}


def _container(item: Task, container: TaskContainer) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Container.html"""
    definition = container.definition
    shown: dict[str, Any] = {
        "containerArn": item.container_arn(container),
        "taskArn": item.arn,
        "name": container.name,
        "image": definition["image"],
        "lastStatus": container.state,
        "networkBindings": [
            {"bindIP": "127.0.0.1", "containerPort": port.container, "hostPort": port.host, "protocol": port.protocol}
            for port in item.ports
            if (port.container, port.protocol) in _mapped(definition)
        ],
        "networkInterfaces": [],
        "healthStatus": container.health or UNKNOWN,
        "cpu": str(definition.get("cpu", 0)),
    }
    sizes = {name: definition.get(name) for name in ("memory", "memoryReservation")}
    shown.update({name: str(size) for name, size in sizes.items() if size})
    if container.exit_code is not None:
        shown["exitCode"] = container.exit_code
    words = {"runtimeId": container.reference, "reason": container.reason}
    return shown | {name: text for name, text in words.items() if text}


def service(item: Service, tasks: Sequence[Task], *, tags: bool) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html"""
    deployments = [_deployment(item, each, tasks) for each in item.deployments] if item.status == ACTIVE else []
    live = [each for each in tasks if each.desired == RUNNING]
    running = sum(each.state == RUNNING for each in live)
    desired = plan.wanted(item, 1)
    shown: dict[str, Any] = {
        "serviceArn": item.arn,
        "serviceName": item.name,
        "clusterArn": item.cluster_arn,
        "status": item.status,
        "desiredCount": desired,
        "runningCount": running,
        "pendingCount": len(live) - running,
        "launchType": item.launch_type,
        "taskDefinition": _definition_arn(item, item.primary),
        "deploymentConfiguration": {
            "maximumPercent": item.maximum,
            "minimumHealthyPercent": item.minimum,
            "deploymentCircuitBreaker": {"enable": item.breaker, "rollback": item.rollback},
            "strategy": "ROLLING",
        },
        "deployments": deployments,
        "events": [{"id": each.id, "createdAt": time(each.time), "message": each.message} for each in item.events],
        "createdAt": time(item.created),
        "createdBy": item.created_by,
        "schedulingStrategy": item.scheduling,
        "deploymentController": {"type": "ECS"},
        "enableECSManagedTags": item.managed_tags,
        "propagateTags": item.propagate or "NONE",
        "enableExecuteCommand": False,
        "availabilityZoneRebalancing": "DISABLED",  # there is one zone
        "loadBalancers": [],
        "serviceRegistries": [],
        "placementConstraints": [],
        "placementStrategy": [],
    }
    return shown | ({"tags": tag_list(item.tags)} if tags else {})


def _deployment(item: Service, one: Deployment, tasks: Sequence[Task]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html"""
    found, primary = plan.group(tasks, one), one == item.primary
    return {
        "id": one.id,
        "status": "PRIMARY" if primary else "ACTIVE",
        "taskDefinition": _definition_arn(item, one),
        "desiredCount": plan.wanted(item, 1) if primary else len(found.live),
        "pendingCount": len(found.live) - found.running,
        "runningCount": found.running,
        "failedTasks": plan.failed_tasks(found),
        "createdAt": time(one.created),
        "updatedAt": time(one.updated),
        "launchType": item.launch_type,
        "rolloutState": one.state,
        "rolloutStateReason": one.reason,
    }


def _definition_arn(item: Service, one: Deployment) -> str:
    return item.place.arn(f"task-definition/{one.family}:{one.revision}")


def time(when: float) -> datetime:
    return datetime.fromtimestamp(when, UTC)
