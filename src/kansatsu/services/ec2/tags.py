"""CreateTags, DeleteTags and DescribeTags for what is ours: instances."""

from collections.abc import Iterator, Mapping
from typing import Any

from kansatsu.catalog import Authorization, asked_tags
from kansatsu.services.ec2 import _filters, _tagging
from kansatsu.services.ec2._resources import Context, member_of, one_instance
from kansatsu.services.registry import Call, Params, operation


def _each(action: str) -> Any:
    def checks(call: Call, params: Params) -> Iterator[Authorization]:
        asked: Context = asked_tags(params)
        for resource_id in params["Resources"]:
            yield one_instance(call, action, resource_id, asked)

    return checks


@operation("ec2", "CreateTags", resource=_each("CreateTags"))
async def create_tags(call: Call, resources: list[str], tags: list[dict[str, str]]) -> dict[str, Any]:
    _check(call, resources)
    wanted = _tagging.to_dict(tags)
    for resource_id in resources:
        _tagging.check_limit({**call.workload.fleet.tags.get(resource_id, {}), **wanted})
    await call.workload.fleet.put_tags(resources, wanted)
    return {}


@operation("ec2", "DeleteTags", resource=_each("DeleteTags"))
async def delete_tags(call: Call, resources: list[str], tags: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html: no Tags means all of them."""
    _check(call, resources)
    keys = {tag["Key"]: tag.get("Value") for tag in tags} if tags else None
    await call.workload.fleet.remove_tags(resources, keys)
    return {}


def _check(call: Call, resources: list[str]) -> None:
    for resource_id in resources:
        call.workload.fleet.get(call.account, call.region, resource_id)


@operation("ec2", "DescribeTags")
async def describe_tags(
    call: Call,
    filters: list[dict[str, Any]] | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> dict[str, Any]:
    """Not cut into pages, for the reason given in describe.py."""
    return {"Tags": _filters.select(_all(call), filters, _FIELDS, lambda item: {item["Key"]: item["Value"]})}


def _all(call: Call) -> Iterator[dict[str, str]]:
    for resource_id, tags in sorted(call.workload.fleet.tags.items()):
        if member_of(call, resource_id) is not None:
            for key, value in sorted(tags.items()):
                yield {"ResourceId": resource_id, "ResourceType": "instance", "Key": key, "Value": value}


_FIELDS: Mapping[str, Any] = {
    "resource-id": lambda item: [item["ResourceId"]],
    "resource-type": lambda item: [item["ResourceType"]],
    "key": lambda item: [item["Key"]],
    "value": lambda item: [item["Value"]],
}
