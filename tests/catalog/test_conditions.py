"""Condition keys that come from parameters, and that what cannot be read never looks like nothing.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

from typing import Any

import pytest

from kansatsu import catalog, wire
from kansatsu.errors import Unimplemented

ACCOUNT, REGION = "123456789012", "eu-west-1"
BUCKET, OBJECT = {"Bucket": "b"}, {"Bucket": "b", "Key": "k/l"}
KEY = {"pk": {"S": "me"}}
TABLE = {"TableName": "t"}
QUERY = {**TABLE, "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "me"}}}


def resolve(service: str, operation: str, params: dict[str, Any], **more: Any) -> tuple[catalog.Authorization, ...]:
    return catalog.resolve(wire.load_service(service).operation(operation), params, ACCOUNT, REGION, **more)


ME = {"dynamodb:leadingkeys": ("me",), "dynamodb:firstpartitionkeyvalues": ("me",)}


@pytest.mark.parametrize(
    ("service", "operation", "params", "expected"),
    [
        (
            "s3",
            "ListObjectsV2",
            {**BUCKET, "Prefix": "home/", "Delimiter": "/", "MaxKeys": 5},
            {"s3:prefix": "home/", "s3:delimiter": "/", "s3:max-keys": "5"},
        ),
        ("s3", "GetObject", {**OBJECT, "VersionId": "v"}, {"s3:versionid": "v"}),
        (
            "s3",
            "PutObject",
            {
                **OBJECT,
                "ServerSideEncryption": "aws:kms",
                "SSEKMSKeyId": "k",
                "StorageClass": "GLACIER",
                "Tagging": "A=1&B=2",
            },
            {
                "s3:x-amz-server-side-encryption": "aws:kms",
                "s3:x-amz-server-side-encryption-aws-kms-key-id": "k",
                "s3:x-amz-storage-class": "GLACIER",
                "s3:requestobjecttag/a": "1",
                "s3:requestobjecttag/b": "2",
                "s3:requestobjecttagkeys": ("A", "B"),
                "s3:objectcreationoperation": "true",
            },
        ),
        (
            "s3",
            "CopyObject",
            {**OBJECT, "CopySource": "s/x%20y", "MetadataDirective": "COPY"},
            {
                "s3:x-amz-copy-source": "s/x y",
                "s3:x-amz-metadata-directive": "COPY",
                "s3:objectcreationoperation": "true",
            },
        ),
        (
            "s3",
            "CreateBucket",
            {**BUCKET, "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}},
            {"s3:locationconstraint": "eu-west-1"},
        ),
        (
            "s3",
            "PutObjectRetention",
            {**OBJECT, "Retention": {"Mode": "GOVERNANCE"}},
            {"s3:object-lock-mode": "GOVERNANCE"},
        ),
        (
            "dynamodb",
            "GetItem",
            {**TABLE, "Key": KEY, "ProjectionExpression": "#n, a.b[0].c", "ExpressionAttributeNames": {"#n": "name"}},
            {**ME, "dynamodb:attributes": ("a", "name", "pk"), "dynamodb:select": "SPECIFIC_ATTRIBUTES"},
        ),
        (
            "dynamodb",
            "Query",
            {**QUERY, "Select": "COUNT", "ReturnConsumedCapacity": "TOTAL"},
            {
                **ME,
                "dynamodb:attributes": ("pk",),
                "dynamodb:select": "COUNT",
                "dynamodb:returnconsumedcapacity": "TOTAL",
            },
        ),
        (
            "dynamodb",
            "UpdateItem",
            {
                **TABLE,
                "Key": KEY,
                "UpdateExpression": "SET a = if_not_exists(b, :v) REMOVE c",
                "ReturnValues": "ALL_OLD",
            },
            {
                **ME,
                "dynamodb:attributes": ("a", "b", "c", "pk"),
                "dynamodb:returnvalues": "ALL_OLD",
            },
        ),
        (
            "dynamodb",
            "TransactGetItems",
            {"TransactItems": [{"Get": {**TABLE, "Key": KEY}}]},
            {
                "dynamodb:enclosingoperation": "TransactGetItems",
                **ME,
                "dynamodb:attributes": ("pk",),
                "dynamodb:select": "ALL_ATTRIBUTES",
            },
        ),
        (
            "ec2",
            "CreateTags",
            {"Resources": ["vpc-1"], "Tags": [{"Key": "Name", "Value": "x"}]},
            {"ec2:region": REGION, "ec2:vpcid": "vpc-1", "aws:requesttag/name": "x", "aws:tagkeys": ("Name",)},
        ),
    ],
)
def test_condition_keys(service: str, operation: str, params: dict[str, Any], expected: dict[str, Any]) -> None:
    assert dict(resolve(service, operation, params)[0].context) == expected


TWO_KEYS = {"pk": {"S": "me"}, "sk": {"S": "you"}}


@pytest.mark.parametrize(
    ("operation", "params", "known", "leading"),
    [
        ("GetItem", {**TABLE, "Key": TWO_KEYS}, None, {"me", "you"}),
        ("GetItem", {**TABLE, "Key": TWO_KEYS}, "pk", {"me"}),
        ("PutItem", {**TABLE, "Item": {}}, None, {"\ufffd"}),
        ("Query", {**TABLE, "KeyConditionExpression": "begins_with(pk, :x)"}, None, {"\ufffd"}),
        (
            "ExecuteStatement",
            {"Statement": """SELECT * FROM "t" WHERE pk = ?""", "Parameters": [{"S": "me"}]},
            None,
            {"me", "\ufffd"},
        ),
    ],
)
def test_leading_keys_are_never_fewer_than_aws_sees(
    operation: str, params: dict[str, Any], known: str | None, leading: set[str]
) -> None:
    """ForAllValues is true of no value at all: what cannot be read must not look like nothing."""
    check = resolve("dynamodb", operation, params, partition_keys=lambda *_names: (known,) if known else ())[0]
    assert set(check.context["dynamodb:leadingkeys"]) == leading
    assert check.exact == (known is not None)


def test_an_index_with_several_partition_keys_has_a_key_for_each() -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html"""
    asked = {
        **TABLE, "IndexName": "i", "KeyConditionExpression": "b = :b AND a = :a AND c > :c",
        "ExpressionAttributeValues": {":a": {"S": "1"}, ":b": {"N": "2"}, ":c": {"S": "3"}},
    }  # fmt: skip
    schemas = {("t", ""): ("pk",), ("t", "i"): ("a", "b")}
    check = resolve("dynamodb", "Query", asked, partition_keys=lambda *names: schemas[names])[0]
    places = {key: value for key, value in check.context.items() if "partition" in key or "leading" in key}
    assert places == {
        "dynamodb:leadingkeys": ("1",),
        "dynamodb:firstpartitionkeyvalues": ("1",),
        "dynamodb:secondpartitionkeyvalues": ("2",),
    }
    assert check.exact


