"""Privileged tasks as the root user of a member: each does what its policy says, and nobody else gets there.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html
"""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import Gateway
from .organized import Organized
from .raw import Keys, document, statement
from .test_learning import Learner
from .test_tags import code_of

TASKS = "arn:aws:iam::aws:policy/root-task/"
AUDIT, CREATE, DELETE = (f"{TASKS}IAM{task}" for task in (
    "AuditRootUserCredentials", "CreateRootUserPassword", "DeleteRootUserCredentials",
))  # fmt: skip
BUCKETS, QUEUES = f"{TASKS}S3UnlockBucketPolicy", f"{TASKS}SQSUnlockQueuePolicy"


@dataclass(frozen=True)
class Case:
    key: str


CASES = [Case("sts:TaskPolicyArn"), Case("aws:AssumedRoot")]


class Managed(Organized):
    """An organization whose root users are managed centrally."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self.api.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
        iam = self.client("iam", self.boss)
        iam.enable_organizations_root_credentials_management()
        iam.enable_organizations_root_sessions()

    def task(self, task: str, member: str = "", keys: Keys | None = None, **more: Any) -> Keys:
        sts = self.client("sts", keys or self.boss)
        got = sts.assume_root(TargetPrincipal=member or self.member, TaskPolicyArn={"arn": task}, **more)["Credentials"]
        return Keys(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])


@pytest.fixture(scope="module")
def org(gateway: Gateway) -> Managed:
    return Managed(gateway)


def test_features_are_enabled_step_by_step(gateway: Gateway) -> None:
    org = Organized(gateway)
    boss, member = org.client("iam", org.boss), org.client("iam", org.inside(org.member))
    outside = gateway.client("iam", Keys(*_account(gateway)))
    assert code_of(outside.list_organizations_features) == "OrganizationNotFoundException"
    for call in (boss.list_organizations_features, boss.enable_organizations_root_sessions):
        assert code_of(call) == "ServiceAccessNotEnabledException"
    org.api.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    assert boss.list_organizations_features() | {"ResponseMetadata": 0} == {
        "OrganizationId": org.id, "EnabledFeatures": [], "ResponseMetadata": 0,
    }  # fmt: skip
    for call in (member.list_organizations_features, member.disable_organizations_root_sessions):
        assert code_of(call) == "AccountNotManagementOrDelegatedAdministratorException"
    org.api.register_delegated_administrator(AccountId=org.member, ServicePrincipal="iam.amazonaws.com")
    assert member.list_organizations_features()["EnabledFeatures"] == []
    for call in (member.enable_organizations_root_sessions, member.enable_organizations_root_credentials_management):
        assert code_of(call) == "CallerIsNotManagementAccountException"
    made = [boss.enable_organizations_root_sessions(), boss.enable_organizations_root_credentials_management()]
    assert [one["EnabledFeatures"] for one in made] == [["RootSessions"], ["RootCredentialsManagement", "RootSessions"]]
    assert boss.disable_organizations_root_sessions()["EnabledFeatures"] == ["RootCredentialsManagement"]
    assert member.disable_organizations_root_credentials_management()["EnabledFeatures"] == []


REFUSED = [
    ("OrganizationNotFoundException", "list_organizations_features"),
    ("OrganizationNotFoundException", "enable_organizations_root_sessions"),
    ("OrganizationNotFoundException", "enable_organizations_root_credentials_management"),
    ("OrganizationNotFoundException", "disable_organizations_root_sessions"),
    ("OrganizationNotFoundException", "disable_organizations_root_credentials_management"),
    ("ServiceAccessNotEnabledException", "list_organizations_features"),
    ("ServiceAccessNotEnabledException", "enable_organizations_root_sessions"),
    ("ServiceAccessNotEnabledException", "enable_organizations_root_credentials_management"),
    ("ServiceAccessNotEnabledException", "disable_organizations_root_sessions"),
    ("ServiceAccessNotEnabledException", "disable_organizations_root_credentials_management"),
    ("OrganizationNotInAllFeaturesModeException", "list_organizations_features"),
    ("OrganizationNotInAllFeaturesModeException", "enable_organizations_root_sessions"),
    ("OrganizationNotInAllFeaturesModeException", "enable_organizations_root_credentials_management"),
    ("OrganizationNotInAllFeaturesModeException", "disable_organizations_root_sessions"),
    ("OrganizationNotInAllFeaturesModeException", "disable_organizations_root_credentials_management"),
    ("AccountNotManagementOrDelegatedAdministratorException", "list_organizations_features"),
    ("AccountNotManagementOrDelegatedAdministratorException", "enable_organizations_root_sessions"),
    ("AccountNotManagementOrDelegatedAdministratorException", "enable_organizations_root_credentials_management"),
    ("AccountNotManagementOrDelegatedAdministratorException", "disable_organizations_root_sessions"),
    ("AccountNotManagementOrDelegatedAdministratorException", "disable_organizations_root_credentials_management"),
    ("CallerIsNotManagementAccountException", "enable_organizations_root_sessions"),
    ("CallerIsNotManagementAccountException", "enable_organizations_root_credentials_management"),
]


def test_who_may_not_have_the_features(gateway: Gateway, org: Managed) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableOrganizationsRootSessions.html (errors)"""
    billing, delegated = Keys(*_account(gateway)), Managed(gateway)
    gateway.client("organizations", billing).create_organization(FeatureSet="CONSOLIDATED_BILLING")
    delegated.api.register_delegated_administrator(AccountId=delegated.member, ServicePrincipal="iam.amazonaws.com")
    callers = {
        "OrganizationNotFoundException": Keys(*_account(gateway)),
        "ServiceAccessNotEnabledException": Organized(gateway).boss,
        "OrganizationNotInAllFeaturesModeException": billing,
        "AccountNotManagementOrDelegatedAdministratorException": org.inside(org.member),
        "CallerIsNotManagementAccountException": delegated.inside(delegated.member),
    }
    clients = {code: gateway.client("iam", keys) for code, keys in callers.items()}
    got = [(code_of(getattr(clients[code], operation)), operation) for code, operation in REFUSED]
    assert got == REFUSED


