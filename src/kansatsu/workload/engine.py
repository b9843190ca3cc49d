"""The Docker Engine API as a provider of workloads: podman and docker alike, over their unix socket.

https://docs.docker.com/reference/api/engine/version/v1.43/
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiodocker
import aiohttp
from aiodocker.volumes import DockerVolume

from kansatsu.workload import pause, reading
from kansatsu.workload.engine_images import Images, translated
from kansatsu.workload.injection import InjectionError, start_time
from kansatsu.workload.providers import (
    DEFAULTS,
    Binding,
    Container,
    Executed,
    Line,
    Mount,
    NoSuchContainer,
    NoSuchImage,
    Options,
    Process,
    ProviderError,
)

# docker's names for machines are the kernel's, podman's are Go's, as those of images.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_TIMEOUT = aiohttp.ClientTimeout(total=60)
_SCRIPT = "/var/lib/cloud/instance/scripts/part-001"  # where cloud-init puts user data, too
_MIB = 1 << 20
_LOOPBACK = "127.0.0.1"
_OUTPUT_LIMIT = 65536  # bytes of a script's output that are kept


class DockerEngine(Images):
    """`providers.Provider` over the Docker Engine API. `url` is unix:///path/of/the.sock."""

    def __init__(self, url: str) -> None:
        super().__init__(aiodocker.Docker(url=url, timeout=_TIMEOUT))
        self._pause = ""
        self._home = ""
        self._architecture = ""

    async def home(self) -> str:
        if not self._home:
            async with translated(NoSuchContainer):
                info = await self._docker.system.info()
            self._home = f"{info.get('Name', '')}:{info.get('DockerRootDir', '')}"
            machine = info.get("Architecture", "")
            self._architecture = _ARCHITECTURES.get(machine, machine)
        return self._home

    async def list(self) -> Sequence[Container]:
        async with translated(NoSuchContainer):
            return [_listed(item._container) for item in await self._docker.containers.list(all=True)]

    async def inspect(self, reference: str) -> Container:
        async with translated(NoSuchContainer):
            container = self._docker.containers.container(reference)
            first = await container.show()
            process = _process(first["State"])
            if process is None:
                return _inspected(first, None)
            # INVARIANT: the engine still says this pid after we have read when it started, so the two belong together.
            second = await container.show()
            same = second["State"].get("Pid") == process.pid and second["State"].get("Running")
            return _inspected(second, process if same else None)

    async def create_namespace(
        self, name: str, hostname: str, labels: Mapping[str, str], ports: Sequence[Binding] = ()
    ) -> str:
        config: dict[str, Any] = {
            "Image": await self._pause_image(),
            "Entrypoint": [pause.PROGRAM],
            "Hostname": hostname,
            "Labels": dict(labels),
            **_published(ports),
        }
        async with translated(NoSuchImage):
            container = await self._docker.containers.create(config, name=name)
            await container.start()
            return str(container.id)

    async def create(
        self,
        name: str,
        image: str,
        namespace: str,
        environment: Mapping[str, str],
        labels: Mapping[str, str],
        options: Options = DEFAULTS,
    ) -> str:
        config = _configured(options) | {
            "Image": image,
            "Env": [f"{key}={value}" for key, value in environment.items()],
            "Labels": dict(labels),
            "HostConfig": _limited(options) | {"NetworkMode": f"container:{namespace}"},
        }
        async with translated(NoSuchImage):
            return str((await self._docker.containers.create(config, name=name)).id)

    async def start(self, reference: str) -> None:
        async with translated(NoSuchContainer, ignore=304):
            await self._docker.containers.container(reference).start()

    async def stop(self, reference: str, *, seconds: int) -> None:
        async with translated(NoSuchContainer, ignore=304):
            await self._docker.containers.container(reference).stop(t=seconds)

    async def restart(self, reference: str, *, seconds: int) -> None:
        async with translated(NoSuchContainer):
            await self._docker.containers.container(reference).restart(t=seconds)

    async def remove(self, reference: str) -> None:
        async with translated(NoSuchContainer, ignore=404):
            await self._docker.containers.container(reference).delete(force=True, v=True)

    async def has_volume(self, name: str) -> bool:
        async with translated(ProviderError):
            answer = await self._docker.volumes.list(filters={"name": [name]})  # type: ignore[no-untyped-call]
        return any(each["Name"] == name for each in answer.get("Volumes") or ())

    async def remove_volume(self, name: str) -> None:
        async with translated(ProviderError, ignore=404):
            await DockerVolume(self._docker, name).delete()  # type: ignore[no-untyped-call]

    async def execute(self, reference: str, script: bytes) -> Executed:
        async with translated(NoSuchContainer):
            container = self._docker.containers.container(reference)
            await container.put_archive("/", pause.file(_SCRIPT, script, 0o700))  # type: ignore[no-untyped-call]
            command = await container.exec([_SCRIPT], user="0")
            output = bytearray()
            async with command.start(timeout=aiohttp.ClientTimeout()) as stream:
                while (message := await stream.read_out()) is not None:
                    output += message.data[: _OUTPUT_LIMIT - len(output)]
            return Executed((await command.inspect()).get("ExitCode"), output.decode(errors="replace"))

    async def probe(self, reference: str, command: Sequence[str], *, seconds: int) -> int | None:
        async with translated(NoSuchContainer):
            made = await self._docker.containers.container(reference).exec(list(command))
            try:
                async with asyncio.timeout(seconds), made.start(timeout=aiohttp.ClientTimeout()) as stream:
                    while await stream.read_out() is not None:
                        pass
            except TimeoutError:
                return None
            code = (await made.inspect()).get("ExitCode")
            return int(code) if code is not None else None

    async def statistics(self, reference: str) -> Mapping[str, Any]:
        async with translated(NoSuchContainer):
            found = await self._docker.containers.container(reference).stats(stream=False)
        return dict(found[0]) if found else {}

    async def logs(self, reference: str, lines: int) -> Sequence[Line]:
        return await reading.last(partial(self._log, reference), lines)

    async def lines(self, reference: str, after: str) -> Sequence[Line]:
        return await reading.after(partial(self._log, reference), after)

    @asynccontextmanager
    async def _log(self, reference: str, params: Mapping[str, int]) -> AsyncIterator[reading.Pieces]:
        path = f"containers/{reference}/logs"
        async with (
            translated(NoSuchContainer),
            self._docker._query(path, params=dict(params), timeout=_TIMEOUT) as response,
            response,
        ):
            yield response.content.iter_chunks()

    def alive(self, process: Process) -> bool:
        try:
            return start_time(process.pid) == process.start_time
        except InjectionError:
            return False

    async def close(self) -> None:
        await self._docker.close()

    async def _pause_image(self) -> str:
        """The id of our own image, loaded into the engine at the first need."""
        if self._pause:
            return self._pause
        async with translated(NoSuchImage):
            await self.home()  # /version would say it, too; podman takes a second for that
            wanted, archive = pause.image(self._architecture)
            known = {item["Id"].removeprefix("sha256:") for item in await self._docker.images.list()}
            if wanted not in known:
                await self._docker.images.import_image(archive)
            self._pause = wanted
        return wanted


