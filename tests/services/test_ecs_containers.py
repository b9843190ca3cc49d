"""What a container definition can ask for besides a program: secrets, health checks, ports."""

import json
from typing import Any

import pytest

from kansatsu.errors import AwsError
from services.conftest import ACCOUNT
from services.ec2_world import Ec2World
from services.ecs_world import Engine, engine
from services.test_ecs_definitions import ARN, TASKS, Refused, cloud, container, ecs_client, world
from services.test_ecs_services import Fleet, fleet

__all__ = ["cloud", "ecs_client", "engine", "fleet", "world"]

SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:db-AbCdEf"
PARAMETER = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/app/level"


def may(world: Ec2World, *actions: str) -> None:
    """What the execution role may, from now on."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    world.iam.put_role_policy(RoleName="execution", PolicyName="may", PolicyDocument=document)


def secret(_params: Any) -> Any:
    return {"SecretString": json.dumps({"user": "u", "number": 7})}


def parameters(params: Any) -> Any:
    known = {"/app/level": "debug", "plain": "p"}
    names = params["Names"]
    assert params["WithDecryption"]
    found = [{"Name": name, "Value": known[name]} for name in names if name in known]
    return {"Parameters": found, "InvalidParameters": [name for name in names if name not in known]}


@pytest.fixture
def secrets(world: Ec2World) -> Ec2World:
    world.role("execution", TASKS)
    world.role("app", TASKS)
    may(world, "secretsmanager:GetSecretValue", "ssm:GetParameters")
    world.answers.update({"GetSecretValue": secret, "GetParameters": parameters})
    return world


def run(engine: Engine, given: dict[str, str]) -> str:
    pairs = [{"name": name, "valueFrom": value} for name, value in given.items()]
    definition = container(secrets=pairs)
    made = {"taskRoleArn": "app", "executionRoleArn": "execution"}
    engine.ecs.register_task_definition(family="f", containerDefinitions=[definition], **made)
    task = engine.ecs.run_task(taskDefinition="f")["tasks"][0]["taskArn"]
    engine.cloud.settle()
    return str(task.rpartition("/")[2])


def test_secrets_are_fetched_as_the_execution_role(engine: Engine, secrets: Ec2World) -> None:
    given = {
        "ALL": SECRET,
        "USER": f"{SECRET}:user::",
        "NUMBER": f"{SECRET}:number:AWSPREVIOUS:",
        "LEVEL": PARAMETER,
        "PLAIN": "plain",
    }
    task = run(engine, given)
    told = engine.environment(task)
    assert {name: told[name] for name in given} == {
        "ALL": secret({})["SecretString"], "USER": "u", "NUMBER": "7", "LEVEL": "debug", "PLAIN": "p",
    }  # fmt: skip
    who = f"arn:aws:sts::{ACCOUNT}:assumed-role/execution/{task}"
    assert {each[0] for each in secrets.asked} == {who}
    assert {each[2] for each in secrets.asked if "secret" in each[1]} == {"eu-west-1"}
    # INVARIANT: what a task can read are the credentials of its own role, and no secret is kept or shown.
    assert engine.view(task).credentials().role_name == "app"
    kept = repr([member.task for member in secrets.workload.tasks]) + repr(engine.task(task))
    assert "debug" not in kept and '"user"' not in kept


WRONG = [
    ({"X": SECRET}, ["ssm:GetParameters"], "from asm: AccessDeniedException: User: arn:aws:sts::"),
    ({"X": PARAMETER}, ["secretsmanager:*"], "from ssm: AccessDeniedException: User: arn:aws:sts::"),
    ({"X": f"{SECRET}:none::"}, ["*"], "did not contain json key none"),
    ({"X": "/none"}, ["*"], "from ssm: invalid parameters: /none"),
]


@pytest.mark.parametrize(("given", "actions", "words"), WRONG)
def test_without_a_secret_nothing_starts(
    engine: Engine, secrets: Ec2World, given: dict[str, str], actions: list[str], words: str
) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html"""
    may(secrets, *actions)
    task = engine.task(run(engine, given))
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "TaskFailedToStart")
    assert task["stoppedReason"].startswith("ResourceInitializationError: unable to pull secrets or registry auth: ")
    assert words in task["stoppedReason"]
    assert not any(event[0] == "start" for event in engine.fake.events)