def _account(gateway: Gateway) -> tuple[str, str]:
    made = gateway.client("kansatsu").create_account()
    return made["AccessKeyId"], made["SecretAccessKey"]


def test_credentials_of_the_root_user_are_audited_deleted_and_made_anew(gateway: Gateway, org: Managed) -> None:
    made = gateway.client("kansatsu").create_root_access_key(AccountId=org.member)
    root = f"arn:aws:iam::{org.member}:root"
    audit = org.client("iam", org.task(AUDIT, root))
    [held] = audit.list_access_keys()["AccessKeyMetadata"]
    assert held["AccessKeyId"] == made["AccessKeyId"]
    assert audit.get_user()["User"]["Arn"] == root
    assert audit.list_mfa_devices()["MFADevices"] == audit.list_signing_certificates()["Certificates"] == []
    with pytest.raises(ClientError, match="explicit deny in an identity-based policy"):
        audit.delete_access_key(AccessKeyId=made["AccessKeyId"])
    assert code_of(audit.list_users) == code_of(audit.get_user, UserName="root") == "AccessDenied"
    ended = org.client("iam", org.task(DELETE))
    ended.delete_access_key(AccessKeyId=made["AccessKeyId"])
    old = gateway.client("sts", Keys(made["AccessKeyId"], made["SecretAccessKey"]))
    assert code_of(old.get_caller_identity) == "InvalidClientTokenId"
    again = org.client("iam", org.task(CREATE))
    assert code_of(again.create_access_key) == "AccessDenied"
    assert again.create_login_profile()["LoginProfile"]["UserName"] == "root"
    assert code_of(again.create_login_profile) == "EntityAlreadyExists"
    assert audit.get_account_summary()["SummaryMap"]["AccountPasswordPresent"] == 1
    ended.delete_login_profile()
    assert code_of(audit.get_login_profile) == "NoSuchEntity"
    assert audit.get_account_summary()["SummaryMap"]["AccountPasswordPresent"] == 0


