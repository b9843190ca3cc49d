"""Associate, replace, disassociate: what AWS answers, who may, and what it does to credentials."""

import json
from typing import Any

import pytest

from services.conftest import ACCOUNT, POLICY
from services.ec2_world import Ec2World, cloud

__all__ = ["cloud"]

P_ONLY, Q_ONLY = "arn:aws:iam::*:instance-profile/P", "arn:aws:iam::*:instance-profile/Q"
PASS = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": f"arn:aws:iam::{ACCOUNT}:role/R"}
PASS_TO_EC2 = PASS | {"Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}
PASS_TO_LAMBDA = PASS | {"Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}}
ASSOCIATE = {"Effect": "Allow", "Action": "ec2:*IamInstanceProfile*", "Resource": "arn:aws:ec2:*:*:instance/*"}


def associate(cloud: Ec2World, instance_id: str, name: str = "P", client: Any = None) -> dict[str, Any]:
    answer = (client or cloud.ec2).associate_iam_instance_profile(
        InstanceId=instance_id, IamInstanceProfile={"Name": name}
    )
    return answer["IamInstanceProfileAssociation"]


def test_associate_shows_at_once_everywhere(cloud: Ec2World) -> None:
    profile = cloud.profile("P", role="R")
    instance_id = cloud.container()
    assert cloud.view(instance_id).credentials("2.0") is None
    assert cloud.view(instance_id).iam_info() is None
    made = associate(cloud, instance_id)
    assert made["AssociationId"].startswith("iip-assoc-") and len(made["AssociationId"]) == 27
    assert made["State"] == "associating"
    assert made["IamInstanceProfile"] == {"Arn": profile["Arn"], "Id": profile["InstanceProfileId"]}
    listed = cloud.ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]
    assert listed == [made | {"State": "associated"}]
    issued = cloud.credentials(instance_id)
    caller = cloud.caller(issued.access_key_id, issued.token)
    assert caller.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/R/{instance_id}"
    assert caller.session is not None
    assert dict(caller.session.source) == {
        "instance": instance_id,
        "region": "us-east-1",
        "association": made["AssociationId"],
        "delivery": "2.0",
        "private_ip": "10.88.0.1",
    }
    instance = cloud.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
    assert instance["IamInstanceProfile"]["Arn"] == profile["Arn"]


def test_one_and_two_point_zero_are_separate_credentials(cloud: Ec2World) -> None:
    cloud.profile("P", role="R")
    instance_id = cloud.container()
    associate(cloud, instance_id)
    first, second = cloud.credentials(instance_id, "1.0"), cloud.credentials(instance_id, "2.0")
    assert first.access_key_id != second.access_key_id
    session = cloud.caller(first.access_key_id, first.token).session
    assert session is not None and session.source["delivery"] == "1.0"


def test_replace_keeps_old_sessions_alive_and_gives_a_new_id(cloud: Ec2World) -> None:
    cloud.profile("P", role="R")
    cloud.profile("Q", role="S")
    instance_id = cloud.container()
    old = associate(cloud, instance_id)
    before = cloud.credentials(instance_id)
    new = cloud.ec2.replace_iam_instance_profile_association(
        AssociationId=old["AssociationId"], IamInstanceProfile={"Name": "Q"}
    )["IamInstanceProfileAssociation"]
    assert new["AssociationId"] != old["AssociationId"]
    assert cloud.credentials(instance_id).role_name == "S"
    assert cloud.works(before)


def test_disassociate_ends_endpoint_and_sessions(cloud: Ec2World) -> None:
    cloud.profile("P", role="R")
    instance_id = cloud.container()
    made = associate(cloud, instance_id)
    before = cloud.credentials(instance_id)
    ended = cloud.ec2.disassociate_iam_instance_profile(AssociationId=made["AssociationId"])
    assert ended["IamInstanceProfileAssociation"]["State"] == "disassociating"
    assert cloud.view(instance_id).credentials("2.0") is None
    assert not cloud.works(before)
    assert cloud.ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"] == []
    # The same profile again is a new association, with sessions that live.
    associate(cloud, instance_id)
    assert cloud.works(cloud.credentials(instance_id))


@pytest.mark.parametrize(
    ("cloud", "after_replace", "after_disassociate"),
    [({"revoke_on": "disassociate"}, True, False), ({"revoke_on": "replace"}, False, False),
     ({"revoke_on": "never"}, True, True)],
    indirect=["cloud"],
)  # fmt: skip
def test_revoke_on(cloud: Ec2World, after_replace: bool, after_disassociate: bool) -> None:
    cloud.profile("P", role="R")
    instance_id = cloud.container()
    first = associate(cloud, instance_id)["AssociationId"]
    replaced = cloud.credentials(instance_id)
    second = cloud.ec2.replace_iam_instance_profile_association(AssociationId=first, IamInstanceProfile={"Name": "P"})[
        "IamInstanceProfileAssociation"
    ]["AssociationId"]
    assert cloud.works(replaced) is after_replace
    current = cloud.credentials(instance_id)
    cloud.clock.move(seconds=1)
    cloud.ec2.disassociate_iam_instance_profile(AssociationId=second)
    assert cloud.works(current) is after_disassociate
    # What a replaced association issued ends when the instance loses its profile.
    assert cloud.works(replaced) is (after_replace and after_disassociate)
    cloud.clock.move(seconds=1)
    associate(cloud, instance_id)
    assert cloud.works(cloud.credentials(instance_id))


def test_deleting_the_profile_revokes(cloud: Ec2World) -> None:
    cloud.profile("P", role="R")
    instance_id = cloud.container()
    associate(cloud, instance_id)
    cloud.run(cloud.workload.refresh())
    before = cloud.credentials(instance_id)
    cloud.iam.remove_role_from_instance_profile(InstanceProfileName="P", RoleName="R")
    cloud.run(cloud.workload.refresh())
    assert cloud.works(before)  # taken out is not deleted: as on AWS, what was issued lives on
    state = cloud.view(instance_id).credentials("2.0")
    assert (state.code, state.role_name) == ("Success", "")  # type: ignore[union-attr]
    cloud.iam.delete_instance_profile(InstanceProfileName="P")
    cloud.run(cloud.workload.refresh())
    assert not cloud.works(before)
    info = cloud.view(instance_id).iam_info()
    assert info is not None and info.code == "InstanceProfileNotFound"
    cloud.profile("P", role="R")  # a new profile of the old name is another one
    assert cloud.view(instance_id).iam_info() == info


def test_deleting_the_role_revokes_and_a_new_one_of_its_name_is_another(cloud: Ec2World) -> None:
    cloud.profile("P", role="R")
    instance_id = cloud.container()
    associate(cloud, instance_id)
    before = cloud.credentials(instance_id)
    cloud.run(cloud.workload.refresh())
    cloud.iam.remove_role_from_instance_profile(InstanceProfileName="P", RoleName="R")
    cloud.iam.delete_role(RoleName="R")
    cloud.run(cloud.workload.refresh())
    cloud.role("R")
    cloud.iam.add_role_to_instance_profile(InstanceProfileName="P", RoleName="R")
    assert not cloud.works(before)
    cloud.clock.move(seconds=1)
    assert cloud.works(cloud.credentials(instance_id))


def test_trust_policy_that_refuses_ec2_gives_the_cause(cloud: Ec2World) -> None:
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}  # fmt: skip # noqa: E501
    cloud.profile("P", role="R", trust=trust)
    instance_id = cloud.container()
    associate(cloud, instance_id)
    state = cloud.view(instance_id).credentials("2.0")
    assert state.code == "AssumeRoleUnauthorizedAccess"  # type: ignore[union-attr]
    problem = cloud.control.describe_workloads()["Workloads"][0]["Problems"]
    assert "does not allow ec2.amazonaws.com" in problem[0]


