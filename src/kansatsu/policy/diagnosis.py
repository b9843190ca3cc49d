"""What is wrong with a document that AWS would not store, and where: AWS's own sentence often says neither."""

import difflib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from kansatsu.errors import MalformedPolicyDocument
from kansatsu.policy import _rules
from kansatsu.policy._json import Json, JsonError, JsonObject, Number, read
from kansatsu.policy._operators import NAMES, parse_name
from kansatsu.policy.document import DOCUMENT_KEYS, PRINCIPAL_KINDS, STATEMENT_KEYS, parse
from kansatsu.policy.model import PolicyType
from kansatsu.policy.places import Span

_Faults = Iterator[tuple[str, Span]]
_SHOWN = 60  # characters of a value in a sentence


@dataclass(frozen=True, slots=True)
class Fault:
    """`message` is AWS's sentence, `why` ours, "" where AWS's says it all; `span` is (start, end) in the text."""

    message: str
    why: str
    span: Span

    @property
    def text(self) -> str:
        """Both sentences; AWS does not end all of its own with a full stop."""
        both = f"{self.message.removesuffix('.')}. {self.why}"
        return both if self.why and self.message else self.message or self.why


def diagnose(text: str, type: PolicyType = PolicyType.IDENTITY) -> Fault | None:
    """The first fault of a document, None when `parse` takes it. Raises nothing, whatever the text."""
    return next(diagnose_all(text, type), None)


def diagnose_all(text: str, type: PolicyType = PolicyType.IDENTITY) -> Iterator[Fault]:
    """What must be mended before `parse` takes a document. AWS's sentence, which is about one fault, is with the first.

    What shows only when something else is mended (a text that is no JSON, the size of a document) is not among them.
    """
    try:
        parse(text, type)
    except MalformedPolicyDocument as error:
        seen = list[Span]()
        for why, span in _faults(text, type, error.message):
            # What lies around or within a fault that is told is no second one.
            if any(span[0] < end and start < span[1] for start, end in seen):
                continue
            yield Fault("", why or error.message, span) if seen else Fault(error.message, why, span)
            seen.append(span)
        if not seen:
            yield Fault(error.message, "", (0, len(text)))


def _faults(text: str, type: PolicyType, message: str) -> _Faults:
    if text.startswith("\ufeff"):
        yield "The text begins with a byte order mark.", (0, 1)
    if _rules.RULES[type].leading_space and text[:1].isspace():
        yield "The text begins with white space.", (0, 1)
    try:
        top = read(text)
    except JsonError as error:
        yield f"This is no JSON: {error}.", (error.at, min(error.at + 1, len(text)))
        return
    yield from _characters(text, type)
    if not isinstance(top, JsonObject):
        yield "A policy document is a JSON object.", (0, len(text))
        return
    yield from _document(top, type)
    found = top.get("Statement")
    statements = [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, JsonObject)]
    for statement in statements:
        yield from _statement(statement)
    for statement in statements:
        yield from _suspects(statement, text, type, message)
    if message == _rules.SID_TWICE:
        yield from _twice(statements)
    for statement in statements:
        if (other := _message(statement, text, type)) and other != message:
            yield from ((why or other, span) for why, span in _suspects(statement, text, type, other))


def _characters(text: str, type: PolicyType) -> _Faults:
    allowed = _rules.RULES[type].characters
    for at, character in enumerate(text if allowed and not allowed.fullmatch(text) else ""):
        if allowed and not allowed.fullmatch(character):
            yield f"The character U+{ord(character):04X} cannot stand in this type of policy.", (at, at + 1)


def _document(top: JsonObject, type: PolicyType) -> _Faults:
    yield from _unknown(top, DOCUMENT_KEYS - (set() if _rules.RULES[type].id else {"Id"}), "A document")
    version = top.get("Version")
    if "Version" in top and version not in ("2012-10-17", "2008-10-17"):
        yield "Version is 2012-10-17 or 2008-10-17.", top.spans["Version"]
    if _rules.RULES[type].version and version != "2012-10-17":
        yield f"A {type} must say Version 2012-10-17.", top.spans.get("Version", top.span)
    if "Id" in top and not _is_text(top["Id"]):
        yield "Id must be a text.", top.spans["Id"]
    found = top.get("Statement")
    if "Statement" not in top:
        yield "The element Statement is missing.", top.span
    elif not found or not isinstance(found, JsonObject | list):
        yield "Statement must be an object, or a list of at least one.", top.spans["Statement"]
    elif isinstance(found, list) and not all(isinstance(each, JsonObject) for each in found):
        yield "Every statement must be an object.", top.spans["Statement"]


