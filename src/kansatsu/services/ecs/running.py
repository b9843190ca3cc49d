"""Tasks: containers on this host, each task with a role, a network and an identity of its own.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-tasks.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kansatsu.catalog import Authorization, asked_tags
from kansatsu.errors import ClientException, InvalidParameterException, ServiceUnavailable
from kansatsu.services.ecs import _deploying, _overrides, _render
from kansatsu.services.ecs._honoured import check_launch_type
from kansatsu.services.ecs._resources import (
    Context,
    active_cluster,
    check_lengths,
    cluster_arn,
    find_definition,
    instance_arn,
    own_name,
    pass_roles,
    place_of,
    resource_tags,
    runner_of,
    tag_dict,
    tagging,
)
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload import ProviderError
from kansatsu.workload.tasks import making
from kansatsu.workload.tasks.records import ACTIVE, DEFAULT_CLUSTER, Cluster, TaskDefinition
from kansatsu.workload.tasks.task import LAUNCH_TYPE, Task

_MOST = 10  # tasks of one RunTask


def _checks(call: Call, action: str, params: Params, more: Context) -> Iterator[Authorization]:
    given, overrides = params["taskDefinition"], params.get("overrides") or {}
    found = find_definition(call, given)
    named = given if given.startswith("arn:") else place_of(call).arn(f"task-definition/{given}")
    context: Context = {
        **resource_tags(found.tags if found else {}),
        **asked_tags(params),
        "ecs:cluster": cluster_arn(call, params.get("cluster")),
        "ecs:enable-execute-command": "false",  # true is answered with 501, as are volumes
        "ecs:enable-ebs-volumes": "false",
        **more,
    }
    yield Authorization(f"ecs:{action}", found.arn if found else named, context, True)
    yield from pass_roles(call, _overrides.roles(found.document if found else {}, overrides))
    cluster = own_name(call, params.get("cluster") or DEFAULT_CLUSTER, "cluster")
    wanted = _tags(found, params.get("propagateTags", ""), params.get("tags"))
    yield from tagging(call, action, f"task/{cluster}/*", _render.tag_list(wanted))


def _run_checks(call: Call, params: Params) -> Iterator[Authorization]:
    return _checks(call, "RunTask", params, {})


@operation("ecs", "RunTask", resource=_run_checks)
async def run_task(
    call: Call,
    task_definition: str,
    cluster: str | None = None,
    count: int = 1,
    overrides: dict[str, Any] | None = None,
    launch_type: str = LAUNCH_TYPE,
    group: str | None = None,
    started_by: str = "",
    client_token: str = "",
    tags: list[dict[str, str]] | None = None,
    network_configuration: dict[str, Any] | None = None,
    enable_execute_command: bool = False,
    enable_ecs_managed_tags: bool = False,
    propagate_tags: str = "",
    placement_strategy: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    """`placement_strategy`: there is one place, which is the best by any.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
    """
    check_launch_type(launch_type)
    if not 1 <= count <= _MOST:
        raise InvalidParameterException(f"Count should be between 1 and {_MOST}, inclusive.")
    _deploying.check_common(network_configuration, enable_execute_command=enable_execute_command)
    check_lengths({"startedBy": started_by, "clientToken": client_token})
    wanted = {"group": group, "startedBy": started_by, "clientToken": client_token, "overrides": overrides or {}}
    held, definition = _found(call, cluster, task_definition)
    asked = _Asked(held, definition, wanted, _tags(definition, propagate_tags, tags), enable_ecs_managed_tags)
    engine = await _engine(call)
    host = call.workload.hosts.of_cluster(place_of(call), asked.cluster.name, engine)
    if host.status != ACTIVE or not call.workload.agents.registered(host):
        why = (
            "this host is DRAINING"
            if host.status != ACTIVE
            else "its instance could not register (kansatsu instance ls)"
        )
        raise InvalidParameterException(f"No Container Instances were found in your cluster: {why}.")
    return await _run(call, asked, count, engine, [])


def _start_checks(call: Call, params: Params) -> Iterator[Authorization]:
    cluster = params.get("cluster")
    for given in params["containerInstances"] or ["*"]:
        on: Context = {"ecs:container-instances": instance_arn(call, cluster, given)}
        yield from _checks(call, "StartTask", params, on)


@operation("ecs", "StartTask", resource=_start_checks)
async def start_task(
    call: Call,
    task_definition: str,
    container_instances: list[str],
    cluster: str | None = None,
    overrides: dict[str, Any] | None = None,
    group: str | None = None,
    started_by: str = "",
    tags: list[dict[str, str]] | None = None,
    network_configuration: dict[str, Any] | None = None,
    enable_execute_command: bool = False,
    enable_ecs_managed_tags: bool = False,
    propagate_tags: str = "",
) -> dict[str, Any]:
    """A task on each container instance that is named; there is one, which takes it even while it is DRAINING.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StartTask.html
    """
    if not 1 <= len(container_instances) <= _MOST:
        raise InvalidParameterException(f"Container instances cannot be empty, and are at most {_MOST}.")
    _deploying.check_common(network_configuration, enable_execute_command=enable_execute_command)
    check_lengths({"startedBy": started_by})
    wanted = {"group": group, "startedBy": started_by, "clientToken": "", "overrides": overrides or {}}
    held, definition = _found(call, cluster, task_definition)
    asked = _Asked(held, definition, wanted, _tags(definition, propagate_tags, tags), enable_ecs_managed_tags)
    engine = await _engine(call)
    own = call.workload.hosts.of_cluster(place_of(call), asked.cluster.name, engine).arn
    named = [instance_arn(call, cluster, given) for given in container_instances]
    missing = [{"arn": each, "reason": "MISSING"} for each in named if each != own]
    return await _run(call, asked, named.count(own), engine, missing)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to run, and how it differs from its definition."""

    cluster: Cluster
    definition: TaskDefinition
    wanted: Mapping[str, Any]
    tags: Mapping[str, str]
    managed_tags: bool


