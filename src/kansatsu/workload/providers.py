"""The port to what runs workloads: what Kansatsu asks of a container engine, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

PROFILE_LABEL = "kansatsu.instance-profile"  # on a container: adopt it when it starts, with this profile
OWNER_LABEL = "kansatsu.instance"  # on a container that we made: the instance it belongs to
ROLE_LABEL = "kansatsu.part"  # on a container that we made: "namespace" or "application"


class ProviderError(Exception):
    """The engine refused or is away; the text is for the user."""


class NoSuchContainer(ProviderError):
    """The engine knows no container of that name or id."""


class NoSuchImage(ProviderError):
    """The engine has no image of that id."""


@dataclass(frozen=True, slots=True)
class Process:
    """The first process of a running container. `start_time` (clock ticks since boot) tells a reused pid apart."""

    pid: int
    start_time: int
    namespace: int  # inode of its network namespace


@dataclass(frozen=True, slots=True)
class Binding:
    """A port of a container on the host's loopback. `host` is 0 where the engine is to choose one."""

    container: int
    host: int
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True)
class Container:
    """What the engine says of one container; `process` is None unless it runs."""

    id: str  # the full id, 64 hex digits
    name: str
    image: str  # the image's full id, hex digits
    labels: Mapping[str, str] = field(default_factory=dict)
    running: bool = False
    process: Process | None = None
    host_network: bool = False
    address: str = ""  # IPv4
    mac: str = ""
    exit_code: int | None = None  # of one that was inspected and has ended
    ports: tuple[Binding, ...] = ()  # of one that was inspected
    nameservers: tuple[str, ...] = ()  # IPv4, of one that runs and was inspected
    search: tuple[str, ...] = ()  # domains, likewise


@dataclass(frozen=True, slots=True)
class Mount:
    """Something that a container finds at `target`: a path of the host, or a volume of the engine by its name."""

    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """How an application runs, as far as its image does not say it; None and "" leave what the image says."""

    entry_point: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    user: str = ""
    working_directory: str = ""
    memory: int = 0  # MiB; 0 is no limit
    memory_reservation: int = 0  # MiB
    cpu_shares: int = 0
    read_only: bool = False
    volumes_from: tuple[tuple[str, bool], ...] = ()  # containers whose volumes it has too, and whether to read only
    stdin: bool = False
    terminal: bool = False
    ulimits: tuple[tuple[str, int, int], ...] = ()  # (name, soft, hard)
    mounts: tuple[Mount, ...] = ()  # a volume that there is not yet is made


@dataclass(frozen=True, slots=True)
class Image:
    """A local container image."""

    id: str  # hex digits of its digest
    tags: tuple[str, ...]
    created: float  # epoch seconds
    architecture: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def ami(self) -> str:
        """The image as EC2 names it: ami- and the first 17 hex digits of the digest."""
        return f"ami-{self.id[:17]}"


@dataclass(frozen=True, slots=True)
class Login:
    """Who may pull an image from its registry."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Inside:
    """What a local image tells its containers, and files of it by their paths."""

    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Executed:
    """How a command inside a container ended. `code` is None while unknown."""

    code: int | None
    output: str


@dataclass(frozen=True, slots=True)
class Line:
    """What a container wrote, and when: 2026-01-31T12:00:00.123456789Z, always so long, so that texts compare."""

    stamp: str
    text: str
    ended: bool = True  # whether the container has ended the line; only the last ones may go on
    others: str = ""  # where the line of the other stream began that had not ended then: " 2:STAMP"

    @property
    def place(self) -> str:
        """Where to go on after this line; it compares as its time does."""
        return self.stamp + self.others


DEFAULTS = Options()
AT_ONCE = 4 << 20  # characters of a log that are read at once, about


class Provider(Protocol):
    """A container engine. Every method may raise ProviderError; those on one container NoSuchContainer."""

    async def home(self) -> str:
        """Which engine this is: where it keeps its containers. The same after a restart of it, or of ours."""

    async def list(self) -> Sequence[Container]:
        """All containers, running or not; `process` is left None: it costs an inspection each."""

    async def inspect(self, reference: str) -> Container:
        """One container by name, id or prefix of its id, with its process."""

    async def images(self) -> Sequence[Image]:
        """The local images."""

    async def create_namespace(self, name: str, hostname: str, labels: Mapping[str, str],
                               ports: Sequence[Binding] = ()) -> str:  # fmt: skip
        """Create and start a container that only holds a network namespace; returns its id."""

    async def create(self, name: str, image: str, namespace: str, environment: Mapping[str, str],
                     labels: Mapping[str, str], options: Options = DEFAULTS) -> str:  # fmt: skip
        """Create, and do not start, a container of `image` inside the network namespace of container `namespace`."""

    async def has_image(self, image: str) -> bool:
        """Whether there is a local image of that name or id."""

    async def pull(self, image: str, login: Login | None) -> None:
        """Fetch an image from the registry that its name says."""

    async def look(self, image: str, name: str, labels: Mapping[str, str],
                   paths: Sequence[str], variables: Sequence[str]) -> Inside:  # fmt: skip
        """The image's environment, and what it has of the files at those paths and where those variables say.

        `name` and `labels` are those of a container that is made for this, and never started.
        """

    async def start(self, reference: str) -> None: ...

    async def stop(self, reference: str, *, seconds: int) -> None:
        """SIGTERM, then SIGKILL after `seconds`."""

    async def restart(self, reference: str, *, seconds: int) -> None: ...

    async def remove(self, reference: str) -> None:
        """Stop at once and delete; a container that is already gone is no error."""

    async def has_volume(self, name: str) -> bool:
        """Whether the engine keeps a volume of that name."""

    async def remove_volume(self, name: str) -> None:
        """Delete a volume with what is in it; one that is already gone is no error."""

    async def execute(self, reference: str, script: bytes) -> Executed:
        """Run a script as root inside a running container and wait for its end."""

    async def probe(self, reference: str, command: Sequence[str], *, seconds: int) -> int | None:
        """Run a command inside a running container; its exit code, None when it takes longer than `seconds`."""

    async def statistics(self, reference: str) -> Mapping[str, Any]:
        """What a running container uses at this moment: the JSON of the Docker Engine API."""

    async def logs(self, reference: str, lines: int) -> Sequence[Line]:
        """The last lines that a container wrote, to standard output and standard error."""

    async def lines(self, reference: str, after: str) -> Sequence[Line]:
        """What a container wrote after a Line's place, or "" for everything; of more than AT_ONCE the beginning."""

    def alive(self, process: Process) -> bool:
        """Whether exactly this process still runs; cheap, asked twice a second."""

    async def close(self) -> None: ...
