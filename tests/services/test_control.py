"""The control API: who may register what, and the identity of processes."""

import json
import subprocess
import sys
from typing import Any

import pytest

from services.conftest import ACCOUNT
from services.ec2_world import Ec2World, cloud

__all__ = ["cloud"]

INSTANCES = f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/*"
ECS_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
REGISTER = {"Effect": "Allow", "Action": "kansatsu:RegisterInstance", "Resource": INSTANCES}
ASSOCIATE = {"Effect": "Allow", "Action": "ec2:AssociateIamInstanceProfile", "Resource": INSTANCES}
PROCESS = {"Effect": "Allow", "Action": "kansatsu:RegisterProcess", "Resource": "*"}
PASS = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": f"arn:aws:iam::{ACCOUNT}:role/R"}
PASS_ECS = PASS | {"Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}}
PASS_EC2 = PASS | {"Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}
TAG = {"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": INSTANCES}
WITH_PROFILE = {"InstanceProfile": "P"}
TAGS = {"Tags": [{"Key": "Stage", "Value": "test"}]}


@pytest.fixture
def child() -> Any:
    """A process that lives until its standard input is closed."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.mark.parametrize(
    ("statements", "params", "denied"),
    [
        ([], {}, "kansatsu:RegisterInstance"),
        ([REGISTER], {}, ""),
        ([REGISTER], WITH_PROFILE, "ec2:AssociateIamInstanceProfile"),
        ([REGISTER, ASSOCIATE], WITH_PROFILE, "iam:PassRole"),
        ([REGISTER, ASSOCIATE, PASS_ECS], WITH_PROFILE, "iam:PassRole"),
        ([REGISTER, ASSOCIATE, PASS_EC2], WITH_PROFILE, ""),
        ([REGISTER], TAGS, "ec2:CreateTags"),
        ([REGISTER, TAG], TAGS, ""),
    ],
)
def test_who_may_register(cloud: Ec2World, refused: Any, statements: Any, params: dict[str, Any], denied: str) -> None:
    cloud.profile("P", role="R")
    cloud.provider.add("web")
    client = cloud.client("kansatsu", cloud.user("operator", *statements))
    if denied:
        assert f"perform: {denied}" in refused("AccessDenied", client.register_instance, Container="web", **params)
        assert cloud.injector.entered == []
    else:
        client.register_instance(Container="web", **params)


def test_register_with_profile_and_tags(cloud: Ec2World, refused: Any) -> None:
    cloud.profile("P", role="R")
    cloud.profile("Q", role="S")
    cloud.provider.add("web")
    item = cloud.control.register_instance(Container="web", **WITH_PROFILE, **TAGS)["Workload"]
    assert item["InstanceProfile"]["Name"] == "P" and item["Role"]["Name"] == "R"
    assert cloud.view(item["Id"]).tags == {"Name": "web", "Stage": "test"}
    assert cloud.control.register_instance(Container="web", **WITH_PROFILE)["Workload"]["Id"] == item["Id"]
    refused("IncorrectState", cloud.control.register_instance, Container="web", InstanceProfile="Q")
    refused("InvalidParameterValue", cloud.control.register_instance, Container="web", InstanceProfile="none")


def test_who_may_deregister(cloud: Ec2World, refused: Any) -> None:
    instance_id = cloud.container("web")
    mine = {"Effect": "Allow", "Action": "kansatsu:DeregisterInstance", "Resource": INSTANCES,
            "Condition": {"StringEquals": {"aws:ResourceTag/Name": "mine"}}}  # fmt: skip
    client = cloud.client("kansatsu", cloud.user("operator", mine))
    refused("AccessDenied", client.deregister_instance, InstanceId=instance_id)
    other = cloud.container("mine")
    client.deregister_instance(InstanceId=other)
    refused("InvalidInstanceID.NotFound", cloud.control.deregister_instance, InstanceId="i-00000000000000000")


def test_a_process_with_a_role(cloud: Ec2World, child: Any) -> None:
    cloud.role("R", ECS_TRUST)
    answer = cloud.control.register_process(Role="R", Pid=child.pid)
    environment = answer["Environment"]
    assert environment == {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": answer["CredentialsUri"],
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": answer["AuthorizationToken"],
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    prefix, _, secret = answer["CredentialsUri"].rpartition("/")
    assert prefix == "http://127.0.0.1:9/v2/credentials" and len(secret) == 32
    process = cloud.workload.processes.find(secret)
    assert process is not None and process.authorization == answer["AuthorizationToken"]
    state = process.credentials()
    assert cloud.caller(state.access_key_id, state.token).arn == answer["Arn"]  # type: ignore[union-attr]
    assert answer["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/R/{answer['ProcessId']}"
    # INVARIANT: what is shown of a process does not contain its secrets.
    shown = json.dumps(cloud.control.describe_workloads()["Workloads"], default=str) + repr(process) + answer["Arn"]
    assert secret not in shown and process.authorization not in shown
    assert cloud.works(state)
    cloud.control.deregister_process(ProcessId=answer["ProcessId"])
    assert cloud.workload.processes.find(secret) is None
    assert not cloud.works(state)  # the keys that the command printed somewhere end with it


def test_a_process_with_a_profile_is_an_instance(cloud: Ec2World, child: Any) -> None:
    cloud.profile("P", role="R")
    answer = cloud.control.register_process(InstanceProfile="P", Pid=child.pid)
    assert answer["ProcessId"].startswith("i-")
    secret = answer["MetadataEndpoint"].rpartition("/")[2]
    process = cloud.workload.processes.find(secret)
    assert process is not None and process.instance is not None and process.instance.id == answer["ProcessId"]
    found = cloud.ec2.describe_instances(InstanceIds=[answer["ProcessId"]])["Reservations"][0]["Instances"][0]
    assert found["State"]["Name"] == "running" and found["IamInstanceProfile"]["Arn"].endswith("/P")
    cloud.restart()
    member = cloud.workload.fleet.find(answer["ProcessId"])
    assert member is not None and member.instance.state == "terminated"


@pytest.mark.parametrize("params", [{"Role": "R"}, {"InstanceProfile": "P"}])
def test_the_identity_ends_with_the_process(cloud: Ec2World, child: Any, params: dict[str, str]) -> None:
    """INVARIANT: a pid that is used again inherits nothing."""
    cloud.role("R", {**ECS_TRUST, "Statement": [*ECS_TRUST["Statement"], {
        "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})  # fmt: skip
    cloud.profile("P", role="R")
    answer = cloud.control.register_process(Pid=child.pid, **params)
    secret = answer["CredentialsUri"].rpartition("/")[2]
    assert cloud.workload.processes.find(secret) is not None
    child.stdin.close()
    child.wait()

    async def gone() -> None:
        import asyncio

        async with asyncio.timeout(120):
            while cloud.workload.processes.find(secret) is not None or cloud.workload.processes._ending:
                await asyncio.sleep(0)

    cloud.run(gone())
    assert cloud.control.describe_workloads()["Workloads"] == []


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({}, "InvalidParameterCombination", "one of"),
        ({"Role": "R", "InstanceProfile": "P"}, "InvalidParameterCombination", "one of"),
        ({"Role": "none"}, "NoSuchEntity", "none"),
        ({"Role": "R"}, "AccessDenied", "does not allow ecs-tasks.amazonaws.com"),
        ({"Role": "R", "Service": "lambda.amazonaws.com"}, "AccessDenied", "does not allow lambda.amazonaws.com"),
        ({"InstanceProfile": "none"}, "InvalidParameterValue", "none"),
        ({"InstanceProfile": "Empty"}, "IncorrectState", "does not contain a role"),
        ({"InstanceProfile": "P", "Service": "ecs-tasks.amazonaws.com"}, "InvalidParameterValue", "ec2.amazonaws.com"),
        ({"Role": "R", "Service": "ec2.amazonaws.com", "Pid": 2**22 + 1}, "InvalidParameterValue", "no process"),
    ],
)
def test_register_process_refuses(
    cloud: Ec2World, refused: Any, child: Any, params: dict[str, Any], code: str, text: str
) -> None:
    cloud.profile("P", role="R")
    cloud.profile("Empty")
    assert text in refused(code, cloud.control.register_process, **{"Pid": child.pid, **params})
    assert cloud.control.describe_workloads()["Workloads"] == []


@pytest.mark.parametrize(
    ("statements", "params", "denied"),
    [
        ([PASS], {"Role": "R"}, "kansatsu:RegisterProcess"),
        ([PROCESS], {"Role": "R"}, "iam:PassRole"),
        ([PROCESS, PASS_EC2], {"Role": "R"}, "iam:PassRole"),
        ([PROCESS, PASS_ECS], {"Role": "R"}, ""),
        ([PROCESS, PASS_ECS], {"InstanceProfile": "P"}, "iam:PassRole"),
        ([PROCESS], {"InstanceProfile": "P"}, "iam:PassRole"),
    ],
)
def test_who_may_run_as_a_role(
    cloud: Ec2World, refused: Any, child: Any, statements: Any, params: dict[str, str], denied: str
) -> None:
    """The attack: a user who may not pass a role lets a process of his run as it."""
    cloud.role("R", ECS_TRUST)
    cloud.profile("P", role="R")
    client = cloud.client("kansatsu", cloud.user("operator", *statements))
    if denied:
        assert f"perform: {denied}" in refused("AccessDenied", client.register_process, Pid=child.pid, **params)
    else:
        client.register_process(Pid=child.pid, **params)


def test_another_users_process_cannot_be_ended_without_permission(cloud: Ec2World, refused: Any, child: Any) -> None:
    cloud.role("R", ECS_TRUST)
    answer = cloud.control.register_process(Role="R", Pid=child.pid)
    client = cloud.client("kansatsu", cloud.user("nobody"))
    refused("AccessDenied", client.deregister_process, ProcessId=answer["ProcessId"])
    refused("NoSuchProcess", cloud.control.deregister_process, ProcessId="p-00000000000000000")
