"""What Describe operations, tags and ownership say."""

from typing import Any

import pytest

from kansatsu.services.ec2 import ownership
from services.conftest import ACCOUNT
from services.ec2_world import Ec2World, cloud

__all__ = ["cloud"]

AMI = "ami-" + "ab" * 8 + "a"


def ids(cloud: Ec2World, *filters: tuple[str, list[str]]) -> set[str]:
    found = cloud.ec2.describe_instances(Filters=[{"Name": name, "Values": values} for name, values in filters])
    return {item["InstanceId"] for entry in found["Reservations"] for item in entry["Instances"]}


FILTERS: list[tuple[list[tuple[str, list[str]]], set[str]]] = [
    ([("instance-state-name", ["running"])], {"web", "db"}),
    ([("instance-state-name", ["stopped", "running"])], {"web", "db", "old"}),
    ([("instance-state-code", ["80"])], {"old"}),
    ([("tag:Stage", ["prod"])], {"web"}),
    ([("tag:Stage", ["p*", "d?v"])], {"web", "db"}),
    ([("tag:Stage", ["PROD"])], set()),
    ([("tag-key", ["Stage"]), ("tag:Name", ["db"])], {"db"}),
    ([("tag-value", ["dev"])], {"db"}),
    ([("iam-instance-profile.arn", [f"arn:aws:iam::{ACCOUNT}:instance-profile/P"])], {"web"}),
    ([("image-id", [AMI])], {"web", "db", "old"}),
    ([("private-ip-address", ["10.88.0.2"])], {"db"}),
    ([("vpc-id", ["vpc-1"])], set()),
    ([("instance-type", ["cont*"])], {"web", "db", "old"}),
    ([("instance-type", ["cont\\*"])], set()),
    ([("tag:Name", ["w?b"]), ("tag:Stage", ["dev"])], set()),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERS)
def test_filters(cloud: Ec2World, filters: list[tuple[str, list[str]]], expected: set[str]) -> None:
    cloud.profile("P")
    names = {name: cloud.container(name) for name in ("web", "db", "old")}
    cloud.ec2.create_tags(Resources=[names["web"]], Tags=[{"Key": "Stage", "Value": "prod"}])
    cloud.ec2.create_tags(Resources=[names["db"]], Tags=[{"Key": "Stage", "Value": "dev"}])
    cloud.ec2.associate_iam_instance_profile(InstanceId=names["web"], IamInstanceProfile={"Name": "P"})
    cloud.provider.halt(next(key for key, item in cloud.provider.containers.items() if item.name == "old"))
    cloud.settle()
    assert ids(cloud, *filters) == {names[name] for name in expected}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"InstanceIds": ["i-00000000000000000"]}, "InvalidInstanceID.NotFound"),
        ({"InstanceIds": ["i-xyz"]}, "InvalidInstanceID.Malformed"),
        ({"Filters": [{"Name": "colour", "Values": ["red"]}]}, "InvalidParameterValue"),
        ({"InstanceIds": ["i-00000000000000000"], "MaxResults": 5}, "InvalidParameterCombination"),
    ],
)
def test_describe_instances_errors(cloud: Ec2World, refused: Any, params: dict[str, Any], code: str) -> None:
    refused(code, cloud.ec2.describe_instances, **params)


def test_status(cloud: Ec2World) -> None:
    good, bad = cloud.container("good"), cloud.container("bad")
    member = cloud.workload.fleet.find(bad)
    assert member is not None and member.handle is not None
    cloud.run(member.handle.close())
    member.handle = None
    statuses = cloud.ec2.describe_instance_status()["InstanceStatuses"]
    assert {item["InstanceId"]: item["InstanceStatus"]["Status"] for item in statuses} == {good: "ok", bad: "impaired"}
    impaired = cloud.ec2.describe_instance_status(Filters=[{"Name": "instance-status.status", "Values": ["impaired"]}])
    assert [item["InstanceId"] for item in impaired["InstanceStatuses"]] == [bad]


ATTRIBUTES = {
    "instanceType": ("InstanceType", {"Value": "container"}),
    "userData": ("UserData", {}),
    "disableApiTermination": ("DisableApiTermination", {"Value": False}),
    "groupSet": ("Groups", []),
}


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_attribute(cloud: Ec2World, attribute: str) -> None:
    answer = cloud.ec2.describe_instance_attribute(InstanceId=cloud.container(), Attribute=attribute)
    member, value = ATTRIBUTES[attribute]
    assert answer[member] == value


@pytest.mark.parametrize(("attribute", "code"), [("kernel", "NotImplemented"), ("colour", "InvalidParameterValue")])
def test_attribute_that_is_not_there(cloud: Ec2World, refused: Any, attribute: str, code: str) -> None:
    refused(code, cloud.ec2.describe_instance_attribute, InstanceId=cloud.container(), Attribute=attribute)


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, 1),
        ({"Owners": ["self"]}, 1),
        ({"Owners": ["amazon"]}, 0),
        ({"Owners": [ACCOUNT], "Filters": [{"Name": "name", "Values": ["*fake*"]}]}, 1),
        ({"Filters": [{"Name": "state", "Values": ["pending"]}]}, 0),
        ({"ImageIds": [AMI]}, 1),
    ],
)
def test_images(cloud: Ec2World, params: dict[str, Any], found: int) -> None:
    images = cloud.ec2.describe_images(**params)["Images"]
    assert len(images) == found and all(image["ImageId"] == AMI for image in images)


