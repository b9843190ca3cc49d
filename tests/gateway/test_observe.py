"""Observe mode: what policy denies goes on and is recorded; who is not authentic or wants an identity gets nothing."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.advisor import events

from . import raw
from .asks import SPOKEN
from .conftest import ACCOUNT, EC2_TRUST, Gateway
from .raw import Ask, Keys, statement
from .test_learning import control

HEADER = "x-kansatsu-would-deny"


@pytest.fixture
def observing(gateway: Gateway) -> Iterator[Gateway]:
    gateway.pipeline._observe = True
    yield gateway
    gateway.pipeline._observe = False


def test_what_policy_denies_goes_on_and_is_told(observing: Gateway) -> None:
    bucket = observing.bucket()
    nobody = observing.user()
    put = observing.ask(Ask("PUT", f"/{bucket}/key", body=b"hello"), nobody, "s3")
    got = observing.ask(Ask("GET", f"/{bucket}/key"), nobody, "s3")
    assert (put.status, got.status, got.body) == (200, 200, b"hello")
    event = observing.events(nobody)[0]
    assert (event.action, event.allowed, event.error) == ("GetObject", False, "")
    assert event.would_deny == "because no identity-based policy allows the s3:GetObject action"
    why = control(observing, observing.admin).explain_request(AuthorizationId=got.headers[HEADER])
    assert why["Evaluations"][0]["Action"] == "s3:GetObject" and not why["Allowed"]
    assert "only observed" in why["Notes"][0]
    assert '"s3:GetObject"' in why["Changes"][0]["Statement"]
    last = control(observing, observing.admin).explain_request()
    assert last["AuthorizationId"] == got.headers[HEADER]


def test_the_log_tells_what_was_refused_from_what_was_let_through(
    observing: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kansatsu.gateway.pipeline")
    nobody = observing.user()
    observing.ask(Ask("GET", "/"), nobody, "s3")
    with pytest.raises(ClientError, match="AccessDenied"):
        observing.client("iam", nobody).list_users()
    said = [record.getMessage() for record in caplog.records if record.name == "kansatsu.gateway.pipeline"]
    assert [line.partition(" arn:")[0] for line in said] == ["would be denied", "denied"]
    assert "s3:ListAllMyBuckets" in said[0] and "iam:ListUsers" in said[1]


@pytest.mark.parametrize("service", ["s3", "secretsmanager"])
def test_what_is_decided_twice_is_told_once(
    observing: Gateway, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    """Once more with what the backend's answer needs: s3:ListBucket for a missing key, the key of a secret."""
    bucket, keys = observing.bucket(), observing.client("kms").create_key()["KeyMetadata"]["Arn"]
    made = {"Name": observing.name("secret"), "SecretString": "x", "KmsKeyId": keys}
    secret = observing.client("secretsmanager").create_secret(**made)["ARN"]
    nobody, kept = observing.user(), list[str]()
    keep = observing.recorder.denials.keep
    monkeypatch.setattr(observing.recorder.denials, "keep", lambda *told: kept.append(keep(*told)) or kept[-1])
    caplog.set_level(logging.INFO, "kansatsu.gateway.pipeline")
    if service == "s3":
        got = observing.ask(Ask("GET", f"/{bucket}/not-there"), nobody, "s3")
        answered, header, actions = got.code, got.headers[HEADER], ["s3:GetObject", "s3:ListBucket"]
    else:
        value = observing.client("secretsmanager", nobody).get_secret_value(SecretId=secret)
        answered, header = value["SecretString"], value["ResponseMetadata"]["HTTPHeaders"][HEADER]
        actions = ["secretsmanager:GetSecretValue", "kms:Decrypt"]
    assert answered == {"s3": "NoSuchKey", "secretsmanager": "x"}[service]
    said = [record.getMessage().partition(" on ")[0] for record in caplog.records if nobody.name in record.getMessage()]
    assert [line.rpartition(" ")[2] for line in said] == actions
    assert len(kept) == len(set(kept)) == len(actions) and header == kept[0]
    why = control(observing, observing.admin).explain_request(AuthorizationId=header)
    assert [asked["Action"] for asked in why["Evaluations"]] == actions  # all of it, also what was found later


def test_what_policy_allows_says_nothing(observing: Gateway) -> None:
    allowed = observing.user(statement("Allow", "s3:ListAllMyBuckets"))
    got = observing.ask(Ask("GET", "/"), allowed, "s3")
    assert got.status == 200 and HEADER not in got.headers
    event = observing.events(allowed)[0]
    assert (event.allowed, event.would_deny) == (True, "")


def test_an_explicit_deny_and_our_own_ec2_are_observed_too(observing: Gateway) -> None:
    denied = observing.user(statement("Allow", "*"), statement("Deny", "ec2:Describe*"))
    assert observing.client("ec2", denied).describe_instances()["ResponseMetadata"]["HTTPHeaders"][HEADER]
    assert observing.events(denied)[0].would_deny == "with an explicit deny in an identity-based policy"


def test_in_enforce_mode_the_same_is_refused(gateway: Gateway) -> None:
    got = gateway.ask(Ask("GET", "/"), gateway.user(), "s3")
    assert got.status == 403 and HEADER not in got.headers