def test_a_bucket_and_a_queue_that_refuse_everybody_are_opened_again(gateway: Gateway, org: Managed) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html"""
    inside = org.inside(org.member)
    s3, sqs, bucket = org.client("s3", inside), org.client("sqs", inside), gateway.name("locked")
    s3.create_bucket(Bucket=bucket)
    closed = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": closed}))
    url = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    closed |= {"Action": "sqs:*", "Resource": f"arn:aws:sqs:us-east-1:{org.member}:{bucket}"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": closed})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    unlocks = {"QueueUrl": url, "Attributes": {"Policy": ""}}
    assert code_of(s3.delete_bucket_policy, Bucket=bucket) == "AccessDenied"
    assert code_of(sqs.set_queue_attributes, **unlocks) in ("AccessDenied", "AccessDeniedException")
    buckets, queues = org.task(BUCKETS), org.task(QUEUES)
    assert code_of(org.client("s3", buckets).list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert code_of(org.client("s3", queues).delete_bucket_policy, Bucket=bucket) == "AccessDenied"
    org.client("s3", buckets).delete_bucket_policy(Bucket=bucket)
    org.client("sqs", queues).set_queue_attributes(**unlocks)
    s3.list_objects_v2(Bucket=bucket)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "1"})


def test_nobody_else_becomes_a_root_user(gateway: Gateway, org: Managed) -> None:
    """The attacks: without permission, from a member, upon the management account, from another organization."""
    unable, able = org.person(org.management, statement("Allow", "s3:*")), org.person(org.management)
    org.task(AUDIT, keys=able)
    root = gateway.client("kansatsu").create_root_access_key(AccountId=org.management)
    other = Managed(gateway)
    refused = [
        (unable, org.member), (org.inside(org.other), org.member), (able, org.management), (other.boss, org.member),
        (Keys(root["AccessKeyId"], root["SecretAccessKey"]), org.member), (able, "000000000000"),
        (org.task(AUDIT), org.member), (org.task(AUDIT), org.other),
    ]  # fmt: skip
    for keys, member in refused:
        assert code_of(org.task, task=AUDIT, member=member, keys=keys) == "AccessDenied", (keys, member)
    iam = other.client("iam", other.boss)
    iam.disable_organizations_root_sessions()
    assert code_of(other.task, task=BUCKETS) == "AccessDenied"
    other.task(AUDIT)
    other.api.disable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    assert code_of(other.task, task=AUDIT) == "AccessDenied"


@pytest.mark.parametrize(
    "wrong",
    [
        {"task": "arn:aws:iam::aws:policy/AdministratorAccess"},
        {"task": f"{TASKS}Everything"},
        {"task": "arn:aws:iam::aws:policy/root-task/../AdministratorAccess"},
        {"member": "arn:aws:iam::123456789012:user/root"},
        {"member": "123456789012:root"},
        {"DurationSeconds": 901},
    ],
)
def test_what_is_no_task(org: Managed, wrong: dict[str, Any]) -> None:
    assert code_of(org.task, **{"task": AUDIT, **wrong}) == "ValidationError"


def test_it_ends_where_it_came_from(gateway: Gateway, org: Managed) -> None:
    """No key, no role, no session, no further right comes of it; SCPs hold, and the delegated administrator may too."""
    session = org.task(AUDIT)
    sts = org.client("sts", session)
    who = sts.get_caller_identity()
    assert (who["Arn"], who["UserId"], who["Account"]) == (f"arn:aws:iam::{org.member}:root", org.member, org.member)
    role = org.role(org.member, {"Principal": {"AWS": org.member}})
    assert code_of(sts.assume_role, RoleArn=role, RoleSessionName="on") == "AccessDenied"
    assert code_of(sts.get_session_token) == code_of(sts.get_federation_token, Name="fed") == "AccessDenied"
    audit = org.client("iam", session)
    policy = org.attach(org.member, statement("Deny", "*", condition={"Bool": {"aws:AssumedRoot": "true"}}))
    with pytest.raises(ClientError, match="service control policy"):
        audit.list_access_keys()
    org.client("iam", org.inside(org.member)).list_users()
    org.take(policy, org.member)
    audit.list_access_keys()
    org.api.register_delegated_administrator(AccountId=org.other, ServicePrincipal="iam.amazonaws.com")
    org.client("iam", org.task(AUDIT, keys=org.inside(org.other))).list_access_keys()


def test_a_permission_may_be_for_one_task(org: Managed) -> None:
    only = {"StringEquals": {"sts:TaskPolicyArn": AUDIT}}
    keys = org.person(org.management, statement("Allow", "sts:AssumeRoot", condition=only))
    org.task(AUDIT, keys=keys)
    assert code_of(org.task, task=DELETE, keys=keys) == "AccessDenied"
    narrow = org.person(org.management, statement("Allow", "sts:AssumeRoot", f"arn:aws:iam::{org.other}:root"))
    org.task(AUDIT, org.other, narrow)
    assert code_of(org.task, task=AUDIT, keys=narrow) == "AccessDenied"


def test_the_trail_tells_who_was_the_root_user(gateway: Gateway, org: Managed) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-track-privileged-tasks.html"""
    boss = org.person(org.management)
    session = org.task(AUDIT, keys=boss)
    org.client("iam", session).list_access_keys()
    trail = org.client("cloudtrail", org.inside(org.member))
    by = [{"AttributeKey": "AccessKeyId", "AttributeValue": session.id}]
    [event] = [json.loads(one["CloudTrailEvent"]) for one in trail.lookup_events(LookupAttributes=by)["Events"]]
    who = event["userIdentity"]
    assert (who["type"], who["arn"], who["sessionContext"]["assumedRoot"]) == (
        "Root", f"arn:aws:iam::{org.member}:root", "true",
    )  # fmt: skip
    by = [{"AttributeKey": "AccessKeyId", "AttributeValue": boss.id}]
    [made] = org.client("cloudtrail", org.boss).lookup_events(LookupAttributes=by)["Events"]
    told = json.loads(made["CloudTrailEvent"])
    assert told["requestParameters"] == {"targetPrincipal": org.member, "taskPolicyArn": {"arn": AUDIT}}
    assert told["responseElements"]["credentials"]["accessKeyId"] == session.id
    assert "secretAccessKey" not in json.dumps(told)


