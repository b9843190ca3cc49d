"""Reads JSON strictly and remembers where things stand, because explanations point into the text of a policy.

Unlike the standard module it refuses duplicate keys, NaN and deep nesting, keeps numbers as they were written and
records the span of every object and of every member's value.
"""

import re
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]

MAX_DEPTH = 16  # the deepest legal place, a condition value in a list, is at 7

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
# Lists of plain strings are most of a policy: read by one expression each, nearly twice as fast altogether.
_PLAIN = r'"[\x20\x21\x23-\x5b\x5d-\x7e]*+"'
_BLANK = r"[ \t\n\r]*+"
_PLAIN_ARRAY = re.compile(rf"\[{_BLANK}{_PLAIN}(?:{_BLANK},{_BLANK}{_PLAIN})*+{_BLANK}\]")
_PLAIN_ITEM = re.compile(r'"([^"]*)"')
_WORDS = {"true": True, "false": False, "null": None}


class JsonError(ValueError):
    """The text is not JSON as policies use it; `at` is where, and the message is half a sentence that says why."""

    def __init__(self, message: str, at: int):
        super().__init__(message)
        self.at = at


class Number(str):
    """A number as it was written."""

    __slots__ = ()


class JsonObject(dict[str, "Json"]):
    """An object, its (start, end) in the text, and the span of each member's value."""

    __slots__ = ("span", "spans")
    span: tuple[int, int]
    spans: dict[str, tuple[int, int]]


Json = None | bool | str | Number | list["Json"] | JsonObject


def read(text: str) -> Json:
    """The value that the whole text holds. Raises JsonError, nothing else, whatever the text."""
    value, end = _value(text, _skip(text, 0), 0)
    end = _skip(text, end)
    if end != len(text):
        raise JsonError("something follows the end of the document", end)
    return value


def _skip(text: str, at: int) -> int:
    if text[at : at + 1] > " ":
        return at
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _value(text: str, at: int, depth: int) -> tuple[Json, int]:
    if depth > MAX_DEPTH:
        raise JsonError("it is nested too deeply", at)
    first = text[at : at + 1]
    if first == '"':
        return _string(text, at)
    if first == "{":
        return _object(text, at, depth)
    if first == "[":
        return _array(text, at, depth)
    for word, value in _WORDS.items():
        if text.startswith(word, at):
            return value, at + len(word)
    number = _NUMBER.match(text, at)
    if not number:
        raise JsonError("a value is expected", at)
    return Number(number.group()), number.end()


def _string(text: str, at: int) -> tuple[str, int]:
    if text[at : at + 1] != '"':
        raise JsonError("a text in double quotes is expected", at)
    try:
        value, end = scanstring(text, at + 1, True)
    except JSONDecodeError as error:
        raise JsonError("a text is not closed or holds a character that must be escaped", error.pos) from None
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise JsonError("half of a surrogate pair", at)
    return value, end


def _object(text: str, at: int, depth: int) -> tuple[JsonObject, int]:
    result = JsonObject()
    result.spans = {}
    position = _skip(text, at + 1)
    while text[position : position + 1] != "}":
        if result:
            position = _skip(text, _expect(text, position, ","))
        named = position
        key, position = _string(text, position)
        if key in result:
            raise JsonError(f"{key} is there twice", named)
        start = _skip(text, _expect(text, _skip(text, position), ":"))
        result[key], end = _value(text, start, depth + 1)
        result.spans[key] = (start, end)
        position = _skip(text, end)
    result.span = (at, position + 1)
    return result, position + 1


def _array(text: str, at: int, depth: int) -> tuple[list[Json], int]:
    plain = _PLAIN_ARRAY.match(text, at)
    if plain:
        return _PLAIN_ITEM.findall(text, at, plain.end()), plain.end()
    result: list[Json] = []
    position = _skip(text, at + 1)
    while text[position : position + 1] != "]":
        if result:
            position = _skip(text, _expect(text, position, ","))
        value, position = _value(text, position, depth + 1)
        result.append(value)
        position = _skip(text, position)
    return result, position + 1


def _expect(text: str, at: int, mark: str) -> int:
    if text[at : at + 1] != mark:
        raise JsonError(f"a {mark} is expected", at)
    return at + 1
