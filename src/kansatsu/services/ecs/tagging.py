"""Tags of clusters, task definitions, tasks, services and container instances.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import Connection

from kansatsu.arn import Arn
from kansatsu.catalog import Authorization, asked_tags
from kansatsu.errors import InvalidParameterException, ResourceNotFoundException
from kansatsu.services.ecs._render import tag_list
from kansatsu.services.ecs._resources import (
    check_number,
    find_cluster,
    find_definition,
    find_service,
    place_of,
    resource_tags,
    tag_dict,
)
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload.tasks import records
from kansatsu.workload.tasks.records import Cluster, TaskDefinition
from kansatsu.workload.tasks.roster import Member


@dataclass(frozen=True, slots=True)
class _Tagged:
    """What has tags, and how others are given to it."""

    tags: Mapping[str, str]
    put: Callable[[Mapping[str, str]], Awaitable[Any]]


def _cluster(call: Call, given: str, _name: str) -> _Tagged | None:
    def put(cluster: Cluster, tags: Mapping[str, str]) -> Awaitable[None]:
        return call.store.transact(lambda conn: records.save_cluster(conn, replace(cluster, tags=tags)))

    found = find_cluster(call, given)
    return _Tagged(found.tags, partial(put, found)) if found else None


def _definition(call: Call, given: str, _name: str) -> _Tagged | None:
    def put(definition: TaskDefinition, tags: Mapping[str, str]) -> Awaitable[None]:
        def work(conn: Connection) -> None:
            records.tag_definition(conn, definition, tags)

        return call.store.transact(work)

    found = find_definition(call, given)
    return _Tagged(found.tags, partial(put, found)) if found else None


def _task(call: Call, _given: str, name: str) -> _Tagged | None:
    async def put(member: Member, tags: Mapping[str, str]) -> None:
        async with member.lock:
            await call.workload.tasks.change(member, tags=tags)

    cluster, _, task = name.rpartition("/")
    found = call.workload.tasks.find(place_of(call), cluster, task)
    return _Tagged(found.task.tags, partial(put, found)) if found else None


def _service(call: Call, given: str, name: str) -> _Tagged | None:
    found = find_service(call, name.partition("/")[0], given)
    return _Tagged(found.service.tags, partial(call.workload.services.tag, found)) if found else None


def _instance(call: Call, given: str, name: str) -> _Tagged | None:
    found = call.workload.hosts.named(place_of(call), name.rpartition("/")[0], given)

    async def put(tags: Mapping[str, str]) -> None:
        if found is not None:
            await call.workload.hosts.change(found, tags=tags)

    return _Tagged(found.tags, put) if found else None


_KINDS: dict[str, Callable[[Call, str, str], _Tagged | None]] = {
    "cluster": _cluster,
    "task-definition": _definition,
    "task": _task,
    "service": _service,
    "container-instance": _instance,
}


def _find(call: Call, given: str) -> _Tagged | None:
    """Raises InvalidParameterException for what is no ARN of ECS."""
    parsed = Arn.parse(given)
    kind, _, name = parsed.resource.partition("/") if parsed is not None and parsed.service == "ecs" else ("", "", "")
    if kind not in _KINDS or parsed is None:
        raise InvalidParameterException("Invalid resource ARN.")
    ours = (parsed.region, parsed.account) == (call.region, call.account)
    return _KINDS[kind](call, given, name) if ours else None


def _existing(call: Call, given: str) -> _Tagged:
    with call.store.read() as conn:
        call.enter(lambda: conn)
        found = _find(call, given)
    if found is None:
        raise ResourceNotFoundException("The specified resource was not found.")
    return found


def _check(action: str) -> Callable[[Call, Params], Authorization]:
    def check(call: Call, params: Params) -> Authorization:
        given = params["resourceArn"]
        found = _find(call, given) if Arn.parse(given) is not None else None
        context = resource_tags(found.tags if found else {}) | asked_tags(params)
        return Authorization(f"ecs:{action}", given, context, True)

    return check


@operation("ecs", "TagResource", resource=_check("TagResource"))
async def tag_resource(call: Call, resource_arn: str, tags: list[dict[str, str]]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TagResource.html"""
    wanted, found = tag_dict(tags), _existing(call, resource_arn)
    together = {**found.tags, **wanted}
    check_number(together)
    await found.put(together)
    return {}


@operation("ecs", "UntagResource", resource=_check("UntagResource"))
async def untag_resource(call: Call, resource_arn: str, tag_keys: list[str]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UntagResource.html"""
    found = _existing(call, resource_arn)
    for key in tag_keys:
        if key.lower().startswith("aws:"):
            raise InvalidParameterException(f"Tag key {key!r} is not valid: it must not begin with aws:.")
    await found.put({key: value for key, value in found.tags.items() if key not in tag_keys})
    return {}


@operation("ecs", "ListTagsForResource", resource=_check("ListTagsForResource"))
async def list_tags_for_resource(call: Call, resource_arn: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTagsForResource.html"""
    return {"tags": tag_list(_existing(call, resource_arn).tags)}
