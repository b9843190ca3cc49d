"""A change that asks for tags of IAM's and ECS's own resources: they were on record whoever asked for them then."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, Gateway
from .raw import document, statement
from .test_replay import counted, replay, user_arn

TEAM = [{"Key": "team", "Value": "a"}]


def tagged(actions: str, key: str, effect: str) -> str:
    condition = {"StringEquals": {f"{key}/team": "a"}}
    others = [statement("Allow", actions)] if effect == "Deny" else []
    return document(*others, statement(effect, actions, condition=condition))


@pytest.mark.parametrize("key", ["aws:ResourceTag", "iam:ResourceTag"])
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_tags_of_iam_are_known(gateway: Gateway, key: str, effect: str) -> None:
    keys = gateway.user(statement("Allow", "iam:GetRole"))
    iam = gateway.client("iam", keys)
    for tags in (TEAM, [], [{"Key": "other", "Value": "b"}]):
        role: Any = gateway.role()
        if tags:
            gateway.iam.tag_role(RoleName=role["RoleName"], Tags=tags)
        iam.get_role(RoleName=role["RoleName"])
    answer = replay(gateway, user_arn(keys.name), Document=tagged("iam:GetRole", key, effect), PolicyName="own")
    assert counted(answer) == ((1, 2, 0) if effect == "Allow" else (2, 1, 0))


@pytest.mark.parametrize("key", ["aws:ResourceTag", "ecs:ResourceTag"])
def test_tags_of_ecs_are_known(gateway: Gateway, key: str) -> None:
    keys = gateway.user(statement("Allow", ["ecs:UpdateCluster", "ecs:CreateCluster", "ecs:TagResource"]))
    ecs = gateway.client("ecs", keys)
    for name, tags in (("one", [{"key": "team", "value": "a"}]), ("other", [])):
        cluster = gateway.name(name)
        gateway.client("ecs").create_cluster(clusterName=cluster, tags=tags)
        ecs.update_cluster(cluster=cluster)
    answer = replay(gateway, user_arn(keys.name), Document=tagged("ecs:UpdateCluster", key, "Allow"), PolicyName="own")
    assert counted(answer) == (1, 1, 0)
    assert ACCOUNT in answer["RefusedRequests"][0]["Resource"]


def test_tags_of_a_role_that_is_passed_to_the_backend_nobody_can_tell(gateway: Gateway) -> None:
    """Nor does the gateway, once the change is made: it decides nothing by tags that it cannot read there."""
    keys = gateway.user(statement("Allow", ["states:CreateStateMachine", "iam:PassRole"]))
    states, trust = gateway.client("stepfunctions", keys), {"Principal": {"Service": "states.amazonaws.com"}}
    roles = [gateway.role(trust={"Effect": "Allow", "Action": "sts:AssumeRole", **trust}) for _ in range(2)]
    gateway.iam.tag_role(RoleName=roles[0]["RoleName"], Tags=TEAM)
    definition = '{"StartAt": "a", "States": {"a": {"Type": "Pass", "End": true}}}'

    def make(role: Any) -> None:
        states.create_state_machine(name=gateway.name("m"), definition=definition, roleArn=role["Arn"])

    for role in roles:
        make(role)
    change = document(
        statement("Allow", "states:*"),
        statement("Allow", "iam:PassRole", condition={"StringEquals": {"aws:ResourceTag/team": "a"}}),
    )
    assert counted(replay(gateway, user_arn(keys.name), Document=change, PolicyName="own")) == (0, 0, 2)
    gateway.iam.put_user_policy(UserName=keys.name, PolicyName="own", PolicyDocument=change)
    with pytest.raises(ClientError, match=r"NotImplemented.*cannot read tags of iam"):
        make(roles[0])
