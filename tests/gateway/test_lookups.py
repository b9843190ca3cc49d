"""Whose an association, an attachment or a public address of EC2 is, in the words of the backend's answer.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Operations.html (the answer, on the page of each Describe)
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html (what each action is on)
What the embedded backend can do is in catalog_cases/ec2.json; this is also about what it cannot.
"""

import asyncio
from typing import Any

import pytest

from kansatsu import catalog, wire
from kansatsu.catalog.services.ec2 import RULES
from kansatsu.errors import AwsError
from kansatsu.gateway import lookups

from .conftest import ACCOUNT
from .raw import REGION

ROUTES = {
    "RouteTables": [
        {
            "RouteTableId": "rtb-1",
            "Associations": [
                {"RouteTableAssociationId": "rtbassoc-2", "RouteTableId": "rtb-1", "SubnetId": "subnet-2"},
                {"RouteTableAssociationId": "rtbassoc-1", "RouteTableId": "rtb-1", "SubnetId": "subnet-1"},
                {"RouteTableAssociationId": "rtbassoc-3", "RouteTableId": "rtb-1", "GatewayId": "igw-1"},
                {"RouteTableAssociationId": "rtbassoc-4", "RouteTableId": "rtb-1", "GatewayId": "vgw-1"},
                {"RouteTableAssociationId": "rtbassoc-5", "RouteTableId": "rtb-1", "PublicIpv4Pool": "ipv4pool-ec2-1"},
                {"RouteTableAssociationId": "rtbassoc-6", "RouteTableId": "rtb-1", "Main": True},
            ],
        }
    ]
}
ACLS = {
    "NetworkAcls": [
        {
            "NetworkAclId": "acl-1",
            "Associations": [
                {"NetworkAclAssociationId": "aclassoc-2", "NetworkAclId": "acl-1", "SubnetId": "subnet-2"},
                {"NetworkAclAssociationId": "aclassoc-1", "NetworkAclId": "acl-1", "SubnetId": "subnet-1"},
            ],
        }
    ]
}
INTERFACES = {
    "NetworkInterfaces": [
        {"NetworkInterfaceId": "eni-1", "Attachment": {"AttachmentId": "eni-attach-1", "InstanceId": "i-1"}}
    ]
}
ADDRESS = {"AssociationId": "eipassoc-1", "PublicIp": "203.0.113.9", "AllocationId": "eipalloc-1"}
ADDRESSES = {"Addresses": [{**ADDRESS, "NetworkInterfaceId": "eni-1"}]}
VPCS = {"Vpcs": [{"VpcId": "vpc-1", "CidrBlockAssociationSet": [{"AssociationId": "vpc-cidr-assoc-1"}]}]}
VPCS_6 = {"Vpcs": [{"VpcId": "vpc-1", "Ipv6CidrBlockAssociationSet": [{"AssociationId": "vpc-cidr-assoc-1"}]}]}
SUBNETS = {
    "Subnets": [{"SubnetId": "subnet-1", "Ipv6CidrBlockAssociationSet": [{"AssociationId": "subnet-cidr-assoc-1"}]}]
}
PEERINGS = {
    "VpcPeeringConnections": [{"VpcPeeringConnectionId": "pcx-1", "AccepterVpcInfo": {"VpcId": "vpc-1"}}],
}
PROFILES = {"IamInstanceProfileAssociations": [{"AssociationId": "iip-assoc-1", "InstanceId": "i-1"}]}
MIRRORED = {
    "TrafficMirrorFilterRules": [{"TrafficMirrorFilterRuleId": "tmfr-1", "TrafficMirrorFilterId": "tmf-1"}],
}
PERMITTED = {
    "NetworkInterfacePermissions": [{"NetworkInterfacePermissionId": "eni-perm-1", "NetworkInterfaceId": "eni-1"}],
}
NOTIFIED = {"ConnectionNotificationSet": [{"ConnectionNotificationId": "vpce-nfn-1", "ServiceId": "vpce-svc-1"}]}
NEW_TABLE = {"RouteTableId": "rtb-9"}
# (operation, parameters, what the backend answers to whatever it is asked, the resources).
CASES: list[tuple[str, dict[str, Any], dict[str, Any], set[str]]] = [
    ("DisassociateRouteTable", {"AssociationId": "rtbassoc-1"}, ROUTES, {"route-table/rtb-1", "subnet/subnet-1"}),
    (
        "DisassociateRouteTable",
        {"AssociationId": "rtbassoc-3"},
        ROUTES,
        {"route-table/rtb-1", "internet-gateway/igw-1"},
    ),
    ("DisassociateRouteTable", {"AssociationId": "rtbassoc-4"}, ROUTES, {"route-table/rtb-1", "vpn-gateway/vgw-1"}),
    (
        "DisassociateRouteTable",
        {"AssociationId": "rtbassoc-5"},
        ROUTES,
        {"route-table/rtb-1", "ipv4pool-ec2/ipv4pool-ec2-1"},
    ),
    (
        "ReplaceRouteTableAssociation",
        {"AssociationId": "rtbassoc-1", **NEW_TABLE},
        ROUTES,
        {"route-table/rtb-9", "route-table/rtb-1", "subnet/subnet-1"},
    ),
    (
        "ReplaceRouteTableAssociation",
        {"AssociationId": "rtbassoc-6", **NEW_TABLE},
        ROUTES,
        {"route-table/rtb-9", "route-table/rtb-1"},
    ),
    (
        "ReplaceNetworkAclAssociation",
        {"AssociationId": "aclassoc-1", "NetworkAclId": "acl-9"},
        ACLS,
        {"network-acl/acl-9", "network-acl/acl-1", "subnet/subnet-1"},
    ),
    (
        "DetachNetworkInterface",
        {"AttachmentId": "eni-attach-1"},
        INTERFACES,
        {"network-interface/eni-1", "instance/i-1"},
    ),
    (
        "DisassociateAddress",
        {"AssociationId": "eipassoc-1"},
        ADDRESSES,
        {"elastic-ip/eipalloc-1", "network-interface/eni-1"},
    ),
    (
        "DisassociateAddress",
        {"PublicIp": "203.0.113.9"},
        ADDRESSES,
        {"elastic-ip/eipalloc-1", "network-interface/eni-1"},
    ),
    (
        "AssociateAddress",
        {"PublicIp": "203.0.113.9", "InstanceId": "i-2"},
        ADDRESSES,
        {"elastic-ip/eipalloc-1", "instance/i-2"},
    ),
    ("ReleaseAddress", {"PublicIp": "203.0.113.9"}, ADDRESSES, {"elastic-ip/eipalloc-1"}),
    (
        "DisassociateNatGatewayAddress",
        {"NatGatewayId": "nat-1", "AssociationIds": ["eipassoc-1"]},
        ADDRESSES,
        {"natgateway/nat-1", "elastic-ip/eipalloc-1", "network-interface/eni-1"},
    ),
    ("DisassociateIamInstanceProfile", {"AssociationId": "iip-assoc-1"}, PROFILES, {"instance/i-1"}),
    (
        "ReplaceIamInstanceProfileAssociation",
        {"AssociationId": "iip-assoc-1", "IamInstanceProfile": {}},
        PROFILES,
        {"instance/i-1"},
    ),
    ("DisassociateVpcCidrBlock", {"AssociationId": "vpc-cidr-assoc-1"}, VPCS, {"vpc/vpc-1"}),
    ("DisassociateVpcCidrBlock", {"AssociationId": "vpc-cidr-assoc-1"}, VPCS_6, {"vpc/vpc-1"}),
    ("DisassociateSubnetCidrBlock", {"AssociationId": "subnet-cidr-assoc-1"}, SUBNETS, {"subnet/subnet-1"}),
    (
        "AcceptVpcPeeringConnection",
        {"VpcPeeringConnectionId": "pcx-1"},
        PEERINGS,
        {"vpc-peering-connection/pcx-1", "vpc/vpc-1"},
    ),
    (
        "DeleteTrafficMirrorFilterRule",
        {"TrafficMirrorFilterRuleId": "tmfr-1"},
        MIRRORED,
        {"traffic-mirror-filter-rule/tmfr-1", "traffic-mirror-filter/tmf-1"},
    ),
    (
        "ModifyTrafficMirrorFilterRule",
        {"TrafficMirrorFilterRuleId": "tmfr-1"},
        MIRRORED,
        {"traffic-mirror-filter-rule/tmfr-1", "traffic-mirror-filter/tmf-1"},
    ),
    (
        "DeleteNetworkInterfacePermission",
        {"NetworkInterfacePermissionId": "eni-perm-1"},
        PERMITTED,
        {"network-interface/eni-1"},
    ),
    (
        "DeleteVpcEndpointConnectionNotifications",
        {"ConnectionNotificationIds": ["vpce-nfn-1"]},
        NOTIFIED,
        {"vpc-endpoint-service/vpce-svc-1"},
    ),
    (
        "ModifyVpcEndpointConnectionNotification",
        {"ConnectionNotificationId": "vpce-nfn-1"},
        NOTIFIED,
        {"vpc-endpoint-service/vpce-svc-1"},
    ),
]
# Named in the request itself, deeper than elsewhere or beside a part of it.
TOLD: list[tuple[str, dict[str, Any], set[str]]] = [
    (
        "ModifyInstanceCreditSpecification",
        {"InstanceCreditSpecifications": [{"InstanceId": "i-1"}, {"InstanceId": "i-2"}]},
        {"instance/i-1", "instance/i-2"},
    ),
    (
        "ModifySecurityGroupRules",
        {
            "GroupId": "sg-1",
            "SecurityGroupRules": [{"SecurityGroupRuleId": "sgr-1", "SecurityGroupRule": {"PrefixListId": "pl-1"}}],
        },
        {"security-group/sg-1", "security-group-rule/sgr-1", "prefix-list/pl-1"},
    ),
    ("ReportInstanceStatus", {"Instances": ["i-1"]}, {"instance/i-1"}),
    ("CancelImportTask", {"ImportTaskId": "import-ami-1"}, {"import-image-task/import-ami-1"}),
    ("CancelImportTask", {"ImportTaskId": "import-snap-1"}, {"import-snapshot-task/import-snap-1"}),
    (
        "RejectVpcEndpointConnections",
        {"ServiceId": "vpce-svc-1", "VpcEndpointIds": ["vpce-1"]},
        {"vpc-endpoint-service/vpce-svc-1"},
    ),
    ("ModifyInstanceEventStartTime", {"InstanceId": "i-1", "InstanceEventId": "instance-event-1"}, {"instance/i-1"}),
    (
        "DisassociateClientVpnTargetNetwork",
        {"ClientVpnEndpointId": "cvpn-endpoint-1", "AssociationId": "cvpn-assoc-1"},
        {"client-vpn-endpoint/cvpn-endpoint-1"},
    ),
]


