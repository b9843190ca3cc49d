"""Parameters of the query and ec2 protocols: dotted names in a form or query string to AWS-shaped values.

https://smithy.io/2.0/aws/protocols/aws-query-protocol.html, https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html
"""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import unquote_plus

from kansatsu.http import HttpRequest
from kansatsu.wire import scalars
from kansatsu.wire.model import Malformed, Shape

Decoder = Callable[[Any], Any]
T = TypeVar("T")
MAX_PARAMETERS = 50_000  # more than fit into the largest modelled request (PutMetricData, 1 MB)
MAX_DEPTH = 60  # deeper than any modelled parameter; recursive shapes cannot be used to exhaust the stack

_SCALARS: dict[str, Decoder] = {
    "string": str,
    "character": str,
    "integer": scalars.parse_integer,
    "long": lambda text: scalars.parse_integer(text, "long"),
    "float": scalars.parse_float,
    "double": scalars.parse_float,
    "boolean": scalars.parse_boolean,
    "blob": scalars.parse_blob,
    "timestamp": scalars.parse_timestamp,
}


def pairs(text: str) -> list[tuple[str, str]]:
    """The decoded pairs of a query string or form, in order; an item without "=" has an empty value."""
    # INVARIANT: nobody is kept waiting by somebody's parameters: they are read before it is known who sent them.
    if text.count("&") > MAX_PARAMETERS:
        raise Malformed(f"There may be at most {MAX_PARAMETERS} parameters.")
    found = []
    for item in text.split("&"):
        if not item:
            continue
        key, _, value = item.partition("=")
        if "%" in key or "+" in key:
            key = _unquote(key)
        if "%" in value or "+" in value:
            value = _unquote(value)
        found.append((key, value))
    return found


def _unquote(text: str) -> str:
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError as error:
        raise Malformed("The request is not valid UTF-8.") from error


_last: tuple[str, bytes, dict[str, str]] = ("", b"", {})


def parameters(request: HttpRequest) -> dict[str, str]:
    """All parameters of the query string and, with a form body, of the body.

    The last parse is kept: match() and decode() read the same request one after the other.
    """
    global _last  # noqa: PLW0603 - replaced as a whole, so that threads never see a mixture
    query, body, found = _last
    if body is request.body and query == request.query and found:
        return found
    found = {}
    source = pairs(request.query)
    # INVARIANT: beside an Action in the query the body is a form whatever it calls itself; a backend may read it so.
    if request.body and (may_be_form(request) or any(key == "Action" for key, _ in source)):
        try:
            source += pairs(request.body.decode())
        except UnicodeDecodeError as error:
            raise Malformed("The request is not valid UTF-8.") from error
    for key, value in source:
        # INVARIANT: a parameter given twice is refused; whoever reads the request after us might take the other one.
        if key in found:
            raise Malformed(f"The parameter {key[:200]} may be given only once.")
        found[key] = value
    _last = (request.query, request.body, found)
    return found


def may_be_form(request: HttpRequest) -> bool:
    """Whether the body may hold parameters: clients are careless with the content type of a form."""
    content_type = request.headers.get("content-type", "")
    return bool(request.body) and "json" not in content_type and "cbor" not in content_type


def tree(flat: dict[str, str]) -> dict[str, Any]:
    """Dotted names as nested dicts; where a name is both value and parent, the value is under ""."""
    root: dict[str, Any] = {}
    for name, value in flat.items():
        if "." not in name:
            _put(root, name, value)
            continue
        parts = name.split(".")
        if len(parts) > MAX_DEPTH:
            raise Malformed("The parameters are nested too deeply.")
        node = root
        for part in parts[:-1]:
            child = node.get(part)
            if type(child) is not dict:
                child = node[part] = {} if child is None else {"": child}
            node = child
        _put(node, parts[-1], value)
    return root


