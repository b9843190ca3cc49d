"""Task definitions: families of numbered revisions, which never change once they are registered.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definitions.html
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from kansatsu.catalog import Authorization, asked_tags
from kansatsu.errors import ClientException, InvalidParameterException
from kansatsu.services.ecs import _pages, _validation
from kansatsu.services.ecs._render import tag_list
from kansatsu.services.ecs._resources import (
    Context,
    find_definition,
    pass_roles,
    place_of,
    resource_tags,
    role_arn,
    tag_dict,
    tagging,
)
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload.tasks import records
from kansatsu.workload.tasks.making import ROLES
from kansatsu.workload.tasks.records import ACTIVE, DELETE_IN_PROGRESS, INACTIVE, TaskDefinition

# What AWS fills in. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
_DEFAULTS: dict[str, Any] = {"cpu": 0, "essential": True}
_EMPTY = ("portMappings", "environment", "mountPoints", "volumesFrom", "systemControls")
_SORTED_DOWN = "DESC"
_MOST_DELETED = 10


def _register_checks(call: Call, params: Params) -> Iterator[Authorization]:
    resource = f"task-definition/{params['family']}:*"  # the number of the revision is not known before it is made
    context: Context = {**asked_tags(params), "ecs:privileged": "false"}  # true is answered with 501
    if kinds := params.get("requiresCompatibilities"):
        context["ecs:compute-compatibility"] = tuple(kinds)
    yield Authorization("ecs:RegisterTaskDefinition", place_of(call).arn(resource), context, True)
    yield from pass_roles(call, params)
    yield from tagging(call, "RegisterTaskDefinition", resource, params.get("tags"))


@operation("ecs", "RegisterTaskDefinition", resource=_register_checks, write=True)
def register_task_definition(
    call: Call,
    family: str,
    container_definitions: list[dict[str, Any]],
    task_role_arn: str | None = None,
    execution_role_arn: str | None = None,
    network_mode: str | None = None,
    requires_compatibilities: list[str] | None = None,
    volumes: list[dict[str, Any]] | None = None,
    placement_constraints: list[dict[str, str]] | None = None,
    tags: list[dict[str, str]] | None = None,
    cpu: str | None = None,
    memory: str | None = None,
) -> dict[str, Any]:
    given: dict[str, Any] = {
        "family": family,
        "taskRoleArn": task_role_arn,
        "executionRoleArn": execution_role_arn,
        "networkMode": network_mode,
        "containerDefinitions": container_definitions,
        "requiresCompatibilities": requires_compatibilities,
        "volumes": volumes,
        "placementConstraints": placement_constraints,
        "cpu": cpu,
        "memory": memory,
    }
    _validation.check(given)
    document = {name: value for name, value in given.items() if value}
    for member in ROLES:
        if member in document:
            document[member] = role_arn(call, document[member])
    document["containerDefinitions"] = [_filled(item) for item in document["containerDefinitions"]]
    wanted = tag_dict(tags)
    made = records.add_definition(call.conn, place_of(call), document, wanted, call.caller.arn, call.now.timestamp())
    return {"taskDefinition": shown(made), "tags": tag_list(wanted)}


def _filled(container: dict[str, Any]) -> dict[str, Any]:
    return {**_DEFAULTS, **{member: [] for member in _EMPTY}, **container}


@operation("ecs", "DescribeTaskDefinition")
def describe_task_definition(call: Call, task_definition: str, include: list[str] | None = None) -> dict[str, Any]:
    found = find_definition(call, task_definition)
    if found is None:
        raise ClientException("Unable to describe task definition.")
    return {"taskDefinition": shown(found), **({"tags": tag_list(found.tags)} if include else {})}


@operation("ecs", "DeregisterTaskDefinition", write=True)
def deregister_task_definition(call: Call, task_definition: str) -> dict[str, Any]:
    """Tasks that run go on; the revision can be described for ever."""
    if ":" not in task_definition.rpartition("/")[2]:
        raise InvalidParameterException("Invalid revision number. Number: null" if task_definition else "Empty name.")
    found = find_definition(call, task_definition)
    if found is None:
        raise ClientException("The specified task definition does not exist.")
    if found.status == ACTIVE:
        records.deregister(call.conn, found, call.now.timestamp())
        found = find_definition(call, task_definition)
        assert found is not None  # noqa: S101 - it is there, in this transaction
    return {"taskDefinition": shown(found)}


def _delete_checks(call: Call, params: Params) -> Iterator[Authorization]:
    for given in params["taskDefinitions"] or ["*"]:
        named = given if given.startswith("arn:") else place_of(call).arn(f"task-definition/{given}")
        found = find_definition(call, given)
        yield Authorization("ecs:DeleteTaskDefinitions", named, resource_tags(found.tags if found else {}), True)


@operation("ecs", "DeleteTaskDefinitions", resource=_delete_checks, write=True)
def delete_task_definitions(call: Call, task_definitions: list[str]) -> dict[str, Any]:
    """Revisions that were deregistered; their numbers are never used again.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html
    """
    if not 1 <= len(task_definitions) <= _MOST_DELETED:
        raise InvalidParameterException(f"Task definitions cannot be empty, and are at most {_MOST_DELETED}.")
    deleted: list[dict[str, Any]] = []
    failures: list[dict[str, str]] = []
    for given in task_definitions:
        found = find_definition(call, given) if ":" in given.rpartition("/")[2] else None
        if found is None or found.status == ACTIVE:
            why = "is still in ACTIVE status. Please deregister the target and try again." if found else "is not found."
            failures.append({"arn": found.arn if found else given, "reason": f"The specified task definition {why}"})
            continue
        records.deregister(call.conn, found, call.now.timestamp(), DELETE_IN_PROGRESS)
        deleted.append(shown(replace(found, status=DELETE_IN_PROGRESS)))
    return {"taskDefinitions": deleted, "failures": failures}


@operation("ecs", "ListTaskDefinitions")
def list_task_definitions(
    call: Call,
    family_prefix: str | None = None,
    status: str = ACTIVE,
    sort: str = "ASC",
    next_token: str | None = None,
    max_results: int | None = None,
) -> dict[str, Any]:
    """`family_prefix` is a whole family name.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitions.html
    """
    if status not in (ACTIVE, INACTIVE, DELETE_IN_PROGRESS):
        raise InvalidParameterException(f"{status} is not a status of task definitions.")
    place = place_of(call)
    found = records.revisions(call.conn, place, status, family_prefix)
    if sort == _SORTED_DOWN:
        found.reverse()
    listed = [
        (f"{index:08}", place.arn(f"task-definition/{family}:{revision}"))
        for index, (family, revision) in enumerate(found)
    ]
    return _pages.page("taskDefinitionArns", listed, next_token, max_results)


@operation("ecs", "ListTaskDefinitionFamilies")
def list_task_definition_families(
    call: Call,
    family_prefix: str = "",
    status: str = ACTIVE,
    next_token: str | None = None,
    max_results: int | None = None,
) -> dict[str, Any]:
    """A family is INACTIVE when none of its revisions is active.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitionFamilies.html
    """
    found = records.families(call.conn, place_of(call))
    listed = [
        (family, family)
        for family, active in found.items()
        if family.startswith(family_prefix) and status in ("ALL", ACTIVE if active else INACTIVE)
    ]
    return _pages.page("families", listed, next_token, max_results)


def shown(definition: TaskDefinition) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html"""
    found: dict[str, Any] = {
        "volumes": [],
        "placementConstraints": [],
        **definition.document,
        "taskDefinitionArn": definition.arn,
        "revision": definition.revision,
        "status": definition.status,
        "compatibilities": ["EXTERNAL", "EC2"],
        "registeredAt": datetime.fromtimestamp(definition.registered, UTC),
        "registeredBy": definition.registered_by,
    }
    if definition.deregistered is not None:
        found["deregisteredAt"] = datetime.fromtimestamp(definition.deregistered, UTC)
    return found
