"""Launched instances: identity before application, and nothing left behind when something fails."""

import base64
from typing import Any

from kansatsu.workload.injection import InjectionError
from services.ec2_world import Ec2World

AMI = "ami-" + "ab" * 8 + "a"


def run(cloud: Ec2World, **params: Any) -> str:
    answer = cloud.ec2.run_instances(ImageId=AMI, MinCount=1, MaxCount=1, **params)
    return str(answer["Instances"][0]["InstanceId"])


def test_the_identity_is_served_before_the_application_starts(cloud: Ec2World) -> None:
    """INVARIANT: no workload starts before its identity is registered."""
    served: list[int] = []
    start = cloud.provider.start

    async def watched(reference: str) -> None:
        served.append(len(cloud.server.open))
        await start(reference)

    cloud.provider.start = watched  # type: ignore[method-assign]
    instance_id = run(cloud)
    cloud.settle()
    assert served == [1]
    assert [kind for kind, _ in cloud.provider.events] == ["namespace", "create", "start"]
    (environment,) = cloud.provider.environments.values()
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert cloud.view(instance_id).id == instance_id


def test_an_application_never_starts_without_its_identity(cloud: Ec2World) -> None:
    cloud.injector.error = InjectionError("no privileges", "forbidden")
    instance_id = run(cloud)
    cloud.settle()
    assert "start" not in [kind for kind, _ in cloud.provider.events]
    item = cloud.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
    assert item["State"]["Name"] == "terminated"
    assert item["StateReason"] == {"Code": "Server.InternalError", "Message": "Server.InternalError: no privileges"}
    assert cloud.provider.containers == {}


def test_an_image_that_does_not_start(cloud: Ec2World) -> None:
    cloud.provider.refuse_start = "exec: not found"
    instance_id = run(cloud)
    cloud.settle()
    member = cloud.workload.fleet.find(instance_id)
    assert member is not None and member.instance.state == "terminated" and "exec" in member.instance.details.reason
    assert cloud.provider.containers == {} and cloud.server.open == []


def test_a_launch_that_was_interrupted_is_cleaned_up(cloud: Ec2World) -> None:
    instance_id = run(cloud)
    member = cloud.workload.fleet.find(instance_id)
    assert member is not None
    cloud.settle()
    cloud.run(cloud.workload.fleet.change(member, state="pending", reference=""))
    cloud.restart()
    cloud.settle()
    member = cloud.workload.fleet.find(instance_id)
    assert member is not None and member.instance.state == "terminated"
    assert cloud.provider.containers == {}


def test_a_running_instance_survives_the_control_plane(cloud: Ec2World) -> None:
    instance_id = run(cloud)
    cloud.settle()
    cloud.restart()
    assert cloud.view(instance_id).id == instance_id
    assert len(cloud.provider.containers) == 2


def test_a_removed_application_takes_its_namespace_with_it(cloud: Ec2World) -> None:
    run(cloud)
    cloud.settle()
    key = next(key for key, item in cloud.provider.containers.items() if not item.name.endswith("-net"))
    del cloud.provider.containers[key]
    cloud.settle()
    assert cloud.provider.containers == {} and cloud.server.open == []


def test_user_data_that_is_no_script_is_only_shown(cloud: Ec2World) -> None:
    instance_id = run(cloud, UserData="#cloud-config\n")
    cloud.settle()
    assert cloud.provider.scripts == []
    assert cloud.view(instance_id).facts.user_data == b"#cloud-config\n"
    value = cloud.ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")["UserData"]["Value"]
    assert base64.b64decode(value) == b"#cloud-config\n"


def test_clear_forgets_everything_and_leaves_others_containers(cloud: Ec2World) -> None:
    run(cloud)
    cloud.container("theirs")
    cloud.settle()
    cloud.run(cloud.workload.clear())
    assert [item.name for item in cloud.provider.containers.values()] == ["theirs"]
    assert cloud.server.open == [] and list(cloud.workload.fleet) == []
