"""A task as its own endpoints see it: the credentials of its role, and its metadata.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from kansatsu.workload.credentials import Grant, Issuer
from kansatsu.workload.processes import ECS_TASKS
from kansatsu.workload.tasks.statistics import Statistics
from kansatsu.workload.tasks.task import LAUNCH_TYPE, Task, TaskContainer
from kansatsu.workload.views import CredentialsState, InstanceView


class StoredTaskView:
    """`views.TaskView` of one task; `task` is asked anew each time."""

    def __init__(self, task: Callable[[], Task], issuer: Issuer, statistics: Statistics | None = None) -> None:
        self._task = task
        self._issuer = issuer
        self._statistics = statistics

    @property
    def id(self) -> str:
        return self._task().credential_id

    @property
    def authorization(self) -> str:
        return self._task().token

    @property
    def instance(self) -> InstanceView | None:
        return None  # INVARIANT: a task has no instance metadata service

    def credentials(self) -> CredentialsState:
        task = self._task()
        return self._issuer.credentials(f"{task.id}/", grant_of(task)) if task.role_id else None

    def container(self, key: str) -> dict[str, Any] | None:
        """The metadata of the container whose endpoint has this key, None for any other key."""
        found = self._found(key)
        return _container(self._task(), found) if found is not None else None

    async def statistics(self, key: str | None) -> Mapping[str, Any] | None:
        """Of one container by that key, or of all by their Docker ids."""
        if self._statistics is None:
            return None
        if key is not None:
            found = self._found(key)
            return await self._statistics.of(found.reference) if found is not None else None
        references = [each.reference for each in self._task().containers if each.reference]
        return {each: await self._statistics.of(each) for each in references}

    def _found(self, key: str) -> TaskContainer | None:
        task = self._task()
        return next((each for each in task.containers if metadata_key(task, each) == key), None)

    def task(self, *, tags: bool = False) -> dict[str, Any]:
        """The metadata of the whole task, if asked with its tags."""
        task = self._task()
        shown: dict[str, Any] = {
            "Cluster": task.cluster_arn,
            "TaskARN": task.arn,
            "Family": task.family,
            "Revision": str(task.revision),
            "DesiredStatus": task.desired,
            "KnownStatus": task.state,
            "Containers": [_container(task, each) for each in task.containers],
            "AvailabilityZone": f"{task.region}a",
            "LaunchType": LAUNCH_TYPE,
        }
        return shown | ({"TaskTags": dict(task.tags)} if tags else {})


def grant_of(task: Task) -> Grant:
    """What the task is to be: the session is named after it.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    """
    return Grant(
        account=task.account,
        role_id=task.role_id,
        service=ECS_TASKS,
        session_name=task.id,
        source={"task": task.id, "region": task.region},
        trust_context={"aws:sourcearn": task.arn, "aws:sourceaccount": task.account},
    )


def execution_grant(task: Task) -> Grant:
    """What Kansatsu is while it prepares the task and delivers its logs.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
    """
    return replace(grant_of(task), role_id=task.execution_role_id)


def metadata_key(task: Task, container: TaskContainer) -> str:
    """What stands for a container in the path of its metadata endpoint."""
    return f"{task.id}-{int(container.id[:8], 16):010}"


def _container(task: Task, container: TaskContainer) -> dict[str, Any]:
    definition = container.definition
    shown: dict[str, Any] = {
        "DockerId": container.reference,
        "Name": container.name,
        "DockerName": container_name(task, container),
        "Image": definition["image"],
        "Labels": labels_of(task, container),
        "DesiredStatus": task.desired,
        "KnownStatus": container.state,
        "Limits": {"CPU": definition.get("cpu", 0), "Memory": definition.get("memory", 0)},
        "CreatedAt": datetime.fromtimestamp(task.created, UTC).isoformat().replace("+00:00", "Z"),
        "Type": "NORMAL",
        "ContainerARN": task.container_arn(container),
        "Networks": [{"NetworkMode": "bridge", "IPv4Addresses": [task.address] if task.address else []}],
    }
    if container.exit_code is not None:
        shown["ExitCode"] = container.exit_code
    return shown


def container_name(task: Task, container: TaskContainer) -> str:
    """The name that the engine knows a container of a task by."""
    return f"ecs-{task.id}-{container.name}"


def labels_of(task: Task, container: TaskContainer) -> dict[str, str]:
    """The labels that ECS puts on containers, over those of the definition.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-examples.html
    """
    return {
        **container.definition.get("dockerLabels", {}),
        "com.amazonaws.ecs.cluster": task.cluster,
        "com.amazonaws.ecs.container-name": container.name,
        "com.amazonaws.ecs.task-arn": task.arn,
        "com.amazonaws.ecs.task-definition-family": task.family,
        "com.amazonaws.ecs.task-definition-version": str(task.revision),
    }
