"""A container engine, an injector and a server that exist in memory only: what the tests of workloads run on."""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from kansatsu.workload.injection import Bind, InjectionError
from kansatsu.workload.providers import (
    DEFAULTS,
    Binding,
    Container,
    Executed,
    Image,
    Inside,
    Line,
    Login,
    NoSuchContainer,
    NoSuchImage,
    Options,
    Process,
    ProviderError,
)
from kansatsu.workload.tasks.attachment import Opened
from kansatsu.workload.views import InstanceView

_IMAGE = "ab" * 32  # the image of containers that somebody else started
_pids = count(100_000)


class FakeProvider:
    """Containers by key. `broken` makes every question fail, `events` is what was asked for, in order."""

    def __init__(self, images: Sequence[Image] = ()) -> None:
        self.containers: dict[str, Container] = {}
        self.local: list[Image] = [*images, Image(_IMAGE, ("localhost/fake:latest",), 1_700_000_000.0)]
        self.events: list[tuple[str, str]] = []
        self.scripts: list[tuple[str, bytes]] = []
        self.environments: dict[str, Mapping[str, str]] = {}
        self.options: dict[str, Options] = {}
        self.probed: list[tuple[str, tuple[str, ...], int]] = []  # health checks: (container, command, seconds)
        self.ill: dict[str, int | None] = {}  # what they answer, by the last part of the container's name
        self.written: dict[str, list[Line]] = {}  # by the last part of the container's name
        self.volumes: set[str] = set()  # of its own, by name
        self.missing: set[str] = set()  # images that there are not
        self.registry: dict[str, str] = {}  # images that can be pulled, and why not
        self.logins: list[Login | None] = []  # with which that was tried
        self.pulling = asyncio.Event()  # pulls end once it is set
        self.pulling.set()
        self.inside: dict[str, Inside] = {}  # what is in images, by their names
        self.broken = ""
        self.engine = "fake"
        self.refuse_start = ""
        self._shares: dict[str, str] = {}
        self._ids = count(1)

    # ---- what the test does to the engine --------------------------------------------------------------------------

    def add(self, name: str, *, labels: Mapping[str, str] | None = None, running: bool = True,
            host_network: bool = False, namespace: int = 0) -> str:  # fmt: skip
        """A container that somebody else started; returns its key."""
        number = next(self._ids)
        key = f"{number:064x}"
        process = self._process(namespace) if running else None
        self.containers[key] = Container(
            key,
            name,
            _IMAGE,
            dict(labels or {}),
            running,
            process,
            host_network,
            f"10.88.0.{number}",
            "de:ad:00:00:00:01",
        )
        return key

    def halt(self, key: str, code: int = 0) -> None:
        """The container's process ends."""
        self.containers[key] = replace(self.containers[key], running=False, process=None, exit_code=code)

    def resume(self, key: str) -> None:
        """The container starts: a new process in a new namespace."""
        self.containers[key] = replace(self.containers[key], running=True, process=self._process(), exit_code=None)

    def restart_behind(self, key: str) -> None:
        """Stopped and started between two looks."""
        self.halt(key)
        self.resume(key)

    def _process(self, namespace: int = 0) -> Process:
        pid = next(_pids)
        return Process(pid, pid * 10, namespace or pid * 1000)

    # ---- Provider --------------------------------------------------------------------------------------------------

    async def home(self) -> str:
        self._check()
        return self.engine

    async def list(self) -> Sequence[Container]:
        self._check()
        return [replace(item, process=None) for item in self.containers.values()]

    async def inspect(self, reference: str) -> Container:
        self._check()
        return self.containers[self._find(reference)]

    async def images(self) -> Sequence[Image]:
        self._check()
        return self.local

    async def create_namespace(self, name: str, hostname: str, labels: Mapping[str, str],
                               ports: Sequence[Binding] = ()) -> str:  # fmt: skip
        self._check()
        self.events.append(("namespace", name))
        key = self.add(name, labels=labels)
        bound = tuple(replace(port, host=port.host or 49000 + next(self._ids)) for port in ports)
        self.containers[key] = replace(self.containers[key], ports=bound)
        return key

    async def create(self, name: str, image: str, namespace: str, environment: Mapping[str, str],
                     labels: Mapping[str, str], options: Options = DEFAULTS) -> str:  # fmt: skip
        self._check()
        if image in self.missing:
            raise NoSuchImage(f"No such image: {image}")
        self.events.append(("create", name))
        key = self.add(name, labels=labels, running=False)
        self._shares[key] = namespace
        self.environments[key] = environment
        self.options[key] = options
        self.volumes |= {each.source for each in options.mounts if not each.source.startswith("/")}
        return key

    async def has_image(self, image: str) -> bool:
        self._check()
        return image not in self.missing

    async def pull(self, image: str, login: Login | None) -> None:
        self._check()
        self.events.append(("pull", image))
        self.logins.append(login)
        await self.pulling.wait()
        if why := self.registry.get(image, f"manifest for {image} not found: manifest unknown"):
            raise ProviderError(why)
        self.missing.discard(image)

    async def look(self, image: str, name: str, labels: Mapping[str, str],
                   paths: Sequence[str], variables: Sequence[str]) -> Inside:  # fmt: skip
        self._check()
        if image in self.missing:
            raise NoSuchImage(f"No such image: {image}")
        return self.inside.get(image, Inside())

    async def start(self, reference: str) -> None:
        self._check()
        key = self._find(reference)
        self.events.append(("start", self.containers[key].name))
        if self.refuse_start:
            raise ProviderError(self.refuse_start)
        self.resume(key)

    async def stop(self, reference: str, *, seconds: int) -> None:
        self._check()
        key = self._find(reference)
        self.events.append(("stop", self.containers[key].name))
        self.halt(key)

    async def restart(self, reference: str, *, seconds: int) -> None:
        self._check()
        key = self._find(reference)
        self.events.append(("restart", self.containers[key].name))
        self.restart_behind(key)

    async def remove(self, reference: str) -> None:
        self._check()
        for key in [key for key, item in self.containers.items() if reference in (key, item.name)]:
            self.events.append(("remove", self.containers.pop(key).name))

    async def has_volume(self, name: str) -> bool:
        self._check()
        return name in self.volumes

    async def remove_volume(self, name: str) -> None:
        self._check()
        self.volumes.discard(name)

    async def execute(self, reference: str, script: bytes) -> Executed:
        self._check()
        self.scripts.append((self._find(reference), script))
        return Executed(0, "")

    async def probe(self, reference: str, command: Sequence[str], *, seconds: int) -> int | None:
        self._check()
        name = self.containers[self._find(reference)].name
        self.probed.append((name, tuple(command), seconds))
        return self.ill.get(name.rpartition("-")[2], 0)

    async def statistics(self, reference: str) -> Mapping[str, Any]:
        self._check()
        self.events.append(("statistics", self.containers[self._find(reference)].name))
        return {"id": reference, "cpu_stats": {}}

    async def logs(self, reference: str, lines: int) -> Sequence[Line]:
        return (await self.lines(reference, ""))[-lines:]

    async def lines(self, reference: str, after: str) -> Sequence[Line]:
        self._check()
        written = self.written.get(self.containers[self._find(reference)].name.rpartition("-")[2], [])
        return [line for line in written if line.stamp > after]

    def alive(self, process: Process) -> bool:
        return any(item.process == process for item in self.containers.values())

    async def close(self) -> None:
        return None

    def _check(self) -> None:
        if self.broken:
            raise ProviderError(self.broken)

    def _find(self, reference: str) -> str:
        for key, item in self.containers.items():
            if reference in (key, item.name) or (len(reference) >= 12 and key.startswith(reference)):
                return key
        raise NoSuchContainer(f"No such container: {reference}")


