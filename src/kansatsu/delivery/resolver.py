"""The name service of a workload: AWS's names lead to the gateway, others to where it would have asked without us.

A task keeps the names of the network that it is on; a command of `kansatsu run --mode ns` has no other names.
"""

import asyncio
import secrets
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from kansatsu.delivery import names

if TYPE_CHECKING:
    from kansatsu.workload.tasks.attachment import Opened

_PATIENCE = 4.0  # seconds that one server has to answer
_MOST_PENDING = 256  # questions of one workload that wait for others
_MOST_CONNECTIONS, _SILENCE = 64, 20.0  # of one workload; seconds
_PORT = 53

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Pending:
    server: str
    question: bytes
    reply: asyncio.Future[bytes]


class Upstream(asyncio.DatagramProtocol):
    """Asks name servers through a socket inside the workload's network."""

    def __init__(self, servers: Sequence[str]) -> None:
        self._servers = servers
        self._pending: dict[int, _Pending] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        # INVARIANT: an answer is that of the server which was asked, to the question which it was asked.
        found = self._pending.get(struct.unpack_from("!H", data)[0]) if len(data) >= 12 else None
        if found is None or addr != (found.server, _PORT) or found.reply.done():
            return
        if data[12:].startswith(found.question):
            found.reply.set_result(data)

    def error_received(self, exc: Exception) -> None:
        """Nobody is there: the question runs out of time."""

    async def ask(self, query: bytes) -> bytes | None:
        """The answer of the first server that has one."""
        if len(self._pending) >= _MOST_PENDING:
            return None
        for server in self._servers:
            number = secrets.randbits(16)
            if number in self._pending:
                continue
            reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            self._pending[number] = _Pending(server, names.question(query), reply)
            try:
                self._transport.sendto(struct.pack("!H", number) + query[2:], (server, _PORT))
                async with asyncio.timeout(_PATIENCE):
                    return query[:2] + (await reply)[2:]
            except (OSError, TimeoutError):
                continue
            finally:
                del self._pending[number]
        return None


class Resolver:
    """Answers queries: names of AWS with `address`, others with what `upstream` says."""

    def __init__(self, address: str, upstream: Upstream | None = None) -> None:
        self._address = socket.inet_aton(address)
        self._upstream = upstream

    async def answer(self, query: bytes) -> bytes | None:
        """The answer to one query; None: it deserves none."""
        found = names.answer(query, names.DOMAINS, self._address)
        # INVARIANT: nobody else is asked for a name of AWS: what is signed for Kansatsu never goes to the real one.
        if self._upstream is None or found is None or not names.is_none(found):
            return found
        return await self._upstream.ask(query) or names.failed(query)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection (RFC 7766), to its end."""
        while True:
            async with asyncio.timeout(_SILENCE):
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                query = await reader.readexactly(length)
            found = await self.answer(query)
            if found is None:
                return
            writer.write(struct.pack("!H", len(found)) + found)


class Datagrams(asyncio.DatagramProtocol):
    """The same for one query per datagram."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._answering: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(data, addr))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, data: bytes, addr: tuple[str, int]) -> None:
        found = await self._resolver.answer(data)
        if found is not None and not self._transport.is_closing():
            self._transport.sendto(found, addr)


class Names:
    """The name service of one task on its injected sockets. `close` ends it."""

    def __init__(self) -> None:
        self._transports: list[asyncio.BaseTransport] = []
        self._server: asyncio.Server | None = None
        self._listener: socket.socket | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    async def serve(self, address: str, opened: "Opened") -> "Names":
        """Serve on a task's own sockets; through one of them the name servers of its network are asked."""
        loop, sockets = asyncio.get_running_loop(), opened.sockets
        asking = lambda: Upstream(opened.nameservers)  # noqa: E731
        transport, upstream = await loop.create_datagram_endpoint(asking, sock=sockets["ask"])
        self._transports.append(transport)
        resolver = Resolver(address, upstream)
        if "datagrams" in sockets:
            transport, _ = await loop.create_datagram_endpoint(lambda: Datagrams(resolver), sock=sockets["datagrams"])
            self._transports.append(transport)
        self._listener = sockets["names"]
        serve = quietly(partial(self._bounded, resolver))
        self._server = await asyncio.start_server(serve, sock=self._listener)
        return self

    async def _bounded(self, resolver: Resolver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """So many connections at once and no more, and none that is silent for long."""
        if len(self._connections) >= _MOST_CONNECTIONS:
            return
        self._connections.add(writer)
        try:
            await resolver.serve(reader, writer)
        finally:
            self._connections.discard(writer)

    async def close(self) -> None:
        """Stop at once; closing twice is no error."""
        for transport in self._transports:
            transport.close()
        for writer in tuple(self._connections):
            writer.close()
        if self._server is not None and self._listener is not None:
            self._server.close()
            self._listener.close()  # uvloop closes the descriptor only, not what an injected listener holds besides
            self._server = None


def quietly(serve: Serve) -> Serve:
    """A connection that either side cut is no news; it is closed in any case."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
                await serve(reader, writer)
        finally:
            writer.close()

    return served
