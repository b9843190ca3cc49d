"""Brings tasks and their containers together: network first, identity second, and only then the application.

One function, `_advance`, looks at a task and takes its next steps. It is called when something was asked for and twice
a second besides, so that what a killed control plane left half done is finished by the next one.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any

from kansatsu.errors import ConflictException
from kansatsu.workload.attachment import Refused
from kansatsu.workload.credentials import Issuer
from kansatsu.workload.injection import InjectionError
from kansatsu.workload.providers import Container, NoSuchContainer, Provider, ProviderError
from kansatsu.workload.tasks.agent import Agents
from kansatsu.workload.tasks.attachment import TaskAttacher
from kansatsu.workload.tasks.awslogs import Shipper
from kansatsu.workload.tasks.execution import Execution
from kansatsu.workload.tasks.health import Checks
from kansatsu.workload.tasks.pod_tokens import TokenFiles
from kansatsu.workload.tasks.provisioning import Maker, StartFailed
from kansatsu.workload.tasks.pulling import Puller
from kansatsu.workload.tasks.roster import Member, Roster, container_of
from kansatsu.workload.tasks.statistics import Statistics
from kansatsu.workload.tasks.surroundings import Surroundings
from kansatsu.workload.tasks.task import (
    DEFAULT_STOP_SECONDS,
    HEALTHY,
    PENDING,
    PROVISIONING,
    RUNNING,
    STOPPED,
    UNHEALTHY,
    Task,
    TaskContainer,
)
from kansatsu.workload.tasks.view import StoredTaskView

log = logging.getLogger(__name__)

_AT_ONCE = 8  # tasks that the watch looks after
_REMEMBERED = 3600.0  # seconds that a stopped task is still described, and its containers' logs are kept
_LONGEST_PAUSE = 60.0  # seconds between attempts to serve a task that cannot be served


class Runner:
    """Starts, watches and stops the containers of tasks."""

    def __init__(
        self,
        roster: Roster,
        provider: Provider,
        attacher: TaskAttacher,
        issuer: Issuer,
        execution: Execution,
        agents: Agents,
        host_paths: frozenset[str],
        surroundings: Surroundings,
        puller: Puller,
        tokens: TokenFiles,
    ) -> None:
        self._tokens = tokens
        self._puller = puller
        self._agents = agents
        self._checks = Checks(roster, provider, self.spawn)
        self._shipper = Shipper(roster, provider, execution, agents, self.spawn)
        self._maker = Maker(roster, provider, execution, self._shipper, host_paths, surroundings, tokens)
        self.roster = roster
        self.provider = provider
        self._attacher = attacher
        self._issuer = issuer
        self._statistics = Statistics(provider, roster.clock)
        self._jobs: set[asyncio.Task[None]] = set()
        self._one_by_one = asyncio.Lock()
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    def go(self, member: Member) -> None:
        """Take the next steps of a task in the background."""
        self.spawn(self._turn(member, None))

    async def run(self, tasks: list[Task]) -> list[Member]:
        """New tasks, all of one request; the same client token again answers with the tasks that there are.

        Raises ConflictException. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
        """
        async with self._one_by_one:
            first = tasks[0]
            same = [
                member
                for member in self.roster.of_cluster(first.place, first.cluster)
                if first.client_token and member.task.client_token == first.client_token
            ]
            if any(member.task.digest != first.digest for member in same):
                raise ConflictException(
                    "The clientToken was used before in a request with other parameters.",
                    fields={"resourceIds": [member.task.arn for member in same]},
                )
            if same:
                return sorted(same, key=lambda member: member.task.index)
            members = await self.roster.add(tasks)
        for member in members:
            self.go(member)
        return members

    async def stop(self, member: Member, code: str, reason: str) -> None:
        """From now on it is to stop; a task that is stopping keeps its first reason."""
        if member.task.desired == STOPPED:
            return
        async with member.lock:
            await self._condemn(member, code, reason)
        self.go(member)

    async def reconcile(self) -> None:
        """One look at the engine; one that is away changes nothing."""
        try:
            home = await self.provider.home()
            await self._agents.look(home)
            if not (live := self.roster.live()):
                return
            containers = {item.id: item for item in await self.provider.list()}
        except ProviderError:
            return  # the watch of instances has said so
        # At once: after a start of ours none of them has its endpoints, and each waits for no other.
        await asyncio.gather(*(self._follow(member, home, containers) for member in live))

    async def _follow(self, member: Member, home: str, containers: Mapping[str, Container]) -> None:
        # INVARIANT: an engine says nothing about the containers of another one: what it lacks is not gone.
        if member.task.engine != home:
            member.served.problem = f"Its container engine ({member.task.engine}) is not the one in use."
        elif member.lock.locked():
            return  # somebody is at work on it
        elif member.task.state == PROVISIONING:
            self.go(member)  # its secrets come from a backend: the watch does not wait for that
        else:
            async with self._at_once:
                await self._turn(member, containers)
            self._checks.look(member)
            self._shipper.look(member)

    async def forget_ended(self) -> None:
        """Drop tasks that stopped an hour ago, with their containers, as AWS does."""
        for member in self.roster:
            if member.task.state == STOPPED and (member.task.stopped or 0.0) < self.roster.now() - _REMEMBERED:
                await self._maker.remove(member.task)
                self._shipper.forget(member.task)
                await self.roster.forget(member)

    # ---- one task --------------------------------------------------------------------------------------------------

    async def _turn(self, member: Member, listed: Mapping[str, Container] | None) -> None:
        """Take the next steps of a task; `listed` is what the watch has seen, and it waits for no end of a task."""
        if not await self._has_images(member):
            return
        async with member.lock:
            if member.task.state == STOPPED:
                return
            try:
                await self._look(member, listed)
                if member.task.desired == RUNNING:
                    await self._advance(member)
                if member.task.desired == STOPPED and listed is None:
                    await self._wind_up(member)
                elif member.task.desired == STOPPED:
                    self.go(member)
            except ProviderError as error:
                log.warning("task %s: %s", member.task.id, error)  # it is tried again

    async def _has_images(self, member: Member) -> bool:
        """Pull what a new task lacks; False while somebody else does. The task can be stopped meanwhile: no lock."""
        if member.task.state != PROVISIONING or member.task.desired == STOPPED or member.images == "there":
            return True
        if member.images == "pulling":
            return False
        member.images = "pulling"
        try:
            await self._puller.pull(member.task)
        except StartFailed as failure:
            async with member.lock:
                await self._failed(member, failure)
        except BaseException:
            member.images = ""
            raise
        member.images = "there"
        return True

    async def _failed(self, member: Member, failure: StartFailed) -> None:
        if member.task.desired == STOPPED:
            return
        log.warning("task %s could not be started: %s", member.task.id, failure)
        if failure.container:
            await self.roster.contain(member, failure.container, reason=str(failure))
        await self._condemn(member, "TaskFailedToStart", str(failure))

    async def _advance(self, member: Member) -> None:
        try:
            if member.task.state == PROVISIONING:
                await self._provision(member)
            self._tokens.renew(member)
            await self._serve(member)
            await self._start_ready(member)
        except StartFailed as failure:
            await self._failed(member, failure)

    async def _look(self, member: Member, listed: Mapping[str, Container] | None) -> None:
        """Write down which containers have ended, and with what."""
        for container in member.task.containers:
            if container.state != RUNNING:
                continue
            found = listed.get(container.reference) if listed is not None else None
            if found is not None and found.running:
                continue
            try:
                found = await self.provider.inspect(container.reference)
            except NoSuchContainer:
                found = None
            if found is None:
                why = "The container was removed."
                await self.roster.contain(member, container.name, state=STOPPED, reason=why)
            elif not found.running:
                await self.roster.contain(member, container.name, state=STOPPED, exit_code=found.exit_code)
        if any(each.essential and each.state == STOPPED for each in member.task.containers):
            await self._condemn(member, "EssentialContainerExited", "Essential container in task exited")

    async def _condemn(self, member: Member, code: str, reason: str) -> None:
        if member.task.desired != STOPPED:
            await self.roster.change(
                member, desired=STOPPED, stop_code=code, stopped_reason=reason, stopping=self.roster.now()
            )

    # ---- to its start ----------------------------------------------------------------------------------------------

    async def _provision(self, member: Member) -> None:
        """The network, the identity inside it, and the containers, none of which runs yet."""
        try:
            holder = await self._maker.network(member)
            await self._attach(member, holder)
        except (ProviderError, InjectionError, Refused, OSError) as error:
            raise StartFailed(f"ResourceInitializationError: {error}") from error
        await self._maker.containers(member, holder)
        await self.roster.change(member, state=PENDING)

    async def _attach(self, member: Member, holder: Container) -> None:
        view = StoredTaskView(lambda: member.task, self._issuer, self._statistics)
        await self._attacher.attach(f"task {member.task.id}", member.served, view, holder)

    async def _serve(self, member: Member) -> None:
        """Make sure that the endpoints are there: after a restart of ours they are not."""
        served = member.served
        if served.handle is not None and served.process is not None and self.provider.alive(served.process):
            return
        now = self.roster.now()
        if now < served.retry_at:
            return
        try:
            holder = await self.provider.inspect(member.task.namespace)
            if not holder.running:
                raise NoSuchContainer(holder.name)
            await self._attach(member, holder)
        except NoSuchContainer:
            await self._condemn(member, "InfrastructureHealth", "The network of the task is gone.")
        except (Refused, InjectionError, OSError) as error:
            served.failures += 1
            served.retry_at = now + min(0.25 * 2**served.failures, _LONGEST_PAUSE)
            served.problem = str(error)
            log.warning("task %s cannot be served: %s", member.task.id, error)

    async def _start_ready(self, member: Member) -> None:
        """Start the containers whose turn it is; the task runs once all have been started."""
        # INVARIANT: an application starts after its identity is being served, never before.
        if member.served.handle is None:
            return
        while ready := [each for each in member.task.containers if each.state == PENDING and _ready(member, each)]:
            for container in ready:
                try:
                    await self.provider.start(container.reference)
                except ProviderError as error:
                    raise StartFailed(f"CannotStartContainerError: {error}", container.name) from error
                await self.roster.contain(member, container.name, state=RUNNING)
        if member.task.state == PENDING and all(each.state != PENDING for each in member.task.containers):
            await self._agents.submit(member, RUNNING)

    # ---- to its end ------------------------------------------------------------------------------------------------

    async def _wind_up(self, member: Member) -> None:
        """SIGTERM, SIGKILL when its time is up, and then no identity any more. The containers stay for their logs."""
        running = [each for each in member.task.containers if each.state == RUNNING]
        await asyncio.gather(*(self._end(member, each) for each in running))
        for container in running:
            code = None
            with suppress(NoSuchContainer):
                code = (await self.provider.inspect(container.reference)).exit_code
            await self.roster.contain(member, container.name, state=STOPPED, exit_code=code)
        await self._shipper.deliver(member)
        await self._attacher.detach(member.served)
        self._issuer.drop(f"{member.task.id}/")
        if member.task.namespace:
            with suppress(NoSuchContainer):
                await self.provider.stop(member.task.namespace, seconds=0)
        for container in member.task.containers:
            await self.roster.contain(member, container.name, state=STOPPED)
        await self._agents.submit(member, STOPPED)

    async def _end(self, member: Member, container: TaskContainer) -> None:
        seconds = container.definition.get("stopTimeout", DEFAULT_STOP_SECONDS)
        try:
            await self.provider.stop(container.reference, seconds=seconds)
        except NoSuchContainer:
            log.info("container %s of task %s was gone already", container.name, member.task.id)

    async def clear(self) -> None:
        """Stop and forget every task."""
        await self.settle()
        for member in self.roster:
            async with member.lock:
                await self._attacher.detach(member.served)
                await self._maker.remove(member.task)
                await self.roster.forget(member)

    # ---- background work -------------------------------------------------------------------------------------------

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it in the background; `settle` and `close` see to its end."""
        job = asyncio.get_running_loop().create_task(work)
        self._jobs.add(job)
        job.add_done_callback(self._done)

    def _done(self, job: asyncio.Task[None]) -> None:
        self._jobs.discard(job)
        if not job.cancelled() and (error := job.exception()) is not None:
            log.error("background work on a task failed", exc_info=error)

    async def settle(self) -> None:
        """Wait until nothing is under way any more."""
        while self._jobs:
            await asyncio.gather(*self._jobs, return_exceptions=True)

    async def close(self) -> None:
        """Stop serving; containers run on, and are adopted by the next start."""
        for job in self._jobs:
            job.cancel()  # what is half done is finished by the next start
        await self.settle()
        for member in self.roster:
            await self._attacher.detach(member.served)


def _ready(member: Member, container: TaskContainer) -> bool:
    """Whether everything that it depends on has come as far as it must.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html
    """
    met = True
    for item in container.definition.get("dependsOn", ()):
        other, condition = container_of(member, item["containerName"]), item["condition"]
        ended, begun = other.state == STOPPED, other.state != PENDING
        if condition == "HEALTHY" and (ended or other.health == UNHEALTHY):
            raise StartFailed(
                f"Container {other.name} is not healthy, and {container.name} waits for that.", other.name
            )
        if condition == "SUCCESS" and ended and other.exit_code != 0:
            why = f"Container {other.name} ended with {other.exit_code}, and {container.name} waits for its success."
            raise StartFailed(why, container.name)
        met &= {"START": begun, "HEALTHY": other.health == HEALTHY}.get(condition, ended)
    return met
