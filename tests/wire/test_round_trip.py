"""botocore is the oracle: what its serializer sends we read, what we send its parser reads, for every operation."""

from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.awsrequest import HeadersDict
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from kansatsu import wire
from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest

from .values import Values

SERVICES = [
    "iam",
    "sts",
    "ec2",
    "ecs",
    "cloudtrail",
    "iam-toolbox",
    "s3",
    "dynamodb",
    "dynamodbstreams",
    "sqs",
    "sns",
    "lambda",
    "kms",
    "route53",
    "s3control",
    "apigateway",
    "cloudwatch",
    "cloudwatch smithy-rpc-v2-cbor",
    "cloudwatch query",
    "organizations",
    "rds",
    "cloudfront",
]
LOADER = Loader()


def load(name: str) -> tuple[ServiceModel, wire.Service]:
    """botocore's model and ours; "service protocol" names one of the older protocols of a service."""
    name, _, protocol = name.partition(" ")
    model, service = ServiceModel(LOADER.load_service_model(name, "service-2"), name), wire.load_service(name)
    assert service.protocol == model.resolved_protocol
    return model, service.speaking(protocol) if protocol else service


def to_request(serialized: dict[str, Any]) -> HttpRequest:
    """botocore's request as it goes over the wire."""
    path, _, query = serialized["url_path"].partition("?")
    given = serialized["query_string"]
    if given:
        items = []
        for key, value in given.items():
            for item in value if isinstance(value, list) else [value]:
                items.append(f"{quote(str(key), safe='-._~')}={quote(str(item), safe='-._~')}")
        query = "&".join([query, *items]) if query else "&".join(items)
    body = serialized["body"]
    if isinstance(body, dict):
        body = urlencode(body).encode()
    headers = {key.lower(): str(value) for key, value in serialized["headers"].items()}
    return HttpRequest(
        serialized["method"], path, query, headers, body if isinstance(body, bytes) else str(body).encode()
    )


def aliases(service: wire.Service, name: str) -> set[str]:
    """Operations that share one method and URI are the same to anybody who reads the wire."""
    own = service.operation(name)
    return {
        other
        for other in service.operation_names
        if (service.operation(other).uri, service.operation(other).http_method) == (own.uri, own.http_method)
        and (
            service.operation(other).deprecated
            or own.deprecated
            or {name, other} == {"ListBuckets", "ListDirectoryBuckets"}
        )
    } | {name}


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("full", [True, False], ids=["full", "minimal"])
def test_requests(name: str, full: bool) -> None:
    model, service = load(name)
    serializer = create_serializer(service.protocol, include_validation=False)
    failed = []
    for operation_name in model.operation_names:
        operation = model.operation_model(operation_name)
        values = Values(full)
        values.protocol = service.protocol
        params = values.of(operation.input_shape) if operation.input_shape else {}
        params = adapt(name, operation_name, params)
        request = to_request(serializer.serialize_to_request(params, operation))
        try:
            found = wire.match(service, request)
            decoded = wire.decode(found, request)
        except AwsError as error:
            failed.append(f"{operation_name}: {error.code} {error.message} {request}")
            continue
        if found.name not in aliases(service, operation_name):
            failed.append(f"{operation_name} was taken for {found.name}: {request}")
        elif {k: v for k, v in decoded.items() if v != {}} != params and found.name == operation_name:
            failed.append(f"{operation_name}: {difference(params, decoded)}\n{request}")
    assert not failed, f"{len(failed)} operations\n" + "\n".join(failed[:5])


