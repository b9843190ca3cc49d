"""JSON bodies to AWS-shaped values and back, for the json and rest-json protocols.

https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html; its errors use the
words of DynamoDB's SerializationException.
"""

import json
import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from kansatsu.wire import scalars
from kansatsu.wire.model import Malformed, Shape

Codec = Callable[[Any], Any]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # INVARIANT: a key given twice is refused; the backend might take the other value than we authorized.
        raise Malformed("A key may be given only once in an object.")
    return found


_loads = json.JSONDecoder(object_pairs_hook=_unique).decode


def parse(body: bytes) -> Any:
    """The JSON document of a body; an empty body is an empty object. Raises Malformed."""
    if not body.strip():
        return {}
    try:
        return _loads(body.decode())
    except Malformed:
        raise
    except (ValueError, RecursionError) as error:
        raise Malformed("The body is not valid JSON.") from error


dump = msgspec.json.encode


def _kind(value: Any) -> str:
    if value is True or value is False:
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    return "STRING_VALUE" if isinstance(value, str) else "DECIMAL_VALUE" if isinstance(value, float) else "NUMBER_VALUE"


def _refuse(value: Any, target: str) -> Malformed:
    if isinstance(value, dict):
        return Malformed("Start of structure or map found where not expected.")
    if isinstance(value, list):
        return Malformed("Start of list found where not expected.")
    return Malformed(f"{_kind(value)} cannot be converted to {target}")


def _same(value: Any) -> Any:
    return value


def _string(value: Any) -> str:
    if type(value) is not str:
        raise _refuse(value, "String")
    return value


def _whole(type_name: str) -> Codec:
    def decode(value: Any) -> int:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int:
            raise _refuse(value, type_name.capitalize())
        return scalars.within(value, type_name)

    return decode


def _float(value: Any) -> float:
    if type(value) is str and value in ("NaN", "Infinity", "-Infinity"):
        return scalars.parse_float(value)
    if type(value) not in (int, float):
        raise _refuse(value, "Double")
    try:
        return float(value)
    except OverflowError as error:
        raise Malformed("The number is too large.") from error


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise _refuse(value, "Boolean")
    return value


def _timestamp(value: Any) -> datetime:
    if type(value) is str:
        return scalars.parse_timestamp(value)
    if type(value) not in (int, float):
        raise _refuse(value, "Timestamp")
    return scalars.from_epoch(value)


def _blob(value: Any) -> bytes:
    return scalars.parse_blob(_string(value))


_DECODERS: dict[str, Codec] = {
    "string": _string,
    "character": _string,
    "integer": _whole("integer"),
    "long": _whole("long"),
    "float": _float,
    "double": _float,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "blob": _blob,
}


class JsonDecoders:
    """Makes a function per shape from a parsed document to AWS-shaped values; raises Malformed."""

    def __init__(self, scalars_: dict[str, Codec] | None = None) -> None:
        self._scalars = scalars_ or _DECODERS
        self._structures: dict[str, Codec] = {}

    def compile(self, shape: Shape) -> Codec:
        """The decoder of a shape."""
        if shape.type == "structure":
            return _same if shape.get("document") else self._structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        return _same if shape.get("jsonvalue") else self._scalars[shape.type]

    def _structure(self, shape: Shape) -> Codec:
        if shape.name in self._structures:
            return self._structures[shape.name]
        fields: dict[str, tuple[str, Codec]] = {}
        lowered: set[str] = set()

        def decode(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise Malformed("Unexpected field type") if type(value) is not list else _refuse(value, "")
            found = {}
            for key, item in value.items():
                field = fields.get(key)
                if field is not None and item is not None:
                    found[field[0]] = field[1](item)
                # INVARIANT: a key in another case is refused: some readers take it for ours, and the last of the two.
                # No name of AWS's is beyond ASCII, where \u017f is an s in another case, to Go's JSON for one.
                elif field is None and (key.lower() in lowered or not (key.isascii() and key.isprintable())):
                    raise Malformed(f"The key {key[:200]} is not written as the service writes it.")
            return found

        self._structures[shape.name] = decode
        for name, member in shape.members:
            if not member.get("location"):
                fields[member.get("locationName", name)] = (name, self.compile(member))
        lowered |= {key.lower() for key in fields}
        return decode

    def _list(self, shape: Shape) -> Codec:
        item = self.compile(shape.member)

        def decode(value: Any) -> list[Any]:
            if type(value) is not list:
                raise Malformed("Expected list or null")
            return [None if element is None else item(element) for element in value]

        return decode

    def _map(self, shape: Shape) -> Codec:
        item = self.compile(shape.value)

        def decode(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise Malformed("Expected map or null")
            return {key: None if element is None else item(element) for key, element in value.items()}

        return decode


def _encode_float(value: float) -> Any:
    return scalars.number(value) if not math.isfinite(value) else value


def _encode_timestamp(shape: Shape) -> Codec:
    return {"iso8601": scalars.iso8601, "rfc822": scalars.rfc822}.get(shape.get("timestampFormat"), scalars.unix)


_ENCODERS: dict[str, Codec] = {"blob": scalars.blob, "float": _encode_float, "double": _encode_float}


class JsonEncoders:
    """Makes a function per shape from AWS-shaped values to what JSON can carry."""

    def __init__(self) -> None:
        self._structures: dict[str, Codec] = {}

    def compile(self, shape: Shape) -> Codec:
        """The encoder of a shape."""
        if shape.type == "structure":
            return _same if shape.get("document") else self._structure(shape)
        if shape.type == "list":
            item = self.compile(shape.member)
            return _same if item is _same else lambda value: [None if v is None else item(v) for v in value]
        if shape.type == "map":
            entry = self.compile(shape.value)
            return _same if entry is _same else lambda value: {k: entry(v) for k, v in value.items() if v is not None}
        if shape.type == "timestamp":
            return _encode_timestamp(shape)
        return _ENCODERS.get(shape.type, _same)

    def _structure(self, shape: Shape) -> Codec:
        if shape.name in self._structures:
            return self._structures[shape.name]
        fields: dict[str, tuple[str, Codec] | None] = {}

        def encode(value: dict[str, Any]) -> dict[str, Any]:
            found = {}
            for name, item in value.items():
                field = fields[name]  # KeyError: the handler answered something that AWS's shape does not have
                if item is not None and field is not None:
                    found[field[0]] = field[1](item)
            return found

        self._structures[shape.name] = encode
        for name, member in shape.members:
            # members with a location travel in the head of the answer
            fields[name] = None if member.get("location") else (member.get("locationName", name), self.compile(member))
        return encode
