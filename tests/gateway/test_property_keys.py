"""Condition keys that only the backend can tell, by real requests: told, not there, not told.

The backend is asked only where a policy may decide by such a key, in the account and Region of the resource; here its
answers are the cases' own, so that what the embedded backend lacks is tested too.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

from collections.abc import Mapping
from typing import Any

import pytest

from kansatsu.errors import AwsError, Unimplemented

from .conftest import ACCOUNT, Gateway
from .keys.properties import MAPPING, TOLD, Told
from .keys.world import REFUSED, Case, World
from .raw import REGION


class Backend:
    """Answers the questions of a case; whatever else is asked goes on."""

    def __init__(self, onward: Any) -> None:
        self._onward = onward
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, str, str]] = []

    async def ask(self, account: str, region: str, service: str, operation: str, params: Mapping[str, Any]) -> Any:
        name = f"{service}.{operation}"
        if name not in self.answers:
            return await self._onward(account, region, service, operation, params)
        self.asked.append((account, region, name))
        answer = self.answers[name]
        if isinstance(answer, AwsError):
            raise answer
        return answer


@pytest.fixture(scope="module")
def world(gateway: Gateway) -> World:
    return World(gateway)


@pytest.fixture
def backend(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Backend:
    conditions = gateway.resources.conditions
    made = Backend(conditions._ask)
    monkeypatch.setattr(conditions, "_ask", made.ask)
    monkeypatch.setattr(conditions._knowledge, "ask", made.ask)
    return made


@pytest.mark.parametrize("case", TOLD, ids=lambda case: f"{case}-{case.question}")
def test_a_key_decides(world: World, backend: Backend, case: Told) -> None:
    backend.answers[case.question] = case.answer
    world.allow(*case.statements(world, case.wrong))
    assert case.code(world) in REFUSED, f"{case.key} with another value"
    world.allow(*case.statements(world, case.right))
    assert case.code(world) not in REFUSED, f"{case.key} with its value"
    assert (ACCOUNT, REGION, case.question) in backend.asked


SIZE = next(case for case in TOLD if case.key == "ec2:VolumeSize")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (AwsError("no", code="InvalidVolume.NotFound", status=400), "UnauthorizedOperation"),
        ({"Volumes": []}, "UnauthorizedOperation"),
        # INVARIANT: what cannot be read refuses the request; it is never taken for absent.
        (AwsError("busy", code="RequestLimitExceeded", status=503), "ServiceUnavailable"),
        (Unimplemented("no such call"), "NotImplemented"),
    ],
)
def test_what_is_not_told_refuses(world: World, backend: Backend, answer: Any, code: str) -> None:
    """Also a Deny by that key, which would not meet a key that is absent."""
    backend.answers[SIZE.question] = answer
    world.allow(*SIZE.statements(world, SIZE.right))
    assert SIZE.code(world) == code
    if code != "UnauthorizedOperation":
        world.allow(
            {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "ec2:*", "Resource": "*", "Condition": {"NumericEquals": {SIZE.key: "8"}}},
        )
        assert SIZE.code(world) == code


def test_nobody_asks_where_no_policy_does(world: World, backend: Backend) -> None:
    backend.answers[SIZE.question] = SIZE.answer
    world.allow(
        {"Effect": "Allow", "Action": "ec2:*", "Resource": "*", "Condition": {"StringEquals": {"ec2:Vpc": "x"}}}
    )
    assert SIZE.code(world) == "UnauthorizedOperation"
    assert backend.asked == []


UNTOLD = [
    Case("ec2:SourceOutpostArn", "ec2.create_image", {"InstanceId": "i-1", "Name": "name"}, "x", "x"),
    Case("ec2:VolumeSize", "ec2.create_snapshots", {"InstanceSpecification": {"InstanceId": "i-1"}}, "x", "x"),
    Case("kms:TrailingDaysWithoutKeyUsage", "kms.schedule_key_deletion", {"KeyId": "alias/none"}, "1", "1"),
    Case("kms:KeySpec", "kms.encrypt", {"KeyId": "alias/none", "Plaintext": b"x"}, "x", "x"),
    Case("lambda:FunctionArn", "lambda.create_event_source_mapping", {"FunctionName": "function:f:1:2"}, "x", "x"),
]


@pytest.mark.parametrize("case", UNTOLD, ids=str)
def test_a_key_that_nobody_can_tell_refuses_where_a_policy_asks(world: World, case: Case) -> None:
    """The attack: a Deny by such a key would not apply, and the request would pass."""
    prefix = case.key.partition(":")[0]
    world.allow(
        {"Effect": "Allow", "Action": f"{prefix}:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {case.key: "x"}}},
    )
    assert case.code(world) in {"NotImplemented", "NotImplementedException", "Unimplemented"}


def test_a_mapping_goes_to_another_function_for_whom_both_are_allowed(world: World, backend: Backend) -> None:
    """The attack: who may manage the mappings of one function points them to another, or another's to his own."""
    mine, theirs = (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}" for name in ("mine", "theirs"))
    condition = {"Condition": {"ArnLike": {"lambda:FunctionArn": mine}}}
    world.allow({"Effect": "Allow", "Action": "lambda:*", "Resource": "*", **condition})
    for present, given, passes in ((mine, mine, True), (mine, theirs, False), (theirs, mine, False)):
        backend.answers["lambda.GetEventSourceMapping"] = {"FunctionArn": present}
        code = world.call("lambda.update_event_source_mapping", {**MAPPING, "FunctionName": given})
        assert (code not in REFUSED) is passes, (present, given)
    for name, passes in (("mine", True), ("theirs", False)):
        code = world.call("lambda.create_event_source_mapping", {"FunctionName": name})
        assert (code not in REFUSED) is passes, name


def test_the_embedded_backend_tells(gateway: Gateway, world: World) -> None:
    """The VPC of a security group, the aliases and the usage of a KMS key."""
    ec2, kms = gateway.client("ec2"), gateway.client("kms")
    vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName=world.keys.name, Description="d", VpcId=vpc)["GroupId"]
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    alias = f"alias/{world.keys.name}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    group_id, plain = {"GroupId": group}, {"KeyId": key, "Plaintext": b"x"}
    only = f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/"
    for case in (
        Case("kms:ResourceAliases", "kms.encrypt", plain, alias, "alias/other", "ForAnyValue:StringEquals"),
        Case("kms:KeyUsage", "kms.encrypt", plain, "ENCRYPT_DECRYPT", "SIGN_VERIFY"),
        Case("ec2:Vpc", "ec2.delete_security_group", group_id, only + vpc, only + "vpc-1", "ArnEquals"),
    ):
        world.allow(*case.statements(world, case.wrong))
        assert case.code(world) in REFUSED
        world.allow(*case.statements(world, case.right))
        assert case.code(world) == "", case.key
