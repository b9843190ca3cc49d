"""The endpoints of a task: injected into the network namespace that its containers share, served, and taken away."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from socket import socket
from typing import TypeAlias

from kansatsu.workload.attachment import Attacher, Injector, Refused
from kansatsu.workload.fleet import Handle
from kansatsu.workload.injection import CONTAINER_CREDENTIALS, GATEWAY, METADATA, POD_IDENTITY
from kansatsu.workload.providers import Container, Process
from kansatsu.workload.views import TaskView

log = logging.getLogger(__name__)

# In this order. INVARIANT: the address of the instance metadata service is taken too, and nothing listens there: from
# inside a task it is this task's own loopback, so no packet for it ever leaves towards a real one.
BINDS = (CONTAINER_CREDENTIALS, GATEWAY, POD_IDENTITY, METADATA)

# Serves all but the last of the sockets of one task, in the order of BINDS.
ServeTask: TypeAlias = Callable[[TaskView, Sequence[socket]], Awaitable[Handle]]


@dataclass(slots=True)
class Served:
    """What one task has in its namespace; nothing at first."""

    process: Process | None = None
    handle: Handle | None = None
    problem: str = ""
    retry_at: float = 0.0
    failures: int = field(default=0)


class TaskAttacher:
    """Puts the endpoints of tasks into network namespaces. `injector` is None where there is no helper."""

    def __init__(self, instances: Attacher, injector: Injector | None, serve: ServeTask) -> None:
        self._instances = instances
        self._injector = injector
        self._serve = serve

    async def attach(self, name: str, served: Served, view: TaskView, container: Container) -> None:
        """Serve `view` inside the namespace of `container`; raises Refused or InjectionError and serves nothing."""
        if self._injector is None:
            raise Refused("There is no injector: credentials cannot be put into containers (see kansatsu doctor).")
        await self.detach(served)
        self._instances.check(container)
        process = container.process
        if process is None:
            raise Refused("The container that holds the network of the task does not run.")
        sockets = await self._injector.listen(process.pid, process.start_time, BINDS)
        sockets[-1].close()
        try:
            served.handle = await self._serve(view, sockets[:-1])
        except BaseException:
            for item in sockets[:-1]:
                item.close()
            raise
        self._instances.taken[process.namespace] = name
        served.process, served.problem, served.failures, served.retry_at = process, "", 0, 0.0

    async def detach(self, served: Served) -> None:
        """Stop serving; nothing to do is no error."""
        handle, process, served.handle, served.process = served.handle, served.process, None, None
        if process is not None:
            self._instances.taken.pop(process.namespace, None)
        if handle is not None:
            await handle.close()
