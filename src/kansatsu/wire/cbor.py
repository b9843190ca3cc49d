"""Concise Binary Object Representation, as much of RFC 8949 as the protocol rpc-v2-cbor uses.

https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

import struct
from datetime import datetime
from typing import Any

from kansatsu.wire import jsonbody, scalars
from kansatsu.wire.model import Malformed

HEADERS = [("smithy-protocol", "rpc-v2-cbor"), ("Content-Type", "application/cbor")]
MAX_DEPTH = 100
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_BREAK = object()


class _Tagged:
    __slots__ = ("number", "value")

    def __init__(self, number: int, value: Any):
        self.number = number
        self.value = value


def parse(body: bytes) -> Any:
    """The one item of a body; an empty body is an empty map. Raises Malformed."""
    if not body:
        return {}
    try:
        value, end = _item(body, 0, 0)
    except (IndexError, struct.error, UnicodeDecodeError, TypeError) as error:
        raise Malformed("The body is not valid CBOR.") from error
    if end != len(body) or value is _BREAK:
        raise Malformed("The body is not one CBOR item.")
    return value


def _item(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth > MAX_DEPTH:
        raise Malformed("The body is nested too deeply.")
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        return _simple(data, at, info)
    if info == 31:
        return _indefinite(data, at, major, depth)
    size, at = _argument(data, at, info)
    if major == 0:
        return size, at
    if major == 1:
        return -1 - size, at
    if major in (2, 3):
        raw = data[at : at + size]
        if len(raw) != size:
            raise Malformed("The body ends too early.")
        return (raw if major == 2 else raw.decode()), at + size
    if major == 6:
        value, at = _item(data, at, depth + 1)
        return _Tagged(size, value), at
    return _collection(data, at, major, depth, size)


def _argument(data: bytes, at: int, info: int) -> tuple[int, int]:
    if info < 24:
        return info, at
    width = {24: 1, 25: 2, 26: 4, 27: 8}.get(info)
    if width is None or at + width > len(data):
        raise Malformed("The body is not valid CBOR.")
    return int.from_bytes(data[at : at + width], "big"), at + width


def _simple(data: bytes, at: int, info: int) -> tuple[Any, int]:
    if info == 31:
        return _BREAK, at
    if info in _SIMPLE:
        return _SIMPLE[info], at
    if info not in _FLOATS:
        raise Malformed("The body is not valid CBOR.")
    width = struct.calcsize(_FLOATS[info])
    return struct.unpack(_FLOATS[info], data[at : at + width])[0], at + width


def _collection(data: bytes, at: int, major: int, depth: int, size: int | None) -> tuple[Any, int]:
    flat: list[Any] = []
    wanted = None if size is None else size * (2 if major == 5 else 1)
    while wanted is None or len(flat) < wanted:
        value, at = _item(data, at, depth + 1)
        if value is _BREAK:
            if wanted is not None:
                raise Malformed("The body is not valid CBOR.")
            break
        flat.append(value)
    if major == 4:
        return flat, at
    if len(flat) % 2 or any(type(key) is not str for key in flat[::2]):
        raise Malformed("The keys of a map must be text.")
    found = dict(zip(flat[::2], flat[1::2], strict=True))
    if len(found) * 2 != len(flat):
        # INVARIANT: a key given twice is refused; the backend might take the other value.
        raise Malformed("A key may be given only once in a map.")
    return found, at


def _indefinite(data: bytes, at: int, major: int, depth: int) -> tuple[Any, int]:
    if major in (4, 5):
        return _collection(data, at, major, depth, None)
    if major not in (2, 3):
        raise Malformed("The body is not valid CBOR.")
    parts, at = _collection(data, at, 4, depth, None)
    return (b"" if major == 2 else "").join(parts), at


def _blob(value: Any) -> bytes:
    if type(value) is not bytes:
        raise Malformed("A blob must be a byte string.")
    return value


def _timestamp(value: Any) -> datetime:
    if not isinstance(value, _Tagged) or value.number != 1 or type(value.value) not in (int, float):
        raise Malformed("A timestamp must be seconds with the tag 1.")
    return scalars.from_epoch(value.value)


def decoders() -> jsonbody.JsonDecoders:
    """Decoders from parsed CBOR to AWS-shaped values."""
    return jsonbody.JsonDecoders({**jsonbody._DECODERS, "blob": _blob, "timestamp": _timestamp})


class _Encoders(jsonbody.JsonEncoders):
    def compile(self, shape: Any) -> jsonbody.Codec:
        if shape.type == "timestamp":
            return lambda value: _Tagged(1, float(scalars.unix(value)))
        if shape.type in ("blob", "float", "double"):
            return _bytes if shape.type == "blob" else float
        return super().compile(shape)


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def encoders() -> jsonbody.JsonEncoders:
    """Encoders from AWS-shaped values to what dump() takes."""
    return _Encoders()


def dump(value: Any) -> bytes:
    """A value as CBOR."""
    out = bytearray()
    _write(value, out)
    return bytes(out)


def _write(value: Any, out: bytearray) -> None:
    if value is None or value is True or value is False:
        out.append({None: 0xF6, True: 0xF5, False: 0xF4}[value])
    elif isinstance(value, int):
        _head(0 if value >= 0 else 1, value if value >= 0 else -1 - value, out)
    elif isinstance(value, float):
        out += b"\xfb" + struct.pack(">d", value)
    elif isinstance(value, (bytes, str)):
        raw = value.encode() if isinstance(value, str) else value
        _head(3 if isinstance(value, str) else 2, len(raw), out)
        out += raw
    elif isinstance(value, _Tagged):
        _head(6, value.number, out)
        _write(value.value, out)
    elif isinstance(value, list):
        _head(4, len(value), out)
        for item in value:
            _write(item, out)
    elif isinstance(value, dict):
        _head(5, len(value), out)
        for key, item in value.items():
            _write(key, out)
            _write(item, out)
    else:
        raise TypeError(f"CBOR cannot carry {type(value).__name__}")


def _head(major: int, size: int, out: bytearray) -> None:
    if size < 24:
        out.append(major << 5 | size)
        return
    for info, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if size < 1 << (8 * width):
            out.append(major << 5 | info)
            out += size.to_bytes(width, "big")
            return
    raise OverflowError("CBOR integers have 64 bits")
