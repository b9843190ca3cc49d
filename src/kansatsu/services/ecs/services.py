"""Services: so many tasks of a definition, kept running, and brought from one revision to the next.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html
"""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kansatsu.catalog import Authorization, asked_tags
from kansatsu.errors import (
    ClientException,
    InvalidParameterException,
    ServiceNotActiveException,
    ServiceNotFoundException,
    Unimplemented,
)
from kansatsu.services.ecs import _deploying, _pages, _render
from kansatsu.services.ecs._honoured import check_launch_type
from kansatsu.services.ecs._resources import (
    NAME,
    Context,
    active_cluster,
    active_service,
    cluster_arn,
    find_definition,
    find_service,
    pass_roles,
    place_of,
    resource_tags,
    service_arn,
    tag_dict,
    tagging,
)
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload.tasks import making
from kansatsu.workload.tasks.records import ACTIVE, TaskDefinition
from kansatsu.workload.tasks.service import DRAINING, INACTIVE, REPLICA, Service, new_deployment

_MOST_DESCRIBED = 10
_PROPAGATED = ("SERVICE", "TASK_DEFINITION")


def _check(call: Call, action: str, params: Params, given: str, more: Context | None = None) -> Authorization:
    """Authorization of an action on one service."""
    cluster = params.get("cluster")
    found = find_service(call, cluster, given)
    tags = resource_tags(found.service.tags if found else {})
    context = tags | {"ecs:cluster": cluster_arn(call, cluster)} | (more or {})
    return Authorization(f"ecs:{action}", service_arn(call, cluster, given), context, True)


def _with_definition(call: Call, action: str, params: Params, given: str) -> Iterator[Authorization]:
    """The service, and what its tasks are to be.

    INVARIANT: who makes a service of what others registered starts it, as RunTask does: the roles must be theirs to
    pass. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    """
    context: Context = {
        "ecs:enable-execute-command": "false",  # true is answered with 501, as is what the next ones stand for
        "ecs:enable-ebs-volumes": "false",
        "ecs:enable-service-connect": "false",
        "ecs:enable-vpc-lattice": "false",
    }
    for member, key in (
        ("enableECSManagedTags", "ecs:enable-ecs-managed-tags"),
        ("propagateTags", "ecs:propagate-tags"),
    ):
        if params.get(member) is not None:
            context[key] = str(params[member]) if member == "propagateTags" else str(params[member]).lower()
    definition = None
    if named := params.get("taskDefinition"):
        definition = find_definition(call, named)
        own = named if named.startswith("arn:") else place_of(call).arn(f"task-definition/{named}")
        context["ecs:task-definition"] = definition.arn if definition else own
    yield _check(call, action, params, given, asked_tags(params) | context)
    if definition is not None:
        yield from pass_roles(call, definition.document)


def _create_checks(call: Call, params: Params) -> Iterator[Authorization]:
    yield from _with_definition(call, "CreateService", params, params["serviceName"])
    resource = service_arn(call, params.get("cluster"), params["serviceName"]).rpartition(":")[2]
    yield from tagging(call, "CreateService", resource, params.get("tags"))


