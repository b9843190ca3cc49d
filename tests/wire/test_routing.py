"""Which operation a request means, and the attacks that try to make it mean two."""

import pytest

from kansatsu import wire
from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest
from kansatsu.wire import addressing

FORM = {"content-type": "application/x-www-form-urlencoded"}


def form(body: str, query: str = "") -> HttpRequest:
    return HttpRequest("POST", "/", query, FORM, body.encode())


def s3(method: str, target: str, host: str = "s3.amazonaws.com", **headers: str) -> HttpRequest:
    path, _, query = target.partition("?")
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpRequest(method, path, query, {"host": host, **given})


# https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
S3_CASES = [
    (s3("GET", "/"), "ListBuckets"),
    (s3("GET", "/?x-id=ListBuckets"), "ListBuckets"),
    (s3("GET", "/b"), "ListObjects"),
    (s3("GET", "/b/"), "ListObjects"),
    (s3("GET", "/b?list-type=2&prefix=a"), "ListObjectsV2"),
    (s3("GET", "/b?acl"), "GetBucketAcl"),
    (s3("GET", "/b/?acl="), "GetBucketAcl"),
    (s3("GET", "/b?uploads"), "ListMultipartUploads"),
    (s3("GET", "/b?versions&prefix=p"), "ListObjectVersions"),
    (s3("GET", "/b?analytics&id=1"), "GetBucketAnalyticsConfiguration"),
    (s3("GET", "/b?analytics"), "ListBucketAnalyticsConfigurations"),
    (s3("GET", "/b?lifecycle"), "GetBucketLifecycleConfiguration"),
    (s3("HEAD", "/b"), "HeadBucket"),
    (s3("HEAD", "/b/k"), "HeadObject"),
    (s3("GET", "/b/k/with//slashes/"), "GetObject"),
    (s3("GET", "/b//"), "GetObject"),
    (s3("GET", "/b/k?partNumber=1&versionId=v"), "GetObject"),
    (s3("GET", "/b/k?uploadId=u"), "ListParts"),
    (s3("GET", "/b/k?attributes", x_amz_object_attributes="ETag"), "GetObjectAttributes"),
    (s3("PUT", "/b/k"), "PutObject"),
    (s3("PUT", "/b/k?x-id=PutObject"), "PutObject"),
    (s3("PUT", "/b/k", x_amz_copy_source="a/b"), "CopyObject"),
    (s3("PUT", "/b/k?partNumber=1&uploadId=u"), "UploadPart"),
    (s3("PUT", "/b/k?partNumber=1&uploadId=u", x_amz_copy_source="a/b"), "UploadPartCopy"),
    (s3("POST", "/b/k?uploads"), "CreateMultipartUpload"),
    (s3("POST", "/b/k?uploadId=u"), "CompleteMultipartUpload"),
    (s3("DELETE", "/b/k?uploadId=u"), "AbortMultipartUpload"),
    (s3("DELETE", "/b/k?tagging"), "DeleteObjectTagging"),
    (s3("POST", "/b?delete"), "DeleteObjects"),
    (s3("POST", "/b/k?select&select-type=2"), "SelectObjectContent"),
    (s3("GET", "/k", "bucket.s3.us-east-1.amazonaws.com"), "GetObject"),
    (s3("GET", "/", "bucket.s3.amazonaws.com"), "ListObjects"),
    (s3("GET", "/", "bucket.localhost:4566"), "ListObjects"),
    (s3("GET", "/", "s3.localhost:4566"), "ListBuckets"),
    (s3("GET", "/", "my.dotted.bucket.s3.localhost"), "ListObjects"),
    (s3("PUT", "/k?acl", "bucket.s3-us-west-2.amazonaws.com"), "PutObjectAcl"),
]


@pytest.mark.parametrize(("request_", "name"), S3_CASES, ids=lambda value: getattr(value, "path", value))
def test_s3(request_: HttpRequest, name: str) -> None:
    assert wire.match(wire.load_service("s3"), request_).name == name


@pytest.mark.parametrize(
    "attack",
    [
        s3("GET", "/b?acl&policy"),
        s3("GET", "/b?list-type=1"),
        s3("GET", "/b?list-type=2&list-type=2"),
        s3("DELETE", "/b/k?versionId=a&versionId=b"),
        s3("GET", "/b/k?acl&tagging"),
        s3("GET", "/b/k?uploadId=u&acl"),
        s3("DELETE", "/b/k?acl"),
        s3("PUT", "/b/k?tagging", x_amz_copy_source="secret/key"),
        s3("PUT", "/b/k?acl", x_amz_rename_source="secret/key"),
        s3("PUT", "/b", x_amz_copy_source="secret/key"),
        s3("GET", "/b/k?uploads"),
        s3("POST", "/b"),
        s3("PATCH", "/b/k"),
        s3("POST", "/b/k"),
    ],
    ids=lambda value: f"{value.method} {value.path}?{value.query}",
)
def test_s3_refuses_what_could_mean_two_operations(attack: HttpRequest) -> None:
    with pytest.raises(AwsError) as caught:
        wire.match(wire.load_service("s3"), attack)
    assert caught.value.code in ("InvalidRequest", "MethodNotAllowed")


