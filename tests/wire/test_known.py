"""What goes on to a backend: everything that an operation knows, for botocore's every request, and nothing else."""

from typing import Any
from urllib.parse import parse_qsl

import pytest
from botocore.serialize import create_serializer

from kansatsu import wire
from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest

from .test_round_trip import SERVICES, adapt, load, to_request
from .values import TRICKY, Values

# Headers of SDKs, of HTTP, and of checksums that no model has.
PASS = {
    "user-agent": "aws-sdk", "amz-sdk-request": "attempt=1", "if-none-match": "*", "origin": "https://page",
    "x-amz-checksum-newer": "1", "x-amz-sdk-checksum-algorithm": "NEWER",
}  # fmt: skip
# What other servers act on, or take for a header of AWS's.
STOP = {
    "x-minio-force-delete": "true", "x-emc-namespace": "other", "x-rgw-quota": "1", "x-amz-copy_source": "/b/k",
    "x_amz_copy_source": "/b/k", "x-oss-acl": "public-read", "x-http-method": "DELETE", "x-amz-unheard-of": "1",
    "x-ceph-copy": "1", "x-container-read": ".r:*", "x-object-manifest": "b/k", "x-auth-token": "t",
}  # fmt: skip


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_that_an_operation_knows_is_lost(name: str) -> None:
    model, service = load(name)
    serializer = create_serializer(service.protocol, include_validation=False)
    lost = []
    for operation_name in model.operation_names:
        operation = model.operation_model(operation_name)
        values = Values(full=True)
        values.protocol = service.protocol
        values.names = TRICKY.replace("/", "")  # with one a name may be read as two: test_paths has those
        params = values.of(operation.input_shape) if operation.input_shape else {}
        request = to_request(serializer.serialize_to_request(adapt(name, operation_name, params), operation))
        found = wire.match(service, request)
        asked = HttpRequest(
            request.method, request.path, request.query, {**PASS, **STOP, **request.headers}, request.body
        )
        sent = wire.known(found, asked)
        if (
            wire.decode(found, sent) != wire.decode(found, request)
            or wire.match(service, sent) is not found
            or (found.input_members and not request.headers.keys() <= sent.headers.keys())
        ):
            lost.append(f"{operation_name}: {request} {sent}")
        assert not STOP.keys() & sent.headers.keys(), operation_name
        if not (service.protocol in ("query", "ec2") or (request.body and not sent.body)):
            assert sent.headers.keys() >= PASS.keys()
    assert not lost, f"{len(lost)} operations\n" + "\n".join(lost[:5])


def sent(service: str, request: HttpRequest) -> HttpRequest:
    return wire.known(wire.match(wire.load_service(service), request), request)


FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b"Action=ListQueues&Version=2012-11-05&a%26Action%3DDeleteQueue=x",
            {"Action": "ListQueues", "Version": "2012-11-05"},
        ),
        (b"Action=ListQueues&QueueNamePrefix=a%26Action%3DDeleteQueue", {"QueueNamePrefix": "a&Action=DeleteQueue"}),
        (b"Action=ListQueues&QueueNamePrefix=a;QueueUrl=b", {"QueueNamePrefix": "a;QueueUrl=b"}),
        (b"Action=ListQueues&queuenameprefix=x&Queue-Url=y&QueueName%00=z&QueueNamePrefix.1=a", {}),
    ],
)
def test_a_form_is_written_anew_from_what_was_decoded(body: bytes, expected: dict[str, str]) -> None:
    asked = HttpRequest("POST", "/", "", {**FORM, "content-md5": "x"}, body)
    sqs = wire.load_service("sqs").speaking("query")
    got = wire.known(wire.match(sqs, asked), asked)
    pairs = dict(parse_qsl(got.body.decode(), strict_parsing=True, keep_blank_values=True))
    assert pairs == {"Action": "ListQueues", **expected}
    assert b";" not in got.body and "content-md5" not in got.headers


def test_a_query_string_and_a_form_are_one() -> None:
    got = sent(
        "ec2", HttpRequest("POST", "/", "Action=DescribeInstances", FORM, b"InstanceId.1=i-1&InstanceId.x=i-2&X=1")
    )
    assert (got.query, got.body) == ("", b"Action=DescribeInstances&InstanceId.1=i-1")
    got = sent("ec2", HttpRequest("GET", "/", "Action=DescribeInstances&InstanceId.1=i-1&Instance.1=i-2", {}))
    assert (got.query, got.body) == ("Action=DescribeInstances&InstanceId.1=i-1", b"")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("list-type=2&prefix=a+b&x-id=ListObjectsV2", "list-type=2&prefix=a%20b&x-id=ListObjectsV2"),
        ("list-type=2&prefix=a;versionId=b", "list-type=2&prefix=a%3BversionId%3Db"),
        ("list-type=2&purge=1&force_delete=true&Prefix=x", "list-type=2"),
        ("list%2Dtype=2&prefix", "list-type=2&prefix"),
        ("prefix=%26acl&delimiter=/", "prefix=%26acl&delimiter=%2F"),
    ],
)
def test_a_query_string_has_what_was_decoded(query: str, expected: str) -> None:
    assert sent("s3", HttpRequest("GET", "/bucket", query, {})).query == expected


def test_overrides_of_an_answer_and_metadata_pass() -> None:
    query = "response-content-type=text%2Fplain&versionId=v&partNumber=1"
    assert sent("s3", HttpRequest("GET", "/bucket/key", query, {})).query == query
    own: dict[str, Any] = {"x-amz-meta-a_b": "1", "x-amz-acl": "private", "x-amz-tagging": "a=b"}
    assert sent("s3", HttpRequest("PUT", "/bucket/key", "", own)).headers == own


def test_a_body_that_no_parameter_is_in_does_not_go_on() -> None:
    """The attack: a server reads parameters from a form in the body of whatever request."""
    asked = HttpRequest("DELETE", "/bucket/key", "", {**FORM, "content-length": "11"}, b"versionId=x")
    assert sent("s3", asked).body == b""


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("lambda", "/2015-03-31//functions/secret"),
        ("lambda", "//2015-03-31/functions/secret"),
        ("lambda", "/2015-03-31/functions//secret"),
        ("lambda", "/2015-03-31/functions/a/aliases/.."),
        ("lambda", "/2015-03-31/functions/a/aliases/%2e%2E"),
        ("lambda", "/2015-03-31/functions/a/aliases/..;x"),
        ("lambda", "/2015-03-31/functions/a%2F..%2Fsecret"),
        ("lambda", "/2015-03-31/functions/."),
        ("dynamodb", "/moto-api/reset"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_path_that_another_reader_shortens_does_not_go_on(service: str, path: str, method: str) -> None:
    """The attack: we read the function `functions`, or the alias `..` of one, and a server the function itself."""
    request = HttpRequest(method, path, "", {"x-amz-target": "DynamoDB_20120810.ListTables"})
    with pytest.raises(AwsError) as refused:
        wire.known(wire.match(wire.load_service(service), request), request)
    assert refused.value.code == "UnknownOperationException"
