"""RunInstances and its kin, told to real containers of a local image by boto3 and the AWS CLI.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from story import Server, eventually, metadata, running
from world import CREDENTIALS, LISTER, asks, client, make_profile, policy, session_arn, shown, state, who_inside

from containers import PODMAN, Container, Engine, run

pytestmark = pytest.mark.root
SCRIPT = '#!/bin/sh\necho "ran as $(id -u)" >>/tmp/user-data\n'
QUICK = {"Delay": 1, "MaxAttempts": 40}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, engine: Engine, image: Callable[[str], str]) -> Iterator[Server]:
    image("python")
    with running(tmp_path_factory.mktemp("launch"), engine.url, real_time=True) as started:
        try:
            yield started
        finally:
            if started.healthy():
                _terminate_all(started)


def _terminate_all(server: Server) -> None:
    ec2 = client(server, "ec2")
    instances = [item for group in ec2.describe_instances()["Reservations"] for item in group["Instances"]]
    found = [item["InstanceId"] for item in instances if item["InstanceType"] != "container"]
    if found:
        ec2.terminate_instances(InstanceIds=found)
        ec2.get_waiter("instance_terminated").wait(InstanceIds=found, WaiterConfig=QUICK)


@pytest.fixture(scope="module")
def ami(server: Server) -> str:
    """The AMI id of the image `python`, as the AWS CLI lists it."""
    server.user("lister", policy("ec2:DescribeImages"))
    listed = server.aws("lister", "ec2", "describe-images", "--owners", "self")["Images"]
    [found] = {item["ImageId"] for item in listed if "kansatsu-test/python" in item["Name"]}
    digest = run(PODMAN, "image", "inspect", "--format", "{{.Id}}", "localhost/kansatsu-test/python:latest").stdout
    assert found == f"ami-{digest.strip().removeprefix('sha256:')[:17]}"
    return str(found)


@pytest.fixture(scope="module")
def launched(server: Server, ami: str) -> dict[str, Any]:
    """One instance with everything, as RunInstances answered; it runs."""
    make_profile(server, "launched", policy("s3:ListAllMyBuckets"))
    ec2 = client(server, "ec2")
    answer = ec2.run_instances(**_everything(ami))
    [instance] = answer["Instances"]
    assert instance["State"]["Name"] == "pending"
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance["InstanceId"]], WaiterConfig=QUICK)
    return dict(instance)


def _everything(ami: str) -> dict[str, Any]:
    return {
        "ImageId": ami,
        "MinCount": 1,
        "MaxCount": 1,
        "InstanceType": "t3.micro",
        "IamInstanceProfile": {"Name": "launched"},
        "UserData": SCRIPT,
        "ClientToken": "just-once",
        "MetadataOptions": {"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "red"}]}],
    }


def box(instance_id: str) -> Container:
    """The container that is an instance; its name is the instance id."""
    return Container(instance_id, instance_id)


def ran(instance_id: str) -> list[str]:
    """What user data wrote, run by run."""
    return box(instance_id).exec("sh", "-c", "cat /tmp/user-data", check=False).stdout.splitlines()


def test_a_launched_instance_is_described_and_has_its_role(server: Server, launched: dict[str, Any], ami: str) -> None:
    key = launched["InstanceId"]
    found = shown(server, key)
    assert (found["State"]["Name"], found["ImageId"], found["InstanceType"]) == ("running", ami, "t3.micro")
    assert found["Tags"] == [{"Key": "team", "Value": "red"}]
    assert found["IamInstanceProfile"]["Arn"].endswith(":instance-profile/launched")
    assert found["MetadataOptions"]["HttpTokens"] == "required"
    assert found["PrivateIpAddress"] in box(key).exec("ip", "addr").stdout
    ec2 = client(server, "ec2")
    [status] = ec2.describe_instance_status(InstanceIds=[key])["InstanceStatuses"]
    assert status["InstanceState"]["Name"] == "running"
    kind = ec2.describe_instance_attribute(InstanceId=key, Attribute="instanceType")
    assert kind["InstanceType"] == {"Value": "t3.micro"}
    # The role, and its name, as the metadata service of the instance gives them.
    assert metadata(box(key), CREDENTIALS)["body"] == "launched"
    assert metadata(box(key), "/latest/meta-data/instance-id")["body"] == key
    assert metadata(box(key), "/latest/meta-data/ami-id")["body"] == ami
    assert metadata(box(key), "/latest/meta-data/tags/instance/team")["body"] == "red"
    assert metadata(box(key), "/latest/user-data")["body"] == SCRIPT
    # The instance needs nothing of its own: no variable but the endpoint's and the region's, which Kansatsu sets.
    who = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    assert box(key).exec("python3", "-c", who).stdout.strip() == session_arn("launched", key)
    assert box(key).exec("aws", "s3api", "list-buckets").code == 0
    refused = box(key).exec("aws", "iam", "list-users", check=False)
    assert f"{session_arn('launched', key)} is not authorized to perform: iam:ListUsers" in refused.stderr


def test_a_client_token_launches_once(server: Server, launched: dict[str, Any], ami: str) -> None:
    ec2 = client(server, "ec2")
    again = ec2.run_instances(**_everything(ami))
    assert [item["InstanceId"] for item in again["Instances"]] == [launched["InstanceId"]]
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        ec2.run_instances(**_everything(ami) | {"InstanceType": "t3.small"})


def test_dry_runs_do_nothing(server: Server, launched: dict[str, Any], ami: str) -> None:
    ec2 = client(server, "ec2")
    before = ec2.describe_instances()["Reservations"]
    ids = {"InstanceIds": [launched["InstanceId"]], "DryRun": True}
    dry: list[Callable[[], Any]] = [
        lambda: ec2.run_instances(**_everything(ami) | {"DryRun": True, "ClientToken": "another"}),
        lambda: ec2.stop_instances(**ids),
        lambda: ec2.reboot_instances(**ids),
        lambda: ec2.terminate_instances(**ids),
    ]
    for call in dry:
        with pytest.raises(ClientError, match="DryRunOperation"):
            call()
    server.user("idle", LISTER)
    denied = server.aws("idle", "ec2", "terminate-instances", "--instance-ids", launched["InstanceId"], "--dry-run")
    assert "UnauthorizedOperation" in denied
    assert ec2.describe_instances()["Reservations"] == before


def test_stop_start_and_reboot_keep_who_it_is(server: Server, launched: dict[str, Any]) -> None:
    ec2, key = client(server, "ec2"), launched["InstanceId"]
    eventually(lambda: ran(key) == ["ran as 0"], lambda: ran(key))
    [change] = ec2.stop_instances(InstanceIds=[key], Force=True)["StoppingInstances"]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "stopping")
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[key], WaiterConfig=QUICK)
    assert box(key).pid() == 0
    with pytest.raises(ClientError, match="IncorrectInstanceState"):
        ec2.reboot_instances(InstanceIds=[key])
    ec2.start_instances(InstanceIds=[key])
    ec2.get_waiter("instance_running").wait(InstanceIds=[key], WaiterConfig=QUICK)
    who = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    assert box(key).exec("python3", "-c", who).stdout.strip() == session_arn("launched", key)

    first = box(key).pid()
    ec2.reboot_instances(InstanceIds=[key])
    # The application in these images does not heed SIGTERM: the engine waits its time, as for a machine that hangs.
    eventually(lambda: box(key).pid() not in (0, first))
    assert metadata(box(key), "/latest/meta-data/instance-id")["body"] == key
    assert state(server, key) == "running"
    assert ran(key) == ["ran as 0"]


TOKENLESS = """
import http.client
connection = http.client.HTTPConnection("169.254.169.254", timeout=60)
connection.request("GET", "/latest/meta-data/instance-id")
answer = connection.getresponse()
print(answer.status, answer.read().decode() if answer.status == 200 else "")
"""


def test_metadata_options_take_effect_at_once(server: Server, launched: dict[str, Any]) -> None:
    ec2, key = client(server, "ec2"), launched["InstanceId"]

    def tokenless() -> str:
        return box(key).exec("python3", "-c", TOKENLESS).stdout.strip()

    def modify(**options: Any) -> None:
        ec2.modify_instance_metadata_options(InstanceId=key, **options)

    path = "/latest/meta-data/instance-id"
    assert tokenless() == "401"
    modify(HttpTokens="optional")
    assert tokenless() == f"200 {key}"
    assert metadata(box(key), path)["status"] == 200
    token = metadata(box(key), path)["token"]
    modify(HttpEndpoint="disabled")
    assert tokenless() == "403"
    assert metadata(box(key), path)["status"] == 403
    assert metadata(box(key), path, token=token)["status"] == 403
    modify(HttpEndpoint="enabled", HttpTokens="required")
    assert tokenless() == "401"
    assert metadata(box(key), path, token=token)["status"] == 200
    modify(HttpPutResponseHopLimit=7)
    assert shown(server, key)["MetadataOptions"]["HttpPutResponseHopLimit"] == 7
    assert metadata(box(key), path)["status"] == 200
    modify(InstanceMetadataTags="disabled")
    assert metadata(box(key), "/latest/meta-data/tags/instance/team")["status"] == 404
    modify(InstanceMetadataTags="enabled")
    ec2.create_tags(Resources=[key], Tags=[{"Key": "stage", "Value": "test"}])
    assert metadata(box(key), "/latest/meta-data/tags/instance/stage")["body"] == "test"
    for wrong in ({"HttpTokens": "maybe"}, {"HttpPutResponseHopLimit": 65}):
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            modify(**wrong)


def test_several_at_once_are_several_identities_and_end_for_good(server: Server, ami: str) -> None:
    make_profile(server, "crowd")
    ec2 = client(server, "ec2")
    answer = ec2.run_instances(ImageId=ami, MinCount=2, MaxCount=2, IamInstanceProfile={"Name": "crowd"})
    ids = [item["InstanceId"] for item in answer["Instances"]]
    assert len(set(ids)) == 2
    ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig=QUICK)
    documents = []
    for key in ids:
        assert metadata(box(key), "/latest/meta-data/instance-id")["body"] == key
        documents.append(json.loads(metadata(box(key), CREDENTIALS + "crowd")["body"]))
    assert len({document["AccessKeyId"] for document in documents}) == 2
    ec2.terminate_instances(InstanceIds=ids)
    ec2.get_waiter("instance_terminated").wait(InstanceIds=ids, WaiterConfig=QUICK)

    def left() -> list[str]:
        names = run(PODMAN, "ps", "-a", "--format", "{{.Names}}").stdout.split()
        return [name for name in names if any(name.startswith(key) for key in ids)]

    eventually(lambda: not left(), left)
    for document in documents:
        token = document["Token"]
        sts = server.client("sts", (document["AccessKeyId"], document["SecretAccessKey"]), token)
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            sts.get_caller_identity()
    with pytest.raises(ClientError, match="IncorrectInstanceState"):
        ec2.start_instances(InstanceIds=ids)


def test_images_and_profiles_that_are_not_there(server: Server, ami: str) -> None:
    ec2 = client(server, "ec2")
    cases: list[tuple[str, dict[str, Any]]] = [
        ("InvalidAMIID.NotFound", {"ImageId": "ami-0123456789abcdef0"}),
        ("InvalidAMIID.Malformed", {"ImageId": "python:latest"}),
        ("InvalidParameterValue", {"ImageId": ami, "IamInstanceProfile": {"Name": "nowhere"}}),
        ("InvalidSubnetID.NotFound", {"ImageId": ami, "SubnetId": "subnet-0123456789abcdef0"}),
        ("InvalidGroup.NotFound", {"ImageId": ami, "SecurityGroupIds": ["sg-0123456789abcdef0"]}),
        ("InvalidParameterCombination", {"ImageId": ami, "MinCount": 2, "MaxCount": 1}),
    ]
    before = len(ec2.describe_instances()["Reservations"])
    for code, wrong in cases:
        with pytest.raises(ClientError) as caught:
            ec2.run_instances(**{"MinCount": 1, "MaxCount": 1} | wrong)
        assert caught.value.response["Error"]["Code"] == code, wrong
    assert len(ec2.describe_instances()["Reservations"]) == before


def test_a_container_with_the_label_is_an_instance_by_itself(
    server: Server, run_container: Callable[..., Container]
) -> None:
    """`podman run --label kansatsu.instance-profile=NAME`, or the same line in a compose file, is enough."""
    make_profile(server, "labelled")
    container = run_container("python", labels={"kansatsu.instance-profile": "labelled"})
    eventually(lambda: asks(container, CREDENTIALS) == "labelled")
    key = metadata(container, "/latest/meta-data/instance-id")["body"]
    assert who_inside(container) == session_arn("labelled", key)
    assert {"Key": "Name", "Value": container.name} in shown(server, key)["Tags"]
    # One whose profile is made later waits for it.
    early = run_container("python", labels={"kansatsu.instance-profile": "to-come"})
    eventually(lambda: asks(early).startswith("i-"))
    assert metadata(early, CREDENTIALS)["status"] == 404
    make_profile(server, "to-come")
    eventually(lambda: metadata(early, CREDENTIALS)["body"] == "to-come")
    # Taken off, it stays off, whatever the label says.
    ec2 = client(server, "ec2")
    [held] = ec2.describe_iam_instance_profile_associations(Filters=[{"Name": "instance-id", "Values": [key]}])[
        "IamInstanceProfileAssociations"
    ]
    ec2.disassociate_iam_instance_profile(AssociationId=held["AssociationId"])
    assert metadata(container, CREDENTIALS)["status"] == 404
    container.restart()
    eventually(lambda: asks(container, CREDENTIALS) == "")
    with pytest.raises(ClientError, match="OperationNotPermitted"):
        ec2.terminate_instances(InstanceIds=[key])
