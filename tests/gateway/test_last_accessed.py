"""Access Advisor with real calls: what is tried is in the next report, of user, role, group and policy alike.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html
"""

import contextlib
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from . import raw
from .conftest import ACCOUNT, Gateway
from .raw import REGION, Keys, statement

TRUST = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}


def generated(iam: Any, arn: str, granularity: str = "SERVICE_LEVEL") -> str:
    return str(iam.generate_service_last_accessed_details(Arn=arn, Granularity=granularity)["JobId"])


def services(iam: Any, arn: str, granularity: str = "SERVICE_LEVEL") -> dict[str, dict[str, Any]]:
    """The report on an ARN by namespace."""
    job, found, more = generated(iam, arn, granularity), [], {}
    while True:
        page = iam.get_service_last_accessed_details(JobId=job, **more)
        assert (page["JobStatus"], page["JobType"]) == ("COMPLETED", granularity)
        found += page["ServicesLastAccessed"]
        if not page["IsTruncated"]:
            break
        more = {"Marker": page["Marker"]}
    assert [item["ServiceNamespace"] for item in found] == sorted(item["ServiceNamespace"] for item in found)
    return {item["ServiceNamespace"]: item for item in found}


def entities(iam: Any, arn: str, service: str) -> list[tuple[str, bool]]:
    """(name, has it tried), in the order of the answer."""
    page = iam.get_service_last_accessed_details_with_entities(JobId=generated(iam, arn), ServiceNamespace=service)
    return [(item["EntityInfo"]["Name"], "LastAuthenticated" in item) for item in page["EntityDetailsList"]]


def try_ec2(gateway: Gateway, keys: Keys) -> None:
    with contextlib.suppress(ClientError):
        gateway.client("ec2", keys).describe_vpcs()


@pytest.fixture
def shared(gateway: Gateway) -> str:
    """A managed policy on EC2, S3 and DynamoDB."""
    text = raw.document(statement("Allow", ["ec2:*", "s3:*", "dynamodb:*"]))
    return str(gateway.iam.create_policy(PolicyName=gateway.name("shared"), PolicyDocument=text)["Policy"]["Arn"])


def test_a_call_is_in_the_next_report(gateway: Gateway) -> None:
    keys = gateway.user(statement("Allow", ["s3:ListAllMyBuckets", "sqs:*"]))
    arn = gateway.iam.get_user(UserName=keys.name)["User"]["Arn"]
    unused = {"ServiceName": "Amazon S3", "ServiceNamespace": "s3"}
    assert services(gateway.iam, arn) == {
        "s3": unused,
        "sqs": {"ServiceName": "Amazon SQS", "ServiceNamespace": "sqs"},
    }
    before = time.time()
    gateway.client("s3", keys).list_buckets()
    found = services(gateway.iam, arn)["s3"]
    assert int(before) <= found.pop("LastAuthenticated").timestamp() <= time.time()
    assert found == unused | {
        "LastAuthenticatedEntity": arn,
        "LastAuthenticatedRegion": REGION,
        "TotalAuthenticatedEntities": 1,
    }


def test_denied_attempts_count_and_those_of_nobody_do_not(gateway: Gateway) -> None:
    keys = gateway.user(statement("Allow", ["sqs:ListQueues", "s3:ListAllMyBuckets"]))
    arn = gateway.iam.get_user(UserName=keys.name)["User"]["Arn"]
    with pytest.raises(ClientError, match="AccessDenied"):
        gateway.client("sqs", keys).create_queue(QueueName="denied")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        gateway.client("s3", Keys(keys.id, "wrong" * 8)).list_buckets()
    assert {name: "LastAuthenticated" in item for name, item in services(gateway.iam, arn).items()} == {
        "s3": False,
        "sqs": True,
    }


