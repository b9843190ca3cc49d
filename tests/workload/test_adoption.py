"""Containers that run already: adopted, followed through restarts and restarts of the control plane, let go."""

from typing import Any

import pytest

from kansatsu.workload.fakes import FakeHandle
from kansatsu.workload.injection import InjectionError
from kansatsu.workload.providers import PROFILE_LABEL, Image
from services.ec2_world import Ec2World

LABELLED = {PROFILE_LABEL: "P"}


def state(cloud: Ec2World, instance_id: str) -> str:
    member = cloud.workload.fleet.find(instance_id)
    assert member is not None
    return member.instance.state


def look(cloud: Ec2World) -> None:
    cloud.run(cloud.workload.refresh())


def only(cloud: Ec2World) -> dict[str, Any]:
    (item,) = cloud.control.describe_workloads()["Workloads"]
    return item


def test_register_by_name_or_id_is_one_instance(cloud: Ec2World) -> None:
    key = cloud.provider.add("web")
    first = cloud.control.register_instance(Container="web")["Workload"]
    again = cloud.control.register_instance(Container=key[:12])["Workload"]
    assert first["Id"] == again["Id"] and len(first["Id"]) == 19
    assert len(cloud.server.open) == 1
    assert first["Adopted"] and first["Served"] and first["State"] == "running"


def test_a_restarted_container_gets_its_own_identity_again(cloud: Ec2World) -> None:
    """The attack: two containers restart and take each other's place in line."""
    cloud.profile("P", role="R")
    cloud.profile("Q", role="S")
    one, two = cloud.container("one"), cloud.container("two")
    cloud.ec2.associate_iam_instance_profile(InstanceId=one, IamInstanceProfile={"Name": "P"})
    cloud.ec2.associate_iam_instance_profile(InstanceId=two, IamInstanceProfile={"Name": "Q"})
    keys = {item.name: key for key, item in cloud.provider.containers.items()}
    old = list(cloud.server.open)
    cloud.provider.restart_behind(keys["two"])
    cloud.provider.restart_behind(keys["one"])
    look(cloud)
    assert len(cloud.server.open) == 2 and not set(old) & set(cloud.server.open)
    now = {item.name: item.process for item in cloud.provider.containers.values()}
    for name, instance_id, role in (("one", one, "R"), ("two", two, "S")):
        member = cloud.workload.fleet.find(instance_id)
        assert member is not None and member.process == now[name]
        assert cloud.credentials(instance_id).role_name == role


def test_old_sockets_are_closed_before_new_ones_are_made(cloud: Ec2World) -> None:
    """INVARIANT: what was served for the old process is gone when the new one's place is taken."""
    cloud.container("web")
    (handle,) = cloud.server.open
    assert isinstance(handle, FakeHandle)
    cloud.provider.restart_behind(next(iter(cloud.provider.containers)))
    cloud.injector.error = InjectionError("in use", "in-use")
    look(cloud)
    assert all(item.fileno() == -1 for item in handle.sockets) and cloud.server.open == []


def test_stopped_and_started(cloud: Ec2World) -> None:
    instance_id = cloud.container("web")
    key = next(iter(cloud.provider.containers))
    cloud.provider.halt(key)
    look(cloud)
    assert state(cloud, instance_id) == "stopped" and cloud.server.open == []
    cloud.provider.resume(key)
    look(cloud)
    assert state(cloud, instance_id) == "running" and cloud.view(instance_id).id == instance_id


def test_a_removed_container_is_terminated_and_its_name_is_free(cloud: Ec2World) -> None:
    """The attack: a container is replaced by another one of its name, which must not inherit the role."""
    cloud.profile("P", role="R")
    instance_id = cloud.container("web")
    cloud.ec2.associate_iam_instance_profile(InstanceId=instance_id, IamInstanceProfile={"Name": "P"})
    before = cloud.credentials(instance_id)
    cloud.provider.containers.clear()
    cloud.provider.add("web")
    look(cloud)
    assert state(cloud, instance_id) == "terminated" and cloud.server.open == []
    assert not cloud.works(before)
    other = cloud.control.register_instance(Container="web")["Workload"]["Id"]
    assert other != instance_id and cloud.view(other).credentials("2.0") is None


