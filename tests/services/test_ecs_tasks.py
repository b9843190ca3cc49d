"""Tasks over boto3, in process, on an engine in memory: their life, their identity, and who may start them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.workload.injection import InjectionError
from kansatsu.workload.tasks.attachment import BINDS
from kansatsu.workload.views import CredentialError, Credentials
from services.conftest import ACCOUNT, EC2_TRUST
from services.ec2_world import Ec2World
from services.ecs_world import Engine, engine
from services.test_ecs_definitions import ARN, PASS, TASKS, Refused, cloud, container, ecs_client, world

__all__ = ["cloud", "ecs_client", "engine", "world"]


# ---- the life of a task --------------------------------------------------------------------------------------------


def test_a_task_from_start_to_end(engine: Engine, ecs: Any, cloud: Ec2World) -> None:
    ecs.register_task_definition(family="f", containerDefinitions=[container(command=["serve"], memory=64, cpu=10)])
    answer = ecs.run_task(
        taskDefinition="f", count=2, startedBy="me", group="g", tags=[{"key": "Team", "value": "Blue"}]
    )
    assert answer["failures"] == []
    assert {(each["lastStatus"], each["desiredStatus"]) for each in answer["tasks"]} == {("PROVISIONING", "RUNNING")}
    cloud.settle()
    arns = sorted(each["taskArn"] for each in answer["tasks"])
    assert ecs.list_tasks()["taskArns"] == arns == ecs.list_tasks(startedBy="me", family="f")["taskArns"]
    assert ecs.list_tasks(startedBy="other")["taskArns"] == ecs.list_tasks(desiredStatus="STOPPED")["taskArns"] == []
    ecs.get_waiter("tasks_running").wait(tasks=arns)
    shown = ecs.describe_tasks(tasks=arns, include=["TAGS"])["tasks"]
    for each in shown:
        assert (each["lastStatus"], each["group"], each["startedBy"], each["launchType"]) == (
            "RUNNING",
            "g",
            "me",
            "EC2",
        )
        assert each["tags"] == [{"key": "Team", "value": "Blue"}] and each["startedAt"] >= each["createdAt"]
        assert (each["cpu"], each["memory"]) == ("10", "64")
    assert ecs.describe_clusters()["clusters"][0]["runningTasksCount"] == 2
    with pytest.raises(ClientError, match="ClusterContainsTasksException"):
        ecs.delete_cluster(cluster="default")

    first, second = (arn.rpartition("/")[2] for arn in arns)
    options = engine.fake.options[engine.key(first)]
    assert (options.command, options.memory, options.cpu_shares) == (("serve",), 64, 10)
    ecs.stop_task(task=first, reason="enough")
    cloud.settle()
    ended = engine.task(first)
    assert (ended["lastStatus"], ended["desiredStatus"], ended["stopCode"]) == ("STOPPED", "STOPPED", "UserInitiated")
    assert ended["stoppedReason"] == "enough" and ended["containers"][0]["exitCode"] == 0
    assert ended["stoppedAt"] >= ended["stoppingAt"]
    engine.end(second, "web", 3)
    ended = engine.task(second)
    assert (ended["stopCode"], ended["stoppedReason"]) == (
        "EssentialContainerExited", "Essential container in task exited",
    )  # fmt: skip
    assert ended["containers"][0]["exitCode"] == 3
    assert ecs.list_tasks(desiredStatus="STOPPED")["taskArns"] == arns
    assert cloud.task_server.open == []
    # An hour later it is forgotten, and its containers are gone.
    cloud.clock.move(hours=1, seconds=1)
    cloud.settle()
    assert ecs.describe_tasks(tasks=arns)["failures"] == [{"arn": arn, "reason": "MISSING"} for arn in arns]
    assert engine.fake.containers == {}
    ecs.delete_cluster(cluster="default")


def test_the_application_starts_after_its_identity(engine: Engine, cloud: Ec2World) -> None:
    """INVARIANT: no container of a task runs before its endpoints are there."""
    order: list[str] = []
    listen, start = cloud.injector.listen, engine.fake.start

    async def listening(*asked: Any) -> Any:
        order.append("identity")
        return await listen(*asked)

    async def starting(reference: str) -> None:
        order.append("application")
        await start(reference)

    cloud.injector.listen, engine.fake.start = listening, starting  # type: ignore[method-assign]
    engine.run(container(), container(name="side"))
    assert order == ["identity", "application", "application"]


DEPENDING = [
    ("START", None, "RUNNING"),
    ("COMPLETE", None, "PENDING"),
    ("COMPLETE", 0, "RUNNING"),
    ("COMPLETE", 7, "RUNNING"),
    ("SUCCESS", None, "PENDING"),
    ("SUCCESS", 0, "RUNNING"),
    ("SUCCESS", 7, "STOPPED"),
]


@pytest.mark.parametrize(("condition", "code", "state"), DEPENDING)
def test_a_container_waits_for_what_it_depends_on(engine: Engine, condition: str, code: int | None, state: str) -> None:
    depends = [{"containerName": "first", "condition": condition}]
    task = engine.run(container(dependsOn=depends), container(name="first", essential=False))
    if code is not None:
        engine.end(task, "first", code)
    assert engine.states(task)["web"][0] == state
    assert engine.task(task)["lastStatus"] == state
    if state == "STOPPED":
        assert "first ended with 7" in engine.task(task)["stoppedReason"]


def test_what_is_not_essential_may_end(engine: Engine) -> None:
    task = engine.run(container(), container(name="side", essential=False))
    engine.end(task, "side", 1)
    assert engine.task(task)["lastStatus"] == "RUNNING"
    assert engine.states(task) == {"web": ("RUNNING", None), "side": ("STOPPED", 1)}
    engine.end(task, "web", 0)
    assert engine.task(task)["lastStatus"] == "STOPPED"


def _no_image(engine: Engine) -> None:
    engine.fake.missing.add("web:latest")


def _no_namespace(engine: Engine) -> None:
    engine.cloud.injector.error = InjectionError("privileges are missing", "forbidden")


def _no_start(engine: Engine) -> None:
    engine.fake.refuse_start = "exec: not found"


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (_no_image, "CannotPullContainerError: Error response from daemon: manifest for web:latest not found"),
        (_no_namespace, "ResourceInitializationError: privileges are missing"),
        (_no_start, "CannotStartContainerError: exec: not found"),
    ],
)
def test_a_task_that_cannot_start_says_why(engine: Engine, trouble: Callable[[Engine], None], reason: str) -> None:
    trouble(engine)
    task = engine.task(engine.run())
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "TaskFailedToStart")
    assert task["stoppedReason"].startswith(reason)
    assert not any(item.running for item in engine.fake.containers.values())
    assert engine.cloud.task_server.open == []


def test_an_engine_that_is_away_ends_nothing(engine: Engine, ecs: Any, refused: Refused) -> None:
    task = engine.run()
    engine.fake.broken = "the engine is away"
    engine.cloud.settle()
    assert engine.task(task)["lastStatus"] == "RUNNING"
    refused("ServiceUnavailable", ecs.run_task, taskDefinition="family-0")
    engine.fake.broken, engine.fake.engine = "", "another"
    engine.fake.containers.clear()
    engine.cloud.settle()
    assert engine.task(task)["lastStatus"] == "RUNNING"


def test_a_client_token_stands_for_one_request(ecs: Any, refused: Refused) -> None:
    ecs.register_task_definition(family="f", containerDefinitions=[container()])
    ask = {"taskDefinition": "f", "count": 3, "clientToken": "once"}
    first, again = ([each["taskArn"] for each in ecs.run_task(**ask)["tasks"]] for _ in range(2))
    assert first == again
    refused("ConflictException", ecs.run_task, **{**ask, "count": 2})
    assert len(ecs.list_tasks()["taskArns"]) == 3


def test_overrides(engine: Engine) -> None:
    pairs = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    override = {"name": "web", "command": ["other"], "environment": [{"name": "B", "value": "3"}]}
    task = engine.run(
        container(environment=pairs, command=["own"], entryPoint=["/sh"]),
        container(name="side", environment=pairs),
        overrides={"containerOverrides": [override]},
    )
    options, environment = engine.fake.options[engine.key(task)], engine.environment(task)
    assert (options.entry_point, options.command) == (("/sh",), ("other",))
    assert (environment["A"], environment["B"]) == ("1", "3")
    assert engine.environment(task, "side")["B"] == "2"
    assert engine.task(task)["overrides"]["containerOverrides"] == [override]


def test_what_an_application_is_told(engine: Engine, world: Ec2World) -> None:
    world.role("r", TASKS)
    given = {"AWS_REGION": "eu-west-1", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/mine", "OWN": "x"}
    pairs = [{"name": name, "value": value} for name, value in given.items()]
    task = engine.run(container(environment=pairs), container(name="side"), role="r")
    told, side = engine.environment(task), engine.environment(task, "side")
    assert told["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"].startswith("/v2/credentials/")
    assert told["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] == side["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
    assert (told["AWS_REGION"], side["AWS_REGION"], told["OWN"]) == ("eu-west-1", "us-east-1", "x")
    assert told["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert told["ECS_CONTAINER_METADATA_URI_V4"] != side["ECS_CONTAINER_METADATA_URI_V4"]
    assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" not in engine.environment(engine.run())


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"taskDefinition": "none"}, "ClientException", "TaskDefinition not found."),
    ({"taskDefinition": "old:1"}, "ClientException", "TaskDefinition is inactive"),
    ({"cluster": "none"}, "ClusterNotFoundException", "Cluster not found."),
    ({"cluster": "gone"}, "ClusterNotFoundException", "inactive"),
    ({"count": 0}, "InvalidParameterException", "between 1 and 10"),
    ({"count": 11}, "InvalidParameterException", "between 1 and 10"),
    ({"startedBy": "x" * 129}, "InvalidParameterException", "startedBy"),
    ({"launchType": "FARGATE"}, "NotImplemented", "launchType"),
    ({"enableExecuteCommand": True}, "NotImplemented", "enableExecuteCommand"),
    ({"placementConstraints": [{"type": "distinctInstance"}]}, "NotImplemented", "placementConstraints"),
    ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"]}}}, "InvalidParameterException", "networkMode"),
    ({"overrides": {"cpu": "256"}}, "NotImplemented", "overrides.cpu"),
    ({"overrides": {"containerOverrides": [{"name": "x"}]}}, "InvalidParameterException", "container named x is not"),
    ({"overrides": {"containerOverrides": [{"name": "web", "memory": 9}]}}, "NotImplemented", "[0].memory"),
    ({"overrides": {"taskRoleArn": "none"}}, "ClientException", "unable to assume the role 'none'"),
    ({"overrides": {"taskRoleArn": "for-ec2"}}, "ClientException", "does not allow ecs-tasks.amazonaws.com"),
    ({"tags": [{"key": "aws:x", "value": ""}]}, "InvalidParameterException", "Tag key"),
]


@pytest.mark.parametrize(("change", "code", "words"), WRONG)
def test_what_is_refused_starts_nothing(
    ecs: Any, world: Ec2World, refused: Refused, change: Any, code: str, words: str
) -> None:
    world.role("for-ec2", EC2_TRUST)
    for family in ("f", "old"):
        ecs.register_task_definition(family=family, containerDefinitions=[container()])
    ecs.deregister_task_definition(taskDefinition="old:1")
    ecs.create_cluster(clusterName="gone")
    ecs.delete_cluster(cluster="gone")
    assert words in refused(code, ecs.run_task, **{"taskDefinition": "f", **change})
    assert ecs.list_tasks()["taskArns"] == [] and world.provider.events == []


def test_tasks_that_there_are_not(engine: Engine, ecs: Any, refused: Refused) -> None:
    task = engine.run()
    ecs.create_cluster(clusterName="other")
    elsewhere = f"arn:aws:ecs:us-east-1:{'9' * 12}:task/default/{task}"
    for wrong in ({"task": "f" * 32}, {"task": elsewhere}, {"task": task, "cluster": "other"}):
        assert refused("InvalidParameterException", ecs.stop_task, **wrong) == "The referenced task was not found."
    refused("ClusterNotFoundException", ecs.stop_task, task=task, cluster="none")
    refused("InvalidParameterException", ecs.describe_tasks, tasks=[])
    assert [each["reason"] for each in ecs.describe_tasks(tasks=[elsewhere])["failures"]] == ["MISSING"]
    assert engine.task(task)["lastStatus"] == "RUNNING"


# ---- identity ------------------------------------------------------------------------------------------------------


def test_a_task_is_its_role(engine: Engine, world: Ec2World) -> None:
    role = world.role("r", TASKS)
    task = engine.run(role="r")
    held = engine.view(task).credentials()
    assert isinstance(held, Credentials) and held.role_arn == role["Arn"]
    caller = world.caller(held.access_key_id, held.token)
    assert caller.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/r/{task}"
    assert len(engine.credential_id(task)) == 32
    world.iam.update_assume_role_policy(RoleName="r", PolicyDocument=str(EC2_TRUST).replace("'", '"'))
    assert isinstance(engine.view(task).credentials(), CredentialError)


@pytest.mark.parametrize(
    ("key", "value", "trusted"),
    [
        ("aws:SourceArn", f"arn:aws:ecs:us-east-1:{ACCOUNT}:*", True),
        ("aws:SourceArn", "arn:aws:ecs:us-east-1:210987654321:*", False),
        ("aws:SourceAccount", ACCOUNT, True),
        ("aws:SourceAccount", "210987654321", False),
    ],
)
def test_a_trust_policy_sees_where_the_task_is(
    engine: Engine, world: Ec2World, key: str, value: str, trusted: bool
) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html"""
    trust = {**TASKS["Statement"][0], "Condition": {"ArnLike" if "Arn" in key else "StringEquals": {key: value}}}  # type: ignore[dict-item]
    world.role("r", {"Version": "2012-10-17", "Statement": [trust]})
    if trusted:
        assert engine.task(engine.run(role="r"))["lastStatus"] == "RUNNING"
    else:
        with pytest.raises(ClientError, match="unable to assume the role"):
            engine.run(role="r")


