"""Policies and scheduled actions of Auto Scaling: the embedded backend finds them by name, in whichever group."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import ACCOUNT, Gateway
from .raw import REGION, statement
from .test_resource_policies import refused

Call = Callable[[Any, str, str], Any]
SCALED = {"AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": 1}
CALLS: dict[str, Call] = {
    "put policy": lambda scaling, group, name: scaling.put_scaling_policy(
        AutoScalingGroupName=group, PolicyName=name, **SCALED
    ),
    "schedule": lambda scaling, group, name: scaling.put_scheduled_update_group_action(
        AutoScalingGroupName=group, ScheduledActionName=name, Recurrence="0 0 * * *", MinSize=0
    ),
    "schedule several": lambda scaling, group, name: scaling.batch_put_scheduled_update_group_action(
        AutoScalingGroupName=group,
        ScheduledUpdateGroupActions=[{"ScheduledActionName": name, "Recurrence": "0 0 * * *", "MinSize": 0}],
    ),
    "schedule several no more": lambda scaling, group, name: scaling.batch_delete_scheduled_action(
        AutoScalingGroupName=group, ScheduledActionNames=["none", name]
    ),
    "execute": lambda scaling, group, name: scaling.execute_policy(AutoScalingGroupName=group, PolicyName=name),
    "delete policy": lambda scaling, group, name: scaling.delete_policy(AutoScalingGroupName=group, PolicyName=name),
    "schedule it again": lambda scaling, group, name: scaling.put_scheduled_update_group_action(
        AutoScalingGroupName=group, ScheduledActionName=name, MinSize=0
    ),
    "schedule no more": lambda scaling, group, name: scaling.delete_scheduled_action(
        AutoScalingGroupName=group, ScheduledActionName=name
    ),
}


@pytest.fixture(name="groups")
def two_groups(gateway: Gateway) -> list[str]:
    scaling, launch = gateway.client("autoscaling"), gateway.name("launch")
    image = gateway.client("ec2").describe_images()["Images"][0]["ImageId"]
    scaling.create_launch_configuration(LaunchConfigurationName=launch, ImageId=image, InstanceType="t3.micro")
    names = [gateway.name("mine"), gateway.name("theirs")]
    for name in names:
        made = {"LaunchConfigurationName": launch, "MinSize": 0, "MaxSize": 2, "AvailabilityZones": [f"{REGION}a"]}
        scaling.create_auto_scaling_group(AutoScalingGroupName=name, **made)
    return names


def test_who_may_change_one_group_changes_nothing_of_another(gateway: Gateway, groups: list[str]) -> None:
    (mine, theirs), own, other = groups, gateway.name("own"), gateway.name("other")
    admin = gateway.client("autoscaling")
    for way in ("put policy", "schedule"):
        CALLS[way](admin, theirs, other)
    on = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:*:autoScalingGroupName/{mine}"
    thief = gateway.client("autoscaling", gateway.user(statement("Allow", "autoscaling:*", on)))
    for call in CALLS.values():
        refused(lambda call=call: call(thief, mine, other), "AccessDenied")
        refused(lambda call=call: call(thief, theirs, other), "AccessDenied")
        call(thief, mine, own)
    for name in groups:
        admin.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