def test_trust_policy_may_name_the_instance(cloud: Ec2World) -> None:
    instance_id = cloud.container()
    source = f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/{instance_id}"
    condition = {"ArnEquals": {"aws:SourceArn": source}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
    statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole",
                 "Condition": condition}  # fmt: skip
    cloud.profile("P", role="R", trust={"Version": "2012-10-17", "Statement": [statement]})
    other = cloud.container("other")
    associate(cloud, instance_id)
    associate(cloud, other)
    assert cloud.credentials(instance_id).role_name == "R"
    assert cloud.view(other).credentials("2.0").code == "AssumeRoleUnauthorizedAccess"  # type: ignore[union-attr]


# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
ERRORS: list[tuple[str, dict[str, Any], str, str]] = [
    ("associate_iam_instance_profile", {"InstanceId": "i-00000000000000000", "IamInstanceProfile": {"Name": "P"}},
     "InvalidInstanceID.NotFound", "The instance ID 'i-00000000000000000' does not exist"),
    ("associate_iam_instance_profile", {"InstanceId": "web", "IamInstanceProfile": {"Name": "P"}},
     "InvalidInstanceID.Malformed", 'Invalid id: "web"'),
    ("associate_iam_instance_profile", {"InstanceId": "INSTANCE", "IamInstanceProfile": {"Name": "none"}},
     "InvalidParameterValue",
     "Value (none) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"),
    ("associate_iam_instance_profile", {"InstanceId": "INSTANCE", "IamInstanceProfile": {"Arn": "arn:aws:iam::1:x"}},
     "InvalidIamInstanceProfileArn.Malformed", "arn:aws:iam::1:x"),
    ("associate_iam_instance_profile",
     {"InstanceId": "INSTANCE", "IamInstanceProfile": {"Arn": "arn:aws:iam::999999999999:instance-profile/P"}},
     "InvalidParameterValue", "Invalid IAM Instance Profile ARN"),
    ("associate_iam_instance_profile", {"InstanceId": "INSTANCE", "IamInstanceProfile": {}}, "MissingParameter", ""),
    ("associate_iam_instance_profile", {"InstanceId": "TAKEN", "IamInstanceProfile": {"Name": "P"}},
     "IncorrectState", "There is an existing association for instance TAKEN"),
    ("disassociate_iam_instance_profile", {"AssociationId": "iip-assoc-0"}, "InvalidAssociationID.NotFound",
     "An invalid association-id of 'iip-assoc-0' was given"),
    ("replace_iam_instance_profile_association",
     {"AssociationId": "iip-assoc-0", "IamInstanceProfile": {"Name": "P"}}, "InvalidAssociationID.NotFound", ""),
    ("describe_iam_instance_profile_associations", {"AssociationIds": ["iip-assoc-0"]},
     "InvalidAssociationID.NotFound", ""),
    ("describe_iam_instance_profile_associations", {"Filters": [{"Name": "nonsense", "Values": ["x"]}]},
     "InvalidParameterValue", "The filter 'nonsense' is invalid"),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "params", "code", "text"), ERRORS)
