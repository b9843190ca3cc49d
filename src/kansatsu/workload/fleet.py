"""All instances in memory, written through to the store: the one place where their state changes."""

import asyncio
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from kansatsu.clock import Clock
from kansatsu.errors import InvalidInstanceIDMalformed, InvalidInstanceIDNotFound
from kansatsu.identity import Store
from kansatsu.workload import records
from kansatsu.workload.providers import Process
from kansatsu.workload.records import TERMINATED, Association, Instance

T = TypeVar("T")

TAGGED = ("i-", "ami-")
_REMEMBERED = 3600.0  # seconds that a terminated instance is still described


class Handle(Protocol):
    """Sockets of an instance that are being served."""

    async def close(self) -> None:
        """Stop serving; open connections are cut."""


@dataclass(slots=True, eq=False)
class Member:
    """An instance with what is only in memory: its association, what is served for it, what is wrong with it."""

    instance: Instance
    association: Association | None = None
    process: Process | None = None  # the one whose namespace holds our sockets
    handle: Handle | None = None
    problem: str = ""  # why its endpoint is not there
    waiting: str = ""  # why what its label asks for has not been done yet
    retry_at: float = 0.0
    failures: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Fleet:
    """Members by id, tags by resource id."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.tags: dict[str, dict[str, str]] = {}
        self._members: dict[str, Member] = {}

    def load(self) -> None:
        """Read everything from the store; what is served begins anew."""
        with self.store.read() as conn:
            members = {item.id: Member(item) for item in records.load_instances(conn, self.store.node)}
            for association in records.load_associations(conn):
                if association.instance_id in members:  # else it is another node's
                    members[association.instance_id].association = association
            self.tags = records.load_tags(conn, TAGGED)
        self._members = members

    def now(self) -> float:
        """Epoch seconds."""
        return self.clock.now().timestamp()

    def __iter__(self) -> Iterator[Member]:
        return iter(list(self._members.values()))

    def live(self) -> Iterator[Member]:
        """Those that are not terminated."""
        return (member for member in self if member.instance.state != TERMINATED)

    def find(self, instance_id: str) -> Member | None:
        return self._members.get(instance_id)

    def get(self, account: str, region: str, instance_id: str) -> Member:
        """A member by id.

        Raises InvalidInstanceIDMalformed, InvalidInstanceIDNotFound: also for an instance of another account or
        region, which must not be told apart from one that does not exist.
        """
        digits = instance_id.removeprefix("i-")
        if digits == instance_id or len(digits) not in (8, 17) or any(c not in "0123456789abcdef" for c in digits):
            raise InvalidInstanceIDMalformed(f'Invalid id: "{instance_id}"')
        member = self._members.get(instance_id)
        if member is None or (member.instance.account, member.instance.region) != (account, region):
            raise InvalidInstanceIDNotFound(f"The instance ID '{instance_id}' does not exist")
        return member

    def of_container(self, container_id: str) -> Member | None:
        """The live instance that is this container, or whose network namespace it holds."""
        for member in self.live():
            if container_id in (member.instance.reference, member.instance.details.namespace):
                return member
        return None

    def deregistered(self, container_id: str) -> bool:
        """Whether this container was an instance once and is one no more."""
        return any(m.instance.reference == container_id and m.instance.state == TERMINATED for m in self)

    def of_namespace(self, namespace: int) -> Member | None:
        """The instance that is served in the network namespace with this inode."""
        for member in self.live():
            if member.handle is not None and member.process and member.process.namespace == namespace:
                return member
        return None

    def by_association(self, association_id: str) -> Member | None:
        for member in self.live():
            if member.association is not None and member.association.id == association_id:
                return member
        return None

    # ---- changes: the store first, then memory ---------------------------------------------------------------------

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a write transaction, off the event loop."""
        return await self.store.transact(work)

    async def add(self, instance: Instance, tags: Mapping[str, str]) -> Member:
        """A new instance."""

        def work(conn: Connection) -> None:
            records.save_instance(conn, instance, new=True, node=self.store.node)
            records.put_tags(conn, instance.id, tags)

        await self.write(work)
        member = self._members[instance.id] = Member(instance)
        if tags:
            self.tags[instance.id] = dict(tags)
        return member

    async def change(self, member: Member, **values: Any) -> None:
        """Set fields of the instance; nothing is written when nothing changes."""
        await self._save(member, replace(member.instance, **values))

    async def detail(self, member: Member, **values: Any) -> None:
        """Set fields of its details."""
        await self._save(member, replace(member.instance, details=replace(member.instance.details, **values)))

    async def _save(self, member: Member, changed: Instance) -> None:
        if changed != member.instance:
            await self.write(lambda conn: records.save_instance(conn, changed))
            member.instance = changed

    async def clear(self) -> None:
        """Forget every instance, whatever its state."""
        for member in self:
            await self.write(partial(records.forget_instance, instance_id=member.instance.id))
        self._members.clear()
        self.tags.clear()

    async def forget_ended(self, present: Container[str]) -> None:
        """Drop instances that ended an hour ago, as AWS does.

        One whose container is still `present` was deregistered: it is kept, so that its label does not adopt it again.
        """
        limit = self.now() - _REMEMBERED
        for member in self:
            instance = member.instance
            if instance.state == TERMINATED and (instance.ended or 0.0) < limit and instance.reference not in present:
                await self.write(partial(records.forget_instance, instance_id=instance.id))
                del self._members[instance.id]
                self.tags.pop(instance.id, None)

    async def put_tags(self, resource_ids: Sequence[str], tags: Mapping[str, str]) -> None:
        """Add tags to several resources, or to none of them."""

        def work(conn: Connection) -> None:
            for resource_id in resource_ids:
                records.put_tags(conn, resource_id, tags)

        await self.write(work)
        for resource_id in resource_ids:
            self.tags[resource_id] = {**self.tags.get(resource_id, {}), **tags}

    async def remove_tags(self, resource_ids: Sequence[str], keys: Mapping[str, str | None] | None) -> None:
        """Remove tags by key, only where the value is the given one unless that is None; all tags when `keys` is."""
        doomed = {resource_id: self._doomed(resource_id, keys) for resource_id in resource_ids}

        def work(conn: Connection) -> None:
            for resource_id, names in doomed.items():
                records.remove_tags(conn, resource_id, names)

        await self.write(work)
        for resource_id, names in doomed.items():
            left = {k: v for k, v in self.tags.get(resource_id, {}).items() if k not in names}
            self.tags[resource_id] = left

    def _doomed(self, resource_id: str, keys: Mapping[str, str | None] | None) -> set[str]:
        own = self.tags.get(resource_id, {})
        if keys is None:
            return set(own)
        return {key for key, value in keys.items() if key in own and value in (None, own[key])}