@operation("ecs", "CreateService", resource=_create_checks)
async def create_service(
    call: Call,
    service_name: str,
    cluster: str | None = None,
    task_definition: str | None = None,
    desired_count: int | None = None,
    client_token: str = "",
    launch_type: str = "EC2",
    scheduling_strategy: str = REPLICA,
    deployment_configuration: dict[str, Any] | None = None,
    deployment_controller: dict[str, str] | None = None,
    network_configuration: dict[str, Any] | None = None,
    availability_zone_rebalancing: str = "",
    enable_execute_command: bool = False,
    enable_ecs_managed_tags: bool = False,
    propagate_tags: str = "",
    tags: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html"""
    if NAME.fullmatch(service_name) is None:
        raise InvalidParameterException(
            "Service names have up to 255 letters (uppercase and lowercase), numbers, underscores, and hyphens."
        )
    check_launch_type(launch_type)
    _deploying.check_common(network_configuration, enable_execute_command=enable_execute_command)
    if (kind := (deployment_controller or {}).get("type", "ECS")) != "ECS":
        raise Unimplemented(f"Services with a controller {kind} are not implemented.")
    settings = _deploying.settings(deployment_configuration, scheduling_strategy)
    count = _deploying.count(desired_count, scheduling_strategy)
    with call.store.read() as conn:
        call.enter(lambda: conn)
        held, definition = active_cluster(call, cluster), _definition(call, task_definition)
    wanted: dict[str, Any] = {
        "desired": count,
        "scheduling": scheduling_strategy,
        "launch_type": launch_type,
        "propagate": _propagated(propagate_tags),
        "managed_tags": enable_ecs_managed_tags,
        "tags": tag_dict(tags),
        **settings,
    }
    now = call.now.timestamp()
    made = Service(
        id=secrets.token_hex(16),
        account=call.account,
        region=call.region,
        cluster=held.name,
        name=service_name,
        created=now,
        created_by=call.caller.arn,
        deployments=(new_deployment(definition.family, definition.revision, now),),
        digest=making.digest([client_token, definition.arn, wanted]),
        **wanted,
    )
    async with call.workload.services.creating:
        before = call.workload.services.find(held.place, held.name, service_name)
        if before is not None and before.service.status == DRAINING:
            raise InvalidParameterException("Unable to Start a service that is still Draining.")
        if before is not None and before.service.status == ACTIVE:
            if not client_token or before.service.digest != made.digest:
                raise InvalidParameterException("Creation of service was not idempotent.")
            made = before.service
        else:
            made = (await call.workload.services.add(made)).service
    return {"service": _shown(call, made, tags=True)}


def _propagated(given: str) -> str:
    return given if given in _PROPAGATED else ""


def _definition(call: Call, given: str | None) -> TaskDefinition:
    if not given:
        raise InvalidParameterException("TaskDefinition can not be blank.")
    found = find_definition(call, given)
    if found is None:
        raise ClientException("TaskDefinition not found.")
    if found.status != ACTIVE:
        raise ClientException("TaskDefinition is inactive")
    return found


def _update_checks(call: Call, params: Params) -> Iterator[Authorization]:
    yield from _with_definition(call, "UpdateService", params, params["service"])


@operation("ecs", "UpdateService", resource=_update_checks)
async def update_service(
    call: Call,
    service: str,
    cluster: str | None = None,
    desired_count: int | None = None,
    task_definition: str | None = None,
    deployment_configuration: dict[str, Any] | None = None,
    network_configuration: dict[str, Any] | None = None,
    availability_zone_rebalancing: str = "",
    force_new_deployment: bool = False,
    enable_execute_command: bool | None = None,
    enable_ecs_managed_tags: bool | None = None,
    propagate_tags: str | None = None,
) -> dict[str, Any]:
    """Another definition, or `force_new_deployment`, is a new deployment; the rest is changed in place.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
    """
    _deploying.check_common(network_configuration, enable_execute_command=bool(enable_execute_command))
    with call.store.read() as conn:
        call.enter(lambda: conn)
        active_cluster(call, cluster)
        held = active_service(call, cluster, service)
        definition = _definition(call, task_definition) if task_definition is not None else None
    async with held.lock:
        before = held.service
        if before.status != ACTIVE:
            raise ServiceNotActiveException("Service was not ACTIVE.")
        changes: dict[str, Any] = _deploying.settings(deployment_configuration, before.scheduling, before)
        if desired_count is not None:
            changes["desired"] = _deploying.count(desired_count, before.scheduling)
        if enable_ecs_managed_tags is not None:
            changes["managed_tags"] = enable_ecs_managed_tags
        if propagate_tags is not None:
            changes["propagate"] = _propagated(propagate_tags)
        after = replace(before, **changes)
        primary = before.primary
        wanted = (definition.family, definition.revision) if definition else (primary.family, primary.revision)
        if force_new_deployment or wanted != (primary.family, primary.revision):
            after = after.deploying(*wanted, call.now.timestamp())
        await call.workload.services.change(held, after)
    return {"service": _shown(call, held.service, tags=False)}


def _delete_check(call: Call, params: Params) -> Authorization:
    return _check(call, "DeleteService", params, params["service"])


@operation("ecs", "DeleteService", resource=_delete_check)
async def delete_service(call: Call, service: str, cluster: str | None = None, force: bool = False) -> dict[str, Any]:
    """It is DRAINING until its last task has stopped, and INACTIVE from then on.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html
    """
    with call.store.read() as conn:
        call.enter(lambda: conn)
        active_cluster(call, cluster)
        held = active_service(call, cluster, service)
    async with held.lock:
        found = held.service
        if found.status == INACTIVE:
            raise ServiceNotFoundException("Service not found.")
        if found.scheduling == REPLICA and found.desired and not force and found.status == ACTIVE:
            raise InvalidParameterException("The service cannot be stopped while it is scaled above 0.")
        if found.status == ACTIVE:
            await call.workload.services.change(held, replace(found, status=DRAINING, desired=0, steady=False))
    return {"service": _shown(call, held.service, tags=True)}


def _described(call: Call, params: Params) -> Iterator[Authorization]:
    for given in params["services"] or ["*"]:
        yield _check(call, "DescribeServices", params, given)


@operation("ecs", "DescribeServices", resource=_described, looks=True)
def describe_services(
    call: Call, services: list[str], cluster: str | None = None, include: list[str] | None = None
) -> dict[str, Any]:
    active_cluster(call, cluster)
    if not 1 <= len(services) <= _MOST_DESCRIBED:
        raise InvalidParameterException(
            "Services cannot be empty." if not services else "Too many services: at most 10."
        )
    found = {given: find_service(call, cluster, given) for given in services}
    return {
        "services": [_shown(call, held.service, tags=bool(include)) for held in found.values() if held is not None],
        "failures": [
            {"arn": service_arn(call, cluster, given), "reason": "MISSING"}
            for given, held in found.items()
            if held is None
        ],
    }


def _list_check(call: Call, params: Params) -> Authorization:
    return Authorization("ecs:ListServices", "*", {"ecs:cluster": cluster_arn(call, params.get("cluster"))}, True)


@operation("ecs", "ListServices", resource=_list_check)
def list_services(
    call: Call,
    cluster: str | None = None,
    launch_type: str | None = None,
    scheduling_strategy: str | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> dict[str, Any]:
    held = active_cluster(call, cluster)
    listed = [
        (each.name, each.arn)
        for each in call.workload.services.of_cluster(held.place, held.name)
        if launch_type in (None, each.launch_type) and scheduling_strategy in (None, each.scheduling)
    ]
    return _pages.page("serviceArns", listed, next_token, max_results)


def _shown(call: Call, item: Service, *, tags: bool) -> dict[str, Any]:
    return _render.service(item, call.workload.services.tasks_of(item), tags=tags)


def _namespace_check(_call: Call, params: Params) -> Authorization:
    return Authorization("ecs:ListServicesByNamespace", "*", {"ecs:namespace": params["namespace"]}, True)


@operation("ecs", "ListServicesByNamespace", resource=_namespace_check)
def list_services_by_namespace(
    call: Call, namespace: str, next_token: str | None = None, max_results: int | None = None
) -> dict[str, Any]:
    """No service is in any: a service that asks for one (Service Connect) is answered with 501.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServicesByNamespace.html
    """
    return _pages.page("serviceArns", [], next_token, max_results)
