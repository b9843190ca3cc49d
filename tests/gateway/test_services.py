"""Services behind the gateway through an SDK as it comes: all works for who may, nothing for who may not."""

import io
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, Gateway
from .raw import REGION, Ask, Keys, statement

Client = Callable[[str], Any]


def dynamodb(client: Client, name: str) -> None:
    db = client("dynamodb")
    db.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {"id": {"S": "a"}, "at": {"N": "1"}, "blob": {"B": b"\x00\xff"}}
    db.put_item(TableName=name, Item=item)
    assert db.get_item(TableName=name, Key={"id": {"S": "a"}, "at": {"N": "1"}})["Item"] == item
    db.batch_write_item(
        RequestItems={name: [{"PutRequest": {"Item": {"id": {"S": "a"}, "at": {"N": str(n)}}}} for n in (2, 3)]}
    )
    found = db.query(TableName=name, KeyConditionExpression="id = :id", ExpressionAttributeValues={":id": {"S": "a"}})
    assert [row["at"]["N"] for row in found["Items"]] == ["1", "2", "3"]
    with pytest.raises(db.exceptions.ConditionalCheckFailedException):
        db.put_item(TableName=name, Item=item, ConditionExpression="attribute_not_exists(id)")


def sqs(client: Client, name: str) -> None:
    queues = client("sqs")
    url = queues.create_queue(QueueName=name)["QueueUrl"]
    # The URL leads back through the gateway.
    assert url.startswith(queues.meta.endpoint_url + "/")
    assert url.endswith(f"/{ACCOUNT}/{name}")
    queues.send_message(QueueUrl=url, MessageBody="hello")
    [message] = queues.receive_message(QueueUrl=url)["Messages"]
    assert message["Body"] == "hello"
    queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def sns(client: Client, name: str) -> None:
    topics = client("sns")
    arn = topics.create_topic(Name=name)["TopicArn"]
    assert arn == f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"
    assert topics.publish(TopicArn=arn, Message="hello")["MessageId"]


def ssm(client: Client, name: str) -> None:
    parameters = client("ssm")
    parameters.put_parameter(Name=f"/{name}/a", Value="x", Type="SecureString")
    found = parameters.get_parameter(Name=f"/{name}/a", WithDecryption=True)["Parameter"]
    assert (found["Value"], found["Version"]) == ("x", 1)


def secretsmanager(client: Client, name: str) -> None:
    secrets = client("secretsmanager")
    secrets.create_secret(Name=name, SecretString="s3cret")
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == "s3cret"


def functions(client: Client, name: str) -> None:
    assert name not in [found["FunctionName"] for found in client("lambda").list_functions()["Functions"]]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client("lambda").get_function(FunctionName=name)


def cloudwatch(client: Client, name: str) -> None:
    metrics = client("cloudwatch")
    metrics.put_metric_data(Namespace=name, MetricData=[{"MetricName": "m", "Value": 1.5}])
    assert [found["MetricName"] for found in metrics.list_metrics(Namespace=name)["Metrics"]] == ["m"]


def kinesis(client: Client, name: str) -> None:
    streams = client("kinesis")
    streams.create_stream(StreamName=name, ShardCount=1)
    assert streams.put_record(StreamName=name, Data=b"\x00\x01", PartitionKey="p")["ShardId"]
    assert name in streams.list_streams()["StreamNames"]


def events(client: Client, name: str) -> None:
    bus = client("events")
    bus.put_rule(Name=name, ScheduleExpression="rate(1 hour)")
    assert [rule["Name"] for rule in bus.list_rules(NamePrefix=name)["Rules"]] == [name]


def logs(client: Client, name: str) -> None:
    groups = client("logs")
    groups.create_log_group(logGroupName=name)
    groups.create_log_stream(logGroupName=name, logStreamName="s")
    now = int(datetime.now(UTC).timestamp() * 1000)
    groups.put_log_events(logGroupName=name, logStreamName="s", logEvents=[{"timestamp": now, "message": "hello"}])
    found = groups.get_log_events(logGroupName=name, logStreamName="s")["events"]
    assert [event["message"] for event in found] == ["hello"]


def kms(client: Client, name: str) -> None:
    keys = client("kms")
    key = keys.create_key(Description=name)["KeyMetadata"]["KeyId"]
    sealed = keys.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert keys.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"


