"""All tasks in memory, written through to the store: the one place where they change."""

import asyncio
import logging
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from kansatsu.clock import Clock
from kansatsu.identity import Store, StoreError, schema
from kansatsu.workload.tasks import documents
from kansatsu.workload.tasks.attachment import Served
from kansatsu.workload.tasks.records import Place
from kansatsu.workload.tasks.task import PROVISIONING, STOPPED, Task, TaskContainer

log = logging.getLogger(__name__)

_SEALED = "sealed:"  # no token begins so: a colon is no character of them


@dataclass(slots=True, eq=False)
class Member:
    """A task with what is only in memory."""

    task: Task
    served: Served = field(default_factory=Served)
    undelivered: str = ""  # why its logs do not go where they should
    unreported: str = ""  # why ECS does not take from the agent what has become of it
    report_at: float = 0.0
    images: str = ""  # of a task that is not started yet: "pulling", then "there" (or it has failed)
    renew_at: float = 0.0  # when its tokens for EKS Pod Identity are to be written anew
    half_made: bool = False  # an earlier run of the control plane may have left containers of it
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Roster:
    """Tasks by id."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self._members: dict[str, Member] = {}

    def load(self) -> None:
        """Read everything from the store; what is served begins anew."""
        with self.store.read() as conn:
            tasks = documents.load(conn, schema.task, Task, self.store.node)
        opened = map(self._opened, tasks)
        self._members = {task.id: Member(task, half_made=task.state == PROVISIONING) for task in opened}

    def now(self) -> float:
        """Epoch seconds."""
        return self.clock.now().timestamp()

    def __iter__(self) -> Iterator[Member]:
        return iter(list(self._members.values()))

    def live(self) -> list[Member]:
        """Those that have not stopped."""
        return [member for member in self if member.task.state != STOPPED]

    def of_cluster(self, place: Place, cluster: str) -> list[Member]:
        return [member for member in self if (member.task.place, member.task.cluster) == (place, cluster)]

    def find(self, place: Place, cluster: str, task_id: str) -> Member | None:
        """A task of that cluster; one of another account, region or cluster is as good as none."""
        member = self._members.get(task_id)
        return member if member and (member.task.place, member.task.cluster) == (place, cluster) else None

    def called(self, place: Place, task_id: str) -> Member | None:
        """A task by its id alone, in whatever cluster."""
        member = self._members.get(task_id)
        return member if member and member.task.place == place else None

    def placeable(self, tasks: list[Task]) -> list[Task]:
        """Those for which the ports of the host that they want are free, each counted with the ones before it."""
        taken = {port for member in self.live() for port in fixed_ports(member.task)}
        found = []
        for task in tasks:
            wanted = fixed_ports(task)
            if not wanted & taken:
                taken |= wanted
                found.append(task)
        return found

    # ---- changes: the store first, then memory ---------------------------------------------------------------------

    async def add(self, tasks: list[Task]) -> list[Member]:
        """New tasks: all of them, or none."""

        def work(conn: Connection) -> None:
            for task in tasks:
                documents.save(conn, schema.task, self._sealed(task), new=True, node=self.store.node)

        await self.store.transact(work)
        members = [Member(task) for task in tasks]
        self._members.update({member.task.id: member for member in members})
        return members

    async def change(self, member: Member, **values: Any) -> None:
        """Set fields of the task; nothing is written when nothing changes. The caller holds the member's lock."""
        changed = replace(member.task, **values)
        if changed != member.task:
            changed = replace(changed, version=changed.version + 1)
            await self.store.transact(lambda conn: documents.save(conn, schema.task, self._sealed(changed)))
            member.task = changed

    async def contain(self, member: Member, name: str, **values: Any) -> None:
        """Set fields of one of its containers."""
        containers = tuple(replace(each, **values) if each.name == name else each for each in member.task.containers)
        await self.change(member, containers=containers)

    async def forget(self, member: Member) -> None:
        """Drop a task for good; one that somebody else drops meanwhile is no error."""
        await self.store.transact(lambda conn: documents.forget(conn, schema.task, member.task.id))
        self._members.pop(member.task.id, None)

    def _sealed(self, task: Task) -> Task:
        """INVARIANT: what proves a task is not in the store in plain text, and opens for no other one."""
        if not task.token:
            return task
        sealed = self.store.sealer.seal_secret(task.token, task.id)
        return replace(task, token=_SEALED + b64encode(sealed).decode())

    def _opened(self, task: Task) -> Task:
        if not task.token.startswith(_SEALED):  # as it was kept before; sealed with the next change
            return task
        try:
            sealed = b64decode(task.token.removeprefix(_SEALED), validate=True)
            return replace(task, token=self.store.sealer.open_secret(sealed, task.id).value)
        except (StoreError, ValueError) as error:
            # INVARIANT: a task whose row somebody altered is nobody from now on, and the others are who they were.
            log.error("task %s has no identity any more: its row in the store was altered: %s", task.id, error)
            return replace(task, token="", role_id="", execution_role_id="")


def fixed_ports(task: Task) -> set[tuple[int, str]]:
    """The ports of the host that a task names, with their protocols."""
    mappings = (item for each in task.containers for item in each.definition.get("portMappings", ()))
    return {(item["hostPort"], item.get("protocol") or "tcp") for item in mappings if item.get("hostPort")}


def container_of(member: Member, name: str) -> TaskContainer:
    """One of its containers as it is now."""
    return next(each for each in member.task.containers if each.name == name)
