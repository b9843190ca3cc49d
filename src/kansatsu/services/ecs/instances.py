"""Container instances: each cluster has one, this host, with its container engine.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ECS_instances.html
"""

from collections.abc import Iterator
from typing import Any

from kansatsu import __version__
from kansatsu.catalog import Authorization
from kansatsu.errors import InvalidParameterException, NoUpdateAvailableException
from kansatsu.services.ecs import _pages, _render
from kansatsu.services.ecs._resources import (
    active_cluster,
    cluster_check,
    instance_arn,
    instance_check,
    place_of,
    this_host,
)
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload.tasks.hosts import DRAINING, Host
from kansatsu.workload.tasks.records import ACTIVE, INACTIVE, Cluster
from kansatsu.workload.tasks.task import RUNNING, STOPPED

_MOST = 100
_MOST_CHANGED = 10


def _list_check(call: Call, params: Params) -> Authorization:
    return cluster_check(call, "ListContainerInstances", params.get("cluster"))


@operation("ecs", "ListContainerInstances", resource=_list_check, looks=True)
async def list_container_instances(
    call: Call,
    cluster: str | None = None,
    status: str | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> dict[str, Any]:
    host = await _host(call, cluster)
    listed = [(host.id, host.arn)] if host is not None and status in (None, host.status) else []
    return _pages.page("containerInstanceArns", listed, next_token, max_results)


def _described(call: Call, params: Params) -> Iterator[Authorization]:
    for given in params["containerInstances"] or ["*"]:
        yield instance_check(call, "DescribeContainerInstances", params.get("cluster"), given)


@operation("ecs", "DescribeContainerInstances", resource=_described, looks=True)
async def describe_container_instances(
    call: Call, container_instances: list[str], cluster: str | None = None, include: list[str] | None = None
) -> dict[str, Any]:
    if not 1 <= len(container_instances) <= _MOST:
        raise InvalidParameterException("Container instances cannot be empty, and are at most 100.")
    host = await _host(call, cluster)
    return _answer(call, cluster, container_instances, host, tags="TAGS" in (include or ()))


def _changed(call: Call, params: Params) -> Iterator[Authorization]:
    for given in params["containerInstances"] or ["*"]:
        yield instance_check(call, "UpdateContainerInstancesState", params.get("cluster"), given)


@operation("ecs", "UpdateContainerInstancesState", resource=_changed)
async def update_container_instances_state(
    call: Call, container_instances: list[str], status: str, cluster: str | None = None
) -> dict[str, Any]:
    """A DRAINING host takes no further tasks, and services stop theirs there as far as their least allows.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-instance-draining.html
    """
    if status not in (ACTIVE, DRAINING):
        raise InvalidParameterException("Container instance status must be ACTIVE or DRAINING.")
    if not 1 <= len(container_instances) <= _MOST_CHANGED:
        raise InvalidParameterException("Container instances cannot be empty, and are at most 10.")
    host = await _host(call, cluster)
    if host is not None and any(instance_arn(call, cluster, given) == host.arn for given in container_instances):
        host = await call.workload.hosts.change(host, status=status)
    return _answer(call, cluster, container_instances, host, tags=False)


def _deregister_check(call: Call, params: Params) -> Authorization:
    return cluster_check(call, "DeregisterContainerInstance", params.get("cluster"))


@operation("ecs", "DeregisterContainerInstance", resource=_deregister_check)
async def deregister_container_instance(
    call: Call, container_instance: str, cluster: str | None = None, force: bool = False
) -> dict[str, Any]:
    """It takes no tasks any more; those that run run on. Its agent registers it again when it starts again.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterContainerInstance.html
    """
    host = await _host(call, cluster)
    if host is None or instance_arn(call, cluster, container_instance) != host.arn:
        raise InvalidParameterException("Referenced container instance was not found.")  # [?] the text
    if not force and _shown(call, host, tags=False)["runningTasksCount"]:
        raise InvalidParameterException("Found running tasks on the instance.")
    host = await call.workload.hosts.change(host, status=INACTIVE, instance="")
    return {"containerInstance": _shown(call, host, tags=False)}


def _update_check(call: Call, params: Params) -> Authorization:
    return instance_check(call, "UpdateContainerAgent", params.get("cluster"), params["containerInstance"])


@operation("ecs", "UpdateContainerAgent", resource=_update_check)
async def update_container_agent(call: Call, container_instance: str, cluster: str | None = None) -> dict[str, Any]:
    """The agent is part of Kansatsu: there is no other one to update to.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateContainerAgent.html
    """
    host = await _host(call, cluster)
    if host is None or instance_arn(call, cluster, container_instance) != host.arn:
        raise InvalidParameterException("Referenced container instance was not found.")
    raise NoUpdateAvailableException("There is no update available for your container agent.")


async def _host(call: Call, cluster: str | None) -> Host | None:
    with call.store.read() as conn:
        call.enter(lambda: conn)
        held: Cluster = active_cluster(call, cluster)
    return await this_host(call, held.name)


def _answer(call: Call, cluster: str | None, wanted: list[str], host: Host | None, *, tags: bool) -> dict[str, Any]:
    arns = [instance_arn(call, cluster, given) for given in wanted]
    here = [host] if host is not None and host.arn in arns else []
    return {
        "containerInstances": [_shown(call, each, tags=tags) for each in here],
        "failures": [{"arn": each, "reason": "MISSING"} for each in arns if host is None or each != host.arn],
    }


def _shown(call: Call, host: Host, *, tags: bool) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerInstance.html"""
    tasks = [member.task for member in call.workload.tasks.of_cluster(place_of(call), host.cluster)]
    live = [task for task in tasks if task.state != STOPPED and task.engine == host.engine]
    running = sum(task.state == RUNNING for task in live)
    return {
        "containerInstanceArn": host.arn,
        "status": host.status,
        "agentConnected": call.workload.agents.connected(host),
        **({"ec2InstanceId": host.instance} if host.instance else {}),
        "version": host.version,
        "versionInfo": {"agentVersion": __version__},
        "runningTasksCount": running,
        "pendingTasksCount": len(live) - running,
        "registeredAt": _render.time(host.created),
        "attributes": [],
        "attachments": [],
        "tags": _render.tag_list(host.tags) if tags else [],
    }