def test_a_secret_that_does_not_exist(engine: Engine, secrets: Ec2World) -> None:
    def missing(_params: Any) -> Any:
        raise AwsError("Secrets Manager can't find the specified secret.", code="ResourceNotFoundException")

    secrets.answers["GetSecretValue"] = missing
    assert (
        "ResourceNotFoundException: Secrets Manager can't" in engine.task(run(engine, {"X": SECRET}))["stoppedReason"]
    )


# ---- health --------------------------------------------------------------------------------------------------------

CHECK = {"command": ["CMD-SHELL", "curl -f localhost || exit 1"], "interval": 10, "retries": 2, "startPeriod": 15}


def passes(engine: Engine, seconds: float) -> None:
    engine.cloud.clock.move(seconds=seconds)
    engine.cloud.settle()
    engine.cloud.settle()


def test_health_is_looked_after(engine: Engine) -> None:
    task = engine.run(container(healthCheck=CHECK), container(name="side"))
    engine.cloud.settle()
    assert engine.task(task)["healthStatus"] == "UNKNOWN" and engine.fake.probed == []
    passes(engine, 10)
    assert engine.task(task)["healthStatus"] == "HEALTHY"
    name, command, seconds = engine.fake.probed[0]
    assert (name, command, seconds) == (f"ecs-{task}-web", ("/bin/sh", "-c", CHECK["command"][1]), 5)  # type: ignore[index]
    engine.fake.ill["web"] = 1
    passes(engine, 10)
    assert engine.task(task)["healthStatus"] == "HEALTHY"
    passes(engine, 10)
    shown = engine.task(task)
    assert (shown["healthStatus"], shown["lastStatus"]) == ("UNHEALTHY", "RUNNING")
    assert {each["name"]: each["healthStatus"] for each in shown["containers"]} == {
        "web": "UNHEALTHY",
        "side": "UNKNOWN",
    }
    engine.fake.ill["web"] = 0
    passes(engine, 10)
    assert engine.task(task)["healthStatus"] == "HEALTHY"


def test_failures_at_the_start_do_not_count(engine: Engine) -> None:
    engine.fake.ill["web"] = None  # it takes too long
    task = engine.run(container(healthCheck={**CHECK, "command": ["CMD", "check"], "startPeriod": 25, "retries": 1}))
    engine.cloud.settle()
    for _ in range(2):
        passes(engine, 10)
        assert engine.task(task)["healthStatus"] == "UNKNOWN"
    passes(engine, 10)
    assert engine.task(task)["healthStatus"] == "UNHEALTHY"
    assert engine.fake.probed[0][1] == ("check",)


@pytest.mark.parametrize(("code", "state"), [(0, "RUNNING"), (1, "STOPPED")])
def test_a_container_waits_for_the_health_of_another(engine: Engine, code: int, state: str) -> None:
    engine.fake.ill["first"] = code
    depends = [{"containerName": "first", "condition": "HEALTHY"}]
    check = {**CHECK, "retries": 1, "startPeriod": 0}
    task = engine.run(container(dependsOn=depends), container(name="first", healthCheck=check))
    engine.cloud.settle()
    assert engine.states(task)["web"][0] == "PENDING"
    passes(engine, 10)
    assert engine.task(task)["lastStatus"] == state
    if state == "STOPPED":
        assert "first is not healthy" in engine.task(task)["stoppedReason"]


