"""A session that learns: never more than its starter may, never past a Deny or boundary of its role, and no way out."""

import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from . import raw
from .conftest import ACCOUNT, Gateway
from .raw import Keys

ALLOW_ALL = raw.statement("Allow", "*")
# What a starter needs to start a session that learns, besides what that session is to do.
START = raw.statement("Allow", ["kansatsu:*", "iam:PassRole"])
S3 = raw.statement("Allow", "s3:*")
TASKS = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}


def control(gateway: Gateway, keys: Keys) -> Any:
    return gateway.client("kansatsu", keys)


class Learner:
    """A process that learns, as the keys that it was given."""

    def __init__(self, gateway: Gateway, starter: Keys, role: str, **bound: str) -> None:
        self.gateway, self.control = gateway, control(gateway, starter)
        self.process = self.control.register_process(Pid=os.getpid(), Role=role, Learn=True, **bound)
        asked = urllib.request.Request(
            self.process["CredentialsUri"], headers={"Authorization": self.process["AuthorizationToken"]}
        )
        with urllib.request.urlopen(asked, timeout=120) as answer:
            given = json.load(answer)
        self.keys = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["Token"], role)

    def client(self, service: str) -> Any:
        return self.gateway.client(service, self.keys)

    def put(self, bucket: str, key: str = "k") -> str:
        """ "" when it was allowed, else the code and message of the error."""
        try:
            self.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x")
        except ClientError as error:
            return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
        return ""

    def learned(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.control.get_learned_policy(ProcessId=self.process["ProcessId"])
        return answer


@contextmanager
def learner(gateway: Gateway, starter: Keys, role: str, **bound: str) -> Iterator[Learner]:
    made = Learner(gateway, starter, role, **bound)
    try:
        yield made
    finally:
        with_admin = control(gateway, gateway.admin)
        with_admin.deregister_process(ProcessId=made.process["ProcessId"])
        with_admin.close()
        made.control.close()


def task_role(gateway: Gateway, *statements: dict[str, Any], **create: Any) -> str:
    return str(gateway.role(*statements, trust=TASKS, **create)["RoleName"])


def managed(gateway: Gateway, *statements: dict[str, Any]) -> str:
    made = gateway.iam.create_policy(PolicyName=gateway.name("policy"), PolicyDocument=raw.document(*statements))
    return str(made["Policy"]["Arn"])


def test_it_learns_what_was_used_and_the_learned_policy_is_enough(gateway: Gateway) -> None:
    bucket, role = gateway.bucket(), task_role(gateway)
    with learner(gateway, gateway.admin, role) as first:
        for key in ("in/a", "in/b", "in/c"):
            assert first.put(bucket, key) == ""
        first.client("s3").list_objects_v2(Bucket=bucket, Prefix="in/")
        learned = first.learned()
    assert json.loads(learned["PolicyDocument"])["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": [f"arn:aws:s3:::{bucket}"],
            "Condition": {"StringLike": {"s3:prefix": ["in/"]}},
        },
        {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": [f"arn:aws:s3:::{bucket}/in/*"]},
    ]
    assert [item["Count"] for item in learned["Generalizations"]] == [3]
    gateway.iam.put_role_policy(RoleName=role, PolicyName="learned", PolicyDocument=learned["PolicyDocument"])
    gateway.iam.update_assume_role_policy(
        RoleName=role, PolicyDocument=raw.document({**TASKS, "Principal": {"AWS": ACCOUNT}})
    )
    keys = gateway.assume({"Arn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "RoleName": role})
    s3 = gateway.client("s3", keys)
    s3.put_object(Bucket=bucket, Key="in/d", Body=b"x")
    assert len(s3.list_objects_v2(Bucket=bucket, Prefix="in/")["Contents"]) == 4
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=bucket, Key="out/d", Body=b"x")


# What bounds it: statements of the starter, its boundary and session policy, and of the role and its boundary.
BUCKET_ONLY = raw.statement("Allow", "s3:PutObject", resource="arn:aws:s3:::elsewhere/*")
NO_PUT = raw.statement("Deny", "s3:PutObject")


@pytest.mark.parametrize(
    ("bounds", "denied"),
    [
        ({"starter": [START, S3]}, ""),
        ({"starter": [START, S3], "role": [BUCKET_ONLY]}, ""),
        # Never more than its starter, whatever the role itself may.
        ({"starter": [START], "role": [ALLOW_ALL]}, "no identity-based policy allows"),
        ({"starter": [START, BUCKET_ONLY], "role": [ALLOW_ALL]}, "no identity-based policy allows"),
        ({"starter": [START, S3, NO_PUT], "role": [ALLOW_ALL]}, "explicit deny in an identity-based policy"),
        ({"starter": [START, S3], "boundary": [START], "role": [ALLOW_ALL]}, "no permissions boundary allows"),
        ({"starter": [START, S3], "session": [START], "role": [ALLOW_ALL]}, "no session policy allows"),
        ({"starter": [START, S3], "session": [START, S3]}, ""),
        # What the role's administrator forbade holds.
        ({"starter": [ALLOW_ALL], "role": [NO_PUT]}, "explicit deny in an identity-based policy"),
        ({"starter": [ALLOW_ALL], "role_boundary": [START]}, "no permissions boundary allows"),
        ({"starter": [ALLOW_ALL], "role_boundary": [S3]}, ""),
    ],
)
def test_what_bounds_it(gateway: Gateway, bounds: dict[str, list[dict[str, Any]]], denied: str) -> None:
    bucket = gateway.bucket()
    made: dict[str, Any] = {}
    if "role_boundary" in bounds:
        made["PermissionsBoundary"] = managed(gateway, *bounds["role_boundary"])
    role = task_role(gateway, *bounds.get("role", []), **made)
    limit = {"PermissionsBoundary": managed(gateway, *bounds["boundary"])} if "boundary" in bounds else {}
    if "session" in bounds:
        own = gateway.role(*bounds["starter"])
        starter = gateway.assume(own, Policy=raw.document(*bounds["session"]))
    else:
        starter = gateway.user(*bounds["starter"], **limit)
    with learner(gateway, starter, role) as session:
        said = session.put(bucket)
        assert (denied in said and said.startswith("AccessDenied")) if denied else said == ""
        not_covered = [(item["Kind"], item["Action"]) for item in session.learned()["NotCovered"]]
        assert not_covered == ([("denied", "s3:PutObject")] if denied else [])


def test_its_starter_is_asked_anew_for_every_request(gateway: Gateway) -> None:
    bucket, role, starter = gateway.bucket(), task_role(gateway), gateway.user(START, S3)
    with learner(gateway, starter, role) as session:
        assert session.put(bucket) == ""
        gateway.iam.put_user_policy(UserName=starter.name, PolicyName="own", PolicyDocument=raw.document(START))
        assert "no identity-based policy allows" in session.put(bucket)
        admin = control(gateway, gateway.admin)
        [change] = admin.explain_request()["Changes"]
        admin.close()
        assert change["Owner"].endswith(f":user/{starter.name}"), "what would help is a right of the starter"
        gateway.iam.put_user_policy(UserName=starter.name, PolicyName="own", PolicyDocument=raw.document(START, S3))
        assert session.put(bucket) == ""
        gateway.iam.update_access_key(UserName=starter.name, AccessKeyId=starter.id, Status="Inactive")
        assert "learns no more" in session.put(bucket)


# What starter and further bound say about PutObject, and how each refusal reads.
NO_SESSION_POLICY = "no session policy allows the s3:PutObject action"


@pytest.mark.parametrize("as_arn", [False, True])
@pytest.mark.parametrize(
    ("starter", "bound", "denied"),
    [
        ([START, S3], [S3], ""),
        ([START, S3], [ALLOW_ALL], ""),
        ([ALLOW_ALL], [raw.statement("Allow", "dynamodb:*")], NO_SESSION_POLICY),
        ([ALLOW_ALL], [BUCKET_ONLY], NO_SESSION_POLICY),
        ([ALLOW_ALL], [ALLOW_ALL, NO_PUT], "explicit deny in a session policy"),
        # INVARIANT: never more than the starter: a bound is no grant, and is asked last.
        ([START], [ALLOW_ALL], "no identity-based policy allows"),
        ([START, S3, NO_PUT], [ALLOW_ALL], "explicit deny in an identity-based policy"),
    ],
)
def test_a_further_bound(
    gateway: Gateway, starter: list[dict[str, Any]], bound: list[dict[str, Any]], denied: str, as_arn: bool
) -> None:
    bucket, role = gateway.bucket(), task_role(gateway, ALLOW_ALL)
    given = {"BoundPolicyArn": managed(gateway, *bound)} if as_arn else {"BoundPolicy": raw.document(*bound)}
    with learner(gateway, gateway.user(*starter), role, **given) as session:
        said = session.put(bucket)
        assert (denied in said and said.startswith("AccessDenied")) if denied else said == ""
        session.client("sts").get_caller_identity()  # needs no permission: no bound takes it away


def test_a_bound_of_one_service_refuses_the_other_and_says_what_would_help(gateway: Gateway) -> None:
    with learner(gateway, gateway.admin, task_role(gateway), BoundPolicy=raw.document(S3)) as session:
        assert session.put(gateway.bucket()) == ""
        for service, call in (("dynamodb", "list_tables"), ("iam", "list_users")):  # the backend's, and our own
            with pytest.raises(ClientError, match="no session policy allows"):
                getattr(session.client(service), call)()
        admin = control(gateway, gateway.admin)
        [change] = admin.explain_request()["Changes"]
        admin.close()
        assert "the session policy" in change["Description"] and "run --bound" in change["Description"]
        assert change["PolicyType"] == "session policy"


def test_a_bound_does_not_widen_the_session_policy_of_its_starter(gateway: Gateway) -> None:
    """Session policies of one session are a union; the bound is none of them."""
    starter = gateway.assume(gateway.role(ALLOW_ALL), Policy=raw.document(START))
    with learner(gateway, starter, task_role(gateway), BoundPolicy=raw.document(ALLOW_ALL)) as session:
        assert NO_SESSION_POLICY in session.put(gateway.bucket())


def test_a_resource_policy_that_names_the_starter_does_not_open_the_bound(gateway: Gateway) -> None:
    bucket, starter = gateway.bucket(), gateway.user(START)
    named = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{starter.name}"}
    statement = raw.statement("Allow", "s3:PutObject", f"arn:aws:s3:::{bucket}/*") | {"Principal": named}
    gateway.client("s3", gateway.admin).put_bucket_policy(Bucket=bucket, Policy=raw.document(statement))
    role = task_role(gateway)
    with learner(gateway, starter, role) as session:
        assert session.put(bucket) == ""
    with learner(gateway, starter, role, BoundPolicy=raw.document(START)) as session:
        assert NO_SESSION_POLICY in session.put(bucket)


def test_a_bound_holds_for_what_another_account_opens(gateway: Gateway) -> None:
    theirs, bucket = gateway.client("s3", gateway.stranger), gateway.name("theirs")
    theirs.create_bucket(Bucket=bucket)
    statement = raw.statement("Allow", "s3:PutObject", f"arn:aws:s3:::{bucket}/*") | {"Principal": {"AWS": ACCOUNT}}
    theirs.put_bucket_policy(Bucket=bucket, Policy=raw.document(statement))
    starter, role = gateway.user(START, S3), task_role(gateway)
    for bound, denied in ((S3, ""), (START, NO_SESSION_POLICY)):
        with learner(gateway, starter, role, BoundPolicy=raw.document(bound)) as session:
            said = session.put(bucket)
            assert (denied in said) if denied else said == ""


def test_a_managed_bound_is_asked_anew_and_one_that_is_gone_allows_nothing(gateway: Gateway) -> None:
    bucket, bound = gateway.bucket(), managed(gateway, S3)
    with learner(gateway, gateway.admin, task_role(gateway), BoundPolicyArn=bound) as session:
        assert session.put(bucket) == ""
        version = {"PolicyArn": bound, "PolicyDocument": raw.document(START), "SetAsDefault": True}
        gateway.iam.create_policy_version(**version)
        assert NO_SESSION_POLICY in session.put(bucket)
        gateway.iam.set_default_policy_version(PolicyArn=bound, VersionId="v1")
        assert session.put(bucket) == ""
        gateway.iam.delete_policy_version(PolicyArn=bound, VersionId="v2")
        gateway.iam.delete_policy(PolicyArn=bound)
        assert NO_SESSION_POLICY in session.put(bucket)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"BoundPolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/none"}, "NoSuchEntity.*policy/none was not found"),
        ({"BoundPolicyArn": "arn:aws:iam::210987654321:policy/theirs"}, "NoSuchEntity.*theirs was not found"),
        ({"BoundPolicyArn": "arn:aws:s3:::bucket"}, "InvalidInput.*arn:aws:s3:::bucket is not valid"),
        ({"BoundPolicy": "{"}, "MalformedPolicyDocument"),
        ({"BoundPolicy": ""}, "MalformedPolicyDocument"),
        ({"BoundPolicy": raw.document({**S3, "Principal": "*"})}, "MalformedPolicyDocument"),
        ({"BoundPolicyArn": "arn:a", "BoundPolicy": "{}"}, "Give one of BoundPolicyArn and BoundPolicy"),
        ({"BoundPolicy": raw.document(S3), "Learn": False}, "go with Learn"),
    ],
)
def test_bounds_that_cannot_be(gateway: Gateway, asked: dict[str, Any], error: str) -> None:
    client = control(gateway, gateway.admin)
    with pytest.raises(ClientError, match=error):
        client.register_process(**{"Pid": os.getpid(), "Role": task_role(gateway), "Learn": True, **asked})
    client.close()


def test_the_end_of_the_process_is_the_end_of_it(gateway: Gateway) -> None:
    bucket, role = gateway.bucket(), task_role(gateway)
    with learner(gateway, gateway.admin, role) as session:
        assert session.put(bucket) == ""
    assert session.put(bucket) != ""
    with pytest.raises(ClientError, match="NoSuchProcess"):
        session.learned()


def test_there_is_no_way_out_of_it(gateway: Gateway) -> None:
    """AssumeRole into a role that trusts the learning role but not the starter, and a process in a process."""
    role = task_role(gateway)
    target = gateway.role(ALLOW_ALL, trust={**TASKS, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{role}"}})
    with learner(gateway, gateway.admin, role) as session:
        with pytest.raises(ClientError, match="assumes no role"):
            session.client("sts").assume_role(RoleArn=target["Arn"], RoleSessionName="out")
        inner = control(gateway, session.keys)
        for asked in ({"Role": role}, {"Role": role, "Learn": True}):
            with pytest.raises(ClientError, match="starts no process"):
                inner.register_process(Pid=os.getpid(), **asked)
        inner.close()
        assert {item["Action"] for item in session.learned()["NotCovered"]} == {
            "sts:AssumeRole", "kansatsu:RegisterProcess"
        }  # fmt: skip


@pytest.mark.parametrize(
    ("statements", "missing"),
    [
        ([raw.statement("Allow", ["kansatsu:RegisterProcess", "iam:PassRole"]), S3], "kansatsu:LearnPolicy"),
        ([raw.statement("Allow", "kansatsu:*"), S3], "iam:PassRole"),
        ([raw.statement("Allow", ["kansatsu:LearnPolicy", "iam:PassRole"]), S3], "kansatsu:RegisterProcess"),
    ],
)
def test_who_may_start_one(gateway: Gateway, statements: list[dict[str, Any]], missing: str) -> None:
    client = control(gateway, gateway.user(*statements))
    with pytest.raises(ClientError, match=f"perform: {missing}"):
        client.register_process(Pid=os.getpid(), Role=task_role(gateway), Learn=True)
    client.close()


def test_the_trust_policy_of_the_role_holds_and_a_profile_does_not_learn(gateway: Gateway) -> None:
    client = control(gateway, gateway.admin)
    role = str(gateway.role()["RoleName"])
    with pytest.raises(ClientError, match="trust policy of role"):
        client.register_process(Pid=os.getpid(), Role=role, Learn=True)
    with pytest.raises(ClientError, match="Learn is for a Role"):
        client.register_process(Pid=os.getpid(), InstanceProfile="any", Learn=True)
    client.close()


def test_only_a_process_that_learns_has_learned(gateway: Gateway) -> None:
    client = control(gateway, gateway.admin)
    plain = client.register_process(Pid=os.getpid(), Role=task_role(gateway))
    with pytest.raises(ClientError, match="NoSuchProcess"):
        client.get_learned_policy(ProcessId=plain["ProcessId"])
    stranger = control(gateway, gateway.user(S3))
    with pytest.raises(ClientError, match="perform: kansatsu:LearnPolicy"):
        stranger.get_learned_policy(ProcessId=plain["ProcessId"])
    client.deregister_process(ProcessId=plain["ProcessId"])
    client.close()
    stranger.close()


def test_what_of_a_policy_is_used_and_what_would_be_enough(gateway: Gateway) -> None:
    bucket = gateway.bucket()
    statement = raw.statement("Allow", ["s3:PutObject", "s3:GetObject"], f"arn:aws:s3:::{bucket}/*")
    role = gateway.role(statement)
    gateway.client("s3", gateway.assume(role)).put_object(Bucket=bucket, Key="k", Body=b"x")
    client = control(gateway, gateway.admin)
    [policy] = client.get_policy_coverage(RoleName=role["RoleName"])["Policies"]
    [said] = policy["Statements"]
    assert (policy["PolicyName"], said["Effect"], said["Resources"]) == ("own", "Allow", [f"arn:aws:s3:::{bucket}/*"])
    assert said["Actions"] == [{"Pattern": "s3:PutObject", "Uses": 1}, {"Pattern": "s3:GetObject", "Uses": 0}]
    learned = client.get_learned_policy(RoleName=role["RoleName"])
    assert json.loads(learned["PolicyDocument"])["Statement"] == [
        {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": [f"arn:aws:s3:::{bucket}/k"]}
    ]
    for asked in ({}, {"RoleName": "r", "ProcessId": "p-0"}):
        with pytest.raises(ClientError, match="Give one of ProcessId and RoleName"):
            client.get_learned_policy(**asked)
    for call in (client.get_policy_coverage, client.get_learned_policy):
        with pytest.raises(ClientError, match="NoSuchEntity"):
            call(RoleName="nobody")
    stranger = control(gateway, gateway.user(S3))
    with pytest.raises(ClientError, match="perform: kansatsu:GetPolicyCoverage on resource: " + role["Arn"]):
        stranger.get_policy_coverage(RoleName=role["RoleName"])
    client.close()
    stranger.close()
