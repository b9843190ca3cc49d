"""What the signer of an upload form allows to be sent with it: the POST policy, and whether a form keeps to it.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kansatsu.errors import AwsError
from kansatsu.signing.form import LARGEST_FILE

_EXPIRATION = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
# "Each form field that you specify in a form (except x-amz-signature, file, policy, and field names that have an
# x-ignore- prefix) must appear in the list of conditions."
_UNCOVERED = frozenset({"x-amz-signature", "file", "policy"})
_IGNORED = "x-ignore-"
_RANGE = "content-length-range"
_ESCAPES = {"$": "$", "v": r"\u000b"}  # of those in the list under "Character Escaping" what JSON does not have


@dataclass(frozen=True, slots=True)
class Condition:
    """`operator` is eq or starts-with, `field` in lower case; `text` is the condition as it was written."""

    operator: str
    field: str
    value: str
    text: str

    def holds(self, fields: Mapping[str, str]) -> bool:
        given = fields.get(self.field)
        if given is None:
            return False
        if self.operator == "eq":
            return given == self.value
        # "Content-Types values for a starts-with condition that include commas are interpreted as lists."
        values = [one.strip() for one in given.split(",")] if self.field == "content-type" else [given]
        return all(one.startswith(self.value) for one in values)


@dataclass(frozen=True, slots=True)
class FormPolicy:
    """A POST policy; `smallest` and `largest` bound the file, in bytes."""

    expiration: datetime
    conditions: tuple[Condition, ...]
    smallest: int
    largest: int

    def check(self, fields: Mapping[str, str], bucket: str, now: datetime) -> None:
        """Raises AwsError AccessDenied where the form with these fields (by name in lower case) is not allowed."""
        if now >= self.expiration:
            raise _against("Policy expired.")
        # What the form says of its bucket counts for nothing: the bucket is the one that it is sent to.
        given = {**fields, "bucket": bucket}
        for condition in self.conditions:
            if not condition.holds(given):
                raise _against(f"Policy Condition failed: {condition.text}")
        # INVARIANT: whoever got a form can add nothing to it that its signer did not speak of.
        covered = {condition.field for condition in self.conditions} | _UNCOVERED
        extra = sorted(name for name in given if name not in covered and not name.startswith(_IGNORED))
        if extra:
            raise _against(f"Extra input fields: {', '.join(extra)}")


def parse_policy(encoded: str) -> FormPolicy:
    """The policy in the field of a form. Raises AwsError InvalidPolicyDocument."""
    try:
        text = base64.b64decode("".join(encoded.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        raise _invalid("Invalid Base64 encoding.") from None
    try:
        document = json.loads(re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), text))
    except (ValueError, RecursionError):
        raise _invalid("Invalid JSON.") from None
    if not isinstance(document, dict):
        raise _invalid("Invalid JSON.")
    given = {name.lower(): value for name, value in document.items()}
    if unknown := sorted(given.keys() - {"expiration", "conditions"}):
        raise _invalid(f"Unexpected: '{unknown[0]}'.")
    if not isinstance(conditions := given.get("conditions"), list):
        raise _invalid("Policy missing conditions.")
    ranges = [_range(item) for item in conditions if _is_range(item)]
    return FormPolicy(
        _expiration(given.get("expiration")),
        tuple(_condition(item) for item in conditions if not _is_range(item)),
        max((smallest for smallest, _ in ranges), default=0),
        min((largest for _, largest in ranges), default=LARGEST_FILE),
    )


def _expiration(value: Any) -> datetime:
    if value is None:
        raise _invalid("Policy missing expiration.")
    try:
        if not isinstance(value, str) or not _EXPIRATION.fullmatch(value):
            raise ValueError(value)
        return datetime.strptime(value[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise _invalid(f"Invalid 'expiration' value: '{value}'") from None


def _is_range(item: Any) -> bool:
    return isinstance(item, list) and bool(item) and isinstance(item[0], str) and item[0].lower() == _RANGE


def _range(item: list[Any]) -> tuple[int, int]:
    bounds = [str(value) for value in item[1:]]
    if len(bounds) != 2 or not all(_WHOLE.fullmatch(bound) for bound in bounds):
        raise _invalid(f"Invalid Condition: {json.dumps(item)}")
    return int(bounds[0]), int(bounds[1])


def _condition(item: Any) -> Condition:
    if isinstance(item, dict):
        if len(item) != 1:
            raise _invalid("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
        ((name, value),) = item.items()
        if not isinstance(value, str):
            raise _invalid("Invalid Simple-Condition: value must be a string.")
        return Condition("eq", name.lower(), value, json.dumps(["eq", f"${name}", value]))
    if not isinstance(item, list) or len(item) != 3 or not all(isinstance(part, str) for part in item):
        raise _invalid(f"Invalid Condition: {json.dumps(item)}")
    operator, name, value = item
    if operator.lower() not in ("eq", "starts-with") or not name.startswith("$"):
        raise _invalid(f"Invalid Condition: {json.dumps(item)}")
    return Condition(operator.lower(), name[1:].lower(), value, json.dumps(item))


def _invalid(why: str) -> AwsError:
    return AwsError(f"Invalid Policy: {why}", code="InvalidPolicyDocument", status=400)


def _against(why: str) -> AwsError:
    return AwsError(f"Invalid according to Policy: {why}", code="AccessDenied", status=403)