# The parameters that name nothing of themselves.
ASKED_BY = (
    *("PublicIp", "AttachmentId", "AssociationId", "AssociationIds", "VpcPeeringConnectionId"),
    *("TrafficMirrorFilterRuleId", "NetworkInterfacePermissionId"),
    *("ConnectionNotificationId", "ConnectionNotificationIds"),
)


class Backend:
    """Answers everything with one thing, and counts how often it is asked."""

    def __init__(self, answer: dict[str, Any] | None) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def ask(self, account: str, region: str, service: str, operation: str, params: Any) -> dict[str, Any]:
        assert (account, region, service) == (ACCOUNT, REGION, "ec2")
        assert wire.load_service("ec2").operation(operation).name.startswith("Describe")
        self.asked.append(f"{operation} {params}")
        if self.answer is None:
            raise AwsError("The ID does not exist", code="InvalidAssociationID.NotFound", status=400)
        return self.answer


def resolved(name: str, params: dict[str, Any], backend: Any) -> tuple[catalog.Authorization, ...]:
    operation = wire.load_service("ec2").operation(name)
    known = asyncio.run(lookups.known(operation, params, ACCOUNT, REGION, backend))
    return catalog.resolve(operation, params, ACCOUNT, REGION, known=known)


def everything(found: tuple[catalog.Authorization, ...], name: str) -> bool:
    """Whether only a policy on everything allows it."""
    return any((item.action, item.resource, item.exact) == (f"ec2:{name}", "*", False) for item in found)


