"""Flow control: what a stalled backend does not take is not read from the client either."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from kansatsu.backends import verified
from kansatsu.backends.client import Client
from kansatsu.backends.head import Credentials, build
from kansatsu.http import HttpRequest
from kansatsu.signing import PayloadMode, parse_signature, sign, verify

UPLOADS = 20
SIZE = 64 << 20
PIECE = 64 << 10
MIB = 1 << 20
NOW = datetime(2024, 5, 1, tzinfo=UTC)


def resident() -> int:
    """Bytes of memory that this process has in RAM."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


class Producer:
    """A client that would send 64 MiB as fast as it may."""

    def __init__(self) -> None:
        self.produced = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        while self.produced < SIZE:
            self.produced += PIECE
            yield bytes(PIECE)


def request() -> HttpRequest:
    headers = {"host": "h", "content-length": str(SIZE)}
    added = sign(
        HttpRequest("PUT", "/b/k", "", headers),
        access_key_id="A",
        secret="s",
        session_token=None,
        region="us-east-1",
        service="s3",
        now=NOW,
        payload_hash="0" * 64,
    )
    return HttpRequest("PUT", "/b/k", "", {**headers, **added})


async def upload(client: Client, producer: Producer) -> None:
    """One signed upload through its verifier, as the gateway does it."""
    incoming = request()
    signature = parse_signature(incoming)
    assert signature is not None and signature.payload is PayloadMode.HASHED
    verifier = verify(incoming, signature, "s", NOW).body()
    head = build(
        incoming,
        region="us-east-1",
        service="s3",
        length=SIZE,
        credentials=Credentials("A", "s"),
        now=NOW,
        streamed=True,
    )
    await client.send(head, verified(producer.pieces(), verifier), SIZE)


async def test_stalled_uploads_take_little_memory(tmp_path: Path) -> None:
    connections: list[asyncio.StreamWriter] = []
    everybody = asyncio.Event()

    async def stall(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        connections.append(writer)
        if len(connections) == UPLOADS:
            everybody.set()

    server = await asyncio.start_unix_server(stall, str(tmp_path / "s"))
    client = Client("http://backend", tmp_path / "s")
    producers = [Producer() for _ in range(UPLOADS)]
    before = resident()
    uploads = [asyncio.create_task(upload(client, producer)) for producer in producers]
    await everybody.wait()
    quiet, last = 0, -1
    while quiet < 100:  # until nobody has moved for a hundred turns of the loop
        await asyncio.sleep(0)
        produced = sum(producer.produced for producer in producers)
        quiet, last = (quiet + 1, last) if produced == last else (0, produced)
    grown = resident() - before
    assert not any(task.done() for task in uploads)
    assert max(producer.produced for producer in producers) <= 2 * MIB
    assert grown <= 64 * MIB
    for task in uploads:
        task.cancel()
    await asyncio.gather(*uploads, return_exceptions=True)
    await client.close()
    for writer in connections:
        writer.close()
    server.close()
    await server.wait_closed()
