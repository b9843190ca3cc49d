"""Which operation a request asks for: by Action, by X-Amz-Target, by path, or by method and URI template."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kansatsu.errors import AwsError, Unimplemented
from kansatsu.http import HttpRequest
from kansatsu.wire import form, rest
from kansatsu.wire.addressing import path_style
from kansatsu.wire.model import Malformed, Operation, Service, malformed

_NO_PARAMETERS: Mapping[str, str] = {}
# Headers that turn one S3 write into another; an operation that does not know them must not carry them.
_SOURCES = ("x-amz-copy-source", "x-amz-rename-source")


def spoken(service: Service, request: HttpRequest) -> Service:
    """The service in the protocol that this request speaks: clients of one service differ by their age.

    Raises AwsError when the request names its operation in more than one way.
    """
    if service.protocol.startswith("rest"):
        return service
    protocol = _protocol(service, request)
    return service if protocol == service.protocol else service.speaking(protocol)


def _protocol(service: Service, request: HttpRequest) -> str:
    by_target = "x-amz-target" in request.headers
    by_path = request.path.startswith("/service/") and "/operation/" in request.path
    by_action = "Action" in _form(service, request)
    if by_target + by_path + by_action > 1:
        # INVARIANT: a request names its operation once; a backend might prefer the other name to the authorized one.
        raise malformed(service, "The request names its operation in more than one way.")
    if by_path:
        return "smithy-rpc-v2-cbor"
    if by_target:
        return "json"
    if by_action:
        return "ec2" if service.protocol == "ec2" else "query"
    return service.protocol


def _form(service: Service, request: HttpRequest) -> Mapping[str, str]:
    if not request.query and not form.may_be_form(request):
        return _NO_PARAMETERS
    try:
        return form.parameters(request)
    except Malformed as error:
        raise malformed(service, str(error)) from error


def form_parameters(request: HttpRequest) -> Mapping[str, str]:
    """The parameters of a query string and form body; AwsError (MalformedInput) when one is given twice."""
    try:
        return form.parameters(request)
    except Malformed as error:
        raise AwsError(str(error), code="MalformedInput", status=400) from error


def match(service: Service, request: HttpRequest) -> Operation:
    """The operation of a request; no body is needed for REST.

    Raises AwsError: InvalidAction or MissingAction (query, ec2), UnknownOperationException (json), MethodNotAllowed or
    InvalidRequest (S3).
    """
    if service.protocol.startswith("rest"):
        return _match_rest(service, request)
    speaker = spoken(service, request)
    return _MATCHERS[speaker.protocol](speaker, request)


def _match_action(service: Service, request: HttpRequest) -> Operation:
    parameters = _form(service, request)
    name = parameters.get("Action")
    if not name:
        raise AwsError("The request must contain the parameter Action", code="MissingAction", status=400)
    try:
        return service.operation(name)
    except KeyError:
        version = parameters.get("Version", "NO_VERSION_SPECIFIED")
        text = f"Could not find operation {name} for version {version}"
        if service.protocol == "ec2":
            text = f"The action {name} is not valid for this web service."
        raise AwsError(text, code="InvalidAction", status=400) from None


def _match_target(service: Service, request: HttpRequest) -> Operation:
    prefix, _, name = request.headers.get("x-amz-target", "").rpartition(".")
    if prefix == service.target_prefix:
        try:
            return service.operation(name)
        except KeyError:
            pass
    raise AwsError("", code="UnknownOperationException", status=400)


def _match_path(service: Service, request: HttpRequest) -> Operation:
    _, _, rest_of_path = request.path.partition("/service/")
    name = rest_of_path.partition("/operation/")[2].rstrip("/")
    try:
        return service.operation(name)
    except KeyError:
        raise AwsError("", code="UnknownOperationException", status=404) from None


_MATCHERS = {
    "query": _match_action,
    "ec2": _match_action,
    "json": _match_target,
    "smithy-rpc-v2-cbor": _match_path,
}


@dataclass(slots=True)
class _Route:
    """One REST operation: the query keys and headers that must be there, and those that may."""

    operation: Operation
    keys: dict[str, str | None]
    headers: tuple[str, ...]
    optional: frozenset[str]


@dataclass(slots=True)
class _Node:
    """A step of the paths: literal children before a label, a label before a greedy one."""

    literals: dict[str, "_Node"] = field(default_factory=dict)
    label: "_Node | None" = None
    greedy: "_Node | None" = None
    routes: dict[str, list[_Route]] = field(default_factory=dict)  # by method


class RouteTable:
    """All REST operations of a service."""

    def __init__(self, service: Service):
        self._s3 = service.name == "s3"
        self._root = _Node()
        self._subresources: set[str] = set()
        for name in service.operation_names:
            self._add(service.operation(name))

    def _add(self, operation: Operation) -> None:
        segments, keys = rest.template(operation.uri)
        keys.pop("x-id", None)  # a hint for logs that newer SDKs add
        self._subresources |= set(keys) if self._s3 else set()
        members = dict(operation.input.members) if operation.input else {}
        required = operation.input.required if operation.input else []
        headers = []
        optional = {m.get("locationName") for m in members.values() if m.get("location") == "querystring"}
        for name in required:
            member = members[name]
            if member.get("location") == "querystring" and self._s3:
                keys[member.get("locationName", name)] = None
            elif member.get("location") == "header" and self._s3:
                headers.append(member.get("locationName", name).lower())
        if self._s3:
            self._subresources |= set(keys) & {"uploadId", "partNumber"}
        route = _Route(operation, keys, tuple(headers), frozenset(optional | set(keys)))
        self._place(segments, route)

    def _place(self, segments: list[str], route: _Route) -> None:
        node = self._root
        for segment in segments:
            if segment.endswith("+}"):
                node.greedy = node = node.greedy or _Node()
            elif segment.startswith("{"):
                node.label = node = node.label or _Node()
            else:
                node = node.literals.setdefault(segment, _Node())
        routes = node.routes.setdefault(route.operation.http_method, [])
        same = [r for r in routes if r.keys == route.keys and r.headers == route.headers]
        if not same:
            routes.append(route)
        elif same[0].operation.deprecated:
            routes[routes.index(same[0])] = route

    def find(self, request: HttpRequest) -> Operation | None:
        """The operation of a request, or None. Raises Malformed when several subresources are named at once."""
        pairs = form.pairs(request.query) if request.query else []
        query = dict(pairs)
        if self._s3 and len(query) != len(pairs):
            # INVARIANT: a key given twice is refused; the backend might take the other one.
            raise Malformed("A query parameter may be given only once.")
        for node in _walk(self._root, _split(request.path, self._s3), 0):
            routes = node.routes.get(request.method)
            if routes:
                found = self._choose(routes, query, request.headers)
                if found is not None:
                    return found
        return None

    def _choose(self, routes: list[_Route], query: Mapping[str, str], headers: Mapping[str, str]) -> Operation | None:
        best: _Route | None = None
        for route in routes:
            if route.keys.keys() <= query.keys() and _holds(route, query, headers):
                weight = (len(route.keys), len(route.headers))
                if best is None or weight > (len(best.keys), len(best.headers)):
                    best = route
        if best is None:
            return None
        if self._s3:
            self._refuse_extras(best, query, headers)
            _refuse_unknown(best, query)
        return best.operation

    def _refuse_extras(self, route: _Route, query: Mapping[str, str], headers: Mapping[str, str]) -> None:
        # INVARIANT: a subresource or copy source that the operation does not have is refused, never ignored: the
        # backend might act on it although another operation was authorized.
        extra = [key for key in query if key in self._subresources and key not in route.optional]
        extra += [name for name in _SOURCES if name in headers and name not in route.headers]
        if extra:
            raise Malformed(f"The request names more than one operation: {extra[0]}.")


def _refuse_unknown(route: _Route, query: Mapping[str, str]) -> None:
    # INVARIANT: what is newer than the model is no write to the object or bucket itself. A parameter that has a value
    # is passed over, as on AWS; one that begins with x- is for the access log.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html#LogFormatCustom
    if route.operation.http_method in ("GET", "HEAD"):
        return
    for key, value in query.items():
        if not value and key not in route.optional and not key.lower().startswith("x-"):
            raise Unimplemented(f"Kansatsu does not know the subresource {key} of S3.")


def _holds(route: _Route, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Whether the literal values of the query and the required headers are there."""
    literal = all(value is None or query[key] == value for key, value in route.keys.items())
    return literal and all(name in headers for name in route.headers)


