"""RunInstances and the life of an instance, as the EC2 API shows it."""

import base64
from typing import Any

import pytest

from kansatsu.workload.views import MetadataOptions
from services.conftest import ACCOUNT
from services.ec2_world import Ec2World, cloud

__all__ = ["cloud"]

AMI = "ami-" + "ab" * 8 + "a"
INSTANCES = f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/*"


def run(cloud: Ec2World, client: Any = None, **params: Any) -> list[str]:
    answer = (client or cloud.ec2).run_instances(**{"ImageId": AMI, "MinCount": 1, "MaxCount": 1, **params})
    return [item["InstanceId"] for item in answer["Instances"]]


def shown(cloud: Ec2World, instance_id: str) -> dict[str, Any]:
    return cloud.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]


def test_run_start_stop_terminate(cloud: Ec2World) -> None:
    cloud.profile("P", role="R")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Stage", "Value": "test"}]}]
    answer = cloud.ec2.run_instances(
        ImageId=AMI, MinCount=1, MaxCount=1, InstanceType="t3.nano", SubnetId="subnet-2", SecurityGroupIds=["sg-2"],
        IamInstanceProfile={"Name": "P"}, TagSpecifications=tags, UserData="#!/bin/sh\necho hello\n",
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 3},
    )  # fmt: skip
    first = answer["Instances"][0]
    instance_id = first["InstanceId"]
    assert first["State"] == {"Code": 0, "Name": "pending"}
    cloud.settle()
    item = shown(cloud, instance_id)
    assert item["State"] == {"Code": 16, "Name": "running"}
    assert (item["SubnetId"], item["VpcId"], item["InstanceType"]) == ("subnet-2", "vpc-2", "t3.nano")
    assert item["SecurityGroups"] == [{"GroupId": "sg-2", "GroupName": "web"}]
    assert item["Tags"] == [{"Key": "Stage", "Value": "test"}]
    assert cloud.view(instance_id).options == MetadataOptions("required", "enabled", 3, "disabled")
    assert cloud.view(instance_id).facts.user_data == b"#!/bin/sh\necho hello\n"
    assert [script for _, script in cloud.provider.scripts] == [b"#!/bin/sh\necho hello\n"]
    issued = cloud.credentials(instance_id)
    change = cloud.ec2.stop_instances(InstanceIds=[instance_id])["StoppingInstances"][0]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "stopping")
    cloud.settle()
    assert shown(cloud, instance_id)["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    cloud.ec2.start_instances(InstanceIds=[instance_id])
    cloud.settle()
    assert shown(cloud, instance_id)["State"]["Name"] == "running"
    assert len(cloud.provider.scripts) == 1  # user data runs at the first start only
    assert cloud.credentials(instance_id) == issued
    cloud.ec2.terminate_instances(InstanceIds=[instance_id])
    cloud.settle()
    gone = shown(cloud, instance_id)
    assert gone["State"] == {"Code": 48, "Name": "terminated"} and "IamInstanceProfile" not in gone
    assert not cloud.works(issued) and not cloud.provider.containers and not cloud.server.open
    again = cloud.ec2.terminate_instances(InstanceIds=[instance_id])["TerminatingInstances"][0]
    assert again["CurrentState"]["Name"] == "terminated"


def test_default_subnet_and_group_are_the_backends(cloud: Ec2World) -> None:
    (instance_id,) = run(cloud)
    item = shown(cloud, instance_id)
    assert (item["SubnetId"], item["VpcId"], item["Placement"]["AvailabilityZone"]) == (
        "subnet-1",
        "vpc-1",
        "us-east-1a",
    )
    assert item["SecurityGroups"] == [{"GroupId": "sg-1", "GroupName": "default"}]


def test_client_token(cloud: Ec2World, refused: Any) -> None:
    first = run(cloud, ClientToken="t", MaxCount=2)
    assert len(first) == 2 and run(cloud, ClientToken="t", MaxCount=2) == first
    message = refused("IdempotentParameterMismatch", run, cloud=cloud, ClientToken="t", MaxCount=3)
    assert message.startswith("Arguments on this idempotent request are inconsistent")
    assert run(cloud, ClientToken="u", MaxCount=2) != first


RUN_ERRORS: list[tuple[dict[str, Any], str, str]] = [
    ({"ImageId": "ami-00000000000000000"}, "InvalidAMIID.NotFound",
     "The image id '[ami-00000000000000000]' does not exist"),
    ({"ImageId": "nginx"}, "InvalidAMIID.Malformed", 'Invalid id: "nginx" (expecting "ami-...")'),
    ({"MinCount": 0}, "InvalidParameterValue", "minCount"),
    ({"MinCount": 3, "MaxCount": 2}, "InvalidParameterCombination", "maxCount (2)"),
    ({"MaxCount": 1000}, "InvalidParameterValue", "maxCount"),
    ({"SubnetId": "subnet-9"}, "InvalidSubnetID.NotFound", "subnet-9"),
    ({"SecurityGroupIds": ["sg-9"]}, "InvalidGroup.NotFound", "sg-9"),
    ({"SubnetId": "subnet-1", "SecurityGroupIds": ["sg-2"]}, "InvalidParameter", "belong to different networks"),
    ({"InstanceType": "t9.huge"}, "InvalidParameterValue", "Invalid value 't9.huge' for InstanceType."),
    ({"IamInstanceProfile": {"Name": "none"}}, "InvalidParameterValue", "Invalid IAM Instance Profile name"),
    ({"MetadataOptions": {"HttpPutResponseHopLimit": 65}}, "InvalidParameterValue", "65"),
    ({"MetadataOptions": {"HttpTokens": "maybe"}}, "InvalidParameterValue", "maybe"),
    ({"DisableApiTermination": True}, "UnsupportedOperation", "DisableApiTermination"),
    ({"KeyName": "key"}, "NotImplemented", "KeyName"),
    ({"BlockDeviceMappings": [{"DeviceName": "/dev/sda1"}]}, "NotImplemented", "BlockDeviceMappings"),
    ({"TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "a", "Value": "b"}]}]}, "NotImplemented",
     "volume"),
    ({"TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "aws:x", "Value": "b"}]}]},
     "InvalidParameterValue", "aws:"),
    ({"UserData": base64.b64encode(b"x" * 16385).decode()}, "InvalidParameterValue", "16384"),
    ({"DryRun": True}, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("params", "code", "text"), RUN_ERRORS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_run_errors(cloud: Ec2World, refused: Any, params: dict[str, Any], code: str, text: str) -> None:
    call = cloud.ec2.run_instances
    if "UserData" in params:
        # botocore encodes once more: undo that, so that the limit itself is what is tested.
        params = {"UserData": base64.b64decode(params["UserData"])}
    assert text in refused(code, call, **{"ImageId": AMI, "MinCount": 1, "MaxCount": 1, **params})
    assert not cloud.provider.events


def test_user_data_that_is_not_base64(cloud: Ec2World, refused: Any) -> None:
    cloud.ec2 = cloud.client("ec2", altered=True)
    cloud.ec2.meta.events.unregister("before-parameter-build.ec2.RunInstances")
    handlers = cloud.ec2.meta.events
    handlers.register("before-call.ec2.RunInstances", lambda params, **_: params["body"].update(UserData="%%%"))
    assert "Invalid BASE64 encoding" in refused("InvalidParameterValue", run, cloud=cloud, UserData="x")


def test_dry_run_is_refused_to_who_may_not(cloud: Ec2World, refused: Any) -> None:
    client = cloud.client("ec2", cloud.user("nobody"))
    refused("AccessDenied", run, cloud=cloud, client=client, DryRun=True)


RUN = {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*"}
PASS = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
TAG = {"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": INSTANCES,
       "Condition": {"StringEquals": {"ec2:CreateAction": "RunInstances"}}}  # fmt: skip
TAGGED = {"TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Stage", "Value": "test"}]}]}
WITH_ROLE = {"IamInstanceProfile": {"Name": "P"}}


@pytest.mark.parametrize(
    ("statements", "params", "denied"),
    [
        ([RUN], {}, ""),
        ([RUN | {"Resource": INSTANCES}], {}, "ec2:RunInstances"),
        ([RUN | {"Resource": [INSTANCES, f"arn:aws:ec2:us-east-1::image/{AMI}", "arn:aws:ec2:*:*:subnet/*",
                              "arn:aws:ec2:*:*:network-interface/*", "arn:aws:ec2:*:*:security-group/*"]}], {}, ""),
        ([RUN], WITH_ROLE, "iam:PassRole"),
        ([RUN, PASS], WITH_ROLE, ""),
        ([RUN], TAGGED, "ec2:CreateTags"),
        ([RUN, TAG], TAGGED, ""),
        ([RUN | {"Condition": {"StringEqualsIfExists": {"ec2:InstanceType": "t3.nano"}}}], {}, "ec2:RunInstances"),
        ([RUN | {"Condition": {"StringEqualsIfExists": {"ec2:InstanceType": "t3.nano"}}}],
         {"InstanceType": "t3.nano"}, ""),
        ([RUN | {"Condition": {"StringEqualsIfExists": {"ec2:MetadataHttpTokens": "required"}}}], {},
         "ec2:RunInstances"),
    ],
)  # fmt: skip
def test_who_may_run(cloud: Ec2World, refused: Any, statements: Any, params: dict[str, Any], denied: str) -> None:
    cloud.profile("P", role="R")
    client = cloud.client("ec2", cloud.user("operator", *statements))
    if denied:
        assert f"perform: {denied}" in refused("AccessDenied", run, cloud=cloud, client=client, **params)
        assert not cloud.provider.events
    else:
        run(cloud, client, **params)


@pytest.mark.parametrize("operation", ["stop_instances", "start_instances", "reboot_instances", "terminate_instances"])
def test_an_adopted_container_is_its_own_engines(cloud: Ec2World, refused: Any, operation: str) -> None:
    instance_id = cloud.container("web")
    message = refused("OperationNotPermitted", getattr(cloud.ec2, operation), InstanceIds=[instance_id])
    assert "container web" in message and f"kansatsu instance rm {instance_id}" in message
    assert cloud.provider.events == []


def test_nothing_happens_when_one_of_several_is_wrong(cloud: Ec2World, refused: Any) -> None:
    (instance_id,) = run(cloud)
    cloud.settle()
    refused("InvalidInstanceID.NotFound", cloud.ec2.stop_instances, InstanceIds=[instance_id, "i-00000000000000000"])
    assert shown(cloud, instance_id)["State"]["Name"] == "running"


def test_states_that_do_not_allow_it(cloud: Ec2World, refused: Any) -> None:
    (instance_id,) = run(cloud)
    cloud.settle()
    cloud.ec2.terminate_instances(InstanceIds=[instance_id])
    cloud.settle()
    for operation in ("start_instances", "stop_instances", "reboot_instances"):
        refused("IncorrectInstanceState", getattr(cloud.ec2, operation), InstanceIds=[instance_id])


def test_reboot_keeps_identity(cloud: Ec2World) -> None:
    cloud.profile("P", role="R")
    (instance_id,) = run(cloud, **WITH_ROLE)
    cloud.settle()
    before, entered = cloud.credentials(instance_id), list(cloud.injector.entered)
    cloud.ec2.reboot_instances(InstanceIds=[instance_id])
    cloud.settle()
    assert ("restart", instance_id) in cloud.provider.events
    assert cloud.credentials(instance_id) == before and cloud.injector.entered == entered


OPTIONS: list[tuple[dict[str, Any], MetadataOptions]] = [
    ({"HttpTokens": "required"}, MetadataOptions("required", "enabled", 1, "disabled")),
    ({"HttpEndpoint": "disabled"}, MetadataOptions("optional", "disabled", 1, "disabled")),
    ({"HttpPutResponseHopLimit": 64, "InstanceMetadataTags": "enabled"},
     MetadataOptions("optional", "enabled", 64, "enabled")),
]  # fmt: skip


@pytest.mark.parametrize(("params", "expected"), OPTIONS)
def test_modify_metadata_options(cloud: Ec2World, params: dict[str, Any], expected: MetadataOptions) -> None:
    instance_id = cloud.container()
    cloud.ec2.modify_instance_metadata_options(InstanceId=instance_id, **params)
    assert cloud.view(instance_id).options == expected
    cloud.restart()
    assert cloud.view(instance_id).options == expected


@pytest.mark.parametrize("params", [{"HttpPutResponseHopLimit": 0}, {"HttpPutResponseHopLimit": 65},
                                    {"HttpTokens": "x"}, {"InstanceMetadataTags": "on"}])  # fmt: skip
def test_modify_metadata_options_refuses(cloud: Ec2World, refused: Any, params: dict[str, Any]) -> None:
    instance_id = cloud.container()
    refused("InvalidParameterValue", cloud.ec2.modify_instance_metadata_options, InstanceId=instance_id, **params)


def test_without_an_engine(cloud: Ec2World, refused: Any) -> None:
    cloud.workload._launcher = None
    assert "container engine" in refused("UnsupportedOperation", run, cloud=cloud)


def test_engine_away(cloud: Ec2World, refused: Any) -> None:
    cloud.provider.broken = "the container engine does not answer"
    assert "does not answer" in refused("ServiceUnavailable", run, cloud=cloud)
    refused("ServiceUnavailable", cloud.ec2.describe_images)
