"""The condition keys of ECS: right lets the request pass, wrong does not.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from services.conftest import World
from services.test_ecs_definitions import PACKAGES, container

__all__ = ["PACKAGES"]

TAGS = [{"key": "Team", "value": "Blue"}]
ANY = "ForAnyValue:StringEquals"


def look(client: Any) -> Any:
    return client.describe_clusters(clusters=["tagged"])


def create(client: Any) -> Any:
    return client.create_cluster(clusterName="new", tags=TAGS)


def register(client: Any) -> Any:
    return client.register_task_definition(
        family="f", containerDefinitions=[container()], requiresCompatibilities=["EC2"], tags=TAGS
    )


@dataclass(frozen=True)
class Case:
    """`action` is the one that has the key; everything else is allowed."""

    key: str
    ask: Callable[[Any], Any]
    action: str
    right: str
    wrong: str
    operator: str = "StringEquals"

    def __str__(self) -> str:
        return f"{self.key}-{self.ask.__name__}"

    def statements(self, value: str) -> list[dict[str, Any]]:
        here = {"Effect": "Allow", "Action": self.action, "Resource": "*"}
        return [
            {**here, "Condition": {self.operator: {self.key: value}}},
            {"Effect": "Allow", "NotAction": self.action, "Resource": "*"},
        ]


CASES = [
    Case("ecs:ResourceTag/Team", look, "ecs:DescribeClusters", "Blue", "Red"),
    Case("aws:ResourceTag/Team", look, "ecs:DescribeClusters", "Blue", "Red"),
    Case("ecs:CreateAction", create, "ecs:TagResource", "CreateCluster", "RunTask"),
    Case("ecs:CreateAction", register, "ecs:TagResource", "RegisterTaskDefinition", "RunTask"),
    Case("aws:RequestTag/Team", create, "ecs:CreateCluster", "Blue", "Red"),
    Case("aws:RequestTag/Team", create, "ecs:TagResource", "Blue", "Red"),
    Case("aws:TagKeys", register, "ecs:RegisterTaskDefinition", "Team", "Cost", ANY),
    Case("ecs:privileged", register, "ecs:RegisterTaskDefinition", "false", "true"),
    Case("ecs:compute-compatibility", register, "ecs:RegisterTaskDefinition", "EC2", "FARGATE", ANY),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_key_decides(world: World, case: Case) -> None:
    world.client("ecs").create_cluster(clusterName="tagged", tags=TAGS)
    with pytest.raises(ClientError, match="not authorized to perform"):
        case.ask(world.client("ecs", world.user("wrong", *case.statements(case.wrong))))
    case.ask(world.client("ecs", world.user("right", *case.statements(case.right))))