def test_a_restart_adopts_tasks_with_their_credential_ids(engine: Engine, world: Ec2World) -> None:
    world.role("r", TASKS)
    tasks = [engine.run(role="r") for _ in range(2)]
    ids = [engine.credential_id(task) for task in tasks]
    world.restart()
    assert sorted(handle.view.id for handle in world.task_server.open) == sorted(ids)
    assert {engine.task(task)["lastStatus"] for task in tasks} == {"RUNNING"}
    engine.fake.halt(engine.key(tasks[0]), 9)
    world.restart()
    assert engine.states(tasks[0]) == {"web": ("STOPPED", 9)}
    assert [handle.view.id for handle in world.task_server.open] == ids[1:]


@pytest.mark.parametrize("reached", range(7))
def test_what_a_killed_control_plane_left_half_done_is_finished(engine: Engine, world: Ec2World, reached: int) -> None:
    """However far it came with a task: its network, its identity, two containers, their starts."""
    done: list[str] = []
    never, there = asyncio.Event(), asyncio.Event()

    def slow(holder: Any, name: str) -> None:
        own = getattr(holder, name)

        async def step(*asked: Any, **named: Any) -> Any:
            if len(done) == reached:
                there.set()
                await never.wait()  # it is killed here
            done.append(name)
            return await own(*asked, **named)

        setattr(holder, name, step)

    steps = [(engine.fake, name) for name in ("create_namespace", "create", "start")] + [(world.injector, "listen")]
    for holder, name in steps:
        slow(holder, name)
    task = engine.run(container(), container(name="side"), settle=False)
    world.run(there.wait() if reached < 6 else world.workload.runner.settle())
    assert len(done) == reached
    for holder, name in steps:
        delattr(holder, name)
    world.restart()
    world.settle()
    assert engine.task(task)["lastStatus"] == "RUNNING"
    assert engine.states(task) == {"web": ("RUNNING", None), "side": ("RUNNING", None)}
    assert len(engine.fake.containers) == 3 and len(world.task_server.open) == 1


