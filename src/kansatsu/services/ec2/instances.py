"""RunInstances, and what starts, stops, reboots and ends an instance."""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kansatsu.catalog import Authorization, asked_tags
from kansatsu.errors import InvalidParameterCombination, InvalidParameterValue, MissingParameter, UnsupportedOperation
from kansatsu.services.ec2 import _render, _tagging
from kansatsu.services.ec2._resources import CONTAINER, Context, ec2_arn, instances, pass_role, profile_named
from kansatsu.services.ec2.metadata import changed_options
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload import DEFAULT_METADATA, LaunchRequest, Member, find_profile

_MOST_AT_ONCE = 20
_USER_DATA_BYTES = 16384
_DEFAULT_TYPE = "m1.small"  # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html


def _run_checks(call: Call, params: Params) -> Iterator[Authorization]:
    """Each resource that a launch touches, and what comes with it.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ExamplePolicies_EC2.html#iam-example-runinstances
    """
    tags = asked_tags({"Tags": _tags_given(params)})
    context = _launch_context(call, params) | tags
    resources = [
        (ec2_arn(call, f"image/{params.get('ImageId', '*')}", account=""), _image_context(params)),
        (ec2_arn(call, "instance/*"), context),
        (ec2_arn(call, f"subnet/{params.get('SubnetId', '*')}"), {"ec2:subnetid": params.get("SubnetId", "")}),
        (ec2_arn(call, "network-interface/*"), _subnet_context(call, params)),
    ]
    for key in params.get("SecurityGroupIds") or ("",):
        resources.append((ec2_arn(call, f"security-group/{key or '*'}"), {"ec2:securitygroupid": key}))
    for resource, more in resources:
        present = {key: value for key, value in more.items() if value}
        yield Authorization("ec2:RunInstances", resource, {"ec2:region": call.region, **present}, True)
    if tags:
        created: Context = {"ec2:createaction": "RunInstances", "ec2:region": call.region}
        yield Authorization("ec2:CreateTags", ec2_arn(call, "instance/*"), created | tags, True)
    if wanted := params.get("IamInstanceProfile"):
        yield from pass_role(call, profile_named(call, wanted), ec2_arn(call, "instance/*"))


def _image_context(params: Params) -> Context:
    """Images are the engine's own, as DescribeImages shows them."""
    return {
        "ec2:imageid": params.get("ImageId", ""),
        "ec2:imagetype": "machine",
        "ec2:public": "false",
        "ec2:rootdevicetype": "instance-store",
    }


def _subnet_context(call: Call, params: Params) -> Context:
    return {"ec2:subnet": ec2_arn(call, f"subnet/{params['SubnetId']}")} if params.get("SubnetId") else {}


def _tags_given(params: Params) -> list[Mapping[str, str]]:
    specifications: Sequence[Mapping[str, Any]] = params.get("TagSpecifications") or ()
    return [tag for item in specifications for tag in item.get("Tags") or ()]


def _launch_context(call: Call, params: Params) -> Context:
    options = params.get("MetadataOptions") or {}
    context: Context = {
        "ec2:instancetype": params.get("InstanceType", _DEFAULT_TYPE),
        "ec2:metadatahttptokens": options.get("HttpTokens", DEFAULT_METADATA.http_tokens),
        "ec2:metadatahttpendpoint": options.get("HttpEndpoint", DEFAULT_METADATA.http_endpoint),
        "ec2:metadatahttpputresponsehoplimit": str(options.get("HttpPutResponseHopLimit", DEFAULT_METADATA.hop_limit)),
        "ec2:instancemetadatatags": options.get("InstanceMetadataTags", DEFAULT_METADATA.instance_metadata_tags),
        **CONTAINER,
    }
    if profile := profile_named(call, params.get("IamInstanceProfile") or {}):
        context["ec2:instanceprofile"] = profile.arn
    return context


