"""Clusters and task definitions over boto3, in process: what AWS takes, what it refuses, and in which words."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.services import ecs
from services.conftest import ACCOUNT, World
from services.ec2_world import Ec2World, cloud

__all__ = ["cloud"]

PACKAGES = (ecs,)  # importing it registers its operations
ARN = f"arn:aws:ecs:us-east-1:{ACCOUNT}:"
TASKS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
Refused = Callable[..., str]


def container(**more: Any) -> dict[str, Any]:
    return {"name": "web", "image": "web:latest", "memory": 64, **more}


@pytest.fixture
def world(cloud: Ec2World) -> Ec2World:
    return cloud


@pytest.fixture(name="ecs")
def ecs_client(world: World) -> Any:
    return world.client("ecs")


# ---- clusters ------------------------------------------------------------------------------------------------------


def test_the_default_cluster_is_there_until_it_is_deleted(ecs: Any) -> None:
    assert ecs.list_clusters()["clusterArns"] == [f"{ARN}cluster/default"]
    assert ecs.describe_clusters()["clusters"][0]["status"] == "ACTIVE"
    assert ecs.delete_cluster(cluster="default")["cluster"]["status"] == "INACTIVE"
    assert ecs.list_clusters()["clusterArns"] == []
    assert ecs.describe_clusters()["clusters"][0]["status"] == "INACTIVE"
    assert ecs.create_cluster()["cluster"]["clusterName"] == "default"
    assert ecs.list_clusters()["clusterArns"] == [f"{ARN}cluster/default"]


def test_clusters(ecs: Any, refused: Refused) -> None:
    tags = [{"key": "Team", "value": "Blue"}]
    made = ecs.create_cluster(clusterName="jobs", tags=tags)["cluster"]
    assert (made["clusterArn"], made["status"], made["tags"]) == (f"{ARN}cluster/jobs", "ACTIVE", tags)
    # INVARIANT: an attack: tags on what others made, by making it once more.
    assert ecs.create_cluster(clusterName="jobs", tags=[{"key": "Team", "value": "Red"}])["cluster"]["tags"] == tags
    for name in ("jobs", f"{ARN}cluster/jobs"):
        found = ecs.describe_clusters(clusters=[name], include=["TAGS"])["clusters"]
        assert [(each["clusterName"], each["tags"]) for each in found] == [("jobs", tags)]
    elsewhere = f"arn:aws:ecs:us-east-1:{'9' * 12}:cluster/jobs"
    missing = ecs.describe_clusters(clusters=["none", elsewhere])["failures"]
    assert missing == [{"arn": name, "reason": "MISSING"} for name in (f"{ARN}cluster/none", elsewhere)]
    for gone in ("none", elsewhere):
        assert refused("ClusterNotFoundException", ecs.delete_cluster, cluster=gone) == (
            "The referenced cluster was not found."
        )
    ecs.delete_cluster(cluster="jobs")
    refused("ClusterNotFoundException", ecs.delete_cluster, cluster="jobs")
    refused("InvalidParameterException", ecs.create_cluster, clusterName="a/b")
    refused("NotImplemented", ecs.create_cluster, clusterName="c", capacityProviders=["FARGATE"])
    assert ecs.list_clusters()["clusterArns"] == [f"{ARN}cluster/default"]


INSIGHTS = {"name": "containerInsights", "value": "disabled"}
UNCHANGED: list[tuple[str, dict[str, Any], str, str]] = [
    ("update_cluster", {"settings": [INSIGHTS]}, "", ""),
    ("update_cluster_settings", {"settings": [INSIGHTS]}, "", ""),
    ("put_cluster_capacity_providers", {"capacityProviders": [], "defaultCapacityProviderStrategy": []}, "", ""),
    *(
        (operation, {"settings": [{**INSIGHTS, **change}]}, code, words)
        for operation in ("create_cluster", "update_cluster", "update_cluster_settings")
        for change, code, words in (
            ({"value": "enabled"}, "NotImplemented", "Container Insights are not implemented"),
            ({"value": "on"}, "InvalidParameterException", "enabled, enhanced or disabled"),
        )
    ),
    ("update_cluster", {"serviceConnectDefaults": {"namespace": "n"}}, "NotImplemented", "serviceConnectDefaults"),
    *(
        (
            "put_cluster_capacity_providers",
            {"capacityProviders": [name], "defaultCapacityProviderStrategy": [{"capacityProvider": name}]},
            code,
            words,
        )
        for name, code, words in (
            ("FARGATE_SPOT", "NotImplemented", "tasks run on this host"),
            ("mine", "InvalidParameterException", "could not be found"),
        )
    ),
    ("update_cluster", {"cluster": "none"}, "ClusterNotFoundException", "Cluster not found."),
    ("execute_command", {"task": "f" * 32, "command": "sh", "interactive": True}, "InvalidParameterException", "task"),
]


@pytest.mark.parametrize(("operation", "params", "code", "words"), UNCHANGED)
def test_what_a_cluster_can_be_set_to(
    ecs: Any, refused: Refused, operation: str, params: dict[str, Any], code: str, words: str
) -> None:
    """What there is anyway; anything else is refused with a word about it."""
    whole = {"include": ["SETTINGS", "STATISTICS", "CONFIGURATIONS", "ATTACHMENTS", "TAGS"]}
    before = ecs.describe_clusters(**whole)["clusters"]
    assert before[0]["settings"] == [INSIGHTS] and before[0]["capacityProviders"] == []
    params = params if operation == "create_cluster" else {"cluster": "default", **params}
    if code:
        assert words in refused(code, getattr(ecs, operation), **params)
    else:
        assert getattr(ecs, operation)(**params)["cluster"]["settings"] == [INSIGHTS]
    assert ecs.describe_clusters(**whole)["clusters"] == before


def test_listings_come_in_pages(ecs: Any, refused: Refused) -> None:
    for name in "abc":
        ecs.create_cluster(clusterName=name)
        for _ in range(2):
            ecs.register_task_definition(family=name, containerDefinitions=[container()])
    for operation, member, expected in (
        ("list_clusters", "clusterArns", [f"{ARN}cluster/{name}" for name in ("a", "b", "c", "default")]),
        ("list_task_definition_families", "families", ["a", "b", "c"]),
        (
            "list_task_definitions",
            "taskDefinitionArns",
            [f"{ARN}task-definition/{n}:{r}" for n in "abc" for r in (1, 2)],
        ),
    ):
        for size in (1, 2, 100):
            pages = ecs.get_paginator(operation).paginate(PaginationConfig={"PageSize": size})
            assert [item for page in pages for item in page[member]] == expected
        for wrong in ({"maxResults": 0}, {"maxResults": 101}, {"nextToken": "nonsense"}):
            refused("InvalidParameterException", getattr(ecs, operation), **wrong)


# ---- task definitions ----------------------------------------------------------------------------------------------


def test_revisions(ecs: Any, world: World, refused: Refused) -> None:
    role = world.role("web", TASKS, Path="/app/")["Arn"]
    tags = [{"key": "Team", "value": "Blue"}]
    made = ecs.register_task_definition(
        family="web", taskRoleArn="web", executionRoleArn=role, containerDefinitions=[container()], tags=tags
    )
    assert made["tags"] == tags
    first = made["taskDefinition"]
    assert (first["taskDefinitionArn"], first["revision"], first["status"]) == (
        f"{ARN}task-definition/web:1",
        1,
        "ACTIVE",
    )
    assert (first["taskRoleArn"], first["executionRoleArn"]) == (role, role)
    assert first["registeredBy"] == f"arn:aws:iam::{ACCOUNT}:user/admin"
    assert first["containerDefinitions"][0] == {
        **container(), "cpu": 0, "essential": True, "environment": [], "mountPoints": [], "portMappings": [],
        "systemControls": [], "volumesFrom": [],
    }  # fmt: skip
    again = {name: first[name] for name in ("family", "taskRoleArn", "containerDefinitions", "volumes")}
    assert ecs.register_task_definition(**again)["taskDefinition"]["revision"] == 2
    described = [
        ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]["revision"]
        for name in ("web", "web:1", f"{ARN}task-definition/web:1", f"{ARN}task-definition/web")
    ]
    assert described == [2, 1, 1, 2]
    assert ecs.describe_task_definition(taskDefinition="web:1", include=["TAGS"])["tags"] == tags
    gone = ecs.deregister_task_definition(taskDefinition="web:2")["taskDefinition"]
    assert gone["status"] == "INACTIVE" and gone["deregisteredAt"]
    assert ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]["revision"] == 1
    assert ecs.list_task_definitions(status="INACTIVE")["taskDefinitionArns"] == [f"{ARN}task-definition/web:2"]
    # The number of a revision is never used again.
    assert ecs.register_task_definition(**again)["taskDefinition"]["revision"] == 3
    assert ecs.list_task_definitions(sort="DESC", familyPrefix="web")["taskDefinitionArns"] == [
        f"{ARN}task-definition/web:3", f"{ARN}task-definition/web:1",
    ]  # fmt: skip
    for revision in (1, 3):
        ecs.deregister_task_definition(taskDefinition=f"web:{revision}")
    families = {
        status: ecs.list_task_definition_families(status=status)["families"] for status in ("ACTIVE", "INACTIVE", "ALL")
    }
    assert families == {"ACTIVE": [], "INACTIVE": ["web"], "ALL": ["web"]}
    for name in ("web", "web:9", "web:x", "none", f"arn:aws:ecs:us-east-1:{'9' * 12}:task-definition/web:1"):
        refused("ClientException", ecs.describe_task_definition, taskDefinition=name)
    refused("ClientException", ecs.deregister_task_definition, taskDefinition="web:9")
    refused("InvalidParameterException", ecs.deregister_task_definition, taskDefinition="web")


def test_what_was_deregistered_can_be_deleted(ecs: Any, refused: Refused) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/delete-task-definition-v2.html"""
    for _ in range(2):
        ecs.register_task_definition(family="f", containerDefinitions=[container()])
    ecs.deregister_task_definition(taskDefinition="f:1")
    answer = ecs.delete_task_definitions(taskDefinitions=["f:1", "f:2", "f:3", "f"])
    assert [(each["revision"], each["status"]) for each in answer["taskDefinitions"]] == [(1, "DELETE_IN_PROGRESS")]
    assert [each["arn"].rpartition("/")[2] for each in answer["failures"]] == ["f:2", "f:3", "f"]
    assert "still in ACTIVE status" in answer["failures"][0]["reason"]
    for status, count in (("ACTIVE", 1), ("INACTIVE", 0), ("DELETE_IN_PROGRESS", 1)):
        assert len(ecs.list_task_definitions(status=status)["taskDefinitionArns"]) == count
    ecs.deregister_task_definition(taskDefinition="f:2")
    ecs.delete_task_definitions(taskDefinitions=["f:2"])
    assert (
        ecs.register_task_definition(family="f", containerDefinitions=[container()])["taskDefinition"]["revision"] == 3
    )
    refused("InvalidParameterException", ecs.delete_task_definitions, taskDefinitions=[])