def test_virtual_hosts_become_paths_once() -> None:
    request = s3("GET", "/a%20key", "bucket.s3.localhost:4566")
    moved = wire.path_style(request)
    assert (moved.path, moved.headers["host"]) == ("/bucket/a%20key", "s3.localhost:4566")
    assert wire.path_style(moved) is moved
    operation = wire.match(wire.load_service("s3"), request)
    assert wire.decode(operation, request) == {"Bucket": "bucket", "Key": "a key"}
    assert wire.decode(operation, moved) == {"Bucket": "bucket", "Key": "a key"}


@pytest.mark.parametrize("service", ["iam", "ec2"])
@pytest.mark.parametrize(
    "attack",
    [
        form("Action=ListUsers&Action=DeleteUser"),
        form("Action=ListUsers&%41ction=DeleteUser"),
        form("Action=ListUsers", "Action=DeleteUser"),
        HttpRequest("POST", "/", "Action=ListUsers", {"content-type": "application/json"}, b"Action=DeleteUser"),
        HttpRequest("POST", "/", "", {**FORM, "x-amz-target": "X.DeleteUser"}, b"Action=ListUsers"),
    ],
)
def test_an_operation_is_named_once(service: str, attack: HttpRequest) -> None:
    with pytest.raises(AwsError):
        wire.match(wire.load_service(service), attack)


@pytest.mark.parametrize(
    "attack",
    [
        HttpRequest("POST", "/", "Action=DeleteTable", {"x-amz-target": "DynamoDB_20120810.GetItem"}, b"{}"),
        HttpRequest("POST", "/service/X/operation/DeleteTable", "", {"x-amz-target": "DynamoDB_20120810.GetItem"}),
    ],
)
def test_a_target_beside_another_name_is_refused(attack: HttpRequest) -> None:
    with pytest.raises(AwsError):
        wire.match(wire.load_service("dynamodb"), attack)


@pytest.mark.parametrize(
    ("service", "request_", "code", "status", "message"),
    [
        (
            "iam",
            form("Action=Nope&Version=2010-05-08"),
            "InvalidAction",
            400,
            "Could not find operation Nope for version 2010-05-08",
        ),
        ("iam", form("Version=2010-05-08"), "MissingAction", 400, "The request must contain the parameter Action"),
        ("ec2", form("Action=Nope"), "InvalidAction", 400, "The action Nope is not valid for this web service."),
        (
            "dynamodb",
            HttpRequest("POST", "/", "", {"x-amz-target": "DynamoDB_20120810.Nope"}),
            "UnknownOperationException",
            400,
            "",
        ),
        (
            "dynamodb",
            HttpRequest("POST", "/", "", {"x-amz-target": "AmazonSQS.GetItem"}),
            "UnknownOperationException",
            400,
            "",
        ),
        ("lambda", HttpRequest("GET", "/nowhere"), "UnknownOperationException", 404, ""),
    ],
)
def test_unknown_operations(service: str, request_: HttpRequest, code: str, status: int, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        wire.match(wire.load_service(service), request_)
    assert (caught.value.code, caught.value.status, caught.value.message) == (code, status, message)


@pytest.mark.parametrize(
    ("request_", "protocol"),
    [
        (form("Action=PutMetricData&Version=2010-08-01"), "query"),
        (HttpRequest("POST", "/", "", {"x-amz-target": "GraniteServiceVersion20100801.PutMetricData"}, b"{}"), "json"),
        (HttpRequest("POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData"), "smithy-rpc-v2-cbor"),
    ],
)
def test_an_answer_speaks_the_protocol_of_its_request(request_: HttpRequest, protocol: str) -> None:
    operation = wire.match(wire.load_service("cloudwatch"), request_)
    assert (operation.name, operation.service.protocol) == ("PutMetricData", protocol)


def test_the_last_parse_is_never_another_request_s() -> None:
    iam = wire.load_service("iam")
    body = b"Action=GetRole&RoleName=a"
    first, second = (
        HttpRequest("POST", "/", "", FORM, body),
        HttpRequest("POST", "/", "RoleName=b", FORM, b"Action=GetRole"),
    )
    operation = wire.match(iam, first)
    wire.match(iam, second)
    assert wire.decode(operation, first) == {"RoleName": "a"}
    assert wire.decode(operation, second) == {"RoleName": "b"}


def test_headers_in_the_query_of_a_presigned_url_count_as_headers() -> None:
    s3_service = wire.load_service("s3")
    request = s3("PUT", "/b/k?X-Amz-Signature=s&x-amz-acl=public-read")
    assert wire.decode(wire.match(s3_service, request), request)["ACL"] == "public-read"
    assert wire.path_style(wire.path_style(request)) == wire.path_style(request)
    assert wire.match(s3_service, s3("PUT", "/b/k?x-amz-copy-source=secret/key")).name == "CopyObject"
    with pytest.raises(AwsError):
        wire.match(s3_service, s3("PUT", "/b/k?x-amz-acl=public-read", x_amz_acl="private"))


def test_long_hosts_are_read_and_not_remembered() -> None:
    """The attack: requests that nobody signed, each with another Host of half a megabyte."""
    before = addressing.split_host.cache_info().currsize
    for number in range(8):
        request = HttpRequest("GET", "/k", headers={"host": f"{number}{'b' * 10_000}.s3.localhost"})
        assert wire.path_style(request).path == f"/{number}{'b' * 10_000}/k"
    assert addressing.split_host.cache_info().currsize == before