@operation("ec2", "RunInstances", resource=_run_checks)
async def run_instances(
    call: Call,
    max_count: int,
    min_count: int,
    image_id: str | None = None,
    instance_type: str = _DEFAULT_TYPE,
    subnet_id: str = "",
    security_group_ids: list[str] | None = None,
    user_data: str = "",
    iam_instance_profile: dict[str, str] | None = None,
    metadata_options: dict[str, Any] | None = None,
    tag_specifications: list[dict[str, Any]] | None = None,
    client_token: str = "",
    monitoring: dict[str, Any] | None = None,
    ebs_optimized: bool = False,
    disable_api_termination: bool = False,
    disable_api_stop: bool = False,
) -> dict[str, Any]:
    """An instance is a container of a local image; what only hardware could honour is refused when it is asked for."""
    if image_id is None:
        raise MissingParameter("The request must contain the parameter ImageId")
    _refuse({
        "Monitoring": (monitoring or {}).get("Enabled"),
        "EbsOptimized": ebs_optimized,
        "DisableApiTermination": disable_api_termination,
        "DisableApiStop": disable_api_stop,
    })  # fmt: skip
    _check_counts(min_count, max_count)
    given = {
        "image_id": image_id, "counts": (min_count, max_count), "type": instance_type, "subnet": subnet_id,
        "groups": security_group_ids, "user_data": user_data, "profile": iam_instance_profile,
        "metadata": metadata_options, "tags": tag_specifications,
    }  # fmt: skip
    profile = None
    if iam_instance_profile:
        with call.store.read() as conn:
            profile = find_profile(conn, call.account, iam_instance_profile)
    request = LaunchRequest(
        account=call.account,
        region=call.region,
        image_id=image_id,
        minimum=min_count,
        maximum=max_count,
        instance_type=instance_type,
        subnet_id=subnet_id,
        security_group_ids=tuple(security_group_ids or ()),
        user_data=_checked_user_data(user_data),
        profile=profile,
        metadata=changed_options(DEFAULT_METADATA, metadata_options or {}),
        tags=_tagging.of_specifications(tag_specifications),
        client_token=client_token,
        parameters=given,
    )
    members = await call.workload.launcher.run(request)
    return {"Groups": [], "OwnerId": call.account, **_render.reservations(call, members)[0]}


def _refuse(asked: Mapping[str, Any]) -> None:
    for name, value in asked.items():
        if value:
            raise UnsupportedOperation(f"{name} is not supported for instances that are containers.")


def _check_counts(low: int, high: int) -> None:
    if low < 1 or high < 1:
        name, value = ("minCount", low) if low < 1 else ("maxCount", high)
        raise InvalidParameterValue(f"Value ({value}) for parameter {name} is invalid. Minimum value must be 1")
    if low > high:
        raise InvalidParameterCombination(f"Value ({low}) for parameter minCount exceeds maxCount ({high}).")
    if high > _MOST_AT_ONCE:
        most = f"Maximum value is {_MOST_AT_ONCE}"
        raise InvalidParameterValue(f"Value ({high}) for parameter maxCount is invalid. {most}")


def _checked_user_data(text: str) -> str:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html: base64, 16 KiB before encoding."""
    try:
        decoded = base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        raise InvalidParameterValue("Invalid BASE64 encoding of user data.") from None
    if len(decoded) > _USER_DATA_BYTES:
        raise InvalidParameterValue(f"User data is limited to {_USER_DATA_BYTES} bytes")
    return base64.b64encode(decoded).decode()


@operation("ec2", "StartInstances", resource=instances("StartInstances"))
async def start_instances(call: Call, instance_ids: list[str]) -> dict[str, Any]:
    launcher = call.workload.launcher
    return {"StartingInstances": [_render.change(m, *await launcher.start(m)) for m in _named(call, instance_ids)]}


@operation("ec2", "StopInstances", resource=instances("StopInstances"))
async def stop_instances(
    call: Call, instance_ids: list[str], force: bool = False, hibernate: bool = False
) -> dict[str, Any]:
    _refuse({"Hibernate": hibernate})
    members = _named(call, instance_ids)
    return {
        "StoppingInstances": [_render.change(m, *await call.workload.launcher.stop(m, force=force)) for m in members]
    }


@operation("ec2", "RebootInstances", resource=instances("RebootInstances"))
async def reboot_instances(call: Call, instance_ids: list[str]) -> dict[str, Any]:
    for member in _named(call, instance_ids):
        await call.workload.launcher.reboot(member)
    return {}


@operation("ec2", "TerminateInstances", resource=instances("TerminateInstances"))
async def terminate_instances(call: Call, instance_ids: list[str]) -> dict[str, Any]:
    launcher = call.workload.launcher
    return {
        "TerminatingInstances": [_render.change(m, *await launcher.terminate(m)) for m in _named(call, instance_ids)]
    }


def _named(call: Call, instance_ids: list[str]) -> list[Member]:
    """All of them, before anything is done to one. Raises the first error."""
    members = [call.workload.fleet.get(call.account, call.region, key) for key in instance_ids]
    return [member for _, member in sorted({m.instance.id: m for m in members}.items())]
