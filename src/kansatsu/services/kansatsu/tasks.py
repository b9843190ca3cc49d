"""Tasks of ECS as the control API shows them: who has which role, and what they wrote."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from kansatsu.catalog import Authorization
from kansatsu.errors import AwsError, InvalidParameterValue, ServiceUnavailable
from kansatsu.services.ecs._resources import place_of, resource_tags
from kansatsu.services.kansatsu._shown import issued, role_shown, trouble
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload import ProviderError
from kansatsu.workload.providers import Line, Provider
from kansatsu.workload.tasks.roster import Member
from kansatsu.workload.tasks.task import PENDING, RUNNING, STOPPED, TaskContainer
from kansatsu.workload.tasks.view import StoredTaskView

_STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"
_PLACE = re.compile(rf"{_STAMP}( [0-2]:{_STAMP}){{0,2}}")  # providers.Line
_BEGINNING = "1970-01-01T00:00:00.000000000Z"


class NoSuchTask(AwsError):
    """A task that is not, or no longer, described."""

    code = "NoSuchTask"
    status = 404


def task(call: Call, member: Member) -> dict[str, Any]:
    """One task as a Workload."""
    item, served = member.task, member.served
    ended = item.state == STOPPED
    problems = [served.problem, member.undelivered, member.unreported]
    if not ended:
        problems.append(trouble(StoredTaskView(lambda: item, call.workload.issuer).credentials()))
    held = issued(call, f"{item.id}/", "")
    shown: dict[str, Any] = {
        "Id": item.id,
        "Kind": "task",
        "Name": item.family,
        "State": item.state,
        "Arn": item.arn,
        "Region": item.region,
        "Cluster": item.cluster,
        "TaskDefinition": f"{item.family}:{item.revision}",
        "Launched": datetime.fromtimestamp(item.created, UTC),
        "Adopted": False,
        "Served": served.handle is not None,
        "Problems": [text for text in problems if text],
        "Credentials": [held] if held else [],
        "Containers": [_container(each) for each in item.containers],
    }
    words = {"PrivateIpAddress": "" if ended else item.address, "StoppedReason": item.stopped_reason}
    shown.update({name: text for name, text in words.items() if text})
    return shown | (role_shown(call, item.role_id) if item.role_id else {})


def _container(container: TaskContainer) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Name": container.name,
        "State": container.state,
        "Image": container.definition["image"],
        "Container": container.reference,
        "Reason": container.reason,
        "ExitCode": container.exit_code,
    }
    return {name: value for name, value in shown.items() if value not in ("", None)}


def _one(call: Call, params: Params) -> Authorization:
    place = place_of(call)
    found = call.workload.tasks.called(place, params["Task"])
    resource = found.task.arn if found else place.arn(f"task/*/{params['Task']}")
    context = resource_tags(found.task.tags) | {"ecs:cluster": found.task.cluster_arn} if found else {}
    return Authorization("kansatsu:GetTaskLogs", resource, context, True)


@operation("kansatsu", "GetTaskLogs", resource=_one, looks=True)
async def get_task_logs(
    call: Call,
    task: str,
    container: str | None = None,
    lines: int = 100,
    after: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    """`lines` is how many of each container, of its last ones, or of the next ones of those in `after`."""
    found, runner = call.workload.tasks.called(place_of(call), task), call.workload.runner
    if found is None or runner is None:
        raise NoSuchTask(f"There is no task {task}.")
    state, known = found.task.state, {each["Container"]: each["Last"] for each in after or ()}
    wanted = [each for each in found.task.containers if container in (None, each.name)]
    if not wanted:
        names = ", ".join(each.name for each in found.task.containers)
        raise InvalidParameterValue(f"Task {task} has no container {container}; it has {names}.")
    if any(_PLACE.fullmatch(place) is None for place in known.values()):
        raise InvalidParameterValue("After has a Last that no answer of GetTaskLogs had.")
    try:
        logs = [
            await _log(runner.provider, each, known.get(each.name, ""), lines, follow=after is not None)
            for each in wanted
            if each.reference
        ]
    except ProviderError as error:
        raise ServiceUnavailable(str(error)) from error
    return {"State": state, "Logs": logs}


async def _log(provider: Provider, container: TaskContainer, after: str, most: int, *, follow: bool) -> dict[str, str]:
    """Who goes on reading is shown a line once it has ended, and goes on from there."""
    lines = await _lines(provider, container, after, most)
    ended = [line for line in lines if line.ended or container.state != RUNNING]
    text = "".join(f"{line.text}\n" for line in (ended if follow else lines))
    last = ended[-1].place if ended else after or (_BEGINNING if follow else "")
    return {"Container": container.name, "Text": text} | ({"Last": last} if last else {})


async def _lines(provider: Provider, container: TaskContainer, after: str, most: int) -> Sequence[Line]:
    if container.state == PENDING:
        return ()  # an engine that is about to start it may take its time to say that there is nothing
    if not after:
        return await provider.logs(container.reference, most)
    return [line for line in await provider.lines(container.reference, after) if line.stamp > after][:most]
