"""What EC2's requests name by an association, an attachment or a public address: the backend is asked whose it is.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Operations.html (the filters, on the page of each Describe)
The reference names a kind of resource once, also where a call takes something from one resource of it and gives it to
another (ReplaceRouteTableAssociation). Both are asked for then: a Deny of either holds.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Question, Rules
from kansatsu.catalog.values import safe, walk


@dataclass(frozen=True, slots=True)
class _Asked:
    """The call that tells what a value of a parameter belongs to.

    `by` is a filter of the call, or a parameter if it begins with a capital. `item` leads to what is told, "?" in it
    being the element whose `member` is the value. `told` has the members that name resources, and the parameters that
    would name the same; without `least` of them nothing is told.
    """

    operation: str
    by: str
    item: str
    member: str
    told: Mapping[str, str]
    least: tuple[str, ...] = ()

    def questions(self, value: str) -> Iterator[Question]:
        """One for each member; all are the same call, which is made once."""
        params = {self.by: [value]} if self.by[0].isupper() else {"Filters": [{"Name": self.by, "Values": [value]}]}
        for member in self.told:
            path, where = f"{self.item}.{member}", (self.member, value)
            yield Question(self._key(member, value), "ec2", self.operation, params, path, where)

    def answered(self, value: str, known: Mapping[str, str]) -> list[tuple[str, str]]:
        """(parameter, id) of everything that the value belongs to; [] where it is not known."""
        found = {member: id_ for member in self.told if (id_ := known.get(self._key(member, value)))}
        return [(self.told[member], id_) for member, id_ in found.items()] if found.keys() >= set(self.least) else []

    def _key(self, member: str, value: str) -> str:
        return f"{self.operation} {self.by} {value} {member}"


_ROUTES = _Asked(
    *("DescribeRouteTables", "association.route-table-association-id"),
    *("RouteTables.0.Associations.?", "RouteTableAssociationId"),
    {
        "RouteTableId": "RouteTableIds",
        "SubnetId": "SubnetIds",
        "GatewayId": "GatewayId",
        "PublicIpv4Pool": "Ipv4PoolEc2Id",
    },
    ("RouteTableId",),
)
_ACL = _Asked(
    *("DescribeNetworkAcls", "association.association-id"),
    *("NetworkAcls.0.Associations.?", "NetworkAclAssociationId"),
    *({"NetworkAclId": "NetworkAclIds", "SubnetId": "SubnetIds"}, ("NetworkAclId", "SubnetId")),
)
_ATTACHMENT = _Asked(
    *("DescribeNetworkInterfaces", "attachment.attachment-id", "NetworkInterfaces.?", "Attachment.AttachmentId"),
    {"NetworkInterfaceId": "NetworkInterfaceIds", "Attachment.InstanceId": "InstanceIds"},
    ("NetworkInterfaceId", "Attachment.InstanceId"),
)
_ADDRESS = {"AllocationId": "AllocationIds"}
_ASSOCIATED = {**_ADDRESS, "NetworkInterfaceId": "NetworkInterfaceIds"}
_BY_ASSOCIATION = _Asked(
    *("DescribeAddresses", "association-id", "Addresses.?", "AssociationId", _ASSOCIATED, ("AllocationId",))
)
_BY_IP = _Asked("DescribeAddresses", "public-ip", "Addresses.?", "PublicIp", _ADDRESS, ("AllocationId",))
_BY_USED_IP = _Asked("DescribeAddresses", "public-ip", "Addresses.?", "PublicIp", _ASSOCIATED, ("AllocationId",))
_PROFILE = _Asked(
    *("DescribeIamInstanceProfileAssociations", "AssociationIds", "IamInstanceProfileAssociations.?", "AssociationId"),
    *({"InstanceId": "InstanceIds"}, ("InstanceId",)),
)
_SUBNET_CIDR = _Asked(
    *("DescribeSubnets", "ipv6-cidr-block-association.association-id"),
    *("Subnets.?", "Ipv6CidrBlockAssociationSet[].AssociationId"),
    *({"SubnetId": "SubnetIds"}, ("SubnetId",)),
)
_VPC_CIDR = tuple(
    _Asked("DescribeVpcs", by, "Vpcs.?", f"{member}[].AssociationId", {"VpcId": "VpcIds"}, ("VpcId",))
    for by, member in (
        ("cidr-block-association.association-id", "CidrBlockAssociationSet"),
        ("ipv6-cidr-block-association.association-id", "Ipv6CidrBlockAssociationSet"),
    )
)
_PEERING = _Asked(
    *("DescribeVpcPeeringConnections", "VpcPeeringConnectionIds", "VpcPeeringConnections.?", "VpcPeeringConnectionId"),
    {"VpcPeeringConnectionId": "VpcPeeringConnectionIds", "AccepterVpcInfo.VpcId": "VpcIds"},
    ("VpcPeeringConnectionId", "AccepterVpcInfo.VpcId"),
)
_MIRRORED = _Asked(
    *("DescribeTrafficMirrorFilterRules", "TrafficMirrorFilterRuleIds", "TrafficMirrorFilterRules.?"),
    "TrafficMirrorFilterRuleId",
    {
        "TrafficMirrorFilterRuleId": "TrafficMirrorFilterRuleIds",
        "TrafficMirrorFilterId": "TrafficMirrorFilterIds",
    },
    ("TrafficMirrorFilterRuleId", "TrafficMirrorFilterId"),
)
_PERMITTED = _Asked(
    *("DescribeNetworkInterfacePermissions", "NetworkInterfacePermissionIds", "NetworkInterfacePermissions.?"),
    *("NetworkInterfacePermissionId", {"NetworkInterfaceId": "NetworkInterfaceIds"}, ("NetworkInterfaceId",)),
)
_NOTIFIED = _Asked(
    *("DescribeVpcEndpointConnectionNotifications", "connection-notification-id", "ConnectionNotificationSet.?"),
    *("ConnectionNotificationId", {"ServiceId": "ServiceIds", "VpcEndpointId": "VpcEndpointIds"}),
)
# Operation -> the parameter that names nothing of itself -> the calls that tell what it means; the first one counts.
_ASKED: dict[str, dict[str, tuple[_Asked, ...]]] = {
    "AcceptVpcPeeringConnection": {"VpcPeeringConnectionId": (_PEERING,)},
    "AssociateAddress": {"PublicIp": (_BY_IP,)},
    "DeleteNetworkInterfacePermission": {"NetworkInterfacePermissionId": (_PERMITTED,)},
    "DeleteTrafficMirrorFilterRule": {"TrafficMirrorFilterRuleId": (_MIRRORED,)},
    "DeleteVpcEndpointConnectionNotifications": {"ConnectionNotificationIds": (_NOTIFIED,)},
    "DetachNetworkInterface": {"AttachmentId": (_ATTACHMENT,)},
    "DisassociateAddress": {"AssociationId": (_BY_ASSOCIATION,), "PublicIp": (_BY_USED_IP,)},
    "DisassociateIamInstanceProfile": {"AssociationId": (_PROFILE,)},
    "DisassociateNatGatewayAddress": {"AssociationIds": (_BY_ASSOCIATION,)},
    "DisassociateRouteTable": {"AssociationId": (_ROUTES,)},
    "DisassociateSubnetCidrBlock": {"AssociationId": (_SUBNET_CIDR,)},
    "DisassociateVpcCidrBlock": {"AssociationId": _VPC_CIDR},
    "ModifyTrafficMirrorFilterRule": {"TrafficMirrorFilterRuleId": (_MIRRORED,)},
    "ModifyVpcEndpointConnectionNotification": {"ConnectionNotificationId": (_NOTIFIED,)},
    "ReleaseAddress": {"PublicIp": (_BY_IP,)},
    "ReplaceIamInstanceProfileAssociation": {"AssociationId": (_PROFILE,)},
    "ReplaceNetworkAclAssociation": {"AssociationId": (_ACL,)},
    "ReplaceRouteTableAssociation": {"AssociationId": (_ROUTES,)},
}
# Operation -> where ids stand deeper in its parameters -> the parameter that would name the same.
_DEEPER = {
    "ModifyInstanceCreditSpecification": {"InstanceCreditSpecifications[].InstanceId": "InstanceIds"},
    "CreateSnapshots": {"InstanceSpecification.InstanceId": "InstanceId"},
    "ModifySecurityGroupRules": {
        "SecurityGroupRules[].SecurityGroupRule.PrefixListId": "PrefixListIds",
        "SecurityGroupRules[].SecurityGroupRuleId": "SecurityGroupRuleIds",
    },
    "ReportInstanceStatus": {"Instances[]": "InstanceIds"},
}
TOLD = frozenset({*_ASKED, *_DEEPER})


def told(operation: str, params: Params, known: Mapping[str, str]) -> Params | None:
    """The parameters as if they named the resources themselves; None where the backend did not say what they mean."""
    found: dict[str, Any] = {}
    if operation == "CreateSnapshots":
        volumes = snapshot_volumes(params, known)
        if not volumes:
            return None
        found["VolumeIds"] = volumes
    for path, parameter in _DEEPER.get(operation, {}).items():
        found.setdefault(parameter, []).extend(walk(params, path))
    asked = _ASKED.get(operation, {})
    for name, calls in asked.items():
        for value in _values(params.get(name)):
            answers = next(filter(None, (call.answered(value, known) for call in calls)), None)
            # INVARIANT: what is named without its resource being known is not passed over.
            if answers is None:
                return None
            for parameter, identifier in answers:
                found.setdefault(parameter, []).append(identifier)
    found = {parameter: list(dict.fromkeys(ids)) for parameter, ids in found.items()}
    return {**{name: value for name, value in params.items() if name not in asked}, **found}


def _attached(params: Params) -> Iterator[Question]:
    """The volumes of an instance, and which of them it boots from.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceSpecification.html
    """
    instance = (params.get("InstanceSpecification") or {}).get("InstanceId")
    if not isinstance(instance, str) or not safe(instance, False):
        return
    volumes = {"Filters": [{"Name": "attachment.instance-id", "Values": [instance]}]}
    yield Question(f"volumes {instance}", "ec2", "DescribeVolumes", volumes, "Volumes[].VolumeId")

    def boots(device: str) -> Iterator[Question]:
        where = ("Attachments[].Device", device)
        yield Question(f"root {instance}", "ec2", "DescribeVolumes", volumes, "Volumes.?.VolumeId", where)

    asked = {"InstanceIds": [instance]}
    path = "Reservations.0.Instances.0.RootDeviceName"
    yield Question(f"device {instance}", "ec2", "DescribeInstances", asked, path, then=boots)


def snapshot_volumes(params: Params, known: Mapping[str, str]) -> list[str]:
    """The volumes that CreateSnapshots is about, as the backend told them; [] where it did not."""
    given = params.get("InstanceSpecification") or {}
    volumes = known.get(f"volumes {given.get('InstanceId')}", "").splitlines()
    left_out = set(given.get("ExcludeDataVolumeIds") or ())
    if given.get("ExcludeBootVolume"):
        root = known.get(f"root {given.get('InstanceId')}")
        if root is None:
            return []
        left_out.add(root)
    return [volume for volume in volumes if volume not in left_out]


def _values(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else list(given or ())


def _questions(operation: str) -> Callable[[Params], Iterator[Question]]:
    def ask(params: Params) -> Iterator[Question]:
        for name, calls in _ASKED[operation].items():
            for value in _values(params.get(name)):
                for call in calls if safe(value, False) else ():
                    yield from call.questions(value)

    return ask


RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html",
    questions={**{operation: _questions(operation) for operation in _ASKED}, "CreateSnapshots": _attached},
)
