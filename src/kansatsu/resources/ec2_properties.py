"""The properties of EC2's resources that are condition keys, by resource type: how to ask for them, how to read them.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-policies-for-amazon-ec2.html#amazon-ec2-keys (forms of values)
"""

from collections.abc import Mapping
from typing import Any

from kansatsu.arn import Arn
from kansatsu.catalog import ec2_nested
from kansatsu.resources.properties import Answer, Properties, Read, at, each


def _arn(template: str, *path: str) -> Read:
    """The ARN of what an id names; with {account} and {region} of the resource itself."""
    read = at(*path)

    def found(item: Answer, named: Arn) -> Any:
        value = read(item, named)
        return template.format(region=named.region, account=named.account, id=value) if value else None

    return found


def _either(*names: str) -> Read:
    return lambda item, _named: next((item[name] for name in names if item.get(name)), None)


_VPC = _arn("arn:aws:ec2:{region}:{account}:vpc/{id}", "VpcId")
_OPERATOR = at("Operator", "Principal")


def _row(what: str, keys: Mapping[str, Read], *, ids: str = "", answer: str = "") -> Properties:
    """Asked with Describe WHAT s by id: what differs from that is named."""
    member, found = ids or f"{what}Ids", answer or f"{what}s"

    def item(answered: Answer) -> Answer | None:
        return next(iter(answered.get(found) or ()), None)

    return Properties(
        "ec2",
        f"Describe{what}{'es' if what.endswith('s') else 's'}",
        lambda named: {member: [named.resource.rpartition("/")[2]]},
        item,
        {f"ec2:{key}": read for key, read in keys.items()},
    )


def _instance(answered: Answer) -> Answer | None:
    reservations = answered.get("Reservations") or ()
    return next((one for reservation in reservations for one in reservation.get("Instances") or ()), None)


def _peer(side: str) -> Read:
    def read(item: Answer, named: Arn) -> Any:
        vpc = item.get(side) or {}
        region, account = vpc.get("Region") or named.region, vpc.get("OwnerId") or named.account
        return f"arn:aws:ec2:{region}:{account}:vpc/{vpc['VpcId']}" if vpc.get("VpcId") else None

    return read


def _authentication(key: str, *path: str, template: str = "{}") -> Read:
    inner = at(key, *path)

    def read(item: Answer, named: Arn) -> Any:
        found = [inner(option, named) for option in item.get("AuthenticationOptions") or ()]
        return next((template.format(value, named=named) for value in found if value), None)

    return read


def _log(item: Answer, named: Arn) -> str:
    group = (item.get("ConnectionLogOptions") or {}).get("CloudwatchLogGroup")
    return f"arn:aws:logs:{named.region}:{named.account}:log-group:{group}" if group else ""


def _log_stream(item: Answer, named: Arn) -> str:
    stream = (item.get("ConnectionLogOptions") or {}).get("CloudwatchLogStream")
    return f"{_log(item, named)}:log-stream:{stream}" if stream else ""


def _tunnels(key: str) -> Read:
    return lambda item, _named: ec2_nested.of_connection(item).get(key)


def _other_regions(item: Answer, named: Arn) -> str:
    return ec2_nested.multi_region([one.get("Region") for one in item.get("SupportedRegions") or ()], named.region)


