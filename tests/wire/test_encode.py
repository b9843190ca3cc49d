# ruff: noqa: E501 - lines of a table
"""Answers as AWS writes them, byte by byte where clients look at bytes."""

from datetime import UTC, datetime

import pytest

from kansatsu import catalog, wire
from kansatsu.errors import AwsError, Unimplemented
from kansatsu.http import HttpRequest

MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_query() -> None:
    operation = wire.load_service("iam").operation("DeleteRole")
    answer = wire.encode(operation, {}, "id-1")
    assert answer.body == (
        b'<DeleteRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        b"<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></DeleteRoleResponse>"
    )
    assert dict(answer.headers) == {"x-amzn-RequestId": "id-1", "Content-Type": "text/xml"}


def test_ec2() -> None:
    operation = wire.load_service("ec2").operation("DescribeVpcs")
    answer = wire.encode(operation, {"Vpcs": [{"VpcId": "vpc-1"}]}, "id-1")
    assert answer.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>id-1</requestId>'
        b"<vpcSet><item><vpcId>vpc-1</vpcId></item></vpcSet></DescribeVpcsResponse>"
    )


@pytest.mark.parametrize(
    ("service", "operation", "result", "part"),
    [
        ("iam", "GetUser", {"User": {"CreateDate": MOMENT}}, b"<CreateDate>2026-01-31T12:00:00Z</CreateDate>"),
        ("ec2", "RunInstances", {"Instances": [{"LaunchTime": MOMENT}]}, b"<launchTime>2026-01-31T12:00:00.000Z</launchTime>"),
        ("s3", "ListBuckets", {"Buckets": [{"CreationDate": MOMENT}]}, b"<CreationDate>2026-01-31T12:00:00.000Z</CreationDate>"),
        ("dynamodb", "DescribeTable", {"Table": {"CreationDateTime": MOMENT}}, b'"CreationDateTime":1769860800'),
        ("iam", "GetUser", {"User": {"UserName": "a<&>\"\r\x00\x1f\ud800b"}}, "a&lt;&amp;&gt;&quot;&#13;\ufffd\ufffd\ufffdb".encode()),
        ("iam", "GetUser", {"User": {"UserName": None}}, b"<User></User>"),
    ],
)  # fmt: skip
def test_values(service: str, operation: str, result: dict[str, object], part: bytes) -> None:
    assert part in wire.encode(wire.load_service(service).operation(operation), result, "id").body


@pytest.mark.parametrize(
    ("service", "operation"), [("iam", "GetUser"), ("ec2", "DescribeVpcs"), ("ecs", "RunTask"), ("s3", "ListBuckets")]
)
def test_a_member_that_aws_has_not_is_a_mistake_of_ours(service: str, operation: str) -> None:
    with pytest.raises(KeyError):
        wire.encode(wire.load_service(service).operation(operation), {"Nonsense": 1}, "id")


def test_errors_by_protocol() -> None:
    def body(service: str) -> bytes:
        error = AwsError("no <way>", code="AccessDenied", status=403, fields={"Resource": "/b"})
        return wire.encode_error(wire.load_service(service), error, "id").body

    detail = b"<Code>AccessDenied</Code><Message>no &lt;way&gt;</Message><Resource>/b</Resource>"
    assert body("sts") == (
        b'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        + detail
        + b"</Error><RequestId>id</RequestId></ErrorResponse>"
    )
    head = b'<?xml version="1.0" encoding="UTF-8"?>\n'
    assert (
        body("ec2")
        == head + b"<Response><Errors><Error>" + detail + b"</Error></Errors><RequestID>id</RequestID></Response>"
    )
    assert body("s3") == head + b"<Error>" + detail + b"<RequestId>id</RequestId><HostId>kansatsu+id</HostId></Error>"
    assert body("dynamodb") == b'{"__type":"AccessDenied","message":"no <way>","Resource":"/b"}'


def test_query_compatible_errors_have_both_names() -> None:
    cloudwatch = wire.load_service("cloudwatch")
    answer = wire.encode_error(cloudwatch, AwsError("gone", code="InvalidParameterInput", status=400), "id")
    assert dict(answer.headers)["x-amzn-query-error"] == "InvalidParameterInput;Sender"
    assert answer.body == b'{"__type":"DashboardInvalidInputError","message":"gone"}'


def test_our_own_service() -> None:
    service = wire.load_service("kansatsu")
    assert (service.signing_name, service.protocol) == ("kansatsu", "json")
    name = service.operation_names[0]
    request = HttpRequest("POST", "/", "", {"x-amz-target": f"{service.target_prefix}.{name}"}, b"{}")
    found = catalog.identify(request, "kansatsu")
    assert found is service
    assert wire.match(found, request).name == name


@pytest.mark.parametrize("name", ["nope", "../s3", "", "s3/2006-03-01"])
def test_unknown_services(name: str) -> None:
    with pytest.raises(wire.UnknownService):
        wire.load_service(name)


def test_an_answer_that_is_a_stream_of_events_is_not_implemented() -> None:
    select = wire.load_service("s3").operation("SelectObjectContent")
    with pytest.raises(Unimplemented, match="s3:SelectObjectContent"):
        wire.encode(select, {"Payload": {}}, "id")
