"""The keys of EC2 that hold the id of what a request names.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

from typing import Any

from .world import Case


def named(key: str, operation: str, params: dict[str, Any], identifier: str, kind: str, **more: Any) -> Case:
    """The id of a resource that the request names."""
    return Case(key, f"ec2.{operation}", params, identifier, "other", resource=f"arn:aws:ec2:*:{kind}/*", **more)


IDS = [
    named("ec2:VolumeID", "delete_volume", {"VolumeId": "vol-1"}, "vol-1", "volume"),
    named("ec2:SnapshotID", "delete_snapshot", {"SnapshotId": "snap-1"}, "snap-1", "snapshot"),
    named("ec2:SecurityGroupID", "delete_security_group", {"GroupId": "sg-1"}, "sg-1", "security-group"),
    named("ec2:VpcID", "delete_vpc", {"VpcId": "vpc-1"}, "vpc-1", "vpc"),
    named("ec2:SubnetID", "delete_subnet", {"SubnetId": "subnet-1"}, "subnet-1", "subnet"),
    named("ec2:RouteTableID", "delete_route_table", {"RouteTableId": "rtb-1"}, "rtb-1", "route-table"),
    named("ec2:NetworkAclID", "delete_network_acl", {"NetworkAclId": "acl-1"}, "acl-1", "network-acl"),
    named(
        "ec2:NetworkInterfaceID", "delete_network_interface", {"NetworkInterfaceId": "eni-1"}, "eni-1",
        "network-interface",
    ),
    named(
        "ec2:InternetGatewayID", "delete_internet_gateway", {"InternetGatewayId": "igw-1"}, "igw-1",
        "internet-gateway",
    ),
    named("ec2:DhcpOptionsID", "delete_dhcp_options", {"DhcpOptionsId": "dopt-1"}, "dopt-1", "dhcp-options"),
    named("ec2:AllocationId", "release_address", {"AllocationId": "eipalloc-1"}, "eipalloc-1", "elastic-ip"),
    named("ec2:KeyPairName", "delete_key_pair", {"KeyName": "k"}, "k", "key-pair"),
    named("ec2:PlacementGroupName", "delete_placement_group", {"GroupName": "g"}, "g", "placement-group"),
    named("ec2:ImageID", "deregister_image", {"ImageId": "ami-1"}, "ami-1", "image"),
    named(
        "ec2:InstanceID", "associate_address", {"InstanceId": "i-1", "AllocationId": "eipalloc-1"}, "i-1",
        "instance",
    ),
    named(
        "ec2:VpcPeeringConnectionID", "delete_vpc_peering_connection", {"VpcPeeringConnectionId": "pcx-1"}, "pcx-1",
        "vpc-peering-connection",
    ),
    named("ec2:transitGatewayId", "delete_transit_gateway", {"TransitGatewayId": "tgw-1"}, "tgw-1", "transit-gateway"),
    named(
        "ec2:transitGatewayAttachmentId", "delete_transit_gateway_vpc_attachment",
        {"TransitGatewayAttachmentId": "tgw-attach-1"}, "tgw-attach-1", "transit-gateway-attachment",
    ),
    named(
        "ec2:transitGatewayConnectPeerId", "delete_transit_gateway_connect_peer",
        {"TransitGatewayConnectPeerId": "p-1"}, "p-1", "transit-gateway-connect-peer",
    ),
    named(
        "ec2:transitGatewayMeteringPolicyId", "delete_transit_gateway_metering_policy",
        {"TransitGatewayMeteringPolicyId": "m-1"}, "m-1", "transit-gateway-metering-policy",
    ),
    named(
        "ec2:transitGatewayMulticastDomainId", "delete_transit_gateway_multicast_domain",
        {"TransitGatewayMulticastDomainId": "d-1"}, "d-1", "transit-gateway-multicast-domain",
    ),
    named(
        "ec2:transitGatewayPolicyTableId", "delete_transit_gateway_policy_table",
        {"TransitGatewayPolicyTableId": "t-1"}, "t-1", "transit-gateway-policy-table",
    ),
    named(
        "ec2:transitGatewayRouteTableId", "delete_transit_gateway_route_table",
        {"TransitGatewayRouteTableId": "t-1"}, "t-1", "transit-gateway-route-table",
    ),
    named(
        "ec2:transitGatewayRouteTableAnnouncementId", "delete_transit_gateway_route_table_announcement",
        {"TransitGatewayRouteTableAnnouncementId": "a-1"}, "a-1", "transit-gateway-route-table-announcement",
    ),
]  # fmt: skip
