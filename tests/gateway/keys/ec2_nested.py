"""The keys of EC2 that stand deeper in the parameters, or that are made of several of them.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

from typing import Any

from gateway.conftest import ACCOUNT
from gateway.raw import REGION

from .ec2 import CLIENT_VPN, IN_VPC, RESERVE, ec2
from .world import ANY, ARN, BOOL, DATE, LATER, NUMBER, STAMP, UNTIL, Case, World

ENDPOINT, VPN, RESERVATION = (
    ec2("client-vpn-endpoint/*"),
    "arn:aws:ec2:*:vpn-connection/*",
    ec2("capacity-reservation/*"),
)


def vpn(key: str, tunnel: dict[str, Any], right: Any, wrong: Any, operator: str = "StringEquals") -> Case:
    """A key of a tunnel, of a connection that is asked for."""
    asked = {"CustomerGatewayId": "cgw-1", "Type": "ipsec.1", "VpnGatewayId": "vgw-1"}
    options = {"Options": {"TunnelOptions": [tunnel, tunnel]}}
    return Case(f"ec2:{key}", "ec2.create_vpn_connection", asked | options, right, wrong, operator, VPN)


def modified(key: str, tunnel: dict[str, Any], right: Any, wrong: Any, operator: str = "StringEquals") -> Case:
    asked = {"VpnConnectionId": "vpn-1", "VpnTunnelOutsideIpAddress": "1.2.3.4", "TunnelOptions": tunnel}
    return Case(f"ec2:{key}", "ec2.modify_vpn_tunnel_options", asked, right, wrong, operator, VPN)


def client_vpn(key: str, more: dict[str, Any], right: str, wrong: str) -> Case:
    asked = {"ServerCertificateArn": "arn:aws:acm:us-east-1:1:certificate/a", **CLIENT_VPN, **more}
    return Case(f"ec2:{key}", "ec2.create_client_vpn_endpoint", asked, right, wrong, ARN, ENDPOINT)


def routed(static: bool) -> dict[str, Any]:
    return {
        "CustomerGatewayId": "cgw-1", "Type": "ipsec.1", "TransitGatewayId": "tgw-1",
        "Options": {"StaticRoutesOnly": static},
    }  # fmt: skip


def launched(key: str, right: Any, wrong: str, operator: str) -> Case:
    """A key of what is launched by a template."""

    def fleet(world: World) -> dict[str, Any]:
        template = {"LaunchTemplateId": world.template, "Version": "1"}
        return {
            "LaunchTemplateConfigs": [{"LaunchTemplateSpecification": template}],
            "TargetCapacitySpecification": {"TotalTargetCapacity": 0, "DefaultTargetCapacityType": "spot"},
        }

    return Case(f"ec2:{key}", "ec2.create_fleet", fleet, right, wrong, operator, action="RunInstances")


def values(*numbers: Any) -> list[dict[str, Any]]:
    return [{"Value": number} for number in numbers]


LOG = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:g"
LOGGED = {"ConnectionLogOptions": {"Enabled": True, "CloudwatchLogGroup": "g", "CloudwatchLogStream": "s"}}
CHAIN, SAML = "arn:aws:acm:us-east-1:1:certificate/c", f"arn:aws:iam::{ACCOUNT}:saml-provider/p"
PEER = {"VpcId": "vpc-1", "PeerVpcId": "vpc-2", "PeerOwnerId": "210987654321", "PeerRegion": "eu-west-1"}
PCX = ec2("vpc-peering-connection/*")
DNS = {
    "DnsOptions": {"PrivateDnsPreference": "VERIFIED_DOMAINS_ONLY", "PrivateDnsSpecifiedDomains": ["a.example", "b"]}
}
CR = f"arn:aws:ec2:{REGION}:{ACCOUNT}:capacity-reservation/cr-"
TEMPLATE = f"arn:aws:ec2:{REGION}:{ACCOUNT}:launch-template/"
NESTED = [
    launched("LaunchTemplate", lambda world: f"{TEMPLATE}{world.template}", f"{TEMPLATE}lt-1", ARN),
    launched("IsLaunchTemplateResource", "true", "false", BOOL),
    vpn("DPDTimeoutSeconds", {"DPDTimeoutSeconds": 40}, "40", "41", NUMBER),
    vpn("IKEVersions", {"IKEVersions": values("ikev1", "ikev2")}, "ikev2", "ikev3", ANY),
    vpn("InsideTunnelCidr", {"TunnelInsideCidr": "169.254.9.0/30"}, "169.254.9.0/30", "169.254.8.0/30"),
    vpn("InsideTunnelIpv6Cidr", {"TunnelInsideIpv6Cidr": "fd00::/126"}, "fd00::/126", "fd01::/126"),
    vpn("Phase1DHGroup", {"Phase1DHGroupNumbers": values(14, 15)}, "14", "2", ANY),
    vpn("Phase2DHGroup", {"Phase2DHGroupNumbers": values(14)}, "14", "2"),
    vpn("Phase1EncryptionAlgorithms", {"Phase1EncryptionAlgorithms": values("AES256")}, "AES256", "AES128"),
    vpn("Phase2EncryptionAlgorithms", {"Phase2EncryptionAlgorithms": values("AES256")}, "AES256", "AES128"),
    vpn("Phase1IntegrityAlgorithms", {"Phase1IntegrityAlgorithms": values("SHA2-256")}, "SHA2-256", "SHA1"),
    vpn("Phase2IntegrityAlgorithms", {"Phase2IntegrityAlgorithms": values("SHA2-256")}, "SHA2-256", "SHA1"),
    vpn("Phase1LifetimeSeconds", {"Phase1LifetimeSeconds": 900}, "900", "901", NUMBER),
    vpn("Phase2LifetimeSeconds", {"Phase2LifetimeSeconds": 900}, "900", "901", NUMBER),
    vpn("RekeyFuzzPercentage", {"RekeyFuzzPercentage": 50}, "50", "51", NUMBER),
    vpn("RekeyMarginTimeSeconds", {"RekeyMarginTimeSeconds": 60}, "60", "61", NUMBER),
    vpn("ReplayWindowSizePackets", {"ReplayWindowSize": 64}, "64", "65"),
    vpn("RoutingType", {}, "BGP", "static"),
    vpn("GatewayType", {}, "VGW", "TGW"),
    modified("DPDTimeoutSeconds", {"DPDTimeoutSeconds": 40}, "40", "41", NUMBER),
    modified("IKEVersions", {"IKEVersions": values("ikev2")}, "ikev2", "ikev1"),
    Case("ec2:RoutingType", "ec2.create_vpn_connection", routed(True), "static", "BGP", resource=VPN),
    Case("ec2:GatewayType", "ec2.create_vpn_connection", routed(True), "TGW", "VGW", resource=VPN),
    client_vpn(
        "ClientRootCertificateChainArn",
        {"AuthenticationOptions": [{"MutualAuthentication": {"ClientRootCertificateChainArn": CHAIN}}]},
        CHAIN, f"{CHAIN}d",
    ),
    client_vpn(
        "SamlProviderArn", {"AuthenticationOptions": [{"FederatedAuthentication": {"SAMLProviderArn": SAML}}]},
        SAML, f"{SAML}q",
    ),
    client_vpn(
        "DirectoryArn", {"AuthenticationOptions": [{"ActiveDirectory": {"DirectoryId": "d-1"}}]},
        f"arn:aws:ds:{REGION}:{ACCOUNT}:directory/d-1", f"arn:aws:ds:{REGION}:{ACCOUNT}:directory/d-2",
    ),
    client_vpn("CloudwatchLogGroupArn", LOGGED, LOG, f"{LOG}h"),
    client_vpn("CloudwatchLogStreamArn", LOGGED, f"{LOG}:log-stream:s", f"{LOG}:log-stream:t"),
    Case(
        "ec2:AccepterVpc", "ec2.create_vpc_peering_connection", PEER,
        "arn:aws:ec2:eu-west-1:210987654321:vpc/vpc-2", "arn:aws:ec2:eu-west-1:210987654321:vpc/vpc-1", ARN, PCX,
    ),
    Case("ec2:RequesterVpc", "ec2.create_vpc_peering_connection", PEER, ec2("vpc/vpc-1"), ec2("vpc/vpc-2"), ARN, PCX),
    Case(
        "ec2:VpcePrivateDnsPreference", "ec2.create_vpc_endpoint", {**IN_VPC, "ServiceName": "s", **DNS},
        "VERIFIED_DOMAINS_ONLY", "ALL_DOMAINS", resource=ec2("vpc-endpoint/*"),
    ),
    Case(
        "ec2:VpcePrivateDnsSpecifiedDomains", "ec2.create_vpc_endpoint", {**IN_VPC, "ServiceName": "s", **DNS},
        "a.example", "c", ANY, ec2("vpc-endpoint/*"),
    ),
    Case(
        "ec2:VpceMultiRegion", "ec2.create_vpc_endpoint", {**IN_VPC, "ServiceName": "s", "ServiceRegion": "eu-west-1"},
        "true", "false", BOOL, ec2("vpc-endpoint/*"),
    ),
    Case(
        "ec2:VpceMultiRegion", "ec2.create_vpc_endpoint_service_configuration", {"SupportedRegions": [REGION]},
        "false", "true", BOOL, ec2("vpc-endpoint-service/*"),
    ),
    Case(
        "ec2:BootModeOverride", "ec2.create_image", {"InstanceId": "i-1", "Name": "name", "BootModeOverride": "uefi"},
        "uefi", "legacy-bios", resource="arn:aws:ec2:*::image/*",
    ),
    Case(
        "ec2:EndDate", "ec2.create_capacity_reservation", {**RESERVE, "EndDate": UNTIL}, STAMP, LATER, DATE,
        RESERVATION,
    ),
    Case(
        "ec2:PlacementGroup", "ec2.create_capacity_reservation",
        {**RESERVE, "PlacementGroupArn": ec2("placement-group/g")}, ec2("placement-group/g"), ec2("placement-group/h"),
        ARN, RESERVATION,
    ),
    Case(
        "ec2:TargetInstanceCount", "ec2.update_interruptible_capacity_reservation_allocation",
        {"CapacityReservationId": "cr-1", "TargetInstanceCount": 2}, "2", "3", NUMBER,
    ),
    Case(
        "ec2:SourceCapacityReservationId", "ec2.create_capacity_reservation_by_splitting",
        {"SourceCapacityReservationId": "cr-1", "InstanceCount": 2}, f"{CR}1", f"{CR}2", ARN,
    ),
    *(
        Case(
            f"ec2:{side}CapacityReservationId", "ec2.move_capacity_reservation_instances",
            {"SourceCapacityReservationId": "cr-1", "DestinationCapacityReservationId": "cr-2", "InstanceCount": 2},
            f"{CR}{number}", f"{CR}3", ARN,
        )
        for side, number in (("Source", 1), ("Destination", 2))
    ),
    Case(
        "ec2:AuthorizedUser", "ec2.create_network_interface_permission",
        {"NetworkInterfaceId": "eni-1", "Permission": "INSTANCE-ATTACH", "AwsAccountId": ACCOUNT},
        f"arn:aws:iam::{ACCOUNT}:root", "arn:aws:iam::210987654321:root",
    ),
]  # fmt: skip