def test_a_policy_tells_who_of_its_users_tried(gateway: Gateway, shared: str) -> None:
    direct, member, idle = (gateway.user() for _ in range(3))
    role, group = gateway.role(Path="/deep/path/"), gateway.name("group")
    iam = gateway.iam
    iam.create_group(GroupName=group)
    iam.attach_group_policy(GroupName=group, PolicyArn=shared)
    for keys in (member, idle):
        iam.add_user_to_group(GroupName=group, UserName=keys.name)
    iam.attach_user_policy(UserName=direct.name, PolicyArn=shared)
    iam.attach_user_policy(UserName=member.name, PolicyArn=shared)  # both ways, and still one
    iam.attach_role_policy(RoleName=role["RoleName"], PolicyArn=shared)
    for keys in (member, direct, gateway.assume(role)):
        try_ec2(gateway, keys)
        time.sleep(0.01)
    found = services(iam, shared)
    assert set(found) == {"ec2", "s3", "dynamodb"}
    assert found["ec2"]["LastAuthenticatedEntity"] == role["Arn"]  # the role with its path, not the session
    assert found["ec2"]["TotalAuthenticatedEntities"] == 3
    assert "LastAuthenticated" not in found["s3"]
    ordered = [(role["RoleName"], True), (direct.name, True), (member.name, True), (idle.name, False)]
    assert entities(iam, shared, "ec2") == ordered
    assert sorted(entities(iam, shared, "s3")) == sorted((name, False) for name, _ in ordered)
    assert entities(iam, shared, "sqs") == []  # nobody may use it by this policy
    # Of the group only its members count.
    arn = iam.get_group(GroupName=group)["Group"]["Arn"]
    by_group = services(iam, arn)["ec2"]
    assert (by_group["LastAuthenticatedEntity"], by_group["TotalAuthenticatedEntities"]) == (
        iam.get_user(UserName=member.name)["User"]["Arn"],
        1,
    )
    assert entities(iam, arn, "ec2") == [(member.name, True), (idle.name, False)]


def test_actions_are_told_with_those_that_nobody_tried(gateway: Gateway) -> None:
    bucket = gateway.bucket()
    keys = gateway.user(statement("Allow", ["s3:GetObject", "s3:PutObject", "s3:ReplicateObject"]))
    arn = gateway.iam.get_user(UserName=keys.name)["User"]["Arn"]
    gateway.client("s3", keys).put_object(Bucket=bucket, Key="k", Body=b"")
    with pytest.raises(ClientError):
        gateway.client("s3", keys).delete_bucket(Bucket=bucket)  # an attempt at the service, at no action granted
    found = services(gateway.iam, arn, "ACTION_LEVEL")["s3"]["TrackedActionsLastAccessed"]
    # ReplicateObject is S3's own: no request here can show its use, and silence must not look like "unused".
    assert [(item["ActionName"], item.get("LastAccessedEntity")) for item in found] == [
        ("GetObject", None),
        ("PutObject", arn),
    ]
    assert {"LastAccessedTime", "LastAccessedRegion"} <= set(found[1])
    assert all("TrackedActionsLastAccessed" not in item for item in services(gateway.iam, arn).values())


def test_a_role_that_was_passed_is_inferred_from_the_call(gateway: Gateway) -> None:
    keys = gateway.user(
        statement("Allow", ["iam:AddRoleToInstanceProfile", "iam:PassRole", "iam:CreateInstanceProfile"])
    )
    arn = gateway.iam.get_user(UserName=keys.name)["User"]["Arn"]
    role = gateway.role()
    profile = gateway.name("profile")
    iam = gateway.client("iam", keys)
    iam.create_instance_profile(InstanceProfileName=profile)
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role["RoleName"])
    found = services(gateway.iam, arn, "ACTION_LEVEL")["iam"]["TrackedActionsLastAccessed"]
    assert [item["ActionName"] for item in found if "LastAccessedTime" in item] == [
        "AddRoleToInstanceProfile",
        "CreateInstanceProfile",
        "PassRole",
    ]


def test_role_and_key_agree_with_the_report(gateway: Gateway) -> None:
    role = gateway.role(statement("Allow", ["ec2:*", "s3:*"]))
    try_ec2(gateway, gateway.assume(role))
    last = gateway.iam.get_role(RoleName=role["RoleName"])["Role"]["RoleLastUsed"]
    found = services(gateway.iam, role["Arn"])["ec2"]
    assert (found["LastAuthenticated"], found["LastAuthenticatedRegion"]) == (last["LastUsedDate"], last["Region"])
    keys = gateway.user(statement("Allow", "s3:*"))
    gateway.client("s3", keys).list_buckets()
    user = gateway.iam.get_user(UserName=keys.name)["User"]
    used = gateway.iam.get_access_key_last_used(AccessKeyId=keys.id)["AccessKeyLastUsed"]
    assert used["LastUsedDate"] == services(gateway.iam, user["Arn"])["s3"]["LastAuthenticated"]


def test_a_recreated_role_starts_empty(gateway: Gateway) -> None:
    name, trust = gateway.name("again"), raw.document(TRUST)
    for used in (True, False):
        role = gateway.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
        gateway.iam.put_role_policy(
            RoleName=name, PolicyName="own", PolicyDocument=raw.document(statement("Allow", "ec2:*"))
        )
        if used:
            try_ec2(gateway, gateway.assume(role))
        assert ("LastAuthenticated" in services(gateway.iam, role["Arn"])["ec2"]) is used
        gateway.iam.delete_role_policy(RoleName=name, PolicyName="own")
        gateway.iam.delete_role(RoleName=name)


