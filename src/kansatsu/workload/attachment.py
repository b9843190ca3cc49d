"""The metadata service of an instance: injected into its network namespace, served, and taken away again."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from socket import socket
from typing import Protocol

from kansatsu.workload.credentials import Issuer
from kansatsu.workload.fleet import Fleet, Handle, Member
from kansatsu.workload.injection import GATEWAY, METADATA, Bind
from kansatsu.workload.instance_view import FleetView
from kansatsu.workload.providers import Container
from kansatsu.workload.views import InstanceView

log = logging.getLogger(__name__)

# In this order. The gateway is there too: AWS_ENDPOINT_URL=http://127.0.0.1:4566 is true in every container.
BINDS = (METADATA, GATEWAY)

# Serves the sockets of one instance, in the order of BINDS.
Serve = Callable[[InstanceView, Sequence[socket]], Awaitable[Handle]]


class Injector(Protocol):
    """What is asked of the privileged helper: `injection.InjectorClient`."""

    async def listen(self, pid: int, start_time: int, binds: Sequence[Bind]) -> Sequence[socket]: ...


class Refused(Exception):
    """This container cannot be an instance; the text says why and what to do."""


class Attacher:
    """Puts endpoints into network namespaces.

    `injector` is None where there is no helper: then nothing is delivered, and every instance says so.
    """

    def __init__(
        self,
        fleet: Fleet,
        issuer: Issuer,
        injector: Injector | None,
        serve: Serve,
        own_namespaces: frozenset[int],
    ) -> None:
        self._fleet = fleet
        self._issuer = issuer
        self._injector = injector
        self._serve = serve
        self._own = own_namespaces
        self.taken: dict[int, str] = {}  # network namespaces of tasks: inode -> whose it is

    def check(self, container: Container, member: Member | None = None) -> None:
        """Raise Refused when this container's network namespace cannot be given an identity of its own."""
        process = container.process
        # INVARIANT: an identity is never injected into the host's namespace: every process of the host would have it.
        if container.host_network or (process is not None and process.namespace in self._own):
            raise Refused(
                f"Container {container.name or container.id[:12]} uses the host's network: its role would be that of "
                "every process on this host. Start it with a network of its own."
            )
        if process is None:
            return
        # INVARIANT: one namespace, one identity: whoever shares it would be served as somebody else.
        holder = self._fleet.of_namespace(process.namespace)
        whose = f"instance {holder.instance.id}" if holder not in (None, member) else self.taken.get(process.namespace)
        if whose:
            raise Refused(
                f"Container {container.name or container.id[:12]} shares its network with {whose}: the two would have "
                "one identity."
            )

    async def attach(self, member: Member, container: Container) -> None:
        """Serve `member` inside the namespace of `container`; raises Refused or InjectionError and serves nothing."""
        if self._injector is None:
            raise Refused("There is no injector: the metadata service cannot enter containers (see kansatsu doctor).")
        self.check(container, member)
        await self.detach(member)
        process = container.process
        if process is None:
            raise Refused(f"Container {container.name or container.id[:12]} does not run.")
        sockets = await self._injector.listen(process.pid, process.start_time, BINDS)
        try:
            member.handle = await self._serve(FleetView(self._fleet, self._issuer, member), sockets)
        except BaseException:
            for item in sockets:
                item.close()
            raise
        member.process = process
        member.problem = ""
        member.failures = 0
        log.info("instance %s is served in the namespace of %s", member.instance.id, container.name or container.id)

    async def detach(self, member: Member) -> None:
        """Stop serving `member`; nothing to do is no error."""
        handle, member.handle, member.process = member.handle, None, None
        if handle is not None:
            await handle.close()


def own_namespaces() -> frozenset[int]:
    """Inodes of the network namespaces of this process and of init."""
    found = set()
    for owner in ("self", "1"):
        with suppress(OSError):
            found.add(Path(f"/proc/{owner}/ns/net").stat().st_ino)
    return frozenset(found)
