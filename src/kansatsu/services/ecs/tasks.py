"""Tasks: containers on this host, each task with a role, a network and an identity of its own.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-tasks.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from kansatsu import arn
from kansatsu.catalog import Authorization, asked_tags
from kansatsu.errors import ClientException, InvalidParameterException, ServiceUnavailable, Unimplemented
from kansatsu.services.ecs import _deploying, _overrides, _pages, _render
from kansatsu.services.ecs._resources import (
    Context,
    active_cluster,
    active_service,
    cluster_arn,
    find_definition,
    own_name,
    pass_roles,
    place_of,
    resource_tags,
    tag_dict,
    tagging,
)
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload import ProviderError
from kansatsu.workload.tasks import making
from kansatsu.workload.tasks.records import ACTIVE, DEFAULT_CLUSTER, Cluster, TaskDefinition
from kansatsu.workload.tasks.roster import Member
from kansatsu.workload.tasks.runner import Runner
from kansatsu.workload.tasks.task import LAUNCH_TYPE, RUNNING, Task

_LAUNCH_TYPES = (LAUNCH_TYPE, "EXTERNAL")
_MOST = 10  # tasks of one RunTask
_MOST_DESCRIBED = 100
_MOST_CHARACTERS = {"startedBy": 128, "clientToken": 64, "reason": 1024}


def _run_checks(call: Call, params: Params) -> Iterator[Authorization]:
    given, overrides = params["taskDefinition"], params.get("overrides") or {}
    found = find_definition(call, given)
    named = given if given.startswith("arn:") else place_of(call).arn(f"task-definition/{given}")
    context: Context = {
        **resource_tags(found.tags if found else {}),
        **asked_tags(params),
        "ecs:cluster": cluster_arn(call, params.get("cluster")),
        "ecs:enable-execute-command": "false",  # true is answered with 501, as are volumes
        "ecs:enable-ebs-volumes": "false",
    }
    yield Authorization("ecs:RunTask", found.arn if found else named, context, True)
    yield from pass_roles(call, _overrides.roles(found.document if found else {}, overrides))
    cluster = own_name(call, params.get("cluster") or DEFAULT_CLUSTER, "cluster")
    yield from tagging(call, "RunTask", f"task/{cluster}/*", params.get("tags"))


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
) -> dict[str, Any]:
    if launch_type not in _LAUNCH_TYPES:
        raise Unimplemented(f"The launchType {launch_type} of RunTask is not implemented.")
    if not 1 <= count <= _MOST:
        raise InvalidParameterException(f"Count should be between 1 and {_MOST}, inclusive.")
    _deploying.check_common(network_configuration, enable_execute_command=enable_execute_command)
    _check_lengths({"startedBy": started_by, "clientToken": client_token})
    wanted = {"group": group, "startedBy": started_by, "clientToken": client_token, "overrides": overrides or {}}
    with call.store.read() as conn:
        call.enter(lambda: conn)
        held, definition = active_cluster(call, cluster), _runnable(call, task_definition)
    runner = _runner(call)
    try:
        engine = await runner.home()
    except ProviderError as error:
        raise ServiceUnavailable(str(error)) from error
    given = {**tag_dict(tags), **({"aws:ecs:clusterName": held.name} if enable_ecs_managed_tags else {})}
    tasks = [_new(call, held, definition, wanted, given, (index, count, engine)) for index in range(count)]
    if why := making.refusal(call.snapshot, tasks[0], call.now):
        raise ClientException(why)
    members = await runner.run(tasks)
    return {"tasks": [_render.task(member.task, tags=True) for member in members], "failures": []}


def _runnable(call: Call, given: str) -> TaskDefinition:
    found = find_definition(call, given)
    if found is None:
        raise ClientException("TaskDefinition not found.")
    if found.status != ACTIVE:
        raise ClientException("TaskDefinition is inactive")
    return found


def _runner(call: Call) -> Runner:
    if call.workload.runner is None:
        raise InvalidParameterException(
            "No Container Instances were found in your cluster. There is no container engine on this host: start "
            "podman or docker, then see: kansatsu doctor"
        )
    return call.workload.runner


def _new(
    call: Call,
    cluster: Cluster,
    definition: TaskDefinition,
    wanted: Mapping[str, Any],
    tags: Mapping[str, str],
    which: tuple[int, int, str],
) -> Task:
    index, count, engine = which
    overrides = wanted["overrides"]
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


def _check_lengths(given: Mapping[str, str]) -> None:
    for name, value in given.items():
        if len(value) > _MOST_CHARACTERS[name]:
            raise InvalidParameterException(f"{name} has at most {_MOST_CHARACTERS[name]} characters.")


# ---- tasks that there are ------------------------------------------------------------------------------------------


def _task_id(call: Call, cluster: str | None, given: str) -> str | None:
    """The id in a task's id or ARN, None for the ARN of a task elsewhere."""
    name = own_name(call, given, "task")
    if name is None or not given.startswith("arn:"):
        return name
    home, _, task_id = name.rpartition("/")
    return task_id if home in ("", own_name(call, cluster or DEFAULT_CLUSTER, "cluster")) else None