@pytest.mark.parametrize(("name", "params", "answer", "resources"), CASES)
def test_the_backend_says_whose_it_is(
    name: str, params: dict[str, Any], answer: dict[str, Any], resources: set[str]
) -> None:
    backend = Backend(answer)
    found = resolved(name, params, backend)
    named = {item.resource for item in found if item.action == f"ec2:{name}"}
    assert named == {f"arn:aws:ec2:{REGION}:{ACCOUNT}:{resource}" for resource in resources}
    assert all(item.exact for item in found)
    assert len(backend.asked) == len(set(backend.asked)), "one call for all that one answer tells"
    # The attack: another thing than the one named is what the backend answers, or nothing, or an error.
    member = next(member for member in ASKED_BY if member in params)
    given = params[member]
    other = [f"{value}0" for value in given] if isinstance(given, list) else f"{given}0"
    several = {key: [*value, *value] for key, value in answer.items()}
    for bad, backend in (
        ({**params, member: other}, Backend(answer)),
        (params, Backend({key: [] for key in answer})),
        (params, Backend({})),
        (params, Backend(None)),
        (params, Backend(several)),
        ({**params, member: "a*" if isinstance(given, str) else ["a*"]}, Backend(answer)),
    ):
        assert everything(resolved(name, bad, backend), name), (bad, backend.answer)


def test_each_question_has_a_case() -> None:
    assert {case[0] for case in CASES} == RULES.questions.keys() - {"CreateSnapshots"}  # test_asked.py


@pytest.mark.parametrize(("name", "params", "resources"), TOLD)
def test_the_request_says_it(name: str, params: dict[str, Any], resources: set[str]) -> None:
    backend = Backend(None)
    found = resolved(name, params, backend)
    assert {item.resource for item in found} == {f"arn:aws:ec2:{REGION}:{ACCOUNT}:{name}" for name in resources}
    assert all(item.exact for item in found) and not backend.asked
