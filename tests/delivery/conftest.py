"""Fakes for the delivery tests: a clock that the test moves, an instance that is plain data, and raw HTTP."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kansatsu.delivery import CredentialEndpoint, Handle, Keys, MetadataService, load_keys
from kansatsu.workload.process_task import ProcessTask
from kansatsu.workload.views import Credentials, CredentialsState, Delivery, IamInfo, InstanceFacts, MetadataOptions

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@dataclass
class FakeClock:
    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    def advance(self, **delta: float) -> None:
        self.moment += timedelta(**delta)


def credentials(delivery: str = "2.0", minutes: float = 60) -> Credentials:
    return Credentials(
        role_name="YourNewRole",
        role_arn="arn:aws:iam::123456789012:role/YourNewRole",
        access_key_id=f"ASIA{delivery.replace('.', '')}EXAMPLE",
        secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        token=f"token-{delivery}",
        last_updated=NOW,
        expiration=NOW + timedelta(minutes=minutes),
    )


@dataclass
class FakeInstance:
    id: str = "i-0123456789abcdef0"
    account: str = "123456789012"
    region: str = "us-east-1"
    options: MetadataOptions = field(default_factory=MetadataOptions)
    tags: Mapping[str, str] = field(default_factory=dict)
    facts: InstanceFacts = field(
        default_factory=lambda: InstanceFacts(
            image_id="ami-0123456789abcdef0",
            instance_type="t3.micro",
            hostname="ip-10-0-0-7.ec2.internal",
            local_ipv4="10.0.0.7",
            mac="02:00:0a:00:00:07",
            availability_zone="us-east-1a",
            launch_time=datetime(2026, 1, 30, 8, 30, tzinfo=UTC),
            availability_zone_id="use1-az1",
            reservation_id="r-0123456789abcdef0",
            subnet_id="subnet-0123456789abcdef0",
            vpc_id="vpc-0123456789abcdef0",
            vpc_cidr="10.0.0.0/16",
            interface_id="eni-0123456789abcdef0",
            security_groups=(("sg-1", "default"), ("sg-2", "web")),
        )
    )
    states: Mapping[str, CredentialsState] = field(default_factory=dict)
    info: IamInfo | None = None

    def credentials(self, delivery: Delivery) -> CredentialsState:
        return self.states.get(delivery)

    def iam_info(self) -> IamInfo | None:
        return self.info


@dataclass
class FakeProcess:
    id: str = "0123456789abcdef0123456789abcdef"
    authorization: str = "an-authorization-token"
    instance: FakeInstance | None = None
    task: ProcessTask | None = None
    state: CredentialsState = None

    def credentials(self) -> CredentialsState:
        return self.state


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


async def drop(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def exchange(address: tuple[str, int], raw: bytes) -> Answer:
    """Send bytes, read until the server closes."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(raw)
        data = await asyncio.wait_for(reader.read(), 120)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    if not data:
        raise ConnectionResetError("closed without an answer")
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return Answer(int(first.split()[1]), {n.lower(): v for n, v in (line.split(": ", 1) for line in lines)}, body)


Ask = Callable[..., Awaitable[Answer]]


@dataclass
class Bench:
    """Services under test and the listeners that they serve."""

    keys: Keys
    clock: FakeClock = field(default_factory=FakeClock)
    handles: list[Handle] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.metadata = MetadataService(self.keys, self.clock)
        self.containers = CredentialEndpoint(self.metadata, self.clock)

    async def serve(self, instance: FakeInstance) -> Ask:
        """Serve an instance; gives `ask(method, target, headers)`."""
        listener = socket.create_server(("127.0.0.1", 0))
        address = listener.getsockname()
        self.handles.append(await self.metadata.serve(listener, instance))
        return _asker(address)

    async def serve_processes(self, *processes: FakeProcess, shared: bool = True) -> Ask:
        """Serve processes by their ids on one listener."""
        listener = socket.create_server(("127.0.0.1", 0))
        address = listener.getsockname()
        known = {process.id: process for process in processes}
        self.handles.append(await self.containers.serve(listener, known.get, shared=shared))
        return _asker(address)

    async def close(self) -> None:
        for handle in self.handles:
            await handle.close()


def _asker(address: tuple[str, int]) -> Ask:
    async def ask(method: str, target: str, headers: Mapping[str, str] | None = None) -> Answer:
        sent = {"Host": f"{address[0]}:{address[1]}", **(headers or {})}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        return await exchange(address, "\r\n".join(lines).encode("latin-1"))

    ask.address = address  # type: ignore[attr-defined]
    return ask


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return load_keys(Path(tmp_path_factory.mktemp("keys")), FakeClock())


@pytest.fixture(scope="session")
def make_bench(keys: Keys) -> Callable[[], Bench]:
    return lambda: Bench(keys)


@pytest.fixture
async def bench(make_bench: Callable[[], Bench]):
    made = make_bench()
    yield made
    await made.close()


@pytest.fixture
def instance() -> FakeInstance:
    """Tokens optional, a role attached, credentials for both ways of asking."""
    return FakeInstance(
        options=MetadataOptions(http_tokens="optional", hop_limit=2, instance_metadata_tags="enabled"),
        tags={"Name": "web", "empty": "", "cost center": "has a space", "a/b": "has a slash", "a=b": "equals"},
        states={"1.0": credentials("1.0"), "2.0": credentials("2.0")},
        info=IamInfo("Success", NOW, "arn:aws:iam::123456789012:instance-profile/P", "AIPAEXAMPLE0000000001"),
    )


@pytest.fixture
def process(instance: FakeInstance) -> FakeProcess:
    return FakeProcess(instance=instance, state=credentials())


@pytest.fixture(scope="session")
def make_credentials() -> Callable[..., Credentials]:
    return credentials


@pytest.fixture(scope="session")
def make_instance() -> type[FakeInstance]:
    return FakeInstance


@pytest.fixture(scope="session")
def make_process() -> type[FakeProcess]:
    return FakeProcess


@pytest.fixture
async def connect():
    """Opens connections, which are closed when the test ends if not by then."""
    opened: list[asyncio.StreamWriter] = []

    async def connect(address: tuple[str, int]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*address)
        opened.append(writer)
        return reader, writer

    yield connect
    for writer in opened:
        await drop(writer)


@pytest.fixture
def raw() -> Callable[[tuple[str, int], bytes], Awaitable[Answer]]:
    return exchange


@pytest.fixture
def without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """SDKs in this process ask loopback only: nothing may reroute them, and the ban on metadata is lifted."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