def _statement(given: JsonObject) -> _Faults:
    yield from _unknown(given, STATEMENT_KEYS, "A statement")
    if "Effect" not in given:
        yield "The element Effect is missing.", given.span
    elif given["Effect"] not in ("Allow", "Deny"):
        yield "Effect is Allow or Deny, written so.", given.spans["Effect"]
    if "Sid" in given and not _is_text(given["Sid"]):
        yield "Sid must be a text.", given.spans["Sid"]
    for name in ("Action", "Resource", "Principal"):
        if name in given and f"Not{name}" in given:
            yield f"{name} and Not{name} cannot stand in one statement.", given.spans[f"Not{name}"]
    for name in ("Action", "NotAction", "Resource", "NotResource"):
        if name in given and not _is_texts(given[name]):
            yield f"{name} must be a text or a list of texts.", given.spans[name]
    for name in ("Principal", "NotPrincipal"):
        if name in given and given[name] != "*":
            yield from _principal(name, given[name], given.spans[name])
    if "Condition" in given:
        yield from _condition(given["Condition"], given.spans["Condition"])


def _principal(name: str, given: Json, span: Span) -> _Faults:
    if not isinstance(given, JsonObject) or not given:
        yield f'{name} must be "*" or an object such as {{"AWS": "111122223333"}}.', span
        return
    yield from _unknown(given, PRINCIPAL_KINDS, name)
    for kind, values in given.items():
        if not _is_texts(values) or not values:
            yield f"{kind} must be a text or a list of texts.", given.spans[kind]


def _condition(given: Json, span: Span) -> _Faults:
    if not isinstance(given, JsonObject):
        yield 'Condition must be an object such as {"StringEquals": {"aws:username": "bob"}}.', span
        return
    for operator, keys in given.items():
        if parse_name(operator) is None:
            better = _better(operator.lower(), {name.lower(): name for name in NAMES})
            yield f"There is no condition operator {json.dumps(operator)}{better}", given.spans[operator]
        if not isinstance(keys, JsonObject):
            yield f"{operator} must be an object of condition keys and values.", given.spans[operator]
            continue
        for key, values in keys.items():
            listed = values if isinstance(values, list) else [values]
            if not listed or not all(isinstance(value, str | bool) for value in listed):
                yield f"{key} must have a value, or a list of values.", keys.spans[key]


def _suspects(given: JsonObject, text: str, type: PolicyType, message: str) -> _Faults:
    """Each value that is refused with this message while the statement is taken without it."""
    harmless = {"Action": "sts:AssumeRole" if type is PolicyType.TRUST else "s3:*", "Resource": "*", "Principal": "*"}
    if not _refused(given, text, type, message):
        return
    for name, value in given.items():
        if name == "Effect":
            continue
        kind = name.removeprefix("Not")
        rest: dict[str, object] = {other: each for other, each in given.items() if other != name}
        if kind in harmless:
            rest[name] = harmless[kind]
        if _refused(rest, text, type, message):
            continue
        for place, part in _parts(value, given.spans[name], text):
            if _refused({**rest, name: part}, text, type, message):
                yield _about(name, part), place
    yield "", given.span


def _parts(value: Json, span: Span, text: str) -> Iterator[tuple[Span, object]]:
    """The smallest things in an element that can be tried alone, and where they stand."""
    if isinstance(value, JsonObject):
        for name, inner in value.items():
            for place, part in _parts(inner, value.spans[name], text):
                yield place, {name: part}
        if not value:
            yield span, value
    elif isinstance(value, list):
        at = span[0]
        for each in value:
            written = json.dumps(each)
            found = text.find(written, at, span[1])
            yield ((found, found + len(written)) if found >= 0 else span), each
            at = max(found, at)
    else:
        yield span, value


def _about(name: str, part: object) -> str:
    """In our words, what AWS's sentence leaves open."""
    shown = json.dumps(part)
    shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."
    if name == "Condition":
        return f"The operator, key and value do not fit: {shown}."
    return f"{name} cannot be {shown}."


def _refused(statement: Mapping[str, object], text: str, type: PolicyType, message: str) -> bool:
    return _message(statement, text, type) == message


def _message(statement: Mapping[str, object], text: str, type: PolicyType) -> str:
    """What AWS says to a statement alone, "" where it takes it."""
    version = "2012-10-17" if "2012-10-17" in text else "2008-10-17"
    try:
        parse(json.dumps({"Version": version, "Statement": [statement]}), type)
    except MalformedPolicyDocument as error:
        return error.message
    return ""


def _twice(statements: list[JsonObject]) -> _Faults:
    seen = set()
    for statement in statements:
        sid = statement.get("Sid")
        if isinstance(sid, str) and sid in seen:
            yield f"{json.dumps(sid)} is the Sid of two statements.", statement.spans["Sid"]
        seen.add(str(sid))


def _unknown(given: JsonObject, allowed: Collection[str], what: str) -> _Faults:
    for name in given:
        if name not in allowed:
            better = _better(name.lower(), {each.lower(): each for each in allowed})
            yield f"{what} has no element {json.dumps(name)}{better}", given.spans[name]


def _better(name: str, known: Mapping[str, str]) -> str:
    """The end of a sentence about a name that there is not: the one in `known` (what to compare -> it) that is near."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {known[near[0]]}?" if near else "."


def _is_text(given: Json) -> bool:
    return isinstance(given, str) and not isinstance(given, Number)


def _is_texts(given: Json) -> bool:
    return all(map(_is_text, given)) if isinstance(given, list) else _is_text(given)
