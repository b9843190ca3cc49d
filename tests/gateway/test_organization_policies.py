"""SCPs and RCPs against those whom they must stop: who tries to get around them, and whom they do not limit.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from . import raw
from .conftest import SECOND, Gateway
from .organized import EVERYTHING, FULL, Organized
from .raw import Keys, statement


@pytest.fixture(scope="module")
def org(gateway: Gateway) -> Organized:
    return Organized(gateway)


def denial(call: Callable[..., Any], **params: Any) -> str:
    """The message of a call that must be refused for lack of permission."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    assert error["Code"] in {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}, error
    return str(error["Message"])


@pytest.fixture
def limited(org: Organized) -> Iterator[str]:
    """Nobody below the outer unit lists users."""
    policy = org.attach(org.outer, statement("Deny", "iam:ListUsers"))
    yield policy
    org.take(policy, org.outer)


def test_an_scp_stops_everybody_of_the_member_account(org: Organized, limited: str) -> None:
    """Its administrator, the management account's own role in it, and who comes there from outside."""
    arn = f"arn:aws:organizations::{org.management}:policy/{org.id}/service_control_policy/{limited}"
    person = org.person(org.member)
    role = org.role(org.member, {"Principal": {"AWS": org.management}}, statement("Allow", "*"))
    for keys in (person, org.inside(org.member), org.assume(org.boss, role)):
        message = denial(org.client("iam", keys).list_users)
        assert f"with an explicit deny in a service control policy: {arn}" in message
        assert org.client("iam", keys).list_roles()["Roles"]


def test_an_scp_leaves_other_accounts_and_the_management_account_alone(org: Organized, limited: str) -> None:
    everywhere = org.attach(org.root, statement("Deny", "iam:ListGroups"))
    everyone = [org.boss, org.person(org.management), org.person(org.other)]
    for keys in everyone:
        org.client("iam", keys).list_users()
    for keys in everyone[:2]:
        org.client("iam", keys).list_groups()
    denial(org.client("iam", everyone[2]).list_groups)
    org.take(everywhere, org.root)
    org.client("iam", everyone[2]).list_groups()


def test_a_role_chained_out_of_the_member_is_limited_where_it_acts(org: Organized, limited: str) -> None:
    """A session's account is its role's: the way to it neither limits it nor frees it."""
    person = org.person(org.member)
    there = org.role(org.other, {"Principal": {"AWS": org.member}}, statement("Allow", "*"))
    chained = org.assume(person, there)
    org.client("iam", chained).list_users()
    back = org.role(org.member, {"Principal": {"AWS": org.other}}, statement("Allow", "*"))
    denial(org.client("iam", org.assume(chained, back)).list_users)


def test_every_level_must_allow(org: Organized) -> None:
    """https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html"""
    person = org.person(org.member)
    iam, s3 = (org.client(name, person) for name in ("iam", "s3"))
    only = org.attach(org.inner, statement("Allow", "iam:*"))
    s3.list_buckets()  # FullAWSAccess hangs there as well
    org.take(FULL, org.inner)
    iam.list_users()
    message = denial(s3.list_buckets)
    assert "because no service control policy allows the s3:ListAllMyBuckets action" in message
    org.attach(org.member, statement("Allow", "s3:*"))
    assert denial(s3.list_buckets)  # what a level below allows does not help
    org.api.attach_policy(PolicyId=FULL, TargetId=org.inner)
    org.take(only, org.inner)
    s3.list_buckets()


def test_what_changes_counts_at_once(org: Organized) -> None:
    account = org.account(org.outer)
    iam = org.client("iam", org.person(account))
    policy = org.attach(org.outer, statement("Deny", "iam:ListUsers"))
    denial(iam.list_users)
    org.api.update_policy(PolicyId=policy, Content=raw.document(statement("Deny", "iam:ListRoles")))
    iam.list_users()
    denial(iam.list_roles)
    org.api.move_account(AccountId=account, SourceParentId=org.outer, DestinationParentId=org.root)
    iam.list_roles()
    org.api.move_account(AccountId=account, SourceParentId=org.root, DestinationParentId=org.inner)
    denial(iam.list_roles)
    org.api.disable_policy_type(RootId=org.root, PolicyType="SERVICE_CONTROL_POLICY")
    iam.list_roles()
    org.api.enable_policy_type(RootId=org.root, PolicyType="SERVICE_CONTROL_POLICY")
    iam.list_roles()  # attachments do not come back
    org.api.attach_policy(PolicyId=policy, TargetId=account)
    denial(iam.list_roles)
    org.api.remove_account_from_organization(AccountId=account)
    iam.list_roles()


