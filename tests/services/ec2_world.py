"""EC2 and the control API over boto3, in process: real store and workloads, an engine that exists in memory only."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

import botocore.session
import pytest
from botocore.config import Config

import kansatsu
import stores
from kansatsu import services, wire
from kansatsu.errors import AwsError, Unimplemented
from kansatsu.http import HttpRequest
from kansatsu.identity import ExpiredToken, Store
from kansatsu.policy import Request, evaluate
from kansatsu.resources import KINDS, Accounts, Knowledge, Resources
from kansatsu.services import callers
from kansatsu.services.registry import Call, Caller, handler
from kansatsu.workload import Workload, WorkloadSettings
from kansatsu.workload.fakes import FakeInjector, FakeProvider, FakeServer
from kansatsu.workload.views import Credentials, InstanceView
from services.conftest import ACCOUNT, NO_KEYS, REGION, TestClock, World

SUBNETS = [
    {"SubnetId": "subnet-1", "VpcId": "vpc-1", "AvailabilityZone": "us-east-1a", "AvailabilityZoneId": "use1-az1"},
    {"SubnetId": "subnet-2", "VpcId": "vpc-2", "AvailabilityZone": "us-east-1b", "AvailabilityZoneId": "use1-az2"},
]
GROUPS = [
    {"GroupId": "sg-1", "GroupName": "default", "VpcId": "vpc-1"},
    {"GroupId": "sg-2", "GroupName": "web", "VpcId": "vpc-2"},
]


async def backend(_account: str, _region: str, _service: str, operation: str, params: Mapping[str, Any]) -> Any:
    """A backend with two subnets and two groups; the first subnet is the default one."""
    if operation == "DescribeInstanceTypes":
        if params["InstanceTypes"] == ["t9.huge"]:
            raise AwsError("The following supplied instance types do not exist: [t9.huge]", code="InvalidInstanceType")
        return {"InstanceTypes": [{}]}
    if operation == "DescribeSubnets":
        wanted = params.get("SubnetIds", ["subnet-1"])
        found = [item for item in SUBNETS if item["SubnetId"] in wanted]
        if len(found) != len(wanted):
            raise AwsError(f"The subnet ID '{wanted[0]}' does not exist", code="InvalidSubnetID.NotFound")
        return {"Subnets": found}
    wanted = params.get("GroupIds", ["sg-1"])
    found = [item for item in GROUPS if item["GroupId"] in wanted]
    if len(found) != len(wanted):
        raise AwsError(f"The security group '{wanted[0]}' does not exist", code="InvalidGroup.NotFound")
    return {"SecurityGroups": found}


async def without_policies(*_: Any) -> Any:
    """A backend whose resources have no policies."""
    raise AwsError("There is no such operation.", code="NotImplemented", status=501)


@cache
def _session() -> botocore.session.Session:
    """One for all tests: it remembers the models that it has read."""
    session = botocore.session.Session()
    session.get_component("data_loader").search_paths.append(str(Path(kansatsu.__file__).parent / "wire" / "models"))
    return session


class Ec2World(World):
    """A World whose operations may be asynchronous; one event loop, which runs only while it is asked something."""

    def __init__(self, store: Store, clock: TestClock, **settings: Any) -> None:
        services.load()
        self.loop = asyncio.new_event_loop()
        self.provider = FakeProvider()
        self.injector = FakeInjector()
        self.server = FakeServer()
        self.asked: list[tuple[str, str, str]] = []  # (who, action, Region)
        self.answers: dict[str, Any] = {}
        self.task_server: Any = FakeServer()
        # A watch of its own would look at the engine at moments that no test chose.
        never = {"poll": timedelta(days=1)}
        self.settings = WorkloadSettings(account=ACCOUNT, region=REGION, **(never | settings))
        super().__init__(store, clock)
        alone = Accounts(lambda: (ACCOUNT,), lambda _: True)
        self.resources = Resources(Knowledge(without_policies, clock, KINDS), without_policies, ACCOUNT, alone)
        self.workload = self.fresh_workload()
        self.begin()
        self.ec2 = self.client("ec2")
        self.control = self.client("kansatsu")

    def fresh_workload(self) -> Workload:
        made = Workload(
            self.store,
            self.clock,
            self.settings,
            self.server,
            serve_task=self.task_server,
            provider=self.provider,
            injector=self.injector,
            backend=backend,
            ask_as=self.ask_as,
        )
        made.process_endpoint = "http://127.0.0.1:9"
        return made

    async def ask_as(self, credentials: Credentials, region: str, service: str, operation: str, params: Any) -> Any:
        """What the gateway would say to a role: its policies decide, and `answers` has what comes of it."""
        caller = self.caller(credentials.access_key_id, credentials.token)
        if service == "ecs":
            self.asked.append((caller.arn, operation, region))
            return await self._handled(caller, wire.load_service("ecs").operation(operation), params)
        snapshot = self.store.snapshot()
        resource = params.get("SecretId", "*")
        action = f"{service}:{operation}"
        asked = Request(callers.principal_of(caller, snapshot), action, resource, {})
        self.asked.append((caller.arn, action, region))
        if not evaluate(asked, callers.policies_of(caller, snapshot)).allowed:
            said = f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource}"
            raise AwsError(said, code="AccessDeniedException", status=400)
        return self.answers[operation](params)

    def restart(self) -> None:
        """The control plane stops and starts again; containers run on."""
        self.run(self.workload.close())
        self.workload = self.fresh_workload()
        self.begin()

    def begin(self) -> None:
        """Start the control plane, and let it look at what runs already."""
        self.run(self.workload.start())
        self.run(self.workload.adopted())

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    def settle(self) -> None:
        """Let everything that was begun come to its end, look at the engine once, and let come of it what comes."""
        self.run(self.workload.launcher.settle())
        self.run(self.workload.runner.settle())
        self.run(self.workload.refresh())
        self.run(self.workload.runner.settle())

    def close(self) -> None:
        self.run(self.workload.close())
        self.loop.close()
        super().close()

    @staticmethod
    def _made(service: str) -> Any:
        if service != "kansatsu":
            return World._made(service)
        return _session().create_client(
            service,
            region_name=REGION,
            endpoint_url="http://127.0.0.1:1",
            config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
            **NO_KEYS,
        )

    def profile(self, name: str, *, role: str | None = None, trust: object = None) -> dict[str, Any]:
        """An instance profile, with a role of that name when one is given (it is made when it does not exist)."""
        made = self.iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]
        if role is not None:
            if trust is not None:
                self.role(role, trust)
            elif self.store.snapshot().find(ACCOUNT, "role", role) is None:
                self.role(role)
            self.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)
        return cast("dict[str, Any]", made)

    def container(self, name: str = "web", **how: Any) -> str:
        """A container that somebody else started and that is registered now; returns the instance id."""
        self.provider.add(name, **how)
        return cast("str", self.control.register_instance(Container=name)["Workload"]["Id"])

    def view(self, instance_id: str) -> InstanceView:
        """What the instance's own metadata service shows."""
        return self.server.view(instance_id)

    def credentials(self, instance_id: str, delivery: Any = "2.0") -> Credentials:
        state = self.view(instance_id).credentials(delivery)
        assert isinstance(state, Credentials), state
        return state

    def works(self, credentials: Credentials) -> bool:
        """Whether these credentials still name a principal."""
        try:
            self.caller(credentials.access_key_id, credentials.token)
        except (AwsError, ExpiredToken):
            return False
        return True

    def _run(self, service: wire.Service, request: HttpRequest) -> Any:
        operation = wire.match(service, request)
        params = wire.decode(operation, request)
        wire.validate(operation, params)
        found = handler(service.name, operation.name)
        if found is None or not found.is_async:
            if found is None:
                raise Unimplemented(f"{service.name}:{operation.name}")
            return super()._run(service, request)
        credential = re.search(r"Credential=(\w+)/", request.headers["authorization"])
        assert credential is not None
        caller = self.caller(credential.group(1), request.headers.get("x-amz-security-token"))
        return wire.encode(operation, self.run(self._handled(caller, operation, params)), "request-id")

    async def _handled(self, caller: Caller, operation: wire.Operation, params: Any) -> Any:
        """The result of an asynchronous operation, authorized."""
        found = handler(operation.service.name, operation.name)
        assert found is not None
        call = Call(
            caller, caller.account, REGION, "request-id", self.clock.now(), self._context(caller), self.store,
            self.uses, self.workload, self.clock, _resources=self.resources,  # type: ignore[arg-type]
        )  # fmt: skip
        with self.store.read() as conn:
            call.enter(lambda: conn)
            self._authorize(call, found.authorizations(call, params), found.always_allowed)
            arguments = found.bind(params)
        call.enter(None)
        return await found.function(call, **arguments)


@pytest.fixture
def cloud(tmp_path: Path, clock: TestClock, store_url: str, request: pytest.FixtureRequest) -> Iterator[Ec2World]:
    """An account with an engine. Settings come from `@pytest.mark.parametrize("cloud", [{...}], indirect=True)`."""
    with stores.lent(tmp_path / "data", clock, store_url) as store:
        made = Ec2World(store, clock, tokens=tmp_path / "tokens", **getattr(request, "param", {}))
        yield made
        made.close()
