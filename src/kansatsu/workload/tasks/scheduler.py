"""Keeps services at what they should be: twice a second each is looked at, and what `plan` says is done."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from kansatsu.identity import schema
from kansatsu.workload.providers import ProviderError
from kansatsu.workload.tasks import documents, making, plan, records
from kansatsu.workload.tasks.agent import Agents
from kansatsu.workload.tasks.hosts import Hosts
from kansatsu.workload.tasks.records import ACTIVE, Place, TaskDefinition
from kansatsu.workload.tasks.roster import Member, Roster
from kansatsu.workload.tasks.runner import Runner
from kansatsu.workload.tasks.service import INACTIVE, Service
from kansatsu.workload.tasks.task import Task

log = logging.getLogger(__name__)

_REMEMBERED = 3600.0  # seconds that a service which was deleted is still described
_NOWHERE = (
    "was unable to place a task because no container instance met all of its requirements. Reason: No Container "
    "Instances were found in your cluster: this host is DRAINING, or has no container engine (see: kansatsu doctor)."
)
_PORT_TAKEN = (
    "was unable to place a task because no container instance met all of its requirements. The closest matching "
    "container-instance is already using a port required by your task."
)
_NO_AGENT = (
    "was unable to place a task because no container instance met all of its requirements. The closest matching "
    'container-instance {} encountered error "AGENT".'
)
_PAUSE = 30.0  # seconds before a service that nothing could be started for is looked at again


@dataclass(slots=True, eq=False)
class Held:
    """A service with what is only in memory. Who changes it holds its lock."""

    service: Service
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    wait_until: float = 0.0


class Scheduler:
    """All services in memory, written through to the store. `runner` is None without a container engine."""

    def __init__(self, roster: Roster, runner: Runner | None, hosts: Hosts, agents: Agents) -> None:
        self._hosts = hosts
        self._agents = agents
        self.creating = asyncio.Lock()  # names are unique: held from the look at those there are until `add`
        self._roster = roster
        self._runner = runner
        self._held: dict[str, Held] = {}

    def load(self) -> None:
        """Read everything from the store."""
        with self._roster.store.read() as conn:
            services = documents.load(conn, schema.service, Service, self._roster.store.node)
        self._held = {each.id: Held(each) for each in services}

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._held.values()))

    def of_cluster(self, place: Place, cluster: str) -> list[Service]:
        """Those that are or may still be deleted, by name."""
        found = (held.service for held in self)
        here = [each for each in found if (each.place, each.cluster) == (place, cluster) and each.status != INACTIVE]
        return sorted(here, key=lambda each: each.name)

    def find(self, place: Place, cluster: str, name: str) -> Held | None:
        """The service of that name, one that was deleted too."""
        wanted = (place, cluster, name)
        return next((h for h in self if (h.service.place, h.service.cluster, h.service.name) == wanted), None)

    def tasks_of(self, service: Service) -> list[Task]:
        return [member.task for member in self._members_of(service)]

    def _members_of(self, service: Service) -> list[Member]:
        # INVARIANT: a service counts and stops what it started itself; nobody's `startedBy` or `group` is looked at.
        return [member for member in self._roster if member.task.service == service.id]

    # ---- changes: the store first, then memory ---------------------------------------------------------------------

    async def add(self, service: Service) -> Held:
        """A new one, in the place of one of the same name that was deleted. The caller holds `creating`."""
        before = self.find(service.place, service.cluster, service.name)

        def work(conn: Connection) -> None:
            if before is not None:
                documents.forget(conn, schema.service, before.service.id)
            documents.save(conn, schema.service, service, new=True, node=self._roster.store.node)

        await self._roster.store.transact(work)
        if before is not None:
            self._held.pop(before.service.id, None)
        held = self._held[service.id] = Held(service)
        self._look_soon(held)
        return held

    async def change(self, held: Held, service: Service) -> None:
        """Set what the service is to be from now on. The caller holds its lock."""
        await self._save(held, service)
        held.wait_until = 0.0
        self._look_soon(held)

    async def tag(self, held: Held, tags: Mapping[str, str]) -> None:
        """Give a service these tags and no others."""
        async with held.lock:
            await self._save(held, replace(held.service, tags=tags))

    async def _save(self, held: Held, service: Service) -> None:
        if service != held.service:
            await self._roster.store.transact(lambda conn: documents.save(conn, schema.service, service))
            held.service = service

    def _look_soon(self, held: Held) -> None:
        if self._runner is not None:
            self._runner.spawn(self.look(held))

    # ---- the reconciler --------------------------------------------------------------------------------------------

    async def reconcile(self) -> None:
        """One look at every service."""
        for held in self:
            if held.service.status != INACTIVE:
                await self.look(held)
            elif (held.service.ended or 0.0) < self._roster.now() - _REMEMBERED:
                await self._forget(held)

    async def look(self, held: Held) -> None:
        """Take the next steps of one service."""
        async with held.lock:
            now = self._roster.now()
            members = self._members_of(held.service)
            step = plan.step(held.service, [member.task for member in members], now, await self._places(held.service))
            await self._save(held, step.service)
            await self._stop(held, step, members)
            if step.lacking:
                await self._tell(held, _NOWHERE)
            elif step.start and now >= held.wait_until:
                await self._start(held, step.start)

    async def _places(self, service: Service) -> int:
        """How many container instances take tasks of the service: this host, or none."""
        if self._runner is None:
            return 0
        try:
            engine = await self._runner.provider.home()
        except ProviderError:
            return 1  # it is asked again when something is started; what runs is none the worse
        host = self._hosts.of_cluster(service.place, service.cluster, engine)
        return int(host.status == ACTIVE and self._agents.registered(host))

    async def _stop(self, held: Held, step: plan.Step, members: list[Member]) -> None:
        wanted = {task.id for task in step.stop}
        for member in members:
            if member.task.id in wanted and self._runner is not None:
                reason = plan.ILL if member.task.id in step.ill else step.reason
                await self._runner.stop(member, plan.SCHEDULER, reason)
        if wanted:
            names = " ".join(f"(task {key})" for key in sorted(wanted))
            await self._tell(held, f"has stopped {len(wanted)} running tasks: {names}.")

    async def _start(self, held: Held, count: int) -> None:
        assert self._runner is not None  # noqa: S101 - `look` has seen to it
        try:
            tasks = await self._new_tasks(held.service, count)
        except (ProviderError, LookupError) as error:
            held.wait_until = self._roster.now() + _PAUSE
            await self._tell(held, f"failed to launch a task with (error {error})")
            return
        host = self._hosts.of_cluster(tasks[0].place, tasks[0].cluster, tasks[0].engine)
        if not self._agents.connected(host):
            await self._tell(held, _NO_AGENT.format(host.id))
            return
        placed = self._roster.placeable(tasks)
        if len(placed) < count:
            await self._tell(held, _PORT_TAKEN)
        if placed:
            await self._runner.run(placed)
            names = " ".join(f"(task {task.id})" for task in placed)
            await self._tell(held, f"has started {len(placed)} tasks: {names}.")

    async def _new_tasks(self, service: Service, count: int) -> list[Task]:
        assert self._runner is not None  # noqa: S101
        engine = await self._runner.provider.home()
        definition = self._definition(service)
        snapshot = self._roster.store.snapshot()
        given = {name: definition.document[name] for name in making.ROLES if name in definition.document}
        roles = making.roles_of(snapshot, service.account, given)
        tasks = [
            making.make(
                definition,
                service.cluster,
                roles,
                created=self._roster.now(),
                engine=engine,
                tags=_tags(service, definition),
                group=f"service:{service.name}",
                started_by=service.primary.id,
                service=service.id,
                index=index,
            )
            for index in range(count)
        ]
        if why := making.refusal(snapshot, tasks[0], self._roster.clock.now()):
            raise LookupError(why)
        return tasks

    def _definition(self, service: Service) -> TaskDefinition:
        """The revision of the primary deployment, also when it was deregistered meanwhile.

        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterTaskDefinition.html
        """
        wanted = service.primary
        with self._roster.store.read() as conn:
            found = records.find_definition(conn, service.place, wanted.family, wanted.revision)
        if found is None:
            raise LookupError(f"The task definition {wanted.family}:{wanted.revision} no longer exists.")
        return found

    async def _tell(self, held: Held, message: str) -> None:
        await self._save(held, held.service.told(message, self._roster.now()))

    async def _forget(self, held: Held) -> None:
        def work(conn: Connection) -> None:
            documents.forget(conn, schema.service, held.service.id)

        await self._roster.store.transact(work)
        self._held.pop(held.service.id, None)

    async def clear(self) -> None:
        """Forget every service; their tasks are the runner's to clear."""
        for held in self:
            async with held.lock:
                held.service = replace(held.service, status=INACTIVE)
                await self._forget(held)


def _tags(service: Service, definition: TaskDefinition) -> dict[str, str]:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html"""
    own = {"SERVICE": service.tags, "TASK_DEFINITION": definition.tags}.get(service.propagate, {})
    managed = {"aws:ecs:clusterName": service.cluster, "aws:ecs:serviceName": service.name}
    return {**own, **(managed if service.managed_tags else {})}
