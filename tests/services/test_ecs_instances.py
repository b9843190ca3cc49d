"""Container instances, StartTask and tags over boto3, in process, on an engine in memory."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from services.ec2_world import Ec2World
from services.ecs_world import Engine, engine
from services.test_ecs_definitions import ARN, PASS, TASKS, Refused, cloud, container, ecs_client, world
from services.test_ecs_services import Fleet, fleet

__all__ = ["cloud", "ecs_client", "engine", "fleet", "world"]

BLUE, RED = [{"key": "Team", "value": "Blue"}], [{"key": "Team", "value": "Red"}]


def test_every_cluster_has_this_host(ecs: Any, fleet: Fleet, world: Ec2World, refused: Refused) -> None:
    ecs.create_cluster(clusterName="other")
    (arn,) = ecs.list_container_instances()["containerInstanceArns"]
    assert arn.startswith(f"{ARN}container-instance/default/")
    assert ecs.list_container_instances(cluster="other")["containerInstanceArns"] != [arn]
    counted = lambda name: ecs.describe_clusters(clusters=[name])["clusters"][0]["registeredContainerInstancesCount"]  # noqa: E731
    assert (counted("default"), counted("other")) == (1, 1)
    fleet.create(1)
    statistics = ecs.describe_clusters(include=["STATISTICS"])["clusters"][0]["statistics"]
    assert {each["name"] for each in statistics if each["value"] == "1"} == {
        "runningEC2TasksCount", "activeEC2ServiceCount"
    }  # fmt: skip
    (shown,) = ecs.describe_container_instances(containerInstances=[arn.rpartition("/")[2]])["containerInstances"]
    assert (shown["status"], shown["agentConnected"], shown["runningTasksCount"]) == ("ACTIVE", True, 1)
    assert fleet.tasks()[0]["containerInstanceArn"] == arn
    missing = ecs.describe_container_instances(containerInstances=["f" * 32])["failures"]
    assert [each["reason"] for each in missing] == ["MISSING"]
    world.restart()
    assert ecs.list_container_instances()["containerInstanceArns"] == [arn]
    refused("ClusterNotFoundException", ecs.list_container_instances, cluster="none")
    world.provider.broken = "the engine is away"
    world.restart()
    assert ecs.list_container_instances()["containerInstanceArns"] == []
    assert counted("default") == 0


@pytest.mark.parametrize(("least", "left"), [(100, 2), (50, 1), (0, 0)])
def test_a_host_that_drains_takes_no_tasks(fleet: Fleet, ecs: Any, refused: Refused, least: int, left: int) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-instance-draining.html"""
    fleet.create(2, deploymentConfiguration={"minimumHealthyPercent": least})
    arns = ecs.list_container_instances()["containerInstanceArns"]
    drained = ecs.update_container_instances_state(containerInstances=arns, status="DRAINING")["containerInstances"]
    assert [each["status"] for each in drained] == ["DRAINING"]
    assert ecs.list_container_instances(status="ACTIVE")["containerInstanceArns"] == []
    refused("InvalidParameterException", ecs.run_task, taskDefinition="f")
    fleet.rounds(3)
    assert fleet.count()[1] == left
    fleet.world.restart()
    fleet.rounds(2)
    assert fleet.count()[1] == left
    fleet.update(desiredCount=3)
    fleet.rounds()
    assert any("this host is DRAINING" in event for event in fleet.events())
    ecs.update_container_instances_state(containerInstances=arns, status="ACTIVE")
    fleet.rounds(3)
    assert fleet.count() == (3, 3, 0)


def test_a_task_is_started_where_it_is_asked_for(engine: Engine, ecs: Any, world: Ec2World) -> None:
    world.role("web", TASKS, Path="/app/")
    ecs.register_task_definition(family="f", taskRoleArn="web", containerDefinitions=[container()])
    arns = ecs.list_container_instances()["containerInstanceArns"]
    answer = ecs.start_task(taskDefinition="f", containerInstances=[*arns, "f" * 32], startedBy="me", tags=BLUE)
    assert [each["reason"] for each in answer["failures"]] == ["MISSING"]
    (task,) = answer["tasks"]
    world.settle()
    assert engine.task(task["taskArn"])["lastStatus"] == "RUNNING" and task["startedBy"] == "me"
    # INVARIANT: it takes iam:PassRole, as RunTask does.
    start = {"Effect": "Allow", "Action": "ecs:StartTask", "Resource": "*"}
    with pytest.raises(ClientError, match=r"iam:PassRole on resource: .*role/app/web"):
        world.client("ecs", world.user("a", start)).start_task(taskDefinition="f", containerInstances=arns)
    client = world.client("ecs", world.user("b", start, PASS))
    assert client.start_task(taskDefinition="f", containerInstances=arns)["tasks"]


