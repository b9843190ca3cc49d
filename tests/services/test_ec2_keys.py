"""The condition keys of our own instances and of launches: right lets the request pass, wrong does not.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from services.conftest import ACCOUNT
from services.ec2_world import Ec2World, cloud
from services.test_ec2_instances import AMI

__all__ = ["cloud"]

Ask = Callable[[Any, str], Any]
PROFILE = f"arn:aws:iam::{ACCOUNT}:instance-profile/"


def look(client: Any, instance: str) -> Any:
    return client.describe_instance_attribute(InstanceId=instance, Attribute="instanceType")


def hand_over(client: Any, instance: str) -> Any:
    association = client.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"][0]
    return client.replace_iam_instance_profile_association(
        AssociationId=association["AssociationId"], IamInstanceProfile={"Name": "P2"}
    )


def modify(client: Any, instance: str) -> Any:
    return client.modify_instance_metadata_options(InstanceId=instance, HttpTokens="required")


def launch(**params: Any) -> Ask:
    return lambda client, _: client.run_instances(ImageId=AMI, MinCount=1, MaxCount=1, **params)


@dataclass(frozen=True)
class Case:
    """`action` and `resource` are those that have the key; everything else is allowed."""

    key: str
    ask: Ask
    right: str
    wrong: str
    operator: str = "StringEquals"
    resource: str = "arn:aws:ec2:*:*:instance/*"
    action: str = "ec2:*"

    def __str__(self) -> str:
        return f"{self.key}-{self.ask.__name__}"

    def statements(self, value: str) -> list[dict[str, Any]]:
        here = {"Effect": "Allow", "Condition": {self.operator: {self.key: value}}}
        free: list[dict[str, Any]] = [{"Effect": "Allow", "NotAction": self.action, "Resource": "*"}]
        if self.resource != "*":
            free.append({"Effect": "Allow", "Action": "*", "NotResource": self.resource})
        return [{**here, "Action": self.action, "Resource": self.resource}, *free]


TAGGED = [{"ResourceType": "instance", "Tags": [{"Key": "Team", "Value": "Blue"}]}]
IMAGE, CARD = "arn:aws:ec2:*::image/*", "arn:aws:ec2:*:*:network-interface/*"
SUBNET = f"arn:aws:ec2:us-east-1:{ACCOUNT}:subnet/subnet-"
TAGS_SHOWN = {"InstanceMetadataTags": "enabled"}
HOPS = "ec2:MetadataHttpPutResponseHopLimit"
CASES = [
    Case("ec2:InstanceProfile", look, f"{PROFILE}P", f"{PROFILE}P2", "ArnEquals"),
    Case("ec2:InstanceMarketType", look, "on-demand", "spot"),
    Case("ec2:InstanceMetadataTags", look, "disabled", "enabled"),
    Case("ec2:MetadataHttpTokens", look, "optional", "required"),
    Case("ec2:MetadataHttpEndpoint", look, "enabled", "disabled"),
    Case(HOPS, look, "1", "2", "NumericEquals"),
    Case("ec2:RootDeviceType", look, "instance-store", "ebs"),
    Case("ec2:Tenancy", look, "default", "host"),
    Case("ec2:EbsOptimized", look, "false", "true", "Bool"),
    Case("ec2:ResourceTag/Team", look, "Blue", "Red"),
    Case("aws:ResourceTag/Team", look, "Blue", "Red"),
    Case("ec2:NewInstanceProfile", hand_over, f"{PROFILE}P2", f"{PROFILE}P", "ArnEquals", action="ec2:Replace*"),
    Case("ec2:Attribute", modify, "HttpTokens", "HttpEndpoint"),
    Case("ec2:Attribute/HttpTokens", modify, "required", "optional"),
    Case("ec2:InstanceProfile", launch(IamInstanceProfile={"Name": "P"}), f"{PROFILE}P", f"{PROFILE}P2", "ArnEquals"),
    Case("ec2:MetadataHttpTokens", launch(MetadataOptions={"HttpTokens": "required"}), "required", "optional"),
    Case("ec2:MetadataHttpEndpoint", launch(MetadataOptions={"HttpEndpoint": "disabled"}), "disabled", "enabled"),
    Case(HOPS, launch(MetadataOptions={"HttpPutResponseHopLimit": 3}), "3", "1", "NumericEquals"),
    Case("ec2:InstanceMetadataTags", launch(MetadataOptions=TAGS_SHOWN), "enabled", "disabled"),
    Case("ec2:InstanceType", launch(InstanceType="t3.nano"), "t3.nano", "t3.micro"),
    Case("ec2:ImageID", launch(), AMI, "ami-1", resource=IMAGE),
    Case("ec2:ImageType", launch(), "machine", "kernel", resource=IMAGE),
    Case("ec2:Public", launch(), "false", "true", "Bool", IMAGE),
    Case("ec2:Subnet", launch(SubnetId="subnet-1"), f"{SUBNET}1", f"{SUBNET}2", "ArnEquals", CARD),
    Case("ec2:CreateAction", launch(TagSpecifications=TAGGED), "RunInstances", "CreateVolume", action="ec2:CreateTags"),
    Case("aws:RequestTag/Team", launch(TagSpecifications=TAGGED), "Blue", "Red"),
    Case("iam:PassedToService", launch(IamInstanceProfile={"Name": "P"}), "ec2.amazonaws.com",
         "ecs-tasks.amazonaws.com", resource="*", action="iam:PassRole"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_key_decides(cloud: Ec2World, case: Case) -> None:
    cloud.profile("P", role="R")
    cloud.profile("P2", role="R")
    instance = cloud.container()
    cloud.ec2.associate_iam_instance_profile(InstanceId=instance, IamInstanceProfile={"Name": "P"})
    cloud.ec2.create_tags(Resources=[instance], Tags=[{"Key": "Team", "Value": "Blue"}])
    with pytest.raises(ClientError) as refused:
        case.ask(cloud.client("ec2", cloud.user("wrong", *case.statements(case.wrong))), instance)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"  # the gateway makes EC2's own code of it
    case.ask(cloud.client("ec2", cloud.user("right", *case.statements(case.right))), instance)
