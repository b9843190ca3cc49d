"""The HTTP bindings of rest-json and rest-xml: labels, query keys, headers, status and payload, both ways.

https://smithy.io/2.0/spec/http-bindings.html
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from kansatsu.errors import Unimplemented
from kansatsu.http import HttpRequest
from kansatsu.wire import form, jsonbody, scalars, xmlin, xmlout
from kansatsu.wire.model import Malformed, Operation, Shape

Text = Callable[[str], Any]
Bind = Callable[["_Parts", dict[str, Any]], None]

_LIST_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*))\s*(?:,|$)')


class _Parts:
    """A request taken apart once: what each binding reads from."""

    __slots__ = ("headers", "labels", "query")

    def __init__(self, request: HttpRequest, labels: Mapping[str, str]):
        self.labels = labels
        self.headers = request.headers
        query: dict[str, list[str]] = {}
        for key, value in form.pairs(request.query):
            query.setdefault(key, []).append(value)
        self.query = query


def template(uri: str) -> tuple[list[str], dict[str, str | None]]:
    """A requestUri as its segments ("{Name}" and "{Name+}" are labels) and the literal query keys it demands."""
    path, _, query = uri.partition("?")
    keys: dict[str, str | None] = {}
    for item in query.split("&") if query else ():
        key, equals, value = item.partition("=")
        keys[key] = value if equals else None
    return [segment for segment in path.split("/") if segment], keys


def labels(segments: list[str], path: str) -> dict[str, str]:
    """The values of the labels of a path; a greedy label keeps its slashes."""
    found: dict[str, str] = {}
    rest = path.removeprefix("/")
    for segment in segments:
        if segment.endswith("+}"):
            after = segments[segments.index(segment) + 1 :]
            parts = rest.rstrip("/").split("/") if after else [rest]
            found[segment[1:-2]] = _unquote("/".join(parts[: len(parts) - len(after)] if after else parts))
            rest = "/".join(parts[len(parts) - len(after) :]) if after else ""
            continue
        part, _, rest = rest.partition("/")
        if segment.startswith("{"):
            found[segment[1:-1]] = _unquote(part)
    return found


def _unquote(text: str) -> str:
    try:
        return unquote(text, errors="strict") if "%" in text else text
    except UnicodeDecodeError as error:
        raise Malformed("The path is not valid UTF-8.") from error


def _json_value(text: str) -> Any:
    try:
        return json.loads(b64decode(text, validate=True))
    except (ValueError, RecursionError) as error:
        raise Malformed("The header is not a base64 JSON value.") from error


def _parser(shape: Shape) -> Text:
    if shape.get("jsonvalue"):
        return _json_value
    return form._SCALARS[shape.type]


def _items(text: str) -> list[str]:
    """A header list: comma-separated, an item with commas in double quotes."""
    found, position = [], 0
    while position < len(text):
        match = _LIST_ITEM.match(text, position)
        if match is None or match.end() == position:
            raise Malformed("The header is not a list.")
        found.append(match[2].strip() if match[1] is None else re.sub(r"\\(.)", r"\1", match[1]))
        position = match.end()
    return found


def _header(name: str, wire: str, shape: Shape) -> Bind:
    wire = wire.lower()
    if shape.type == "list":
        parse = _parser(shape.member)
        if shape.member.type == "timestamp" and shape.member.get("timestampFormat", "rfc822") == "rfc822":

            def bind_dates(parts: _Parts, found: dict[str, Any]) -> None:
                if wire in parts.headers:
                    days = [piece.strip() for piece in parts.headers[wire].split(",")]
                    found[name] = [parse(", ".join(days[i : i + 2])) for i in range(0, len(days), 2)]

            return bind_dates

        def bind_list(parts: _Parts, found: dict[str, Any]) -> None:
            if wire in parts.headers:
                found[name] = [parse(item) for item in _items(parts.headers[wire])]

        return bind_list
    parse = _parser(shape)

    def bind(parts: _Parts, found: dict[str, Any]) -> None:
        value = parts.headers.get(wire)
        if value is not None:
            found[name] = parse(value)

    return bind


def _prefixed(name: str, wire: str) -> Bind:
    wire = wire.lower()

    def bind(parts: _Parts, found: dict[str, Any]) -> None:
        values = {key[len(wire) :]: value for key, value in parts.headers.items() if key.startswith(wire)}
        if values:
            found[name] = values

    return bind


def _query(name: str, wire: str, shape: Shape, known: set[str]) -> Bind:
    if shape.type == "map":
        many = shape.value.type == "list"

        def bind_map(parts: _Parts, found: dict[str, Any]) -> None:
            rest = {key: v if many else v[-1] for key, v in parts.query.items() if key not in known}
            if rest:
                found[name] = rest

        return bind_map
    if shape.type == "list":
        item = _parser(shape.member)

        def bind_list(parts: _Parts, found: dict[str, Any]) -> None:
            if wire in parts.query:
                found[name] = [item(value) for value in parts.query[wire]]

        return bind_list
    parse = _parser(shape)

    def bind(parts: _Parts, found: dict[str, Any]) -> None:
        values = parts.query.get(wire)
        if values is None:
            return
        # INVARIANT: a key given twice is refused; the backend might take the other one.
        if len(values) > 1:
            raise Malformed(f"The query parameter {wire} may be given only once.")
        found[name] = parse(values[0])

    return bind


def _label(name: str, wire: str, shape: Shape) -> Bind:
    parse = _parser(shape)

    def bind(parts: _Parts, found: dict[str, Any]) -> None:
        if wire in parts.labels:
            found[name] = parse(parts.labels[wire])

    return bind


def compile_decoder(operation: Operation, codecs: Any) -> Callable[[HttpRequest], dict[str, Any]]:
    """A function from a request to the parameters; `codecs` compiles the shapes of the body. Raises Malformed."""
    shape = operation.input
    if shape is None:
        return lambda request: {}
    segments, literal = template(operation.uri)
    known = set(literal) | {m.get("locationName") for _, m in shape.members if m.get("location") == "querystring"}
    headers, keys, always = _bindings(shape, known)
    body = _body_decoder(shape, codecs)

    def decode(request: HttpRequest) -> dict[str, Any]:
        parts = _Parts(request, labels(segments, request.path))
        found: dict[str, Any] = {}
        for bind in always:
            bind(parts, found)
        for name in parts.headers.keys() & headers.keys():
            headers[name](parts, found)
        for name in parts.query.keys() & keys.keys():
            keys[name](parts, found)
        if body is not None and request.body:
            body(request.body, found)
        return found

    return decode


def _bindings(shape: Shape, known: set[str]) -> tuple[dict[str, Bind], dict[str, Bind], list[Bind]]:
    """Bindings by header, by query key, and those that are always tried: a request has few of the first two."""
    headers: dict[str, Bind] = {}
    keys: dict[str, Bind] = {}
    always: list[Bind] = []
    for name, member in shape.members:
        wire = member.get("locationName", name)
        location = member.get("location")
        if location == "header":
            headers[wire.lower()] = _header(name, wire, member)
        elif location == "querystring" and member.type != "map":
            keys[wire] = _query(name, wire, member, known)
        elif location == "querystring":
            always.append(_query(name, wire, member, known))
        elif location == "uri":
            always.append(_label(name, wire, member))
        elif location == "headers":
            always.append(_prefixed(name, wire))
    return headers, keys, always


def _body_decoder(shape: Shape, codecs: Any) -> Callable[[bytes, dict[str, Any]], None] | None:
    parse = xmlin.parse if isinstance(codecs, xmlin.XmlCompiler) else jsonbody.parse
    payload = shape.get("payload")
    if payload is None:
        if all(member.get("location") for _, member in shape.members):
            return None
        whole, root = codecs.compile(shape), _root(shape)
        return lambda body, found: found.update(whole(_checked(parse(body), root)))
    member = dict(shape.members)[payload]
    if member.get("streaming") or member.get("eventstream"):
        return None
    if member.type == "blob":
        return lambda body, found: found.update({payload: body})
    if member.type == "string":
        return lambda body, found: found.update({payload: body.decode(errors="replace")})
    part, root = codecs.compile(member), _root(member)
    return lambda body, found: found.update({payload: part(_checked(parse(body), root))})


def _root(shape: Shape) -> str:
    """The name that the root element of a body must have."""
    return str(shape.get("locationName") or shape.name)


def _checked(document: Any, root: str) -> Any:
    # INVARIANT: a body of another kind is refused, not read as an empty one: the backend might find something in it.
    if isinstance(document, xmlin.Node) and document.tag != root:
        raise Malformed("The XML you provided was not well-formed or did not validate against our published schema")
    return document


def header_text(shape: Shape) -> Callable[[Any], str]:
    """A function from a value to the text of its header."""
    if shape.get("jsonvalue"):
        return lambda value: b64encode(jsonbody.dump(value)).decode()
    if shape.type == "list":
        item = header_text(shape.member)
        return lambda value: ",".join(item(element) for element in value)
    if shape.type == "timestamp":
        return scalars.TIMESTAMPS[shape.get("timestampFormat", "rfc822")]
    if shape.type == "boolean":
        return lambda value: "true" if value else "false"
    if shape.type in ("float", "double"):
        return scalars.number
    if shape.type == "blob":
        return scalars.blob
    return str


Head = Callable[[Mapping[str, Any], list[tuple[str, str]]], int]


def compile_head(operation: Operation) -> Head:
    """A function from a result to its headers (appended) and its status."""
    texts: list[tuple[str, str, Callable[[Any], str]]] = []
    maps: list[tuple[str, str]] = []
    status = ""
    for name, member in operation.output.members if operation.output else ():
        wire = member.get("locationName", name)
        if member.get("location") == "header":
            texts.append((name, wire, header_text(member)))
        elif member.get("location") == "headers":
            maps.append((name, wire))
        elif member.get("location") == "statusCode":
            status = name

    def head(result: Mapping[str, Any], headers: list[tuple[str, str]]) -> int:
        for name, wire, text in texts:
            value = result.get(name)
            if value is not None:
                headers.append((wire, text(value)))
        for name, prefix in maps:
            headers.extend((prefix + key, str(value)) for key, value in (result.get(name) or {}).items())
        return int(result.get(status) or operation.status) if status else operation.status

    return head


def compile_body(operation: Operation, protocol: str) -> Callable[[Mapping[str, Any]], bytes]:
    """A function from a result to the body of its answer."""
    shape = operation.output
    if shape is None:
        return lambda result: b"{}" if protocol == "rest-json" else b""
    payload = shape.get("payload")
    member = dict(shape.members)[payload] if payload else shape
    if payload and member.type in ("blob", "string"):
        return lambda result: _raw(result.get(payload))
    if payload and member.get("eventstream"):
        raise Unimplemented(
            f"{operation.service.name}:{operation.name} answers with a stream of events; Kansatsu makes none."
        )
    if protocol == "rest-json":
        encode = jsonbody.JsonEncoders().compile(member)
        return lambda result: jsonbody.dump(encode(result.get(payload) or {} if payload else result))
    return _xml_body(operation, member, payload)


def _xml_body(operation: Operation, member: Shape, payload: str | None) -> Callable[[Mapping[str, Any]], bytes]:
    if not payload and all(m.get("location") for _, m in member.members):
        return lambda result: b""
    encoders = xmlout.XmlEncoders("rest-xml")
    inner = encoders.content(member)
    name = member.get("locationName") or member.name
    namespace = operation.service.xml_namespace
    space = xmlout.namespace(member) or (f' xmlns="{namespace}"' if namespace else "")

    def encode(result: Mapping[str, Any]) -> bytes:
        value = result.get(payload) if payload else result
        if value is None:
            return b""
        out = [f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}{space}>']
        inner(value, out.append)
        out.append(f"</{name}>")
        return "".join(out).encode()

    return encode


def _raw(value: Any) -> bytes:
    if value is None:
        return b""
    return value.encode() if isinstance(value, str) else bytes(value)
