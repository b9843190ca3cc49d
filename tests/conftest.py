"""Fixtures that every test may use: no test sees this machine's AWS configuration, and a real server is at hand."""

import contextlib
import functools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from clusters import Cluster

SOURCE = Path(__file__).parents[1] / "src"
START_WITHIN = 120.0  # seconds, on a machine that others use

# A timing never decides a test: a busy machine is no counter-example.
settings.register_profile("kansatsu", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kansatsu")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadgroup`: see scheduling."""
    from scheduling import ByGroup

    return ByGroup(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes that no one reads are no name of a test: packed data have the time in them, and then each worker of xdist
    has tests of its own.
    """
    return argname if isinstance(val, bytes) and not val.isascii() else None


def _foreign(name: str) -> bool:
    """Whether a variable of the machine could change what AWS clients or Kansatsu do."""
    return name.startswith(("AWS_", "KANSATSU_", "BOTO_")) and name != "KANSATSU_TEST_CACHE"


@pytest.fixture(autouse=True)
def isolated_aws(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No credentials, profiles or endpoints of the machine, and never a question to a real metadata service."""
    for name in [name for name in os.environ if _foreign(name)]:
        monkeypatch.delenv(name)
    nowhere = tmp_path_factory.getbasetemp() / "no-aws-configuration"
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere))
    monkeypatch.setenv("BOTO_CONFIG", str(nowhere))


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory of the test's own, with a short path (unix sockets); it does not exist yet."""
    with tempfile.TemporaryDirectory(prefix="kansatsu-") as directory:
        yield Path(directory) / "data"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One PostgreSQL server for all tests that take databases of it; none of them stops it."""
    import stores

    made = Cluster()
    yield made
    stores.release()
    made.remove()


@functools.cache
def boto3_session() -> Any:
    """One for all: it remembers the models that it has read, which is nine tenths of making a client."""
    import boto3

    return boto3.session.Session(region_name="us-east-1")


@dataclass(frozen=True)
class Server:
    """A running `kansatsu up`: where it listens and its administrator's keys."""

    data_dir: Path
    endpoint: str
    process: subprocess.Popen[bytes]
    access_key_id: str
    secret_access_key: str

    def client(self, service: str, **credentials: str) -> Any:
        """A boto3 client of the administrator, or of `aws_access_key_id=...` and so on."""
        given = credentials or {
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
        }
        return boto3_session().client(service, endpoint_url=self.endpoint, **given)

    def environ(self) -> dict[str, str]:
        """This process's environment, for `kansatsu` commands about this server."""
        return cli_environ() | {"KANSATSU_DATA_DIR": str(self.data_dir)}


def cli_environ() -> dict[str, str]:
    """The environment for `python -m kansatsu.cli` from source."""
    return {**os.environ, "PYTHONPATH": str(SOURCE)}


@contextlib.contextmanager
def running_server(data_dir: Path, *flags: str, environ: dict[str, str] | None = None) -> Iterator[Server]:
    """`kansatsu up FLAGS` on a free port and `data_dir`, ended with the block."""
    from kansatsu.cli import credentials, daemon

    command = [sys.executable, "-m", "kansatsu.cli", "up", "--data-dir", str(data_dir), "--listen", "127.0.0.1:0"]
    log = data_dir.with_name(data_dir.name + ".out")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, *flags], env=environ or cli_environ(), stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        limit = time.monotonic() + START_WITHIN
        found = None
        while found is None or daemon.health(found.endpoint) != 200:
            if process.poll() is not None or time.monotonic() > limit:
                pytest.fail(f"kansatsu up ended or never got ready:\n{log.read_text()}")
            time.sleep(0.02)
            found = daemon.running(data_dir)
        keys = credentials.read(data_dir)
        yield Server(data_dir, found.endpoint, process, keys.access_key_id, keys.secret_access_key)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def start_server() -> Callable[..., contextlib.AbstractContextManager[Server]]:
    """`with start_server(data_dir, "--flag", ...) as server:` for a test that needs a server of its own."""
    return running_server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server for all tests of a worker, without containers; a test names what it makes uniquely."""
    with tempfile.TemporaryDirectory(prefix="kansatsu-") as directory:
        clean = {name: text for name, text in cli_environ().items() if not _foreign(name)}
        clean["AWS_EC2_METADATA_DISABLED"] = "true"
        with running_server(Path(directory) / "data", "--engine", "none", environ=clean) as running:
            yield running


@pytest.fixture
def cli_environment() -> dict[str, str]:
    """The environment for `python -m kansatsu.cli` from source, in a test."""
    return cli_environ()