def _find(call: Call, cluster: str | None, given: str) -> Member | None:
    home, task_id = own_name(call, cluster or DEFAULT_CLUSTER, "cluster"), _task_id(call, cluster, given)
    return call.workload.tasks.find(place_of(call), home, task_id) if home and task_id else None


def _task_arn(call: Call, cluster: str | None, given: str) -> str:
    if arn.Arn.parse(given) is not None:
        return given
    return place_of(call).arn(f"task/{own_name(call, cluster or DEFAULT_CLUSTER, 'cluster')}/{given}")


def _task_check(call: Call, action: str, cluster: str | None, given: str) -> Authorization:
    found = _find(call, cluster, given)
    context = resource_tags(found.task.tags if found else {}) | {"ecs:cluster": cluster_arn(call, cluster)}
    return Authorization(f"ecs:{action}", found.task.arn if found else _task_arn(call, cluster, given), context, True)


def _stop_check(call: Call, params: Params) -> Authorization:
    return _task_check(call, "StopTask", params.get("cluster"), params["task"])


@operation("ecs", "StopTask", resource=_stop_check)
async def stop_task(call: Call, task: str, cluster: str | None = None, reason: str = "") -> dict[str, Any]:
    """The answer is the task as it is when its end begins."""
    _check_lengths({"reason": reason})
    with call.store.read() as conn:
        call.enter(lambda: conn)
        active_cluster(call, cluster)
    found = _find(call, cluster, task)
    if found is None:
        raise InvalidParameterException("The referenced task was not found.")
    await _runner(call).stop(found, "UserInitiated", reason or "Task stopped by user")  # [?] the text without a reason
    return {"task": _render.task(found.task, tags=True)}


def _described(call: Call, params: Params) -> Iterator[Authorization]:
    for given in params["tasks"] or ["*"]:
        yield _task_check(call, "DescribeTasks", params.get("cluster"), given)


@operation("ecs", "DescribeTasks", resource=_described)
def describe_tasks(
    call: Call, tasks: list[str], cluster: str | None = None, include: list[str] | None = None
) -> dict[str, Any]:
    active_cluster(call, cluster)
    if not 1 <= len(tasks) <= _MOST_DESCRIBED:
        raise InvalidParameterException("Tasks cannot be empty." if not tasks else "Too many tasks: at most 100.")
    found = {given: _find(call, cluster, given) for given in tasks}
    return {
        "tasks": [_render.task(member.task, tags=bool(include)) for member in found.values() if member is not None],
        "failures": [
            {"arn": _task_arn(call, cluster, given), "reason": "MISSING"}
            for given, member in found.items()
            if member is None
        ],
    }


def _list_check(call: Call, params: Params) -> Authorization:
    """AWS asks for the action on container instances, whichever they are.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security_iam_id-based-policy-examples.html
    """
    cluster = cluster_arn(call, params.get("cluster"))
    resource = cluster.replace(":cluster/", ":container-instance/", 1) + "/*"
    return Authorization("ecs:ListTasks", resource, {"ecs:cluster": cluster}, True)


@operation("ecs", "ListTasks", resource=_list_check)
def list_tasks(
    call: Call,
    cluster: str | None = None,
    family: str | None = None,
    service_name: str | None = None,
    started_by: str | None = None,
    desired_status: str = RUNNING,
    launch_type: str | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html"""
    held = active_cluster(call, cluster)
    wanted = {"family": family, "started_by": started_by, "desired": desired_status}
    if service_name is not None:
        wanted["service"] = active_service(call, cluster, service_name).service.id
    found = [
        member.task
        for member in call.workload.tasks.of_cluster(held.place, held.name)
        if launch_type in (None, LAUNCH_TYPE)
        and all(value in (None, getattr(member.task, name)) for name, value in wanted.items())
    ]
    return _pages.page("taskArns", [(task.id, task.arn) for task in found], next_token, max_results)
