"""What DynamoDB's expressions speak of: the attributes they touch and the key values they compare with.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
"""

import base64
import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(r"[#:]?[A-Za-z_][\w-]*|[A-Za-z0-9_#:][\w-]*|\d+|<>|<=|>=|[^\s\w]")
_BRACKETS = frozenset("()")
# Functions and keywords; an attribute of such a name needs a placeholder in AWS too.
_WORDS = frozenset(
    ("and", "or", "not", "between", "in", "set", "remove", "add", "delete", "size", "contains")
) | frozenset(
    ("attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "if_not_exists", "list_append")
)
_EXPRESSIONS = (
    "ProjectionExpression",
    "FilterExpression",
    "ConditionExpression",
    "UpdateExpression",
    "KeyConditionExpression",
    "SearchConditionExpression",
)
# Parameters from before there were expressions.
_LEGACY = ("KeyConditions", "QueryFilter", "ScanFilter", "Expected", "AttributeUpdates")


def attributes(params: Mapping[str, Any]) -> set[str]:
    """The names of the top-level attributes that the parameters of an operation speak of."""
    names = params.get("ExpressionAttributeNames") or {}
    found: set[str] = set(params.get("AttributesToGet") or ())
    for name in _LEGACY:
        found |= set(params.get(name) or {})
    for name in _EXPRESSIONS:
        if params.get(name):
            found |= _top_level(params[name], names)
    return found


def _top_level(expression: str, names: Mapping[str, str]) -> set[str]:
    found = set()
    previous = ""
    for token in _TOKEN.findall(expression):
        if (token[0].isalpha() or token[0] in "#_") and previous != "." and token.lower() not in _WORDS:
            found.add(names.get(token, token))
        previous = token
    return found


def key_conditions(params: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """attribute -> value of every equality in the key conditions of a query."""
    found: dict[str, Mapping[str, Any]] = {}
    for name, condition in (params.get("KeyConditions") or {}).items():
        if condition.get("ComparisonOperator") == "EQ" and condition.get("AttributeValueList"):
            found[name] = condition["AttributeValueList"][0]
    names = params.get("ExpressionAttributeNames") or {}
    values = params.get("ExpressionAttributeValues") or {}
    tokens = [token for token in _TOKEN.findall(params.get("KeyConditionExpression") or "") if token not in _BRACKETS]
    for left, sign, right in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if sign == "=":
            name, value = (right, left) if left.startswith(":") else (left, right)
            if value in values:
                found[names.get(name, name)] = values[value]
    return found


def text_of(value: Mapping[str, Any]) -> str | None:
    """A key value as a condition key carries it; None for a type that no key can have."""
    for kind in ("S", "N"):
        if isinstance(value.get(kind), str):
            return str(value[kind])
    if isinstance(value.get("B"), bytes):
        return base64.b64encode(value["B"]).decode()
    return None
