"""What containers write, delivered to CloudWatch Logs as the execution role of their task, or as the host's role.

The engine keeps it too, so that nothing is lost while the backend is away or the role may not: it is delivered later,
from where it stopped. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
"""

import logging
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from kansatsu.errors import AwsError
from kansatsu.workload.providers import AT_ONCE, Line, Provider, ProviderError
from kansatsu.workload.tasks.agent import Agents
from kansatsu.workload.tasks.execution import Execution, ExecutionError
from kansatsu.workload.tasks.roster import Member, Roster, container_of
from kansatsu.workload.tasks.task import PENDING, RUNNING, Task, TaskContainer

log = logging.getLogger(__name__)

DRIVER = "awslogs"
_PAUSE = 1.0  # seconds between two deliveries of one task
_PAUSE_AFTER_TROUBLE = 10.0
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
_MOST_EVENTS, _MOST_BYTES, _OVERHEAD, _LONGEST = 10_000, 1_048_576, 26, 262_000
_LONGEST_SPAN = 86_400_000  # milliseconds
_THERE_ALREADY = "ResourceAlreadyExistsException"


class Shipper:
    """Delivers what is new; `spawn` does it in the background."""

    def __init__(
        self,
        roster: Roster,
        provider: Provider,
        execution: Execution,
        agents: Agents,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._roster = roster
        self._provider = provider
        self._execution = execution
        self._agents = agents
        self._spawn = spawn
        self._due: dict[str, float] = {}

    async def prepare(self, task: Task, container: TaskContainer) -> None:
        """Make the stream of a container, and its group where that is asked for. Raises ExecutionError."""
        options = _options(container)
        if options is None:
            return
        where = {"logGroupName": options["awslogs-group"]}
        try:
            if options.get("awslogs-create-group") == "true":
                await self._make(task, options, "CreateLogGroup", where)
            stream = {**where, "logStreamName": stream_of(task, container)}
            await self._make(task, options, "CreateLogStream", stream)
        except AwsError as error:
            raise ExecutionError(f"{error.code}: {error.message}") from error

    async def _make(self, task: Task, options: dict[str, str], operation: str, params: dict[str, str]) -> None:
        try:
            await self._ask(task, options, operation, params)
        except AwsError as error:
            if error.code != _THERE_ALREADY:
                raise

    async def _ask(self, task: Task, options: dict[str, str], operation: str, params: Any) -> None:
        """https://repost.aws/knowledge-center/ecs-container-logs-cloudwatch says whose permissions these are."""
        ask = self._execution.ask if task.execution_role_id else self._agents.ask
        await ask(task, options.get("awslogs-region") or task.region, "logs", operation, params)

    def look(self, member: Member) -> None:
        """Begin a delivery if it is time."""
        now = self._roster.now()
        if now < self._due.get(member.task.id, 0.0) or not any(map(_options, member.task.containers)):
            return
        self._due[member.task.id] = now + _PAUSE
        self._spawn(self._in_turn(member))

    async def _in_turn(self, member: Member) -> None:
        async with member.lock:
            await self.deliver(member)

    async def deliver(self, member: Member) -> None:
        """What all containers of a task have written since the last time. The caller holds the member's lock."""
        for container in member.task.containers:
            options = _options(container)
            if options is None or container.state == PENDING or not container.reference:  # never started, or made
                continue
            try:
                await self._deliver(member, container, options)
                member.undelivered = ""
            except ProviderError as error:
                log.info("what %s of task %s wrote cannot be read: %s", container.name, member.task.id, error)
            except (AwsError, ExecutionError) as error:
                member.undelivered = f"The logs of {container.name} cannot be delivered: {error}"
                self._due[member.task.id] = self._roster.now() + _PAUSE_AFTER_TROUBLE
                log.warning("task %s: %s", member.task.id, member.undelivered)

    async def _deliver(self, member: Member, container: TaskContainer, options: dict[str, str]) -> None:
        whole = container.state != RUNNING  # else a line that has not ended is waited for
        more = True
        while more:
            logged = container_of(member, container.name).logged
            lines = await self._provider.lines(container.reference, logged)
            new = [line for line in lines if line.stamp > logged and (line.ended or whole)]
            for batch in batches(new):
                await self._put(member, container, options, batch)
            more = sum(len(line.text) for line in new) > AT_ONCE

    async def _put(
        self, member: Member, container: TaskContainer, options: dict[str, str], batch: Sequence[Line]
    ) -> None:
        params = {
            "logGroupName": options["awslogs-group"],
            "logStreamName": stream_of(member.task, container),
            "logEvents": [{"timestamp": _milliseconds(line.stamp), "message": line.text} for line in batch],
        }
        await self._ask(member.task, options, "PutLogEvents", params)
        await self._roster.contain(member, container.name, logged=batch[-1].place)

    def forget(self, task: Task) -> None:
        self._due.pop(task.id, None)


def batches(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Pieces of at most what one call takes; empty lines are no events."""
    batch: list[Line] = []
    size = 0
    for line in lines:
        if not line.text:
            continue
        cut = replace(line, text=line.text.encode()[:_LONGEST].decode(errors="ignore"))
        length = len(cut.text.encode()) + _OVERHEAD
        full = len(batch) == _MOST_EVENTS or size + length > _MOST_BYTES
        if batch and (full or _milliseconds(line.stamp) - _milliseconds(batch[0].stamp) >= _LONGEST_SPAN):
            yield batch
            batch, size = [], 0
        batch.append(cut)
        size += length
    if batch:
        yield batch


def stream_of(task: Task, container: TaskContainer) -> str:
    """prefix/container/task, or the engine's id of the container."""
    prefix = (_options(container) or {}).get("awslogs-stream-prefix")
    return f"{prefix}/{container.name}/{task.id}" if prefix else container.reference


def _options(container: TaskContainer) -> dict[str, str] | None:
    configured = container.definition.get("logConfiguration") or {}
    return dict(configured.get("options") or {}) if configured.get("logDriver") == DRIVER else None


def _milliseconds(stamp: str) -> int:
    """Since 1970, of a Line's time."""
    return int(datetime.fromisoformat(f"{stamp[:19]}+00:00").timestamp()) * 1000 + int(stamp[20:23])
