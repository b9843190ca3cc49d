"""Roles that are handed over without being named: in an instance profile, in a launch template, among options.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-ec2.html#permission-to-pass-iam-roles
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from .conftest import EC2_TRUST, Gateway
from .raw import statement
from .test_resource_policies import refused


@dataclass(frozen=True)
class Hull:
    """A profile with a role in it, and launch templates: one that has the profile since its second version, one not."""

    role: str
    name: str
    arn: str
    template: str
    plain: str


@pytest.fixture(name="hull", scope="module")
def a_hull(gateway: Gateway) -> Hull:
    role, name = gateway.role(trust=EC2_TRUST), gateway.name("profile")
    profile = gateway.iam.create_instance_profile(InstanceProfileName=name, Path="/teams/")["InstanceProfile"]
    gateway.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role["RoleName"])
    gateway.client("elasticbeanstalk").create_application(ApplicationName="shop")
    ec2, template, plain = gateway.client("ec2"), gateway.name("template"), gateway.name("template")
    for made in (template, plain):
        data = {"ImageId": "ami-12c6146b", "InstanceType": "t3.micro"}
        ec2.create_launch_template(LaunchTemplateName=made, LaunchTemplateData=data)
    data |= {"IamInstanceProfile": {"Name": name}}
    ec2.create_launch_template_version(LaunchTemplateName=template, LaunchTemplateData=data)
    return Hull(role["Arn"], name, profile["Arn"], template, plain)


def group(**more: Any) -> dict[str, Any]:
    return {"MinSize": 0, "MaxSize": 0, "AvailabilityZones": ["us-east-1a"], **more}


def fleet(name: str, version: str) -> dict[str, Any]:
    spec = {"LaunchTemplateName": name, "Version": version}
    return {
        "LaunchTemplateConfigs": [{"LaunchTemplateSpecification": spec}],
        "TargetCapacitySpecification": {"TotalTargetCapacity": 0, "DefaultTargetCapacityType": "spot"},
    }


Call = Callable[[Hull], dict[str, Any]]
# (service, call, parameters that have the role in them, the same without it)
CALLS: dict[str, tuple[str, str, Call, Call | None]] = {
    "launch configuration": (
        "autoscaling", "create_launch_configuration",
        lambda h: {"ImageId": "ami-12c6146b", "InstanceType": "t3.micro", "IamInstanceProfile": h.arn},
        lambda h: {"ImageId": "ami-12c6146b", "InstanceType": "t3.micro"},
    ),
    "group": (
        "autoscaling", "create_auto_scaling_group",
        lambda h: group(LaunchTemplate={"LaunchTemplateName": h.template, "Version": "2"}),
        lambda h: group(LaunchTemplate={"LaunchTemplateName": h.template, "Version": "1"}),
    ),
    "latest": (
        "autoscaling", "create_auto_scaling_group",
        lambda h: group(LaunchTemplate={"LaunchTemplateName": h.template, "Version": "$Latest"}),
        lambda h: group(LaunchTemplate={"LaunchTemplateName": h.template}),
    ),
    "mixed": (
        "autoscaling", "create_auto_scaling_group",
        lambda h: group(MixedInstancesPolicy={"LaunchTemplate": {
            "LaunchTemplateSpecification": {"LaunchTemplateName": h.plain, "Version": "1"},
            "Overrides": [{"LaunchTemplateSpecification": {"LaunchTemplateName": h.template, "Version": "2"}}],
        }}),
        None,
    ),
    "fleet": ("ec2", "create_fleet", lambda h: fleet(h.template, "2"), lambda h: fleet(h.plain, "1")),
    "cluster": (
        "emr", "run_job_flow",
        lambda h: {"Name": "n", "Instances": {"MasterInstanceType": "m5.large", "SlaveInstanceType": "m5.large",
                                              "InstanceCount": 1}, "JobFlowRole": h.name},
        None,
    ),
    "environment": (
        "elasticbeanstalk", "create_environment",
        lambda h: {"ApplicationName": "shop", "OptionSettings": [
            {"Namespace": "aws:autoscaling:launchconfiguration", "OptionName": "IamInstanceProfile", "Value": h.name},
        ]},
        lambda h: {"ApplicationName": "shop", "OptionSettings": [
            {"Namespace": "aws:autoscaling:asg", "OptionName": "MinSize", "Value": "1"},
        ]},
    ),
    "service role": (
        "elasticbeanstalk", "create_environment",
        lambda h: {"ApplicationName": "shop", "OptionSettings": [
            {"Namespace": "aws:elasticbeanstalk:environment", "OptionName": "ServiceRole",
             "Value": h.role.rpartition("/")[2]},
        ]},
        None,
    ),
}  # fmt: skip
NAMES = {
    "create_launch_configuration": "LaunchConfigurationName",
    "create_auto_scaling_group": "AutoScalingGroupName",
    "create_environment": "EnvironmentName",
}
TAKES = {"service role": "elasticbeanstalk"}


def call(gateway: Gateway, keys: Any, service: str, name: str, params: dict[str, Any]) -> None:
    given = {NAMES[name]: gateway.name("made")} if name in NAMES else {}
    getattr(gateway.client(service, keys), name)(**given, **params)


@pytest.mark.parametrize("way", CALLS)
def test_the_role_within_must_be_ones_to_pass(gateway: Gateway, hull: Hull, way: str) -> None:
    service, name, having, without = CALLS[way]
    every = {"Effect": "Allow", "NotAction": "iam:PassRole", "Resource": "*"}
    to = f"{TAKES.get(way, 'ec2')}.amazonaws.com"
    for role, taker in ((hull.role + "x", to), (hull.role, "lambda.amazonaws.com")):
        only = statement("Allow", "iam:PassRole", role, condition={"StringEquals": {"iam:PassedToService": taker}})
        refused(
            lambda only=only: call(gateway, gateway.user(every, only), service, name, having(hull)),
            "AccessDenied", "AccessDeniedException", "UnauthorizedOperation",
        )  # fmt: skip
    only = statement("Allow", "iam:PassRole", hull.role, condition={"StringEquals": {"iam:PassedToService": to}})
    call(gateway, gateway.user(every, only), service, name, having(hull))
    if without is not None:
        call(gateway, gateway.user(every), service, name, without(hull))


@pytest.mark.parametrize("unknown", ["profile", "template"])
def test_what_nobody_knows_may_hold_any_role(gateway: Gateway, unknown: str) -> None:
    every = {"Effect": "Allow", "NotAction": "iam:PassRole", "Resource": "*"}
    one = statement("Allow", "iam:PassRole", "arn:aws:iam::*:role/*")
    keys = gateway.user(every, one)
    made = {
        "profile": ("create_launch_configuration", {"ImageId": "ami-1", "IamInstanceProfile": "none"}),
        "template": ("create_auto_scaling_group", group(LaunchTemplate={"LaunchTemplateName": "none"})),
    }[unknown]
    refused(lambda: call(gateway, keys, "autoscaling", *made))
