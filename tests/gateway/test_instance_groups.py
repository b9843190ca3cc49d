"""Groups of instances of EMR: the backend finds them by id alone, the policy is on the cluster that is named."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import ACCOUNT, Gateway
from .raw import REGION, statement
from .test_resource_policies import refused

GROUPS = [
    {"Name": role, "InstanceRole": role, "InstanceType": "m5.large", "InstanceCount": 1} for role in ("MASTER", "CORE")
]
ACTION = {"SimpleScalingPolicyConfiguration": {"ScalingAdjustment": 1}}
ALARM = {"ComparisonOperator": "GREATER_THAN", "MetricName": "m", "Period": 60, "Threshold": 1}
SCALING = {
    "Constraints": {"MinCapacity": 1, "MaxCapacity": 9},
    "Rules": [{"Name": "r", "Action": ACTION, "Trigger": {"CloudWatchAlarmDefinition": ALARM}}],
}
Call = Callable[[Any, str, str], Any]
CALLS: dict[str, Call] = {
    "modify": lambda emr, cluster, group: emr.modify_instance_groups(
        ClusterId=cluster, InstanceGroups=[{"InstanceGroupId": group, "InstanceCount": 5}]
    ),
    "scale": lambda emr, cluster, group: emr.put_auto_scaling_policy(
        ClusterId=cluster, InstanceGroupId=group, AutoScalingPolicy=SCALING
    ),
    "scale no more": lambda emr, cluster, group: emr.remove_auto_scaling_policy(
        ClusterId=cluster, InstanceGroupId=group
    ),
}


def made(gateway: Gateway) -> tuple[str, str]:
    """A cluster and one of its groups."""
    emr, instances = gateway.client("emr"), {"InstanceGroups": GROUPS, "KeepJobFlowAliveWhenNoSteps": True}
    cluster = emr.run_job_flow(Name=gateway.name("cluster"), Instances=instances)["JobFlowId"]
    return cluster, emr.list_instance_groups(ClusterId=cluster)["InstanceGroups"][1]["Id"]


@pytest.mark.parametrize("way", CALLS)
def test_who_may_change_one_cluster_changes_no_group_of_another(gateway: Gateway, way: str) -> None:
    (mine, my_group), (theirs, their_group) = made(gateway), made(gateway)
    may = statement("Allow", "elasticmapreduce:*", f"arn:aws:elasticmapreduce:{REGION}:{ACCOUNT}:cluster/{mine}")
    emr, call = gateway.client("emr", gateway.user(may)), CALLS[way]
    call(emr, mine, my_group)
    for cluster, group in ((mine, their_group), (theirs, their_group), (mine, "ig-NONE")):
        refused(lambda cluster=cluster, group=group: call(emr, cluster, group))
    gateway.client("emr").terminate_job_flows(JobFlowIds=[mine, theirs])