def test_documents_are_as_aws_wrote_them() -> None:
    """All Deny: were there an Allow among them, nothing but the root user's own power would be at stake."""
    from kansatsu.identity import aws_managed

    for task in (AUDIT, CREATE, DELETE, BUCKETS, QUEUES):
        found = json.loads(aws_managed.document(task) or "{}")
        assert {one["Effect"] for one in found["Statement"]} == {"Deny"}


def test_attack_a_learning_session_becomes_the_root_of_a_member(gateway: Gateway, org: Managed) -> None:
    """INVARIANT: nobody leaves a learning session for one that learns nothing and has other bounds."""
    iam, name = org.client("iam", org.boss), gateway.name("learner")
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(statement("Allow", "*")))
    starter = org.person(org.management, statement("Allow", ["kansatsu:*", "iam:PassRole", "sts:GetCallerIdentity"]))
    learning = Learner(gateway, starter, name)
    root = {"TargetPrincipal": org.member, "TaskPolicyArn": {"arn": AUDIT}}
    with pytest.raises(ClientError, match="learning session"):
        learning.client("sts").assume_root(**root)
    learning.control.deregister_process(ProcessId=learning.process["ProcessId"])
    learning.control.close()


def test_what_a_root_user_did_is_explained(gateway: Gateway, org: Managed) -> None:
    made = org.client("iam", org.task(AUDIT)).list_access_keys()
    request = made["ResponseMetadata"]["RequestId"]
    answer = org.client("kansatsu", org.inside(org.member)).explain_request(RequestId=request)
    assert answer["PrincipalArn"] == f"arn:aws:iam::{org.member}:root"
    assert [item["Allowed"] for item in answer["Evaluations"]] == [True]