def test_a_member_cannot_free_itself(org: Organized, limited: str) -> None:
    mine = org.client("organizations", org.person(org.member))
    for call, params in (
        (mine.detach_policy, {"PolicyId": limited, "TargetId": org.outer}),
        (mine.update_policy, {"PolicyId": limited, "Content": raw.document(statement("Allow", "*"))}),
        (mine.move_account, {"AccountId": org.member, "SourceParentId": org.inner, "DestinationParentId": org.root}),
        (mine.disable_policy_type, {"RootId": org.root, "PolicyType": "SERVICE_CONTROL_POLICY"}),
        (mine.remove_account_from_organization, {"AccountId": org.member}),
        (mine.list_accounts, {}),
    ):
        denial(call, **params)
    stay = org.attach(org.member, statement("Deny", "organizations:LeaveOrganization"))
    denial(mine.leave_organization)
    org.take(stay, org.member)


def test_a_closed_account_is_nobodys(org: Organized) -> None:
    account = org.account()
    person, session = org.person(account), org.inside(account)
    role = org.role(account, {"Principal": {"AWS": org.management}}, statement("Allow", "*"))
    org.client("s3", person).create_bucket(Bucket=(bucket := org.gateway.name("closed")))
    org.client("s3", person).put_bucket_policy(
        Bucket=bucket,
        Policy=raw.document(
            statement("Allow", "s3:ListBucket", f"arn:aws:s3:::{bucket}") | {"Principal": {"AWS": org.management}}
        ),
    )
    org.client("s3", org.boss).list_objects_v2(Bucket=bucket)
    org.api.close_account(AccountId=account)
    for keys in (person, session):
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            org.client("sts", keys).get_caller_identity()
    denial(org.client("sts", org.boss).assume_role, RoleArn=role, RoleSessionName="late")
    denial(org.client("s3", org.boss).list_objects_v2, Bucket=bucket)
    with pytest.raises(ClientError, match="ConstraintViolationException"):
        org.api.remove_account_from_organization(AccountId=account)


# ---- resource control policies --------------------------------------------------------------------------------------


def outsiders(org: Organized, action: str) -> dict[str, Any]:
    """The perimeter: nobody from outside of the organization.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_examples.html
    """
    condition = {
        "StringNotEqualsIfExists": {"aws:PrincipalOrgID": org.id},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
    }
    return statement("Deny", action) | {"Condition": condition}


def _bucket(org: Organized, owner: Keys, everybody: str) -> Callable[[Keys], Any]:
    name = org.gateway.name("shared")
    s3 = org.client("s3", owner)
    s3.create_bucket(Bucket=name)
    allow = statement("Allow", "s3:ListBucket", f"arn:aws:s3:::{name}") | {"Principal": {"AWS": everybody}}
    s3.put_bucket_policy(Bucket=name, Policy=raw.document(allow))
    return lambda keys: org.client("s3", keys).list_objects_v2(Bucket=name)


