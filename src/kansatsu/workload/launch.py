"""Instances that Kansatsu makes: a network namespace first, its identity second, and only then the application.

A container of our own, which does nothing, holds the namespace (docs/decisions/003): the application can neither run
before its metadata service is there nor lose it by a restart.
"""

import asyncio
import base64
import hashlib
import json
import logging
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kansatsu.errors import (
    AwsError,
    IdempotentParameterMismatch,
    IncorrectInstanceState,
    InvalidAMIIDMalformed,
    InvalidAMIIDNotFound,
    OperationNotPermitted,
)
from kansatsu.identity.profiles import Profile
from kansatsu.workload.adoption import Supervisor, holder_name
from kansatsu.workload.associations import Associations
from kansatsu.workload.attachment import Attacher, Refused
from kansatsu.workload.fleet import Fleet, Member
from kansatsu.workload.injection import InjectionError
from kansatsu.workload.placement import BackendCall, check_type, place
from kansatsu.workload.providers import OWNER_LABEL, ROLE_LABEL, Image, Provider, ProviderError
from kansatsu.workload.records import DEFAULT_METADATA, TERMINATED, Details, Instance, new_id
from kansatsu.workload.views import MetadataOptions

log = logging.getLogger(__name__)

_STOP_SECONDS = 10  # between SIGTERM and SIGKILL


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """What RunInstances asked for, checked as far as that needs no engine."""

    account: str
    region: str
    image_id: str
    minimum: int
    maximum: int
    instance_type: str = "m1.small"
    subnet_id: str = ""
    security_group_ids: tuple[str, ...] = ()
    user_data: str = ""  # base64
    profile: Profile | None = None
    metadata: MetadataOptions = DEFAULT_METADATA
    tags: Mapping[str, str] = field(default_factory=dict)
    client_token: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)  # as they came: what a client token stands for

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.parameters, sort_keys=True, default=str).encode()).hexdigest()