def test_pages(gateway: Gateway, shared: str) -> None:
    for _ in range(3):
        gateway.iam.attach_user_policy(UserName=gateway.user().name, PolicyArn=shared)
    job = generated(gateway.iam, shared)
    for call, member, more in (
        (gateway.iam.get_service_last_accessed_details, "ServicesLastAccessed", {}),
        (
            gateway.iam.get_service_last_accessed_details_with_entities,
            "EntityDetailsList",
            {"ServiceNamespace": "ec2"},
        ),
    ):
        whole = call(JobId=job, **more)[member]
        first = call(JobId=job, MaxItems=2, **more)
        second = call(JobId=job, MaxItems=2, Marker=first["Marker"], **more)
        assert first[member] + second[member] == whole
        assert (first["IsTruncated"], second["IsTruncated"], len(whole)) == (True, False, 3)
        with pytest.raises(ClientError, match="Marker"):
            call(JobId=generated(gateway.iam, shared), Marker=first["Marker"], **more)


def test_a_report_does_not_change(gateway: Gateway) -> None:
    keys = gateway.user(statement("Allow", "s3:*"))
    job = generated(gateway.iam, gateway.iam.get_user(UserName=keys.name)["User"]["Arn"])
    gateway.client("s3", keys).list_buckets()
    gateway.iam.delete_user_policy(UserName=keys.name, PolicyName="own")
    found = gateway.iam.get_service_last_accessed_details(JobId=job)["ServicesLastAccessed"]
    assert [sorted(item) for item in found] == [["ServiceName", "ServiceNamespace"]]


# ---- attacks --------------------------------------------------------------------------------------------------------


def test_a_report_is_for_who_asked_for_it_alone(gateway: Gateway) -> None:
    role = gateway.role(statement("Allow", "iam:*"))
    mine = gateway.client("iam", gateway.assume(role))
    job = generated(mine, role["Arn"])
    again = gateway.client("iam", gateway.assume(role, RoleSessionName="another"))
    assert again.get_service_last_accessed_details(JobId=job)["JobStatus"] == "COMPLETED"
    for keys in (gateway.admin, gateway.user(statement("Allow", "*")), gateway.stranger):
        client = gateway.client("iam", keys)
        with pytest.raises(ClientError, match="NoSuchEntity"):
            client.get_service_last_accessed_details(JobId=job)
        with pytest.raises(ClientError, match="NoSuchEntity"):
            client.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="iam")


def test_another_account_is_told_nothing(gateway: Gateway, shared: str) -> None:
    keys = gateway.user(statement("Allow", "*"))
    arn = gateway.iam.get_user(UserName=keys.name)["User"]["Arn"]
    stranger = gateway.client("iam", gateway.stranger)
    for wanted in (arn, shared):
        with pytest.raises(ClientError, match="AccessDenied"):
            generated(stranger, wanted)
    with pytest.raises(ClientError, match="AccessDenied"):
        stranger.list_policies_granting_service_access(Arn=arn, ServiceNamespaces=["s3"])
    # AWS's own policies are everybody's; who has them is not.
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    gateway.iam.attach_user_policy(UserName=keys.name, PolicyArn=admin)
    assert keys.name not in [name for name, _ in entities(stranger, admin, "s3")]
    assert keys.name in [name for name, _ in entities(gateway.iam, admin, "s3")]


def test_whoever_may_ask_about_one_may_not_about_another(gateway: Gateway, shared: str) -> None:
    mine = f"arn:aws:iam::{ACCOUNT}:user/mine"
    keys = gateway.user(statement("Allow", "iam:*", mine))
    client = gateway.client("iam", keys)
    for wanted in (shared, gateway.iam.get_user(UserName=keys.name)["User"]["Arn"]):
        with pytest.raises(ClientError, match="AccessDenied"):
            generated(client, wanted)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        generated(client, mine)


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/nobody-of-this-name", "NoSuchEntity"),
        (f"arn:aws:iam::{ACCOUNT}:policy/nothing-of-this-name", "NoSuchEntity"),
        ("arn:aws:iam::aws:policy/NothingOfThisName", "NoSuchEntity"),
        (f"arn:aws:iam::{ACCOUNT}:instance-profile/p", "InvalidInput"),
        (f"arn:aws:iam::{ACCOUNT}:root", "InvalidInput"),
        ("arn:aws:s3:::a-bucket-and-its-policy/", "InvalidInput"),
        ("no ARN but long enough to be one", "InvalidInput"),
    ],
)
def test_what_there_is_no_report_on(gateway: Gateway, arn: str, code: str) -> None:
    with pytest.raises(ClientError, match=code):
        generated(gateway.iam, arn)