def test_a_service_replaces_what_is_ill(fleet: Fleet, ecs: Any) -> None:
    ecs.register_task_definition(family="f", containerDefinitions=[container(healthCheck={**CHECK, "startPeriod": 0})])
    fleet.create(1)
    assert fleet.now()["deployments"][0]["rolloutState"] == "IN_PROGRESS"  # nothing is known of its health yet
    passes(fleet.engine, 10)
    fleet.rounds()
    assert fleet.now()["deployments"][0]["rolloutState"] == "COMPLETED"
    first = fleet.tasks()[0]["taskArn"]
    fleet.engine.fake.ill["web"] = 1
    passes(fleet.engine, 10)
    passes(fleet.engine, 10)
    fleet.engine.fake.ill["web"] = 0
    fleet.rounds(3)
    (second,) = fleet.tasks()
    assert second["taskArn"] != first
    (ended,) = fleet.tasks("STOPPED")
    assert (ended["stopCode"], ended["stoppedReason"]) == (
        "ServiceSchedulerInitiated", "Task failed container health checks",
    )  # fmt: skip
    assert any("failed container health checks." in event for event in fleet.events())


# ---- ports ---------------------------------------------------------------------------------------------------------


def test_ports_are_bound_on_the_loopback(engine: Engine, ecs: Any) -> None:
    web = container(portMappings=[{"containerPort": 80, "hostPort": 8080}, {"containerPort": 53, "protocol": "udp"}])
    task = engine.run(web, container(name="side", portMappings=[{"containerPort": 9000, "hostPort": 0}]))
    bound = {each["name"]: each["networkBindings"] for each in engine.task(task)["containers"]}
    assert bound["web"][0] == {"bindIP": "127.0.0.1", "containerPort": 80, "hostPort": 8080, "protocol": "tcp"}
    assert (bound["web"][1]["containerPort"], bound["web"][1]["protocol"]) == (53, "udp")
    assert bound["web"][1]["hostPort"] >= 49000 and [each["containerPort"] for each in bound["side"]] == [9000]
    again = ecs.run_task(taskDefinition="family-0", count=2)
    assert again["tasks"] == [] and [each["reason"] for each in again["failures"]] == ["RESOURCE:PORTS"] * 2
    ecs.stop_task(task=task)
    engine.cloud.settle()
    again = ecs.run_task(taskDefinition="family-0", count=2)
    assert len(again["tasks"]) == len(again["failures"]) == 1


def test_a_service_says_that_its_port_is_taken(fleet: Fleet, ecs: Any) -> None:
    ports = [{"containerPort": 80, "hostPort": 8080}]
    ecs.register_task_definition(family="f", containerDefinitions=[container(portMappings=ports)])
    fleet.create(2)
    assert fleet.count()[1] == 1
    assert sum("already using a port required" in event for event in fleet.events()) == 1


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"secrets": [{"name": "X", "valueFrom": "y"}]}, "ClientException", "executionRoleArn"),
    ({"healthCheck": {"command": []}}, "ClientException", "CMD or CMD-SHELL"),
    ({"healthCheck": {"command": ["curl"]}}, "ClientException", "CMD or CMD-SHELL"),
    ({"healthCheck": {"command": ["CMD"]}}, "ClientException", "CMD or CMD-SHELL"),
    ({"healthCheck": {**CHECK, "interval": 4}}, "ClientException", "from 5 to 300"),
    ({"healthCheck": {**CHECK, "retries": 11}}, "ClientException", "from 1 to 10"),
    ({"portMappings": [{"containerPort": 65536}]}, "ClientException", "ports are from 1"),
    ({"portMappings": [{"hostPort": 1}]}, "ClientException", "ports are from 1"),
    ({"portMappings": [{"containerPort": 1, "containerPortRange": "1-2"}]}, "NotImplemented", "containerPortRange"),
    ({"portMappings": [{"containerPort": 1}, {"containerPort": 1, "hostPort": 2}]}, "NotImplemented", "containerPort"),
]


@pytest.mark.parametrize(("change", "code", "words"), BAD)
def test_what_a_definition_may_not_say(ecs: Any, refused: Refused, change: Any, code: str, words: str) -> None:
    given = {"family": "f", "containerDefinitions": [container(**change)]}
    assert words in refused(code, ecs.register_task_definition, **given)
    assert ARN not in str(ecs.list_task_definitions()["taskDefinitionArns"])