def _queue(org: Organized, owner: Keys, everybody: str) -> Callable[[Keys], Any]:
    sqs = org.client("sqs", owner)
    url = sqs.create_queue(QueueName=org.gateway.name("shared"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = statement("Allow", "sqs:SendMessage", arn) | {"Principal": {"AWS": everybody}}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": raw.document(allow)})
    return lambda keys: org.client("sqs", keys).send_message(QueueUrl=url, MessageBody="x")


def _key(org: Organized, owner: Keys, everybody: str) -> Callable[[Keys], Any]:
    own = statement("Allow", "kms:*") | {"Principal": {"AWS": org.member}}
    allow = statement("Allow", "kms:Encrypt") | {"Principal": {"AWS": everybody}}
    arn = org.client("kms", owner).create_key(Policy=raw.document(own, allow))["KeyMetadata"]["Arn"]
    return lambda keys: org.client("kms", keys).encrypt(KeyId=arn, Plaintext=b"x")


def _secret(org: Organized, owner: Keys, everybody: str) -> Callable[[Keys], Any]:
    manager = org.client("secretsmanager", owner)
    people = {"Principal": {"AWS": [org.member, everybody]}}
    opens, allow = (raw.document(statement("Allow", f"{name}:*") | people) for name in ("kms", "secretsmanager"))
    key = org.client("kms", owner).create_key(Policy=opens)["KeyMetadata"]["Arn"]
    arn = manager.create_secret(Name=org.gateway.name("shared"), SecretString="x", KmsKeyId=key)["ARN"]
    manager.put_resource_policy(SecretId=arn, ResourcePolicy=allow)
    return lambda keys: org.client("secretsmanager", keys).get_secret_value(SecretId=arn)


def _role(org: Organized, _owner: Keys, everybody: str) -> Callable[[Keys], Any]:
    role = org.role(org.member, {"Principal": {"AWS": everybody}})
    return lambda keys: org.client("sts", keys).assume_role(RoleArn=role, RoleSessionName="session")


@pytest.mark.parametrize(
    ("make", "action"),
    [
        (_bucket, "s3:*"),
        (_queue, "sqs:*"),
        (_key, "kms:*"),
        (_secret, "secretsmanager:*"),
        (_role, "sts:AssumeRole"),
    ],
    ids=["s3", "sqs", "kms", "secretsmanager", "sts"],
)
def test_an_rcp_is_above_the_policies_of_resources(
    org: Organized, make: Callable[..., Callable[[Keys], Any]], action: str
) -> None:
    outside = org.gateway.stranger
    reach = make(org, org.inside(org.member), SECOND)
    near = make(org, org.inside(org.member), org.other)
    reach(outside)
    policy = org.attach(org.outer, outsiders(org, action), rcp=True)
    try:
        message = denial(reach, keys=outside)
        if make is not _role:  # of a role in another account nobody is told more
            assert "with an explicit deny in a resource control policy" in message
        near(org.person(org.other))
    finally:
        org.take(policy, org.outer)
    reach(outside)


def test_an_rcp_binds_the_owners_administrator_and_strangers_without_a_name(org: Organized) -> None:
    owner = org.person(org.member)
    s3 = org.client("s3", owner)
    name = org.gateway.name("open")
    s3.create_bucket(Bucket=name)
    allow = statement("Allow", "s3:GetObject", f"arn:aws:s3:::{name}/*") | {"Principal": "*"}
    s3.delete_public_access_block(Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=raw.document(allow))
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    anonymous = raw.Ask(path=f"/{name}/k", headers={"host": org.gateway.host})
    assert org.gateway.send(anonymous).status == 200
    policy = org.attach(org.member, statement("Deny", "s3:GetObject"), rcp=True)
    assert org.gateway.send(anonymous).status == 403
    message = denial(s3.get_object, Bucket=name, Key="k")
    assert "with an explicit deny in a resource control policy" in message
    org.take(policy, org.member)
    assert org.gateway.send(anonymous).status == 200


def test_an_rcp_may_ask_for_what_only_the_backend_knows(org: Organized) -> None:
    """INVARIANT of gateway.backed: tags are looked up for a condition that stands in an RCP alone."""
    owner = org.person(org.member)
    sqs = org.client("sqs", owner)
    urls = [
        sqs.create_queue(QueueName=org.gateway.name("tagged"), tags={"level": level})["QueueUrl"]
        for level in ("secret", "public")
    ]
    condition = {"StringEquals": {"aws:ResourceTag/level": "secret"}}
    policy = org.attach(org.member, statement("Deny", "sqs:SendMessage") | {"Condition": condition}, rcp=True)
    denial(sqs.send_message, QueueUrl=urls[0], MessageBody="x")
    sqs.send_message(QueueUrl=urls[1], MessageBody="x")
    org.take(policy, org.member)


def test_the_management_accounts_resources_are_exempt(org: Organized) -> None:
    policy = org.attach(org.root, statement("Deny", "s3:*"), rcp=True)
    org.client("s3", org.boss).list_buckets()
    denial(org.client("s3", org.person(org.other)).list_buckets)
    org.take(policy, org.root)


def test_a_service_gets_no_role_that_an_rcp_forbids(org: Organized) -> None:
    role = org.role(org.member, {"Principal": {"Service": "ecs-tasks.amazonaws.com"}})
    policy = org.attach(org.member, statement("Deny", "sts:AssumeRole"), rcp=True)
    control = org.client("kansatsu", org.inside(org.member))
    message = denial(control.register_process, Role=role, Service="ecs-tasks.amazonaws.com", Pid=os.getpid())
    assert "resource control policy" in message
    org.take(policy, org.member)


def test_a_path_that_looks_like_a_service_linked_roles_frees_nobody(org: Organized, limited: str) -> None:
    """INVARIANT: SCPs and RCPs limit whoever chooses a path with a colon in it."""
    iam = org.client("iam", org.inside(org.member))
    trust = {"Effect": "Allow", "Principal": {"AWS": org.member}, "Action": "sts:AssumeRole"}
    made = iam.create_role(
        RoleName=org.gateway.name("sly"),
        Path="/x:role/aws-service-role/y/",
        AssumeRolePolicyDocument=raw.document(trust),
    )["Role"]
    iam.put_role_policy(RoleName=made["RoleName"], PolicyName="own", PolicyDocument=raw.document(EVERYTHING))
    session = org.assume(org.person(org.member), made["Arn"])
    assert "service control policy" in denial(org.client("iam", session).list_users)


def test_no_workload_is_a_service_linked_role(org: Organized) -> None:
    """INVARIANT: whoever can make one that trusts a service of workloads (by an import) gets nothing by it."""
    account, name = org.account(), org.gateway.name("Linked")
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.loads(raw.document(trust))
    granted = "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy"
    role = {
        "Path": "/aws-service-role/ecs-tasks.amazonaws.com/", "RoleName": name, "RoleId": "AROALINKEDLINKED0001",
        "Arn": f"arn:aws:iam::{account}:role/aws-service-role/ecs-tasks.amazonaws.com/{name}",
        "CreateDate": "2021-03-04T05:06:07+00:00", "AssumeRolePolicyDocument": document,
        "AttachedManagedPolicies": [{"PolicyName": "AmazonECSServiceRolePolicy", "PolicyArn": granted}],
    }  # fmt: skip
    control = org.client("kansatsu", org.inside(account))
    admin = {"PolicyName": "AdministratorAccess", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    too_much = json.dumps({"RoleDetailList": [{**role, "AttachedManagedPolicies": [admin]}]})
    with pytest.raises(ClientError, match="is no policy for service-linked roles"):
        control.import_account(Document=too_much, IntoEmpty=False)
    control.import_account(Document=json.dumps({"RoleDetailList": [role]}), IntoEmpty=False)
    message = denial(control.register_process, Role=role["Arn"], Service="ecs-tasks.amazonaws.com", Pid=os.getpid())
    assert "service-linked" in message


# ---- keys and explanations ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A key, its value for the member, the operator that compares it."""

    key: str
    value: str
    operator: str = "StringEquals"


CASES = [
    Case("aws:PrincipalOrgID", "{id}"),
    Case("aws:ResourceOrgID", "{id}"),
    Case("aws:PrincipalOrgPaths", "{id}/{root}/{outer}/{inner}/", "ForAllValues:StringEquals"),
    Case("aws:ResourceOrgPaths", "{id}/{root}/{outer}/*", "ForAnyValue:StringLike"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_a_key_says_where_an_account_is(org: Organized, case: Case) -> None:
    value = case.value.format(id=org.id, root=org.root, outer=org.outer, inner=org.inner)
    present = {"Null": {case.key: "false"}}
    for condition, account, allowed in (
        ({case.operator: {case.key: value}}, org.member, True),
        ({case.operator: {case.key: "o-another"}}, org.member, False),
        ({case.operator: {case.key: value}}, org.other, "Paths" not in case.key),
    ):
        person = org.person(account, statement("Allow", "iam:ListUsers", condition=condition | present))
        iam = org.client("iam", person)
        iam.list_users() if allowed else denial(iam.list_users)


def test_a_role_may_trust_an_organization(org: Organized) -> None:
    trusts = {"Principal": {"AWS": "*"}, "Condition": {"StringEquals": {"aws:PrincipalOrgID": org.id}}}
    role = org.role(org.other, trusts)
    org.assume(org.person(org.member), role)
    for keys in (org.gateway.stranger, org.gateway.admin):
        denial(org.client("sts", keys).assume_role, RoleArn=role, RoleSessionName="session")


def test_why_and_the_simulator_say_the_same(org: Organized, limited: str) -> None:
    person = org.person(org.member)
    iam, control = (org.client(name, person) for name in ("iam", "kansatsu"))
    with pytest.raises(ClientError) as caught:
        iam.list_users()
    request = caught.value.response["ResponseMetadata"]["RequestId"]
    [said] = control.explain_request(RequestId=request)["Evaluations"]
    assert said["PolicyType"] == "service control policy"
    [deciding] = [each for each in said["Statements"] if each["Deciding"]]
    assert deciding["PolicyArn"].endswith(f"/service_control_policy/{limited}")
    assert deciding["Owner"] == f"arn:aws:organizations::{org.management}:ou/{org.id}/{org.outer}"
    arn = iam.get_user()["User"]["Arn"]
    for action, allowed in (("iam:ListUsers", False), ("iam:ListRoles", True)):
        [result] = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=[action])["EvaluationResults"]
        assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": allowed}
        assert (result["EvalDecision"] == "allowed") is allowed
        now = control.simulate_access(Principal=arn, Action=action, Resource="*")["Evaluation"]
        assert now["Allowed"] is allowed
        who = control.list_principals_with_access(Action=action, Resource="*")["Principals"]
        assert bool(who) is allowed
    boss = org.client("iam", org.person(org.management))
    arn = boss.get_user()["User"]["Arn"]
    [result] = boss.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["iam:ListUsers"])["EvaluationResults"]
    assert "OrganizationsDecisionDetail" not in result


def test_a_condition_of_an_scp_is_told(org: Organized) -> None:
    person = org.person(org.member)
    policy = org.attach(
        org.outer, statement("Deny", "iam:ListUsers") | {"Condition": {"StringEquals": {"aws:UserAgent": "spy"}}}
    )
    control = org.client("kansatsu", person)
    who = control.list_principals_with_access(Action="iam:ListUsers", Resource="*")["Principals"]
    assert who and all("unless aws:UserAgent StringEquals spy" in each["Conditions"] for each in who)
    org.take(policy, org.outer)
