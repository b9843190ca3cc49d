"""Rules about Condition: keys that exist and are there, operators that fit them, lines that can never match."""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from kansatsu.lint import _reference
from kansatsu.lint._globs import overlap
from kansatsu.lint._keys import CROSS_SERVICE, GLOBAL_KEYS, OF_ACTIONS, Key
from kansatsu.lint.actions import loosened, nearest
from kansatsu.lint.findings import Found, Part, Subject
from kansatsu.policy import Condition

_OPERATOR = re.compile(
    r"(?:(forallvalues|foranyvalue):)?(string|arn|numeric|date|bool|binary|ip|notip|null)(.*?)(ifexists)?"
)
_IP_TEXT = {"ip": "ip", "notip": "ip"}
# Families of operators that compare nothing with a value of that type.
_MISFITS: Mapping[str, frozenset[str]] = {
    "String": frozenset({"date"}),
    "ARN": frozenset({"date", "numeric", "bool", "ip", "binary"}),
    "Bool": frozenset({"date", "numeric", "arn", "ip", "binary"}),
    "Numeric": frozenset({"date", "bool", "arn", "ip", "binary"}),
    "Date": frozenset({"string", "bool", "arn", "ip", "binary"}),
    "IPAddress": frozenset({"date", "numeric", "bool", "arn", "string", "binary"}),
}


class Line(NamedTuple):
    """A line of a Condition block with its operator taken apart: `family` is string, arn, numeric, date, bool, ..."""

    part: Part
    condition: Condition
    each: str  # "", "forallvalues", "foranyvalue"
    family: str
    negated: bool
    if_exists: bool

    @property
    def key(self) -> str:
        """The key in lower case."""
        return self.condition.key.lower()

    @property
    def known(self) -> Key | None:
        """What is known of the key."""
        return _reference.key(self.key)

    @property
    def needed(self) -> bool:
        """Does the line fail where the request has no such key?"""
        if self.family == "null":
            return {value.lower() for value in self.condition.values} == {"false"}
        return not self.negated and not self.if_exists and self.each != "forallvalues"

    def span(self, value: str = "") -> tuple[int, int]:
        """Where the line, or one of its values, stands."""
        path = ("Condition", self.condition.operator, self.condition.key)
        return self.part.at(*path, value) if value else self.part.at(*path)


def lines_of(part: Part) -> list[Line]:
    """The lines of a statement's Condition."""
    return [_line(part, condition) for condition in part.statement.conditions]


def _line(part: Part, condition: Condition) -> Line:
    match = _OPERATOR.fullmatch(condition.operator.lower())
    each, family, rest, if_exists = match.groups() if match else ("", "", "", "")
    return Line(
        part, condition, each or "", _IP_TEXT.get(family, family), family == "notip" or "not" in rest, bool(if_exists)
    )


def _lines(subject: Subject) -> Iterator[Line]:
    return (line for part in subject.parts for line in lines_of(part))


def unknown_key(subject: Subject) -> Iterator[Found]:
    for line in _lines(subject):
        prefix = line.key.partition(":")[0]
        # Keys of identity providers bear the provider's name, and saml's are in no table of ours.
        if line.known is None and "." not in prefix and "/" not in prefix and prefix != "saml":
            if line.key in CROSS_SERVICE:
                continue
            better = nearest(line.key, list(_reference.near_keys(line.key)))
            yield Found(f"AWS has no condition key {line.condition.key}{better}", line.span())


def unsupported_key(subject: Subject) -> Iterator[Found]:
    for line, actions, without in _of_actions(subject):
        if len(without) == len(actions):
            effect = "does nothing" if not line.needed else "never matches"
            yield Found(
                f"No action of the statement has the key {line.condition.key}, so that this line {effect}.", line.span()
            )


def partly_supported_key(subject: Subject) -> Iterator[Found]:
    for line, actions, without in _of_actions(subject):
        named = [action.name for action in without if _named(line.part, action.name)]
        if named and len(without) < len(actions) and line.needed:
            few = ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
            verb = "allowed" if line.part.allows else "denied"
            yield Found(
                f"{few} never come with the key {line.condition.key}, so they are not {verb} here.", line.span()
            )


def _named(part: Part, name: str) -> bool:
    return name.lower() in {action.lower() for action in part.statement.actions}


def _of_actions(subject: Subject) -> Iterator[tuple[Line, list[_reference.Action], list[_reference.Action]]]:
    """Lines whose keys belong to actions, with the statement's actions, and those of them that have not the key."""
    for line in _lines(subject):
        statement = line.part.statement
        actions = list(line.part.actions)
        unknown = any(not _reference.matching(pattern) for pattern in statement.actions)
        if statement.not_action or unknown or not actions or not _depends(line):
            continue
        yield line, actions, [action for action in actions if not _reference.supports(action, line.key)]


def _depends(line: Line) -> bool:
    known = line.known
    if known is None or line.key in CROSS_SERVICE:
        return False
    return known.name.lower() in OF_ACTIONS or known.name.lower() not in GLOBAL_KEYS


def misfit(subject: Subject) -> Iterator[Found]:
    for line in _lines(subject):
        known = line.known
        if known is not None and line.family in _MISFITS.get(known.type, ()):
            operator = line.condition.operator
            yield Found(
                f"{operator} cannot compare {known.name}, whose values are of the type {known.type}.", line.span()
            )