def test_a_task_has_a_network_of_its_own(engine: Engine, world: Ec2World, refused: Refused) -> None:
    """INVARIANT: the attack: a container beside a task, in its network, registered as an instance."""
    task = engine.run()
    holder = next(item for item in engine.fake.containers.values() if item.name == f"ecs-{task}")
    assert holder.process is not None
    engine.fake.add("beside", namespace=holder.process.namespace)
    assert f"shares its network with task {task}" in refused(
        "UnsupportedOperation", world.control.register_instance, Container="beside"
    )
    # INVARIANT: the address of the instance metadata service is the task's own loopback, where nobody listens.
    assert BINDS["metadata"] == ("169.254.169.254", 80) and len(world.task_server.open[0].sockets) == len(BINDS) - 1


# ---- who may -------------------------------------------------------------------------------------------------------

RUN = {"Effect": "Allow", "Action": "ecs:RunTask", "Resource": f"{ARN}task-definition/f:*"}


def test_running_takes_pass_role_as_registering_did(ecs: Any, world: Ec2World) -> None:
    """INVARIANT: an attack: to run, with a command of one's own, what somebody else registered with a strong role."""
    for name in ("web", "other"):
        world.role(name, TASKS, Path="/app/")
    ecs.register_task_definition(family="f", taskRoleArn="web", containerDefinitions=[container()])
    with pytest.raises(ClientError, match=r"iam:PassRole on resource: .*role/app/web"):
        world.client("ecs", world.user("a", RUN)).run_task(taskDefinition="f")
    client = world.client("ecs", world.user("b", RUN, PASS))
    assert client.run_task(taskDefinition="f")["tasks"]
    with pytest.raises(ClientError, match=r"iam:PassRole on resource: .*role/app/other"):
        client.run_task(taskDefinition="f", overrides={"taskRoleArn": "other"})
    with pytest.raises(ClientError, match=r"ecs:RunTask on resource: .*task-definition/g"):
        client.run_task(taskDefinition="g")
    for denied in (client.list_tasks, lambda: client.describe_tasks(tasks=["x"]), lambda: client.stop_task(task="x")):
        with pytest.raises(ClientError, match="not authorized"):
            denied()


# ---- what the control API shows ------------------------------------------------------------------------------------