def stepfunctions(client: Client, name: str) -> None:
    machines = client("stepfunctions")
    assert name not in [found["name"] for found in machines.list_state_machines()["stateMachines"]]
    with pytest.raises(ClientError, match="StateMachineDoesNotExist"):
        machines.describe_state_machine(stateMachineArn=f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}")


def route53(client: Client, name: str) -> None:
    zones = client("route53")
    made = zones.create_hosted_zone(Name=f"{name}.example.", CallerReference=name)["HostedZone"]["Id"]
    assert made in [found["Id"] for found in zones.list_hosted_zones()["HostedZones"]]


def s3(client: Client, name: str) -> None:
    store = client("s3")
    store.create_bucket(Bucket=name)
    for key in ("a b", "ä/ö", "plus+sign", "per%20cent", "dir/a", "dir/b"):
        store.put_object(Bucket=name, Key=key, Body=key.encode(), Metadata={"k": "v"}, ContentType="text/plain")
        got = store.get_object(Bucket=name, Key=key)
        assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (key.encode(), {"k": "v"}, "text/plain")
    store.copy_object(Bucket=name, Key="copy", CopySource={"Bucket": name, "Key": "ä/ö"})
    assert store.get_object(Bucket=name, Key="copy")["Body"].read() == "ä/ö".encode()
    pages = store.get_paginator("list_objects_v2").paginate(Bucket=name, PaginationConfig={"PageSize": 2})
    assert len([found for page in pages for found in page["Contents"]]) == 7
    listed = store.list_objects_v2(Bucket=name, Delimiter="/")
    assert sorted(found["Prefix"] for found in listed["CommonPrefixes"]) == ["dir/", "ä/"]
    gone = store.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "a b"}, {"Key": "ä/ö"}]})
    assert len(gone["Deleted"]) == 2
    store.put_object_tagging(Bucket=name, Key="copy", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert store.get_object_tagging(Bucket=name, Key="copy")["TagSet"] == [{"Key": "a", "Value": "b"}]
    with pytest.raises(store.exceptions.NoSuchKey):
        store.get_object(Bucket=name, Key="a b")


USES = {
    "cloudwatch": cloudwatch,
    "dynamodb": dynamodb,
    "events": events,
    "kinesis": kinesis,
    "kms": kms,
    "lambda": functions,
    "logs": logs,
    "route53": route53,
    "s3": s3,
    "secretsmanager": secretsmanager,
    "sns": sns,
    "sqs": sqs,
    "ssm": ssm,
    "stepfunctions": stepfunctions,
}


@pytest.mark.parametrize("service", USES)
def test_a_service_works_for_who_may(gateway: Gateway, service: str) -> None:
    USES[service](gateway.client, gateway.name("use"))


@pytest.fixture(scope="module")
def nobody(gateway: Gateway) -> Keys:
    return gateway.user()


# service -> (a call, code, status)
REFUSED: dict[str, tuple[Callable[[Any], Any], str, int]] = {
    "cloudwatch": (lambda c: c.list_metrics(), "AccessDenied", 400),
    "dynamodb": (lambda c: c.list_tables(), "AccessDeniedException", 400),
    "events": (lambda c: c.list_rules(), "AccessDeniedException", 400),
    "kinesis": (lambda c: c.list_streams(), "AccessDeniedException", 400),
    "kms": (lambda c: c.list_keys(), "AccessDeniedException", 400),
    "lambda": (lambda c: c.list_functions(), "AccessDeniedException", 403),
    "logs": (lambda c: c.describe_log_groups(), "AccessDeniedException", 400),
    "route53": (lambda c: c.list_hosted_zones(), "AccessDenied", 403),
    "s3": (lambda c: c.list_buckets(), "AccessDenied", 403),
    "secretsmanager": (lambda c: c.list_secrets(), "AccessDeniedException", 400),
    "sns": (lambda c: c.list_topics(), "AuthorizationError", 403),
    "sqs": (lambda c: c.list_queues(), "AccessDenied", 400),
    "ssm": (lambda c: c.describe_parameters(), "AccessDeniedException", 400),
    "stepfunctions": (lambda c: c.list_state_machines(), "AccessDeniedException", 400),
}


@pytest.mark.parametrize("service", USES)
def test_a_service_is_refused_to_who_may_not(gateway: Gateway, nobody: Keys, service: str) -> None:
    call, code, status = REFUSED[service]
    with pytest.raises(ClientError) as refused:
        call(gateway.client(service, nobody))
    said = refused.value.response
    assert (said["Error"]["Code"], said["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert f"user/{nobody.name} is not authorized to perform: {service_prefix(service)}:" in said["Error"]["Message"]


def service_prefix(service: str) -> str:
    return {"stepfunctions": "states"}.get(service, service)


def test_a_policy_on_star_allows_what_is_not_resolved(gateway: Gateway) -> None:
    keys = gateway.user(statement("Allow", "sqs:ListQueues"))
    client = gateway.client("sqs", keys)
    client.list_queues()
    with pytest.raises(ClientError, match="sqs:CreateQueue"):
        client.create_queue(QueueName="queue")
    narrow = gateway.user(statement("Allow", "athena:*", f"arn:aws:athena:*:{ACCOUNT}:*"))
    with pytest.raises(ClientError, match=r"only a policy on \* allows it"):
        gateway.client("athena", narrow).batch_get_named_query(NamedQueryIds=["x"])


# ---- S3's other ways in ---------------------------------------------------------------------------------------------


def fetch(url: str, method: str = "GET", data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


def test_presigned_urls_of_the_sdk(gateway: Gateway) -> None:
    bucket = gateway.bucket()
    mine = gateway.user(statement("Allow", ["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/mine/*"))
    client = gateway.client("s3", mine, signature_version="s3v4")

    def url(operation: str, key: str) -> str:
        return str(client.generate_presigned_url(operation, Params={"Bucket": bucket, "Key": key}, ExpiresIn=60))

    assert fetch(url("put_object", "mine/a b"), "PUT", b"hello", **{"Content-Type": "text/plain"})[0] == 200
    assert fetch(url("get_object", "mine/a b")) == (200, b"hello")
    # The URL carries its signer's permissions, no more.
    assert fetch(url("get_object", "other"))[0] == 403
    assert fetch(url("get_object", "mine/a b").replace("mine/a%20b", "other"))[0] == 403
    assert fetch(url("get_object", "mine/a b"), "PUT", b"x", **{"Content-Type": "text/plain"})[0] == 403
    gateway.iam.update_access_key(UserName=mine.name, AccessKeyId=mine.id, Status="Inactive")
    assert fetch(url("get_object", "mine/a b"))[0] == 403


def test_a_presigned_url_of_a_session(gateway: Gateway) -> None:
    bucket = gateway.bucket()
    gateway.client("s3").put_object(Bucket=bucket, Key="k", Body=b"hello")
    session = gateway.assume(gateway.common_role)
    url = gateway.client("s3", session, signature_version="s3v4").generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=60
    )
    assert fetch(url) == (200, b"hello")
    assert fetch(url.replace("X-Amz-Security-Token=", "X-Amz-Security-Token=AA"))[0] in (400, 403)


def test_a_bucket_in_the_host(gateway: Gateway) -> None:
    bucket, other = gateway.bucket(), gateway.bucket()
    keys = gateway.user(statement("Allow", "s3:*", [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]))
    for host in (f"{bucket}.s3.amazonaws.com", f"{bucket}.s3.us-east-1.amazonaws.com", f"{bucket}.localhost:4566"):
        at = {"host": host}
        assert gateway.ask(Ask("PUT", "/k", headers=at, body=b"hello"), keys, "s3").status == 200
        assert gateway.ask(Ask("GET", "/k", headers=at), keys, "s3").body == b"hello"
        # A path that names another bucket is a key of this one.
        assert gateway.ask(Ask("PUT", f"/{other}/k", headers=at, body=b"x"), keys, "s3").status == 200
        denied = gateway.ask(Ask("GET", f"/{bucket}/k", headers={"host": host.replace(bucket, other)}), keys, "s3")
        assert denied.code == "AccessDenied"
    assert "Contents" not in gateway.client("s3").list_objects_v2(Bucket=other)
    keys_of = [found["Key"] for found in gateway.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys_of == [f"{other}/k", "k"]


def test_a_key_that_looks_like_a_path_of_ours(gateway: Gateway) -> None:
    bucket = gateway.bucket()
    for key in ("_kansatsu/health", "moto-api/reset", "../x", "a/../b", "a//b", "a?b", "a#b", "100%", "é"):
        gateway.client("s3").put_object(Bucket=bucket, Key=key, Body=key.encode())
    at = {"host": f"{bucket}.s3.amazonaws.com"}
    for key in ("_kansatsu/health", "_kansatsu/reset"):
        ask = Ask("PUT", f"/{key}", headers=at, body=b"mine")
        assert gateway.ask(ask, gateway.admin, "s3").status == 200
        assert gateway.ask(Ask("GET", f"/{key}", headers=at), gateway.admin, "s3").body == b"mine"
    listed = gateway.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert {found["Key"] for found in listed} >= {"_kansatsu/health", "moto-api/reset", "a//b", "a?b", "a#b", "100%"}


def test_an_object_of_a_stream(gateway: Gateway) -> None:
    bucket = gateway.bucket()
    gateway.client("s3").upload_fileobj(io.BytesIO(b"x" * 100_000), bucket, "stream")
    assert gateway.client("s3").head_object(Bucket=bucket, Key="stream")["ContentLength"] == 100_000


def test_cloudwatch_in_each_of_its_protocols(gateway: Gateway, nobody: Keys) -> None:
    query = Ask(
        "POST",
        headers={"content-type": "application/x-www-form-urlencoded"},
        body=b"Action=ListMetrics&Version=2010-08-01",
    )
    target = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "GraniteServiceVersion20100801.ListMetrics"}
    cbor = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor", "accept": "application/cbor"}
    asks = {
        "query": query,
        "json": Ask("POST", headers=target, body=b"{}"),
        "cbor": Ask(
            "POST", "/service/GraniteServiceVersion20100801/operation/ListMetrics", headers=cbor, body=b"\xbf\xff"
        ),
    }
    for protocol, ask in asks.items():
        got = gateway.ask(ask, gateway.admin, "monitoring")
        # The embedded backend has no CBOR: it answers with a web page, we in the protocol that was asked for.
        assert got.status == (501 if protocol == "cbor" else 200), protocol
        assert "html" not in got.headers["content-type"]
        got = gateway.ask(ask, nobody, "monitoring")
        assert got.status in (400, 403), protocol
        assert b"cloudwatch:ListMetrics" in got.body, protocol


@pytest.mark.parametrize(
    ("keys", "query_code", "json_code"),
    [
        (Keys("test", "test"), "InvalidClientTokenId", "UnrecognizedClientException"),
        (None, "AccessDenied", "AccessDeniedException"),
    ],
)
def test_a_service_that_was_query_once_says_both_codes(
    gateway: Gateway, nobody: Keys, keys: Keys | None, query_code: str, json_code: str
) -> None:
    """SDKs of both ages recognise the error: the older code in a header, the newer one in the body."""
    target = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.ListQueues"}
    got = gateway.ask(Ask("POST", headers=target, body=b"{}"), keys or nobody, "sqs")
    assert got.headers["x-amzn-query-error"] == f"{query_code};Sender"
    assert got.code == json_code
    form = {"content-type": "application/x-www-form-urlencoded"}
    got = gateway.ask(Ask("POST", headers=form, body=b"Action=ListQueues&Version=2012-11-05"), keys or nobody, "sqs")
    assert (got.status, got.code) == (403, query_code)


def test_a_web_page_in_the_place_of_an_answer_is_no_answer(gateway: Gateway) -> None:
    """An operation that AWS has and the backend has not."""
    target = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "AWSCodeStar_20170419.ListProjects"}
    for ask, service in (
        (Ask("POST", headers=target, body=b"{}"), "codestar"),
        (Ask("GET", "/v1/apis"), "appsync"),
        (Ask("GET", "/registrations"), "backup"),
    ):
        got = gateway.ask(ask, gateway.admin, service)
        assert "text/html" not in got.headers["content-type"], service


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("accessanalyzer", "list_analyzers", {}),  # a service that the embedded backend does not have
        ("dynamodb", "list_global_tables", {}),  # an operation that it does not have
    ],
)
def test_what_the_backend_does_not_have_is_not_implemented(
    gateway: Gateway, service: str, operation: str, params: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(gateway.client(service), operation)(**params)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    assert "The backend does not implement" in refused.value.response["Error"]["Message"]
