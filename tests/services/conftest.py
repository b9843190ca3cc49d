"""An account in process: boto3 clients whose requests go through wire, authorization and handlers without a socket."""

import asyncio
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

import stores
from kansatsu import arn, wire
from kansatsu.errors import AccessDenied, AwsError, Unimplemented
from kansatsu.http import HttpRequest
from kansatsu.identity import Store, bootstrap, sessions
from kansatsu.policy import Request, evaluate
from kansatsu.services import callers, iam, sts
from kansatsu.services.registry import Call, Caller, handler

PACKAGES = (iam, sts)  # importing them registers their operations
ACCOUNT = "123456789012"
REGION = "us-east-1"
NOW = datetime(2026, 3, 4, 5, 6, 7, 890123, UTC)
NO_KEYS = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
EC2_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


@dataclass
class TestClock:
    """A clock that stands until it is moved."""

    __test__ = False
    time: datetime = NOW

    def now(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


@dataclass(frozen=True)
class LastUse:
    time: float
    service: str
    region: str


@dataclass
class Uses:
    """What a recorder answers about last use; the tests fill it."""

    principals: dict[str, LastUse] = field(default_factory=dict)
    keys: dict[str, LastUse] = field(default_factory=dict)

    def last_used(self, principal_id: str) -> LastUse | None:
        return self.principals.get(principal_id)

    def key_last_used(self, access_key_id: str) -> LastUse | None:
        return self.keys.get(access_key_id)


class _Raw:
    def __init__(self, body: bytes):
        self.body = body

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self.body


class Line:
    """A boto3 client, which each test in its turn has as somebody of its own world: to make one costs as much as some
    calls do."""

    _free: ClassVar[dict[str, list["Line"]]] = {}

    def __init__(self, service: str, client: Any) -> None:
        self.service, self.client = service, client
        self.answer: Callable[..., AWSResponse] | None = None
        client.meta.events.register("before-send", lambda **asked: self.answer and self.answer(**asked))

    @classmethod
    def lent(cls, service: str, make: Callable[[str], Any], keys: dict[str, str], *, fresh: bool) -> "Line":
        free = cls._free.get(service)
        line = free.pop() if free and not fresh else cls(service, make(service))
        held = line.client._request_signer._credentials
        held.access_key, held.secret_key = keys["aws_access_key_id"], keys["aws_secret_access_key"]
        held.token = keys.get("aws_session_token")
        return line

    def give_back(self) -> None:
        self.answer = None
        self._free.setdefault(self.service, []).append(self)


class World:
    """One store with an administrator; `client` gives boto3 clients of anybody whose keys one has."""

    def __init__(self, store: Store, clock: TestClock):
        self.store, self.clock, self.uses = store, clock, Uses()
        self._lines: list[Line] = []
        self.workload: Any = None
        admin = bootstrap(store, ACCOUNT)
        assert admin is not None
        self.admin_keys = {
            "aws_access_key_id": admin.access_key_id,
            "aws_secret_access_key": admin.secret.value,
        }
        self.iam = self.client("iam")
        self.sts = self.client("sts")

    def client(self, service: str, keys: dict[str, str] | None = None, *, altered: bool = False) -> Any:
        """`altered`: the test changes its handlers, and no other one gets it."""
        line = Line.lent(service, self._made, keys or self.admin_keys, fresh=altered)
        line.answer = self._answer
        if not altered:
            self._lines.append(line)
        return line.client

    @staticmethod
    def _made(service: str) -> Any:
        """A client with any keys: the world that is lent it puts its own there."""
        config = Config(parameter_validation=False, retries={"max_attempts": 1})
        return boto3.client(service, region_name=REGION, config=config, **NO_KEYS)

    def close(self) -> None:
        for line in self._lines:
            line.give_back()

    def user(self, name: str, *statements: dict[str, Any], **create: Any) -> dict[str, str]:
        """A user with an inline policy of these statements, and its keys."""
        self.iam.create_user(UserName=name, **create)
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            self.iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    def role(self, name: str, trust: object = EC2_TRUST, **create: Any) -> dict[str, Any]:
        return self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), **create)["Role"]

    def assume(self, keys: dict[str, str] | None, role: str, session: str = "session", **more: Any) -> dict[str, Any]:
        client = self.client("sts", keys)
        return client.assume_role(RoleArn=role, RoleSessionName=session, **more)

    def caller(self, access_key_id: str, token: str | None) -> Caller:
        snapshot = self.store.snapshot()
        if token is None:
            key = snapshot.access_key(access_key_id)
            assert key is not None and key.status == "Active"
            user = snapshot.entity(key.user_id)
            assert user is not None
            return Caller(user.account, "user", user.id, user.name, user.arn, access_key_id)
        session = sessions.open(self.store.sealer, token, access_key_id, self.clock.now())
        role = snapshot.entity(session.principal_id)
        if snapshot.revoked(session) or role is None:
            raise AwsError("The security token included in the request is invalid.", code="InvalidClientTokenId")
        session_arn = arn.assumed_role(role.account, role.name, session.session_name)
        return Caller(role.account, "role", role.id, role.name, session_arn, access_key_id, session)

    def _answer(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        service = wire.load_service(event_name.split(".")[1])
        parts = urlsplit(request.url)
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        asked = HttpRequest(request.method, parts.path or "/", parts.query, headers, body)
        try:
            response = self._run(service, asked)
        except AwsError as error:
            response = wire.encode_error(service, error, "request-id")
        return AWSResponse(request.url, response.status, dict(response.headers), _Raw(response.body))

    def _run(self, service: wire.Service, request: HttpRequest) -> Any:
        operation = wire.match(service, request)
        params = wire.decode(operation, request)
        wire.validate(operation, params)
        found = handler(service.name, operation.name)
        if found is None:
            raise Unimplemented(f"{service.name}:{operation.name}")
        credential = re.search(r"Credential=(\w+)/", request.headers["authorization"])
        assert credential is not None
        caller = self.caller(credential.group(1), request.headers.get("x-amz-security-token"))
        context = self._context(caller)
        call = Call(
            caller, caller.account, REGION, "request-id", self.clock.now(), context, self.store,
            self.uses, self.workload, self.clock,  # type: ignore[arg-type]
        )  # fmt: skip
        with self.store.read() as conn:
            call.enter(lambda: conn)
            self._authorize(call, found.authorizations(call, params), found.always_allowed)
            arguments = found.bind(params)
            if not found.write and not found.is_async:
                return wire.encode(operation, found.function(call, **arguments), "request-id")
        if found.is_async:
            call.enter(None)
            return wire.encode(operation, asyncio.run(found.function(call, **arguments)), "request-id")
        with self.store.write() as conn:
            call.enter(lambda: conn)
            return wire.encode(operation, found.function(call, **arguments), "request-id")

    def _context(self, caller: Caller) -> dict[str, str | tuple[str, ...]]:
        context: dict[str, str | tuple[str, ...]] = {"aws:principalaccount": caller.account}
        if caller.kind == "user":
            context["aws:username"] = caller.name
        return context

    def _authorize(self, call: Call, checks: list[Any], always_allowed: bool) -> None:
        snapshot = self.store.snapshot()
        principal = callers.principal_of(call.caller, snapshot)
        policies = callers.policies_of(call.caller, snapshot)
        for check in checks if not always_allowed else ():
            context = {**call.context, **check.context}
            decision = evaluate(Request(principal, check.action, check.resource, context), check.also(policies))
            if not decision.allowed:
                raise AccessDenied(
                    f"User: {call.caller.arn} is not authorized to perform: {check.action} "
                    f"on resource: {check.resource} {decision.reason(check.action)}"
                )


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test that has a store is run on both databases; STORE=sqlite in the environment: on that one only."""
    if "store_url" in metafunc.fixturenames:
        only = os.environ.get("STORE")
        metafunc.parametrize("store_url", [only] if only else ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def store_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """What open_store() takes to open a store on the database of this run."""
    if request.param == "sqlite":
        yield ""
        return
    with request.getfixturevalue("cluster").database(lent=True) as url:
        yield url


@pytest.fixture
def world(tmp_path: Path, clock: TestClock, store_url: str) -> Iterator[World]:
    with stores.lent(tmp_path / "data", clock, store_url) as store:
        made = World(store, clock)
        yield made
        made.close()


@pytest.fixture(name="iam")
def iam_client(world: World) -> Any:
    """The administrator's IAM client."""
    return world.iam


@pytest.fixture
def refused() -> Callable[..., str]:
    """Calls something that must fail with a code; returns the message."""

    def check(code: str, function: Callable[..., Any], /, **params: Any) -> str:
        with pytest.raises(ClientError) as caught:
            function(**params)
        error = caught.value.response["Error"]
        assert error["Code"] == code, error
        return str(error["Message"])

    return check
