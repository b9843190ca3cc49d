"""The condition keys of ECS: right lets the request pass, wrong does not.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from services.conftest import World
from services.ec2_world import cloud
from services.ecs_world import CLUSTER
from services.test_ecs_definitions import ARN, PACKAGES, container, world

__all__ = ["PACKAGES", "cloud", "world"]

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


def run(client: Any) -> Any:
    return client.run_task(cluster="tagged", taskDefinition="tagged", tags=TAGS)


def serve(client: Any) -> Any:
    return client.create_service(
        cluster="tagged", serviceName="new", taskDefinition="tagged", desiredCount=0, tags=TAGS,
        propagateTags="SERVICE", enableECSManagedTags=True,
    )  # fmt: skip


def change(client: Any) -> Any:
    return client.update_service(cluster="tagged", service="tagged", taskDefinition="tagged")


def remove(client: Any) -> Any:
    return client.delete_service(cluster="tagged", service="tagged", force=True)


def show(client: Any) -> Any:
    return client.describe_services(cluster="tagged", services=["tagged"])


def services(client: Any) -> Any:
    return client.list_services(cluster="tagged")


def start(client: Any) -> Any:
    hosts = client.list_container_instances(cluster="tagged")["containerInstanceArns"]
    return client.start_task(cluster="tagged", taskDefinition="tagged", containerInstances=hosts)


def describe(client: Any) -> Any:
    return client.describe_tasks(cluster="tagged", tasks=client.list_tasks(cluster="tagged")["taskArns"])


def stop(client: Any) -> Any:
    return client.stop_task(cluster="tagged", task=client.list_tasks(cluster="tagged")["taskArns"][0])


def find(client: Any) -> Any:
    return client.list_tasks(cluster="tagged")


def choose(client: Any) -> Any:
    return client.put_account_setting(name="serviceLongArnFormat", value="enabled")


def namespace(client: Any) -> Any:
    return client.list_services_by_namespace(namespace="here")


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
    Case("ecs:CreateAction", run, "ecs:TagResource", "RunTask", "CreateCluster"),
    Case("aws:RequestTag/Team", run, "ecs:RunTask", "Blue", "Red"),
    Case("ecs:ResourceTag/Team", run, "ecs:RunTask", "Blue", "Red"),
    *(
        Case("ecs:cluster", ask, f"ecs:{name}", f"{CLUSTER}tagged", f"{CLUSTER}default", "ArnEquals")
        for ask, name in ((run, "RunTask"), (describe, "DescribeTasks"), (stop, "StopTask"), (find, "ListTasks"))
    ),
    *(
        Case("ecs:ResourceTag/Team", ask, f"ecs:{name}", "Blue", "Red")
        for ask, name in ((describe, "DescribeTasks"), (stop, "StopTask"))
    ),
    *(
        Case(f"ecs:{key}", serve, "ecs:CreateService", *values)
        for key, values in {
            "enable-ecs-managed-tags": ("true", "false"),
            "propagate-tags": ("SERVICE", "TASK_DEFINITION"),
            "enable-service-connect": ("false", "true"),
            "enable-vpc-lattice": ("false", "true"),
        }.items()
    ),
    *(
        Case(
            "ecs:task-definition",
            ask,
            action,
            f"{ARN}task-definition/tagged:1",
            f"{ARN}task-definition/tagged:2",
            "ArnEquals",
        )
        for ask, action in ((serve, "ecs:CreateService"), (change, "ecs:UpdateService"))
    ),
    Case(
        "ecs:container-instances", start, "ecs:StartTask", f"{ARN}container-instance/tagged/*", "arn:*:x/*", "ArnLike"
    ),
    Case("ecs:CreateAction", serve, "ecs:TagResource", "CreateService", "RunTask"),
    Case("aws:RequestTag/Team", serve, "ecs:CreateService", "Blue", "Red"),
    *(
        Case("ecs:cluster", ask, f"ecs:{name}", f"{CLUSTER}tagged", f"{CLUSTER}default", "ArnEquals")
        for ask, name in (
            (serve, "CreateService"),
            (change, "UpdateService"),
            (remove, "DeleteService"),
            (show, "DescribeServices"),
            (services, "ListServices"),
        )
    ),
    *(
        Case("ecs:ResourceTag/Team", ask, f"ecs:{name}", "Blue", "Red")
        for ask, name in ((change, "UpdateService"), (remove, "DeleteService"), (show, "DescribeServices"))
    ),
    Case("ecs:account-setting", choose, "ecs:PutAccountSetting", "serviceLongArnFormat", "taskLongArnFormat"),
    Case("ecs:namespace", namespace, "ecs:ListServicesByNamespace", "here", "there"),
    Case("ecs:enable-execute-command", run, "ecs:RunTask", "false", "true"),
    Case("ecs:enable-ebs-volumes", run, "ecs:RunTask", "false", "true"),
    Case("ecs:compute-compatibility", register, "ecs:RegisterTaskDefinition", "EC2", "FARGATE", ANY),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_key_decides(world: World, case: Case) -> None:
    admin = world.client("ecs")
    admin.create_cluster(clusterName="tagged", tags=TAGS)
    admin.register_task_definition(family="tagged", containerDefinitions=[container()], tags=TAGS)
    admin.create_service(cluster="tagged", serviceName="tagged", taskDefinition="tagged", desiredCount=0, tags=TAGS)
    admin.run_task(cluster="tagged", taskDefinition="tagged", tags=TAGS)
    with pytest.raises(ClientError, match="not authorized to perform"):
        case.ask(world.client("ecs", world.user("wrong", *case.statements(case.wrong))))
    case.ask(world.client("ecs", world.user("right", *case.statements(case.right))))
