"""One gateway for all tests of this directory, on a loopback port: no test stops it or shares what it changes."""

import asyncio
import functools
import itertools
import os
import socket
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from kansatsu import identity, services
from kansatsu.advisor import AccessEvent, Recorder
from kansatsu.backends import EmbeddedBackend
from kansatsu.cli.client import MODELS
from kansatsu.clock import Clock, SystemClock
from kansatsu.console import Console
from kansatsu.console import Settings as ConsoleSettings
from kansatsu.delivery import CredentialEndpoint, MetadataService, load_keys
from kansatsu.gateway.app import App
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.gateway.pipeline import Pipeline
from kansatsu.gateway.server import HttpServer
from kansatsu.gateway.within import Within
from kansatsu.identity import sessions
from kansatsu.identity.issuers import published
from kansatsu.identity.quotas import Quotas
from kansatsu.resources import KINDS, Accounts, Knowledge, Resources
from kansatsu.services import issued
from kansatsu.services.issuers import Issuers
from kansatsu.workload import Workload, WorkloadSettings

from . import raw
from .raw import REGION, Ask, Got, Keys

ACCOUNT = "123456789012"
SECOND = "210987654321"
WAIT = 180.0
EC2_TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


class Gateway:
    """The gateway, and shortcuts to make users and to speak with it as them."""

    def __init__(self, data_dir: Path, url: str = "") -> None:
        self.data_dir = data_dir
        self.clock = SystemClock()
        self.key_sources: dict[str, str] = {}  # issuer -> file or URL of its keys; tests add theirs
        self.store = identity.open_store(data_dir, self.clock, url)
        self.store.quotas = Quotas(dict.fromkeys(("RolesPerAccount", "GroupsPerAccount"), None))  # tests make many
        identity.accounts.found(self.store, ACCOUNT)
        admin = identity.bootstrap(self.store, ACCOUNT)
        assert admin is not None
        self.admin = Keys(admin.access_key_id, admin.secret.value, name="admin")
        self.recorder = Recorder(self.store, data_dir, self.clock)
        self._numbers = itertools.count()
        self._session = boto3.session.Session(region_name=REGION)  # one: it remembers the models that it has read
        self._session._loader.search_paths.append(str(MODELS))
        self._clients: list[Any] = []
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)
        self._ready: Future[tuple[str, int]] = Future()

    async def _serve(self) -> None:
        async with AsyncExitStack() as stack:
            try:
                self._ready.set_result(await self._assemble(stack))
            except BaseException as failure:
                self._ready.set_exception(failure)
                raise
            await self._ended.wait()

    async def _assemble(self, stack: AsyncExitStack) -> tuple[str, int]:
        services.load()
        self.backend = EmbeddedBackend(self.data_dir / "backend", self.clock)
        self.backend.start()
        stack.push_async_callback(self.backend.stop)
        self.recorder.start()
        stack.callback(self.recorder.close)
        forwarder = Forwarder({}, self.backend, ACCOUNT)
        metadata = MetadataService(load_keys(self.data_dir, self.clock), self.clock)
        settings = WorkloadSettings(account=ACCOUNT, region=REGION)
        self.workload = Workload(
            self.store, self.clock, settings, _no_instances, serve_task=_no_instances, backend=forwarder.ask
        )
        self.workload.issuer.when_issued = issued.recording(self.recorder, REGION)
        accounts = Accounts(lambda: self.store.held().accounts(), forwarder.keeps_apart)
        self.resources = Resources(Knowledge(forwarder.ask, self.clock, KINDS), forwarder.ask, ACCOUNT, accounts)
        sock = socket.create_server(("127.0.0.1", 0))
        self.issuers = Issuers(self.key_sources, f"http://127.0.0.1:{sock.getsockname()[1]}")
        self.pipeline = Pipeline(
            self.store,
            self.recorder,
            self.workload,
            forwarder,
            self.resources,
            self.clock,
            issuers=self.issuers,
        )
        self.within = Within(self.clock)
        self.within.pipeline = self.pipeline
        told = published(self.store), self.issuers.url
        server = HttpServer(App(self.pipeline, lambda: {"status": "ok"}, None, *told, self.console(self.clock)))
        stack.push_async_callback(server.close)
        processes = socket.create_server(("127.0.0.1", 0))
        endpoint = await CredentialEndpoint(metadata, self.clock).serve(processes, self.workload.processes.find)
        stack.push_async_callback(endpoint.close)
        self.workload.process_endpoint = f"http://127.0.0.1:{processes.getsockname()[1]}"
        await self.workload.start()
        stack.push_async_callback(self.workload.close)
        await server.listen(sock)
        address: tuple[str, int] = sock.getsockname()
        return address

    def start(self) -> None:
        self._thread.start()
        self.address = self._ready.result(WAIT)
        self.host = f"{self.address[0]}:{self.address[1]}"
        self.endpoint = f"http://{self.host}"
        self.iam = self.client("iam")
        self.common_role = self.role(raw.statement("Allow", "*"))

    def stop(self) -> None:
        for client in self._clients:
            client.close()
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(WAIT)
        self._loop.close()
        self.store.close()

    def console(self, clock: Clock, life: timedelta = timedelta(hours=1)) -> Console:
        """A console of this gateway that reads that clock, and where nobody has failed to sign in yet."""
        settings = ConsoleSettings(ACCOUNT, REGION, life, frozenset({"localhost", "console.example"}))
        return Console(self.store, self.recorder, self.within.passed_on, clock, settings)

    # ---- speaking ---------------------------------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine where the gateway runs."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT)

    def client(self, service: str, keys: Keys | None = None, **config: Any) -> Any:
        """A boto3 client that tries once."""
        settings = Config(retries={"total_max_attempts": 1}, **{"s3": {"addressing_style": "path"}, **config})
        given = (keys or self.admin).boto
        client = self._session.client(service, endpoint_url=self.endpoint, config=settings, **given)
        self._clients.append(client)
        return client

    def ask(self, ask: Ask, keys: Keys, service: str, **how: Any) -> Got:
        """Sign a request and send it."""
        return self.send(raw.sign(ask, keys, service, host=ask.headers.get("host", self.host), **how))

    def send(self, ask: Ask) -> Got:
        return raw.send(self.address, ask)

    # ---- people -----------------------------------------------------------------------------------------------------

    def name(self, prefix: str = "n") -> str:
        return f"{prefix}-{next(self._numbers)}"

    def user(self, *statements: dict[str, Any], **create: Any) -> Keys:
        """A new user with an inline policy of these statements."""
        name = self.name("user")
        self.iam.create_user(UserName=name, **create)
        if statements:
            self.iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=raw.document(*statements))
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return Keys(key["AccessKeyId"], key["SecretAccessKey"], name=name)

    def role(self, *statements: dict[str, Any], trust: Any = None, **create: Any) -> dict[str, Any]:
        """A new role that the account may assume, with an inline policy of these statements."""
        name = self.name("role")
        trust = trust or {
            "Effect": "Allow",
            "Principal": {"AWS": ACCOUNT},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
        made = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=raw.document(trust), **create)["Role"]
        if statements:
            self.iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=raw.document(*statements))
        return dict(made)

    def assume(self, role: dict[str, Any], **more: Any) -> Keys:
        """Credentials of a role, by AssumeRole."""
        got = self.client("sts").assume_role(RoleArn=role["Arn"], **{"RoleSessionName": "session", **more})[
            "Credentials"
        ]
        return Keys(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"], role["RoleName"])

    def session(self, role: dict[str, Any], issued: datetime | None = None, minutes: int = 60, **fields: Any) -> Keys:
        """Credentials of a role, sealed as the gateway does, at any time and with any field."""
        issued = issued or self.clock.now()
        session, token = sessions.issue(
            self.store,
            account=ACCOUNT,
            principal_id=role["RoleId"],
            principal_name=role["RoleName"],
            issued=issued,
            expires=issued + timedelta(minutes=minutes),
            **{"kind": "role", "session_name": "session", **fields},
        )
        return Keys(session.access_key_id, session.secret.value, token, role["RoleName"])

    @functools.cached_property
    def stranger(self) -> Keys:
        """The administrator of a second account."""
        made = self.client("kansatsu").create_account(Name="second", AccountId=SECOND)
        return Keys(made["AccessKeyId"], made["SecretAccessKey"], name="admin")

    def bucket(self) -> str:
        name = self.name("bucket")
        self.client("s3").create_bucket(Bucket=name)
        return name

    def events(self, keys: Keys) -> list[AccessEvent]:
        """What was recorded of these credentials, the newest first."""
        return [event for event in self.recorder.recent(2000) if event.access_key_id == keys.id]


async def _no_instances(*_: Any) -> Any:
    raise AssertionError("there is no engine, so nothing is served")


@contextmanager
def started() -> Iterator[Gateway]:
    """A gateway with nothing in it."""
    # In memory where there is such a place: what survives a power cut is tested elsewhere, and syncing takes its time.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="kansatsu-", dir=memory) as directory:
        data_dir = Path(directory) / "data"
        data_dir.mkdir(mode=0o700)
        made = Gateway(data_dir)
        made.start()
        yield made
        made.stop()


@pytest.fixture(scope="session")
def gateway() -> Iterator[Gateway]:
    with started() as made:
        yield made
