"""decode, encode and encode_error: one face over all protocols."""

from collections.abc import Callable, Mapping
from typing import Any

from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest, HttpResponse
from kansatsu.wire import cbor, form, jsonbody, rest, xmlin, xmlout
from kansatsu.wire.addressing import path_style
from kansatsu.wire.model import Malformed, Operation, Service, Shape, malformed

_Decode = Callable[[HttpRequest], dict[str, Any]]
_Encode = Callable[[Mapping[str, Any], str], HttpResponse]


def decode(operation: Operation, request: HttpRequest) -> dict[str, Any]:
    """The parameters of a request by their AWS names.

    Timestamps are aware datetimes in UTC, blobs bytes; what the operation does not know is ignored, as AWS does; a
    streamed body is left out. Raises AwsError (MalformedInput, SerializationException, MalformedXML, ...).
    """
    decoder = operation.codecs.get("decode")
    if decoder is None:
        decoder = operation.codecs["decode"] = _decoder(operation)
    try:
        result: dict[str, Any] = decoder(request)
        return result
    except Malformed as error:
        raise malformed(operation.service, str(error), _body_code(operation, request)) from error
    except RecursionError as error:
        raise malformed(operation.service, "The request is nested too deeply.") from error


def _body_code(operation: Operation, request: HttpRequest) -> str:
    return "MalformedXML" if operation.service.protocol == "rest-xml" and request.body else ""


def _decoder(operation: Operation) -> _Decode:
    protocol = operation.service.protocol
    if protocol in ("query", "ec2"):
        return _form_decoder(operation, protocol)
    if protocol == "rest-xml":
        inner = rest.compile_decoder(operation, _compiler(operation.service, "in", xmlin.XmlCompiler))
        return (lambda request: inner(path_style(request))) if operation.service.name == "s3" else inner
    if protocol == "rest-json":
        return rest.compile_decoder(operation, _compiler(operation.service, "in", jsonbody.JsonDecoders))
    if operation.input is None:
        return lambda request: {}
    if protocol == "smithy-rpc-v2-cbor":
        item = _compiler(operation.service, "in", cbor.decoders).compile(operation.input)
        return lambda request: item(cbor.parse(request.body))
    item = _compiler(operation.service, "in", jsonbody.JsonDecoders).compile(operation.input)
    return lambda request: item(jsonbody.parse(request.body))


def _compiler(service: Service, kind: str, make: Callable[[], Any]) -> Any:
    """One compiler per service, so that shapes used by several operations are compiled once."""
    if kind not in service.codecs:
        service.codecs[kind] = make()
    return service.codecs[kind]


def _form_decoder(operation: Operation, protocol: str) -> _Decode:
    if operation.input is None:
        return lambda request: {}
    compiler = _compiler(operation.service, "in", lambda: form.FormCompiler(capitalized=protocol == "ec2"))
    item = compiler.compile(operation.input)
    return lambda request: item(form.tree(form.parameters(request)))


def encode(operation: Operation, result: Mapping[str, Any], request_id: str) -> HttpResponse:
    """The answer that carries a result; KeyError when the result has a member that AWS's shape has not."""
    encoder = operation.codecs.get("encode")
    if encoder is None:
        encoder = operation.codecs["encode"] = _encoder(operation)
    answer: HttpResponse = encoder(result, request_id)
    return answer


def _encoder(operation: Operation) -> _Encode:
    return {
        "query": _query_encoder,
        "ec2": _ec2_encoder,
        "json": _json_encoder,
        "rest-json": _rest_encoder,
        "rest-xml": _rest_encoder,
        "smithy-rpc-v2-cbor": _cbor_encoder,
    }[operation.service.protocol](operation)


def _content(operation: Operation, protocol: str, shape: Shape) -> xmlout.Encoder:
    encoders: xmlout.XmlEncoders = _compiler(operation.service, "out", lambda: xmlout.XmlEncoders(protocol))
    return encoders.content(shape)


