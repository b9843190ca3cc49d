"""New tasks, whether somebody runs them or a service does; and whether they may have the role that they are to have."""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kansatsu.identity import EntityRecord, Snapshot
from kansatsu.workload.credentials import trust_refusal
from kansatsu.workload.tasks.records import TaskDefinition
from kansatsu.workload.tasks.task import Task, TaskContainer
from kansatsu.workload.tasks.view import grant_of

ROLES = ("taskRoleArn", "executionRoleArn")


def make(
    definition: TaskDefinition,
    cluster: str,
    roles: Mapping[str, EntityRecord],
    *,
    created: float,
    engine: str,
    containers: Sequence[Mapping[str, Any]] | None = None,
    **more: Any,
) -> Task:
    """A task that is not started yet. `roles` by their members of a definition; `containers` as they are to run."""
    role, execution = (roles.get(member) for member in ROLES)
    return Task(
        id=secrets.token_hex(16),
        account=definition.place.account,
        region=definition.place.region,
        cluster=cluster,
        family=definition.family,
        revision=definition.revision,
        containers=tuple(
            TaskContainer(secrets.token_hex(16), container)
            for container in (definition.document["containerDefinitions"] if containers is None else containers)
        ),
        credential_id=secrets.token_hex(16),
        token=secrets.token_urlsafe(32),
        created=created,
        role_id=role.id if role else "",
        role_arn=role.arn if role else "",
        execution_role_id=execution.id if execution else "",
        volumes=tuple(definition.document.get("volumes", ())),
        engine=engine,
        **more,
    )


def digest(request: Any) -> str:
    """What a client token stands for."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()


def role_named(snapshot: Snapshot, account: str, given: str) -> EntityRecord | None:
    """A role of an account, by its name or its whole ARN."""
    role = snapshot.find(account, "role", given.rpartition("/")[2])
    return role if role is not None and given in (role.name, role.arn) else None


def roles_of(snapshot: Snapshot, account: str, given: Mapping[str, str]) -> dict[str, EntityRecord]:
    """The roles of a task by member. Raises LookupError, with AWS's sentence, for one that there is not."""
    found = {member: role_named(snapshot, account, named) for member, named in given.items()}
    for member, role in found.items():
        if role is None:
            raise LookupError(_unable(given[member]))
    return {member: role for member, role in found.items() if role is not None}


def refusal(snapshot: Snapshot, task: Task, now: datetime) -> str:
    """Why the task's role is not for it; "" when it is.

    INVARIANT: no task starts with a role that does not trust ECS tasks of this account.
    https://repost.aws/knowledge-center/ecs-unable-to-assume-role
    """
    role = snapshot.entity(task.role_id) if task.role_id else None
    if role is not None and (why := trust_refusal(role, grant_of(task), now, snapshot)):
        return f"{_unable(role.arn)} {why}"
    return ""


def _unable(role: str) -> str:
    return (
        f"ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the role "
        "being passed has the proper trust relationship and permissions and that your IAM user has permissions to "
        "pass this role."
    )
