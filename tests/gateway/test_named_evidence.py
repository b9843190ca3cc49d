"""What a record shows of somebody else than it seems, and whose roles these are: named with every suggestion, and no
way to make a wrong cut look safe.
"""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, Gateway
from .raw import document, statement

Case = Callable[[Gateway], str]  # makes somebody with a record; the ARN
ROOT = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}


def passing(gateway: Gateway) -> str:
    """A role that was handed to a service."""
    keys = gateway.user(statement("Allow", ["lambda:CreateFunction", "iam:PassRole", "states:*"]))
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    definition = '{"StartAt": "a", "States": {"a": {"Type": "Pass", "End": true}}}'
    given = {"name": gateway.name("m"), "definition": definition, "roleArn": gateway.role(trust=trust)["Arn"]}
    gateway.client("stepfunctions", keys).create_state_machine(**given)
    return user_arn(keys.name)


def chaining(gateway: Gateway) -> str:
    """A role by which another was assumed; the second's record is of sessions that came from a role."""
    last = gateway.role(statement("Allow", "iam:ListUsers"), trust=ROOT)
    first = gateway.assume(gateway.role(statement("Allow", "sts:AssumeRole"), trust=ROOT))
    given = gateway.client("sts", first).assume_role(RoleArn=last["Arn"], RoleSessionName="two")["Credentials"]
    keys = type(first)(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], last["RoleName"])
    gateway.client("iam", keys).list_users()
    return str(last["Arn"])


def assuming(gateway: Gateway) -> str:
    keys = gateway.user(statement("Allow", "sts:AssumeRole"))
    gateway.client("sts", keys).assume_role(RoleArn=gateway.role(trust=ROOT)["Arn"], RoleSessionName="one")
    return user_arn(keys.name)


def of_identity_center(gateway: Gateway) -> str:
    name = gateway.name("AWSReservedSSO_")
    made = gateway.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(ROOT))
    return str(made["Role"]["Arn"])


def service_linked(gateway: Gateway) -> str:
    name = "AWSServiceRoleForAutoScaling_" + gateway.name("x")
    given = {"AWSServiceName": "autoscaling.amazonaws.com", "CustomSuffix": name.rpartition("_")[2]}
    return str(gateway.iam.create_service_linked_role(**given)["Role"]["Arn"])


def of_a_service(gateway: Gateway) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return str(gateway.role(statement("Allow", "s3:*"), trust=trust)["Arn"])


NAMED: list[tuple[Case, str]] = [
    (passing, "iam:PassRole was used once: what was done with the passed roles, their own policies decide."),
    (assuming, "Roles were assumed once: what those sessions did, the policies of those roles decide."),
    (chaining, "Some sessions came from other roles (role chaining)"),
    (of_identity_center, "is managed by IAM Identity Center: change its permission set."),
    (service_linked, "is a service-linked role: its service manages what it may do."),
    (of_a_service, "lambda.amazonaws.com may act as "),
]


@pytest.mark.parametrize(("case", "said"), NAMED, ids=[case.__name__ for case, _ in NAMED])
def test_what_no_record_shows_is_named(gateway: Gateway, case: Case, said: str) -> None:
    arn, control = case(gateway), gateway.client("kansatsu")
    suggested, replayed = control.suggest_policy_change(Arn=arn), control.replay_policy_change(Arn=arn, Suggested=True)
    for answer in (suggested, replayed):
        assert [note for note in answer["Notes"] if said in note], answer["Notes"]


@pytest.mark.parametrize("case", [of_identity_center, service_linked], ids=lambda case: case.__name__)
def test_roles_that_others_manage_are_not_changed_here(gateway: Gateway, case: Case) -> None:
    """INVARIANT: a commit changes nothing that comes back by itself, however little evidence is asked for."""
    arn, control = case(gateway), gateway.client("kansatsu")
    change = {"Document": document(statement("Allow", "s3:*")), "PolicyName": "own", "NewPolicy": True}
    with pytest.raises(ClientError, match=r"UnmodifiableEntity|ManagedElsewhere"):
        control.commit_policy_change(Arn=arn, **change, AcceptGap=True, AcceptRefused=True)


# ---- the attacker of the evidence ------------------------------------------------------------------------------------


def user_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:user/{name}"


def kept(gateway: Gateway, arn: str) -> str:
    answer = gateway.client("kansatsu").suggest_policy_change(Arn=arn)
    return str(answer["Document"])


FORGED: list[tuple[str, dict[str, Any]]] = [
    ("a service's user agent", {"user_agent": "firehose.amazonaws.com"}),
    ("that of a step of ours", {"user_agent": "kansatsu.amazonaws.com"}),
    ("AWS's own", {"user_agent": "AWS Internal"}),
]


@pytest.mark.parametrize("more", [row[1] for row in FORGED], ids=[row[0] for row in FORGED])
def test_a_forged_user_agent_hides_no_use(gateway: Gateway, more: dict[str, Any]) -> None:
    keys = gateway.user(statement("Allow", ["iam:ListUsers", "sqs:*"]))
    gateway.client("iam", keys, **more).list_users()
    control, arn = gateway.client("kansatsu"), user_arn(keys.name)
    assert "iam:ListUsers" in kept(gateway, arn)
    assert control.replay_policy_change(Arn=arn, DeletePolicyName="own")["Refused"] == 1


def test_a_namesake_that_was_deleted_is_no_evidence_for_the_new_one(gateway: Gateway) -> None:
    """Nor against: nothing that it used is kept, and no cut of the new one is safe by its silence."""
    keys = gateway.user(statement("Allow", ["iam:ListUsers", "sqs:*"]))
    gateway.client("iam", keys).list_users()
    arn = user_arn(keys.name)
    gateway.iam.delete_access_key(UserName=keys.name, AccessKeyId=keys.id)
    gateway.iam.delete_user_policy(UserName=keys.name, PolicyName="own")
    gateway.iam.delete_user(UserName=keys.name)
    gateway.iam.create_user(UserName=keys.name)
    policy = document(statement("Allow", ["iam:ListUsers", "sqs:*"]))
    gateway.iam.put_user_policy(UserName=keys.name, PolicyName="own", PolicyDocument=policy)
    control = gateway.client("kansatsu")
    assert control.replay_policy_change(Arn=arn, DeletePolicyName="own")["Requests"] == 0
    with pytest.raises(ClientError, match=r"EvidenceIncomplete.*no request on record"):
        control.commit_policy_change(Arn=arn, DeletePolicyName="own")


def test_a_session_called_like_somebody_else_is_the_role(gateway: Gateway) -> None:
    ana, role = gateway.user(statement("Allow", "sqs:*")), gateway.role(statement("Allow", "sqs:*"), trust=ROOT)
    sts = gateway.client("sts", gateway.user(statement("Allow", "sts:AssumeRole")))
    for name in (ana.name, "delivery"):
        given = sts.assume_role(RoleArn=role["Arn"], RoleSessionName=name)["Credentials"]
        keys = type(ana)(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], role["RoleName"])
        gateway.client("sqs", keys).list_queues()
    control = gateway.client("kansatsu")
    assert control.replay_policy_change(Arn=user_arn(ana.name), DeletePolicyName="own")["Requests"] == 0
    assert control.replay_policy_change(Arn=role["Arn"], DeletePolicyName="own")["Refused"] == 2