def _put(node: dict[str, Any], name: str, value: str) -> None:
    if type(node.get(name)) is dict:
        node[name][""] = value
    else:
        node[name] = value


class FormCompiler:
    """Makes a decoder per shape; `capitalized` is EC2's way of naming members and flattening every list."""

    def __init__(self, capitalized: bool):
        self._ec2 = capitalized
        self._structures: dict[str, Decoder] = {}

    def compile(self, shape: Shape) -> Decoder:
        """A function from a node of tree() to the value of this shape; raises Malformed."""
        if shape.type == "structure":
            return self._structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        return _scalar(_SCALARS[shape.type])

    def name(self, name: str, shape: Shape) -> str:
        """How a member of a structure is called."""
        if self._ec2:
            given: str = shape.get("queryName") or shape.get("locationName") or ""
            return (given if shape.get("queryName") or not given else given[0].upper() + given[1:]) or name
        if shape.type == "list" and shape.get("flattened") and shape.member.get("locationName"):
            return str(shape.member.get("locationName"))
        return str(shape.get("locationName", name))

    def _structure(self, shape: Shape) -> Decoder:
        if shape.name in self._structures:
            return self._structures[shape.name]
        fields: dict[str, tuple[str, Decoder]] = {}

        def decode(node: Any) -> dict[str, Any]:
            if type(node) is str:
                return _empty(node, {})
            found = {}
            for name, child in node.items():
                field = fields.get(name)
                if field is not None:
                    found[field[0]] = field[1](child)
            return found

        self._structures[shape.name] = decode
        for name, member in shape.members:
            fields[self.name(name, member)] = (name, self.compile(member))
        return decode

    def wrapper(self, shape: Shape) -> str | None:
        """What stands between a list and its numbers, None for nothing."""
        return None if self._ec2 or shape.get("flattened") else str(shape.member.get("locationName", "member"))

    def _list(self, shape: Shape) -> Decoder:
        item, wrapper = self.compile(shape.member), self.wrapper(shape)

        def decode(node: Any) -> list[Any]:
            if type(node) is not str and wrapper is not None:
                node = node.get(wrapper, node.get("", None))
                if node is None:
                    raise Malformed("Start of structure or map found where not expected.")
            if type(node) is str:
                return _empty(node, [])
            return [item(child) for child in _indexed(node)]

        return decode

    def _map(self, shape: Shape) -> Decoder:
        key_name, value_name = shape.key.get("locationName", "key"), shape.value.get("locationName", "value")
        key, value = self.compile(shape.key), self.compile(shape.value)
        wrapped = not shape.get("flattened")

        def decode(node: Any) -> dict[str, Any]:
            if type(node) is not str and wrapped:
                node = node.get("entry", node.get("", None))
            if type(node) is str:
                return _empty(node, {})
            found = {}
            for entry in _indexed(node) if node else ():
                if type(entry) is str or key_name not in entry:
                    raise Malformed("A map entry must have a key and a value.")
                found[key(entry[key_name])] = value(entry.get(value_name, ""))
            return found

        return decode


def _empty(text: str, nothing: T) -> T:
    if text:
        raise Malformed("Unexpected complex element termination")
    return nothing


def _indexed(node: dict[str, Any]) -> list[Any]:
    """The children of a list in the order of their numbers."""
    numbered = []
    for number, child in node.items():
        if number == "" and child == "":
            continue
        # INVARIANT: one spelling per index ("01" is refused), so that no element can be given twice.
        if not (number.isascii() and number.isdigit()) or number[0] == "0" or len(number) > 9:
            raise Malformed("Key integer expected")
        numbered.append((int(number), child))
    numbered.sort(key=lambda pair: pair[0])
    return [child for _, child in numbered]


def _scalar(parse: Decoder) -> Decoder:
    def decode(node: Any) -> Any:
        if type(node) is not str:
            raise Malformed("Start of structure or map found where not expected.")
        return parse(node)

    return decode
