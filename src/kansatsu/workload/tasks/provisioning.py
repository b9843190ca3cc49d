"""Makes what a task consists of, in the engine: its network, its containers and volumes; and takes them away again."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import Any

from kansatsu.workload.providers import (
    OWNER_LABEL,
    ROLE_LABEL,
    Container,
    NoSuchImage,
    Provider,
    ProviderError,
)
from kansatsu.workload.tasks import volumes
from kansatsu.workload.tasks.awslogs import Shipper
from kansatsu.workload.tasks.configuring import environment, options, ports, token_file
from kansatsu.workload.tasks.execution import Execution, ExecutionError
from kansatsu.workload.tasks.pod_tokens import TokenFiles
from kansatsu.workload.tasks.roster import Member, Roster, container_of
from kansatsu.workload.tasks.surroundings import Surroundings, image_reader
from kansatsu.workload.tasks.task import Task, TaskContainer
from kansatsu.workload.tasks.view import container_name, labels_of
from kansatsu.workload.tasks.volumes import VolumeError

log = logging.getLogger(__name__)


class StartFailed(Exception):
    """The task cannot go on; the text is its stoppedReason."""

    def __init__(self, reason: str, container: str = "") -> None:
        super().__init__(reason)
        self.container = container  # whose fault it is, where it is one's


class Maker:
    """Everything about one task in the engine. `host_paths`: the directories of this host that tasks may mount."""

    def __init__(
        self,
        roster: Roster,
        provider: Provider,
        execution: Execution,
        shipper: Shipper,
        host_paths: frozenset[str],
        surroundings: Surroundings,
        tokens: TokenFiles,
    ) -> None:
        self._tokens = tokens
        self._surroundings = surroundings
        self._roster = roster
        self._provider = provider
        self._execution = execution
        self._shipper = shipper
        self._host_paths = host_paths

    async def network(self, member: Member) -> Container:
        """The container that holds the network of a task; it runs. Raises ProviderError."""
        task = member.task
        if member.half_made:
            await self.remove(task)
            member.half_made = False
        labels = {OWNER_LABEL: task.id, ROLE_LABEL: "namespace"}
        namespace = await self._provider.create_namespace(_holder(task), task.id[:12], labels, ports(task))
        holder = await self._provider.inspect(namespace)
        await self._roster.change(member, namespace=namespace, address=holder.address, ports=holder.ports)
        return holder

    async def containers(self, member: Member, holder: Container) -> None:
        """Its containers in the network that `holder` holds, none of which runs yet. Raises StartFailed."""
        try:
            sources = {each["name"]: await self._source(member.task, each) for each in member.task.volumes}
        except (VolumeError, ProviderError) as error:
            raise StartFailed(f"ResourceInitializationError: {error}") from error
        by_name = {each.name: each for each in member.task.containers}
        needs = {name: [source for source, _ in volumes.shared_from(each)] for name, each in by_name.items()}
        for name in TopologicalSorter(needs).static_order():
            await self._create(member, by_name[name], sources, holder)

    async def _source(self, task: Task, volume: Mapping[str, Any]) -> str:
        source = volumes.source(task, volume, self._host_paths)
        waits = volumes.shared(volume) and not volume["dockerVolumeConfiguration"].get("autoprovision")
        if waits and not await self._provider.has_volume(source):
            raise VolumeError(
                f"There is no volume {volume['name']} of this cluster, and it is not to be made (autoprovision): its "
                f"name in the engine is {source}."
            )
        return source

    async def _create(
        self, member: Member, container: TaskContainer, sources: dict[str, str], holder: Container
    ) -> None:
        image = container.definition["image"]
        try:
            secrets = await self._execution.secrets(member.task, container)
        except ExecutionError as error:
            raise StartFailed(str(error)) from error
        told = environment(member.task, container, secrets)
        path = token_file(member.task, told)
        try:
            if path:
                volumes.outside(path, member.task, container)
        except VolumeError as error:
            raise StartFailed(f"CannotCreateContainerError: {error}", container.name) from error
        labels = labels_of(member.task, container) | {OWNER_LABEL: member.task.id, ROLE_LABEL: "application"}
        mounted = volumes.mounts(container, sources)
        try:
            token = (self._tokens.mounted(member.task, container, path),) if path else ()
            shown, variables = await self._surroundings.of(member.task, image, holder, mounted)
            reference = await self._provider.create(
                container_name(member.task, container),
                image,
                member.task.namespace,
                {**variables, **told},
                labels,
                replace(
                    options(container),
                    mounts=(*mounted, *shown, *token),
                    volumes_from=tuple(
                        (container_of(member, name).reference, only) for name, only in volumes.shared_from(container)
                    ),
                ),
            )
        except NoSuchImage as error:
            why = f"CannotPullContainerError: {image} was there, and is no more: {error}"
            raise StartFailed(why, container.name) from error
        except (OSError, ProviderError) as error:
            raise StartFailed(f"CannotCreateContainerError: {error}", container.name) from error
        await self._roster.contain(member, container.name, reference=reference)
        try:
            await self._shipper.prepare(member.task, container_of(member, container.name))
        except ExecutionError as error:
            why = f"ResourceInitializationError: failed to initialize logging driver: {error}"
            raise StartFailed(why, container.name) from error

    async def remove(self, task: Task) -> None:
        """All of it, and the volumes that are the task's own; what cannot be removed is said."""
        self._tokens.remove(task)
        names = (*(container_name(task, each) for each in task.containers), _holder(task), image_reader(task))
        steps = [self._provider.remove(name) for name in names]
        steps += [self._provider.remove_volume(name) for name in volumes.own_names(task)]
        for step in steps:
            try:
                await step
            except ProviderError as error:
                log.warning("task %s could not be removed entirely: %s", task.id, error)


def _holder(task: Task) -> str:
    return f"ecs-{task.id}"  # no container of a task can be named so: see container_name
