"""Network namespaces that a test makes, joins and takes away again; the host's own is never touched."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence

import pytest

from kansatsu.workload.injection import InjectorClient, start_time


class Namespace:
    """A process that sleeps in a network namespace of its own, as a container's first process would."""

    def __init__(self, *unshare: str) -> None:
        code = "import sys; print('ready', flush=True); sys.stdin.read()"
        command = ["unshare", *(unshare or ("--net",)), sys.executable, "-I", "-S", "-c", code]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.process.stdout.readline()
        self.pid, self.start_time = self.process.pid, start_time(self.process.pid)

    def run(self, *command: str, code: int | None = 0) -> str:
        ran = subprocess.run(
            ["nsenter", "--net", "-t", str(self.pid), *command], capture_output=True, text=True, check=False
        )
        assert code is None or ran.returncode == code, ran.stderr
        return ran.stdout

    def connects(self, address: str, port: int) -> bool:
        """Whether a TCP connection from inside is accepted."""
        return self.attempt(address, port) == "connected"

    def attempt(self, address: str, port: int) -> str:
        """Try a TCP connection from inside: "connected", or the name of the exception."""
        code = (
            "import socket, sys\n"
            "try: socket.create_connection((sys.argv[1], int(sys.argv[2])), 3); print('connected')\n"
            "except OSError as error: print(type(error).__name__)"
        )
        return self.run(sys.executable, "-I", "-S", "-c", code, address, str(port)).strip()

    def listen(self, address: str, port: int) -> subprocess.Popen[bytes]:
        """Something inside that listens, without regard to devices."""
        code = (
            "import socket,sys; s = socket.create_server((sys.argv[1], int(sys.argv[2])));"
            "print('ready', flush=True); sys.stdin.read()"
        )
        command = ["nsenter", "--net", "-t", str(self.pid), sys.executable, "-I", "-S", "-c", code, address, str(port)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    def close(self) -> None:
        end(self.process)


def end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    with process:
        process.wait()


def join(first: Namespace, second: Namespace, number: int = 99) -> None:
    """A cable between two namespaces: 10.NUMBER.0.1/24 and 10.NUMBER.0.2/24."""
    name, network = f"kt{os.getpid()}n{number}", f"10.{number}.0"
    ends = [(first, f"{name}a", f"{network}.1/24"), (second, f"{name}b", f"{network}.2/24")]
    (one, a, _), (other, b, _) = ends
    kind = ["type", "veth", "peer", "name", b, "netns", str(other.pid)]
    subprocess.run(["ip", "link", "add", a, "netns", str(one.pid), *kind], check=True)
    for namespace, device, address in ends:
        namespace.run("ip", "address", "add", address, "dev", device)
        namespace.run("ip", "link", "set", device, "up")
        namespace.run("ip", "link", "set", "lo", "up")


@pytest.fixture
def namespaces() -> Iterator[Callable[..., Namespace]]:
    made: list[Namespace] = []

    def make(*unshare: str) -> Namespace:
        made.append(Namespace(*unshare))
        return made[-1]

    yield make
    for namespace in made:
        namespace.close()


@pytest.fixture
def cable():
    return join


@pytest.fixture
def finish():
    return end


@pytest.fixture
async def injector():
    client = InjectorClient()
    yield client
    await client.stop()


@pytest.fixture
async def listening(injector):
    """`await listening(namespace, binds)`: sockets that are closed at the end."""
    opened = []

    async def listen(namespace: Namespace, binds: Sequence[tuple[str, int]]):
        sockets = await injector.listen(namespace.pid, namespace.start_time, binds)
        opened.extend(sockets)
        return sockets

    yield listen
    for item in opened:
        item.close()
