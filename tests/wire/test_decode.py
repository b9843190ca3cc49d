"""Whatever a client sends, it gets a value or an AWS error; nothing is read in two ways."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kansatsu import wire
from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest

FORM = {"content-type": "application/x-www-form-urlencoded"}


def form(body: bytes) -> HttpRequest:
    return HttpRequest("POST", "/", "", FORM, body)


def read(service: str, operation: str, request: HttpRequest) -> dict[str, Any]:
    return wire.decode(wire.load_service(service).operation(operation), request)


@pytest.mark.parametrize(
    ("service", "operation", "body", "expected"),
    [
        ("iam", "CreateUser", b"UserName=a%2Bb+c&Unknown.1.x=3", {"UserName": "a+b c"}),
        (
            "iam",
            "CreateUser",
            b"Tags.member.2.Key=b&Tags.member.1.Key=a&Tags.member.10.Key=c",
            {"Tags": [{"Key": "a"}, {"Key": "b"}, {"Key": "c"}]},
        ),
        ("iam", "CreateUser", b"Tags=", {"Tags": []}),
        ("iam", "ListUsers", b"MaxItems=10&PathPrefix=", {"MaxItems": 10, "PathPrefix": ""}),
        ("iam", "CreateLoginProfile", b"PasswordResetRequired=TRUE", {"PasswordResetRequired": True}),
        (
            "ec2",
            "DescribeInstances",
            b"Filter.1.Name=tag%3AA&Filter.1.Value.1=x&InstanceId.1=i-1&MaxResults=5",
            {"Filters": [{"Name": "tag:A", "Values": ["x"]}], "InstanceIds": ["i-1"], "MaxResults": 5},
        ),
        (
            "ec2",
            "AssociateIamInstanceProfile",
            b"IamInstanceProfile.Name=p&InstanceId=i-1",
            {"IamInstanceProfile": {"Name": "p"}, "InstanceId": "i-1"},
        ),
        (
            "ec2",
            "DescribeSpotPriceHistory",
            b"StartTime=2026-01-31T12:00:00.000Z",
            {"StartTime": datetime(2026, 1, 31, 12, tzinfo=UTC)},
        ),
    ],
)
def test_forms(service: str, operation: str, body: bytes, expected: dict[str, Any]) -> None:
    assert read(service, operation, form(body)) == expected


@pytest.mark.parametrize(
    "text", ["2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", "1769860800", "Sat, 31 Jan 2026 12:00:00 GMT"]
)
def test_every_form_of_a_timestamp(text: str) -> None:
    body = b"StartTime=" + text.replace("+", "%2B").encode()
    assert read("ec2", "DescribeSpotPriceHistory", form(body)) == {"StartTime": datetime(2026, 1, 31, 12, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("service", "operation", "body", "code"),
    [
        ("iam", "ListUsers", b"MaxItems=many", "MalformedInput"),
        ("iam", "ListUsers", b"MaxItems=99999999999", "MalformedInput"),
        ("iam", "ListUsers", b"MaxItems=1_0", "MalformedInput"),
        ("iam", "ListUsers", "MaxItems=\u0661".encode(), "MalformedInput"),
        ("iam", "CreateUser", b"UserName.x=1", "MalformedInput"),
        ("iam", "CreateUser", b"UserName=a&UserName=b", "MalformedInput"),
        ("iam", "CreateUser", b"UserName=a&User%4Eame=b", "MalformedInput"),
        ("iam", "CreateUser", b"Tags=x", "MalformedInput"),
        ("iam", "CreateUser", b"Tags.member.01.Key=a&Tags.member.1.Key=b", "MalformedInput"),
        ("iam", "CreateUser", b"Tags.member.x.Key=a", "MalformedInput"),
        ("iam", "CreateUser", b"UserName=%ff", "MalformedInput"),
        ("iam", "CreateUser", b"UserName=\xff", "MalformedInput"),
        ("iam", "CreateUser", b"A" + b".A" * 70 + b"=1", "MalformedInput"),
        ("ec2", "DescribeInstances", b"MaxResults=x", "InvalidParameterValue"),
        ("ec2", "RunInstances", b"DryRun=perhaps", "InvalidParameterValue"),
        ("dynamodb", "GetItem", b'{"TableName": 1}', "SerializationException"),
        ("dynamodb", "GetItem", b'{"TableName": "a", "TableName": "b"}', "SerializationException"),
        ("dynamodb", "GetItem", b'{"TableName": ["a"]}', "SerializationException"),
        ("dynamodb", "GetItem", b'{"TableName": ', "SerializationException"),
        ("dynamodb", "GetItem", b"\xff", "SerializationException"),
        ("dynamodb", "GetItem", b"[]", "SerializationException"),
        ("dynamodb", "GetItem", b'{"ConsistentRead": "true"}', "SerializationException"),
        ("dynamodb", "GetItem", b'{"Key": {"a": {"B": "not base64!"}}}', "SerializationException"),
        ("dynamodb", "GetItem", b"[" * 100_000, "SerializationException"),
        ("dynamodb", "PutItem", b'{"Item": {"a":' + b'{"L":[' * 330 + b"]}" * 330 + b"}}", "SerializationException"),
        ("dynamodb", "Scan", b'{"Limit": 1e400}', "SerializationException"),
        ("s3", "DeleteObjects", b"<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>", "MalformedXML"),
        ("s3", "DeleteObjects", b"<Delete>", "MalformedXML"),
        ("s3", "DeleteObjects", b"<X><Delete><Object><Key>a</Key></Object></Delete></X>", "MalformedXML"),
        ("s3", "DeleteObjects", b"<Delete><Quiet>perhaps</Quiet></Delete>", "MalformedXML"),
        ("s3", "DeleteObjects", b"<a>" * 200, "MalformedXML"),
        (
            "s3",
            "DeleteObjects",
            b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Delete><Quiet>&x;</Quiet></Delete>',
            "MalformedXML",
        ),
        ("s3", "DeleteObjects", b'<?xml version="1.0" encoding="nonsense"?><Delete/>', "MalformedXML"),
    ],
)
def test_refused(service: str, operation: str, body: bytes, code: str) -> None:
    path = "/b?delete" if service == "s3" else "/"
    request = HttpRequest(
        "POST", path.partition("?")[0], "delete" if service == "s3" else "", FORM if b"=" in body[:20] else {}, body
    )
    with pytest.raises(AwsError) as caught:
        read(service, operation, request)
    assert (caught.value.code, caught.value.status) == (code, 400)


def test_a_query_key_is_read_once() -> None:
    request = HttpRequest("GET", "/b/k", "versionId=a&versionId=b", {"host": "localhost"})
    with pytest.raises(AwsError):
        read("s3", "GetObject", request)


NAMES = st.sampled_from(
    ["Action", "UserName", "Tags", "Tags.member.1.Key", "Tags.member.1", "MaxItems", "Tags.member", "x", ".", "..", ""]
)
KEYS = st.one_of(NAMES, st.text(max_size=12), st.lists(NAMES, max_size=4).map(".".join))
VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["true", "-1", "1e3", "NaN", "%zz", "2026-01-01T00:00:00Z", "99999999999999999999"]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["TableName", "Key", "Item", "S", "N", "B", "M", "L", "a", "Limit"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(KEYS, VALUES), max_size=6),
    st.binary(max_size=40),
    st.sampled_from(["CreateUser", "ListUsers", "TagRole"]),
)
def test_forms_never_fail_otherwise(pairs: list[tuple[str, str]], raw: bytes, operation: str) -> None:
    from urllib.parse import urlencode

    for body in (urlencode(pairs).encode(), raw, "&".join(f"{k}={v}" for k, v in pairs).encode()):
        for service in ("iam", "ec2"):
            name = operation if service == "iam" else "RunInstances"
            try:
                assert isinstance(read(service, name, form(body)), dict)
                wire.match(wire.load_service(service), form(body))
            except AwsError:
                continue


@settings(max_examples=300, deadline=None)
@given(JSON, st.binary(max_size=40), st.sampled_from(["GetItem", "PutItem", "Query", "BatchWriteItem", "CreateTable"]))
def test_json_never_fails_otherwise(document: Any, raw: bytes, operation: str) -> None:
    for body in (json.dumps(document).encode(), raw):
        for service, name in (("dynamodb", operation), ("lambda", "CreateFunction"), ("ecs", "RunTask")):
            try:
                params = read(service, name, HttpRequest("POST", "/", "", {}, body))
                wire.validate(wire.load_service(service).operation(name), params)
            except AwsError:
                continue


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_rest_and_cbor_never_fail_otherwise(raw: bytes, path: str, query: str) -> None:
    request = HttpRequest("PUT", "/" + path, query, {"host": "b.localhost", "x-amz-meta-a": path}, raw)
    cloudwatch = wire.load_service("cloudwatch").speaking("smithy-rpc-v2-cbor")
    for attempt in (
        lambda: wire.decode(wire.match(wire.load_service("s3"), request), request),
        lambda: read("s3", "PutBucketTagging", request),
        lambda: read("s3", "CopyObject", request),
        lambda: wire.decode(cloudwatch.operation("PutMetricData"), request),
        lambda: wire.match(wire.load_service("lambda"), request),
    ):
        try:
            attempt()
        except AwsError:
            continue


def test_there_is_an_end_to_parameters() -> None:
    """The attack: a stranger's form of a million parameters keeps everybody waiting; they are read before the key."""
    request = HttpRequest("POST", "/", "", {}, b"a=&" * 60_000)
    with pytest.raises(AwsError) as refused:
        wire.form_parameters(request)
    assert refused.value.code == "MalformedInput"
