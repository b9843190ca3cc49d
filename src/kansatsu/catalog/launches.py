"""What a fleet or an Auto Scaling group launches by a launch template: checked as RunInstances of what is in it.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-fleet-prerequisites.html (its users need ec2:RunInstances)
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-fleet-prerequisites.html (gives its users ec2:*)
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ExamplePolicies_EC2.html#iam-example-runinstances-launch-templates
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kansatsu.catalog import ec2, ec2_keys
from kansatsu.catalog.authorization import Authorization, Context, Params
from kansatsu.catalog.profiles import PATHS, TEMPLATES, Options, Profiles, Templates, has_options
from kansatsu.catalog.rules import Frame
from kansatsu.catalog.values import Unsure, walk

_ACTION = "RunInstances"
Values = Mapping[str, Any]
# Path to what a launch names -> the parameter that would name the same.
_NAMED = {
    "BlockDeviceMappings[].Ebs.SnapshotId": "SnapshotIds",
    "CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationId": "CapacityReservationIds",
    "ImageId": "ImageIds",
    "KeyName": "KeyNames",
    "NetworkInterfaces[].Groups[]": "SecurityGroupIds",
    "NetworkInterfaces[].NetworkInterfaceId": "NetworkInterfaceIds",
    "NetworkInterfaces[].SubnetId": "SubnetIds",
    "Placement.GroupName": "GroupNames",
    "SecurityGroupIds[]": "SecurityGroupIds",
}
# Path -> the parameter that is called like the condition key (ec2_keys).
_SAID = {
    "AvailabilityZone": "AvailabilityZone",
    "EbsOptimized": "EbsOptimized",
    "InstanceType": "InstanceType",
    "Placement.AvailabilityZone": "AvailabilityZone",
    "Placement.Tenancy": "Tenancy",
}
_METADATA = {
    "HttpEndpoint": "ec2:metadatahttpendpoint",
    "HttpPutResponseHopLimit": "ec2:metadatahttpputresponsehoplimit",
    "HttpTokens": "ec2:metadatahttptokens",
    "InstanceMetadataTags": "ec2:instancemetadatatags",
}
# What a launch may have whose resources are not told here.
_UNTOLD = (
    *("ElasticGpuSpecifications", "ElasticInferenceAccelerators", "KernelId", "LicenseSpecifications"),
    *("Placement.GroupId", "RamDiskId", "SecondaryInterfaces", "SecurityGroups"),
)
# Kind of resource -> what of a request names it otherwise than the template does.
_OVERRIDES = {
    "image": {"ImageId"},
    "instance": {"InstanceRequirements", "InstanceType", "Placement"},
    "subnet": {"SubnetId"},
    "volume": {"BlockDeviceMappings"},
}


@dataclass(frozen=True, slots=True)
class Launches(Templates):
    """Launch templates of what launches them in the caller's place: the roles within, and the launches."""

    def resolve(self, params: Params, frame: Frame) -> Iterator[Authorization]:
        """Every check beside that of the operation itself."""
        yield from Templates.resolve(self, params, frame)
        try:
            found = [check for one in _launches(params) for check in _checks(*one, frame)]
        except Unsure:
            # INVARIANT: what is launched unseen needs the permission for every launch.
            found = [Authorization(f"ec2:{_ACTION}", "*", {}, exact=False)]
        yield from {f"{check.action} {check.resource} {check.context}": check for check in found}.values()


def _launches(params: Params) -> Iterator[tuple[Values, Values]]:
    """(launch template, what is said otherwise) of each launch; what needs none raises Unsure."""
    spot: Params = params.get("SpotFleetRequestConfig") or {}
    for asked in (params, spot):
        if asked.get("LaunchSpecifications"):
            raise Unsure("LaunchSpecifications")
        for config in asked.get("LaunchTemplateConfigs") or ():
            overrides: list[Values] = config.get("Overrides") or [{}]
            for override in overrides:
                yield config.get("LaunchTemplateSpecification") or {}, override
    group: Params = params.get("DesiredConfiguration") or params
    placed = {"SubnetId": params.get("VPCZoneIdentifier")}
    if group.get("LaunchTemplate"):
        yield group["LaunchTemplate"], placed
    if mixed := group.get("MixedInstancesPolicy"):
        common: Params = mixed.get("LaunchTemplate") or {}
        overrides = common.get("Overrides") or [{}]
        for override in overrides:
            own = override.get("LaunchTemplateSpecification") or common.get("LaunchTemplateSpecification")
            yield own or {}, {**override, **placed}


