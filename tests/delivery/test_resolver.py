"""The name service of a task: AWS's names are asked of nobody, others' of others, and answers cannot be forged."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from kansatsu.delivery import resolver
from kansatsu.delivery.resolver import Names, Resolver, Upstream
from kansatsu.workload.tasks.attachment import Opened

AWS = "169.254.170.53"
FAILED, NONE = 2, 3
PATIENCE = 60


def query(name: str, number: int = 7, kind: int = 1) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, 1)


def answered(asked: bytes) -> bytes:
    """What a name server says: it is at 192.0.2.7."""
    record = struct.pack("!HHHIH4s", 0xC00C, 1, 1, 60, 4, socket.inet_aton("192.0.2.7"))
    return asked[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0) + asked[12:] + record


class Server(asyncio.DatagramProtocol):
    """A name server of the network; `says` makes datagrams of a question and sends them."""

    def __init__(self, says: "Callable[[Server, bytes, tuple[str, int]], None]") -> None:
        self.asked: list[bytes] = []
        self._says = says

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked.append(data)
        self._says(self, data, addr)


def honest(server: Server, data: bytes, addr: tuple[str, int]) -> None:
    server.transport.sendto(answered(data), addr)


def silent(server: Server, data: bytes, addr: tuple[str, int]) -> None:
    pass


def bound(kind: socket.SocketKind = socket.SOCK_DGRAM, address: str = "127.0.0.1") -> socket.socket:
    made = socket.socket(socket.AF_INET, kind)
    made.bind((address, 0))
    made.setblocking(False)
    return made


@asynccontextmanager
async def network(monkeypatch: pytest.MonkeyPatch, says) -> AsyncIterator[tuple[Server, Resolver]]:
    loop, sock = asyncio.get_running_loop(), bound()
    monkeypatch.setattr(resolver, "_PORT", sock.getsockname()[1])
    transport, server = await loop.create_datagram_endpoint(lambda: Server(says), sock=sock)
    asking, upstream = await loop.create_datagram_endpoint(lambda: Upstream(["127.0.0.1"]), sock=bound())
    yield server, Resolver(AWS, upstream)
    asking.close()
    transport.close()


async def test_the_names_of_others_are_asked_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async with network(monkeypatch, honest) as (server, asked):
        wanted = query("db.example.com")
        assert await asked.answer(wanted) == answered(wanted)
        assert server.asked[0][2:] == wanted[2:]


@pytest.mark.parametrize("name", ["s3.amazonaws.com", "AMAZONAWS.com", "x.y.API.aws", "a.amazonaws.com.cn"])
@pytest.mark.parametrize("kind", [1, 28, 255])
async def test_the_names_of_aws_are_asked_of_nobody(monkeypatch: pytest.MonkeyPatch, name: str, kind: int) -> None:
    """INVARIANT: whatever is asked about them: else a request that is signed for us could go to the real AWS."""
    async with network(monkeypatch, honest) as (server, asked):
        said = await asked.answer(query(name, kind=kind))
        assert said is not None and said[3] & 15 == 0
        assert (socket.inet_aton(AWS) in said) is (kind != 28)
        assert server.asked == []


def forged(change: Callable[[bytes], bytes]) -> Callable[[Server, bytes, tuple[str, int]], None]:
    return lambda server, data, addr: server.transport.sendto(change(answered(data)), addr)


def from_elsewhere(server: Server, data: bytes, addr: tuple[str, int]) -> None:
    with bound() as other:
        other.sendto(answered(data), addr)


@pytest.mark.parametrize(
    "attack",
    [
        silent,
        from_elsewhere,
        forged(lambda reply: bytes([reply[0] ^ 1]) + reply[1:]),
        forged(lambda reply: reply.replace(b"example", b"hacking")),
        forged(lambda reply: reply[:11]),
        forged(lambda reply: b""),
    ],
)
async def test_what_is_no_answer_is_none(monkeypatch: pytest.MonkeyPatch, attack) -> None:
    monkeypatch.setattr(resolver, "_PATIENCE", 0.5)
    async with network(monkeypatch, attack) as (server, asked):
        said = await asked.answer(query("db.example.com"))
        assert said is not None and said[:2] == query("x")[:2] and said[3] & 15 == FAILED
        assert len(server.asked) == 1


async def test_the_next_server_is_asked_when_one_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "_PATIENCE", PATIENCE)
    async with network(monkeypatch, honest):
        both = lambda: Upstream(["127.9.9.9", "127.0.0.1"])  # noqa: E731
        transport, upstream = await asyncio.get_running_loop().create_datagram_endpoint(both, sock=bound())

        async def ask() -> bytes | None:
            return await Resolver(AWS, upstream).answer(query("db.example.com"))

        first = asyncio.create_task(ask())
        while not upstream._pending:
            await asyncio.sleep(0)
        (pending,) = upstream._pending.values()
        pending.reply.set_exception(TimeoutError())
        assert await first == answered(query("db.example.com"))
        transport.close()


async def test_without_a_server_a_name_of_others_fails() -> None:
    loop = asyncio.get_running_loop()
    transport, upstream = await loop.create_datagram_endpoint(lambda: Upstream([]), sock=bound())
    said = await Resolver(AWS, upstream).answer(query("example.com"))
    assert said is not None and said[3] & 15 == FAILED
    said = await Resolver(AWS).answer(query("example.com"))  # a command of `run --mode ns` is told that there is none
    assert said is not None and said[3] & 15 == NONE
    transport.close()


async def test_both_transports_and_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, datagrams = bound(socket.SOCK_STREAM), bound()
    stream.listen()
    where = stream.getsockname(), datagrams.getsockname()
    served = await Names().serve(AWS, Opened({"names": stream, "datagrams": datagrams, "ask": bound()}, ()))
    wanted = query("iam.amazonaws.com")
    reader, writer = await asyncio.open_connection(*where[0])
    for _ in range(2):  # one after another on the same connection
        writer.write(struct.pack("!H", len(wanted)) + wanted)
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        assert socket.inet_aton(AWS) in await reader.readexactly(length)
    client = bound()
    loop = asyncio.get_running_loop()
    await loop.sock_sendto(client, wanted, where[1])
    said = await asyncio.wait_for(loop.sock_recv(client, 512), PATIENCE)
    assert socket.inet_aton(AWS) in said
    client.close()
    await served.close()
    await served.close()
    assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*where[0])


async def test_a_workload_holds_so_many_connections_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "_MOST_CONNECTIONS", 2)
    stream = bound(socket.SOCK_STREAM)
    stream.listen()
    served = await Names().serve(AWS, Opened({"names": stream, "ask": bound()}, ()))
    opened = []
    wanted = query("iam.amazonaws.com")
    for _ in range(2):
        reader, writer = await asyncio.open_connection(*stream.getsockname())
        writer.write(struct.pack("!H", len(wanted)) + wanted)
        assert await reader.readexactly(2)
        opened.append(writer)
    reader, writer = await asyncio.open_connection(*stream.getsockname())
    assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
    for each in (*opened, writer):
        each.close()
    await served.close()
