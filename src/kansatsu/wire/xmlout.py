"""AWS-shaped values to XML, for the answers of query, ec2 and rest-xml."""

import re
from collections.abc import Callable
from typing import Any

from kansatsu.wire import scalars
from kansatsu.wire.model import Shape

Write = Callable[[str], None]
Encoder = Callable[[Any, Write], None]

_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}


def escape(text: str) -> str:
    """Text for an element or attribute; what XML 1.0 cannot carry at all becomes U+FFFD."""
    if _SPECIAL.search(text) is None:
        return text
    return _SPECIAL.sub(lambda found: _ESCAPES.get(found[0], "\ufffd"), text)


def _string(value: Any) -> str:
    return escape(value if type(value) is str else str(value))


_TEXTS: dict[str, Callable[[Any], str]] = {
    "string": _string,
    "character": _string,
    "integer": str,
    "long": str,
    "float": scalars.number,
    "double": scalars.number,
    "boolean": lambda value: "true" if value else "false",
    "blob": scalars.blob,
}


class XmlEncoders:
    """Makes a writer per shape and element name."""

    def __init__(self, protocol: str):
        # EC2 and S3 always send milliseconds, the query services only where there are some
        self._timestamp = scalars.iso8601 if protocol == "query" else scalars.iso8601_millis
        self._structures: dict[tuple[str, str], Encoder] = {}

    def element(self, shape: Shape, name: str) -> Encoder:
        """A writer of a value of this shape as an element (or as elements, when flattened) of this name."""
        if shape.type == "structure":
            return self._structure(shape, name)
        if shape.type == "list":
            return self._list(shape, name)
        if shape.type == "map":
            return self._map(shape, name)
        text = self.text(shape)
        start, end = f"<{name}>", f"</{name}>"

        def encode(value: Any, write: Write) -> None:
            write(start + text(value) + end)

        return encode

    def text(self, shape: Shape) -> Callable[[Any], str]:
        """The text of a simple value."""
        if shape.type == "timestamp":
            return scalars.TIMESTAMPS.get(shape.get("timestampFormat", ""), self._timestamp)
        return _TEXTS[shape.type]

    def content(self, shape: Shape) -> Encoder:
        """A writer of the members of a structure, without an element around them."""
        fields: dict[str, Encoder | None] = {}
        self._fill(shape, fields)
        return _writer(shape.name, fields)

    def _fill(self, shape: Shape, fields: dict[str, Encoder | None]) -> None:
        for name, member in shape.members:
            if member.get("location") or member.get("xmlAttribute"):
                fields[name] = None
                continue
            tag = member.get("locationName", name)
            if member.type == "list" and member.get("flattened"):
                tag = member.member.get("locationName", tag)
            fields[name] = self.element(member, tag)

    def _structure(self, shape: Shape, name: str) -> Encoder:
        key = (shape.name, name)
        if key in self._structures:
            return self._structures[key]
        fields: dict[str, Encoder | None] = {}
        inner = _writer(shape.name, fields)
        attributes = [
            (member_name, member.get("locationName", member_name))
            for member_name, member in shape.members
            if member.get("xmlAttribute")
        ]
        start, end = f"<{name}{namespace(shape)}", f"</{name}>"

        def encode(value: Any, write: Write) -> None:
            head = start
            for member_name, attribute in attributes:
                if value.get(member_name) is not None:
                    head += f' {attribute}="{escape(str(value[member_name]))}"'
            write(head + ">")
            inner(value, write)
            write(end)

        self._structures[key] = encode
        self._fill(shape, fields)
        return encode

    def _list(self, shape: Shape, name: str) -> Encoder:
        if shape.get("flattened"):
            item = self.element(shape.member, name)

            def encode_flat(value: Any, write: Write) -> None:
                for element in value:
                    item(element, write)

            return encode_flat
        item = self.element(shape.member, shape.member.get("locationName", "member"))
        start, end = f"<{name}>", f"</{name}>"

        def encode(value: Any, write: Write) -> None:
            write(start)
            for element in value:
                item(element, write)
            write(end)

        return encode

    def _map(self, shape: Shape, name: str) -> Encoder:
        key = self.element(shape.key, shape.key.get("locationName", "key"))
        item = self.element(shape.value, shape.value.get("locationName", "value"))
        flat = bool(shape.get("flattened"))
        entry = name if flat else "entry"

        def encode(value: Any, write: Write) -> None:
            if not flat:
                write(f"<{name}>")
            for key_value, item_value in value.items():
                write(f"<{entry}>")
                key(key_value, write)
                item(item_value, write)
                write(f"</{entry}>")
            if not flat:
                write(f"</{name}>")

        return encode


def _writer(shape_name: str, fields: dict[str, Encoder | None]) -> Encoder:
    def encode(value: Any, write: Write) -> None:
        for name, item in value.items():
            if name not in fields:
                raise KeyError(f"{shape_name} has no member {name}")
            field = fields[name]
            if item is not None and field is not None:
                field(item, write)

    return encode


def namespace(shape: Shape) -> str:
    """The xmlns attribute of a shape, with a space before it; empty when it has none."""
    found = shape.get("xmlNamespace")
    if not found:
        return ""
    uri, prefix = (found, "") if isinstance(found, str) else (found["uri"], found.get("prefix", ""))
    return f' xmlns:{prefix}="{uri}"' if prefix else f' xmlns="{uri}"'
