"""A request as a backend gets it: what its operation knows, as it was decoded here, and nothing beside it.

A server may know headers and parameters that AWS does not (x-minio-force-delete), fold `_` and `-`, take another one of
two, or split a form elsewhere; none of that was authorized.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest
from kansatsu.wire import form, paths, rest
from kansatsu.wire.model import Operation, Shape

# Of HTTP itself, of CORS, of SDKs, and what the next hop is built from (backends.head): of every operation.
# INVARIANT: no Content-Encoding, but where it is a parameter: what was decoded here is not decoded once more.
_HEADERS = frozenset(
    {
        "accept", "accept-encoding", "accept-language", "access-control-request-headers",
        "access-control-request-method", "amz-sdk-invocation-id", "amz-sdk-request", "authorization", "cache-control",
        "connection", "content-disposition", "content-language", "content-length", "content-md5",
        "content-type", "date", "expect", "expires", "host", "if-match", "if-modified-since", "if-none-match",
        "if-range", "if-unmodified-since", "origin", "range", "referer", "transfer-encoding", "user-agent",
        "x-amz-content-sha256", "x-amz-date", "x-amz-decoded-content-length", "x-amz-sdk-checksum-algorithm",
        "x-amz-security-token", "x-amz-trailer", "x-amz-user-agent", "x-amzn-query-mode", "x-amzn-trace-id",
    }
)  # fmt: skip
# Of the protocol, which name the operation or how it is written.
_OF_PROTOCOL = {"json": ("x-amz-target",), "smithy-rpc-v2-cbor": ("smithy-protocol",)}
_CHECKSUM = "x-amz-checksum-"  # also those that are newer than the model
# What says something of a body that is written anew.
_OF_BODY = ("content-encoding", "content-md5", _CHECKSUM)

_Knows = Callable[[list[str]], bool]


@dataclass(frozen=True, slots=True)
class _Known:
    headers: frozenset[str]
    prefixes: tuple[str, ...]
    keys: frozenset[str] | None  # of the query string; None: all, where a parameter holds what is left
    body: bool


def known(operation: Operation, request: HttpRequest) -> HttpRequest:
    """The request with what the operation knows; a form and its query string are one, written anew.

    Raises AwsError (UnknownOperationException) for a path that another reader may take for that of another operation.
    """
    found = operation.codecs.get("known")
    if found is None:
        found = operation.codecs["known"] = _of(operation)
    headers = {
        name: value
        for name, value in request.headers.items()
        if name in found.headers or name.startswith(found.prefixes)
    }
    request = replace(request, path=_path(operation, request))
    if operation.service.protocol in ("query", "ec2"):
        return _form(operation, replace(request, headers=headers))
    # INVARIANT: a parameter of the query string that was not decoded does not go on.
    query = "&".join(_parts(request.query, found.keys))
    if request.body and not found.body:
        return replace(request, query=query, headers=_without_body(headers), body=b"")
    return replace(request, query=query, headers=headers)


def _path(operation: Operation, request: HttpRequest) -> str:
    """INVARIANT: a path that was not decoded does not go on, nor one that another reader may take for another (see
    paths): in it a server may find another queue, or operation. To S3 such a path is the name of an object.
    """
    service, path = operation.service, request.path
    if service.protocol == "smithy-rpc-v2-cbor":
        return f"/service/{service.target_prefix}/operation/{operation.name}"
    if service.name == "s3":
        return path
    rest = service.protocol.startswith("rest")
    if paths.is_devious(operation, request) if rest else path not in ("", "/") and service.name != "sqs":
        raise AwsError("", code="UnknownOperationException", status=404)
    return path if rest else "/"


def _of(operation: Operation) -> _Known:
    members = operation.input.members if operation.input else ()
    by_place: dict[str, list[tuple[str, Shape]]] = {"header": [], "headers": [], "querystring": [], "uri": [], "": []}
    for name, member in members:
        by_place[member.get("location", "")].append((member.get("locationName", name), member))
    own = {name.lower() for name, _ in by_place["header"]} | set(_OF_PROTOCOL.get(operation.service.protocol, ()))
    keys: set[str] | None = {name for name, _ in by_place["querystring"]} | set(rest.template(operation.uri)[1])
    if any(member.type == "map" for _, member in by_place["querystring"]):
        keys = None
    elif not operation.service.protocol.startswith("rest"):
        keys = set()
    prefixes = (_CHECKSUM, *(name.lower() for name, _ in by_place["headers"]))
    body = operation.streams_request or bool(by_place[""])
    return _Known(_HEADERS | own, prefixes, None if keys is None else frozenset(keys | {"x-id"}), body)


def _parts(query: str, keys: frozenset[str] | None) -> Iterator[str]:
    for part in query.split("&"):
        if not part.isascii():
            yield part  # refused by who builds the request
        elif part:
            ((name, value),) = form.pairs(part)
            if keys is None or name in keys:
                yield f"{quote(name, safe='~')}={quote(value, safe='~')}" if "=" in part else quote(name, safe="~")


def _without_body(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if not name.startswith(_OF_BODY)}


def _form(operation: Operation, request: HttpRequest) -> HttpRequest:
    """INVARIANT: a name that would be another parameter if it were written otherwise (`a&Action=b`) does not go on."""
    knows = operation.codecs.get("knows")
    if knows is None:
        knows = operation.codecs["knows"] = _Names(operation.service.protocol == "ec2").of(operation.input)
    pairs = {
        name: value
        for name, value in form.parameters(request).items()
        if name in ("Action", "Version") or knows(name.split("."))
    }
    text = urlencode(pairs)
    if request.method != "POST":
        return replace(request, query=text, headers=_without_body(dict(request.headers)), body=b"")
    headers = _without_body(dict(request.headers))
    headers["content-type"] = "application/x-www-form-urlencoded; charset=utf-8"
    return replace(request, query="", headers=headers, body=text.encode())


class _Names:
    """Whether a dotted name is one of a shape, taken apart as form.FormCompiler does."""

    def __init__(self, ec2: bool) -> None:
        self._names = form.FormCompiler(ec2)
        self._structures: dict[str, dict[str, _Knows]] = {}

    def of(self, shape: Shape | None) -> _Knows:
        """The test for the names of a shape; [] is the name of what is empty."""
        if shape is None:
            return lambda parts: False
        if shape.type == "structure":
            return self._structure(shape)
        if shape.type == "list":
            wrapper = self._names.wrapper(shape)
            return _indexed(wrapper, self.of(shape.member))
        if shape.type == "map":
            key = shape.key.get("locationName", "key")
            value, inner = shape.value.get("locationName", "value"), self.of(shape.value)
            wrapper = None if shape.get("flattened") else "entry"
            return _indexed(wrapper, lambda parts: parts == [key] or (parts[:1] == [value] and inner(parts[1:])))
        return lambda parts: not parts

    def _structure(self, shape: Shape) -> _Knows:
        fields = self._structures.get(shape.name)
        if fields is None:
            fields = self._structures[shape.name] = {}
            for name, member in shape.members:
                fields[self._names.name(name, member)] = self.of(member)
        found = fields
        return lambda parts: not parts or (parts[0] in found and found[parts[0]](parts[1:]))


def _indexed(wrapper: str | None, item: _Knows) -> _Knows:
    def knows(parts: list[str]) -> bool:
        if wrapper is not None:
            if parts[:1] not in ([], [wrapper]):
                return False
            parts = parts[1:]
        return not parts or (parts[0].isdigit() and item(parts[1:]))

    return knows
