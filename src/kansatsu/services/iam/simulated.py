"""Who and what a simulation is about: the caller as the gateway sees it, context, keys and statements of policies."""

import base64
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_network
from typing import Any

from kansatsu.errors import InvalidInput, MalformedPolicyDocument
from kansatsu.identity import EntityRecord, Snapshot
from kansatsu.policy import Document, Match, Policy, PolicyType, Principal, Source, compile_policy, parse

Context = dict[str, str | tuple[str, ...]]

_TYPES = {"user": "User", "role": "AssumedRole", "group": "User"}
_ENTITY = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):(user|group|role)/(?:.*/)?([^/]+)", re.ASCII)
_VARIABLE = re.compile(r"\$\{([^\s{},'\"$*?/]+/[^\s{},'\"$*?]+(?: +[^\s{},'\"$*?]+)+|[^\s{},'\"$*?]+)")


def entity_of(snapshot: Snapshot, arn: str) -> EntityRecord | None:
    """The user, group or role that has this ARN. Raises InvalidInput when it is the ARN of something else."""
    match = _ENTITY.fullmatch(arn)
    if match is None:
        raise InvalidInput(f"Invalid Entity Arn: {arn}")
    record = snapshot.find(*match.groups())
    return record if record is not None and record.arn == arn else None


def principal_of(arn: str, record: EntityRecord | None) -> Principal:
    """The caller with this ARN, which need not exist. Raises InvalidInput for sessions and services."""
    match = _ENTITY.fullmatch(arn)
    if match is None:
        raise InvalidInput(f"Invalid Caller Arn: {arn}")
    account, kind, _ = match.groups()
    role_arn = arn if kind == "role" else ""
    return Principal(account, arn, "role" if kind == "role" else "user", role_arn, record.id if record else "")


def context_of(principal: Principal, record: EntityRecord | None) -> Context:
    """Condition keys that follow from who calls; what belongs to one request or session is not among them."""
    match = _ENTITY.fullmatch(principal.arn)
    if match is None:
        return {}
    kind, name = match[2], match[3]
    context: Context = {
        "aws:principalarn": principal.arn,
        "aws:principalaccount": principal.account,
        "aws:principaltype": _TYPES[kind],
        "aws:principalisawsservice": "false",
        "aws:viaawsservice": "false",
    }
    if kind == "user":
        context["aws:username"] = name
        if record is not None:
            context["aws:userid"] = record.id
    for key, value in (record.tags if record else {}).items():
        context[f"aws:principaltag/{key.lower()}"] = value
    return context


def policy_from(text: str, type: PolicyType, name: str) -> Policy:
    """A policy that came with the request. Raises InvalidInput when it is none."""
    try:
        return compile_policy(parse(text, type), Source(type, name=name))
    except MalformedPolicyDocument as error:
        raise InvalidInput(f"{name}: {error}") from None


def context_keys(documents: Iterable[Document]) -> tuple[str, ...]:
    """Every key that conditions and variables of the documents read, as first written."""
    found: dict[str, str] = {}
    for document in documents:
        variables = document.version == "2012-10-17"
        for statement in document.statements:
            texts = list(statement.resources)
            for condition in statement.conditions:
                found.setdefault(condition.key.lower(), condition.key)
                texts += condition.values
            for key in _VARIABLE.findall(" ".join(texts)) if variables else ():
                found.setdefault(key.lower(), key)
    return tuple(found.values())


def entries(given: Sequence[Mapping[str, Any]] | None) -> Context:
    """ContextEntries as a context. Raises InvalidInput for what is not of its type.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_ContextEntry.html
    """
    context: Context = {}
    for entry in given or ():
        name, kind, values = entry.get("ContextKeyName"), entry.get("ContextKeyType"), entry.get("ContextKeyValues", [])
        if not name or not kind:
            raise InvalidInput("A context entry needs ContextKeyName and ContextKeyType.")
        single = kind.removesuffix("List")
        if name.lower() in context:
            raise InvalidInput(f"Duplicate context key: {name}")
        for value in values:
            _typed(name, single, value)
        if single == kind and len(values) != 1:
            raise InvalidInput(f"The context key {name} of type {kind} must have one value.")
        context[name.lower()] = values[0] if single == kind else tuple(values)
    return context


def _typed(name: str, kind: str, value: str) -> None:
    try:
        fits = _PARSERS[kind](value) is not None
    except ValueError:
        fits = False
    if not fits:
        raise InvalidInput(f"The value {value} of the context key {name} is not of type {kind}.")


def _date(value: str) -> object:
    return datetime.fromisoformat(value) if not re.fullmatch(r"-?[0-9]+", value, re.ASCII) else value


_PARSERS: dict[str, Callable[[str], object]] = {
    "string": str,
    # Neither NaN nor Infinity is a number that a policy could compare.
    "numeric": re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII).fullmatch,
    "boolean": re.compile(r"true|false", re.IGNORECASE).fullmatch,
    "ip": lambda value: ip_network(value, strict=False),
    "binary": lambda value: base64.b64decode(value, validate=True),
    "date": _date,
}


def statement(match: Match, text: str) -> dict[str, Any]:
    """A statement that decided, and where in its document it is.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_Statement.html
    """
    source, (start, end) = match.policy, match.span
    return {
        "SourcePolicyId": source.name,
        "SourcePolicyType": _kind(match),
        # AWS's positions are behind the braces: column 38 for the one at offset 36, as in the example of the AWS CLI.
        "StartPosition": _position(text, start + 1),
        "EndPosition": _position(text, end),
    }


def _kind(match: Match) -> str:
    source = match.policy
    if source.type is not PolicyType.IDENTITY:
        return "resource"
    if source.arn:
        return "aws-managed" if source.arn.split(":")[4] == "aws" else "user-managed"
    return source.owner.rpartition(":")[2].partition("/")[0] or "none"


def _position(text: str, offset: int) -> dict[str, int]:
    begins = _lines(text)
    line = bisect_right(begins, offset)
    return {"Line": line, "Column": offset - begins[line - 1] + 1}


@lru_cache(maxsize=16)
def _lines(text: str) -> list[int]:
    """Where each line of a document begins."""
    return [0, *(found.end() for found in re.finditer("\n", text))]
