"""The condition keys of EC2 that parameters supply.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from kansatsu.catalog.authorization import Context, Params

# Parameter -> condition key of the same meaning; which resource has the key, the reference says (`of_type`).
_GIVEN = {
    "Attribute": "ec2:attribute",
    "AutoPlacement": "ec2:autoplacement",
    "AvailabilityZone": "ec2:availabilityzone",
    "AvailabilityZoneId": "ec2:availabilityzoneid",
    "AwsService": "ec2:authorizedservice",
    "BootModeOverride": "ec2:bootmodeoverride",
    "CoolOffPeriod": "ec2:snapshotcooloffperiod",
    "EbsOptimized": "ec2:ebsoptimized",
    "Encrypted": "ec2:encrypted",
    "EndDate": "ec2:enddate",
    "EndDateType": "ec2:enddatetype",
    "EphemeralStorage": "ec2:ephemeralstorage",
    "HostRecovery": "ec2:hostrecovery",
    "InstanceCount": "ec2:instancecount",
    "InstanceMatchCriteria": "ec2:instancematchcriteria",
    "InstancePlatform": "ec2:instanceplatform",
    "InstanceType": "ec2:instancetype",
    "Iops": "ec2:volumeiops",
    "Ipv4IpamPoolId": "ec2:ipv4ipampoolid",
    "Ipv6IpamPoolId": "ec2:ipv6ipampoolid",
    "KeyType": "ec2:keypairtype",
    "KmsKeyId": "ec2:kmskeyid",
    "Location": "ec2:location",
    "LockDuration": "ec2:snapshotlockduration",
    "OutpostArn": "ec2:outpostarn",
    "Permission": "ec2:permission",
    "PlacementGroupArn": "ec2:placementgroup",
    "PrivateDnsName": "ec2:vpceserviceprivatednsname",
    "Quantity": "ec2:quantity",
    "ServerCertificateArn": "ec2:servercertificatearn",
    "ServiceName": "ec2:vpceservicename",
    "ServiceRegion": "ec2:vpceserviceregion",
    "Size": "ec2:volumesize",
    "Strategy": "ec2:placementgroupstrategy",
    "TargetInstanceCount": "ec2:targetinstancecount",
    "Tenancy": "ec2:tenancy",
    "Throughput": "ec2:volumethroughput",
    "VolumeInitializationRate": "ec2:volumeinitializationrate",
    "VolumeType": "ec2:volumetype",
}
# Parameter -> key that holds the ARN of what it names, of a resource that the call makes from that.
_MADE_FROM = {
    "SnapshotId": ("ec2:parentsnapshot", "arn:aws:ec2:{region}::snapshot/{id}"),
    "VolumeId": ("ec2:parentvolume", "arn:aws:ec2:{region}:{account}:volume/{id}"),
}
# Resource type -> the key that holds the id of one that exists.
_IDS = {
    "dhcp-options": "ec2:dhcpoptionsid",
    "elastic-ip": "ec2:allocationid",
    "image": "ec2:imageid",
    "instance": "ec2:instanceid",
    "internet-gateway": "ec2:internetgatewayid",
    "key-pair": "ec2:keypairname",
    "network-acl": "ec2:networkaclid",
    "network-interface": "ec2:networkinterfaceid",
    "placement-group": "ec2:placementgroupname",
    "route-table": "ec2:routetableid",
    "security-group": "ec2:securitygroupid",
    "snapshot": "ec2:snapshotid",
    "subnet": "ec2:subnetid",
    "transit-gateway": "ec2:transitgatewayid",
    "transit-gateway-attachment": "ec2:transitgatewayattachmentid",
    "transit-gateway-connect-peer": "ec2:transitgatewayconnectpeerid",
    "transit-gateway-metering-policy": "ec2:transitgatewaymeteringpolicyid",
    "transit-gateway-multicast-domain": "ec2:transitgatewaymulticastdomainid",
    "transit-gateway-policy-table": "ec2:transitgatewaypolicytableid",
    "transit-gateway-route-table": "ec2:transitgatewayroutetableid",
    "transit-gateway-route-table-announcement": "ec2:transitgatewayroutetableannouncementid",
    "volume": "ec2:volumeid",
    "vpc": "ec2:vpcid",
    "vpc-peering-connection": "ec2:vpcpeeringconnectionid",
}
_ATTRIBUTE = "ec2:attribute/"


def of_request(operation: str, params: Params, region: str) -> Context:
    """The keys that do not depend on which of the resources is asked about."""
    found: Context = {"ec2:region": region}
    for name in params.keys() & _GIVEN.keys():
        if (text := text_of(params[name])) is not None:
            found[_GIVEN[name]] = text
    return found | (attributes(params) if operation.startswith("Modify") else {})


def of_resource(kind: str, identifier: str, made: bool, params: Params, account: str, region: str) -> Context:
    """The keys of one resource: its id, or of what it is made when the call makes it."""
    if not made:
        return {_IDS[kind]: identifier.rpartition("/")[2]} if kind in _IDS else {}
    found: Context = {}
    for name in params.keys() & _MADE_FROM.keys():
        key, template = _MADE_FROM[name]
        found[key] = template.format(region=region, account=account, id=params[name])
    return found


def attributes(params: Params) -> Context:
    """ec2:Attribute and ec2:Attribute/NAME of an operation that sets attributes.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-policies-for-amazon-ec2.html#imageid-conditionkeys
    """
    found: Context = {}
    names = []
    for name in sorted(params):
        if name.endswith(("Id", "Ids")) or name in ("DryRun", "Attribute"):
            continue
        value = params[name]
        text = text_of(value.get("Value") if isinstance(value, Mapping) else value)
        if text is not None:
            names.append(name)
            found[_ATTRIBUTE + name.lower()] = text
    if names:
        found["ec2:attribute"] = names[0] if len(names) == 1 else tuple(names)
    return found


def of_type(context: Context, known: Collection[str]) -> Context:
    """Of `context` the keys that this resource has in the reference (`known`, in lower case); those of others stay."""
    return {key: value for key, value in context.items() if not key.startswith("ec2:") or _pattern(key) in known}


def _pattern(key: str) -> str:
    return f"{_ATTRIBUTE}${{attributename}}" if key.startswith(_ATTRIBUTE) else key


def text_of(value: Any) -> str | None:
    """A value as conditions see it; None for what is no plain value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value) if isinstance(value, str | int) else None
