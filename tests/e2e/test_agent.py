"""The agent of a container instance with everything real: each permission that its role loses breaks one step.

The instance is one of story 1, a container that runs already; its role carries AWS's policy for container instances.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from story import Server, eventually, running
from world import client, control, make_profile, policy

from containers import Container, Engine

pytestmark = pytest.mark.root
FOR_EC2 = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"


class World:
    """A cluster, its instance, and what is to be seen of the two."""

    def __init__(self, server: Server, image: str) -> None:
        self.server, self.ecs, self.image = server, client(server, "ecs"), image
        made = {"name": "app", "image": image, "memory": 64, "command": ["sleep", "600"], "stopTimeout": 1}
        self.ecs.register_task_definition(family="app", containerDefinitions=[made])

    def deny(self, *actions: str) -> None:
        denied = {"Effect": "Deny", "Action": actions, "Resource": "*"}
        document = (
            json.dumps({"Version": "2012-10-17", "Statement": denied}) if actions else policy("s3:ListAllMyBuckets")
        )
        client(self.server, "iam").put_role_policy(RoleName="host", PolicyName="less", PolicyDocument=document)

    def hosts(self) -> list[Any]:
        arns = self.ecs.list_container_instances()["containerInstanceArns"]
        return (
            list(self.ecs.describe_container_instances(containerInstances=arns)["containerInstances"]) if arns else []
        )

    def connected(self) -> list[bool]:
        return [each["agentConnected"] for each in self.hosts()]

    def task(self, arn: str) -> tuple[str, str]:
        """The state of a task and that of its container."""
        found = self.ecs.describe_tasks(tasks=[arn])["tasks"][0]
        return found["lastStatus"], found["containers"][0]["lastStatus"]

    def problems(self, identifier: str) -> str:
        (shown,) = control(self.server).describe_workloads(InstanceIds=[identifier])["Workloads"]
        return " ".join(shown["Problems"])


@pytest.fixture
def world(tmp_path: Path, engine: Engine, image: Callable[[str], str]) -> Iterator[World]:
    with running(tmp_path, engine.url, real_time=True) as server:
        yield World(server, image("python"))


def test_each_permission_is_one_step(world: World, run_container: Callable[..., Container]) -> None:
    server, ecs = world.server, world.ecs
    make_profile(server, "host", policy("s3:ListAllMyBuckets"))
    client(server, "iam").attach_role_policy(RoleName="host", PolicyArn=FOR_EC2)
    world.deny("ecs:RegisterContainerInstance")
    tags = [{"Key": "kansatsu:ecs-cluster", "Value": "default"}]
    box = run_container("python")
    asked = {"Container": box.name, "InstanceProfile": "host", "Tags": tags}
    instance = control(server).register_instance(**asked)["Workload"]["Id"]

    # Without RegisterContainerInstance the cluster has no instance.
    eventually(lambda: "ecs:RegisterContainerInstance" in world.problems(instance))
    assert world.hosts() == []
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="No Container Instances were found"):
        ecs.run_task(taskDefinition="app")

    # Without Poll, or what says where to, nothing is placed.
    for action in ("ecs:Poll", "ecs:DiscoverPollEndpoint"):
        world.deny(action)
        eventually(lambda action=action: action in world.problems(instance))
        assert world.connected() == [False]
        assert [each["reason"] for each in ecs.run_task(taskDefinition="app")["failures"]] == ["AGENT"]
    assert [each["ec2InstanceId"] for each in world.hosts()] == [instance]

    # Without SubmitTaskStateChange nobody learns that the task runs, which it does.
    world.deny("ecs:SubmitTaskStateChange")
    eventually(lambda: world.connected() == [True])
    task = ecs.run_task(taskDefinition="app")["tasks"][0]["taskArn"]
    eventually(lambda: world.task(task) == ("PENDING", "RUNNING"))
    eventually(lambda: "ecs:SubmitTaskStateChange" in world.problems(task.rpartition("/")[2]))

    # With all of them, and nothing more, all is well.
    world.deny()
    eventually(lambda: world.task(task) == ("RUNNING", "RUNNING"))
    ecs.stop_task(task=task)
    eventually(lambda: world.task(task) == ("STOPPED", "STOPPED"))
    eventually(lambda: world.problems(instance) == "")