def test_errors(cloud: Ec2World, refused: Any, operation: str, params: dict[str, Any], code: str, text: str) -> None:
    cloud.profile("P", role="R")
    names = {"INSTANCE": cloud.container("free"), "TAKEN": cloud.container("taken")}
    associate(cloud, names["TAKEN"])
    given = {key: names.get(value, value) if isinstance(value, str) else value for key, value in params.items()}
    for key, value in names.items():
        text = text.replace(key, value)
    assert text in refused(code, getattr(cloud.ec2, operation), **given)


@pytest.mark.parametrize(
    ("statements", "denied"),
    [
        ([], "ec2:AssociateIamInstanceProfile"),
        ([ASSOCIATE], "iam:PassRole"),
        ([PASS], "ec2:AssociateIamInstanceProfile"),
        ([ASSOCIATE, PASS_TO_LAMBDA], "iam:PassRole"),
        ([ASSOCIATE, PASS | {"Resource": f"arn:aws:iam::{ACCOUNT}:role/Other"}], "iam:PassRole"),
        ([ASSOCIATE, PASS_TO_EC2], ""),
        ([ASSOCIATE | {"Condition": {"StringEquals": {"ec2:ResourceTag/Name": "web"}}}, PASS], ""),
        ([ASSOCIATE | {"Condition": {"StringEquals": {"aws:ResourceTag/Name": "db"}}}, PASS],
         "ec2:AssociateIamInstanceProfile"),
        ([ASSOCIATE | {"Condition": {"ArnLike": {"ec2:NewInstanceProfile": P_ONLY}}}, PASS], ""),
        ([ASSOCIATE | {"Condition": {"ArnLike": {"ec2:NewInstanceProfile": Q_ONLY}}}, PASS],
         "ec2:AssociateIamInstanceProfile"),
    ],
)  # fmt: skip
def test_who_may_associate_and_replace(cloud: Ec2World, refused: Any, statements: Any, denied: str) -> None:
    """The attack: somebody who may not pass the role gives it to an instance that is his."""
    cloud.profile("P", role="R")
    instance_id = cloud.container("web")
    client = cloud.client("ec2", cloud.user("operator", *statements))
    params = {"InstanceId": instance_id, "IamInstanceProfile": {"Name": "P"}}
    if denied:
        message = refused("AccessDenied", client.associate_iam_instance_profile, **params)
        assert f"perform: {denied}" in message
        made = associate(cloud, instance_id)
        message = refused(
            "AccessDenied",
            client.replace_iam_instance_profile_association,
            AssociationId=made["AssociationId"],
            IamInstanceProfile={"Name": "P"},
        )
        assert (
            f"perform: {denied.replace('AssociateIamInstanceProfile', 'ReplaceIamInstanceProfileAssociation')}"
            in message
        )
    else:
        made = associate(cloud, instance_id, client=client)
        client.replace_iam_instance_profile_association(
            AssociationId=made["AssociationId"], IamInstanceProfile={"Name": "P"}
        )