def _query_encoder(operation: Operation) -> _Encode:
    name, shape = operation.name, operation.output
    start = f'<{name}Response xmlns="{operation.service.xml_namespace}">'
    wrapper = shape.get("resultWrapper", f"{name}Result") if shape else ""
    content = _content(operation, "query", shape) if shape else None

    def encode_query(result: Mapping[str, Any], request_id: str) -> HttpResponse:
        out = [start]
        if content is not None:
            out.append(f"<{wrapper}>")
            content(result, out.append)
            out.append(f"</{wrapper}>")
        out.append(f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>")
        headers = [("x-amzn-RequestId", request_id), ("Content-Type", "text/xml")]
        return HttpResponse(200, headers, "".join(out).encode())

    return encode_query


def _ec2_encoder(operation: Operation) -> _Encode:
    name, shape = operation.name, operation.output
    head = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}Response xmlns="{operation.service.xml_namespace}"><requestId>'
    )
    content = _content(operation, "ec2", shape) if shape else None

    def encode_ec2(result: Mapping[str, Any], request_id: str) -> HttpResponse:
        out = [head, request_id, "</requestId>"]
        if content is not None:
            content(result, out.append)
        else:
            out.append("<return>true</return>")
        out.append(f"</{name}Response>")
        headers = [("x-amzn-RequestId", request_id), ("Content-Type", "text/xml;charset=UTF-8")]
        return HttpResponse(200, headers, "".join(out).encode())

    return encode_ec2


def _json_encoder(operation: Operation) -> _Encode:
    content_type = f"application/x-amz-json-{operation.service.json_version}"
    encoders = _compiler(operation.service, "out", jsonbody.JsonEncoders)
    item = encoders.compile(operation.output) if operation.output else None

    def encode_json(result: Mapping[str, Any], request_id: str) -> HttpResponse:
        body = (
            jsonbody.dump(item(result))
            if item is not None
            else b"{}"
            if operation.service.json_version == "1.0"
            else b""
        )
        return HttpResponse(200, [("x-amzn-RequestId", request_id), ("Content-Type", content_type)], body)

    return encode_json


def _cbor_encoder(operation: Operation) -> _Encode:
    item = cbor.encoders().compile(operation.output) if operation.output else None

    def encode_cbor(result: Mapping[str, Any], request_id: str) -> HttpResponse:
        body = cbor.dump(item(result)) if item is not None else b""
        return HttpResponse(200, [("x-amzn-RequestId", request_id), *cbor.HEADERS], body)

    return encode_cbor


def _rest_encoder(operation: Operation) -> _Encode:
    service = operation.service
    body_of = rest.compile_body(operation, service.protocol)
    head = rest.compile_head(operation)
    shape = operation.output
    known = {name for name, _ in shape.members} if shape else set()
    payload = dict(shape.members).get(shape.get("payload")) if shape else None
    raw = payload is not None and payload.type in ("blob", "string")
    content_type = (
        "application/octet-stream"
        if raw
        else ("application/json" if service.protocol == "rest-json" else "application/xml")
    )

    def encode_rest(result: Mapping[str, Any], request_id: str) -> HttpResponse:
        if not known.issuperset(result):
            raise KeyError(f"{operation} has no members {sorted(set(result) - known)}")
        headers = id_headers(service, request_id)
        status = head(result, headers)
        body = body_of(result)
        if body and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", content_type))
        return HttpResponse(status, headers, body)

    return encode_rest


def id_headers(service: Service, request_id: str) -> list[tuple[str, str]]:
    """The headers that carry the request's id; S3 has its own."""
    if service.name in ("s3", "s3control"):
        return [("x-amz-request-id", request_id), ("x-amz-id-2", host_id(request_id))]
    return [("x-amzn-RequestId", request_id)]


def host_id(request_id: str) -> str:
    """S3's second id; it says where a request was served, which here is always the same place."""
    return f"kansatsu+{request_id}"


