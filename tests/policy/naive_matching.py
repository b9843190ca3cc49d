"""What matches, for the naive engine: actions, resources and conditions, without prefixes or regular expressions."""

import base64
import ipaddress
from collections.abc import Callable
from datetime import datetime
from typing import Any

from kansatsu.policy import UNRESOLVED

Context = dict[str, str | tuple[str, ...]]

# A pattern is a list of items: a character, ANY (one character) or MANY; each wildcard says whether it takes a colon.
Item = tuple[str, bool]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def same(pattern: list[Item], text: str) -> bool:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html"""
    positions = {0}
    for kind, colon in pattern:
        following = set()
        for position in positions:
            if kind == "MANY":
                end = position
                while end < len(text) and (colon or text[end] != ":"):
                    end += 1
                following |= set(range(position, end + 1))
            elif position < len(text) and (
                text[position] == kind or (kind == "ANY" and (colon or text[position] != ":"))
            ):
                following.add(position + 1)
        positions = following
    return len(text) in positions


def substituted(text: str, context: Context, version: str) -> list[str | tuple[str]] | None:
    """The text with variables replaced: characters, and one-tuples for those that are literal. None: no value."""
    result: list[str | tuple[str]] = []
    while text:
        if version == "2012-10-17" and text.startswith("${"):
            inside, _, text = text[2:].partition("}")
            if inside in {"*", "?", "$"}:
                result.append((inside,))
                continue
            key, comma, default = inside.partition(",")
            value = context.get(key.strip().lower(), default.strip().strip("'") if comma else None)
            if not isinstance(value, str):
                return None
            result += [(character,) for character in value]
        else:
            result.append(text[0])
            text = text[1:]
    return result


def pattern(text: str, context: Context, version: str, colon: Callable[[int, bool], bool]) -> list[Item] | None:
    """`colon`: may a wildcard take a colon, given the part of the ARN (from 0) and whether it ends its part?"""
    parts = substituted(text, context, version)
    if parts is None:
        return None
    items: list[Item] = []
    number = 0
    for index, character in enumerate(parts):
        if character == ":":
            number = min(number + 1, 5)
        ends = index + 1 == len(parts) or parts[index + 1] == ":"
        if isinstance(character, tuple):
            items.append((character[0], False))
        elif character == "*":
            items.append(("MANY", colon(number, ends)))
        elif character == "?":
            items.append(("ANY", colon(number, False)))
        else:
            items.append((character, False))
    return items


def matches(text: str, value: str, context: Context, version: str, colon: Callable[[int, bool], bool]) -> bool:
    found = pattern(text, context, version, colon)
    return found is not None and same(found, value)


def action_matches(given: str, action: str) -> bool:
    if given in {"*", "*:*"}:
        return True
    service, name = given.lower().split(":")
    wanted, _, asked = action.lower().partition(":")
    return service == wanted and matches(name, asked, {}, "2008-10-17", lambda *_: True)


def early_variable(text: str, version: str) -> bool:
    """Is there a variable, not just an escaped character, before the fifth colon?"""
    for escaped in ("${*}", "${?}", "${$}"):
        text = text.replace(escaped, "x")
    return version == "2012-10-17" and "${" in text and text[: text.index("${")].count(":") < 5


def resource_matches(given: str, resource: str, context: Context, version: str) -> bool:
    if set(given) == {"*"}:
        return True
    if resource == "*" or early_variable(given, version):
        return False
    return matches(given, resource, context, version, lambda part, ends: part == 5 or ends)


def resource_element(statement: dict[str, Any], resource: str, context: Context, version: str) -> bool:
    if "Resource" in statement:
        everything = any(set(one) == {"*"} for one in listed(statement["Resource"]))
        if resource is UNRESOLVED:  # it could be any: an Allow must hold for all, a Deny if it holds for one
            return everything or statement["Effect"] == "Deny"
        return any(resource_matches(one, resource, context, version) for one in listed(statement["Resource"]))
    if "NotResource" in statement and resource is UNRESOLVED:
        return bool(statement["Effect"] == "Deny")
    if "NotResource" in statement:
        excluded = listed(statement["NotResource"])
        if any(substituted(one, context, version) is None or early_variable(one, version) for one in excluded):
            return False
        return not any(resource_matches(one, resource, context, version) for one in excluded)
    return True


def plain(text: str, context: Context, version: str) -> str | None:
    parts = substituted(text, context, version)
    return None if parts is None else "".join("".join(part) for part in parts)


def arn_like(policy: str, value: str, context: Context, version: str) -> bool:
    if set(policy) == {"*"}:
        return True
    if policy.count(":") < 5:
        return False
    return matches(policy, value, context, version, lambda part, _: part == 5)


def in_network(policy: str, value: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(policy, strict=False)
    except ValueError:
        return False


def number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def moment(text: str) -> float | None:
    """https://www.w3.org/TR/NOTE-datetime, as far as it is in use, and seconds since 1970; four digits are a year."""
    if len(text) == 4 and text.isdigit():
        text += "-01-01"
    try:
        return datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00+00:00").timestamp()
    except ValueError:
        return number(text)


def decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def compare_dates(sign: Callable[[float, float], bool]) -> Callable[[str, str, Context, str], bool]:
    def compare(policy: str, value: str, _: Context, __: str) -> bool:
        left, right = moment(value), moment(policy)
        return left is not None and right is not None and sign(left, right)

    return compare


def compare_numbers(sign: Callable[[float, float], bool]) -> Callable[[str, str, Context, str], bool]:
    def compare(policy: str, value: str, _: Context, __: str) -> bool:
        left, right = number(value), number(policy)
        return left is not None and right is not None and sign(left, right)

    return compare


Comparison = Callable[[str, str, Context, str], bool]
POSITIVE: dict[str, Comparison] = {
    "StringEquals": lambda p, v, c, o: plain(p, c, o) == v,
    "StringEqualsIgnoreCase": lambda p, v, c, o: (
        v.lower() in {text.lower() for text in [plain(p, c, o)] if text is not None}
    ),
    "StringLike": lambda p, v, c, o: matches(p, v, c, o, lambda *_: True),
    "ArnLike": arn_like,
    "ArnEquals": arn_like,
    "IpAddress": lambda p, v, _, __: in_network(p, v),
    "Bool": lambda p, v, _, __: p.lower() == v.lower(),
    "NumericEquals": compare_numbers(lambda a, b: a == b),
    "NumericLessThan": compare_numbers(lambda a, b: a < b),
    "NumericLessThanEquals": compare_numbers(lambda a, b: a <= b),
    "NumericGreaterThan": compare_numbers(lambda a, b: a > b),
    "NumericGreaterThanEquals": compare_numbers(lambda a, b: a >= b),
    "DateEquals": compare_dates(lambda a, b: a == b),
    "DateLessThan": compare_dates(lambda a, b: a < b),
    "DateLessThanEquals": compare_dates(lambda a, b: a <= b),
    "DateGreaterThan": compare_dates(lambda a, b: a > b),
    "DateGreaterThanEquals": compare_dates(lambda a, b: a >= b),
    "BinaryEquals": lambda p, v, _, __: decoded(v) is not None and decoded(p) == decoded(v),
}
NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotLike": "ArnLike",
    "ArnNotEquals": "ArnEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
}


def condition_true(operator: str, key: str, policy: list[str], context: Context, version: str) -> bool:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"""
    given = context.get(key.lower())
    values = list(given) if isinstance(given, tuple) else [] if given is None else [given]
    if operator == "Null":
        return ("false" if any(values) else "true") in policy
    qualifier, _, base = operator.rpartition(":")
    if_exists = base.endswith("IfExists")
    base = base.removesuffix("IfExists")
    negated = base in NEGATED
    compare = POSITIVE[NEGATED.get(base, base)]

    def one(value: str) -> bool:
        return any(compare(each, value, context, version) for each in policy) != negated

    if qualifier:
        if not any(values):
            return if_exists or qualifier == "ForAllValues"
        return all(map(one, values)) if qualifier == "ForAllValues" else any(map(one, values))
    if not values:
        return negated or if_exists
    return negated if isinstance(given, tuple) else one(values[0])
