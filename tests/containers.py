"""Real containers for tests: images without a registry, an engine of the tests' own, and plain `podman run`.

Fixtures (import them in a conftest: `from containers import engine, image, network, run_container`):

    image           image("python") -> the image's name; built at first use
    engine          podman's Docker-compatible API on a unix socket: engine.url, engine.podman("ps")
    run_container   run_container("python", env={...}, cap_add=[...]) -> Container; removed at the end
    keep_container  the same, removed at the end of the module

Containers are joined to each other on a network that leads nowhere else, so that a test that asks 169.254.169.254
before anything serves it can never reach a real metadata service beyond this machine.
"""

import contextlib
import fcntl
import json
import os
import sqlite3
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

IMAGES = Path(__file__).with_name("images")
PODMAN = str(IMAGES / "podman")  # with a storage of the tests' own
FAKETIME = "/usr/lib/faketime/libfaketime.so.1"  # in both images: LD_PRELOAD=FAKETIME FAKETIME=+2h
NETWORK = "kansatsu-test"  # internal: no way out of it
START_WITHIN = 120.0  # seconds, on a machine that others use


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    code: int
    stdout: str
    stderr: str


def run(*command: str, check: bool = True) -> Ran:
    """Run to the end; with `check` a code other than 0 fails the test with what was on standard error."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if check and ended.returncode:
        pytest.fail(f"{' '.join(command)}: {ended.returncode}\n{ended.stderr}")
    return Ran(ended.returncode, ended.stdout, ended.stderr)


@dataclass(frozen=True)
class Container:
    """A container started with plain `podman run`."""

    id: str
    name: str

    def exec(self, *command: str, env: Mapping[str, str] | None = None, check: bool = True) -> Ran:
        """Run a command inside."""
        return run(*self._exec(env), self.id, *command, check=check)

    @contextlib.contextmanager
    def spawn(self, *command: str, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
        """A command that goes on inside while the block runs; its standard output is a pipe."""
        with subprocess.Popen(
            [*self._exec(env), self.id, *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def pid(self) -> int:
        """The container's first process, as the host numbers it; 0 when it does not run."""
        return int(run(PODMAN, "inspect", "--format", "{{.State.Pid}}", self.id).stdout)

    def address(self) -> str:
        """Its IPv4 address on the first network; empty when it has none."""
        settings = json.loads(run(PODMAN, "inspect", self.id).stdout)[0]["NetworkSettings"]
        return next((joined["IPAddress"] for joined in settings["Networks"].values()), "")

    def restart(self) -> None:
        """A new process in a new network namespace."""
        run(PODMAN, "restart", "-t", "0", self.id)

    def stop(self) -> None:
        run(PODMAN, "stop", "-t", "0", self.id)

    def start(self) -> None:
        run(PODMAN, "start", self.id)

    def remove(self) -> None:
        run(PODMAN, "rm", "-f", "-t", "0", self.id, check=False)

    def _exec(self, env: Mapping[str, str] | None) -> list[str]:
        return [PODMAN, "exec", *(f"--env={name}={value}" for name, value in (env or {}).items())]


@dataclass(frozen=True)
class Engine:
    """podman's Docker Engine API. `url` is what DOCKER_HOST and `kansatsu up --engine` take."""

    url: str

    def podman(self, *arguments: str, check: bool = True) -> Ran:
        """The command line of the same engine."""
        return run(PODMAN, *arguments, check=check)


@pytest.fixture(scope="session")
def image() -> Callable[[str], str]:
    """`image("python")` or `image("node")`: the image's name, built when it is not there."""
    return lambda kind: run(str(IMAGES / "build.sh"), kind).stdout.strip()


@pytest.fixture(scope="session")
def engine(network: str) -> Iterator[Engine]:
    """The engine's API, served while the tests run; what it starts without being told a network joins the tests' own.

    An instance that Kansatsu launches, too, can never reach a real metadata service beyond this machine.
    """
    with tempfile.TemporaryDirectory(prefix="kansatsu-podman-") as directory:
        path, log = Path(directory) / "podman.sock", Path(directory) / "log"
        with log.open("wb") as out:
            command = [PODMAN, "system", "service", "--time=0", f"unix://{path}"]
            environment = {**os.environ, "KANSATSU_TEST_CONTAINERS_CONF": str(_joining(network, Path(directory)))}
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        _sweep_forgotten()
        try:
            limit = time.monotonic() + START_WITHIN
            while not path.exists():
                if process.poll() is not None or time.monotonic() > limit:
                    pytest.fail(f"podman's service did not start:\n{log.read_text()}")
                time.sleep(0.02)
            yield Engine(f"unix://{path}")
        finally:
            process.terminate()
            process.wait(START_WITHIN)


