"""Filters and pages, the same way for every Describe operation.

Values are matched with case, * and ? are wildcards; several values of a filter are alternatives, several filters must
all hold. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
"""

import base64
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from kansatsu.errors import AwsError, InvalidParameterCombination, InvalidParameterValue

T = TypeVar("T")

# What a filter of that name compares: the values that an item has.
Fields = Mapping[str, Callable[[T], Iterable[str]]]


class InvalidNextToken(AwsError):
    """A NextToken that we have not given out."""

    code = "InvalidParameterValue"


def select(
    items: Iterable[T],
    filters: Sequence[Mapping[str, Any]] | None,
    fields: Fields[T],
    tags: Callable[[T], Mapping[str, str]] | None = None,
) -> list[T]:
    """The items that pass all filters; InvalidParameterValue for a filter that does not exist."""
    chosen = list(items)
    for wanted in filters or ():
        values = _values_of(wanted.get("Name", ""), fields, tags)
        patterns = [_pattern(value) for value in wanted.get("Values", ())]
        chosen = [item for item in chosen if any(p.fullmatch(v) for v in values(item) for p in patterns)]
    return chosen


def _values_of(
    name: str, fields: Fields[T], tags: Callable[[T], Mapping[str, str]] | None
) -> Callable[[T], Iterable[str]]:
    if tags is not None:
        own = tags
        if name.startswith("tag:"):
            key = name.removeprefix("tag:")
            return lambda item: [own(item)[key]] if key in own(item) else []
        if name == "tag-key":
            return lambda item: list(own(item))
        if name == "tag-value":
            return lambda item: list(own(item).values())
    if name not in fields:
        raise InvalidParameterValue(f"The filter '{name}' is invalid")
    return fields[name]


@lru_cache(1024)
def _pattern(value: str) -> re.Pattern[str]:
    """A filter value as a pattern; a backslash makes the next wildcard a plain character.

    INVARIANT: only the last star can be tried again, so that no value takes more than length times length.
    """
    runs = [""]
    escaped = False
    for character in value:
        if escaped or character not in "*?\\":
            runs[-1] += re.escape(character)
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "*":
            runs.append("")
        else:
            runs[-1] += "."
    first, *middle = runs
    last = f".*{middle.pop()}" if middle else ""
    return re.compile(first + "".join(f"(?>.*?{run})" for run in middle) + last, re.DOTALL)


def forbid_both(ids: Sequence[str] | None, max_results: int | None, name: str) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html (MaxResults)"""
    if ids and max_results:
        raise InvalidParameterCombination(f"The parameter {name} cannot be used with the parameter maxResults")


def page(items: Sequence[T], max_results: int | None, next_token: str | None) -> tuple[list[T], dict[str, str]]:
    """One page, and the member NextToken where there are more."""
    start = _position(next_token)
    end = len(items) if max_results is None else start + max_results
    rest = {"NextToken": base64.urlsafe_b64encode(f"at:{end}".encode()).decode()} if end < len(items) else {}
    return list(items[start:end]), rest


def _position(token: str | None) -> int:
    if not token:
        return 0
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError:
        text = ""
    digits = text.removeprefix("at:")
    if digits == text or not (digits.isascii() and digits.isdigit()):
        raise InvalidNextToken(f"Value ( {token} ) for parameter NextToken is invalid.")
    return int(digits)
