"""Amazon EC2 Auto Scaling: an ARN holds an id that only the service knows, before the name.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/security_iam_service-with-iam.html
"""

from collections.abc import Callable, Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Question, Rules
from kansatsu.catalog.values import Unsure, read, safe

_GROUP = (
    "arn:${Partition}:autoscaling:${Region}:${Account}:autoScalingGroup:*:autoScalingGroupName/${GroupFriendlyName}"
)
_LAUNCH = (
    "arn:${Partition}:autoscaling:${Region}:${Account}:launchConfiguration:*:"
    "launchConfigurationName/${LaunchConfigurationName}"
)


# What belongs to a group and has a name: the call that tells whose it is, its parameter and its answer.
_POLICIES = ("DescribePolicies", "PolicyNames", "ScalingPolicies")
_SCHEDULED = ("DescribeScheduledActions", "ScheduledActionNames", "ScheduledUpdateGroupActions")
# Operation -> where the names are.
_INSIDE = {
    **dict.fromkeys(("DeletePolicy", "ExecutePolicy", "PutScalingPolicy"), ("PolicyName", *_POLICIES)),
    **dict.fromkeys(("DeleteScheduledAction", "PutScheduledUpdateGroupAction"), ("ScheduledActionName", *_SCHEDULED)),
    "BatchDeleteScheduledAction": ("ScheduledActionNames", *_SCHEDULED),
    "BatchPutScheduledUpdateGroupAction": ("ScheduledUpdateGroupActions[].ScheduledActionName", *_SCHEDULED),
}


def _asked(operation: str) -> Callable[[Params], Iterator[Question]]:
    path, call, by, items = _INSIDE[operation]

    def ask(params: Params) -> Iterator[Question]:
        if names := list(read(params, path)):
            yield Question("groups", "autoscaling", call, {by: names}, f"{items}[].AutoScalingGroupName")

    return ask


def _groups(params: Params, frame: Frame) -> Iterator[str]:
    """The group that is named, and those in which there is something of the name.

    INVARIANT: a backend may find a policy, or a scheduled action, by its name alone, in whichever group.
    """
    has = frame.known.get("groups", "").split("\n")
    for group in dict.fromkeys(filter(None, (*read(params, "AutoScalingGroupName"), *has))):
        if not safe(group, False):
            raise Unsure(group)
        yield frame.arn("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{group}")


RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2autoscaling.html",
    names={
        "autoScalingGroup": ("AutoScalingGroupName", "AutoScalingGroupNames", "Tags[].ResourceId"),
        "launchConfiguration": ("LaunchConfigurationName",),
    },
    templates={"autoScalingGroup": _GROUP, "launchConfiguration": _LAUNCH},
    optional=frozenset({"launchConfiguration"}),
    tagging="CreateOrUpdateTags",
    finders=dict.fromkeys(_INSIDE, _groups),
    questions={operation: _asked(operation) for operation in _INSIDE},
)
