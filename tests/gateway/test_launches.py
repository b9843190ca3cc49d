"""Launches by a template are checked as RunInstances of what is in it, with what the request says otherwise.

The policies are those of AWS's pages, with our ids:
https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ExamplePolicies_EC2.html#iam-example-runinstances-launch-templates
"""

from typing import Any

import pytest

from .conftest import ACCOUNT, EC2_TRUST, Gateway
from .raw import REGION, statement
from .test_resource_policies import refused

EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}:"
IMAGE = "ami-12c6146b"
TAGS = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "blue"}]}]
LAUNCHERS = statement("Allow", "autoscaling:*"), statement("Allow", "ec2:CreateFleet")


class Site:
    """A template, and where it launches."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway, self.ec2 = gateway, gateway.client("ec2")
        subnets = self.ec2.describe_subnets()["Subnets"]
        self.subnet, self.other = (subnet["SubnetId"] for subnet in subnets[:2])
        self.group = self.ec2.create_security_group(
            GroupName=gateway.name("launched"), Description="d", VpcId=subnets[0]["VpcId"]
        )["GroupId"]
        self.name = gateway.name("launched")
        self.template = self.made(self.name)

    def made(self, name: str, **more: Any) -> str:
        data = {"ImageId": IMAGE, "InstanceType": "t2.micro", "SecurityGroupIds": [self.group], **more}
        made = self.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    def restricted(self, **other: str) -> tuple[dict[str, Any], ...]:
        """ "Restrict access to Amazon EC2 resources": one subnet, one security group, one image, one type."""
        may = {
            "subnet": f"{EC2}subnet/{self.subnet}",
            "group": f"{EC2}security-group/{self.group}",
            "image": f"arn:aws:ec2:{REGION}::image/{IMAGE}",
            "template": f"{EC2}launch-template/{self.template}",
            "type": "t2.micro",
        } | other
        resources = [*(may[name] for name in ("subnet", "group", "image", "template")), f"{EC2}network-interface/*"]
        condition = {"StringEquals": {"ec2:InstanceType": may["type"]}}
        return (
            *LAUNCHERS,
            {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": [*resources, f"{EC2}volume/*"]},
            statement("Allow", "ec2:RunInstances", f"{EC2}instance/*", condition=condition),
        )

    def scale(self, keys: Any, subnet: str = "", template: dict[str, str] | None = None, **more: Any) -> None:
        """Make an Auto Scaling group of the template, and end it again."""
        scaling, name = self.gateway.client("autoscaling", keys), self.gateway.name("group")
        given = {"LaunchTemplate": template or {"LaunchTemplateId": self.template}, **more}
        given = {"MinSize": 0, "MaxSize": 0, "VPCZoneIdentifier": subnet or self.subnet, **given}
        scaling.create_auto_scaling_group(
            AutoScalingGroupName=name, **{key: value for key, value in given.items() if value is not None}
        )
        scaling.delete_auto_scaling_group(AutoScalingGroupName=name)


@pytest.fixture(name="site", scope="module")
def a_site(gateway: Gateway) -> Site:
    return Site(gateway)


@pytest.mark.parametrize("other", ["", "subnet", "group", "image", "template", "type"])
def test_a_group_launches_only_what_its_maker_may(gateway: Gateway, site: Site, other: str) -> None:
    keys = gateway.user(*site.restricted(**({other: f"{EC2}subnet/subnet-1"} if other else {})))
    if other:
        refused(lambda: site.scale(keys), "AccessDenied")
    else:
        site.scale(keys)
        refused(lambda: site.scale(keys, f"{site.subnet},{site.other}"), "AccessDenied")


def mixed(site: Site, *types: str) -> dict[str, Any]:
    own = {"LaunchTemplateSpecification": {"LaunchTemplateId": site.template, "Version": "$Latest"}}
    overrides = [{"InstanceType": name} for name in types]
    return {"LaunchTemplate": None, "MixedInstancesPolicy": {"LaunchTemplate": {**own, "Overrides": overrides}}}


def test_each_override_is_a_launch(gateway: Gateway, site: Site) -> None:
    keys = gateway.user(*site.restricted(type="t3.micro"))
    site.scale(keys, **mixed(site, "t3.micro"))
    refused(lambda: site.scale(keys, **mixed(site, "t3.micro", "t2.micro")), "AccessDenied")


def fleet(site: Site, keys: Any, **override: str) -> None:
    template = {"LaunchTemplateId": site.template, "Version": "1"}
    site.gateway.client("ec2", keys).create_fleet(
        LaunchTemplateConfigs=[{"LaunchTemplateSpecification": template, "Overrides": [override] * bool(override)}],
        TargetCapacitySpecification={"TotalTargetCapacity": 0, "DefaultTargetCapacityType": "spot"},
    )


def test_by_one_template_only_and_as_it_is(gateway: Gateway, site: Site) -> None:
    """Of the second page: whoever may launch by the template alone changes nothing of it."""
    condition = {
        "ArnLike": {"ec2:LaunchTemplate": f"{EC2}launch-template/{site.template}"},
        "Bool": {"ec2:IsLaunchTemplateResource": "true"},
    }
    keys = gateway.user(*LAUNCHERS, statement("Allow", "ec2:RunInstances", "*", condition=condition))
    fleet(site, keys)
    for override in ({"InstanceType": "m5.large"}, {"SubnetId": site.other}):
        refused(lambda override=override: fleet(site, keys, **override), "UnauthorizedOperation")
    other = {"LaunchTemplateId": site.made(gateway.name("launched"))}
    refused(lambda: site.scale(keys, template=other), "AccessDenied")


def test_tags_in_a_template_are_given(gateway: Gateway, site: Site) -> None:
    tagging = {"LaunchTemplateName": gateway.name("launched")}
    site.made(tagging["LaunchTemplateName"], TagSpecifications=TAGS)
    may = (*LAUNCHERS, statement("Allow", "ec2:RunInstances"))
    refused(lambda: site.scale(gateway.user(*may), template=tagging), "AccessDenied")
    condition = {"StringEquals": {"ec2:CreateAction": "RunInstances"}}
    tags = statement("Allow", "ec2:CreateTags", f"{EC2}*/*", condition=condition)
    site.scale(gateway.user(*may, tags), template=tagging)


@pytest.mark.parametrize("data", [{"SecurityGroups": ["default"], "SecurityGroupIds": []}, {"KernelId": "aki-1"}])
def test_what_is_not_told_is_launched_by_who_may_launch_everything(
    gateway: Gateway, site: Site, data: dict[str, Any]
) -> None:
    template = {"LaunchTemplateName": gateway.name("launched")}
    site.made(template["LaunchTemplateName"], **data)
    every = [f"arn:aws:ec2:*:*:{kind}/*" for kind in ("image", "instance", "subnet", "security-group")]
    more = [f"arn:aws:ec2:*:*:{kind}/*" for kind in ("launch-template", "network-interface", "volume")]
    may = {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": every + more}
    site.scale(gateway.user(*LAUNCHERS, may))
    refused(lambda: site.scale(gateway.user(*LAUNCHERS, may), template=template), "AccessDenied")
    site.scale(gateway.user(*LAUNCHERS, statement("Allow", "ec2:RunInstances")), template=template)


def test_a_template_that_is_named_twice_may_be_two(gateway: Gateway, site: Site) -> None:
    """The attack: the id of a template that one may launch, and the name of one with another role."""
    profile = gateway.name("launched")
    gateway.iam.create_instance_profile(InstanceProfileName=profile)
    role = gateway.role(trust=EC2_TRUST)["RoleName"]
    gateway.iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
    powerful = gateway.name("launched")
    site.made(powerful, IamInstanceProfile={"Name": profile})
    keys = gateway.user({"Effect": "Allow", "NotAction": "iam:PassRole", "Resource": "*"})
    template = {"LaunchTemplateId": site.template, "Version": "1"}
    config = {"LaunchTemplateSpecification": {**template, "LaunchTemplateName": powerful}}
    for name in (powerful, site.name):
        config = {"LaunchTemplateSpecification": {**template, "LaunchTemplateName": name}}
        message = refused(
            lambda config=config: gateway.client("ec2", keys).create_fleet(
                LaunchTemplateConfigs=[config], TargetCapacitySpecification={"TotalTargetCapacity": 0}
            ),
            "UnauthorizedOperation",
        )
        assert "iam:PassRole" in message
    fleet(site, keys)
