"""Keeps the fleet in step with the engine: who started, restarted, stopped or went, and who asked by label to join."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from kansatsu.errors import AwsError
from kansatsu.workload.associations import Associations, find_profile
from kansatsu.workload.attachment import Attacher, Refused
from kansatsu.workload.fleet import Fleet, Member
from kansatsu.workload.injection import InjectionError
from kansatsu.workload.providers import OWNER_LABEL, PROFILE_LABEL, Container, NoSuchContainer, Provider, ProviderError
from kansatsu.workload.records import DEFAULT_METADATA, TERMINATED, Details, Instance, new_id

log = logging.getLogger(__name__)

_SETTLED = ("running", "stopped")  # in other states somebody is at work on the instance
_LONGEST_PAUSE = 60.0  # seconds between attempts to serve an instance that cannot be served


def holder_name(instance_id: str) -> str:
    """The name of the container that holds the network namespace of an instance that we launched."""
    return f"{instance_id}-net"


@dataclass(frozen=True, slots=True)
class Home:
    """Where instances belong that nobody registered by a request: those adopted by label."""

    account: str
    region: str


class Supervisor:
    """Brings members and containers together; `reconcile` may be called as often as one likes."""

    def __init__(
        self, fleet: Fleet, provider: Provider, attacher: Attacher, associations: Associations, home: Home
    ) -> None:
        self._fleet = fleet
        self._provider = provider
        self._attacher = attacher
        self._associations = associations
        self._home = home
        self._turn = asyncio.Lock()
        self.away = ""  # why the engine did not answer when it was asked last
        self.refused: dict[str, str] = {}  # container id -> why its label was not honoured

    async def reconcile(self) -> None:
        """One look at the engine. An engine that is away changes nothing: what runs goes on being served."""
        async with self._turn:
            try:
                home = await self._provider.home()
                containers = {item.id: item for item in await self._provider.list()}
            except ProviderError as error:
                self._say_once(str(error))
                return
            self.away = ""
            for member in self._fleet.live():
                if member.instance.provider != "container":
                    continue
                # INVARIANT: an engine says nothing about the containers of another one: what it lacks is not gone.
                if member.instance.details.engine not in ("", home):
                    member.problem = f"Its container engine ({member.instance.details.engine}) is not the one in use."
                else:
                    await self._follow(member, containers)
            for container in containers.values():
                if self._asks_to_join(container):
                    await self._join(container)
            self.refused = {key: why for key, why in self.refused.items() if key in containers}
            await self._fleet.forget_ended(containers)

    def _say_once(self, why: str) -> None:
        """An engine that stays away is news once, not twice a second."""
        if why != self.away:
            self.away = why
            log.warning("%s", why)

    # ---- known instances -------------------------------------------------------------------------------------------

    async def _follow(self, member: Member, containers: Mapping[str, Container]) -> None:
        if member.instance.state not in _SETTLED or member.lock.locked():
            return  # somebody is at work on it; waiting here would keep all others waiting
        async with member.lock:
            try:
                container = await self._confirmed(member, containers.get(member.instance.reference))
            except ProviderError:
                return  # nobody knows: what was known stays
            if container is not None:
                await self._keep(member, container)
                return
        # INVARIANT: a container that is gone is a terminated instance; its name, used again, is another one.
        await self.end(member, "Client.InstanceInitiatedShutdown", "The container was removed.")
        if not member.instance.adopted:
            try:
                await self._provider.remove(holder_name(member.instance.id))
            except ProviderError as error:
                log.warning("the network of %s could not be removed: %s", member.instance.id, error)

    async def _confirmed(self, member: Member, listed: Container | None) -> Container | None:
        """What the list said; where that is news, asked again: the list may be older than what we know ourselves."""
        if listed is not None and listed.running == (member.instance.state == "running"):
            return listed
        try:
            return await self._provider.inspect(member.instance.reference)
        except NoSuchContainer:
            return None

    async def _keep(self, member: Member, container: Container) -> None:
        if not container.running:
            if member.instance.adopted:
                await self._attacher.detach(member)
            if member.instance.state != "stopped":
                await self._fleet.change(member, state="stopped")
            return
        if member.instance.state != "running":
            await self._fleet.change(member, state="running")
        await self.serve(member, member.instance.details.namespace or container.id)

    async def serve(self, member: Member, holder: str) -> None:
        """Make sure that `member` is served in the namespace of container `holder`; the caller holds its lock.

        What goes wrong is written down in `member.problem` and tried again later.
        """
        process = member.process
        if member.handle is not None and process is not None and self._provider.alive(process):
            return
        # INVARIANT: another process means another namespace: what was served for the old one is closed first.
        await self._attacher.detach(member)
        now = self._fleet.now()
        if now < member.retry_at:
            return
        try:
            container = await self._provider.inspect(holder)
            if container.process is None:
                return
            await self._attacher.attach(member, container)
            if container.address:
                await self._fleet.detail(member, private_ip=container.address, mac=container.mac)
            member.retry_at = 0.0
        except (Refused, InjectionError, ProviderError, OSError) as error:
            member.failures += 1
            member.retry_at = now + min(0.25 * 2**member.failures, _LONGEST_PAUSE)
            member.problem = str(error)
            log.warning("instance %s cannot be served: %s", member.instance.id, error)

    async def end(self, member: Member, code: str, reason: str) -> None:
        """Terminate: nothing is served, the association ends, the record stays for an hour."""
        async with member.lock:
            await self._attacher.detach(member)
        await self._associations.release(member)
        async with member.lock:
            await self._fleet.detail(member, reason_code=code, reason=reason)
            await self._fleet.change(member, state=TERMINATED, ended=self._fleet.now())

    # ---- new instances ---------------------------------------------------------------------------------------------

    def _asks_to_join(self, container: Container) -> bool:
        return (
            container.running
            and bool(container.labels.get(PROFILE_LABEL))
            and OWNER_LABEL not in container.labels
            and container.id not in self.refused
            and self._fleet.of_container(container.id) is None
            and not self._fleet.deregistered(container.id)
        )

    async def _join(self, container: Container) -> None:
        # The label is the word of whoever may start containers here, who is root on this host by that alone.
        profile = container.labels[PROFILE_LABEL]
        try:
            await self._check_label(container)
            inspected = await self._provider.inspect(container.id)
            member = await self._adopt(self._home.account, self._home.region, inspected, {}, profile)
            await self._apply_label(member)
            async with member.lock:
                await self.serve(member, container.id)
        except Refused as error:
            self.refused[container.id] = str(error)
            log.warning("container %s: %s", container.name, error)
        except NoSuchContainer:
            return
        except ProviderError as error:
            log.warning("container %s: %s", container.name, error)

    async def _check_label(self, container: Container) -> None:
        # INVARIANT: the label counts only from whoever started the container; labels of its image are inherited, and
        # whoever built an image must not choose the role of those who run it.
        image = next((item for item in await self._provider.images() if item.id == container.image), None)
        if image is None or PROFILE_LABEL in image.labels:
            why = "comes from its image" if image else "cannot be told from that of its image, which is gone"
            raise Refused(
                f"The label {PROFILE_LABEL} of container {container.name} {why}; it is not honoured. "
                f"Register the container: kansatsu instance register --container {container.name}"
            )

    async def _apply_label(self, member: Member) -> None:
        """Associate the profile that the label asks for, once; a profile that is not there yet is waited for."""
        name = member.instance.details.label_profile
        if not name or member.association is not None:
            return
        try:
            with self._fleet.store.read() as conn:
                profile = find_profile(conn, member.instance.account, {"Name": name})
            await self._associations.associate(member, profile)
        except AwsError as error:
            member.waiting = f"Its label asks for the instance profile {name}: {error}"
            return
        member.waiting = ""
        await self._fleet.detail(member, label_profile="")

    async def apply_labels(self) -> None:
        """Associate profiles that have been made since the container that asks for them started."""
        for member in self._fleet.live():
            await self._apply_label(member)

    async def register(self, account: str, region: str, reference: str, tags: Mapping[str, str]) -> Member:
        """Adopt a container that runs, by name or id; one that is an instance already stays that instance.

        Raises Refused, NoSuchContainer, ProviderError, InjectionError.
        """
        async with self._turn:
            container = await self._provider.inspect(reference)
            member = self._fleet.of_container(container.id)
            if member is None:
                if not container.running:
                    raise Refused(f"Container {container.name or reference} does not run. Start it first.")
                member = await self._adopt(account, region, container, tags, "")
            elif (member.instance.account, member.instance.region) != (account, region):
                raise Refused(f"Container {container.name or reference} is an instance of another account or region.")
            elif tags:
                await self._fleet.put_tags([member.instance.id], tags)
            async with member.lock:
                member.retry_at = 0.0
                await self.serve(member, member.instance.details.namespace or container.id)
            return member

    async def _adopt(
        self, account: str, region: str, container: Container, tags: Mapping[str, str], profile: str
    ) -> Member:
        self._attacher.check(container)
        details = Details(
            name=container.name,
            engine=await self._provider.home(),
            image_id=f"ami-{container.image[:17]}",
            instance_type="container",
            reservation_id=new_id("r"),
            zone=f"{region}a",
            private_ip=container.address,
            mac=container.mac,
            metadata=DEFAULT_METADATA,
            label_profile=profile,
        )
        instance = Instance(
            id=new_id("i"),
            account=account,
            region=region,
            provider="container",
            reference=container.id,
            adopted=True,
            state="running",
            launched=self._fleet.now(),
            details=details,
        )
        named = {"Name": container.name, **tags} if container.name else tags
        return await self._fleet.add(instance, named)

    async def deregister(self, member: Member) -> None:
        """Take the identity from a container that goes on running."""
        await self.end(member, "Client.UserInitiatedShutdown", "The instance was deregistered; its container runs on.")
