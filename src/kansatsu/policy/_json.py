"""Reads JSON strictly and remembers where things stand, because explanations point into the text of a policy.

Unlike the standard module it refuses duplicate keys, NaN and deep nesting, keeps numbers as they were written and
records the span of every object and of every member's value.
"""

import re
from collections.abc import Callable
from json.decoder import JSONDecodeError, JSONDecoder, scanstring  # type: ignore[attr-defined]
from typing import NoReturn

MAX_DEPTH = 16  # the deepest legal place, a condition value in a list, is at 7
_STATEMENT = 2  # the level of the members of a list of statements

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
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
    """An object, its (start, end) in the text, and the span of each member's value; `read` says which have them."""

    __slots__ = ("span", "spans")
    span: tuple[int, int]
    spans: dict[str, tuple[int, int]]


Json = None | bool | str | Number | list["Json"] | JsonObject


def read(text: str) -> Json:
    """The value that the whole text holds. Raises JsonError, nothing else, whatever the text."""
    return _whole(text, MAX_DEPTH + 1)


def outline(text: str) -> Json:
    """What `read` finds, several times as fast: only the document and its statements have spans.

    It may take a statement that is nested too deeply for `read`, which is no statement anyhow, and does not say where
    a statement is broken.
    """
    # The standard module takes half of a surrogate pair, which only other texts can hold.
    plain = text.isascii() and "\\" not in text
    return _whole(text, _STATEMENT if plain else MAX_DEPTH + 1)


def _whole(text: str, levels: int) -> Json:
    value, end = _value(text, _skip(text, 0), 0, levels)
    end = _skip(text, end)
    if end != len(text):
        raise JsonError("something follows the end of the document", end)
    return value


def _skip(text: str, at: int) -> int:
    if text[at : at + 1] > " ":
        return at
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _value(text: str, at: int, depth: int, levels: int) -> tuple[Json, int]:
    """The value that begins there and its end. `levels`: how many of them are read here and have spans."""
    if depth > MAX_DEPTH:
        raise JsonError("it is nested too deeply", at)
    if depth == levels:
        return _without_spans(text, at)
    first = text[at : at + 1]
    if first == '"':
        return _string(text, at)
    if first == "{":
        return _object(text, at, depth, levels)
    if first == "[":
        return _array(text, at, depth, levels)
    for word, value in _WORDS.items():
        if text.startswith(word, at):
            return value, at + len(word)
    number = _NUMBER.match(text, at)
    if not number:
        raise JsonError("a value is expected", at)
    return Number(number.group()), number.end()


def _without_spans(text: str, at: int) -> tuple[Json, int]:
    try:
        value, end = _SCAN(text, at)
    except StopIteration as stopped:
        raise JsonError("this is not what is expected", stopped.value) from None
    except JSONDecodeError as error:
        raise JsonError("this is not what is expected", error.pos) from None
    except RecursionError:
        raise JsonError("it is nested too deeply", at) from None
    if isinstance(value, JsonObject):
        value.span = (at, end)
    return value, end


def _unique(pairs: list[tuple[str, Json]]) -> JsonObject:
    result = JsonObject(pairs)
    if len(result) != len(pairs):
        raise JSONDecodeError("a name is there twice", "", 0)
    return result


def _no_number(name: str) -> NoReturn:
    raise JSONDecodeError(f"{name} is no number of JSON", "", 0)


_SCAN: Callable[[str, int], tuple[Json, int]] = JSONDecoder(
    object_pairs_hook=_unique, parse_int=Number, parse_float=Number, parse_constant=_no_number
).scan_once  # type: ignore[attr-defined]


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


def _object(text: str, at: int, depth: int, levels: int) -> tuple[JsonObject, int]:
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
        result[key], end = _value(text, start, depth + 1, levels)
        result.spans[key] = (start, end)
        position = _skip(text, end)
    result.span = (at, position + 1)
    return result, position + 1


def _array(text: str, at: int, depth: int, levels: int) -> tuple[list[Json], int]:
    result: list[Json] = []
    position = _skip(text, at + 1)
    while text[position : position + 1] != "]":
        if result:
            position = _skip(text, _expect(text, position, ","))
        value, position = _value(text, position, depth + 1, levels)
        result.append(value)
        position = _skip(text, position)
    return result, position + 1


def _expect(text: str, at: int, mark: str) -> int:
    if text[at : at + 1] != mark:
        raise JsonError(f"a {mark} is expected", at)
    return at + 1
