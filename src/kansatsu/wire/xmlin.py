"""XML bodies of requests to AWS-shaped values; no document type, no entities, bounded depth."""

from collections.abc import Callable
from typing import Any
from xml.parsers import expat

from kansatsu.wire import scalars
from kansatsu.wire.model import Malformed, Shape

MAX_DEPTH = 100
Decoder = Callable[["Node"], Any]


class Node:
    """An element: local name, attributes by the name as written, children, text."""

    __slots__ = ("attributes", "children", "pieces", "tag")

    def __init__(self, tag: str, attributes: dict[str, str]):
        self.tag = tag
        self.attributes = attributes
        self.children: list[Node] = []
        self.pieces: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def parse(body: bytes) -> Node:
    """The root element; raises Malformed for anything that is not a plain document."""
    stack = [Node("", {})]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(stack) > MAX_DEPTH:
            raise Malformed("The XML is nested too deeply.")
        node = Node(name.rpartition(":")[2], attributes)
        stack[-1].children.append(node)
        stack.append(node)

    def text(data: str) -> None:
        stack[-1].pieces.append(data)

    def end(_name: str) -> None:
        stack.pop()

    def doctype(*_: object) -> None:
        # INVARIANT: a document type, and with it every entity, is refused.
        raise Malformed("A document type is not allowed.")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    parser.buffer_text = True
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, UnicodeError) as error:
        raise Malformed("The XML you provided was not well-formed.") from error
    except ValueError as error:
        raise (
            error if isinstance(error, Malformed) else Malformed("The XML is in an encoding that is not supported.")
        ) from error
    return stack[0].children[0]


_SCALARS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "character": str,
    "integer": lambda text: scalars.parse_integer(text.strip()),
    "long": lambda text: scalars.parse_integer(text.strip(), "long"),
    "float": lambda text: scalars.parse_float(text.strip()),
    "double": lambda text: scalars.parse_float(text.strip()),
    "boolean": lambda text: scalars.parse_boolean(text.strip()),
    "blob": lambda text: scalars.parse_blob(text.strip()),
    "timestamp": lambda text: scalars.parse_timestamp(text.strip()),
}


class XmlCompiler:
    """Makes a decoder per shape of a rest-xml model."""

    def __init__(self) -> None:
        self._structures: dict[str, Decoder] = {}

    def compile(self, shape: Shape) -> Decoder:
        """A function from an element to the value of this shape; raises Malformed."""
        if shape.type == "structure":
            return self._structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        return _scalar(_SCALARS[shape.type])

    def _structure(self, shape: Shape) -> Decoder:
        if shape.name in self._structures:
            return self._structures[shape.name]
        # element name -> (member, decoder, None | "list" | "map": flattened, collected over repeated elements)
        fields: dict[str, tuple[str, Decoder, str | None]] = {}
        attributes: dict[str, str] = {}

        def decode(node: Node) -> dict[str, Any]:
            found: dict[str, Any] = {attributes[n]: v for n, v in node.attributes.items() if n in attributes}
            for child in node.children:
                field = fields.get(child.tag)
                if field is None:
                    continue
                name, item, flattened = field
                if flattened == "list":
                    found.setdefault(name, []).append(item(child))
                elif flattened == "map":
                    found.setdefault(name, {}).update(item(child))
                elif name in found:
                    # INVARIANT: an element given twice is refused; the backend might take the other one.
                    raise Malformed(f"The element {child.tag} may be given only once.")
                else:
                    found[name] = item(child)
            return found

        self._structures[shape.name] = decode
        for name, member in shape.members:
            if member.get("location"):
                continue
            tag = member.get("locationName", name)
            if member.get("xmlAttribute"):
                attributes[tag] = name
            elif member.type in ("list", "map") and member.get("flattened"):
                if member.type == "list":
                    fields[member.member.get("locationName") or tag] = (name, self.compile(member.member), "list")
                    # botocore writes the name of the list itself, AWS documents the member's: both are taken
                    fields[tag] = (name, self.compile(member.member), "list")
                else:
                    fields[tag] = (name, self._entry(member), "map")
            else:
                fields[tag] = (name, self.compile(member), None)
        return decode

    def _list(self, shape: Shape) -> Decoder:
        item = self.compile(shape.member)
        name = shape.member.get("locationName", "member")

        def decode(node: Node) -> list[Any]:
            if any(child.tag != name for child in node.children):
                raise Malformed("The XML you provided did not validate against our published schema.")
            return [item(child) for child in node.children]

        return decode

    def _map(self, shape: Shape) -> Decoder:
        entry = self._entry(shape)

        def decode(node: Node) -> dict[str, Any]:
            found: dict[str, Any] = {}
            for child in node.children:
                found.update(entry(child))
            return found

        return decode

    def _entry(self, shape: Shape) -> Decoder:
        key_name, value_name = shape.key.get("locationName", "key"), shape.value.get("locationName", "value")
        key, value = self.compile(shape.key), self.compile(shape.value)

        def decode(node: Node) -> dict[str, Any]:
            parts = {child.tag: child for child in node.children}
            if key_name not in parts or value_name not in parts:
                raise Malformed("A map entry must have a key and a value.")
            return {key(parts[key_name]): value(parts[value_name])}

        return decode


def _scalar(parse_text: Callable[[str], Any]) -> Decoder:
    def decode(node: Node) -> Any:
        if node.children:
            raise Malformed(f"The element {node.tag} must not have children.")
        return parse_text(node.text)

    return decode
