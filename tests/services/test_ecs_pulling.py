"""Images that the engine lacks: when they are pulled, with whose credentials, and what a task says that has none."""

import json
from dataclasses import replace
from typing import Any

import pytest

from kansatsu.workload.providers import Login
from services.ec2_world import Ec2World
from services.ecs_world import Engine, engine
from services.test_ecs_containers import may, secrets
from services.test_ecs_definitions import Refused, cloud, container, ecs_client, world

__all__ = ["cloud", "ecs_client", "engine", "secrets", "world"]

IMAGE = "registry.example.com/team/app:1"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:registry-AbCdEf"
PASSWORD = "correct-horse"


def pulls(engine: Engine) -> list[str]:
    return [name for what, name in engine.fake.events if what == "pull"]


def set_to(engine: Engine, when: str) -> None:
    engine.cloud.settings = replace(engine.cloud.settings, pull=when)
    engine.cloud.restart()


@pytest.mark.parametrize(
    ("when", "local", "pulled", "reason"),
    [
        ("missing", True, 0, ""),
        ("missing", False, 1, ""),
        ("always", True, 1, ""),
        ("always", False, 1, ""),
        ("never", True, 0, ""),
        ("never", False, 0, f"CannotPullContainerError: {IMAGE} is no local image, and the setting task-pull says"),
    ],
)
def test_when_images_are_pulled(engine: Engine, when: str, local: bool, pulled: int, reason: str) -> None:
    set_to(engine, when)
    engine.fake.registry[IMAGE] = ""
    if not local:
        engine.fake.missing.add(IMAGE)
    task = engine.task(engine.run(container(image=IMAGE)))
    assert pulls(engine) == [IMAGE] * pulled
    assert engine.fake.logins == [None] * pulled
    assert task.get("stoppedReason", "").startswith(reason)
    assert task["lastStatus"] == ("STOPPED" if reason else "RUNNING")


def test_a_pull_that_always_must_be_made_fails_the_task(engine: Engine) -> None:
    set_to(engine, "always")
    engine.fake.registry[IMAGE] = "toomanyrequests: slow down"
    task = engine.task(engine.run(container(image=IMAGE)))
    why = "CannotPullContainerError: Error response from daemon: toomanyrequests: slow down"
    assert (task["stoppedReason"], task["stopCode"]) == (why, "TaskFailedToStart")
    assert task["containers"][0]["reason"] == why
    assert engine.fake.containers == {}


@pytest.mark.parametrize("suffix", ["dkr.ecr.eu-west-1.amazonaws.com", "dkr.ecr-fips.us-gov-west-1.amazonaws.com"])
@pytest.mark.parametrize("when", ["missing", "always"])
def test_ecr_is_never_asked(engine: Engine, suffix: str, when: str) -> None:
    """INVARIANT: an image of ECR that the engine has is used; one that it has not is refused, and nobody is asked."""
    set_to(engine, when)
    image = f"123456789012.{suffix}/app:1"
    assert engine.task(engine.run(container(image=image)))["lastStatus"] == "RUNNING"
    engine.fake.missing.add(image)
    reason = engine.task(engine.run(container(image=image)))["stoppedReason"]
    assert reason.startswith(f"CannotPullContainerError: {image} is an image of Amazon ECR, which is not implemented.")
    assert pulls(engine) == []


def private(engine: Engine, **more: Any) -> Any:
    """A task whose image needs a login, as its description."""
    given = container(image=IMAGE, repositoryCredentials={"credentialsParameter": SECRET}, **more)
    engine.ecs.register_task_definition(family="private", containerDefinitions=[given], executionRoleArn="execution")
    task = engine.ecs.run_task(taskDefinition="private")["tasks"][0]["taskArn"]
    engine.cloud.settle()
    return engine.task(task.rpartition("/")[2])


def answer(cloud: Ec2World, text: str) -> None:
    cloud.answers["GetSecretValue"] = lambda _params: {"SecretString": text}


def test_the_execution_role_reads_who_logs_in(engine: Engine, secrets: Ec2World) -> None:
    engine.fake.missing.add(IMAGE)
    engine.fake.registry[IMAGE] = ""
    answer(secrets, json.dumps({"username": "u", "password": PASSWORD}))
    assert private(engine)["lastStatus"] == "RUNNING"
    assert engine.fake.logins == [Login("u", PASSWORD)]
    assert PASSWORD not in repr(engine.fake.logins)


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[]", '"x"', "{}", '{"username": "u"}', '{"username": "u", "password": 7}']
)
def test_a_secret_that_says_no_login(engine: Engine, secrets: Ec2World, text: str) -> None:
    answer(secrets, text)
    reason = private(engine)["stoppedReason"]
    assert reason.startswith("ResourceInitializationError: unable to pull secrets or registry auth: ")
    assert reason.endswith(f"did not contain a username and a password: {SECRET}")
    assert text == "" or text not in reason
    assert pulls(engine) == []


def test_a_role_that_may_not_read_it_has_no_image_that_is_there(engine: Engine, secrets: Ec2World) -> None:
    """The attack: an image that the engine has since somebody else pulled it, for who cannot log in."""
    may(secrets, "ssm:GetParameters")
    reason = private(engine)["stoppedReason"]
    assert reason.startswith("ResourceInitializationError: ") and "unable to retrieve secret from asm" in reason


def test_an_engine_that_repeats_the_password_is_not_repeated(engine: Engine, secrets: Ec2World) -> None:
    engine.fake.missing.add(IMAGE)
    engine.fake.registry[IMAGE] = f"login u:{PASSWORD} failed"
    answer(secrets, json.dumps({"username": "u", "password": PASSWORD}))
    assert private(engine)["stoppedReason"].endswith("daemon: login u:*** failed")


def test_a_task_can_be_stopped_while_its_image_is_pulled(engine: Engine, cloud: Ec2World) -> None:
    engine.fake.missing.add(IMAGE)
    engine.fake.registry[IMAGE] = ""
    engine.fake.pulling.clear()
    task = engine.run(container(image=IMAGE), settle=False)
    for _ in range(3):  # the watch looks again and again meanwhile
        cloud.run(cloud.workload.refresh())
    assert pulls(engine) == [IMAGE] and engine.task(task)["lastStatus"] == "PROVISIONING"
    engine.ecs.stop_task(task=task, reason="no more")
    engine.fake.pulling.set()
    cloud.settle()
    ended = engine.task(task)
    assert (ended["lastStatus"], ended["stoppedReason"]) == ("STOPPED", "no more")
    assert engine.fake.containers == {}


def test_what_a_definition_must_say(engine: Engine, refused: Refused) -> None:
    register = engine.ecs.register_task_definition
    given = container(repositoryCredentials={"credentialsParameter": SECRET})
    assert "'executionRoleArn'" in refused("ClientException", register, family="f", containerDefinitions=[given])
    given = container(repositoryCredentials={"credentialsParameter": ""})
    assert "is empty" in refused("ClientException", register, family="f", containerDefinitions=[given])
