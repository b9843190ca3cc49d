"""Amazon EC2 Auto Scaling: an ARN holds an id that only the service knows, before the name.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/security_iam_service-with-iam.html
"""

from collections.abc import Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Rules
from kansatsu.catalog.values import Unsure

_GROUP = (
    "arn:${Partition}:autoscaling:${Region}:${Account}:autoScalingGroup:*:autoScalingGroupName/${GroupFriendlyName}"
)
_LAUNCH = (
    "arn:${Partition}:autoscaling:${Region}:${Account}:launchConfiguration:*:"
    "launchConfigurationName/${LaunchConfigurationName}"
)


def _launched(params: Params, _frame: Frame) -> Iterator[str]:
    """What a launch template launches is launched by who uses it; only the service knows what is in it.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html
    """
    for given in (params, params.get("DesiredConfiguration") or {}):
        if given.get("LaunchTemplate") or given.get("MixedInstancesPolicy"):
            raise Unsure("LaunchTemplate")
    yield from ()


_LAUNCHED = (("ec2:RunInstances", _launched),)
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2autoscaling.html",
    names={
        "autoScalingGroup": ("AutoScalingGroupName", "AutoScalingGroupNames", "Tags[].ResourceId"),
        "launchConfiguration": ("LaunchConfigurationName",),
    },
    templates={"autoScalingGroup": _GROUP, "launchConfiguration": _LAUNCH},
    optional=frozenset({"launchConfiguration"}),
    also=dict.fromkeys(("CreateAutoScalingGroup", "StartInstanceRefresh", "UpdateAutoScalingGroup"), _LAUNCHED),
    tagging="CreateOrUpdateTags",
)
