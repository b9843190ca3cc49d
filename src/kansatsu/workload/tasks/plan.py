"""What a service needs next: a pure function of the service, its tasks and the time.

Nothing is counted but tasks that are in the store, and a task is there before its first container is: a scheduler that
was killed anywhere starts no task twice. Back-off, too, is worked out of the tasks that ended, which are remembered for
an hour.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kansatsu.workload.tasks.service import (
    ACTIVE,
    COMPLETED,
    DAEMON,
    DRAINING,
    FAILED,
    IN_PROGRESS,
    INACTIVE,
    Deployment,
    Service,
)
from kansatsu.workload.tasks.task import RUNNING, STOPPED, UNHEALTHY, Task

SCHEDULER = "ServiceSchedulerInitiated"  # the stop code of tasks that a service wants no more
ILL = "Task failed container health checks"  # the reason for which others are stopped
_STOPPED_BY_WISH = (SCHEDULER, "UserInitiated")
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html [?] the first steps
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 900.0  # seconds
_LASTED = 60.0  # seconds: a task that ran as long did not fail at its start
_OFTEN = 3  # rounds of failures after which the service says that it cannot start its tasks
_STUCK = (
    "was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the "
    "minimumHealthyPercent or maximumPercent value and try again."
)
_LEAST_FAILURES, _MOST_FAILURES = 3, 200


@dataclass(frozen=True, slots=True)
class Step:
    """`service` as it is from now on, how many tasks of its primary deployment to start, and which to stop and why."""

    service: Service
    start: int = 0
    stop: tuple[Task, ...] = ()
    reason: str = ""
    ill: frozenset[str] = frozenset()  # ids of those among the latter that failed their health checks
    lacking: bool = False  # tasks should be started, and there is no place for them


@dataclass(frozen=True, slots=True)
class Group:
    """The tasks of one deployment."""

    live: tuple[Task, ...]  # that are to run
    ready: tuple[Task, ...]  # of these, those that do, and are not known to be ill
    going: tuple[Task, ...]  # that are to stop, and have not yet
    gone: tuple[Task, ...]

    @property
    def running(self) -> int:
        return sum(task.state == RUNNING for task in self.live)


def group(tasks: Iterable[Task], deployment: Deployment) -> Group:
    own = [task for task in tasks if task.started_by == deployment.id]
    live = tuple(task for task in own if task.desired == RUNNING)
    return Group(
        live,
        tuple(task for task in live if task.ready),
        tuple(task for task in own if task.desired != RUNNING and task.state != STOPPED),
        tuple(task for task in own if task.state == STOPPED),
    )


def failed_tasks(found: Group) -> int:
    """How many tasks of a deployment failed at their start; none any more once one has run.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
    """
    if found.ready:
        return 0
    return sum(
        task.stopped_reason == ILL or (task.stop_code not in _STOPPED_BY_WISH and task.started is None)
        for task in found.gone
    )


def wanted(service: Service, hosts: int) -> int:
    """How many tasks it is to have, with so many container instances that take any."""
    if service.status != ACTIVE:
        return 0
    return hosts if service.scheduling == DAEMON else service.desired


def step(service: Service, tasks: Sequence[Task], now: float, hosts: int = 1) -> Step:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html"""
    if service.status == DRAINING:
        return _drained(service, tasks, now)
    if service.status != ACTIVE:
        return Step(service)
    groups = {each.id: group(tasks, each) for each in service.deployments}
    service = _judged(service, groups[service.primary.id], now)
    groups.setdefault(service.primary.id, Group((), (), (), ()))
    old = [each for each in service.deployments[1:] if groups[each.id].live or groups[each.id].going]
    service = replace(service, deployments=(service.primary, *old))
    step_ = _moved(service, groups, wanted(service, hosts), hosts, now)
    return replace(step_, service=_arrived(step_, groups, wanted(service, hosts), now))


def _drained(service: Service, tasks: Sequence[Task], now: float) -> Step:
    left = [task for task in tasks if task.state != STOPPED]
    if not left:
        return Step(replace(service, status=INACTIVE, deployments=service.deployments[:1], ended=now))
    return Step(service, stop=tuple(task for task in left if task.desired == RUNNING), reason="Service was deleted")


def _judged(service: Service, primary: Group, now: float) -> Service:
    """What the failures of the primary deployment make of it: events, and with a circuit breaker its end.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
    """
    failures = [task for task in primary.gone if task.stop_code == "TaskFailedToStart"]
    if failures:
        last = max(failures, key=_when)
        service = service.told(f"was unable to start a task. Reason: {last.stopped_reason}", now)
    if _rounds(service, primary) >= _OFTEN:
        service = service.told("is unable to consistently start tasks successfully.", now)
    threshold = min(max(math.ceil(service.desired / 2), _LEAST_FAILURES), _MOST_FAILURES)
    broken = service.breaker and service.primary.state == IN_PROGRESS and failed_tasks(primary) >= threshold
    if not broken:
        return service
    why = "ECS deployment circuit breaker: tasks failed to start."
    failed = replace(service.primary, state=FAILED, reason=why, updated=now)
    service = replace(service, deployments=(failed, *service.deployments[1:]))
    service = service.told(f"(deployment {failed.id}) deployment failed: tasks failed to start.", now)
    if not service.rollback or service.completed is None or service.completed == (failed.family, failed.revision):
        return service
    service = service.deploying(*service.completed, now)
    why = f"ECS deployment circuit breaker: rolling back to deploymentId {service.primary.id}."
    primary_ = replace(service.primary, reason=why)
    service = replace(service, deployments=(primary_, *service.deployments[1:]))
    return service.told(f"rolling back to deployment {service.primary.id}.", now)


