"""What the agents of container instances say to ECS; nobody else has anything to say here.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-config.html
"""

from collections.abc import Callable, Iterator
from typing import Any

from kansatsu.catalog import Authorization
from kansatsu.errors import ClientException, InvalidParameterException
from kansatsu.services.ecs._resources import (
    active_cluster,
    cluster_check,
    instance_arn,
    instance_check,
    own_name,
    place_of,
    runner_of,
)
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload.tasks.hosts import Host
from kansatsu.workload.tasks.records import DEFAULT_CLUSTER
from kansatsu.workload.tasks.roster import Member
from kansatsu.workload.tasks.task import PENDING, RUNNING, STOPPED


async def _own_host(call: Call, cluster: str | None) -> tuple[Host, str]:
    """The container instance of a cluster, and the EC2 instance that calls. Raises ClientException for anybody else.

    INVARIANT: an instance speaks for itself only, and only for the cluster that its tag names: permission on the
    cluster alone makes nobody its container instance.
    """
    with call.store.read() as conn:
        call.enter(lambda: conn)
        name = active_cluster(call, cluster).name
    caller = call.caller.session.source.get("instance", "") if call.caller.session else ""
    member = call.workload.agents.instance_of(place_of(call), name)
    if member is None or not caller or member.instance.id != caller:
        raise ClientException("Only the agent of the cluster's own container instance can say this.")
    return call.workload.hosts.of_cluster(place_of(call), name, await runner_of(call).provider.home()), caller


def _register_check(call: Call, params: Params) -> Authorization:
    return cluster_check(call, "RegisterContainerInstance", params.get("cluster"))


@operation("ecs", "RegisterContainerInstance", resource=_register_check)
async def register_container_instance(call: Call, cluster: str | None = None) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterContainerInstance.html"""
    host, caller = await _own_host(call, cluster)
    if host.instance != caller:
        host = await call.workload.hosts.change(host, instance=caller)
    return {
        "containerInstance": {"containerInstanceArn": host.arn, "ec2InstanceId": host.instance, "status": host.status}
    }


def _poll_checks(call: Call, params: Params) -> Iterator[Authorization]:
    """The agent asks where to poll, and then polls: ecs:Poll is an action without an operation of its own."""
    yield Authorization("ecs:DiscoverPollEndpoint", "*", {}, True)
    yield instance_check(call, "Poll", params.get("cluster"), params.get("containerInstance", "*"))


@operation("ecs", "DiscoverPollEndpoint", resource=_poll_checks)
async def discover_poll_endpoint(
    call: Call, container_instance: str | None = None, cluster: str | None = None
) -> dict[str, Any]:
    """There is no endpoint to name: the agent is in this process, and is told without a connection.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DiscoverPollEndpoint.html
    """
    host, caller = await _own_host(call, cluster)
    if host.instance != caller or instance_arn(call, cluster, container_instance or "") != host.arn:
        raise ClientException("The container instance is not registered.")
    return {}


def _submit_check(action: str) -> Callable[[Call, Params], Authorization]:
    return lambda call, params: cluster_check(call, action, params.get("cluster"))


async def _submitted(call: Call, cluster: str | None, task: str) -> Member:
    """The task that the agent of the cluster's container instance speaks of."""
    await _own_host(call, cluster)
    name = own_name(call, cluster or DEFAULT_CLUSTER, "cluster") or ""
    member = call.workload.tasks.find(place_of(call), name, task.rpartition("/")[2])
    if member is None:
        raise InvalidParameterException("The referenced task was not found.")
    return member


@operation("ecs", "SubmitTaskStateChange", resource=_submit_check("SubmitTaskStateChange"))
async def submit_task_state_change(
    call: Call, cluster: str | None = None, task: str = "", status: str = "", reason: str = ""
) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_SubmitTaskStateChange.html"""
    member = await _submitted(call, cluster, task)
    states = {each.state for each in member.task.containers}
    # INVARIANT: what a role submits is taken only as far as it is so.
    true = {RUNNING: PENDING not in states and states != {STOPPED}, STOPPED: states == {STOPPED}}
    if not true.get(status, False):
        raise ClientException(f"The task is not {status}.")
    await call.workload.agents.moved(member, status)
    return {"acknowledgment": "ACCEPT"}


@operation("ecs", "SubmitContainerStateChange", resource=_submit_check("SubmitContainerStateChange"))
async def submit_container_state_change(
    call: Call, cluster: str | None = None, task: str = "", container_name: str = "", status: str = ""
) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_SubmitContainerStateChange.html"""
    member = await _submitted(call, cluster, task)
    found = next((each for each in member.task.containers if each.name == container_name), None)
    # INVARIANT: as above: nothing is made so by being said.
    if found is None or found.state != status:
        raise ClientException(f"The container {container_name} is not {status}.")
    return {"acknowledgment": "ACCEPT"}
