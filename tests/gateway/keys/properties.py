"""The keys that are properties of what exists at the backend: what it is asked, and what it answers.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.conftest import ACCOUNT
from gateway.raw import REGION

from .ec2 import ec2
from .kms import KEY
from .s3 import of_job
from .world import ANY, ARN, BOOL, DATE, LATER, NUMBER, STAMP, UNTIL, Case


@dataclass(frozen=True)
class Told(Case):
    """A case whose key the backend tells in its answer to `question` ("ec2.DescribeVolumes")."""

    question: str = ""
    answer: Any = None


@dataclass(frozen=True)
class Thing:
    """A resource: a request on it, how the backend is asked for it, and the list that it answers with one of them."""

    kind: str
    request: str
    params: dict[str, Any]
    question: str
    listed: str

    def told(self, key: str, item: dict[str, Any], right: Any, wrong: Any, operator: str = "StringEquals") -> Told:
        resource = f"arn:aws:ec2:*:{self.kind}/*"
        answer = {self.listed: [item]}
        name = f"ec2.{self.request}"
        return Told(
            f"ec2:{key}", name, self.params, right, wrong, operator, resource,
            question=f"ec2.{self.question}", answer=answer,
        )  # fmt: skip


def vpc_of(kind: str, request: str, params: dict[str, Any], question: str, listed: str) -> Told:
    thing = Thing(kind, request, params, question, listed)
    return thing.told("Vpc", {"VpcId": "vpc-1"}, ec2("vpc/vpc-1"), ec2("vpc/vpc-2"), ARN)


VOLUME = Thing("volume", "delete_volume", {"VolumeId": "vol-1"}, "DescribeVolumes", "Volumes")
SNAPSHOT = Thing("snapshot", "delete_snapshot", {"SnapshotId": "snap-1"}, "DescribeSnapshots", "Snapshots")
IMAGE = Thing("image", "deregister_image", {"ImageId": "ami-1"}, "DescribeImages", "Images")
INSTANCE = Thing("instance", "detach_volume", {"VolumeId": "vol-1", "InstanceId": "i-1"}, "DescribeInstances", "")
ADDRESS = Thing("elastic-ip", "release_address", {"AllocationId": "eipalloc-1"}, "DescribeAddresses", "Addresses")
PEERING = Thing(
    "vpc-peering-connection", "delete_vpc_peering_connection", {"VpcPeeringConnectionId": "pcx-1"},
    "DescribeVpcPeeringConnections", "VpcPeeringConnections",
)  # fmt: skip
RESERVATION = Thing(
    "capacity-reservation", "create_interruptible_capacity_reservation_allocation",
    {"CapacityReservationId": "cr-1", "InstanceCount": 1}, "DescribeCapacityReservations", "CapacityReservations",
)  # fmt: skip
CANCELLED = Thing(
    "capacity-reservation", "cancel_capacity_reservation", {"CapacityReservationId": "cr-1"},
    "DescribeCapacityReservations", "CapacityReservations",
)  # fmt: skip
VPN = Thing(
    "vpn-connection", "modify_vpn_connection", {"VpnConnectionId": "vpn-1"}, "DescribeVpnConnections", "VpnConnections"
)
CLIENT_VPN = Thing(
    "client-vpn-endpoint", "delete_client_vpn_endpoint", {"ClientVpnEndpointId": "cvpn-endpoint-1"},
    "DescribeClientVpnEndpoints", "ClientVpnEndpoints",
)  # fmt: skip
SERVICE = Thing(
    "vpc-endpoint-service", "delete_vpc_endpoint_service_configurations", {"ServiceIds": ["vpce-svc-1"]},
    "DescribeVpcEndpointServiceConfigurations", "ServiceConfigurations",
)  # fmt: skip
ENDPOINT = Thing(
    "vpc-endpoint", "create_vpc_endpoint", {"VpcId": "vpc-1", "ServiceName": "com.amazonaws.us-east-1.s3"},
    "DescribeVpcEndpointServices", "ServiceDetails",
)  # fmt: skip
MADE_SNAPSHOT = Thing("snapshot", "create_snapshot", {"VolumeId": "vol-1"}, "DescribeVolumes", "Volumes")
MADE_VPN = Thing(
    "vpn-connection", "create_vpn_connection", {"CustomerGatewayId": "cgw-1", "Type": "ipsec.1"},
    "DescribeCustomerGateways", "CustomerGateways",
)  # fmt: skip
RESERVED = Thing(
    "reserved-instances", "modify_reserved_instances", {"ReservedInstancesIds": ["r-1"], "TargetConfigurations": []},
    "DescribeReservedInstances", "ReservedInstances",
)  # fmt: skip
PREFIXES = Thing(
    "prefix-list", "delete_managed_prefix_list", {"PrefixListId": "pl-1"}, "DescribeManagedPrefixLists", "PrefixLists"
)
GROUP = {"GroupId": "sg-1"}
TABLE = {"RouteTableId": "rtb-1"}
ENI = {"NetworkInterfaceId": "eni-1"}
OUTPOST = f"arn:aws:outposts:{REGION}:{ACCOUNT}:outpost/op-1"
CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/c"
LOG = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:g"
LOGGED = {"ConnectionLogOptions": {"CloudwatchLogGroup": "g", "CloudwatchLogStream": "s"}}
OTHER_VPC = {"VpcId": "vpc-9", "OwnerId": "210987654321", "Region": "eu-west-1"}


def tunnel(key: str, item: dict[str, Any], right: Any, wrong: Any, operator: str = "StringEquals") -> Told:
    return VPN.told(key, {"Options": {"TunnelOptions": [item]}}, right, wrong, operator)


def instance(key: str, item: dict[str, Any], right: Any, wrong: Any, operator: str = "StringEquals") -> Told:
    return Told(
        f"ec2:{key}", f"ec2.{INSTANCE.request}", INSTANCE.params, right, wrong, operator, "arn:aws:ec2:*:instance/*",
        question="ec2.DescribeInstances", answer={"Reservations": [{"Instances": [item]}]},
    )  # fmt: skip


EC2 = [
    vpc_of("security-group", "delete_security_group", GROUP, "DescribeSecurityGroups", "SecurityGroups"),
    vpc_of("subnet", "delete_subnet", {"SubnetId": "subnet-1"}, "DescribeSubnets", "Subnets"),
    vpc_of("route-table", "delete_route_table", TABLE, "DescribeRouteTables", "RouteTables"),
    vpc_of("network-acl", "delete_network_acl", {"NetworkAclId": "acl-1"}, "DescribeNetworkAcls", "NetworkAcls"),
    vpc_of("network-interface", "delete_network_interface", ENI, "DescribeNetworkInterfaces", "NetworkInterfaces"),
    VOLUME.told("VolumeSize", {"Size": 8}, "8", "9", NUMBER),
    VOLUME.told("VolumeType", {"VolumeType": "gp3"}, "gp3", "io2"),
    VOLUME.told("Encrypted", {"Encrypted": True}, "true", "false", BOOL),
    VOLUME.told("AvailabilityZone", {"AvailabilityZone": "us-east-1a"}, "us-east-1a", "us-east-1b"),
    VOLUME.told("ManagedResourceOperator", {"Operator": {"Principal": "eks.amazonaws.com"}}, "eks.amazonaws.com", "e"),
    VOLUME.told(
        "ParentSnapshot", {"SnapshotId": "snap-1"}, f"arn:aws:ec2:{REGION}::snapshot/snap-1",
        f"arn:aws:ec2:{REGION}::snapshot/snap-2", ARN,
    ),
    SNAPSHOT.told("Owner", {"OwnerId": ACCOUNT}, ACCOUNT, "210987654321"),
    SNAPSHOT.told("SnapshotTime", {"StartTime": UNTIL}, STAMP, LATER, DATE),
    SNAPSHOT.told(
        "ParentVolume", {"OwnerId": ACCOUNT, "VolumeId": "vol-1"}, ec2("volume/vol-1"), ec2("volume/vol-2"), ARN
    ),
    MADE_SNAPSHOT.told("SourceOutpostArn", {"OutpostArn": OUTPOST}, OUTPOST, f"{OUTPOST}1", ARN),
    MADE_SNAPSHOT.told("SourceAvailabilityZone", {"AvailabilityZone": "us-east-1a"}, "us-east-1a", "us-east-1b"),
    IMAGE.told("Owner", {"ImageOwnerAlias": "amazon", "OwnerId": "1"}, "amazon", "1"),
    IMAGE.told("Public", {"Public": True}, "true", "false", BOOL),
    IMAGE.told("RootDeviceType", {"RootDeviceType": "ebs"}, "ebs", "instance-store"),
    ADDRESS.told("Domain", {"Domain": "vpc"}, "vpc", "standard"),
    ADDRESS.told("PublicIpAddress", {"PublicIp": "203.0.113.7"}, "203.0.113.7", "203.0.113.8"),
    instance("ProductCode", {"ProductCodes": [{"ProductCodeId": "p1"}]}, "p1", "p2", ANY),
    instance("CpuOptionsAmdSevSnp", {"CpuOptions": {"AmdSevSnp": "enabled"}}, "enabled", "disabled"),
    instance("InstanceAutoRecovery", {"MaintenanceOptions": {"AutoRecovery": "default"}}, "default", "disabled"),
    instance(
        "InstanceBandwidthWeighting", {"NetworkPerformanceOptions": {"BandwidthWeighting": "vpc-1"}}, "vpc-1", "ebs-1"
    ),
    instance(
        "PlacementGroup", {"Placement": {"GroupName": "g"}}, ec2("placement-group/g"), ec2("placement-group/h"), ARN
    ),
    instance("InstanceType", {"InstanceType": "t3.nano"}, "t3.nano", "t3.micro"),
    PEERING.told(
        "AccepterVpc", {"AccepterVpcInfo": OTHER_VPC}, "arn:aws:ec2:eu-west-1:210987654321:vpc/vpc-9",
        ec2("vpc/vpc-9"), ARN,
    ),
    PEERING.told("RequesterVpc", {"RequesterVpcInfo": {"VpcId": "vpc-1"}}, ec2("vpc/vpc-1"), ec2("vpc/vpc-2"), ARN),
    RESERVATION.told("InstanceType", {"InstanceType": "m5.large"}, "m5.large", "m5.small"),
    RESERVATION.told("CreateDate", {"CreateDate": UNTIL}, STAMP, LATER, DATE),
    RESERVATION.told("IsInterruptible", {"Interruptible": True}, "true", "false", BOOL),
    RESERVATION.told(
        "InterruptionType", {"InterruptibleCapacityAllocation": {"InterruptionType": "adhoc"}}, "adhoc", "other"
    ),
    RESERVATION.told(
        "InterruptibleCapacityReservationId",
        {"InterruptibleCapacityAllocation": {"InterruptibleCapacityReservationId": "cr-2"}}, "cr-2", "cr-3",
    ),
    CANCELLED.told(
        "CapacityReservationFleet", {"CapacityReservationFleetId": "crf-1"},
        ec2("capacity-reservation-fleet/crf-1"), ec2("capacity-reservation-fleet/crf-2"), ARN,
    ),
    RESERVED.told("ReservedInstancesOfferingType", {"OfferingType": "No Upfront"}, "No Upfront", "All Upfront"),
    PREFIXES.told(
        "IpamPrefixListResolverTargetId", {"IpamPrefixListResolverTargetId": "t-1"}, "t-1", "t-2"
    ),
    tunnel("DPDTimeoutSeconds", {"DpdTimeoutSeconds": 40}, "40", "41", NUMBER),
    tunnel("IKEVersions", {"IkeVersions": [{"Value": "ikev2"}]}, "ikev2", "ikev1"),
    tunnel("InsideTunnelCidr", {"TunnelInsideCidr": "169.254.9.0/30"}, "169.254.9.0/30", "169.254.8.0/30"),
    VPN.told("RoutingType", {"Options": {"StaticRoutesOnly": True}}, "static", "BGP"),
    VPN.told("GatewayType", {"TransitGatewayId": "tgw-1"}, "TGW", "VGW"),
    VPN.told("AuthenticationType", {"VgwTelemetry": [{"CertificateArn": "c"}]}, "Certificates", "Pre Shared Keys"),
    MADE_VPN.told("AuthenticationType", {"CertificateArn": CERTIFICATE}, "Certificates", "Pre Shared Keys"),
    MADE_VPN.told("AuthenticationType", {}, "Pre Shared Keys", "Certificates"),
    CLIENT_VPN.told(
        "ClientRootCertificateChainArn",
        {"AuthenticationOptions": [{"MutualAuthentication": {"ClientRootCertificateChain": CERTIFICATE}}]},
        CERTIFICATE, f"{CERTIFICATE}d", ARN,
    ),
    CLIENT_VPN.told(
        "DirectoryArn", {"AuthenticationOptions": [{"ActiveDirectory": {"DirectoryId": "d-1"}}]},
        f"arn:aws:ds:{REGION}:{ACCOUNT}:directory/d-1", f"arn:aws:ds:{REGION}:{ACCOUNT}:directory/d-2", ARN,
    ),
    CLIENT_VPN.told("CloudwatchLogGroupArn", LOGGED, LOG, f"{LOG}h", ARN),
    CLIENT_VPN.told("CloudwatchLogStreamArn", LOGGED, f"{LOG}:log-stream:s", f"{LOG}:log-stream:t", ARN),
    SERVICE.told("VpceSupportedRegion", {"SupportedRegions": [{"Region": REGION}]}, REGION, "eu-west-1", ANY),
    SERVICE.told("VpceMultiRegion", {"SupportedRegions": [{"Region": "eu-west-1"}]}, "true", "false", BOOL),
    ENDPOINT.told("VpceServiceOwner", {"Owner": "amazon"}, "amazon", "aws-marketplace"),
]  # fmt: skip


def of_key(key: str, member: str, value: Any, right: Any, wrong: Any, operator: str = "StringEquals") -> Told:
    return Told(
        f"kms:{key}", "kms.disable_key", {"KeyId": KEY}, right, wrong, operator, question="kms.DescribeKey",
        answer={"KeyMetadata": {member: value, "MultiRegion": True}},
    )  # fmt: skip


def _kms() -> Iterator[Told]:
    for name in ("KeySpec", "CustomerMasterKeySpec"):
        yield of_key(name, "KeySpec", "RSA_2048", "RSA_2048", "RSA_4096")
    for name in ("KeyUsage", "CustomerMasterKeyUsage"):
        yield of_key(name, "KeyUsage", "SIGN_VERIFY", "SIGN_VERIFY", "ENCRYPT_DECRYPT")
    yield of_key("KeyOrigin", "Origin", "EXTERNAL", "EXTERNAL", "AWS_KMS")
    yield of_key("MultiRegion", "Arn", KEY, "true", "false", BOOL)
    replica = {"MultiRegionKeyType": "REPLICA"}
    yield of_key("MultiRegionKeyType", "MultiRegionConfiguration", replica, "REPLICA", "PRIMARY")
    aliases = {"Aliases": [{"AliasName": "alias/a"}, {"AliasName": "alias/b"}]}
    yield Told(
        "kms:ResourceAliases", "kms.disable_key", {"KeyId": KEY}, "alias/b", "alias/c", ANY,
        question="kms.ListAliases", answer=aliases,
    )  # fmt: skip


def job(key: str, item: dict[str, Any], right: str, wrong: str, operator: str = "StringEquals") -> Told:
    return Told(
        f"s3:{key}", "s3.update_job_status", {}, right, wrong, operator, question="s3control.DescribeJob",
        answer={"Job": item},
        send=lambda world: world.send(of_job("/job-1/status", "requestedJobStatus=Cancelled")),
    )  # fmt: skip


EVERY = "ForAllValues:StringEquals"
SCHEMA = [{"AttributeName": name, "KeyType": "HASH"} for name in "abcd"]
QUERY = {
    "IndexName": "index", "KeyConditionExpression": "a = :a AND b = :b AND c = :c AND d = :d",
    "ExpressionAttributeValues": {f":{name}": {"S": name} for name in "abcd"},
}  # fmt: skip


def partition(place: str, value: str) -> Told:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html"""
    table = {"KeySchema": SCHEMA[:1], "GlobalSecondaryIndexes": [{"IndexName": "index", "KeySchema": SCHEMA}]}
    return Told(
        f"dynamodb:{place}PartitionKeyValues", "dynamodb.query", {**QUERY, "TableName": place}, value, "x", EVERY,
        question="dynamodb.DescribeTable", answer={"Table": table},
    )  # fmt: skip


MAPPING = {"UUID": "11111111-2222-3333-4444-555555555555"}
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
TOLD = [
    *EC2,
    *(
        Told(
            "lambda:FunctionArn",
            f"lambda.{verb}_event_source_mapping",
            MAPPING,
            f"{FUNCTION}f",
            f"{FUNCTION}g",
            ARN,
            question="lambda.GetEventSourceMapping",
            answer={"FunctionArn": f"{FUNCTION}f"},
        )
        for verb in ("get", "update", "delete")
    ),
    *(partition(place, value) for place, value in zip(("First", "Second", "Third", "Fourth"), "abcd", strict=True)),
    *_kms(),
    job("ExistingJobPriority", {"Priority": 7}, "7", "8", NUMBER),
    job("ExistingJobOperation", {"Operation": {"LambdaInvoke": {}}}, "LambdaInvoke", "S3PutObjectCopy"),
    job("JobSuspendedCause", {"SuspendedCause": "AWAITING_CONFIRMATION"}, "AWAITING_CONFIRMATION", "OTHER"),
]