_OURS = "label=kansatsu.part"  # what Kansatsu made in an engine; whose it is says the label kansatsu.instance


def sweep(data_dir: Path) -> None:
    """Remove what the tasks and launched instances of a server left in the tests' engine, whether it runs or not."""
    file = data_dir / "kansatsu.db"
    if not file.exists():
        return
    with contextlib.closing(sqlite3.connect(file)) as conn:
        rows = conn.execute("SELECT id FROM task UNION SELECT id FROM instance WHERE adopted = 0")
        owners = {row[0] for row in rows}
    if not owners:
        return
    form = '{{.Names}} {{index .Labels "kansatsu.instance"}}'
    listed = run(PODMAN, "ps", "-a", "--filter", _OURS, "--format", form, check=False).stdout.splitlines()
    _remove(name for name, _, owner in (line.partition(" ") for line in listed) if owner in owners)
    volumes = run(PODMAN, "volume", "ls", "-q", check=False).stdout.split()
    if left := [name for name in volumes if name.removeprefix("ecs-").partition(".")[0] in owners]:
        run(PODMAN, "volume", "rm", "-f", *left, check=False)


def _sweep_forgotten() -> None:
    """What tests left that were killed: whatever Kansatsu made an hour ago belongs to nobody any more."""
    given = ["--filter", _OURS, "--filter", "until=1h", "--format", "{{.Names}}"]
    _remove(run(PODMAN, "ps", "-a", *given, check=False).stdout.split())


def _remove(names: Iterable[str]) -> None:
    given = list(names)
    if given:  # ecs-ID holds the network of ecs-ID-app: one goes with the other, in whatever order podman takes them
        run(PODMAN, "rm", "-f", "-i", "--depend", "-t", "0", *given, check=False)


def _joining(network: str, directory: Path) -> Path:
    """The tests' containers.conf with that network, which must exist, as the default."""
    path = directory / "containers.conf"
    path.write_text(f'{(IMAGES / "containers.conf").read_text()}default_network = "{network}"\n')
    return path


@pytest.fixture(scope="session")
def network() -> str:
    """The network of the tests, made when it is not there. Not the default bridge, which leads out of the machine."""
    with (IMAGES / "build.sh").open() as lock:  # every worker of xdist has a session of its own
        fcntl.flock(lock, fcntl.LOCK_EX)
        if run(PODMAN, "network", "exists", NETWORK, check=False).code:
            run(PODMAN, "network", "create", "--internal", NETWORK)
    return NETWORK


@pytest.fixture
def run_container(image: Callable[[str], str], network: str) -> Iterator[Callable[..., Container]]:
    """Start containers as a user would; they go with the test."""
    with starting(image, network) as start:
        yield start


@pytest.fixture(scope="module")
def keep_container(image: Callable[[str], str], network: str) -> Iterator[Callable[..., Container]]:
    """Start containers as a user would; they go with the module."""
    with starting(image, network) as start:
        yield start


@contextlib.contextmanager
def starting(image: Callable[[str], str], network: str) -> Iterator[Callable[..., Container]]:
    """What starts containers that go with the block."""
    started: list[Container] = []

    def start(
        kind: str = "python",
        *command: str,
        name: str = "",
        env: Mapping[str, str] | None = None,
        cap_add: Sequence[str] = (),
        on: str = network,
        labels: Mapping[str, str] | None = None,
        volumes: Sequence[str] = (),
        address: str = "",
    ) -> Container:
        """`podman run -d`; without a command it sleeps.

        `on` is its network, `address` its IPv4 address there if not just any. `name` must be unique on the machine;
        "" makes one up.
        """
        name = name or f"kansatsu-test-{uuid.uuid4().hex[:12]}"
        flags = [f"--name={name}", f"--network={on}", *(f"--cap-add={capability}" for capability in cap_add)]
        flags += [f"--env={key}={value}" for key, value in (env or {}).items()]
        flags += [f"--label={key}={value}" for key, value in (labels or {}).items()]
        flags += [f"--volume={volume}" for volume in volumes]
        flags += [f"--ip={address}"] if address else []
        container = Container(run(PODMAN, "run", "-d", *flags, image(kind), *command).stdout.strip(), name)
        started.append(container)
        return container

    try:
        yield start
    finally:
        for container in started:
            container.remove()