def set_operator_on_single(subject: Subject) -> Iterator[Found]:
    for line in _lines(subject):
        if line.each and line.known is not None and not line.known.many:
            operator = line.condition.operator.partition(":")[2]
            yield Found(f"{line.known.name} has one value: use {operator} without a set operator.", line.span())


def missing_set_operator(subject: Subject) -> Iterator[Found]:
    for line in _lines(subject):
        if not line.each and line.family != "null" and line.known is not None and line.known.many:
            operator = line.condition.operator
            yield Found(
                f"{line.known.name} has several values: use ForAnyValue:{operator} or ForAllValues:{operator}.",
                line.span(),
            )


def for_all_values(subject: Subject) -> Iterator[Found]:
    for part in subject.parts:
        lines = lines_of(part) if part.allows else []
        present = {line.key for line in lines if line.needed}
        for line in lines:
            if line.each == "forallvalues" and line.key not in present:
                yield Found(
                    f"ForAllValues is true where {line.condition.key} is missing: add Null with false for it.",
                    line.span(),
                )


def wildcard_in_equals(subject: Subject) -> Iterator[Found]:
    for line in _lines(subject):
        operator = line.condition.operator.lower()
        if line.family == "string" and "equals" in operator:
            for value in line.condition.values:
                if "*" in value.replace("${*}", ""):
                    like = re.sub("(?i)equals(?:ignorecase)?", "Like", line.condition.operator)
                    yield Found(f"{line.condition.operator} compares the * as it is: use {like}.", line.span(value))


def mfa_without_if_exists(subject: Subject) -> Iterator[Found]:
    for line in _lines(subject):
        asked = line.key == "aws:multifactorauthpresent" and line.family == "bool" and not line.if_exists
        if asked and not line.part.allows and "false" in {value.lower() for value in line.condition.values}:
            yield Found(
                "Requests with access keys have no such key, and are not denied: use BoolIfExists.", line.span()
            )


# Reserved for examples (RFC 5737, RFC 3849), as in AWS's own policies: nobody means a private network by them.
_EXAMPLES = tuple(map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")))


def private_address(subject: Subject) -> Iterator[Found]:
    for line in _lines(subject):
        if line.key == "aws:sourceip" and line.family == "ip":
            for value in line.condition.values:
                network = ipaddress.ip_network(value, strict=False)
                example = any(network.network_address in each for each in _EXAMPLES)
                if network.is_private and network.prefixlen > 0 and not example:
                    yield Found(
                        f"{value} is private, and aws:SourceIp is a public address: use aws:VpcSourceIp.",
                        line.span(value),
                    )


def never_matches(subject: Subject) -> Iterator[Found]:
    for part in subject.parts:
        lines = lines_of(part)
        for line in lines:
            if line.family == "arn" and not line.negated and not line.if_exists:
                values = line.condition.values
                if not any(value.count(":") >= 5 or set(value) == {"*"} or "${" in value for value in values):
                    yield Found(f"{values[0]} is no ARN, so that this line never matches.", line.span())
        for index, first in enumerate(lines):
            for second in lines[index + 1 :]:
                if first.key == second.key and any(test(first, second) for test in _CONTRADICTIONS):
                    one, other = first.condition, second.condition
                    yield Found(
                        f"{other.operator} and {one.operator} on {one.key} are never true together.", second.span()
                    )


def _absent_and_present(first: Line, second: Line) -> bool:
    absent = [line for line in (first, second) if line.family == "null" and not line.needed]
    missing = [line for line in absent if {value.lower() for value in line.condition.values} == {"true"}]
    other = second if missing and missing[0] is first else first
    return bool(missing) and other.needed


def _different(first: Line, second: Line) -> bool:
    """Two lists of texts without a text in common."""
    lines = (first, second)
    if any(line.family not in {"string", "arn"} or not line.needed or line.each for line in lines):
        return False
    ones, others = (_patterns(line) for line in lines)
    return not any(overlap(one, other) for one in ones for other in others)


def _patterns(line: Line) -> list[str]:
    values = [loosened(value) for value in line.condition.values]
    return [value.lower() for value in values]


def _same_denied(first: Line, second: Line) -> bool:
    """All values of one are what the other excludes."""
    positive, negative = (first, second) if second.negated else (second, first)
    same = positive.family == negative.family and not positive.each and not negative.each and positive.needed
    return same and negative.negated and set(positive.condition.values) <= set(negative.condition.values)


def _empty_range(first: Line, second: Line) -> bool:
    bounds = {_bound(line): line for line in (first, second) if line.family == "numeric" and line.needed}
    if set(bounds) != {"lessthan", "greaterthan"}:
        return False
    most = max(float(value) for value in bounds["lessthan"].condition.values)
    least = min(float(value) for value in bounds["greaterthan"].condition.values)
    return least > most


def _bound(line: Line) -> str:
    found = re.search("lessthan|greaterthan", line.condition.operator.lower())
    return found.group() if found else ""


_CONTRADICTIONS: tuple[Callable[[Line, Line], bool], ...] = (
    _absent_and_present,
    _different,
    _same_denied,
    _empty_range,
)