def _moved(service: Service, groups: dict[str, Group], desired: int, hosts: int, now: float) -> Step:
    """Never fewer ready tasks than the least, never more tasks than the most, as long as there is a choice."""
    primary = groups[service.primary.id]
    others = [groups[each.id] for each in service.deployments[1:]]
    lower = math.ceil(desired * service.minimum / 100)
    upper = max(desired * service.maximum // 100, 0)
    total = sum(len(each.live) + len(each.going) for each in (primary, *others))
    lacking = max(0, desired - len(primary.live)) if service.primary.state != FAILED else 0
    start = min(lacking, max(0, upper - total))
    nowhere = bool(start) and not hosts
    if nowhere or now < _again_at(service, primary):
        start = 0
    stop = list(_newest(primary)[: max(0, len(primary.live) - desired)])
    stop += [task for each in others for task in each.live if task not in each.ready]
    ready_old = sorted((task for each in others for task in each.ready), key=lambda task: task.created)
    spare = len(primary.ready) + len(ready_old) - lower
    replaced = len(ready_old) - max(0, desired - len(primary.ready))
    making_room = lacking - max(0, upper - total)
    if not hosts:  # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-instance-draining.html
        stop += [task for task in _newest(primary) if task not in stop][: max(0, len(primary.live) - len(stop) - lower)]
    stop += ready_old[: max(0, min(spare, max(replaced, making_room)))]
    deployment = service.primary.id
    reason = f"Scaling activity initiated by (deployment {deployment})"
    ill = [task for task in primary.live if task.health == UNHEALTHY]
    stop += [task for task in ill if task not in stop]
    for task in ill:
        service = service.told(f"(task {task.id}) failed container health checks.", now)
    still = len(primary.live) == len(primary.ready) and not any(each.going for each in (primary, *others))
    if lacking and ready_old and still and not (start or stop) and now >= _again_at(service, primary):
        service = service.told(_STUCK, now)
    return Step(service, start, tuple(stop), reason, frozenset(task.id for task in ill), nowhere)


def _newest(found: Group) -> list[Task]:
    """Tasks in the order in which they can be spared: those that are not ready, then the newest."""
    return sorted(found.live, key=lambda task: (task in found.ready, -task.created))


def _arrived(step_: Step, groups: dict[str, Group], desired: int, now: float) -> Service:
    """The service, which has come to rest if it has as many tasks as it should, all of the one deployment."""
    service, found = step_.service, groups[step_.service.primary.id]
    rests = not step_.start and not step_.stop and len(service.deployments) == 1 and not found.going
    if not rests or len(found.live) != desired or len(found.ready) != desired:
        return replace(service, steady=False) if service.steady else service
    primary = service.primary
    if primary.state == IN_PROGRESS:
        why = f"ECS deployment {primary.id} completed."
        done = replace(primary, state=COMPLETED, reason=why, updated=now)
        service = replace(service, deployments=(done,), completed=(done.family, done.revision))
        service = service.told(f"(deployment {primary.id}) deployment completed.", now)
    if service.steady:
        return service
    return replace(service, steady=True).told("has reached a steady state.", now, again=True)


# ---- back-off ------------------------------------------------------------------------------------------------------


def _when(task: Task) -> float:
    return task.stopped or task.stopping or task.created


def _short_lived(found: Group) -> list[Task]:
    """The tasks that ended by themselves soon after their start, since the last one that did not; newest first.

    One whose other containers are still being stopped has ended, too.
    """
    recent: list[Task] = []
    ended = (each for each in (*found.gone, *found.going) if each.stop_code not in _STOPPED_BY_WISH)
    for task in sorted(ended, key=_when, reverse=True):
        if task.started is not None and _when(task) - task.started >= _LASTED:
            break
        recent.append(task)
    return recent


def _rounds(service: Service, found: Group) -> int:
    return math.ceil(len(_short_lived(found)) / max(1, service.desired))


def _again_at(service: Service, found: Group) -> float:
    """When the next task may be started: each round of failures doubles the pause."""
    recent = _short_lived(found)
    if not recent:
        return 0.0
    doublings = min(_rounds(service, found) - 1, 16)
    return _when(recent[0]) + min(_FIRST_PAUSE * (1 << doublings), _LONGEST_PAUSE)
