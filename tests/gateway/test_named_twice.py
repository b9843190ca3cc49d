"""EC2 takes an id or a name; the attack gives the id of what one may change and the name of what one may not."""

import pytest

from .conftest import ACCOUNT, Gateway
from .raw import REGION, statement
from .test_resource_policies import refused

ARN = f"arn:aws:ec2:{REGION}:{ACCOUNT}:"
RULE = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}


@pytest.fixture(name="groups")
def two_groups(gateway: Gateway) -> dict[str, str]:
    """Ids by names."""
    ec2, found = gateway.client("ec2"), {}
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    for name in (gateway.name("mine"), gateway.name("theirs")):
        found[name] = ec2.create_security_group(GroupName=name, Description="d", VpcId=vpc)["GroupId"]
        ec2.authorize_security_group_ingress(GroupId=found[name], IpPermissions=[RULE])
    return found


def test_a_group_is_named_once(gateway: Gateway, groups: dict[str, str]) -> None:
    (mine, theirs), name = groups.values(), list(groups)[1]
    ec2 = gateway.client("ec2", gateway.user(statement("Allow", "ec2:*", f"{ARN}security-group/{mine}")))
    for call in (
        lambda: ec2.revoke_security_group_ingress(GroupId=mine, GroupName=name, IpPermissions=[RULE]),
        lambda: ec2.authorize_security_group_ingress(GroupId=mine, GroupName=name, IpPermissions=[RULE]),
        lambda: ec2.delete_security_group(GroupId=mine, GroupName=name),
    ):
        refused(call, "UnauthorizedOperation")
    ec2.revoke_security_group_ingress(GroupId=mine, IpPermissions=[RULE])
    admin = gateway.client("ec2")
    assert admin.describe_security_groups(GroupIds=[theirs])["SecurityGroups"][0]["IpPermissions"]
    for group in (mine, theirs):
        admin.delete_security_group(GroupId=group)


def test_a_launch_template_is_named_once(gateway: Gateway) -> None:
    admin, data = gateway.client("ec2"), {"InstanceType": "t3.micro"}
    ids, names = [], [gateway.name("mine"), gateway.name("theirs")]
    for name in names:
        made = admin.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)["LaunchTemplate"]
        ids.append(made["LaunchTemplateId"])
    ec2 = gateway.client("ec2", gateway.user(statement("Allow", "ec2:*", f"{ARN}launch-template/{ids[0]}")))
    both = {"LaunchTemplateId": ids[0], "LaunchTemplateName": names[1]}
    refused(lambda: ec2.create_launch_template_version(**both, LaunchTemplateData=data), "UnauthorizedOperation")
    refused(lambda: ec2.delete_launch_template(**both), "UnauthorizedOperation")
    for template in ids:
        admin.delete_launch_template(LaunchTemplateId=template)