def _checks(template: Values, override: Values, frame: Frame) -> Iterator[Authorization]:
    """Those of one launch."""
    key, _ = Templates.asked(template) or ("", {})
    data, identifier = Templates.content(key, frame.known), frame.known.get(f"{key} id")
    if data is None or not identifier:
        raise Unsure("LaunchTemplate")
    given = {name: value for name, value in override.items() if value}
    launch = {**data, **given}
    if "InstanceRequirements" in given:
        launch.pop("InstanceType", None)  # which type it will be is not known before
    if any(any(walk(launch, path)) for path in _UNTOLD):
        raise Unsure("LaunchTemplateData")
    arn = f"arn:aws:ec2:{frame.region}:{frame.account}:launch-template/{identifier}"
    params = {**_params(launch), "LaunchTemplateId": identifier}
    for check in (*ec2.resolve(_ACTION, params, frame.account, frame.region, {}), *_volumes(launch, frame)):
        if not check.exact:
            raise Unsure(check.resource)
        kind = check.resource.split(":", 5)[5].partition("/")[0]
        own: Context = {}
        if check.action == f"ec2:{_ACTION}":
            own = {"ec2:launchtemplate": arn, "ec2:islaunchtemplateresource": _of_template(kind, given)}
            if kind == "instance":
                said = {key: (launch.get("MetadataOptions") or {}).get(name) for name, key in _METADATA.items()}
                own |= {key: str(value) for key, value in said.items() if value is not None}
        yield replace(check, context={**check.context, **own})


def _params(launch: Values) -> dict[str, Any]:
    """A launch as RunInstances would name it by its own parameters."""
    params: dict[str, Any] = {"TagSpecifications": launch.get("TagSpecifications") or ()}
    for path, parameter in _NAMED.items():
        params.setdefault(parameter, []).extend(dict.fromkeys(walk(launch, path)))
    for path, parameter in _SAID.items():
        for value in walk(launch, path):
            params[parameter] = value
    if launch.get("SubnetId"):
        params["SubnetIds"] = [name.strip() for name in str(launch["SubnetId"]).split(",")]
    return params


def _volumes(launch: Values, frame: Frame) -> Iterator[Authorization]:
    """The volumes that it makes, of which there is one at least: the root."""
    mappings = launch.get("BlockDeviceMappings") or ()
    volumes: list[Values] = [mapping["Ebs"] for mapping in mappings if mapping.get("Ebs")]
    for volume in volumes or [{}]:
        said = {**volume, "Size": volume.get("VolumeSize")}
        keys = ec2_keys.of_request(_ACTION, said, frame.region)
        keys |= ec2_keys.of_resource("volume", "*", True, volume, frame.account, frame.region)
        context = ec2_keys.of_type(keys, ec2.keys_of(_ACTION, "volume"))
        yield Authorization(f"ec2:{_ACTION}", frame.arn("ec2", "volume/*"), context)


def _of_template(kind: str, given: Collection[str]) -> str:
    """ec2:IsLaunchTemplateResource: whether the request leaves to the template what it says of these."""
    return str(not any(name in given for name in _OVERRIDES.get(kind, ()))).lower()


Within = Profiles | Templates | Options


def within(service: str, operation: str) -> Iterator[Within]:
    """What hands over roles, or launches, in an operation without naming them."""
    if paths := PATHS.get((service, operation)):
        yield Profiles(paths)
    if paths := TEMPLATES.get((service, operation)):
        yield Launches(paths) if service in ("autoscaling", "ec2") else Templates(paths)
    if has_options(service, operation):
        yield Options(saved=operation.endswith("Environment"))