def test_tags(cloud: Ec2World, refused: Any) -> None:
    one, two = cloud.container("one"), cloud.container("two")
    cloud.ec2.create_tags(Resources=[one, two], Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}])
    found = cloud.ec2.describe_tags(
        Filters=[{"Name": "resource-id", "Values": [one]}, {"Name": "key", "Values": ["a"]}]
    )
    assert found["Tags"] == [{"ResourceId": one, "ResourceType": "instance", "Key": "a", "Value": "1"}]
    cloud.ec2.delete_tags(Resources=[one], Tags=[{"Key": "a", "Value": "other"}, {"Key": "A"}])
    assert cloud.view(one).tags == {"Name": "one", "a": "1"}
    cloud.ec2.delete_tags(Resources=[two])
    assert cloud.view(two).tags == {}
    cloud.restart()
    assert cloud.view(one).tags == {"Name": "one", "a": "1"}
    refused("InvalidInstanceID.NotFound", cloud.ec2.create_tags,
            Resources=[one, "i-00000000000000000"], Tags=[{"Key": "b", "Value": ""}])  # fmt: skip
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    refused("TagLimitExceeded", cloud.ec2.create_tags, Resources=[one], Tags=many)
    assert cloud.view(one).tags == {"Name": "one", "a": "1"}


def test_who_may_tag(cloud: Ec2World, refused: Any) -> None:
    """A tag decides who may do what: whoever may only set Stage must not set Owner."""
    condition = {
        "ForAllValues:StringEquals": {"aws:TagKeys": ["Stage"]},
        "StringEquals": {"ec2:ResourceTag/Name": "one"},
    }
    allowed = {"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "*", "Condition": condition}
    client = cloud.client("ec2", cloud.user("tagger", allowed))
    one, two = cloud.container("one"), cloud.container("two")
    client.create_tags(Resources=[one], Tags=[{"Key": "Stage", "Value": "x"}])
    refused("AccessDenied", client.create_tags, Resources=[one], Tags=[{"Key": "Owner", "Value": "x"}])
    refused("AccessDenied", client.create_tags, Resources=[two], Tags=[{"Key": "Stage", "Value": "x"}])


THEIRS = "i-11111111111111111"
OWNERS: list[tuple[str, dict[str, Any], str]] = [
    ("RunInstances", {"ImageId": "ami-123"}, "ours"),
    ("AssociateIamInstanceProfile", {"InstanceId": THEIRS}, "ours"),
    ("DisassociateIamInstanceProfile", {"AssociationId": "iip-assoc-1"}, "ours"),
    ("DescribeInstances", {}, "both"),
    ("DescribeInstances", {"NextToken": "x"}, "backend"),
    ("DescribeInstances", {"InstanceIds": ["OURS"]}, "ours"),
    ("DescribeInstances", {"InstanceIds": [THEIRS]}, "backend"),
    ("DescribeInstances", {"InstanceIds": ["OURS", THEIRS]}, "refuse"),
    ("DescribeInstances", {"Filters": [{"Name": "instance-id", "Values": ["OURS"]}]}, "ours"),
    ("DescribeInstances", {"Filters": [{"Name": "instance-id", "Values": ["i-*"]}]}, "both"),
    ("DescribeTags", {"Filters": [{"Name": "resource-id", "Values": ["OURS"]}]}, "ours"),
    ("DescribeTags", {"Filters": [{"Name": "resource-id", "Values": ["vpc-1"]}]}, "backend"),
    ("DescribeTags", {}, "both"),
    ("DescribeImages", {}, "both"),
    ("DescribeImages", {"ImageIds": [AMI]}, "ours"),
    ("DescribeImages", {"ImageIds": ["ami-1"]}, "backend"),
    ("CreateTags", {"Resources": ["OURS"]}, "ours"),
    ("CreateTags", {"Resources": ["vpc-1"]}, "backend"),
    ("CreateTags", {"Resources": ["OURS", "vpc-1"]}, "refuse"),
    ("StopInstances", {"InstanceIds": [THEIRS]}, "backend"),
    ("StopInstances", {"InstanceIds": ["OURS"]}, "ours"),
    ("ModifyInstanceAttribute", {"InstanceId": "OURS"}, "refuse"),
    ("ModifyInstanceAttribute", {"InstanceId": THEIRS}, "backend"),
    ("DescribeVolumes", {"Filters": [{"Name": "attachment.instance-id", "Values": ["OURS"]}]}, "refuse"),
    ("CreateImage", {"InstanceId": "OURS", "Name": "x"}, "refuse"),
    ("DescribeVpcs", {}, "backend"),
]


@pytest.mark.parametrize(("operation", "params", "expected"), OWNERS)
def test_owner(cloud: Ec2World, operation: str, params: dict[str, Any], expected: str) -> None:
    mine = cloud.container()

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: put(item) for key, item in value.items()}
        if isinstance(value, list):
            return [put(item) for item in value]
        return mine if value == "OURS" else value

    assert ownership.owner(cloud.workload, operation, put(params)) == expected


def test_merge() -> None:
    ours = {"Reservations": [{"ReservationId": "r-1"}]}
    theirs = {"Reservations": [{"ReservationId": "r-2"}], "NextToken": "n", "ResponseMetadata": {}}
    assert ownership.merge("DescribeInstances", ours, theirs) == {
        "Reservations": [{"ReservationId": "r-1"}, {"ReservationId": "r-2"}],
        "NextToken": "n",
    }


def test_another_accounts_instance_does_not_exist(cloud: Ec2World, refused: Any) -> None:
    """The attack: an id learnt elsewhere is used from another account."""
    cloud.provider.add("theirs")
    member = cloud.run(cloud.workload.register("999999999999", "us-east-1", "theirs", {}))
    for operation in ("describe_instances", "stop_instances", "start_instances", "terminate_instances"):
        refused("InvalidInstanceID.NotFound", getattr(cloud.ec2, operation), InstanceIds=[member.instance.id])
    assert ids(cloud) == set()
    assert cloud.ec2.describe_tags()["Tags"] == []
