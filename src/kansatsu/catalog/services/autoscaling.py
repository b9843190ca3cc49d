"""Amazon EC2 Auto Scaling: an ARN holds an id that only the service knows, before the name.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/security_iam_service-with-iam.html
"""

from kansatsu.catalog.rules import Rules

_GROUP = (
    "arn:${Partition}:autoscaling:${Region}:${Account}:autoScalingGroup:*:autoScalingGroupName/${GroupFriendlyName}"
)
_LAUNCH = (
    "arn:${Partition}:autoscaling:${Region}:${Account}:launchConfiguration:*:"
    "launchConfigurationName/${LaunchConfigurationName}"
)
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2autoscaling.html",
    names={
        "autoScalingGroup": ("AutoScalingGroupName", "AutoScalingGroupNames", "Tags[].ResourceId"),
        "launchConfiguration": ("LaunchConfigurationName",),
    },
    templates={"autoScalingGroup": _GROUP, "launchConfiguration": _LAUNCH},
    optional=frozenset({"launchConfiguration"}),
    tagging="CreateOrUpdateTags",
)
