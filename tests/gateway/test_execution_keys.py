"""What ECS fetches for a container, it fetches as the task's execution role: with the key of KMS that encrypts it.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html ("kms:Decrypt is required only
if your key uses a custom KMS key"; likewise for secrets and for parameters)
"""

from typing import Any

import pytest

from kansatsu.workload.tasks.execution import Execution, ExecutionError
from kansatsu.workload.tasks.task import Task, TaskContainer

from .conftest import ACCOUNT, Gateway
from .raw import REGION, statement

TRUST = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}


def secret(gateway: Gateway, key: str) -> tuple[str, dict[str, Any]]:
    """What a container's definition says of it, and the right to read it."""
    made = gateway.client("secretsmanager").create_secret(
        Name=gateway.name("fetched"), SecretString="value", KmsKeyId=key
    )
    return made["ARN"], statement("Allow", "secretsmanager:GetSecretValue", made["ARN"])


def parameter(gateway: Gateway, key: str) -> tuple[str, dict[str, Any]]:
    name = f"/{gateway.name('fetched')}/value"
    gateway.client("ssm").put_parameter(Name=name, Value="value", Type="SecureString", KeyId=key)
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}"
    return arn, statement("Allow", "ssm:GetParameters", arn)


@pytest.mark.parametrize("make", [secret, parameter])
def test_a_secret_of_a_container_needs_its_key(gateway: Gateway, make: Any) -> None:
    """The attack: a task definition that names a secret whose key its execution role may not use."""
    key = gateway.client("kms").create_key()["KeyMetadata"]["Arn"]
    source, reading = make(gateway, key)
    execution = Execution(gateway.workload.issuer, gateway.within)

    def fetched(*rights: dict[str, Any]) -> dict[str, str]:
        role = gateway.role(*rights, trust=TRUST)
        container = TaskContainer("0" * 32, {"name": "c", "secrets": [{"name": "V", "valueFrom": source}]})
        task = Task(
            gateway.name("task"), ACCOUNT, REGION, "default", "f", 1, (container,), gateway.name("id"), 0.0,
            execution_role_id=role["RoleId"],
        )  # fmt: skip
        found: dict[str, str] = gateway.run(execution.secrets(task, container))
        return found

    assert fetched(reading, statement("Allow", "kms:Decrypt", key)) == {"V": "value"}
    for rights in ((reading,), (reading, statement("Allow", "kms:Decrypt", key + "x"))):
        with pytest.raises(ExecutionError, match="kms:Decrypt"):
            fetched(*rights)
    with pytest.raises(ExecutionError, match=r"GetSecretValue|GetParameters"):
        fetched(statement("Allow", "kms:Decrypt", key))
