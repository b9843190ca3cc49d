"""The keys of EC2 that stand at the top of the parameters.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

from typing import Any

from gateway.conftest import ACCOUNT
from gateway.raw import REGION

from .kms import KEY
from .world import ANY, ARN, BOOL, NUMBER, TEAM, Case


def ec2(resource: str) -> str:
    return f"arn:aws:ec2:{REGION}:{ACCOUNT}:{resource}"


CLIENT_VPN: dict[str, Any] = {"ClientCidrBlock": "10.0.0.0/22", "AuthenticationOptions": [], "ConnectionLogOptions": {}}
VOLUME = {"AvailabilityZone": "us-east-1a", "VolumeType": "gp3", "Size": 5, "Iops": 3000, "Throughput": 200}
IN_VPC = {"VpcId": "vpc-1"}
OUTPOST = "arn:aws:outposts:us-east-1:1:outpost/op-"
RESERVE = {
    "InstanceType": "m5.large", "InstancePlatform": "Linux/UNIX", "AvailabilityZone": "us-east-1a", "InstanceCount": 2,
    "EndDateType": "unlimited", "InstanceMatchCriteria": "targeted", "Tenancy": "default", "EbsOptimized": True,
    "EphemeralStorage": False,
}  # fmt: skip
HOSTS = {
    "AvailabilityZone": "us-east-1a", "InstanceType": "m5.large", "Quantity": 1, "AutoPlacement": "off",
    "HostRecovery": "on",
}  # fmt: skip


EC2 = [
    Case("ec2:Region", "ec2.describe_vpcs", {}, REGION, "eu-west-1"),
    Case("ec2:AvailabilityZone", "ec2.create_volume", VOLUME, "us-east-1a", "us-east-1b"),
    Case("ec2:VolumeType", "ec2.create_volume", VOLUME, "gp3", "io1"),
    Case("ec2:VolumeSize", "ec2.create_volume", VOLUME, "5", "6", NUMBER),
    Case("ec2:VolumeIops", "ec2.create_volume", VOLUME, "3000", "1", NUMBER),
    Case("ec2:VolumeThroughput", "ec2.create_volume", VOLUME, "200", "1", NUMBER),
    Case("ec2:Encrypted", "ec2.create_volume", {**VOLUME, "Encrypted": True}, "true", "false", BOOL),
    Case("ec2:KmsKeyId", "ec2.create_volume", {**VOLUME, "Encrypted": True, "KmsKeyId": KEY}, KEY, "k"),
    Case(
        "ec2:VolumeInitializationRate", "ec2.create_volume", {**VOLUME, "VolumeInitializationRate": 100}, "100", "1",
        NUMBER,
    ),
    Case(
        "ec2:ParentSnapshot", "ec2.create_volume", {**VOLUME, "SnapshotId": "snap-1"},
        f"arn:aws:ec2:{REGION}::snapshot/snap-1", f"arn:aws:ec2:{REGION}::snapshot/snap-2", ARN, ec2("volume/*"),
    ),
    Case(
        "ec2:ParentVolume", "ec2.create_snapshot", {"VolumeId": "vol-1"},
        ec2("volume/vol-1"), ec2("volume/vol-2"), ARN, "arn:aws:ec2:*:snapshot/*",
    ),
    Case(
        "ec2:Location", "ec2.create_snapshot", {"VolumeId": "vol-1", "Location": "regional"}, "regional", "local",
        resource="arn:aws:ec2:*:snapshot/*",
    ),
    Case(
        "ec2:Ipv4IpamPoolId", "ec2.create_vpc", {"Ipv4IpamPoolId": "ipam-pool-1"}, "ipam-pool-1", "ipam-pool-2",
        resource=ec2("vpc/*"),
    ),
    Case(
        "ec2:Ipv6IpamPoolId", "ec2.create_vpc", {"Ipv6IpamPoolId": "ipam-pool-1"}, "ipam-pool-1", "ipam-pool-2",
        resource=ec2("vpc/*"),
    ),
    Case(
        "ec2:AvailabilityZoneId", "ec2.create_volume", {"AvailabilityZoneId": "use1-az1", "Size": 1}, "use1-az1",
        "use1-az2",
    ),
    Case(
        "ec2:OutpostArn", "ec2.create_snapshot", {"VolumeId": "vol-1", "OutpostArn": OUTPOST + "1"}, OUTPOST + "1",
        OUTPOST + "2", ARN, "arn:aws:ec2:*:snapshot/*",
    ),
    Case("ec2:Tenancy", "ec2.create_capacity_reservation", RESERVE, "default", "dedicated"),
    Case("ec2:KeyPairType", "ec2.create_key_pair", {"KeyName": "k", "KeyType": "ed25519"}, "ed25519", "rsa"),
    Case(
        "ec2:PlacementGroupStrategy", "ec2.create_placement_group", {"GroupName": "g", "Strategy": "cluster"},
        "cluster", "spread",
    ),
    Case("ec2:InstanceType", "ec2.create_capacity_reservation", RESERVE, "m5.large", "m5.small"),
    Case("ec2:InstancePlatform", "ec2.create_capacity_reservation", RESERVE, "Linux/UNIX", "Windows"),
    Case("ec2:InstanceCount", "ec2.create_capacity_reservation", RESERVE, "2", "3", NUMBER),
    Case("ec2:EndDateType", "ec2.create_capacity_reservation", RESERVE, "unlimited", "limited"),
    Case("ec2:InstanceMatchCriteria", "ec2.create_capacity_reservation", RESERVE, "targeted", "open"),
    Case("ec2:EbsOptimized", "ec2.create_capacity_reservation", RESERVE, "true", "false", BOOL),
    Case("ec2:EphemeralStorage", "ec2.create_capacity_reservation", RESERVE, "false", "true", BOOL),
    Case("ec2:Quantity", "ec2.allocate_hosts", HOSTS, "1", "2", NUMBER),
    Case("ec2:AutoPlacement", "ec2.allocate_hosts", HOSTS, "off", "on"),
    Case("ec2:HostRecovery", "ec2.allocate_hosts", HOSTS, "on", "off"),
    Case(
        "ec2:SnapshotLockDuration", "ec2.lock_snapshot",
        {"SnapshotId": "snap-1", "LockMode": "governance", "LockDuration": 3}, "3", "4", NUMBER,
    ),
    Case(
        "ec2:SnapshotCoolOffPeriod", "ec2.lock_snapshot",
        {"SnapshotId": "snap-1", "LockMode": "compliance", "CoolOffPeriod": 3}, "3", "4", NUMBER,
    ),
    Case(
        "ec2:VpceServiceName", "ec2.create_vpc_endpoint", {**IN_VPC, "ServiceName": "com.amazonaws.us-east-1.s3"},
        "com.amazonaws.us-east-1.s3", "other", resource=ec2("vpc-endpoint/*"),
    ),
    Case(
        "ec2:VpceServiceRegion", "ec2.create_vpc_endpoint",
        {**IN_VPC, "ServiceName": "s", "ServiceRegion": "eu-west-1"}, "eu-west-1", "eu-west-2",
        resource=ec2("vpc-endpoint/*"),
    ),
    Case(
        "ec2:VpceServicePrivateDnsName", "ec2.create_vpc_endpoint_service_configuration",
        {"PrivateDnsName": "a.example"}, "a.example", "b.example", resource=ec2("vpc-endpoint-service/*"),
    ),
    Case(
        "ec2:ServerCertificateArn", "ec2.create_client_vpn_endpoint",
        {"ServerCertificateArn": "arn:aws:acm:us-east-1:1:certificate/a", **CLIENT_VPN},
        "arn:aws:acm:us-east-1:1:certificate/a", "arn:aws:acm:us-east-1:1:certificate/b", ARN,
        ec2("client-vpn-endpoint/*"),
    ),
    Case(
        "ec2:Permission", "ec2.create_network_interface_permission",
        {"NetworkInterfaceId": "eni-1", "Permission": "INSTANCE-ATTACH", "AwsService": "a.amazonaws.com"},
        "INSTANCE-ATTACH", "EIP-ASSOCIATE",
    ),
    Case(
        "ec2:AuthorizedService", "ec2.create_network_interface_permission",
        {"NetworkInterfaceId": "eni-1", "Permission": "INSTANCE-ATTACH", "AwsService": "a.amazonaws.com"},
        "a.amazonaws.com", "b.amazonaws.com",
    ),
    Case(
        "ec2:Attribute", "ec2.modify_vpc_attribute", {**IN_VPC, "EnableDnsSupport": {"Value": True}},
        "EnableDnsSupport", "EnableDnsHostnames",
    ),
    Case(
        "ec2:Attribute/EnableDnsSupport", "ec2.modify_vpc_attribute",
        {**IN_VPC, "EnableDnsSupport": {"Value": True}}, "true", "false", BOOL,
    ),
    Case(
        "ec2:CreateAction", "ec2.create_vpc",
        {"CidrBlock": "10.0.0.0/16", "TagSpecifications": [{"ResourceType": "vpc", **TEAM}]},
        "CreateVpc", "CreateSubnet", action="CreateTags",
    ),
    Case(
        "aws:RequestTag/Team", "ec2.create_tags",
        {"Resources": ["vpc-1"], "Tags": [{"Key": "Team", "Value": "Blue"}]}, "Blue", "Red",
    ),
    Case("aws:TagKeys", "ec2.delete_tags", {"Resources": ["vpc-1"], "Tags": [{"Key": "Team"}]}, "Team", "Cost", ANY),
]  # fmt: skip
