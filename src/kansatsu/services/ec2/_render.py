"""Instances, associations and images in the shapes of the EC2 API."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kansatsu.services.registry import Call
from kansatsu.workload import Association, Image, Member
from kansatsu.workload.records import STATE_CODES
from kansatsu.workload.views import MetadataOptions


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def state(name: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html"""
    return {"Code": STATE_CODES[name], "Name": name}


def change(member: Member, before: str, now: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceStateChange.html"""
    return {"InstanceId": member.instance.id, "CurrentState": state(now), "PreviousState": state(before)}


def metadata_options(options: MetadataOptions, applied: str = "applied") -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceMetadataOptionsResponse.html"""
    return {
        "State": applied,
        "HttpTokens": options.http_tokens,
        "HttpPutResponseHopLimit": options.hop_limit,
        "HttpEndpoint": options.http_endpoint,
        "HttpProtocolIpv6": "disabled",
        "InstanceMetadataTags": options.instance_metadata_tags,
    }


def instance(call: Call, member: Member) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html

    An address that does not exist is left out, not invented.
    """
    item, details = member.instance, member.instance.details
    alive = item.state not in ("terminated", "shutting-down")
    shown: dict[str, Any] = {
        "InstanceId": item.id,
        "ImageId": details.image_id,
        "State": state(item.state),
        "PrivateDnsName": item.private_dns if alive else "",
        "PublicDnsName": "",
        "StateTransitionReason": details.reason if item.state in ("stopped", "terminated") else "",
        "AmiLaunchIndex": details.launch_index,
        "ProductCodes": [],
        "InstanceType": details.instance_type,
        "LaunchTime": moment(item.launched),
        "Placement": {"AvailabilityZone": details.zone, "GroupName": "", "Tenancy": "default"},
        "Monitoring": {"State": "disabled"},
        "Architecture": details.architecture,
        "RootDeviceType": "instance-store",
        "BlockDeviceMappings": [],
        "VirtualizationType": "hvm",
        "EbsOptimized": False,
        "SecurityGroups": groups(details.security_groups),
        "Tags": tag_list(call.workload.fleet.tags.get(item.id, {})),
        "MetadataOptions": metadata_options(details.metadata),
        "PlatformDetails": "Linux/UNIX",
        "NetworkInterfaces": [],
    }
    optional = {
        "PrivateIpAddress": details.private_ip if alive else "",
        "SubnetId": details.subnet_id if alive else "",
        "VpcId": details.vpc_id if alive else "",
        "ClientToken": item.client_token,
    }
    shown.update({name: value for name, value in optional.items() if value})
    if member.association is not None:
        shown["IamInstanceProfile"] = {"Arn": member.association.profile_arn, "Id": member.association.profile_id}
    if details.reason and item.state in ("stopped", "terminated"):
        shown["StateReason"] = {"Code": details.reason_code, "Message": details.reason}
    return shown


def groups(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"GroupId": key, "GroupName": name} for key, name in pairs]


def reservations(call: Call, members: Sequence[Member]) -> list[dict[str, Any]]:
    """Instances by the request that launched them, in the order of the members."""
    by_id: dict[str, list[Member]] = {}
    for member in members:
        by_id.setdefault(member.instance.details.reservation_id, []).append(member)
    return [
        {
            "ReservationId": reservation_id,
            "OwnerId": launched[0].instance.account,
            "Groups": [],
            "Instances": [instance(call, member) for member in launched],
        }
        for reservation_id, launched in by_id.items()
    ]


def association(item: Association, *, stamped: bool = False) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IamInstanceProfileAssociation.html"""
    shown: dict[str, Any] = {
        "AssociationId": item.id,
        "InstanceId": item.instance_id,
        "IamInstanceProfile": {"Arn": item.profile_arn, "Id": item.profile_id},
        "State": item.state,
    }
    if stamped:
        shown["Timestamp"] = moment(item.changed)
    return shown


def image(call: Call, item: Image) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Image.html"""
    name = item.tags[0] if item.tags else item.id
    return {
        "ImageId": item.ami,
        "Name": name,
        "Description": image_description(item),
        "ImageLocation": name,
        "OwnerId": call.account,
        "Public": False,
        "State": "available",
        "ImageType": "machine",
        "Architecture": image_architecture(item),
        "CreationDate": image_created(item),
        "RootDeviceType": "instance-store",
        "VirtualizationType": "hvm",
        "PlatformDetails": "Linux/UNIX",
        "BlockDeviceMappings": [],
        "Tags": [],
    }


def image_description(item: Image) -> str:
    return f"container image sha256:{item.id}"


def image_architecture(item: Image) -> str:
    """As EC2 names processors."""
    return "arm64" if item.architecture in ("arm64", "aarch64") else "x86_64"


def image_created(item: Image) -> str:
    return moment(item.created).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def moment(seconds: float) -> datetime:
    """EC2 shows whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC)