def test_other_mistakes(gateway: Gateway, shared: str) -> None:
    job = generated(gateway.iam, shared)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        gateway.iam.get_service_last_accessed_details(JobId="0" * 36)
    with pytest.raises(ClientError, match=r"InvalidInput.*nonsense"):
        gateway.iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="nonsense")
    with pytest.raises(ClientError, match=r"InvalidInput.*nonsense"):
        gateway.iam.list_policies_granting_service_access(
            Arn=f"arn:aws:iam::{ACCOUNT}:user/admin", ServiceNamespaces=["s3", "nonsense"]
        )


# ---- who granted it -------------------------------------------------------------------------------------------------


def test_every_policy_that_grants_is_named_with_its_kind(gateway: Gateway, shared: str) -> None:
    iam, group = gateway.iam, gateway.name("group")
    keys = gateway.user(statement("Allow", "ec2:Describe*"))
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=keys.name)
    iam.attach_user_policy(UserName=keys.name, PolicyArn=shared)
    iam.attach_group_policy(GroupName=group, PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess")
    text = raw.document(statement("Allow", "dynamodb:Query"), statement("Deny", "ec2:*"))
    iam.put_group_policy(GroupName=group, PolicyName="tables", PolicyDocument=text)
    iam.put_user_permissions_boundary(
        UserName=keys.name, PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    user = {"PolicyName": "own", "PolicyType": "INLINE", "EntityType": "USER", "EntityName": keys.name}
    through = {"PolicyName": "tables", "PolicyType": "INLINE", "EntityType": "GROUP", "EntityName": group}
    aws = {
        "PolicyName": "AmazonEC2ReadOnlyAccess",
        "PolicyType": "MANAGED",
        "PolicyArn": "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess",
    }
    own = {"PolicyName": shared.rpartition("/")[2], "PolicyType": "MANAGED", "PolicyArn": shared}

    def granting(arn: str) -> dict[str, list[dict[str, str]]]:
        found = iam.list_policies_granting_service_access(Arn=arn, ServiceNamespaces=["ec2", "dynamodb", "sqs"])
        assert found["IsTruncated"] is False
        return {item["ServiceNamespace"]: item["Policies"] for item in found["PoliciesGrantingServiceAccess"]}

    assert granting(iam.get_user(UserName=keys.name)["User"]["Arn"]) == {
        "ec2": [aws, user, own],
        "dynamodb": [own, through],
        "sqs": [],
    }
    assert granting(iam.get_group(GroupName=group)["Group"]["Arn"]) == {
        "ec2": [aws],
        "dynamodb": [through],
        "sqs": [],
    }


# ---- what outlives --------------------------------------------------------------------------------------------------


@pytest.fixture
def moved(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """The recorder's clock, in days from now."""
    from datetime import timedelta

    class Moved:
        days = 0.0

        def now(self) -> Any:
            return gateway.clock.now() + timedelta(days=self.days)

    clock = Moved()
    monkeypatch.setattr(gateway.recorder, "_clock", clock)
    return lambda days: setattr(clock, "days", days)


def test_only_the_tracking_period_counts(gateway: Gateway, moved: Callable[[float], None]) -> None:
    role = gateway.role(statement("Allow", "ec2:*"))
    try_ec2(gateway, gateway.assume(role))
    for days, told in ((399.0, True), (401.0, False)):
        moved(days)
        found = services(gateway.iam, role["Arn"])["ec2"]
        assert ("LastAuthenticated" in found, "TotalAuthenticatedEntities" in found) == (told, told)
        assert bool(gateway.iam.get_role(RoleName=role["RoleName"])["Role"]["RoleLastUsed"]) is told


def test_reports_survive_kill_9(start_server: Callable[..., Any], data_dir: Any) -> None:
    with start_server(data_dir, "--engine", "none") as server:
        iam = server.client("iam")
        arn = iam.get_user()["User"]["Arn"]
        job = generated(iam, arn)
        before = iam.get_service_last_accessed_details(JobId=job, MaxItems=1000)
        server.process.kill()
        server.process.wait()
    with start_server(data_dir, "--engine", "none") as server:
        after = server.client("iam").get_service_last_accessed_details(JobId=job, MaxItems=1000)
    for answer in (before, after):
        del answer["ResponseMetadata"]
    assert before == after
    assert any("LastAuthenticated" in item for item in after["ServicesLastAccessed"])