def test_terminated_instances_are_forgotten_after_an_hour(cloud: Ec2World) -> None:
    instance_id = cloud.container("web")
    cloud.provider.containers.clear()
    look(cloud)
    cloud.clock.move(minutes=59)
    look(cloud)
    assert cloud.workload.fleet.find(instance_id) is not None
    cloud.clock.move(minutes=2)
    look(cloud)
    assert cloud.workload.fleet.find(instance_id) is None
    cloud.restart()
    assert cloud.workload.fleet.find(instance_id) is None


def test_the_control_plane_restarts(cloud: Ec2World) -> None:
    cloud.profile("P", role="R")
    instance_id = cloud.container("web")
    made = cloud.ec2.associate_iam_instance_profile(InstanceId=instance_id, IamInstanceProfile={"Name": "P"})
    before = cloud.credentials(instance_id)
    cloud.restart()
    assert len(cloud.server.open) == 1 and len(cloud.injector.entered) == 2
    assert cloud.credentials(instance_id).role_name == "R" and cloud.works(before)
    listed = cloud.ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]
    assert listed[0]["AssociationId"] == made["IamInstanceProfileAssociation"]["AssociationId"]


@pytest.mark.parametrize(
    ("how", "text"),
    [({"host_network": True}, "uses the host's network"), ({"running": False}, "does not run")],
)
def test_who_cannot_be_an_instance(cloud: Ec2World, refused: Any, how: dict[str, Any], text: str) -> None:
    cloud.provider.add("web", **how)
    assert text in refused("UnsupportedOperation", cloud.control.register_instance, Container="web")
    assert cloud.injector.entered == [] and cloud.control.describe_workloads()["Workloads"] == []


def test_the_hosts_namespace_by_another_name_is_refused(cloud: Ec2World, refused: Any) -> None:
    """The attack: a container that joined the host's namespace without saying host (ns:/proc/1/ns/net)."""
    (own, *_) = cloud.workload._attacher._own
    cloud.provider.add("web", namespace=own)
    assert "host's network" in refused("UnsupportedOperation", cloud.control.register_instance, Container="web")


def test_a_shared_namespace_has_one_identity(cloud: Ec2World, refused: Any) -> None:
    cloud.provider.add("one", namespace=7)
    cloud.provider.add("two", namespace=7)
    first = cloud.control.register_instance(Container="one")["Workload"]["Id"]
    message = refused("UnsupportedOperation", cloud.control.register_instance, Container="two")
    assert f"shares its network with instance {first}" in message


def test_unknown_container(cloud: Ec2World, refused: Any) -> None:
    assert "nowhere" in refused("NoSuchContainer", cloud.control.register_instance, Container="nowhere")


def test_injection_that_fails_is_shown_and_tried_again(cloud: Ec2World) -> None:
    cloud.injector.error = InjectionError("something inside listens already", "in-use")
    cloud.container("web")
    item = only(cloud)
    assert item["Problems"] == ["something inside listens already"] and not item["Served"]
    cloud.injector.error = None
    look(cloud)
    assert not only(cloud)["Served"]  # not at once: failures are not hammered
    cloud.clock.move(seconds=2)
    look(cloud)
    item = only(cloud)
    assert item["Problems"] == [] and item["Served"]


def test_an_engine_that_is_away_changes_nothing(cloud: Ec2World) -> None:
    instance_id = cloud.container("web")
    cloud.provider.broken = "gone"
    look(cloud)
    assert state(cloud, instance_id) == "running" and len(cloud.server.open) == 1


def test_another_engine_says_nothing_about_the_containers_of_the_first(cloud: Ec2World) -> None:
    """Started once with the wrong engine, Kansatsu must not end the instances of the right one."""
    instance_id = cloud.container("web")
    mine, cloud.provider.engine = dict(cloud.provider.containers), "another"
    cloud.provider.containers.clear()
    cloud.restart()
    look(cloud)
    assert state(cloud, instance_id) == "running"
    assert "not the one in use" in only(cloud)["Problems"][0]
    cloud.provider.containers.update(mine)
    cloud.provider.engine = "fake"
    cloud.restart()
    look(cloud)
    item = only(cloud)
    assert item["Served"] and item["Problems"] == []