def _listed(item: Mapping[str, Any]) -> Container:
    address, mac = _address(item)
    return Container(
        id=item["Id"],
        name=(item.get("Names") or [""])[0].lstrip("/"),
        image=str(item.get("ImageID", "")).removeprefix("sha256:"),
        labels=item.get("Labels") or {},
        running=item.get("State") == "running",
        host_network=(item.get("HostConfig") or {}).get("NetworkMode") == "host",
        address=address,
        mac=mac,
    )


def _inspected(item: Mapping[str, Any], process: Process | None) -> Container:
    address, mac = _address(item)
    return Container(
        id=item["Id"],
        name=str(item.get("Name", "")).lstrip("/"),
        image=str(item.get("Image", "")).removeprefix("sha256:"),
        labels=(item.get("Config") or {}).get("Labels") or {},
        running=process is not None,
        process=process,
        host_network=(item.get("HostConfig") or {}).get("NetworkMode") == "host",
        address=address,
        mac=mac,
        exit_code=_exit_code(item["State"]),
        ports=tuple(_ports(item)),
        **_resolver(item.get("ResolvConfPath") or ""),
    )


def _resolver(path: str) -> dict[str, tuple[str, ...]]:
    """What the engine wrote of names for a container: resolv.conf(5). Nothing where we cannot read it."""
    try:
        lines = [line.split() for line in Path(path).read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return {}
    found = [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver" and ":" not in words[1]]
    search = [words[1:] for words in lines if words and words[0] == "search"]
    return {"nameservers": tuple(found), "search": tuple(search[-1]) if search else ()}


def _published(ports: Sequence[Binding]) -> dict[str, Any]:
    """INVARIANT: on the host's loopback only: what a task serves is not opened to the network that the host is in."""
    if not ports:
        return {}
    names = {port: f"{port.container}/{port.protocol}" for port in ports}
    bindings: dict[str, list[dict[str, str]]] = {}
    for port, name in names.items():
        bindings.setdefault(name, []).append({"HostIp": _LOOPBACK, "HostPort": str(port.host or "")})
    return {"ExposedPorts": {name: {} for name in bindings}, "HostConfig": {"PortBindings": bindings}}


def _ports(item: Mapping[str, Any]) -> Iterator[Binding]:
    for name, bound in ((item.get("NetworkSettings") or {}).get("Ports") or {}).items():
        number, _, protocol = name.partition("/")
        for each in bound or ():
            yield Binding(int(number), int(each["HostPort"]), protocol or "tcp")


def _exit_code(state: Mapping[str, Any]) -> int | None:
    """None for one that runs or has never run."""
    ended = state.get("Status") in ("exited", "dead", "stopped") and not state.get("Running")
    return state.get("ExitCode") if ended else None


def _configured(options: Options) -> dict[str, Any]:
    """https://docs.docker.com/reference/api/engine/version/v1.43/#tag/Container/operation/ContainerCreate"""
    given: dict[str, Any] = {
        "Entrypoint": options.entry_point,
        "Cmd": options.command,
        "User": options.user,
        "WorkingDir": options.working_directory,
        "OpenStdin": options.stdin,
        "Tty": options.terminal,
    }
    return {name: value for name, value in given.items() if value}


def _limited(options: Options) -> dict[str, Any]:
    """INVARIANT: whose volumes a container has too it may write only what they may write: ":rw" would say otherwise."""
    given: dict[str, Any] = {
        "Memory": options.memory * _MIB,
        "MemoryReservation": options.memory_reservation * _MIB,
        "CpuShares": options.cpu_shares,
        "ReadonlyRootfs": options.read_only,
        "Ulimits": [{"Name": name, "Soft": soft, "Hard": hard} for name, soft, hard in options.ulimits],
        "VolumesFrom": [reference + only * ":ro" for reference, only in options.volumes_from],
        "Mounts": [_mount(each) for each in options.mounts],
    }
    return {name: value for name, value in given.items() if value}


def _mount(mount: Mount) -> dict[str, Any]:
    kind = "bind" if mount.source.startswith("/") else "volume"
    return {"Type": kind, "Source": mount.source, "Target": mount.target, "ReadOnly": mount.read_only}


def _process(state: Mapping[str, Any]) -> Process | None:
    pid = state.get("Pid") or 0
    if not state.get("Running") or not pid:
        return None
    try:
        return Process(pid, start_time(pid), Path(f"/proc/{pid}/ns/net").stat().st_ino)
    except (InjectionError, FileNotFoundError, ProcessLookupError):
        return None  # it ended between the two looks


def _address(item: Mapping[str, Any]) -> tuple[str, str]:
    """The first IPv4 address and its MAC address, of the default network or of any other."""
    settings = item.get("NetworkSettings") or {}
    for network in (settings, *(settings.get("Networks") or {}).values()):
        if network.get("IPAddress"):
            return str(network["IPAddress"]), str(network.get("MacAddress") or "")
    return "", ""