def _split(path: str, keep_empty: bool) -> list[str]:
    parts = path.removeprefix("/").split("/")
    if keep_empty:  # S3: "/bucket/" is the bucket, "/bucket//" the key "/"
        if len(parts) == 2 and parts[1] == "":
            parts.pop()
        return parts if parts != [""] else []
    return [part for part in parts if part]


def _walk(node: _Node, parts: list[str], at: int) -> Any:
    """The nodes that a path reaches, the most literal first."""
    if at == len(parts):
        yield node
        return
    child = node.literals.get(parts[at])
    if child is not None:
        yield from _walk(child, parts, at + 1)
    if node.label is not None and parts[at] != "":
        yield from _walk(node.label, parts, at + 1)
    if node.greedy is not None:
        # the shortest first: "{Name+}/policy" goes before "{Name+}"
        for end in range(at + 1, len(parts) + 1) if node.greedy.literals else (len(parts),):
            yield from _walk(node.greedy, parts, end)


def routes(service: Service) -> RouteTable:
    """The REST operations of a service, made ready once."""
    table: RouteTable | None = service.codecs.get("routes")
    if table is None:
        table = service.codecs["routes"] = RouteTable(service)
    return table


def _match_rest(service: Service, request: HttpRequest) -> Operation:
    table = routes(service)
    try:
        found = table.find(path_style(request) if service.name == "s3" else request)
    except Malformed as error:
        code = "InvalidRequest" if service.name == "s3" else ""
        raise malformed(service, str(error), code) from error
    if found is not None:
        return found
    if service.name == "s3":
        text = "The specified method is not allowed against this resource."
        raise AwsError(text, code="MethodNotAllowed", status=405)
    raise AwsError("", code="UnknownOperationException", status=404)