class Launcher:
    """Runs, starts, stops, reboots and terminates instances that are ours."""

    def __init__(
        self,
        fleet: Fleet,
        provider: Provider,
        attacher: Attacher,
        supervisor: Supervisor,
        *,
        associations: Associations,
        backend: BackendCall | None,
    ) -> None:
        self._fleet = fleet
        self._provider = provider
        self._attacher = attacher
        self._associations = associations
        self._supervisor = supervisor
        self._backend = backend
        self._jobs: set[asyncio.Task[None]] = set()
        self._scripts: set[asyncio.Task[None]] = set()  # user data: it may run for as long as it likes
        self._turn = asyncio.Lock()

    # ---- run -------------------------------------------------------------------------------------------------------

    async def image(self, image_id: str) -> Image:
        """The local image of that AMI id. Raises InvalidAMIIDMalformed, InvalidAMIIDNotFound."""
        digits = image_id.removeprefix("ami-")
        if digits == image_id or not digits or any(c not in "0123456789abcdef" for c in digits):
            raise InvalidAMIIDMalformed(f'Invalid id: "{image_id}" (expecting "ami-...")')
        try:
            images = await self._provider.images()
        except ProviderError as error:
            raise AwsError(str(error), code="ServiceUnavailable", status=503) from error
        for image in images:
            if image.ami == image_id:
                return image
        raise InvalidAMIIDNotFound(f"The image id '[{image_id}]' does not exist")

    async def run(self, request: LaunchRequest) -> list[Member]:
        """New instances in state pending; they go on to running by themselves.

        Raises IdempotentParameterMismatch, image and placement errors.
        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
        """
        async with self._turn:
            if before := self._before(request):
                return before
            image = await self.image(request.image_id)
            await check_type(self._backend, request.account, request.region, request.instance_type)
            place_ = await place(
                self._backend, request.account, request.region, request.subnet_id, request.security_group_ids
            )
            details = Details(
                engine=await self._provider.home(),
                image_id=image.ami,
                image_name=image.tags[0] if image.tags else image.id,
                instance_type=request.instance_type,
                reservation_id=new_id("r"),
                zone=place_.zone,
                zone_id=place_.zone_id,
                subnet_id=place_.subnet_id,
                vpc_id=place_.vpc_id,
                security_groups=place_.security_groups,
                metadata=request.metadata,
                user_data=request.user_data,
                request_digest=request.digest,
                architecture="arm64" if image.architecture in ("arm64", "aarch64") else "x86_64",
            )
            members = [await self._new(request, replace(details, launch_index=i)) for i in range(request.maximum)]
        for member in members:
            self._go(self._boot(member, image))
        return members

    def _before(self, request: LaunchRequest) -> list[Member]:
        if not request.client_token:
            return []
        same = [
            member
            for member in self._fleet
            if member.instance.client_token == request.client_token
            and (member.instance.account, member.instance.region) == (request.account, request.region)
        ]
        if any(member.instance.details.request_digest != request.digest for member in same):
            raise IdempotentParameterMismatch(
                "Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."
            )
        return sorted(same, key=lambda member: member.instance.details.launch_index)

    async def _new(self, request: LaunchRequest, details: Details) -> Member:
        instance = Instance(
            id=new_id("i"),
            account=request.account,
            region=request.region,
            provider="container",
            reference="",
            adopted=False,
            state="pending",
            launched=self._fleet.now(),
            details=replace(details, interface_id=new_id("eni") if details.subnet_id else ""),
            client_token=request.client_token,
        )
        member = await self._fleet.add(instance, request.tags)
        if request.profile is not None:
            await self._associations.associate(member, request.profile)
        return member

    async def _boot(self, member: Member, image: Image) -> None:
        instance_id = member.instance.id
        try:
            async with member.lock:
                labels = {OWNER_LABEL: instance_id}
                namespace = await self._provider.create_namespace(
                    holder_name(instance_id), instance_id, {**labels, ROLE_LABEL: "namespace"}
                )
                await self._fleet.detail(member, namespace=namespace, name=instance_id)
                await self._attach(member, namespace)
                environment = {
                    "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
                    "AWS_REGION": member.instance.region,
                    "AWS_DEFAULT_REGION": member.instance.region,
                }
                application = await self._provider.create(
                    instance_id, image.id, namespace, environment, {**labels, ROLE_LABEL: "application"}
                )
                await self._fleet.change(member, reference=application)
                # INVARIANT: the application starts after its identity is being served, never before.
                await self._provider.start(application)
                await self._fleet.change(member, state="running")
        except (ProviderError, InjectionError, Refused, OSError) as error:
            log.warning("instance %s could not be launched: %s", instance_id, error)
            await self._destroy(member, "Server.InternalError", f"Server.InternalError: {error}")
            return
        self._go(self._first_start(member), self._scripts)

    async def _attach(self, member: Member, namespace: str) -> None:
        container = await self._provider.inspect(namespace)
        await self._attacher.attach(member, container)
        await self._fleet.detail(member, private_ip=container.address, mac=container.mac)

    async def _first_start(self, member: Member) -> None:
        """Run user data once, where it is a script and the image has what the script's first line names.

        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
        """
        details = member.instance.details
        script = base64.b64decode(details.user_data) if details.user_data else b""
        if details.user_data_done or not script.startswith(b"#!"):
            return
        # Marked first: a script that takes its own machine down is not run again at the next start.
        await self._fleet.detail(member, user_data_done=True)
        try:
            ended = await self._provider.execute(member.instance.reference, script)
        except ProviderError as error:
            log.warning("user data of %s did not run: %s", member.instance.id, error)
            return
        log.info("user data of %s ended with %s", member.instance.id, ended.code)

    # ---- afterwards ------------------------------------------------------------------------------------------------

    async def start(self, member: Member) -> tuple[str, str]:
        """Start a stopped instance; returns (state before, state now). Raises IncorrectInstanceState."""
        before = self._permit(member, "started", ("stopped", "running", "pending"))
        if before == "stopped":
            await self._fleet.change(member, state="pending")
            self._go(self._start(member))
        return before, member.instance.state

    async def stop(self, member: Member, *, force: bool = False) -> tuple[str, str]:
        """Stop a running instance; returns (state before, state now). Raises IncorrectInstanceState."""
        before = self._permit(member, "stopped", ("running", "stopping", "stopped"))
        if before == "running":
            await self._fleet.change(member, state="stopping")
            self._go(self._stop(member, 0 if force else _STOP_SECONDS))
        return before, member.instance.state

    async def reboot(self, member: Member) -> None:
        """Restart the application; namespace and identity stay. Raises IncorrectInstanceState."""
        self._permit(member, "rebooted", ("running",))
        self._go(self._reboot(member))

    async def terminate(self, member: Member) -> tuple[str, str]:
        """Remove an instance for good; returns (state before, state now). A terminated one stays that."""
        before = self._permit(member, "terminated", None)
        if before not in (TERMINATED, "shutting-down"):
            await self._fleet.change(member, state="shutting-down")
            self._go(self._terminate(member))
        return before, member.instance.state

    def _permit(self, member: Member, verb: str, states: Sequence[str] | None) -> str:
        instance = member.instance
        if instance.adopted and instance.state != TERMINATED:
            raise OperationNotPermitted(
                f"The instance '{instance.id}' may not be {verb}: it is container {instance.details.name}, which "
                "Kansatsu did not start. Use the container's own engine, or take its identity away with: "
                f"kansatsu instance rm {instance.id}"
            )
        if states is not None and instance.state not in states:
            raise IncorrectInstanceState(f"The instance '{instance.id}' is not in a state from which it can be {verb}.")
        return instance.state

    async def _start(self, member: Member) -> None:
        async with member.lock:
            try:
                namespace = member.instance.details.namespace
                holder = await self._provider.inspect(namespace)
                if not holder.running:
                    await self._provider.start(namespace)
                if member.handle is None or member.process is None or not self._provider.alive(member.process):
                    await self._attach(member, namespace)
                await self._provider.start(member.instance.reference)
                await self._fleet.change(member, state="running", launched=self._fleet.now())
            except (ProviderError, InjectionError, Refused, OSError) as error:
                log.warning("instance %s could not be started: %s", member.instance.id, error)
                await self._fleet.detail(member, reason_code="Server.InternalError", reason=str(error))
                await self._fleet.change(member, state="stopped")

    async def _stop(self, member: Member, seconds: int) -> None:
        async with member.lock:
            try:
                await self._provider.stop(member.instance.reference, seconds=seconds)
            except ProviderError as error:
                log.warning("instance %s could not be stopped: %s", member.instance.id, error)
                await self._fleet.change(member, state="running")
                return
            await self._fleet.detail(
                member,
                reason_code="Client.UserInitiatedShutdown",
                reason="Client.UserInitiatedShutdown: User initiated shutdown",
            )
            await self._fleet.change(member, state="stopped")

    async def _reboot(self, member: Member) -> None:
        async with member.lock:
            try:
                await self._provider.restart(member.instance.reference, seconds=_STOP_SECONDS)
            except ProviderError as error:
                log.warning("instance %s could not be rebooted: %s", member.instance.id, error)

    async def _terminate(self, member: Member) -> None:
        await self._destroy(
            member, "Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown"
        )

    async def _destroy(self, member: Member, code: str, reason: str) -> None:
        # INVARIANT: the identity goes first; an application that cannot be removed has none any more.
        await self._supervisor.end(member, code, reason)
        for name in (member.instance.id, holder_name(member.instance.id)):
            try:
                await self._provider.remove(name)
            except ProviderError as error:
                log.warning("container %s could not be removed: %s", name, error)

    async def clear(self) -> None:
        """Remove everything that was launched."""
        await self.settle()
        for member in self._fleet.live():
            if not member.instance.adopted:
                await self._terminate(member)

    async def recover(self) -> None:
        """Finish what an earlier run of the control plane left half done; the engine is asked in the background."""
        for member in self._fleet.live():
            instance = member.instance
            if instance.state == "shutting-down" or (instance.state == "pending" and not instance.reference):
                why = "Server.InternalError: launch was interrupted"
                self._go(self._destroy(member, "Server.InternalError", why))
            elif instance.state in ("pending", "stopping"):
                await self._fleet.change(member, state="stopped")  # the next look at the engine says what is true

    # ---- background work -------------------------------------------------------------------------------------------

    def _go(self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]] | None = None) -> None:
        task = asyncio.get_running_loop().create_task(work)
        group = self._jobs if tasks is None else tasks
        group.add(task)
        task.add_done_callback(lambda done: _done(done, group))

    async def settle(self) -> None:
        """Wait until nothing is under way any more, user data included."""
        while under_way := self._jobs | self._scripts:
            await asyncio.gather(*under_way, return_exceptions=True)

    async def close(self) -> None:
        """Wait for launches and stops; scripts go on in their containers, without us."""
        while self._jobs:
            await asyncio.gather(*self._jobs, return_exceptions=True)
        for task in self._scripts:
            task.cancel()
        await asyncio.gather(*self._scripts, return_exceptions=True)


def _done(task: asyncio.Task[None], group: set[asyncio.Task[None]]) -> None:
    group.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background work on an instance failed", exc_info=error)
