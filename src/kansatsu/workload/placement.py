"""Where a new instance is put: subnet, VPC and security groups are the backend's, and are asked of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kansatsu.errors import AwsError, InvalidParameterValue, UnsupportedOperation

# (account, region, service, operation, parameters) -> the decoded result; raises the backend's AwsError.
BackendCall = Callable[[str, str, str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Placement:
    """The network that an instance belongs to on paper; packets go where the container engine lets them."""

    zone: str
    zone_id: str = ""
    subnet_id: str = ""
    vpc_id: str = ""
    security_groups: tuple[tuple[str, str], ...] = ()  # (id, name)


async def check_type(call: BackendCall | None, account: str, region: str, instance_type: str) -> None:
    """Raise InvalidParameterValue for an instance type that the backend's region does not have."""
    if call is None:
        return
    try:
        await call(account, region, "ec2", "DescribeInstanceTypes", {"InstanceTypes": [instance_type]})
    except AwsError as error:
        if error.code != "InvalidInstanceType":
            raise
        raise InvalidParameterValue(f"Invalid value '{instance_type}' for InstanceType.") from error


async def place(
    call: BackendCall | None, account: str, region: str, subnet_id: str, group_ids: Sequence[str]
) -> Placement:
    """The subnet asked for, or the default one of the first zone; the groups asked for, or the VPC's default one.

    Raises the backend's errors (InvalidSubnetID.NotFound, InvalidGroup.NotFound) and InvalidParameter when they
    belong to different networks.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
    """
    if call is None:
        if subnet_id or group_ids:
            raise UnsupportedOperation("There is no EC2 backend: subnets and security groups do not exist here.")
        return Placement(zone=f"{region}a")
    subnet = await _subnet(call, account, region, subnet_id)
    vpc_id = subnet.get("VpcId", "")
    groups = await _groups(call, account, region, vpc_id, group_ids)
    for group in groups:
        if group.get("VpcId") != vpc_id:
            raise AwsError(
                f"Security group {group['GroupId']} and subnet {subnet['SubnetId']} belong to different networks.",
                code="InvalidParameter",
            )
    return Placement(
        zone=subnet["AvailabilityZone"],
        zone_id=subnet.get("AvailabilityZoneId", ""),
        subnet_id=subnet["SubnetId"],
        vpc_id=vpc_id,
        security_groups=tuple((group["GroupId"], group["GroupName"]) for group in groups),
    )


async def _subnet(call: BackendCall, account: str, region: str, subnet_id: str) -> Mapping[str, Any]:
    params: dict[str, Any] = {"SubnetIds": [subnet_id]}
    if not subnet_id:
        params = {"Filters": [{"Name": "default-for-az", "Values": ["true"]}]}
    found = (await call(account, region, "ec2", "DescribeSubnets", params)).get("Subnets", [])
    if not found:
        raise AwsError(
            "No default subnet was found. Specify a subnet ID." if not subnet_id
            else f"The subnet ID '{subnet_id}' does not exist",
            code="MissingInput" if not subnet_id else "InvalidSubnetID.NotFound",
        )  # fmt: skip
    first: Mapping[str, Any] = min(found, key=lambda item: item["AvailabilityZone"])
    return first


async def _groups(
    call: BackendCall, account: str, region: str, vpc_id: str, group_ids: Sequence[str]
) -> Sequence[Mapping[str, Any]]:
    params: dict[str, Any] = {"GroupIds": list(group_ids)}
    if not group_ids:
        params = {"Filters": [_filter("vpc-id", vpc_id), _filter("group-name", "default")]}
    found: Sequence[Mapping[str, Any]] = (await call(account, region, "ec2", "DescribeSecurityGroups", params)).get(
        "SecurityGroups", []
    )
    return found


def _filter(name: str, value: str) -> dict[str, Any]:
    return {"Name": name, "Values": [value]}