def test_everything_can_be_tagged(fleet: Fleet, ecs: Any, world: Ec2World, refused: Refused) -> None:
    service = fleet.create(1)["serviceArn"]
    task = fleet.tasks()[0]["taskArn"]
    host = fleet.tasks()[0]["containerInstanceArn"]
    ecs.create_cluster(clusterName="c")
    arns = [f"{ARN}cluster/c", f"{ARN}task-definition/f:1", task, service, host]
    for arn in arns:
        ecs.tag_resource(resourceArn=arn, tags=[*BLUE, {"key": "Cost", "value": "1"}])
        ecs.tag_resource(resourceArn=arn, tags=RED)
        ecs.untag_resource(resourceArn=arn, tagKeys=["Cost", "none"])
    world.restart()
    for arn in arns:
        assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == RED
    assert ecs.describe_services(services=["s"], include=["TAGS"])["services"][0]["tags"] == RED
    shown = ecs.describe_container_instances(containerInstances=[host], include=["TAGS"])["containerInstances"]
    assert shown[0]["tags"] == RED
    (view,) = [handle.view for handle in world.task_server.open]
    assert view.task(tags=True)["TaskTags"] == {"Team": "Red"} and "TaskTags" not in view.task()
    for wrong, code in (
        (f"{ARN}cluster/none", "ResourceNotFoundException"),
        (f"arn:aws:ecs:us-east-1:{'9' * 12}:cluster/c", "ResourceNotFoundException"),
        ("arn:aws:s3:::b", "InvalidParameterException"),
        ("c", "InvalidParameterException"),
    ):
        refused(code, ecs.tag_resource, resourceArn=wrong, tags=BLUE)
    refused("InvalidParameterException", ecs.tag_resource, resourceArn=task, tags=[{"key": "aws:x", "value": ""}])
    refused("InvalidParameterException", ecs.untag_resource, resourceArn=task, tagKeys=["aws:ecs:serviceName"])
    many = [{"key": str(number), "value": ""} for number in range(50)]
    refused("InvalidParameterException", ecs.tag_resource, resourceArn=task, tags=many)
    # INVARIANT: who may tag what is red may tag nothing else.
    red = {"StringEquals": {"aws:ResourceTag/Team": "Red", "aws:RequestTag/Cost": "1"}}
    mine = {"Effect": "Allow", "Action": "ecs:TagResource", "Resource": "*", "Condition": red}
    client = world.client("ecs", world.user("a", mine))
    client.tag_resource(resourceArn=task, tags=[{"key": "Cost", "value": "1"}])
    for arn, cost in ((f"{ARN}cluster/default", "1"), (task, "2")):
        with pytest.raises(ClientError, match="not authorized to perform: ecs:TagResource"):
            client.tag_resource(resourceArn=arn, tags=[{"key": "Cost", "value": cost}])


def test_one_that_is_deregistered_takes_no_tasks_until_its_agent_starts_again(
    fleet: Fleet, ecs: Any, world: Ec2World, refused: Refused
) -> None:
    fleet.create(1)
    (arn,) = ecs.list_container_instances()["containerInstanceArns"]
    asked = {"containerInstance": arn}
    refused("InvalidParameterException", ecs.deregister_container_instance, containerInstance="f" * 32)
    refused("NoUpdateAvailableException", ecs.update_container_agent, **asked)
    said = refused("InvalidParameterException", ecs.deregister_container_instance, **asked)
    assert said == "Found running tasks on the instance."
    gone = ecs.deregister_container_instance(**asked, force=True)["containerInstance"]
    assert (gone["status"], gone["agentConnected"]) == ("INACTIVE", False)
    assert ecs.list_container_instances()["containerInstanceArns"] == []
    assert "No Container Instances" in refused("InvalidParameterException", ecs.run_task, taskDefinition="f")
    fleet.update(desiredCount=2)
    fleet.rounds(2)
    assert fleet.count()[1] == 1  # what runs runs on
    world.restart()
    fleet.rounds(3)
    assert ecs.list_container_instances()["containerInstanceArns"] == [arn] and fleet.count()[1] == 2


def test_account_settings(ecs: Any, world: Ec2World, refused: Refused) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html"""
    assert ecs.list_account_settings()["settings"] == []
    ecs.put_account_setting_default(name="tagResourceAuthorization", value="on")
    mine = ecs.put_account_setting(name="serviceLongArnFormat", value="enabled")["setting"]
    assert mine["principalArn"].endswith(":user/admin") and mine["type"] == "user"
    assert ecs.list_account_settings()["settings"] == [mine]
    (root,) = ecs.list_account_settings(principalArn=mine["principalArn"].replace("user/admin", "root"))["settings"]
    assert root["name"] == "tagResourceAuthorization"
    world.restart()
    effective = ecs.list_account_settings(effectiveSettings=True)["settings"]
    assert len(effective) == 8 and mine in effective
    assert len(ecs.list_account_settings(effectiveSettings=True, value="on")["settings"]) == 1
    assert ecs.delete_account_setting(name="serviceLongArnFormat")["setting"] == mine
    assert ecs.list_account_settings()["settings"] == []
    # What would not be so is not kept.
    for name, value in (
        ("containerInsights", "enabled"),
        ("tagResourceAuthorization", "off"),
        ("guardDutyActivate", "on"),
    ):
        refused("NotImplemented", ecs.put_account_setting, name=name, value=value)
    other = f"arn:aws:iam::{'9' * 12}:user/x"
    refused(
        "InvalidParameterException",
        ecs.put_account_setting,
        name="serviceLongArnFormat",
        value="enabled",
        principalArn=other,
    )
    assert ecs.list_services_by_namespace(namespace="here")["serviceArns"] == []
