"""DescribeInstances, DescribeInstanceStatus, DescribeInstanceAttribute and DescribeImages.

What is merged with a backend's answer is not cut into pages: all of ours is in the first answer, and MaxResults and
NextToken are the backend's (`ownership.merge`).
"""

from typing import Any

from kansatsu.errors import InvalidAMIIDNotFound, InvalidParameterValue, Unimplemented
from kansatsu.services.ec2 import _filters, _render
from kansatsu.services.ec2._resources import instances
from kansatsu.services.registry import Call, operation
from kansatsu.workload import Image, Member
from kansatsu.workload.records import STATE_CODES

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
_INSTANCE_FIELDS: _filters.Fields[Member] = {
    "instance-id": lambda m: [m.instance.id],
    "instance-state-name": lambda m: [m.instance.state],
    "instance-state-code": lambda m: [str(STATE_CODES[m.instance.state])],
    "instance-type": lambda m: [m.instance.details.instance_type],
    "image-id": lambda m: [m.instance.details.image_id],
    "private-ip-address": lambda m: _some(m.instance.details.private_ip),
    "network-interface.addresses.private-ip-address": lambda m: _some(m.instance.details.private_ip),
    "private-dns-name": lambda m: _some(m.instance.private_dns),
    "ip-address": lambda m: [],
    "dns-name": lambda m: [],
    "subnet-id": lambda m: _some(m.instance.details.subnet_id),
    "vpc-id": lambda m: _some(m.instance.details.vpc_id),
    "availability-zone": lambda m: _some(m.instance.details.zone),
    "reservation-id": lambda m: [m.instance.details.reservation_id],
    "client-token": lambda m: _some(m.instance.client_token),
    "owner-id": lambda m: [m.instance.account],
    "architecture": lambda m: [m.instance.details.architecture],
    "launch-index": lambda m: [str(m.instance.details.launch_index)],
    "root-device-type": lambda m: ["instance-store"],
    "virtualization-type": lambda m: ["hvm"],
    "tenancy": lambda m: ["default"],
    "monitoring-state": lambda m: ["disabled"],
    "iam-instance-profile.arn": lambda m: [m.association.profile_arn] if m.association else [],
    "iam-instance-profile.id": lambda m: [m.association.profile_id] if m.association else [],
    "iam-instance-profile.name": lambda m: [m.association.profile_arn.rpartition("/")[2]] if m.association else [],
    "instance.group-id": lambda m: [key for key, _ in m.instance.details.security_groups],
    "instance.group-name": lambda m: [name for _, name in m.instance.details.security_groups],
    "metadata-options.http-tokens": lambda m: [m.instance.details.metadata.http_tokens],
    "metadata-options.http-endpoint": lambda m: [m.instance.details.metadata.http_endpoint],
    "metadata-options.http-put-response-hop-limit": lambda m: [str(m.instance.details.metadata.hop_limit)],
}


def _some(value: str) -> list[str]:
    return [value] if value else []


def _chosen(call: Call, instance_ids: list[str] | None, filters: list[dict[str, Any]] | None) -> list[Member]:
    fleet = call.workload.fleet
    if instance_ids:
        members = [fleet.get(call.account, call.region, key) for key in dict.fromkeys(instance_ids)]
    else:
        place = (call.account, call.region)
        members = [member for member in fleet if (member.instance.account, member.instance.region) == place]
    return _filters.select(members, filters, _INSTANCE_FIELDS, lambda m: fleet.tags.get(m.instance.id, {}))


@operation("ec2", "DescribeInstances")
async def describe_instances(
    call: Call,
    instance_ids: list[str] | None = None,
    filters: list[dict[str, Any]] | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
    include_managed_resources: bool = False,
) -> dict[str, Any]:
    _filters.forbid_both(instance_ids, max_results, "instancesSet")
    return {"Reservations": _render.reservations(call, _chosen(call, instance_ids, filters))}


# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html
_STATUS_FIELDS: _filters.Fields[Member] = {
    "availability-zone": _INSTANCE_FIELDS["availability-zone"],
    "instance-state-name": _INSTANCE_FIELDS["instance-state-name"],
    "instance-state-code": _INSTANCE_FIELDS["instance-state-code"],
    "instance-status.status": lambda m: [_health(m)],
    "system-status.status": lambda m: [_health(m)],
    "instance-status.reachability": lambda m: ["passed" if _health(m) == "ok" else "failed"],
    "system-status.reachability": lambda m: ["passed" if _health(m) == "ok" else "failed"],
}


def _health(member: Member) -> str:
    """ok: it runs and its metadata service is there; impaired: it runs without one."""
    if member.instance.state != "running":
        return "not-applicable"
    served = member.handle is not None or member.instance.provider == "process"
    return "ok" if served else "impaired"


