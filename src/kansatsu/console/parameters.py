"""Parameters of AWS operations as a page sends them, in JSON, checked against the service's model.

Blobs are base64, timestamps are texts in ISO 8601; results go back in the same form.
"""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from kansatsu import wire
from kansatsu.errors import AwsError, InvalidAction, ValidationError
from kansatsu.wire import Shape

_NUMBERS = {"integer": int, "long": int, "float": (int, float), "double": (int, float), "boolean": bool}
_REGION = re.compile("[a-z0-9-]*")
_DEEPEST = 128  # levels; DynamoDB, of which values may be nested, takes 32 of its own
encode = msgspec.json.Encoder(enc_hook=str).encode


def checked(service: str, operation: str, given: Any) -> dict[str, Any]:
    """The parameters as botocore takes them. Raises AwsError: for what is not of the model, and for streams."""
    try:
        found = wire.load_service(service).operation(operation)
    except (wire.UnknownService, KeyError):
        raise InvalidAction(f"There is no operation {operation} of a service {service}.") from None
    if found.streams_request or found.streams_response:
        raise AwsError("The console passes on no streams.", code="NotImplemented", status=501)
    if found.input is None:
        return {}
    if _depth(given) > _DEEPEST:
        raise ValidationError("The parameters are nested too deeply.")
    params: dict[str, Any] = _value(found.input, given, "")
    return params


def _depth(given: Any) -> int:
    depth, level = 0, [given]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return depth


def _value(shape: Shape, given: Any, where: str) -> Any:
    if shape.type == "structure":
        return _structure(shape, given, where)
    if shape.type == "list":
        return [_value(shape.member, item, f"{where}[{at}]") for at, item in enumerate(_of(list, given, where))]
    if shape.type == "map":
        return {key: _value(shape.value, item, f"{where}.{key}") for key, item in _of(dict, given, where).items()}
    if shape.type == "blob":
        return _blob(given, where)
    if shape.type == "timestamp":
        return _time(given, where)
    if shape.type == "boolean" or (isinstance(given, bool) and shape.type in _NUMBERS):
        return _of(_NUMBERS[shape.type] if shape.type == "boolean" else type(None), given, where)
    return _of(_NUMBERS.get(shape.type, str), given, where)


def _structure(shape: Shape, given: Any, where: str) -> dict[str, Any]:
    members = dict(shape.members)
    for name in _of(dict, given, where):
        if name not in members:
            raise ValidationError(f"Unknown parameter {where}{'.' if where else ''}{name}.")
    for name in shape.required:
        if name not in given:
            raise ValidationError(f"Missing required parameter {where}{'.' if where else ''}{name}.")
    return {name: _value(members[name], item, f"{where}.{name}".lstrip(".")) for name, item in given.items()}


def _blob(given: Any, where: str) -> bytes:
    try:
        return base64.b64decode(_of(str, given, where), validate=True)
    except ValueError:
        raise ValidationError(f"{where} must be base64.") from None


def _time(given: Any, where: str) -> datetime:
    try:
        found = datetime.fromisoformat(_of(str, given, where))
        return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValidationError(f"{where} must be a time in ISO 8601.") from None


def _of(type: Any, given: Any, where: str) -> Any:
    if not isinstance(given, type):
        raise ValidationError(f"Invalid type for parameter {where or '(all)'}.")
    return given


def body(text: bytes) -> Mapping[str, Any]:
    """The JSON object in the body of a request. Raises ValidationError."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValidationError("The body must be a JSON object.")
    return found


def text(given: Mapping[str, Any], name: str, longest: int = 256) -> str:
    """A member that is text, "" when it is not there. Raises ValidationError."""
    value = given.get(name, "")
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        raise ValidationError(f"{name} must be a text of at most {longest} characters.")
    return value


def region(given: Mapping[str, Any]) -> str:
    """INVARIANT: what is signed and asked has the region as a part of its own, which nothing in it ends."""
    found = text(given, "region", 64)
    if not _REGION.fullmatch(found):
        raise ValidationError("region must be that of AWS: us-east-1.")
    return found
