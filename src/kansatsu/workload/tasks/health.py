"""Health checks of containers: commands run inside, as often and as patiently as the definition says.

They are run here and not by the engine: podman needs systemd for that, and would be silent without it.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from kansatsu.workload.providers import Provider, ProviderError
from kansatsu.workload.tasks.roster import Member, Roster, container_of
from kansatsu.workload.tasks.task import HEALTHY, RUNNING, UNHEALTHY, TaskContainer

_DEFAULTS = {"interval": 30, "timeout": 5, "retries": 3, "startPeriod": 0}  # seconds, but for the retries


@dataclass(slots=True)
class _Watched:
    """Of one container that runs: since when, when it is asked next, and how often in a row it has failed."""

    since: float
    due: float
    failures: int = 0
    busy: bool = False


class Checks:
    """Runs what is due; `spawn` does it in the background."""

    def __init__(self, roster: Roster, provider: Provider, spawn: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self._roster = roster
        self._provider = provider
        self._spawn = spawn
        self._watched: dict[str, _Watched] = {}

    def look(self, member: Member) -> None:
        """Begin the checks of a task that are due."""
        now = self._roster.now()
        for container in member.task.containers:
            check = container.definition.get("healthCheck")
            if not check or container.state != RUNNING:
                self._watched.pop(container.id, None)
                continue
            watched = self._watched.setdefault(container.id, _Watched(now, now + _setting(check, "interval")))
            if now >= watched.due and not watched.busy:
                watched.busy = True
                self._spawn(self._check(member, container, watched))

    async def _check(self, member: Member, container: TaskContainer, watched: _Watched) -> None:
        check = container.definition["healthCheck"]
        try:
            code = await self._provider.probe(
                container.reference, command(check["command"]), seconds=_setting(check, "timeout")
            )
        except ProviderError:
            return  # it ends, or the engine is away: that is seen elsewhere
        finally:
            now = self._roster.now()
            watched.busy, watched.due = False, now + _setting(check, "interval")
        early = now - watched.since < _setting(check, "startPeriod")
        watched.failures = 0 if code == 0 or early else watched.failures + 1
        found = HEALTHY if code == 0 else UNHEALTHY if watched.failures >= _setting(check, "retries") else ""
        async with member.lock:
            if found and container_of(member, container.name).state == RUNNING:
                await self._roster.contain(member, container.name, health=found)


def command(given: list[str]) -> list[str]:
    """What to run: CMD is the words that follow, CMD-SHELL one line for the image's shell."""
    return ["/bin/sh", "-c", given[1]] if given[0] == "CMD-SHELL" else given[1:]


def _setting(check: dict[str, Any], name: str) -> int:
    return int(check.get(name) or _DEFAULTS[name])
