"""Metadata options of an instance.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMetadataOptions.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from kansatsu.catalog import Authorization, ec2_attributes
from kansatsu.errors import IncorrectInstanceState, InvalidParameterValue, UnsupportedOperation
from kansatsu.services.ec2 import _render
from kansatsu.services.ec2._resources import one_instance
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload.views import MetadataOptions

# Member of the request -> (field, what it may be).
_CHOICES = {
    "HttpTokens": ("http_tokens", ("optional", "required")),
    "HttpEndpoint": ("http_endpoint", ("enabled", "disabled")),
    "InstanceMetadataTags": ("instance_metadata_tags", ("enabled", "disabled")),
}
_HOPS = range(1, 65)


def changed_options(options: MetadataOptions, asked: Mapping[str, Any]) -> MetadataOptions:
    """`options` with what the request says; what it does not say stays. Raises InvalidParameterValue."""
    changes: dict[str, Any] = {}
    for name, (field, allowed) in _CHOICES.items():
        if name in asked:
            if asked[name] not in allowed:
                raise InvalidParameterValue(f"Invalid value '{asked[name]}' for {name}")
            changes[field] = asked[name]
    if "HttpPutResponseHopLimit" in asked:
        changes["hop_limit"] = asked["HttpPutResponseHopLimit"]
        if changes["hop_limit"] not in _HOPS:
            raise InvalidParameterValue(f"Invalid value '{changes['hop_limit']}' for HttpPutResponseHopLimit: 1 to 64")
    if asked.get("HttpProtocolIpv6", "disabled") != "disabled":
        raise UnsupportedOperation("HttpProtocolIpv6 is not supported: the metadata service listens on IPv4 only.")
    return replace(options, **changes)


def _check(call: Call, params: Params) -> Iterator[Authorization]:
    yield one_instance(call, "ModifyInstanceMetadataOptions", params["InstanceId"], ec2_attributes(params))


@operation("ec2", "ModifyInstanceMetadataOptions", resource=_check)
async def modify_instance_metadata_options(
    call: Call,
    instance_id: str,
    http_tokens: str | None = None,
    http_put_response_hop_limit: int | None = None,
    http_endpoint: str | None = None,
    http_protocol_ipv6: str | None = None,
    instance_metadata_tags: str | None = None,
) -> dict[str, Any]:
    member = call.workload.fleet.get(call.account, call.region, instance_id)
    if member.instance.state in ("terminated", "shutting-down"):
        raise IncorrectInstanceState(f"The instance '{instance_id}' is not in a state in which it can be modified.")
    asked = {
        "HttpTokens": http_tokens,
        "HttpPutResponseHopLimit": http_put_response_hop_limit,
        "HttpEndpoint": http_endpoint,
        "HttpProtocolIpv6": http_protocol_ipv6,
        "InstanceMetadataTags": instance_metadata_tags,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    async with member.lock:
        options = changed_options(member.instance.details.metadata, given)
        await call.workload.fleet.detail(member, metadata=options)
    return {"InstanceId": instance_id, "InstanceMetadataOptions": _render.metadata_options(options, "pending")}
