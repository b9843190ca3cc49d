"""Shards are read by whom their stream allows, whatever the iterator says.

https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
"""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, Gateway
from .raw import REGION, statement

FIRST = {"ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
Ask = Callable[[], Any]


@pytest.fixture(scope="module")
def streams(gateway: Gateway) -> Iterator[tuple[str, str]]:
    """(one's own, another's), each with a record that is its name."""
    kinesis, names = gateway.client("kinesis"), (gateway.name("stream"), gateway.name("stream"))
    for name in names:
        kinesis.create_stream(StreamName=name, ShardCount=1)
        kinesis.put_record(StreamName=name, Data=name.encode(), PartitionKey="1")
    yield names
    for name in names:
        kinesis.delete_stream(StreamName=name)


def arn(name: str) -> str:
    return f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"


def code(ask: Ask) -> str:
    with pytest.raises(ClientError) as refused:
        ask()
    return str(refused.value.response["Error"]["Code"])


@pytest.mark.parametrize("closed", [False, True])
def test_an_iterator_reads_its_own_stream(gateway: Gateway, streams: tuple[str, str], *, closed: bool) -> None:
    own, other = streams
    limits = (
        [statement("Allow", "kinesis:*"), statement("Deny", "kinesis:*", arn(other))]
        if closed
        else [statement("Allow", "kinesis:*", arn(own))]
    )
    admin, client = gateway.client("kinesis"), gateway.client("kinesis", gateway.user(*limits))
    mine = client.get_shard_iterator(StreamName=own, **FIRST)["ShardIterator"]
    got = client.get_records(ShardIterator=mine)
    assert [item["Data"] for item in got["Records"]] == [own.encode()]
    assert client.get_records(ShardIterator=got["NextShardIterator"], StreamARN=arn(own))["Records"] == []
    theirs = admin.get_shard_iterator(StreamName=other, **FIRST)["ShardIterator"]
    assert [item["Data"] for item in admin.get_records(ShardIterator=theirs)["Records"]] == [other.encode()]
    for asked in ({"ShardIterator": theirs}, {"ShardIterator": theirs, "StreamARN": arn(own)}):
        assert code(lambda asked=asked: client.get_records(**asked)) == "AccessDeniedException"
    # The attack: the embedded backend's own iterator is a name in Base64.
    forged = base64.b64encode(f"{other}:{FIRST['ShardId']}:0".encode()).decode()
    assert code(lambda: client.get_records(ShardIterator=forged)) == "InvalidArgumentException"
    assert code(lambda: client.get_records(ShardIterator=mine[:-8] + "AAAAAAA=")) == "InvalidArgumentException"


def test_a_list_of_shards_goes_on_with_its_own_stream(gateway: Gateway) -> None:
    """The attack: a token is of a stream that the caller may not see; or somebody wrote it himself."""
    admin, tokens, names = gateway.client("kinesis"), [], [gateway.name("stream") for _ in range(2)]
    client = gateway.client("kinesis", gateway.user(statement("Allow", "kinesis:*", arn(names[0]))))
    for name in names:
        admin.create_stream(StreamName=name, ShardCount=3)
        tokens.append(admin.list_shards(StreamName=name, MaxResults=1)["NextToken"])
    own, other = tokens
    mine = {"StreamName": names[0], "MaxResults": 1}
    for beside in ({}, {"MaxResults": 2}, mine):
        assert len(client.list_shards(NextToken=own, **beside)["Shards"]) == 1
    for beside in ({}, {"StreamARN": arn(names[0])}, mine):
        assert code(lambda beside=beside: client.list_shards(NextToken=other, **beside)) == "AccessDeniedException"
    # And so the list is whole, page by page, as an SDK's paginator reads it.
    pages = client.get_paginator("list_shards").paginate(StreamName=names[0], PaginationConfig={"PageSize": 1})
    assert len({shard["ShardId"] for page in pages for shard in page["Shards"]}) == 3
    forged = base64.b64encode(names[1].encode()).decode()
    assert code(lambda: client.list_shards(NextToken=forged)) == "InvalidArgumentException"
    for name in names:
        admin.delete_stream(StreamName=name)


def test_an_iterator_of_two_names_needs_both(gateway: Gateway, streams: tuple[str, str]) -> None:
    """The attack: it is asked for by two names, of which the backend takes the one that may not be read."""
    own, other = streams
    anywhere = statement("Allow", "kinesis:GetShardIterator")
    client = gateway.client("kinesis", gateway.user(anywhere, statement("Allow", "kinesis:GetRecords", arn(own))))
    for name, of in ((own, other), (other, own)):
        given = client.get_shard_iterator(StreamName=name, StreamARN=arn(of), **FIRST)["ShardIterator"]
        assert code(lambda given=given: client.get_records(ShardIterator=given)) == "AccessDeniedException"


def test_a_stream_of_dynamodb_is_read_by_whom_it_allows(gateway: Gateway) -> None:
    dynamodb, made = gateway.client("dynamodb"), []
    for _ in range(2):
        name = gateway.name("table")
        told = dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        made.append((name, told["TableDescription"]["LatestStreamArn"]))
        dynamodb.put_item(TableName=name, Item={"pk": {"S": name}})
    (own, stream), (other, theirs) = made
    admin = gateway.client("dynamodbstreams")
    client = gateway.client("dynamodbstreams", gateway.user(statement("Allow", "dynamodb:*", stream)))

    def iterator(asked: Any, of: str) -> str:
        (shard,) = admin.describe_stream(StreamArn=of)["StreamDescription"]["Shards"]
        given = {"StreamArn": of, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        return str(asked.get_shard_iterator(**given)["ShardIterator"])

    got = client.get_records(ShardIterator=iterator(client, stream))
    assert [item["dynamodb"]["Keys"]["pk"]["S"] for item in got["Records"]] == [own]
    assert admin.get_records(ShardIterator=iterator(admin, theirs))["Records"]
    assert code(lambda: client.get_records(ShardIterator=iterator(admin, theirs))) == "AccessDeniedException"
    assert code(lambda: client.get_records(ShardIterator=theirs + "|1|2")) == "ValidationException"
    for name in (own, other):
        dynamodb.delete_table(TableName=name)
