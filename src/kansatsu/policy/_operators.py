"""Condition operators: the table of their names and how each compares one value of a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any, NamedTuple

from kansatsu.policy._patterns import arns, globs
from kansatsu.policy._template import substitute, tokenize
from kansatsu.policy.model import Context

Compare = Callable[[str, Context], bool]
"""Does this value of the request match one of the policy's values?"""


class ValueInvalid(ValueError):
    """A policy's value that the operator cannot compare with anything."""


class Operator(NamedTuple):
    """`compile` takes the policy's values and whether variables are replaced in them.

    `any_text`: no value is wrong but for what looks like a variable and is none.
    """

    compile: Callable[[Iterable[str], bool], Compare]
    negated: bool = False
    any_text: bool = False


class Name(NamedTuple):
    """An operator's name taken apart: qualifier "", "forallvalues" or "foranyvalue"."""

    qualifier: str
    operator: Operator | None  # None: Null
    if_exists: bool


@lru_cache(maxsize=1024)  # nearly all documents use the same few
def parse_name(text: str) -> Name | None:
    """The operator of that name (letters in any case), None when AWS has no such operator."""
    match = _NAME.fullmatch(text.lower())
    if not match:
        return None
    qualifier, base, if_exists = match.groups()
    if base == "null":
        return None if if_exists or qualifier else Name("", None, False)
    known = _OPERATORS.get(base)
    return Name(qualifier or "", known, bool(if_exists)) if known else None


_NAME = re.compile(r"(?:(forallvalues|foranyvalue):)?([a-z]+?)(ifexists)?")


def _equals(values: Iterable[str], variables: bool, fold: Callable[[str], str] = str) -> Compare:
    listed = tuple(values)
    special = tuple(value for value in listed if variables and "${" in value)
    plain = frozenset(fold(value) for value in listed if value not in special)
    templates = [tokenize(value, variables=True, wildcards=False) for value in special]
    if not templates:
        return lambda value, _: fold(value) in plain

    def compare(value: str, context: Context) -> bool:
        folded = fold(value)
        if folded in plain:
            return True
        found = (substitute(template, context) for template in templates)
        return any(text is not None and fold(text) == folded for text in found)

    return compare


def _like(values: Iterable[str], variables: bool) -> Compare:
    return globs(values, variables=variables).match


def _arn(values: Iterable[str], variables: bool) -> Compare:
    return arns(values, variables=variables).match


def _bool(values: Iterable[str], variables: bool) -> Compare:
    given = tuple(values)
    for value in given:
        # The page of the operators allows variables here, so that only the others can be checked beforehand.
        if value.lower() not in {"true", "false"} and not (variables and "${" in value):
            raise ValueInvalid(value)
    equals = _equals(given, variables, str.lower)
    return lambda value, context: value.lower() in {"true", "false"} and equals(value, context)


def number(text: str) -> Decimal | None:
    """An integer or decimal, None when the text is neither."""
    return Decimal(text) if len(text) <= 64 and _NUMBER.fullmatch(text) else None


_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,12}))?)?(?:(Z)|([+-])(\d\d):?(\d\d)))?)?)?",
    re.ASCII | re.IGNORECASE,
)


def date(text: str) -> Decimal | None:
    """Seconds since 1970 of a W3C date or of epoch seconds, None when the text is neither. Four digits are a year.

    https://www.w3.org/TR/NOTE-datetime
    """
    match = _DATE.fullmatch(text)
    if not match:
        return number(text)
    year, month, day, hour, minute, second, fraction, _, sign, zone_hours, zone_minutes = match.groups()
    try:
        moment = datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
        moment = moment.replace(hour=int(hour or 0), minute=int(minute or 0), second=int(second or 0))
    except ValueError:
        return None
    offset = (int(zone_hours or 0) * 60 + int(zone_minutes or 0)) * 60 * (-1 if sign == "-" else 1)
    return Decimal(int(moment.timestamp()) - offset) + Decimal(f"0.{fraction or 0}")


def _ordered(
    read: Callable[[str], Decimal | None], compare: Callable[[Any, Any], bool], values: Iterable[str], _: bool
) -> Compare:
    limits = [_readable(read(value), value) for value in values]

    def matches(value: str, _: Context) -> bool:
        given = read(value)
        return given is not None and any(compare(given, limit) for limit in limits)

    return matches


def _readable(found: Decimal | None, value: str) -> Decimal:
    if found is None:
        raise ValueInvalid(value)
    return found


def binary(text: str) -> bytes | None:
    """The bytes that the base64 text stands for, None when it is none."""
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return None


def _binary(values: Iterable[str], _: bool) -> Compare:
    wanted = set()
    for value in values:
        decoded = binary(value)
        if decoded is None:
            raise ValueInvalid(value)
        wanted.add(decoded)
    return lambda value, _: binary(value) in wanted


def _address(values: Iterable[str], _: bool) -> Compare:
    try:
        networks = [ipaddress.ip_network(value, strict=False) for value in values]
    except ValueError as error:
        raise ValueInvalid(str(error)) from None

    def matches(value: str, _: Context) -> bool:
        address = _read_address(value)
        # An address is never in a network of the other family.
        return address is not None and any(address in network for network in networks)

    return matches


@lru_cache(maxsize=1024)  # the same clients ask again and again
def _read_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _table() -> dict[str, Operator]:
    table = {
        "bool": Operator(_bool),
        "binaryequals": Operator(_binary),
        "ipaddress": Operator(_address),
        "notipaddress": Operator(_address, negated=True),
    }
    fold = partial(_equals, fold=str.lower)
    for prefix, suffix, compiled in (
        ("string", "equals", _equals),
        ("string", "equalsignorecase", fold),
        ("string", "like", _like),
        ("arn", "equals", _arn),
        ("arn", "like", _arn),
    ):
        table[f"{prefix}{suffix}"] = Operator(compiled, any_text=True)
        table[f"{prefix}not{suffix}"] = Operator(compiled, negated=True, any_text=True)
    for prefix, read in (("numeric", number), ("date", date)):
        table[f"{prefix}equals"] = Operator(partial(_ordered, read, operator.eq))
        table[f"{prefix}notequals"] = Operator(partial(_ordered, read, operator.eq), negated=True)
        for suffix, compare in (
            ("lessthan", operator.lt),
            ("lessthanequals", operator.le),
            ("greaterthan", operator.gt),
            ("greaterthanequals", operator.ge),
        ):
            table[f"{prefix}{suffix}"] = Operator(partial(_ordered, read, compare))
    return table


_OPERATORS = _table()
# The names as AWS spells them, with what may stand around them.
_WORDS = re.compile("string|arn|numeric|date|binary|bool|null|ip|address|not|equals|ignore|case|like|less|greater|than")
_SPELLED = [_WORDS.sub(lambda word: word[0].capitalize(), name) for name in _OPERATORS]
NAMES = (
    "Null",
    *(
        before + name + after
        for before in ("", "ForAllValues:", "ForAnyValue:")
        for name in _SPELLED
        for after in ("", "IfExists")
    ),
)
