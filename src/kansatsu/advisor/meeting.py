"""Conditions that a denied request could meet, or a Deny that it could stay out of: before any policy is widened.

What a caller or an administrator cannot bring about without another policy (who calls, whose the resource is) counts as
fixed. The keys: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from kansatsu import policy as engine
from kansatsu.catalog import may_have
from kansatsu.errors import MalformedPolicyDocument
from kansatsu.policy import UNRESOLVED, Condition, Decision, Limits, Policies, Policy, Request, Statement

MFA = frozenset({"aws:multifactorauthpresent", "aws:multifactorauthage"})
# What is said of every request, and what the caller can have otherwise.
_ALWAYS = frozenset({"aws:sourceip", "aws:securetransport", "aws:currenttime", "aws:epochtime", "aws:requestedregion"})
_HEADERS = frozenset({"aws:useragent", "aws:referer"})
_OF_SESSIONS = MFA | {"aws:tokenissuetime"}
# Set by whoever runs a session, not by who uses it.
_OF_INSTANCES = frozenset({"ec2:sourceinstancearn", "ec2:roledelivery"})
_TIMES = frozenset({"aws:currenttime", "aws:epochtime"})
_ONE_REGION = frozenset({"iam", "organizations", "cloudfront", "route53"})
_TAGS = re.compile(r"[a-z0-9-]+:(?:resourcetag|existingobjecttag)/.*|aws:principaltag/.*", re.DOTALL)
_VARIABLE = re.compile(r"\$\{([^,}]+?)(?:\s*,\s*'([^']*)')?\}")
_ADDRESSES = ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1")

_Values = Mapping[str, str | tuple[str, ...]]
_Update = Mapping[str, str | tuple[str, ...] | None]


def can_change(request: Request, key: str, *, deny: bool) -> bool:
    """Can the request be made so that this key, in lower case, is another, without any change of policies?

    `deny`: to stay out of a Deny. Tags that decide it are then as fixed as the Deny itself: whoever changed them would
    take away the fence and not go round it.
    """
    kind, service = request.principal.kind, request.action.partition(":")[0]
    if key in _OF_SESSIONS:
        return kind == "user" or (kind == "role" and key not in MFA)  # no session of a role has MFA
    if key == "aws:requestedregion":
        return service not in _ONE_REGION
    if key in _ALWAYS or key in _HEADERS:
        return True
    if key in _OF_INSTANCES:
        return False
    if _TAGS.fullmatch(key):
        whose = kind in {"user", "role"} if key.startswith("aws:principaltag/") else _is_of(request, key)
        return whose and not deny
    if key.startswith("aws:") and not key.startswith(("aws:requesttag/", "aws:tagkeys")):
        return key == "aws:sourceidentity" and kind == "role" and not deny
    return _is_of(request, key)


def _is_of(request: Request, key: str) -> bool:
    resource = "*" if request.resource is UNRESOLVED else request.resource
    return key in request.context or may_have(request.action, resource, key)


def met(
    decision: Decision, statement: Statement, version: str, fixed: Iterable[str]
) -> tuple[Request, Policies] | None:
    """The same question by one who meets all conditions of an Allow, or not all of a Deny; None where nobody can.

    `fixed`: keys, in lower case, that have been changed already and stay. INVARIANT: the engine itself says of each
    value that is tried whether a condition is met by it.
    """
    request, deny = decision.request, statement.effect == "Deny"
    context = dict(request.context)
    for key in dict.fromkeys(condition.key.lower() for condition in statement.conditions):
        own = [condition for condition in statement.conditions if condition.key.lower() == key]
        if not deny and _hold(own, version, context):
            continue
        tried = _tried(key, own, context) if key not in fixed and can_change(request, key, deny=deny) else ()
        found = next((each for each in tried if _hold(own, version, each) is not deny), None)
        if found is None and not deny:
            return None
        context = found or context
        if found and deny:  # one that is not met is enough
            break
    changed = {key for key in request.context.keys() | context.keys() if request.context.get(key) != context.get(key)}
    if not changed:
        return None
    policies = decision.policies
    if request.principal.kind == "user" and changed & _OF_SESSIONS:
        # What a user signs in for is a session, which may do less than the user.
        policies = replace(policies, limits=Limits.SESSION_TOKEN)
    return replace(request, context=context), policies


def is_met(condition: Condition, version: str, context: _Values) -> bool:
    """Whether one condition of a document in this version of the language is met."""
    try:
        rules = _alone(condition, version).rules
    except MalformedPolicyDocument:
        return False
    return rules.verdict("a:b", "*", context) is engine.Verdict.ALLOW


def _alone(condition: Condition, version: str) -> Policy:
    given = {condition.operator: {condition.key: list(condition.values)}}
    statement = {"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": given}
    text = json.dumps({"Version": version, "Statement": statement})
    return engine.compile_policy(engine.parse(text), engine.Source(engine.PolicyType.IDENTITY))


def _hold(conditions: Iterable[Condition], version: str, context: _Values) -> bool:
    return all(is_met(condition, version, context) for condition in conditions)


def _tried(key: str, conditions: Iterable[Condition], context: _Values) -> Iterator[dict[str, str | tuple[str, ...]]]:
    for update in _updates(key, conditions, context):
        merged = {**context, **update}
        yield {name: value for name, value in merged.items() if value is not None}


def _updates(key: str, conditions: Iterable[Condition], context: _Values) -> Iterator[_Update]:
    now = context.get("aws:currenttime", "")
    if key in MFA:
        yield {"aws:multifactorauthpresent": "true", "aws:multifactorauthage": "0", "aws:tokenissuetime": now}
        return
    if key == "aws:tokenissuetime":
        yield {key: now}
        return
    values = [_substituted(value, context) for condition in conditions for value in condition.values]
    if key in _TIMES:
        yield from _later(values, str(now))
        return
    plain = [value.replace("*", "").replace("?", "x") or "x" for value in values]
    yield from ({key: value} for value in (*values, *plain))
    yield {key: tuple(plain)}
    yield from ({key: value} for value in _beside(values))
    if key not in _ALWAYS:
        yield {key: None}


def _substituted(value: str, context: _Values) -> str:
    """The value with what its variables stand for; one that has none stands as it is, and then matches nothing."""

    def known(match: re.Match[str]) -> str:
        found = context.get(match[1].strip().lower(), match[2])
        return found if isinstance(found, str) else match[0]

    return _VARIABLE.sub(known, value)


def _beside(values: Iterable[str]) -> Iterator[str]:
    """Values that are near, and some that are like none of them."""
    for value in values:
        with suppress(ValueError):
            yield from (str(int(value) + 1), str(int(value) - 1))
        with suppress(ValueError):
            yield str(ip_network(value, strict=False)[0])
    yield from ("true", "false", *_ADDRESSES, "-")


def _later(values: Iterable[str], now: str) -> Iterator[_Update]:
    """Moments that are still to come: nobody can ask yesterday."""
    with suppress(ValueError, OverflowError, OSError):
        for value in values:
            moment = _moment(value)
            for each in (moment + timedelta(seconds=step) for step in (-1, 0, 1)):
                if each > _moment(now):
                    yield {"aws:currenttime": each.isoformat(), "aws:epochtime": str(int(each.timestamp()))}


def _moment(text: str) -> datetime:
    moment = datetime.fromtimestamp(int(text), UTC) if text.isdecimal() else datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