WRONG = [
    ({"family": "a b"}, "ClientException", "Family contains invalid characters"),
    ({"containerDefinitions": []}, "ClientException", "Container list cannot be empty"),
    ({"taskRoleArn": "nobody"}, "ClientException", "Role is not valid"),
    ({"taskRoleArn": f"arn:aws:iam::{'9' * 12}:role/web"}, "ClientException", "Role is not valid"),
    ({"networkMode": "awsvpc"}, "NotImplemented", "networkMode awsvpc"),
    ({"networkMode": "host"}, "NotImplemented", "networkMode host"),
    # As newcomers from Fargate have it: what is said first is what matters most.
    (
        {"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512"},
        "NotImplemented",
        "Fargate is not implemented: tasks run on this host",
    ),
    ({"networkMode": "awsvpc", "cpu": "256"}, "NotImplemented", "Leave networkMode and networkConfiguration out"),
    ({"volumes": [{"name": "a.b"}]}, "ClientException", "Volume.name"),
    ({"volumes": [{"name": "v"}, {"name": "v"}]}, "ClientException", "unique"),
    ({"volumes": [{"name": "v", "host": {"sourcePath": "etc"}}]}, "ClientException", "no absolute path"),
    ({"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]}, "NotImplemented", "efsVolume"),
    *(
        ({"volumes": [{"name": "v", "dockerVolumeConfiguration": docker}]}, code, text)
        for docker, code, text in (
            ({"driver": "nfs"}, "NotImplemented", "driver nfs"),
            # The attack: a volume of the local driver that is any directory of the host.
            ({"driverOpts": {"type": "none", "o": "bind", "device": "/etc"}}, "NotImplemented", "driverOpts"),
            ({"scope": "task", "autoprovision": True}, "ClientException", "autoprovision"),
        )
    ),
    ({"placementConstraints": [{"type": "memberOf"}]}, "NotImplemented", "placementConstraints"),
    ({"pidMode": "host"}, "NotImplemented", "pidMode"),
    ({"cpu": "256"}, "NotImplemented", "give each container its own"),
    ({"memory": "256"}, "NotImplemented", "give each container its own"),
    ({"tags": [{"key": "aws:x", "value": ""}]}, "InvalidParameterException", "aws:"),
]
WRONG_CONTAINERS: list[tuple[list[dict[str, Any]], str, str]] = [
    ([container(name="")], "ClientException", "Container.name should not be null or empty"),
    ([container(name="a b")], "ClientException", "invalid characters"),
    ([container(image="")], "ClientException", "Container.image should not be null or empty"),
    ([container(image="a b")], "ClientException", "invalid characters"),
    ([{"name": "web", "image": "web"}], "ClientException", "At least one of 'memory' or 'memoryReservation'"),
    ([container(memory=5)], "ClientException", "at least 6 MiB"),
    ([container(memoryReservation=64)], "ClientException", "greater than 'memoryReservation'"),
    ([container(mountPoints=[{"sourceVolume": "v", "containerPath": "/v"}])], "ClientException", "Unknown volume 'v'"),
    ([container(volumesFrom=[{"sourceContainer": "x"}])], "ClientException", "Unknown container 'x' in volumesFrom"),
    ([container(volumesFrom=[{"sourceContainer": "web"}])], "ClientException", "circle"),
    ([container(stopTimeout=121)], "ClientException", "stopTimeout"),
    ([container(cpu=-1)], "ClientException", "negative"),
    ([container(essential=False)], "ClientException", "At least one container should be marked as essential"),
    ([container(), container()], "ClientException", "unique"),
    ([container(environment=[{"name": "", "value": "x"}])], "ClientException", "environment variable"),
    ([container(environment=[{"name": "A=B", "value": "x"}])], "ClientException", "environment variable"),
    ([container(dockerLabels={"kansatsu.instance": "i-1"})], "ClientException", "Kansatsu's own"),
    ([container(dependsOn=[{"containerName": "x", "condition": "START"}])], "ClientException", "does not exist"),
    ([container(dependsOn=[{"containerName": "web", "condition": "START"}])], "ClientException", "circle"),
    (
        [container(dependsOn=[{"containerName": "db", "condition": "COMPLETE"}]), container(name="db")],
        "ClientException", "essential",
    ),
    (
        [container(dependsOn=[{"containerName": "db", "condition": "HEALTHY"}]), container(name="db")],
        "ClientException", "health check",
    ),
    ([container(privileged=True)], "NotImplemented", "containerDefinitions[0].privileged"),
    ([container(logConfiguration={"logDriver": "splunk"})], "NotImplemented", "log driver splunk"),
    ([container(logConfiguration={"logDriver": "awslogs"})], "ClientException", "awslogs-group"),
    ([container(startTimeout=0)], "NotImplemented", "containerDefinitions[0].startTimeout"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [*WRONG, *(({"containerDefinitions": found}, code, words) for found, code, words in WRONG_CONTAINERS)],
)
def test_what_is_refused_leaves_nothing_behind(ecs: Any, refused: Refused, change: Any, code: str, words: str) -> None:
    params = {"family": "web", "containerDefinitions": [container()], **change}
    assert words in refused(code, ecs.register_task_definition, **params)
    assert ecs.list_task_definition_families(status="ALL")["families"] == []


# ---- who may -------------------------------------------------------------------------------------------------------

REGISTER = {"Effect": "Allow", "Action": "ecs:RegisterTaskDefinition", "Resource": f"{ARN}task-definition/web:*"}
TAGGING = {"Effect": "Allow", "Action": "ecs:TagResource", "Resource": "*"}
PASS = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": f"arn:aws:iam::{ACCOUNT}:role/app/web"}


@pytest.mark.parametrize("member", ["taskRoleArn", "executionRoleArn"])
@pytest.mark.parametrize("named", ["web", f"arn:aws:iam::{ACCOUNT}:role/app/web"])
def test_a_role_takes_pass_role(world: World, member: str, named: str) -> None:
    """INVARIANT: an attack: a role of which one has nothing, put into a task that one may run."""
    world.role("web", TASKS, Path="/app/")
    condition = lambda service: {"Condition": {"StringEquals": {"iam:PassedToService": service}}}  # noqa: E731
    attempts = {
        "without": (REGISTER,),
        "to-ec2": (REGISTER, {**PASS, **condition("ec2.amazonaws.com")}),
        "other-path": (REGISTER, {**PASS, "Resource": f"arn:aws:iam::{ACCOUNT}:role/web"}),
        "to-tasks": (REGISTER, {**PASS, **condition("ecs-tasks.amazonaws.com")}),
    }
    for name, statements in attempts.items():
        client = world.client("ecs", world.user(name, *statements))
        ask = {"family": "web", member: named, "containerDefinitions": [container()]}
        if name == "to-tasks":
            assert client.register_task_definition(**ask)["taskDefinition"][member].endswith(":role/app/web")
        else:
            with pytest.raises(ClientError, match=r"iam:PassRole on resource: .*role/app/web"):
                client.register_task_definition(**ask)


def test_tags_take_a_permission_of_their_own(world: World) -> None:
    tags = [{"key": "Team", "value": "Blue"}]
    may = {**TAGGING, "Condition": {"StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}}}
    clients = [world.client("ecs", world.user(name, REGISTER, *more)) for name, more in (("a", ()), ("b", (may,)))]
    ask = {"family": "web", "containerDefinitions": [container()], "tags": tags}
    with pytest.raises(ClientError, match="ecs:TagResource"):
        clients[0].register_task_definition(**ask)
    assert clients[1].register_task_definition(**ask)["tags"] == tags
    create = {"Effect": "Allow", "Action": "ecs:CreateCluster", "Resource": f"{ARN}cluster/jobs"}
    client = world.client("ecs", world.user("c", create, may))
    with pytest.raises(ClientError, match="ecs:TagResource"):  # tagging is allowed for the other operation only
        client.create_cluster(clusterName="jobs", tags=tags)
    assert client.create_cluster(clusterName="jobs")["cluster"]["status"] == "ACTIVE"
    with pytest.raises(ClientError, match=r"ecs:CreateCluster on resource: .*cluster/other"):
        client.create_cluster(clusterName="other")


def test_another_account_has_clusters_of_its_own(world: World) -> None:
    from kansatsu.identity import bootstrap

    key = bootstrap(world.store, "210987654321")
    assert key is not None
    theirs = world.client("ecs", {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret.value})
    world.client("ecs").create_cluster(clusterName="jobs")
    assert theirs.list_clusters()["clusterArns"] == ["arn:aws:ecs:us-east-1:210987654321:cluster/default"]
    assert theirs.describe_clusters(clusters=[f"{ARN}cluster/jobs"])["clusters"] == []
