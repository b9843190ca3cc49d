"""There is one way in: nothing reaches the backend unauthenticated, unauthorized, or under another name."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.backends import BackendResponse
from kansatsu.http import HttpRequest
from kansatsu.services.registry import handler
from kansatsu.wire import load_service
from kansatsu.workload.records import Details, Instance

from . import raw
from .asks import DYNAMODB, EC2, FORM, IAM, LAMBDA, S3
from .conftest import ACCOUNT, Gateway
from .raw import REGION, Ask, Keys


@dataclass
class Spy:
    """What of clients' requests reached the backend: (signing name, method, path).

    What Kansatsu asks by itself, to decide, is nobody's request; it runs in tasks of its own.
    """

    seen: list[tuple[str, str, str]] = field(default_factory=list)


def _asks_itself() -> bool:
    task = asyncio.current_task()
    return getattr(task.get_coro(), "__qualname__", "") == "Knowledge._read" if task is not None else False


@pytest.fixture
def spy(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Spy:
    found = Spy()
    call = gateway.backend.call

    async def watched(
        account: str,
        region: str,
        service: str,
        request: HttpRequest,
        body: AsyncIterator[bytes] | None = None,
        **more: Any,
    ) -> BackendResponse:
        if not _asks_itself():
            found.seen.append((service, request.method, request.path))
        return await call(account, region, service, request, body, **more)

    monkeypatch.setattr(gateway.backend, "call", watched)
    return found


@pytest.fixture(scope="module")
def nobody(gateway: Gateway) -> Keys:
    return gateway.user()


# ---- the backend's own interface ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def marker(gateway: Gateway) -> Callable[[], bool]:
    """Says whether the backend still has what it had."""
    bucket, client = gateway.bucket(), gateway.client("s3")
    client.put_object(Bucket=bucket, Key="marker", Body=b"here")
    return lambda: client.get_object(Bucket=bucket, Key="marker")["Body"].read() == b"here"


PATHS = [
    "/moto-api",
    "/moto-api/",
    "/moto-api/reset",
    "//moto-api/reset",
    "///moto-api/reset",
    "/%6doto-api/reset",
    "/%6Doto%2Dapi/reset",
    "/moto-api%2Freset",
    "/%2Fmoto-api/reset",
    "/%256doto-api/reset",
    "/./moto-api/reset",
    "/x/../moto-api/reset",
    "/x/%2e%2e/moto-api/reset",
    "/MOTO-API/reset",
    "/moto-api/data.json",
    "/moto-api/state-manager/set-transition",
    "/moto-api/config",
]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", PATHS)
def test_the_backends_own_paths(gateway: Gateway, marker: Callable[[], bool], spy: Spy, path: str, method: str) -> None:
    """Signed by the administrator, as each protocol that could carry such a path, and by nobody."""
    answers = [
        gateway.ask(Ask(method, path), gateway.admin, "s3"),
        gateway.ask(replace(DYNAMODB, method=method, path=path), gateway.admin, "dynamodb"),
        gateway.ask(replace(EC2, method=method, path=path), gateway.admin, "ec2"),
        gateway.send(Ask(method, path)),
        gateway.send(Ask(method, path, headers={"content-type": "application/json"}, body=b"{}")),
    ]
    assert all(400 <= got.status < 500 for got in answers), answers
    assert marker()


def test_no_bucket_has_the_name_of_the_backends_interface(gateway: Gateway) -> None:
    client = gateway.client("s3")
    for name in ("moto-api", "moto-api-mine"):
        for attempt in (
            lambda name=name: client.create_bucket(Bucket=name),
            lambda name=name: client.list_objects_v2(Bucket=name),
            lambda name=name: client.put_object(Bucket=name, Key="reset", Body=b""),
        ):
            with pytest.raises(ClientError) as refused:
                attempt()
            assert refused.value.response["Error"]["Code"] == "InvalidBucketName"


@pytest.mark.parametrize(
    "host",
    [
        "moto-api.s3.amazonaws.com",
        "moto-api.s3.us-east-1.amazonaws.com",
        "moto-api.localhost",
        "MOTO-API.localhost:4566",
    ],
)
@pytest.mark.parametrize("path", ["/", "/reset"])
def test_no_host_leads_there(gateway: Gateway, marker: Callable[[], bool], host: str, path: str) -> None:
    for method in ("GET", "PUT", "POST"):
        got = gateway.ask(Ask(method, path, headers={"host": host}), gateway.admin, "s3")
        assert 400 <= got.status < 500
    assert marker()


def test_no_host_makes_a_service_of_another(gateway: Gateway, spy: Spy) -> None:
    """The credential scope says the service; the Host does not say another to the backend."""
    for host in ("motoapi.amazonaws.com", "169.254.169.254", "169.254.170.2", "iam.amazonaws.com", "[::1]"):
        assert gateway.ask(DYNAMODB.having(host=host), gateway.admin, "dynamodb").status == 200
    assert {service for service, _, _ in spy.seen} == {"dynamodb"}


ACCOUNT_HEADERS = ["x-moto-account-id", "X-Moto-Account-Id", "x_moto_account_id"]


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("header", ACCOUNT_HEADERS)
def test_nobody_says_which_account_they_are(gateway: Gateway, header: str, signed: bool) -> None:
    name = gateway.name("table")
    body = json.dumps(
        {
            "TableName": name,
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
    ).encode()
    ask = DYNAMODB.having(x_amz_target="DynamoDB_20120810.CreateTable")
    ask = replace(ask, headers={**ask.headers, header.lower(): "210987654321"}, body=body)
    got = gateway.ask(ask, gateway.admin, "dynamodb", unsigned=() if signed else [header.lower()])
    assert got.status == 200, got.body
    assert f":{ACCOUNT}:table/{name}" in json.loads(got.body)["TableDescription"]["TableArn"]
    assert name in gateway.client("dynamodb").list_tables()["TableNames"]


# ---- who may not, does not get there --------------------------------------------------------------------------------

EVERYONE = [(IAM, "iam"), (DYNAMODB, "dynamodb"), (LAMBDA, "lambda"), (EC2, "ec2"), (S3, "s3")]


def test_who_is_not_authentic_never_reaches_the_backend(gateway: Gateway, spy: Spy) -> None:
    session = gateway.session(gateway.common_role)
    for ask, service in EVERYONE:
        for keys in (
            Keys("test", "test"),
            Keys(gateway.admin.id, "wrong"),
            Keys(session.id, session.secret, raw.tampered(session.token)),
        ):
            assert gateway.ask(ask, keys, service).status >= 400
        assert gateway.send(ask).status >= 400
    assert spy.seen == []


def test_who_is_not_allowed_never_reaches_the_backend(gateway: Gateway, spy: Spy, nobody: Keys) -> None:
    for ask, service in EVERYONE:
        assert gateway.ask(ask, nobody, service).status in (400, 403)
    assert gateway.ask(Ask("PUT", "/some-bucket/key", body=b"x" * 100_000), nobody, "s3").status == 403
    assert spy.seen == []


@pytest.mark.parametrize("service", ["iam", "sts", "ecs", "organizations", "cloudtrail"])
def test_what_is_ours_never_reaches_the_backend(gateway: Gateway, spy: Spy, nobody: Keys, service: str) -> None:
    """Every operation of the model: what has no handler is 501 in its protocol, and no backend answers in our place."""
    model = load_service(service)
    for name in model.operation_names:
        if model.protocol == "query":
            body = f"Action={name}&Version={model.api_version}".encode()
            ask = Ask("POST", headers=FORM, body=body)
        else:
            target = f"{TARGETS[service]}.{name}"
            ask = Ask(
                "POST", headers={"content-type": "application/x-amz-json-1.1", "x-amz-target": target}, body=b"{}"
            )
        got = gateway.ask(ask, nobody, service)
        if handler(service, name) is None:
            assert (got.status, got.code) == (501, "NotImplemented"), name
            assert f"{service}:{name}" in got.message
        else:
            assert got.status in (200, 400, 403, 404), name
    assert spy.seen == []


TARGETS = {
    "ecs": "AmazonEC2ContainerServiceV20141113",
    "organizations": "AWSOrganizationsV20161128",
    "cloudtrail": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
}


def test_an_unknown_operation_is_an_error_of_the_service(gateway: Gateway, spy: Spy) -> None:
    got = gateway.ask(replace(IAM, body=b"Action=Nonsense&Version=2010-05-08"), gateway.admin, "iam")
    assert (got.status, got.code) == (400, "InvalidAction")
    got = gateway.ask(DYNAMODB.having(x_amz_target="DynamoDB_20120810.Nonsense"), gateway.admin, "dynamodb")
    assert (got.status, got.code) == (400, "UnknownOperationException")
    assert gateway.ask(S3, gateway.admin, "no-such-service").status == 400
    assert spy.seen == []


def test_a_signature_for_one_service_is_none_for_another(gateway: Gateway, spy: Spy) -> None:
    """The attack: a request caught on its way to a harmless service, sent to another."""
    for ask, own in EVERYONE:
        for _, other in EVERYONE:
            if other != own:
                got = gateway.ask(ask, gateway.admin, other)
                assert 400 <= got.status < 500, (own, other)
    # Signed for S3, any path is an object, and was authorized as that; whether its bucket is there was asked.
    assert spy.seen == [("s3", "GET", LAMBDA.path), ("s3", "HEAD", LAMBDA.path.rpartition("/")[0])]


# ---- EC2: ours and theirs -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def instance(gateway: Gateway) -> str:
    """An instance of ours, as the workload keeps it."""
    found = Instance(
        id="i-0123456789abcdef0",
        account=ACCOUNT,
        region=REGION,
        provider="process",
        reference="1",
        adopted=True,
        state="running",
        launched=gateway.clock.now().timestamp(),
        details=Details(),
    )
    gateway.run(gateway.workload.fleet.add(found, {}))
    return found.id


def test_what_names_one_of_our_instances_never_reaches_the_backend(gateway: Gateway, spy: Spy, instance: str) -> None:
    ec2 = gateway.client("ec2")
    ids = [instance]
    for attempt in (
        lambda: ec2.monitor_instances(InstanceIds=ids),
        lambda: ec2.create_image(InstanceId=instance, Name="image"),
        lambda: ec2.get_console_output(InstanceId=instance),
        lambda: ec2.attach_volume(InstanceId=instance, VolumeId="vol-0123456789abcdef0", Device="/dev/sdf"),
        lambda: ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": "t3.large"}),
        lambda: ec2.associate_address(InstanceId=instance, PublicIp="192.0.2.1"),
        lambda: ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": ids}]),
        lambda: ec2.terminate_instances(InstanceIds=[instance, "i-0fedcba9876543210"]),
    ):
        with pytest.raises(ClientError) as refused:
            attempt()
        assert refused.value.response["Error"]["Code"] == "NotImplemented"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert spy.seen == []
    assert ec2.describe_instances(InstanceIds=ids)["Reservations"][0]["Instances"][0]["InstanceId"] == instance


def test_the_rest_of_ec2_is_the_backends(gateway: Gateway, spy: Spy) -> None:
    ec2 = gateway.client("ec2")
    assert ec2.describe_vpcs()["Vpcs"]
    group = ec2.create_security_group(GroupName=gateway.name("sg"), Description="a group")["GroupId"]
    assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert [service for service, _, _ in spy.seen] == ["ec2"] * 3


# ---- fail closed ----------------------------------------------------------------------------------------------------

POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
)
FUNCTION = {"FunctionName": "f", "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"}
QUEUE = f"http://sqs.us-east-1.amazonaws.com/{ACCOUNT}/q"
TABLE: dict[str, Any] = {
    "TableName": "t-1",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
UNENFORCED: list[tuple[str, str, dict[str, Any]]] = [
    ("s3", "put_bucket_acl", {"Bucket": "b-1", "ACL": "public-read"}),
    ("s3", "put_object_acl", {"Bucket": "b-1", "Key": "k", "ACL": "public-read"}),
    ("s3", "put_object", {"Bucket": "b-1", "Key": "k", "ACL": "public-read"}),
    (
        "s3",
        "put_object",
        {"Bucket": "b-1", "Key": "k", "GrantRead": "uri=http://acs.amazonaws.com/groups/global/AllUsers"},
    ),
    ("s3", "create_bucket", {"Bucket": "b-1", "ACL": "public-read-write"}),
    ("s3", "copy_object", {"Bucket": "b-1", "Key": "k", "CopySource": "b-1/k", "ACL": "public-read"}),
    (
        "kms",
        "replicate_key",
        {"KeyId": "11111111-2222-3333-4444-555555555555", "ReplicaRegion": "eu-west-1", "Policy": POLICY},
    ),
    (
        "logs",
        "put_resource_policy",
        {"policyDocument": POLICY, "resourceArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g:*"},
    ),
    (
        "lambda",
        "add_layer_version_permission",
        {
            "LayerName": "l",
            "VersionNumber": 1,
            "StatementId": "s",
            "Action": "lambda:GetLayerVersion",
            "Principal": "*",
        },
    ),
    ("dynamodb", "create_table", {**TABLE, "ResourcePolicy": POLICY}),
    *(
        ("sqs", "create_queue", {"QueueName": "q", "Attributes": {"RedriveAllowPolicy": text}})
        for text in ('{"redrivePermission": "denyAll"}', "{")
    ),
]


@pytest.mark.parametrize(("service", "operation", "params"), UNENFORCED)
def test_a_policy_that_nothing_enforces_is_not_stored(
    gateway: Gateway, spy: Spy, nobody: Keys, service: str, operation: str, params: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(gateway.client(service), operation)(**params)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    assert "does not enforce" in refused.value.response["Error"]["Message"]
    with pytest.raises(ClientError, match="is not authorized to perform"):
        getattr(gateway.client(service, nobody), operation)(**params)
    assert [seen for seen in spy.seen if seen[1] != "GET"] == []  # whether the source of a copy has tags is asked


# ---- Kansatsu's own paths -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/_kansatsu/reset", "/_kansatsu/", "/_kansatsu/admin", "/_kansatsu/health/x"])
def test_there_is_nothing_else_under_kansatsu(
    gateway: Gateway, marker: Callable[[], bool], path: str, method: str
) -> None:
    got = gateway.send(Ask(method, path))
    assert (got.status, json.loads(got.body)) == (404, {"message": f"There is nothing at {path}."})
    assert marker()
