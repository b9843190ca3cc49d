"""What stalled clients cost: bodies pass, they are not kept."""

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from conftest import Server

from . import raw
from .raw import MIB, Ask, Keys, head_bytes


def resident(pid: int) -> int:
    """Resident bytes of a process and its children."""
    status = Path(f"/proc/{pid}/status").read_text()
    own = re.search(r"VmRSS:\s+(\d+) kB", status)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (int(own[1]) * 1024 if own else 0) + sum(resident(int(child)) for child in children)


@pytest.fixture
def uploads(server: Server) -> Iterator[tuple[Server, str]]:
    """A real server with a bucket."""
    client = server.client("s3")
    client.create_bucket(Bucket="stalled")
    yield server, "stalled"
    client.delete_bucket(Bucket="stalled")
    client.close()


def test_20_stalled_uploads_cost_little_memory(uploads: tuple[Server, str]) -> None:
    server, bucket = uploads
    size, piece = 64 * MIB, bytes(MIB)
    host = server.endpoint.removeprefix("http://")
    address = (host.partition(":")[0], int(host.partition(":")[2]))
    keys = Keys(server.access_key_id, server.secret_access_key)
    before = resident(server.process.pid)
    with ExitStack() as stack:
        connections = [stack.enter_context(closing(socket.create_connection(address, 30))) for _ in range(20)]
        for number, connection in enumerate(connections):
            ask = raw.sign(Ask("PUT", f"/{bucket}/{number}"), keys, "s3", host=host, payload="a" * 64)
            connection.sendall(head_bytes(ask, host, size))
        for _ in range(62):  # nearly all of each; then all of them stall
            for connection in connections:
                connection.sendall(piece)
        grown = resident(server.process.pid) - before
    assert grown <= 64 * MIB, f"{grown / MIB:.0f} MiB"
