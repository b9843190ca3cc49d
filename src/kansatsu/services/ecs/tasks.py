"""Tasks that there are: stopped, described, listed.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-tasks.html
"""

from collections.abc import Iterator
from typing import Any

from kansatsu import arn
from kansatsu.catalog import Authorization
from kansatsu.errors import InvalidParameterException
from kansatsu.services.ecs import _pages, _render
from kansatsu.services.ecs._resources import (
    active_cluster,
    active_service,
    check_lengths,
    cluster_arn,
    cluster_check,
    name_within,
    own_name,
    place_of,
    resource_tags,
    runner_of,
)
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload.tasks.records import DEFAULT_CLUSTER
from kansatsu.workload.tasks.roster import Member
from kansatsu.workload.tasks.task import LAUNCH_TYPE, RUNNING

_MOST_DESCRIBED = 100


def _find(call: Call, cluster: str | None, given: str) -> Member | None:
    home, task_id = own_name(call, cluster or DEFAULT_CLUSTER, "cluster"), name_within(call, "task", cluster, given)
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
    check_lengths({"reason": reason})
    with call.store.read() as conn:
        call.enter(lambda: conn)
        active_cluster(call, cluster)
    found = _find(call, cluster, task)
    if found is None:
        raise InvalidParameterException("The referenced task was not found.")
    await runner_of(call).stop(
        found, "UserInitiated", reason or "Task stopped by user"
    )  # [?] the text without a reason
    return {"task": _render.task(found.task, tags=True)}


def _command_checks(call: Call, params: Params) -> Iterator[Authorization]:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html"""
    cluster = params.get("cluster")
    yield cluster_check(call, "ExecuteCommand", cluster)
    yield _task_check(call, "ExecuteCommand", cluster, params["task"])


@operation("ecs", "ExecuteCommand", resource=_command_checks)
def execute_command(
    call: Call, command: str, interactive: bool, task: str, cluster: str | None = None, container: str | None = None
) -> dict[str, Any]:
    """No task has the agent for it: enableExecuteCommand is refused, and so is this, with AWS's sentence.

    https://repost.aws/knowledge-center/ecs-error-execute-command
    """
    active_cluster(call, cluster)
    if _find(call, cluster, task) is None:
        raise InvalidParameterException("The referenced task was not found.")
    raise InvalidParameterException(
        "The execute command failed because execute command was not enabled when the task was run or the execute "
        "command agent isn't running. Wait and try again or run a new task with execute command enabled and try again. "
        "(Kansatsu has no such agent: on its host, `podman exec` or `docker exec` on the container ecs-TASK-NAME does "
        "the same.)"
    )


def _described(call: Call, params: Params) -> Iterator[Authorization]:
    for given in params["tasks"] or ["*"]:
        yield _task_check(call, "DescribeTasks", params.get("cluster"), given)


@operation("ecs", "DescribeTasks", resource=_described, looks=True)
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


@operation("ecs", "ListTasks", resource=_list_check, looks=True)
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