def adapt(service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """Values that only a few operations take: names in paths and copy sources that S3 can read back."""
    if service == "s3":
        if "Bucket" in params:
            params["Bucket"] = "bucket"
        params.pop("SSECustomerKey", None)
    return params


def difference(expected: Any, found: Any, path: str = "") -> str:
    """Where two values differ first."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in expected.keys() | found.keys():
            if expected.get(key) != found.get(key):
                return difference(expected.get(key), found.get(key), f"{path}.{key}")
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, (a, b) in enumerate(zip(expected, found, strict=True)):
            if a != b:
                return difference(a, b, f"{path}[{index}]")
    return f"{path}: expected {expected!r}, found {found!r}"


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("full", [True, False], ids=["full", "minimal"])
def test_responses(name: str, full: bool) -> None:
    model, service = load(name)
    parser = create_parser(service.protocol)
    failed = []
    for operation_name in model.operation_names:
        operation = model.operation_model(operation_name)
        if operation.has_event_stream_output:
            continue
        values = Values(full)
        values.protocol = service.protocol
        result = values.of(operation.output_shape) if operation.output_shape else {}
        result = adapt_result(operation, result)
        answer = wire.encode(service.operation(operation_name), result, "the-request-id")
        response = {
            "body": answer.body,
            "headers": HeadersDict(answer.headers),
            "status_code": answer.status,
        }
        try:
            parsed = parser.parse(response, operation.output_shape)
        except Exception as error:
            failed.append(f"{operation_name}: {error!r} {answer}")
            continue
        metadata = parsed.pop("ResponseMetadata")
        expected = expected_result(operation, result)
        if metadata.get("RequestId") != "the-request-id" and operation.output_shape is not None:
            failed.append(f"{operation_name}: no request id in {metadata}")
        if without_empty_maps(parsed, operation) != expected:
            failed.append(f"{operation_name}: {difference(expected, parsed)}\n{answer}")
    assert not failed, f"{len(failed)} operations\n" + "\n".join(failed[:5])


def adapt_result(operation: OperationModel, result: dict[str, Any]) -> dict[str, Any]:
    """A status that is one, and a text where botocore decodes a body as text."""
    if operation.name == "GetBucketNotification":  # two members of one name on the wire, one of them a list
        for item in result.values() if result else ():
            del item["Event"], item["Events"]
    for name, member in operation.output_shape.members.items() if operation.output_shape else ():
        if member.serialization.get("location") == "statusCode" and name in result:
            result[name] = 202
        if operation.output_shape.serialization.get("payload") == name and member.type_name == "blob":
            result[name] = b"a body"
    return result


def expected_result(operation: OperationModel, result: dict[str, Any]) -> dict[str, Any]:
    """What botocore makes of a result: a raw body becomes text, the status is always there."""
    shape = operation.output_shape
    expected = dict(result)
    for name, member in shape.members.items() if shape else ():
        if shape.serialization.get("payload") == name and member.type_name in ("blob", "string"):
            value = expected.get(name, b"")
            expected[name] = value.decode() if isinstance(value, bytes) else value
        if member.serialization.get("location") == "statusCode":
            expected.setdefault(name, operation.http.get("responseCode", 200))
        raw = shape.serialization.get("payload") and expected.get(shape.serialization["payload"])
        if member.serialization.get("name") == "Content-Type" and raw:
            expected.setdefault(name, "application/octet-stream")
    return expected


def without_empty_maps(parsed: dict[str, Any], operation: OperationModel) -> dict[str, Any]:
    """botocore adds an empty map for absent prefixed headers and an empty payload."""
    shape = operation.output_shape
    return {
        name: value
        for name, value in parsed.items()
        if value != {}
        or not (
            shape.members[name].serialization.get("location") == "headers" or shape.serialization.get("payload") == name
        )
    }


@pytest.mark.parametrize("name", SERVICES)
def test_errors(name: str) -> None:
    model, service = load(name)
    parser = create_parser(service.protocol)
    for operation_name in model.operation_names:
        operation = service.operation(operation_name)
        modelled = {shape.error_code for shape in model.operation_model(operation_name).error_shapes}
        assert set(operation.errors) >= modelled, operation_name
        for code, status in {**operation.errors, "AccessDenied": 403, "Some.Code": 400}.items():
            error = AwsError("It <failed> & so on", code=code, status=status)
            answer = wire.encode_error(service, error, "the-request-id", operation)
            headers = HeadersDict(answer.headers)
            parsed = parser.parse({"body": answer.body, "headers": headers, "status_code": answer.status}, None)
            assert parsed["Error"]["Code"] == code, (operation_name, answer)
            assert parsed["Error"]["Message"] == "It <failed> & so on"
            assert parsed["ResponseMetadata"]["RequestId"] == "the-request-id"
            assert parsed["ResponseMetadata"]["HTTPStatusCode"] == status
