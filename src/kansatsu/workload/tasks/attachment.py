"""The endpoints of a task: injected into the network namespace that its containers share, served, and taken away."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from socket import socket
from typing import TypeAlias

from kansatsu.workload.attachment import Attacher, Injector, Refused
from kansatsu.workload.fleet import Handle
from kansatsu.workload.injection import AWS, CONTAINER_CREDENTIALS, GATEWAY, METADATA, POD_IDENTITY, Bind
from kansatsu.workload.providers import Container, Process
from kansatsu.workload.views import TaskView

log = logging.getLogger(__name__)

# INVARIANT: the address of the instance metadata service is taken too, and nothing listens there: from inside a task it
# is this task's own loopback, so no packet for it ever leaves towards a real one.
_CLOSED = "metadata"
_DATAGRAMS, _NAME_PORT = "datagrams", 53
BINDS: Mapping[str, Bind] = {
    "credentials": CONTAINER_CREDENTIALS,
    "gateway": GATEWAY,
    "pods": POD_IDENTITY,
    "https": (AWS, 443),
    "http": (AWS, 80),
    "names": (AWS, 53),
    _DATAGRAMS: (AWS, 53, "udp"),
    "ask": ("0.0.0.0", 0, "ask"),  # noqa: S104 - it listens to nobody
    _CLOSED: METADATA,
}


@dataclass(frozen=True, slots=True)
class Opened:
    """The sockets of one task by their names in BINDS, and the name servers of the network that it is on."""

    sockets: Mapping[str, socket]
    nameservers: Sequence[str]


ServeTask: TypeAlias = Callable[[TaskView, Opened], Awaitable[Handle]]


def names_itself(container: Container) -> bool:
    """Whether a task is a name server: on every address there is one place for it, which it keeps."""
    return any(port.container == _NAME_PORT and port.protocol == "udp" for port in container.ports)


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
        wanted = {key: bind for key, bind in BINDS.items() if key != _DATAGRAMS or not names_itself(container)}
        listening = await self._injector.listen(process.pid, process.start_time, list(wanted.values()))
        sockets = dict(zip(wanted, listening, strict=True))
        sockets.pop(_CLOSED).close()
        try:
            served.handle = await self._serve(view, Opened(sockets, container.nameservers))
        except BaseException:
            for item in sockets.values():
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
