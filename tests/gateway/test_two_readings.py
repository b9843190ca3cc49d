"""One request, two readers: what the gateway authorizes is what the backend reads, or nothing is done.

Each test is an attack that worked, or would, where the two take different things out of the same bytes.
"""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from kansatsu.http import HttpRequest

from . import raw
from .conftest import ACCOUNT, WAIT, Gateway
from .raw import REGION, Ask, Keys, statement

TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/"


@pytest.fixture(scope="module")
def tables(gateway: Gateway) -> Iterator[None]:
    dynamodb = gateway.client("dynamodb")
    for name in ("readable", "secrets"):
        dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        dynamodb.put_item(TableName=name, Item={"id": {"S": f"of {name}"}})
    yield
    for name in ("readable", "secrets"):
        dynamodb.delete_table(TableName=name)


@pytest.fixture(scope="module")
def reader(gateway: Gateway, tables: None) -> Keys:
    return gateway.user(statement("Allow", "dynamodb:*", TABLE + "readable"))


@pytest.mark.parametrize(
    "behind", ['a, "secrets" b', ', "secrets"', 'a JOIN "secrets" b ON 1=1', '; SELECT * FROM "secrets"']
)
def test_a_statement_reads_the_table_that_is_authorized(gateway: Gateway, reader: Keys, behind: str) -> None:
    dynamodb = gateway.client("dynamodb", reader)
    read = dynamodb.execute_statement(Statement='SELECT * FROM "readable"')["Items"]
    assert read == [{"id": {"S": "of readable"}}]
    text = f'SELECT * FROM "readable" {behind}'
    for ask in (
        lambda: dynamodb.execute_statement(Statement=text),
        lambda: dynamodb.batch_execute_statement(Statements=[{"Statement": text}]),
        lambda: dynamodb.execute_transaction(TransactStatements=[{"Statement": text}]),
    ):
        with pytest.raises(dynamodb.exceptions.ClientError, match="Statement wasn't well formed") as refused:
            ask()
        assert refused.value.response["Error"]["Code"] == "ValidationException"


def get_item(body: bytes) -> Ask:
    headers = {"x-amz-target": "DynamoDB_20120810.GetItem", "content-type": "application/x-amz-json-1.0"}
    return Ask("POST", headers=headers, body=body)


KEY = b'"Key":{"id":{"S":"of secrets"}}'


@pytest.mark.parametrize(
    "names",
    [
        b'"TableName":"readable","TableName":"secrets"',
        b'"TableName":"secrets","TableName":"readable"',
        b'"TableName":"readable","\\u0054ableName":"secrets"',
        b'"TableName":"readable","tablename":"secrets"',
        b'"TABLENAME":"secrets","TableName":"readable"',
        b'"TableName":"readable","TableName\\u0000":"secrets"',
        b'"TableName":"readable","Con\\u017fi\\u017ftentRead":true',
    ],
)
def test_a_key_that_is_given_twice_means_nothing(gateway: Gateway, reader: Keys, names: bytes) -> None:
    got = gateway.ask(get_item(b"{%s,%s}" % (names, KEY)), reader, "dynamodb")
    assert (got.status, got.code) == (400, "SerializationException")
    assert gateway.ask(get_item(b'{"TableName":"readable",%s}' % KEY), reader, "dynamodb").body == b"{}"


@pytest.mark.parametrize(
    ("more", "query"),
    [
        ({"x-amz-target": "DynamoDB_20120810.GetItem,DynamoDB_20120810.Scan"}, ""),
        ({"content-type": "application/x-www-form-urlencoded"}, "Action=Scan"),
    ],
)
def test_an_operation_that_is_named_twice_is_none(
    gateway: Gateway, reader: Keys, more: dict[str, str], query: str
) -> None:
    ask = get_item(json.dumps({"TableName": "readable"}).encode())
    got = gateway.ask(replace(ask, query=query, headers={**ask.headers, **more}), reader, "dynamodb")
    assert got.status == 400 and b"of " not in got.body