_RESERVATION: Mapping[str, Read] = {
    "availabilityzone": at("AvailabilityZone"),
    "availabilityzoneid": at("AvailabilityZoneId"),
    "capacityreservationfleet": _arn(
        "arn:aws:ec2:{region}:{account}:capacity-reservation-fleet/{id}", "CapacityReservationFleetId"
    ),
    "createdate": at("CreateDate"),
    "ebsoptimized": at("EbsOptimized"),
    "enddate": at("EndDate"),
    "enddatetype": at("EndDateType"),
    "ephemeralstorage": at("EphemeralStorage"),
    "instancecount": at("TotalInstanceCount"),
    "instancematchcriteria": at("InstanceMatchCriteria"),
    "instanceplatform": at("InstancePlatform"),
    "instancetype": at("InstanceType"),
    "interruptiblecapacityreservationid": at("InterruptibleCapacityAllocation", "InterruptibleCapacityReservationId"),
    "interruptiontype": at("InterruptibleCapacityAllocation", "InterruptionType"),
    "isinterruptible": at("Interruptible"),
    "outpostarn": at("OutpostArn"),
    "placementgroup": at("PlacementGroupArn"),
    "tenancy": at("Tenancy"),
}
_INSTANCE: Mapping[str, Read] = {
    "availabilityzone": at("Placement", "AvailabilityZone"),
    "availabilityzoneid": at("Placement", "AvailabilityZoneId"),
    "cpuoptionsamdsevsnp": at("CpuOptions", "AmdSevSnp"),
    "ebsoptimized": at("EbsOptimized"),
    "instanceautorecovery": at("MaintenanceOptions", "AutoRecovery"),
    "instancebandwidthweighting": at("NetworkPerformanceOptions", "BandwidthWeighting"),
    "instancemarkettype": lambda item, _named: item.get("InstanceLifecycle") or "on-demand",
    "instancemetadatatags": at("MetadataOptions", "InstanceMetadataTags"),
    "instanceprofile": at("IamInstanceProfile", "Arn"),
    "instancetype": at("InstanceType"),
    "managedresourceoperator": _OPERATOR,
    "metadatahttpendpoint": at("MetadataOptions", "HttpEndpoint"),
    "metadatahttpputresponsehoplimit": at("MetadataOptions", "HttpPutResponseHopLimit"),
    "metadatahttptokens": at("MetadataOptions", "HttpTokens"),
    "placementgroup": _arn("arn:aws:ec2:{region}:{account}:placement-group/{id}", "Placement", "GroupName"),
    "productcode": each("ProductCodes", "ProductCodeId"),
    "rootdevicetype": at("RootDeviceType"),
    "tenancy": at("Placement", "Tenancy"),
}
_IMAGE: Mapping[str, Read] = {
    "imagetype": at("ImageType"),
    "owner": _either("ImageOwnerAlias", "OwnerId"),
    "public": at("Public"),
    "rootdevicetype": at("RootDeviceType"),
}
_SNAPSHOT: Mapping[str, Read] = {
    "availabilityzone": at("AvailabilityZone"),
    "encrypted": at("Encrypted"),
    "outpostarn": at("OutpostArn"),
    "owner": _either("OwnerAlias", "OwnerId"),
    "parentvolume": lambda item, named: (
        "arn:aws:ec2:{}:{OwnerId}:volume/{VolumeId}".format(named.region, **item) if item.get("VolumeId") else None
    ),
    "snapshottime": at("StartTime"),
    "volumesize": at("VolumeSize"),
}
_VOLUME: Mapping[str, Read] = {
    "availabilityzone": at("AvailabilityZone"),
    "availabilityzoneid": at("AvailabilityZoneId"),
    "encrypted": at("Encrypted"),
    "kmskeyid": at("KmsKeyId"),
    "managedresourceoperator": _OPERATOR,
    "parentsnapshot": _arn("arn:aws:ec2:{region}::snapshot/{id}", "SnapshotId"),
    "parentvolume": _arn("arn:aws:ec2:{region}:{account}:volume/{id}", "SourceVolumeId"),
    "volumeinitializationrate": at("VolumeInitializationRate"),
    "volumeiops": at("Iops"),
    "volumesize": at("Size"),
    "volumethroughput": at("Throughput"),
    "volumetype": at("VolumeType"),
}
# Resource type -> its rows.
ROWS: Mapping[str, Properties] = {
    "capacity-reservation": _row("CapacityReservation", _RESERVATION),
    "carrier-gateway": _row("CarrierGateway", {"vpc": _VPC}),
    "client-vpn-endpoint": _row(
        "ClientVpnEndpoint",
        {
            "clientrootcertificatechainarn": _authentication("MutualAuthentication", "ClientRootCertificateChain"),
            "cloudwatchloggrouparn": _log,
            "cloudwatchlogstreamarn": _log_stream,
            "directoryarn": _authentication(
                *("ActiveDirectory", "DirectoryId"),
                template="arn:aws:ds:{named.region}:{named.account}:directory/{}",
            ),
            "samlproviderarn": _authentication("FederatedAuthentication", "SamlProviderArn"),
            "servercertificatearn": at("ServerCertificateArn"),
        },
    ),
    "customer-gateway": _row(
        "CustomerGateway",
        {"authenticationtype": lambda item, _named: ec2_nested.authentication(bool(item.get("CertificateArn")))},
    ),
    "dedicated-host": _row(
        "Host",
        {
            "autoplacement": at("AutoPlacement"),
            "availabilityzone": at("AvailabilityZone"),
            "hostrecovery": at("HostRecovery"),
            "instancetype": at("HostProperties", "InstanceType"),
        },
    ),
    "elastic-ip": _row(
        "Address",
        {"domain": at("Domain"), "publicipaddress": at("PublicIp")},
        ids="AllocationIds",
        answer="Addresses",
    ),
    "fpga-image": _row("FpgaImage", {"owner": _either("OwnerAlias", "OwnerId"), "public": at("Public")}),
    "image": _row("Image", _IMAGE),
    "instance": Properties(
        "ec2",
        "DescribeInstances",
        lambda named: {"InstanceIds": [named.resource.rpartition("/")[2]]},
        _instance,
        {f"ec2:{key}": read for key, read in _INSTANCE.items()},
    ),
    "key-pair": _row("KeyPair", {"keypairtype": at("KeyType")}, ids="KeyNames"),
    "launch-template": _row("LaunchTemplate", {"managedresourceoperator": _OPERATOR}),
    "natgateway": _row("NatGateway", {"vpc": _VPC}),
    "network-acl": _row("NetworkAcl", {"vpc": _VPC}),
    "network-interface": _row(
        "NetworkInterface",
        {
            "availabilityzone": at("AvailabilityZone"),
            "managedresourceoperator": _OPERATOR,
            "subnet": _arn("arn:aws:ec2:{region}:{account}:subnet/{id}", "SubnetId"),
            "vpc": _VPC,
        },
    ),
    "placement-group": _row("PlacementGroup", {"placementgroupstrategy": at("Strategy")}, ids="GroupNames"),
    "prefix-list": _row(
        "ManagedPrefixList",
        {"ipamprefixlistresolvertargetid": at("IpamPrefixListResolverTargetId")},
        ids="PrefixListIds",
        answer="PrefixLists",
    ),
    "reserved-instances": _row(
        "ReservedInstance",
        {
            "availabilityzone": at("AvailabilityZone"),
            "instancetype": at("InstanceType"),
            "reservedinstancesofferingtype": at("OfferingType"),
            "tenancy": at("InstanceTenancy"),
        },
        ids="ReservedInstancesIds",
    ),
    "route-table": _row("RouteTable", {"vpc": _VPC}),
    "security-group": _row("SecurityGroup", {"vpc": _VPC}, ids="GroupIds"),
    "snapshot": _row("Snapshot", _SNAPSHOT),
    "subnet": _row(
        "Subnet",
        {"availabilityzone": at("AvailabilityZone"), "availabilityzoneid": at("AvailabilityZoneId"), "vpc": _VPC},
    ),
    "volume": _row("Volume", _VOLUME),
    "vpc": _row("Vpc", {"tenancy": at("InstanceTenancy")}),
    "vpc-endpoint": _row(
        "VpcEndpoint", {"vpceservicename": at("ServiceName"), "vpceserviceregion": at("ServiceRegion")}
    ),
    "vpc-endpoint-service": _row(
        "VpcEndpointServiceConfiguration",
        {
            "vpcemultiregion": _other_regions,
            "vpceserviceprivatednsname": at("PrivateDnsName"),
            "vpcesupportedregion": each("SupportedRegions", "Region"),
        },
        ids="ServiceIds",
        answer="ServiceConfigurations",
    ),
    "vpc-peering-connection": _row(
        "VpcPeeringConnection", {"acceptervpc": _peer("AccepterVpcInfo"), "requestervpc": _peer("RequesterVpcInfo")}
    ),
    "vpn-connection": _row("VpnConnection", {key[4:]: _tunnels(key) for key in sorted(ec2_nested.CONNECTION)}),
}
# Of what a request makes: resource type -> type of what it is made from -> its rows there.
_SOURCE = {"sourceavailabilityzone": at("AvailabilityZone"), "sourceoutpostarn": at("OutpostArn")}
MADE: Mapping[str, Mapping[str, Properties]] = {
    "network-interface": {"subnet": _row("Subnet", {"availabilityzone": at("AvailabilityZone"), "vpc": _VPC})},
    "snapshot": {"volume": _row("Volume", _SOURCE)},
    "vpc-endpoint": {
        # https://docs.aws.amazon.com/vpc/latest/privatelink/security_iam_id-based-policy-examples.html
        "vpc-endpoint-service": _row(
            "VpcEndpointService",
            {"vpceserviceowner": at("Owner")},
            ids="ServiceNames",
            answer="ServiceDetails",
        )
    },
    "vpn-connection": {"customer-gateway": ROWS["customer-gateway"]},
}