def _tags(
    definition: TaskDefinition | None, propagate: str, given: Sequence[Mapping[str, str]] | None
) -> dict[str, str]:
    """What the tasks are tagged with: those of the request, over those that they have from their definition."""
    if propagate == "SERVICE":
        raise InvalidParameterException("A task that no service runs has no tags of one: propagateTags.")
    inherited = definition.tags if definition is not None and propagate == "TASK_DEFINITION" else {}
    return {**inherited, **tag_dict(given)}


def _found(call: Call, cluster: str | None, definition: str) -> tuple[Cluster, TaskDefinition]:
    with call.store.read() as conn:
        call.enter(lambda: conn)
        return active_cluster(call, cluster), _runnable(call, definition)


async def _engine(call: Call) -> str:
    try:
        return await runner_of(call).provider.home()
    except ProviderError as error:
        raise ServiceUnavailable(str(error)) from error


async def _run(call: Call, asked: _Asked, count: int, engine: str, failures: list[dict[str, str]]) -> dict[str, Any]:
    tasks = [_new(call, asked, (index, count, engine)) for index in range(count)]
    if tasks and (why := making.refusal(call.snapshot, tasks[0], call.now)):
        raise ClientException(why)
    host = call.workload.hosts.of_cluster(place_of(call), asked.cluster.name, engine)
    if not call.workload.agents.connected(host):
        return {"tasks": [], "failures": [*failures, *[{"arn": host.arn, "reason": "AGENT"}] * len(tasks)]}
    placed = call.workload.tasks.placeable(tasks)
    members = await runner_of(call).run(placed) if placed else []
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
    failures += [{"arn": host.arn, "reason": "RESOURCE:PORTS"}] * (len(tasks) - len(placed))
    return {"tasks": [_render.task(member.task, tags=True) for member in members], "failures": failures}


def _runnable(call: Call, given: str) -> TaskDefinition:
    found = find_definition(call, given)
    if found is None:
        raise ClientException("TaskDefinition not found.")
    if found.status != ACTIVE:
        raise ClientException("TaskDefinition is inactive")
    return found


def _new(call: Call, asked: _Asked, which: tuple[int, int, str]) -> Task:
    index, count, engine = which
    cluster, definition, wanted = asked.cluster, asked.definition, asked.wanted
    overrides = wanted["overrides"]
    tags = {**asked.tags, **({"aws:ecs:clusterName": cluster.name} if asked.managed_tags else {})}
    try:
        roles = making.roles_of(call.snapshot, call.account, _overrides.roles(definition.document, overrides))
    except LookupError as error:
        raise ClientException(str(error)) from None
    return making.make(
        definition,
        cluster.name,
        roles,
        created=call.now.timestamp(),
        engine=engine,
        containers=_overrides.merged(definition.document["containerDefinitions"], overrides),
        overrides=overrides,
        tags=tags,
        group=wanted["group"] or f"family:{definition.family}",
        started_by=wanted["startedBy"],
        client_token=wanted["clientToken"],
        digest=making.digest([definition.arn, cluster.arn, count, dict(tags), dict(wanted)]),
        index=index,
    )
