"""The agent of a container instance: what its instance's role may do, and one step less for each permission less."""

import json
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from services.conftest import ACCOUNT
from services.ec2_world import Ec2World
from services.ecs_world import Engine, engine
from services.test_ecs_definitions import TASKS, Refused, cloud, container, ecs_client, world
from services.test_ecs_logs import Logs
from services.test_ecs_services import Fleet, fleet

__all__ = ["cloud", "ecs_client", "engine", "fleet", "world"]

FOR_EC2 = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
TAG = [{"Key": "kansatsu:ecs-cluster", "Value": "default"}]


class Host:
    """An EC2 instance whose role carries AWS's policy for container instances, and nothing else."""

    def __init__(self, world: Ec2World) -> None:
        self.world = world
        world.profile("host", role="host")
        world.iam.attach_role_policy(RoleName="host", PolicyArn=FOR_EC2)
        world.provider.add("box")
        asked = {"Container": "box", "InstanceProfile": "host", "Tags": TAG}
        self.id = world.control.register_instance(**asked)["Workload"]["Id"]
        self.later()

    def deny(self, action: str) -> None:
        """Take one permission away."""
        denied = {"Effect": "Deny", "Action": action, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": denied})
        self.world.iam.put_role_policy(RoleName="host", PolicyName="less", PolicyDocument=document)

    def permit(self) -> None:
        self.world.iam.delete_role_policy(RoleName="host", PolicyName="less")

    def later(self) -> None:
        self.world.clock.move(seconds=11)
        self.world.settle()
        self.world.settle()

    def problems(self) -> list[str]:
        (shown,) = self.world.control.describe_workloads(InstanceIds=[self.id])["Workloads"]
        return [str(problem) for problem in shown["Problems"]]


@pytest.fixture
def host(world: Ec2World) -> Host:
    return Host(world)


def shown(ecs: Any) -> Any:
    arns = ecs.list_container_instances()["containerInstanceArns"]
    return ecs.describe_container_instances(containerInstances=arns)["containerInstances"] if arns else []


def test_all_that_the_agent_says_it_says_as_the_role(host: Host, engine: Engine, ecs: Any, world: Ec2World) -> None:
    (instance,) = shown(ecs)
    assert (instance["ec2InstanceId"], instance["agentConnected"]) == (host.id, True)
    task = engine.run()
    assert engine.task(task)["lastStatus"] == "RUNNING"
    engine.end(task, "web", 0)
    assert engine.task(task)["lastStatus"] == "STOPPED"
    who = f"arn:aws:sts::{ACCOUNT}:assumed-role/host/{host.id}"
    assert {each[0] for each in world.asked} == {who}
    said = [each[1] for each in world.asked]
    assert said.count("RegisterContainerInstance") == 1 and said.count("SubmitTaskStateChange") == 2
    world.restart()
    host.later()
    assert [each["ec2InstanceId"] for each in shown(ecs)] == [host.id]
    assert [each[1] for each in world.asked].count("RegisterContainerInstance") == 1
    assert host.problems() == []


def test_without_register_the_cluster_has_no_instance(world: Ec2World, ecs: Any, refused: Refused) -> None:
    world.profile("less", role="less")
    world.provider.add("box")
    asked = {"Container": "box", "InstanceProfile": "less", "Tags": TAG}
    instance = world.control.register_instance(**asked)["Workload"]["Id"]
    world.clock.move(seconds=11)
    world.settle()
    assert shown(ecs) == []
    ecs.register_task_definition(family="f", containerDefinitions=[container()])
    said = refused("InvalidParameterException", ecs.run_task, taskDefinition="f")
    assert said.startswith("No Container Instances were found in your cluster")
    (found,) = world.control.describe_workloads(InstanceIds=[instance])["Workloads"]
    assert any("ecs:RegisterContainerInstance" in problem for problem in found["Problems"])


@pytest.mark.parametrize("action", ["ecs:Poll", "ecs:DiscoverPollEndpoint"])
def test_without_poll_nothing_is_placed(host: Host, fleet: Fleet, ecs: Any, action: str) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html"""
    fleet.create(1)
    host.deny(action)
    host.later()
    assert [each["agentConnected"] for each in shown(ecs)] == [False]
    assert action in host.problems()[0]
    assert [each["reason"] for each in ecs.run_task(taskDefinition="f")["failures"]] == ["AGENT"]
    fleet.update(desiredCount=2)
    fleet.rounds(2)
    assert fleet.count()[1] == 1 and any('encountered error "AGENT"' in event for event in fleet.events())
    host.permit()
    host.later()
    fleet.rounds(2)
    assert fleet.count()[1] == 2 and host.problems() == []


def test_without_submit_nobody_learns_what_became_of_a_task(host: Host, engine: Engine, world: Ec2World) -> None:
    host.deny("ecs:SubmitTaskStateChange")
    task = engine.run()
    assert engine.states(task)["web"][0] == "RUNNING" and engine.task(task)["lastStatus"] == "PENDING"
    (found,) = world.control.describe_workloads(InstanceIds=[task])["Workloads"]
    assert "ecs:SubmitTaskStateChange" in found["Problems"][0] and "ecs:SubmitTaskStateChange" in host.problems()[0]
    host.permit()
    host.later()
    assert engine.task(task)["lastStatus"] == "RUNNING"
    host.deny("ecs:SubmitTaskStateChange")
    engine.end(task, "web", 3)
    assert engine.task(task)["lastStatus"] == "RUNNING" and engine.task(task)["desiredStatus"] == "STOPPED"
    host.permit()
    host.later()
    assert engine.task(task)["lastStatus"] == "STOPPED" and engine.states(task)["web"] == ("STOPPED", 3)


def test_an_instance_that_is_none_any_more_leaves_the_cluster_to_kansatsu(host: Host, engine: Engine, ecs: Any) -> None:
    host.world.control.deregister_instance(InstanceId=host.id)
    host.later()
    assert [each["agentConnected"] for each in shown(ecs)] == [True]
    assert engine.task(engine.run())["lastStatus"] == "RUNNING"


def test_what_a_task_without_an_execution_role_writes_is_delivered_as_the_instance(
    host: Host, engine: Engine, world: Ec2World
) -> None:
    """https://repost.aws/knowledge-center/ecs-container-logs-cloudwatch"""
    logs = Logs(world)
    logs.groups.add("g")
    options = {"awslogs-group": "g", "awslogs-stream-prefix": "p"}
    task = engine.run(container(logConfiguration={"logDriver": "awslogs", "options": options}))
    name = f"p/web/{task}"
    logs.write("one")
    logs.deliver()
    assert [text for _, text in logs.streams[name]] == ["one"]
    assert {each[0] for each in world.asked} == {f"arn:aws:sts::{ACCOUNT}:assumed-role/host/{host.id}"}
    host.deny("logs:PutLogEvents")
    logs.write("two")
    logs.deliver()
    (shown,) = world.control.describe_workloads(InstanceIds=[task])["Workloads"]
    assert len(logs.streams[name]) == 1 and "logs:PutLogEvents" in shown["Problems"][0]
    host.permit()
    logs.deliver()
    assert [text for _, text in logs.streams[name]] == ["one", "two"]


def test_nobody_else_speaks_as_the_agent(host: Host, engine: Engine, world: Ec2World) -> None:
    """INVARIANT: attacks: an administrator, another instance with the same role, a task with all permissions."""
    task = engine.run()
    world.provider.add("other")
    other = world.control.register_instance(Container="other", InstanceProfile="host")["Workload"]["Id"]
    world.role("all", TASKS)
    world.iam.attach_role_policy(RoleName="all", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    strong = engine.view(engine.run(role="all")).credentials()
    theirs = world.credentials(other)
    callers = [
        world.client("ecs"),
        *(
            world.client(
                "ecs",
                {
                    "aws_access_key_id": held.access_key_id,
                    "aws_secret_access_key": held.secret_access_key,
                    "aws_session_token": held.token,
                },
            )
            for held in (theirs, strong)
        ),
    ]
    host_arn = shown(world.client("ecs"))[0]["containerInstanceArn"]
    for client in callers:
        for ask in (
            lambda client=client: client.register_container_instance(),
            lambda client=client: client.discover_poll_endpoint(containerInstance=host_arn),
            lambda client=client: client.submit_task_state_change(task=task, status="STOPPED"),
            lambda client=client: client.submit_container_state_change(
                task=task, containerName="web", status="STOPPED"
            ),
        ):
            with pytest.raises(ClientError, match="Only the agent of the cluster's own container instance"):
                ask()
    # Nor does the role itself make a task what it is not.
    own = world.credentials(host.id)
    keys = {
        "aws_access_key_id": own.access_key_id,
        "aws_secret_access_key": own.secret_access_key,
        "aws_session_token": own.token,
    }
    with pytest.raises(ClientError, match="The task is not STOPPED"):
        world.client("ecs", keys).submit_task_state_change(task=task, status="STOPPED")
    submit = partial(world.client("ecs", keys).submit_container_state_change, task=task, containerName="web")
    with pytest.raises(ClientError, match="The container web is not STOPPED"):
        submit(status="STOPPED")
    assert submit(status="RUNNING")["acknowledgment"] == "ACCEPT"
    assert engine.task(task)["lastStatus"] == "RUNNING"
    assert {handle.view.credentials().role_name for handle in world.task_server.open if handle.view.credentials()} == {
        "all"
    }