@dataclass
class FakeInjector:
    """Hands out unconnected sockets; `error` is raised instead, `entered` are the (pid, start time) pairs asked for."""

    error: InjectionError | None = None
    entered: list[tuple[int, int]] = field(default_factory=list)

    async def listen(self, pid: int, start_time: int, binds: Sequence[Bind]) -> list[socket.socket]:
        if self.error is not None:
            raise self.error
        self.entered.append((pid, start_time))
        return [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in binds]


@dataclass(eq=False)
class FakeHandle:
    """One instance being served."""

    server: "FakeServer"
    view: InstanceView
    sockets: Sequence[socket.socket]

    async def close(self) -> None:
        self.server.open.remove(self)
        for item in self.sockets:
            item.close()


class FakeServer:
    """Takes the place of delivery: remembers which views are being served."""

    def __init__(self) -> None:
        self.open: list[FakeHandle] = []

    async def __call__(self, view: InstanceView, given: Sequence[socket.socket] | Opened) -> FakeHandle:
        sockets = list(given.sockets.values()) if isinstance(given, Opened) else given
        handle = FakeHandle(self, view, sockets)
        self.open.append(handle)
        return handle

    def view(self, instance_id: str) -> InstanceView:
        """What is served for an instance; KeyError when nothing is."""
        for handle in self.open:
            if handle.view.id == instance_id:
                return handle.view
        raise KeyError(instance_id)