@pytest.mark.parametrize("dialect", SPOKEN)
def test_who_is_not_authentic_gets_nothing(observing: Gateway, dialect: str) -> None:
    """The attack: observe mode taken for an open door."""
    ask, service = SPOKEN[dialect]
    user, session = observing.user(), observing.session(observing.common_role)
    inactive = observing.user()
    observing.iam.update_access_key(UserName=inactive.name, AccessKeyId=inactive.id, Status="Inactive")
    expired = observing.session(observing.common_role, issued=observing.clock.now() - timedelta(hours=2), minutes=60)
    for keys in (
        Keys("test", "test"),
        Keys(user.id, "wrong"),
        replace(session, token=raw.tampered(session.token)),
        replace(session, token=""),
        inactive,
        expired,
    ):
        assert observing.ask(ask, keys, service).status in (400, 401, 403), keys.id
    assert observing.send(ask).status in (400, 401, 403)


REFUSED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "InvalidInstanceID.NotFound"}


@pytest.fixture
def target(gateway: Gateway) -> dict[str, Any]:
    return gateway.role(statement("Allow", "*"), trust=EC2_TRUST)


def test_observing_gives_no_identity_away(observing: Gateway, target: dict[str, Any]) -> None:
    """The attack: use the time of observation to become administrator, and stay so."""
    nobody = observing.user()
    iam, sts = observing.client("iam", nobody), observing.client("sts", nobody)
    profile = observing.name("profile")
    observing.iam.create_instance_profile(InstanceProfileName=profile)
    observing.iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=target["RoleName"])
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    for attempt in (
        lambda: iam.create_access_key(UserName="admin"),
        lambda: iam.attach_user_policy(UserName=nobody.name, PolicyArn=admin),
        iam.list_users,
        lambda: sts.assume_role(RoleArn=target["Arn"], RoleSessionName="session"),  # whose trust policy names EC2 only
        lambda: control(observing, nobody).explain_request(),
        lambda: control(observing, nobody).register_process(Pid=1, Role=target["RoleName"]),
        lambda: observing.client("ec2", nobody).associate_iam_instance_profile(
            InstanceId="i-0123456789abcdef0", IamInstanceProfile={"Name": profile}
        ),
    ):
        with pytest.raises(ClientError) as refused:
            attempt()
        code = refused.value.response["Error"]["Code"]
        assert code in (
            "AccessDenied",
            "AccessDeniedException",
            "UnauthorizedOperation",
            "InvalidInstanceID.NotFound",
        ), code


def test_pass_role_is_enforced(observing: Gateway, target: dict[str, Any]) -> None:
    """Where everything else of the call is only observed."""
    profile = observing.name("profile")
    observing.iam.create_instance_profile(InstanceProfileName=profile)
    observing.iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=target["RoleName"])
    nobody = observing.user()
    launch = {"ImageId": "ami-12345678", "MinCount": 1, "MaxCount": 1, "IamInstanceProfile": {"Name": profile}}
    with pytest.raises(ClientError, match="iam:PassRole") as refused:
        observing.client("ec2", nobody).run_instances(**launch)
    assert refused.value.response["Error"]["Code"] == "UnauthorizedOperation"
    event = observing.events(nobody)[0]
    assert (event.action, event.allowed, event.would_deny) == ("PassRole", False, "")


def test_permissions_management_is_enforced(observing: Gateway) -> None:
    """The attack: a policy of a resource that outlives the time of observation."""
    bucket, nobody = observing.bucket(), observing.user()
    policy = raw.document(statement("Allow", "s3:*", f"arn:aws:s3:::{bucket}/*") | {"Principal": "*"})
    with pytest.raises(ClientError, match="s3:PutBucketPolicy") as refused:
        observing.client("s3", nobody).put_bucket_policy(Bucket=bucket, Policy=policy)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_what_nothing_enforces_is_still_not_stored(observing: Gateway) -> None:
    user = observing.user(statement("Allow", "kms:CreateGrant"))
    with pytest.raises(ClientError) as refused:
        observing.client("kms", user).create_grant(KeyId="k", GranteePrincipal="p", Operations=["Decrypt"])
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_segments_of_before_are_read() -> None:
    line = (
        b'{"time":1.5,"request_id":"r","account":"%s","principal_id":"AIDA","principal_arn":"arn","access_key_id":"AKIA",'
        b'"service":"s3","action":"GetObject","resource":"*","region":"us-east-1","allowed":true,"error":"","exact":true,'
        b'"source_ip":"127.0.0.1","user_agent":"x"}' % ACCOUNT.encode()
    )
    event = events.decode(line)
    assert isinstance(event, events.AccessEvent) and event.would_deny == ""
    assert events.encode(event) == line + b"\n"


def test_observing_opens_no_account_to_another(observing: Gateway) -> None:
    name = observing.bucket()
    observing.client("s3").put_object(Bucket=name, Key="k", Body=b"mine")
    queue = observing.client("sqs").create_queue(QueueName=observing.name("queue"))["QueueUrl"]
    for service, operation, params in (
        ("s3", "get_object", {"Bucket": name, "Key": "k"}),
        ("sqs", "purge_queue", {"QueueUrl": queue}),
    ):
        with pytest.raises(ClientError) as denied:
            getattr(observing.client(service, observing.stranger), operation)(**params)
        assert denied.value.response["Error"]["Code"].startswith("AccessDenied")