@pytest.mark.parametrize(
    ("service", "operation", "params", "key"),
    [
        ("s3", "PutObject", {**OBJECT, "Tagging": "env=prod&env=dev"}, "s3:requestobjecttag/env"),
        ("s3", "PutObject", {**OBJECT, "Tagging": "Env=prod&env=dev"}, "s3:requestobjecttag/env"),
        ("sqs", "CreateQueue", {"QueueName": "q", "tags": {"Env": "prod", "env": "dev"}}, "aws:requesttag/env"),
        (
            "ec2",
            "CreateVolume",
            {
                "AvailabilityZone": "a",
                "TagSpecifications": [
                    {"ResourceType": "volume", "Tags": [{"Key": "env", "Value": value}]} for value in ("prod", "dev")
                ],
            },
            "aws:requesttag/env",
        ),
    ],
)
def test_of_a_tag_that_is_given_twice_no_value_hides_another(
    service: str, operation: str, params: dict[str, Any], key: str
) -> None:
    """The attack: a policy wants `env` to be `dev`, and the backend keeps the other one."""
    found = resolve(service, operation, params)
    assert {item.context.get(key) for item in found} == {"prod", "dev"}


def test_tags_that_can_be_read_in_too_many_ways() -> None:
    given = {f"{name}{i}": name for i in range(7) for name in ("K", "k")}
    with pytest.raises(Unimplemented):
        resolve("sqs", "CreateQueue", {"QueueName": "q", "tags": given})


@pytest.mark.parametrize(
    ("operation", "params", "expected"),
    [
        ("CreateEventSourceMapping", {"FunctionName": "f"}, [("*", "function:f")]),
        ("CreateEventSourceMapping", {"FunctionName": "f:live"}, [("*", "function:f:live")]),
        ("UpdateEventSourceMapping", {"UUID": "1", "FunctionName": "f"}, [("1", ""), ("1", "function:f")]),
        ("UpdateEventSourceMapping", {"UUID": "1"}, [("1", "")]),
        ("UpdateEventSourceMapping", {"UUID": "1", "FunctionName": "f*"}, [("?", "")]),
        ("UpdateEventSourceMapping", {"UUID": "*", "FunctionName": "f"}, [("?", "")]),
        ("DeleteEventSourceMapping", {"UUID": "1"}, [("1", "")]),
        ("CreateEventSourceMapping", {"FunctionName": "function"}, [("?", "")]),
        ("CreateEventSourceMapping", {}, [("?", "")]),
        ("DeleteFunctionUrlConfig", {"FunctionName": "f"}, [("function:f", "function:f")]),
    ],
)
def test_the_function_of_a_mapping(operation: str, params: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Which function it has, the backend tells (resources.properties); which it shall have, the request."""
    prefix = f"arn:aws:lambda:{REGION}:{ACCOUNT}:"
    resources = {"*": ("*", True), "?": ("*", False), "1": (f"{prefix}event-source-mapping:1", True)}
    found = resolve("lambda", operation, params)
    assert [(item.resource, item.exact, item.context.get("lambda:functionarn")) for item in found] == [
        (*resources.get(what, (prefix + what, True)), prefix + function if function else None)
        for what, function in expected
    ]