def test_a_list_that_is_older_than_what_we_know_ends_nothing(cloud: Ec2World) -> None:
    """The engine's list was made before the container: what is not in it is asked for by itself."""
    instance_id = cloud.container("web")

    async def stale() -> list[Any]:
        return []

    cloud.provider.list = stale  # type: ignore[method-assign]
    look(cloud)
    assert state(cloud, instance_id) == "running" and len(cloud.server.open) == 1


def test_one_that_is_being_worked_on_holds_nobody_up(cloud: Ec2World) -> None:
    busy, other = cloud.container("busy"), cloud.container("other")
    member = cloud.workload.fleet.find(busy)
    assert member is not None
    cloud.provider.halt(next(key for key, item in cloud.provider.containers.items() if item.name == "other"))

    async def look_while_busy() -> None:
        async with member.lock:
            await cloud.workload.refresh()

    cloud.run(look_while_busy())
    assert state(cloud, other) == "stopped"


# ---- labels --------------------------------------------------------------------------------------------------------


def test_a_label_is_enough(cloud: Ec2World) -> None:
    cloud.profile("P", role="R")
    cloud.provider.add("web", labels=LABELLED)
    cloud.provider.add("other")
    look(cloud)
    item = only(cloud)
    assert item["Name"] == "web" and cloud.credentials(item["Id"]).role_name == "R"


def test_a_label_waits_for_its_profile(cloud: Ec2World) -> None:
    cloud.provider.add("web", labels=LABELLED)
    look(cloud)
    instance_id = only(cloud)["Id"]
    assert cloud.view(instance_id).credentials("2.0") is None
    assert "Its label asks for the instance profile P" in only(cloud)["Problems"][0]
    cloud.profile("P", role="R")
    look(cloud)
    assert only(cloud)["Problems"] == []
    assert cloud.credentials(instance_id).role_name == "R"


def test_a_label_does_not_undo_disassociation(cloud: Ec2World) -> None:
    cloud.profile("P", role="R")
    key = cloud.provider.add("web", labels=LABELLED)
    look(cloud)
    item = only(cloud)
    cloud.ec2.disassociate_iam_instance_profile(AssociationId=item["AssociationId"])
    cloud.provider.restart_behind(key)
    look(cloud)
    cloud.restart()
    assert cloud.view(item["Id"]).credentials("2.0") is None


def test_a_label_of_the_image_grants_nothing(cloud: Ec2World) -> None:
    """The attack: an image from elsewhere brings LABEL kansatsu.instance-profile=Admin."""
    cloud.profile("P", role="R")
    cloud.provider.local[:] = [Image(item.id, item.tags, 0.0, labels=LABELLED) for item in cloud.provider.local]
    cloud.provider.add("web", labels=LABELLED)
    look(cloud)
    answer = cloud.control.describe_workloads()
    assert answer["Workloads"] == [] and "comes from its image" in answer["Refused"][0]["Reason"]
    cloud.provider.local.clear()
    cloud.provider.add("second", labels=LABELLED)
    look(cloud)
    assert cloud.control.describe_workloads()["Workloads"] == []


def test_a_labelled_container_on_the_hosts_network_is_refused(cloud: Ec2World) -> None:
    cloud.profile("P", role="R")
    cloud.provider.add("web", labels=LABELLED, host_network=True)
    look(cloud)
    answer = cloud.control.describe_workloads()
    assert answer["Workloads"] == [] and "host's network" in answer["Refused"][0]["Reason"]


def test_a_deregistered_container_stays_without_identity(cloud: Ec2World) -> None:
    cloud.profile("P", role="R")
    cloud.provider.add("web", labels=LABELLED)
    look(cloud)
    instance_id = only(cloud)["Id"]
    issued = cloud.credentials(instance_id)
    cloud.control.deregister_instance(InstanceId=instance_id)
    assert cloud.server.open == [] and not cloud.works(issued)
    cloud.clock.move(hours=2)
    look(cloud)
    cloud.restart()
    assert cloud.control.describe_workloads()["Workloads"] == []
    assert next(iter(cloud.provider.containers.values())).running  # the container itself is left alone
