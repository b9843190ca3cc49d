"""The other end of the sockets of `kansatsu run --mode ns`: on the host's network, between the command and Kansatsu.

A process of its own, which ends with `kansatsu run`. What the command sends to AWS's addresses goes to Kansatsu's own
listeners and nowhere else; TLS is passed on unopened.
"""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from kansatsu.delivery.resolver import Datagrams, Resolver, Serve, quietly

METADATA, CONTAINERS, PODS = "169.254.169.254", "169.254.170.2", "169.254.170.23"
# RFC 2544's network, which no real host has: what *.amazonaws.com resolves to.
AWS = "198.18.0.1"
_MAX_HEAD, _PIECE = 65536, 65536
_HEAD_SECONDS = 20.0
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Targets:
    """Where Kansatsu is: URLs. `private` has a path that names the process, `authorization` proves it."""

    plain: str
    tls: str
    private: str
    authorization: str
    instance: bool  # whether the process is one, or a task

    @property
    def listeners(self) -> list[tuple[str, str, int]]:
        """The sockets that `run` expects, in this order."""
        return [
            ("tcp", METADATA if self.instance else CONTAINERS, 80),
            ("tcp", PODS, 80),
            ("tcp", AWS, 443),
            ("tcp", AWS, 80),
            ("tcp", "127.0.0.1", 4566),
            ("tcp", AWS, 53),
            ("udp", AWS, 53),
        ]


async def run(sockets: Sequence[socket.socket], targets: Targets, lifeline: socket.socket) -> None:
    """Serve until the other end of `lifeline` closes."""
    loop, resolver = asyncio.get_running_loop(), Resolver(AWS)
    serves = (
        _private(targets),
        _private(targets, pods=True),
        _passing(targets.tls),
        _passing(targets.plain),
        _passing(targets.plain),
        resolver.serve,
    )
    for sock, serve in zip(sockets[:-1], serves, strict=True):
        sock.setblocking(False)
        await asyncio.start_server(quietly(serve), sock=sock, limit=_MAX_HEAD)
    sockets[-1].setblocking(False)
    await loop.create_datagram_endpoint(lambda: Datagrams(resolver), sock=sockets[-1])
    lifeline.setblocking(False)
    await loop.sock_recv(lifeline, 1)


def _passing(url: str) -> Serve:
    """To and fro between a connection of the command and one to `url`: a byte stream, whatever is in it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _join((reader, writer), await _connect(url))

    return serve


def _private(targets: Targets, *, pods: bool = False) -> Serve:
    """One request per connection, as the endpoints have it: below the secret path, and with the secret header.

    `pods`: at the address of EKS Pod Identity, where the header is the client's to give.
    """
    parts = urlsplit(targets.private)
    hosts = {address + port for address in ((PODS,) if pods else (METADATA, CONTAINERS)) for port in ("", ":80")}
    ours = ("host", "connection") if pods else ("host", "authorization", "connection")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_HEAD_SECONDS):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head[:-4].split("\r\n")
        method, _, rest = first.partition(" ")
        kept = [line for line in lines if _field(line) not in ours]
        host = next((line.partition(":")[2].strip() for line in lines if _field(line) == "host"), "")
        # INVARIANT: the name of a web page that resolves to this address is passed on, and refused there.
        said = parts.netloc if host in hosts or (targets.instance and not pods) else host
        kept += [f"Host: {said}", "Connection: close"]
        if not pods:
            kept.append(f"Authorization: {targets.authorization}")
        upstream = await _connect(targets.private)
        upstream[1].write("\r\n".join([f"{method} {parts.path}{rest}", *kept, "", ""]).encode("latin-1"))
        await _join((reader, writer), upstream)

    return serve


def _field(line: str) -> str:
    return line.partition(":")[0].strip().lower()


async def _connect(url: str) -> Streams:
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port, limit=_MAX_HEAD)


async def _join(one: Streams, other: Streams) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_pump(one[0], other[1]))
            group.create_task(_pump(other[0], one[1]))
    except* OSError:
        pass
    finally:
        other[1].close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
    writer.write_eof()