def test_a_profile_without_a_role_needs_no_pass_role(cloud: Ec2World) -> None:
    cloud.profile("Empty")
    client = cloud.client("ec2", cloud.user("operator", ASSOCIATE))
    instance_id = cloud.container()
    associate(cloud, instance_id, "Empty", client)
    info = cloud.view(instance_id).iam_info()
    assert info is not None and info.code == "Success" and "role" in info.message


def test_filters_and_pages(cloud: Ec2World) -> None:
    cloud.profile("P")
    ids = [cloud.container(f"c{number}") for number in range(7)]
    for instance_id in ids:
        associate(cloud, instance_id)
    pages = cloud.ec2.get_paginator("describe_iam_instance_profile_associations").paginate(
        PaginationConfig={"PageSize": 5}
    )
    found = [item["InstanceId"] for page in pages for item in page["IamInstanceProfileAssociations"]]
    assert sorted(found) == sorted(ids)
    one = cloud.ec2.describe_iam_instance_profile_associations(
        Filters=[{"Name": "instance-id", "Values": [ids[3]]}, {"Name": "state", "Values": ["associat*"]}]
    )["IamInstanceProfileAssociations"]
    assert [item["InstanceId"] for item in one] == [ids[3]]


def test_permissions_of_the_new_role_hold_at_once(cloud: Ec2World) -> None:
    cloud.profile("P", role="R")
    cloud.iam.put_role_policy(RoleName="R", PolicyName="own", PolicyDocument=json.dumps(POLICY))
    instance_id = cloud.container()
    associate(cloud, instance_id)
    issued = cloud.credentials(instance_id)
    sts = cloud.client("sts", {
        "aws_access_key_id": issued.access_key_id,
        "aws_secret_access_key": issued.secret_access_key,
        "aws_session_token": issued.token,
    })  # fmt: skip
    assert sts.get_caller_identity()["Arn"].endswith(f":assumed-role/R/{instance_id}")
