"""What the tests of ECS do to tasks and their containers, on an engine in memory."""

import itertools
from typing import Any

import pytest

from services.ec2_world import Ec2World
from services.test_ecs_definitions import ARN, container

CLUSTER = f"{ARN}cluster/"


class Engine:
    """What the tests do to tasks and their containers."""

    def __init__(self, cloud: Ec2World, ecs: Any) -> None:
        self.cloud, self.ecs, self.fake = cloud, ecs, cloud.provider
        self._families = (f"family-{number}" for number in itertools.count())

    def run(self, *containers: dict[str, Any], role: str = "", settle: bool = True, **params: Any) -> str:
        """A task of these containers; its id."""
        family = next(self._families)
        given = {"taskRoleArn": role} if role else {}
        self.ecs.register_task_definition(family=family, containerDefinitions=containers or [container()], **given)
        made = self.ecs.run_task(taskDefinition=family, **params)["tasks"][0]
        if settle:
            self.cloud.settle()
        return str(made["taskArn"].rpartition("/")[2])

    def task(self, task_id: str) -> Any:
        return self.ecs.describe_tasks(tasks=[task_id])["tasks"][0]

    def states(self, task_id: str) -> dict[str, Any]:
        return {each["name"]: (each["lastStatus"], each.get("exitCode")) for each in self.task(task_id)["containers"]}

    def key(self, task_id: str, name: str = "web") -> str:
        return str(next(each["runtimeId"] for each in self.task(task_id)["containers"] if each["name"] == name))

    def end(self, task_id: str, name: str, code: int) -> None:
        self.fake.halt(self.key(task_id, name), code)
        self.cloud.settle()

    def environment(self, task_id: str, name: str = "web") -> Any:
        return self.fake.environments[self.key(task_id, name)]

    def credential_id(self, task_id: str) -> str:
        return str(self.environment(task_id)["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"].rpartition("/")[2])

    def view(self, task_id: str) -> Any:
        return self.cloud.task_server.view(self.credential_id(task_id))


@pytest.fixture
def engine(cloud: Ec2World, ecs: Any) -> Engine:
    return Engine(cloud, ecs)