def encode_error(
    service: Service, error: AwsError, request_id: str, operation: Operation | None = None
) -> HttpResponse:
    """The answer that carries an error, in the protocol of the service (of the operation, when there is one)."""
    speaker = operation.service if operation is not None else service
    return {
        "query": _query_error,
        "ec2": _ec2_error,
        "json": _json_error,
        "rest-json": _json_error,
        "rest-xml": _xml_error,
        "smithy-rpc-v2-cbor": _json_error,
    }[speaker.protocol](speaker, error, request_id)


def _fields(error: AwsError) -> str:
    return "".join(f"<{name}>{xmlout.escape(str(value))}</{name}>" for name, value in error.fields.items())


def _detail(error: AwsError) -> str:
    return f"<Code>{xmlout.escape(error.code)}</Code><Message>{xmlout.escape(error.message)}</Message>{_fields(error)}"


def _query_error(service: Service, error: AwsError, request_id: str) -> HttpResponse:
    space = f' xmlns="{service.xml_namespace}"' if service.xml_namespace else ""
    body = (
        f"<ErrorResponse{space}><Error><Type>{_fault(error)}</Type>{_detail(error)}</Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return _answer(error, [("x-amzn-RequestId", request_id), ("Content-Type", "text/xml")], body.encode())


def _ec2_error(service: Service, error: AwsError, request_id: str) -> HttpResponse:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Response><Errors><Error>{_detail(error)}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    )
    headers = [("x-amzn-RequestId", request_id), ("Content-Type", "text/xml;charset=UTF-8")]
    return _answer(error, headers, body.encode())


def _xml_error(service: Service, error: AwsError, request_id: str) -> HttpResponse:
    headers = [*id_headers(service, request_id), ("Content-Type", "application/xml")]
    if service.name == "s3":
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{_detail(error)}<RequestId>{request_id}</RequestId>'
            f"<HostId>{host_id(request_id)}</HostId></Error>"
        )
        return _answer(error, headers, body.encode())
    answer = _query_error(service, error, request_id)
    return _answer(error, headers, answer.body)


def _json_error(service: Service, error: AwsError, request_id: str) -> HttpResponse:
    name, modelled = _error_shape(service, error.code)
    content: dict[str, Any] = {"__type": name, "message": error.message, **error.fields}
    headers = [("x-amzn-RequestId", request_id)]
    if service.query_compatible:
        headers.append(("x-amzn-query-error", f"{modelled};{_fault(error)}"))
    if service.protocol == "smithy-rpc-v2-cbor":
        return _answer(error, [*headers, *cbor.HEADERS], cbor.dump(content))
    if service.protocol == "rest-json":
        headers += [("x-amzn-ErrorType", name), ("Content-Type", "application/json")]
    else:
        headers.append(("Content-Type", f"application/x-amz-json-{service.json_version}"))
    return _answer(error, headers, jsonbody.dump(content))


def _error_shape(service: Service, code: str) -> tuple[str, str]:
    """(name of the shape, code on the older wire): services that were query once have both names for an error."""
    table: dict[str, tuple[str, str]] | None = service.codecs.get("errors")
    if table is None:
        table = service.codecs["errors"] = {}
        for name, shape in service.shapes.items():
            if shape.get("exception"):
                wire = shape.get("error", {}).get("code", name)
                table[name] = table[wire] = (name, wire)
    return table.get(code, (code, _QUERY_CODES.get(code, code)))


# What the common errors are called on the older wire, of which x-amzn-query-error tells:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
_QUERY_CODES = {
    "AccessDeniedException": "AccessDenied",
    "ExpiredTokenException": "ExpiredToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "UnrecognizedClientException": "InvalidClientTokenId",
}


def _fault(error: AwsError) -> str:
    return "Receiver" if error.status >= 500 else "Sender"


def _answer(error: AwsError, headers: list[tuple[str, str]], body: bytes) -> HttpResponse:
    return HttpResponse(error.status, headers, body)