@operation("ec2", "DescribeInstanceStatus")
async def describe_instance_status(
    call: Call,
    instance_ids: list[str] | None = None,
    filters: list[dict[str, Any]] | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
    include_all_instances: bool = False,
    include_managed_resources: bool = False,
) -> dict[str, Any]:
    _filters.forbid_both(instance_ids, max_results, "instancesSet")
    members = _chosen(call, instance_ids, None)
    found = _filters.select(members, filters, _STATUS_FIELDS)
    wanted = [member for member in found if include_all_instances or member.instance.state == "running"]
    return {"InstanceStatuses": [_status(member) for member in wanted]}


def _status(member: Member) -> dict[str, Any]:
    health = _health(member)
    summary: dict[str, Any] = {"Status": health}
    if health != "not-applicable":
        summary["Details"] = [{"Name": "reachability", "Status": "passed" if health == "ok" else "failed"}]
    return {
        "InstanceId": member.instance.id,
        "AvailabilityZone": member.instance.details.zone,
        "InstanceState": _render.state(member.instance.state),
        "InstanceStatus": summary,
        "SystemStatus": summary,
    }


def _value(value: Any) -> dict[str, Any]:
    return {"Value": value}


# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceAttribute.html
_ATTRIBUTES: dict[str, Any] = {
    "instanceType": lambda m: {"InstanceType": _value(m.instance.details.instance_type)},
    "userData": lambda m: {"UserData": _value(m.instance.details.user_data) if m.instance.details.user_data else {}},
    "disableApiTermination": lambda m: {"DisableApiTermination": _value(False)},
    "disableApiStop": lambda m: {"DisableApiStop": _value(False)},
    "instanceInitiatedShutdownBehavior": lambda m: {"InstanceInitiatedShutdownBehavior": _value("stop")},
    "groupSet": lambda m: {"Groups": _render.groups(m.instance.details.security_groups)},
    "blockDeviceMapping": lambda m: {"BlockDeviceMappings": []},
    "productCodes": lambda m: {"ProductCodes": []},
    "ebsOptimized": lambda m: {"EbsOptimized": _value(False)},
}
# Attributes that EC2 has and that mean nothing for a container.
_MEANINGLESS = (
    "kernel",
    "ramdisk",
    "rootDeviceName",
    "sourceDestCheck",
    "sriovNetSupport",
    "enaSupport",
    "enclaveOptions",
)


@operation("ec2", "DescribeInstanceAttribute", resource=instances("DescribeInstanceAttribute"))
async def describe_instance_attribute(call: Call, instance_id: str, attribute: str) -> dict[str, Any]:
    member = call.workload.fleet.get(call.account, call.region, instance_id)
    if attribute in _MEANINGLESS:
        raise Unimplemented(f"Instances that are containers have no attribute {attribute}.")
    if attribute not in _ATTRIBUTES:
        raise InvalidParameterValue(f"Value ({attribute}) for parameter attribute is invalid. Unknown attribute.")
    return {"InstanceId": instance_id, **_ATTRIBUTES[attribute](member)}


# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html
_IMAGE_FIELDS: _filters.Fields[Image] = {
    "image-id": lambda i: [i.ami],
    "name": lambda i: list(i.tags) or [i.id],
    "description": lambda i: [_render.image_description(i)],
    "owner-alias": lambda i: [],
    "state": lambda i: ["available"],
    "architecture": lambda i: [_render.image_architecture(i)],
    "is-public": lambda i: ["false"],
    "image-type": lambda i: ["machine"],
    "root-device-type": lambda i: ["instance-store"],
    "virtualization-type": lambda i: ["hvm"],
    "creation-date": lambda i: [_render.image_created(i)],
    "platform": lambda i: [],
    "hypervisor": lambda i: [],
    "product-code": lambda i: [],
}


@operation("ec2", "DescribeImages")
async def describe_images(
    call: Call,
    image_ids: list[str] | None = None,
    owners: list[str] | None = None,
    filters: list[dict[str, Any]] | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
    include_deprecated: bool = False,
    include_disabled: bool = False,
) -> dict[str, Any]:
    """The local container images; they belong to whoever asks."""
    images = await call.workload.images()
    if image_ids:
        images = _by_id(images, image_ids)
    if owners and not {"self", call.account} & set(owners):
        images = []
    fields = {**_IMAGE_FIELDS, "owner-id": lambda _image: [call.account]}
    found = _filters.select(images, filters, fields, lambda _image: {})
    return {"Images": [_render.image(call, item) for item in sorted(found, key=lambda image: image.ami)]}


def _by_id(images: list[Image], wanted: list[str]) -> list[Image]:
    known = {image.ami: image for image in images}
    missing = [key for key in wanted if key not in known]
    if missing:
        raise InvalidAMIIDNotFound(f"The image id '[{', '.join(missing)}]' does not exist")
    return [known[key] for key in dict.fromkeys(wanted)]