@pytest.fixture
def passed(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> list[HttpRequest]:
    """What the backend is asked."""
    found: list[HttpRequest] = []
    real = gateway.backend.call

    async def call(account: str, region: str, service: str, request: HttpRequest, *rest: Any, **more: Any) -> Any:
        found.append(request)
        return await real(account, region, service, request, *rest, **more)

    monkeypatch.setattr(gateway.backend, "call", call)
    return found


def test_what_only_other_servers_know_does_not_go_on(gateway: Gateway, passed: list[HttpRequest]) -> None:
    bucket = gateway.bucket()
    keys = gateway.user(statement("Allow", "s3:DeleteBucket", f"arn:aws:s3:::{bucket}"))
    headers = {"x-minio-force-delete": "true", "x-emc-force": "1", "x_amz_copy_source": "/b/k", "x-amz-tagging": "a=b"}
    ask = Ask("DELETE", f"/{bucket}", query="force=true", headers=headers, body=b"")
    assert gateway.ask(ask, keys, "s3").status == 204
    (sent,) = [one for one in passed if one.method == "DELETE"]
    assert not sent.query and not {"force", "copy", "tagging"} & set(
        "-".join(sent.headers).replace("_", "-").split("-")
    )


@pytest.mark.parametrize("protocol", ["json", "query"])
def test_a_path_names_no_other_queue(gateway: Gateway, passed: list[HttpRequest], protocol: str) -> None:
    """The attack: a server that finds the queue in the path, as SQS itself once did, for a QueueUrl of another one."""
    sqs = gateway.client("sqs")
    urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("open-queue", "other-queue")}
    keys = gateway.user(statement("Allow", "sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:open-queue"))
    passed.clear()
    told = {"QueueUrl": urls["open-queue"], "MessageBody": "hello"}
    if protocol == "json":
        headers = {"x-amz-target": "AmazonSQS.SendMessage", "content-type": "application/x-amz-json-1.0"}
        body = json.dumps(told).encode()
    else:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        body = urlencode({"Action": "SendMessage", "Version": "2012-11-05", **told}).encode()
    got = gateway.ask(Ask("POST", f"/{ACCOUNT}/other-queue", headers=headers, body=body), keys, "sqs")
    assert got.status == 200, got
    assert [one.path for one in passed if b"hello" in one.body] == ["/"]
    assert "Messages" not in sqs.receive_message(QueueUrl=urls["other-queue"])
    assert sqs.receive_message(QueueUrl=urls["open-queue"])["Messages"][0]["Body"] == "hello"
    for url in urls.values():
        sqs.delete_queue(QueueUrl=url)


def test_a_form_field_is_not_taken_apart_again(gateway: Gateway, passed: list[HttpRequest]) -> None:
    keys = gateway.user(statement("Allow", "sns:ListTopics"))
    body = b"Action=ListTopics&Version=2010-03-31&x%26Action%3DCreateTopic%26Name=made&NextToken="
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert gateway.ask(Ask("POST", headers=headers, body=body), keys, "sns").status == 200
    assert [one.body for one in passed] == [b"Action=ListTopics&Version=2010-03-31&NextToken="]


@pytest.mark.parametrize(
    "more",
    [
        ["content-length: 5", "content-length: 50"],
        ["content-length: 5", "transfer-encoding: chunked"],
        ["transfer-encoding: chunked", "transfer-encoding: identity"],
        ["transfer-encoding: x, chunked", "content-length: 3"],
        ["content-length: +5"],
        ["content-length: 5, 5"],
        ["content-length : 5"],
        ["x-a: b\r\n folded: c", "content-length: 5, 6"],
    ],
)
def test_a_length_that_is_said_twice_ends_the_connection(gateway: Gateway, more: list[str]) -> None:
    """The attack: what one takes for the body of a request is the next request to the other."""
    smuggled = "GET /smuggled HTTP/1.1\r\nhost: h\r\n\r\n"
    head = "\r\n".join(["POST / HTTP/1.1", "host: h", *more, "", ""])
    with socket.create_connection(gateway.address) as connection:
        connection.settimeout(WAIT)
        connection.sendall((head + "0\r\n\r\n" + smuggled).encode())
        connection.shutdown(socket.SHUT_WR)
        got = b"".join(iter(lambda: connection.recv(65536), b""))
    assert got.startswith(b"HTTP/1.1 400 ") and got.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("hosts", [("a", "b"), ("sqs.us-east-1.amazonaws.com", "s3.us-east-1.amazonaws.com")])
def test_two_hosts_are_no_host(gateway: Gateway, passed: list[HttpRequest], hosts: tuple[str, str]) -> None:
    bucket = gateway.bucket()
    passed.clear()
    signed = raw.sign(Ask("GET", f"/{bucket}"), gateway.admin, "s3", host=",".join(hosts))
    lines = [f"{name}: {value}" for name, value in signed.headers.items() if name != "host"]
    head = "\r\n".join(
        [f"GET /{bucket} HTTP/1.1", *(f"host: {host}" for host in hosts), *lines, "connection: close", "", ""]
    )
    with socket.create_connection(gateway.address) as connection:
        connection.settimeout(WAIT)
        connection.sendall(head.encode())
        got = b"".join(iter(lambda: connection.recv(65536), b""))
    assert got.startswith(b"HTTP/1.1 400 "), got
    assert not passed
