"""What the benchmarks of requests share: servers that are started and ended, what they cost, and the load on them."""

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_BUFFER = 1 << 18


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def tree(pid: int) -> list[int]:
    """The process and everything it started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError):  # a thread that has ended meanwhile
            for child in task.read_text().split():
                found += tree(int(child))
    return found


def cpu(pid: int) -> float:
    """Seconds that a process tree has run, to the nanosecond."""
    total = 0
    for each in tree(pid):
        for task in Path(f"/proc/{each}/task").iterdir():
            with suppress(FileNotFoundError):
                total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def memory(pid: int) -> float:
    """Resident MiB of a process tree."""
    kib = 0
    for each in tree(pid):
        match = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{each}/status").read_text())
        kib += int(match[1]) if match else 0
    return kib / 1024


@contextmanager
def running(
    command: Sequence[str], port: int, env: Mapping[str, str], probe: str = "/"
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """A server and the seconds until its first answer; it is ended with all that it started."""
    began = time.monotonic()
    clean = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    process = subprocess.Popen(
        command,
        env={**clean, "AWS_EC2_METADATA_DISABLED": "true", **env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while process.poll() is None and time.monotonic() - began < 60:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as s:
                s.sendall(f"GET {probe} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                if s.recv(12):
                    break
            time.sleep(0.01)
        yield process, time.monotonic() - began
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def load(port: int, requests: Sequence[bytes], clients: int) -> tuple[float, dict[int, int]]:
    """Send all requests over so many connections; (seconds, answers by status)."""
    statuses: dict[int, int] = {}
    lock = threading.Lock()
    left = iter(requests)

    def work() -> None:
        connection, buffer = None, memoryview(bytearray(_BUFFER))
        while True:
            with lock:
                data = next(left, None)
            if data is None:
                return
            connection = connection or socket.create_connection(("127.0.0.1", port), 60)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            status, keep = _one(connection, data, buffer)
            if not keep:
                connection.close()
                connection = None
            with lock:
                statuses[status] = statuses.get(status, 0) + 1

    threads = [threading.Thread(target=work) for _ in range(clients)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began, statuses


def _one(connection: socket.socket, data: bytes, buffer: memoryview) -> tuple[int, bool]:
    """Send one request, read its answer; (status, whether the connection stays open)."""
    connection.sendall(data)
    have = 0
    while (end := bytes(buffer[:have]).find(b"\r\n\r\n")) < 0:
        have += _received(connection, buffer[have:])
    head = bytes(buffer[:end]).lower()
    length = re.search(rb"content-length:\s*(\d+)", head)
    if length:
        left = int(length[1]) - (have - end - 4)
        while left > 0:
            left -= _received(connection, buffer[:left])
    elif b"transfer-encoding: chunked" in head:
        last = bytes(buffer[end + 4 : have])
        while not last.endswith(b"0\r\n\r\n"):
            last = last[-5:] + bytes(buffer[: _received(connection, buffer)])
    keep = b"connection: close" not in head and not head.startswith(b"http/1.0")
    return int(head[9:12]), keep


def _received(connection: socket.socket, buffer: memoryview) -> int:
    count = connection.recv_into(buffer)
    if not count:
        raise ConnectionError("closed")
    return count
