"""The least policy: what a session did, allowed or let through by the mode observe, as the smallest document for it.

Pure: from recorded events to a document, with every pattern that matches more than was used explained, and everything
that the document does not answer for.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from kansatsu.advisor.events import DENIALS, AccessEvent
from kansatsu.advisor.generalise import Patterns, Widened, is_object, without_random
from kansatsu.errors import MalformedPolicyDocument
from kansatsu.policy import (
    UNRESOLVED,
    Policies,
    PolicySet,
    PolicyType,
    Principal,
    Request,
    Source,
    evaluate,
    is_free,
    parse,
)
from kansatsu.policy import compile_policy as compiled

# Conditions that are worth keeping: they name a place or a service, not data. key -> (as AWS spells it, operator)
_CONDITIONS = {
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    "iam:passedtoservice": ("iam:PassedToService", "StringEquals"),
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
    "s3:prefix": ("s3:prefix", "StringLike"),
}


def worth_keeping(context: Mapping[str, str | tuple[str, ...]], longest: int) -> dict[str, str | tuple[str, ...]]:
    """Of the condition keys of a resource those that a least policy can speak of; none of what is too long."""
    return {
        key: value
        for key, value in context.items()
        if key in _CONDITIONS and isinstance(value, str) and len(value) <= longest
    }


class Missing(StrEnum):
    """Why something that was asked is not, or not exactly, in the policy."""

    INEXACT = "inexact"
    DENIED = "denied"
    FAILED = "failed"


_SENTENCES = {
    Missing.INEXACT: "Which resource AWS would have named, or even which action, is not known: allowed on *.",
    Missing.DENIED: "Policies denied it, so this one does not allow it.",
    Missing.FAILED: "It failed before any policy was asked.",
}


@dataclass(frozen=True, slots=True)
class Uncovered:
    """Something that was asked `count` times and that the policy does not answer for."""

    kind: Missing
    action: str
    resource: str
    count: int
    error: str = ""

    @property
    def sentence(self) -> str:
        return _SENTENCES[self.kind]


@dataclass(frozen=True, slots=True)
class Least:
    """A policy document's statements (none: nothing was used), and what there is to say about them."""

    statements: tuple[Mapping[str, Any], ...] = ()
    widened: tuple[Widened, ...] = ()
    kept: tuple[str, ...] = ()  # resources that are not generalised though nothing but a random id names them
    uncovered: tuple[Uncovered, ...] = ()

    @property
    def text(self) -> str:
        """The document, one action or resource a line; "" when there is no statement."""
        if not self.statements:
            return ""
        return json.dumps({"Version": "2012-10-17", "Statement": list(self.statements)}, indent=2)


Conditions = tuple[tuple[str, str, tuple[str, ...]], ...]  # (operator, key, values), sorted


@dataclass(slots=True)
class _Asked:
    """One action of one service: the resources it was used on, and the conditions that came with each use."""

    uses: defaultdict[str, list[Mapping[str, str | tuple[str, ...]]]] = field(default_factory=lambda: defaultdict(list))


def least(events: Iterable[AccessEvent]) -> Least:
    """The least policy for these events of one session, whatever their order and however often each is given."""
    known = {_identity(event): event for event in events}.values()
    uses = [event for event in known if _used(event) and not is_free(_action(event))]
    patterns = Patterns(event.resource for event in uses if _resolved(event))
    asked: defaultdict[str, _Asked] = defaultdict(_Asked)
    everywhere = {_action(event) for event in uses if not _resolved(event)}
    for event in uses:
        if _resolved(event) and _action(event) not in everywhere:
            asked[_action(event)].uses[event.resource].append(event.context)
    rows: set[tuple[str, str, Conditions]] = {(action, "*", ()) for action in everywhere}
    used: defaultdict[str, set[str]] = defaultdict(set)
    for action, item in asked.items():
        for pattern, resources in patterns.of(item.uses).items():
            contexts = [context for resource in resources for context in item.uses[resource]]
            rows.add((action, pattern, _conditions(contexts)))
            used[pattern] |= resources
    widened = [said for pattern, resources in sorted(used.items()) if (said := patterns.widened(pattern, resources))]
    made = Least(_statements(rows), tuple(widened), tuple(sorted(patterns.kept)))
    return replace(made, uncovered=_uncovered(known, made.text))


def _used(event: AccessEvent) -> bool:
    """Was it done: allowed, or denied by policies and let through?"""
    return event.allowed or (bool(event.would_deny) and event.error not in DENIALS)


def _identity(event: AccessEvent) -> tuple[object, ...]:
    context = tuple(sorted(event.context.items()))
    return event.request_id, _action(event), event.resource, event.allowed, event.exact, event.error, context


def _resolved(event: AccessEvent) -> bool:
    """Is the resource known? An ARN is, even where not all condition keys were (the keys of a DynamoDB item)."""
    return event.exact or event.resource != "*"


def _action(event: AccessEvent) -> str:
    return f"{event.service}:{event.action}"


def _conditions(contexts: list[Mapping[str, str | tuple[str, ...]]]) -> Conditions:
    """The conditions that every one of these uses met."""
    found = []
    for key, (name, operator) in _CONDITIONS.items():
        values = [context.get(key) for context in contexts]
        texts = {value for value in values if isinstance(value, str) and value}
        if texts and all(value in texts for value in values):
            like = operator == "StringLike"
            found.append((operator, name, tuple(sorted({without_random(text) if like else text for text in texts}))))
    return tuple(sorted(found))


def _statements(rows: set[tuple[str, str, Conditions]]) -> tuple[Mapping[str, Any], ...]:
    """Actions with the same resources share a statement; those of two services, buckets and objects never do."""
    by_resource: defaultdict[tuple[str, bool, str, Conditions], set[str]] = defaultdict(set)
    for action, pattern, conditions in rows:
        by_resource[action.partition(":")[0], is_object(pattern), pattern, conditions].add(action)
    by_actions: defaultdict[tuple[str, bool, tuple[str, ...], Conditions], set[str]] = defaultdict(set)
    for (service, objects, pattern, conditions), actions in by_resource.items():
        by_actions[service, objects, tuple(sorted(actions)), conditions].add(pattern)
    return tuple(
        _statement(actions, sorted(resources), conditions)
        for (_, _, actions, conditions), resources in sorted(by_actions.items())
    )


def _statement(actions: Iterable[str], resources: list[str], conditions: Conditions) -> Mapping[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": resources}
    for operator, key, values in conditions:
        statement.setdefault("Condition", {}).setdefault(operator, {})[key] = list(values)
    return statement


def _uncovered(events: Iterable[AccessEvent], text: str) -> tuple[Uncovered, ...]:
    policies = _compiled(text)
    counts: Counter[tuple[Missing, str, str, str]] = Counter()
    for event in events:
        if _used(event):
            if not _resolved(event):
                counts[Missing.INEXACT, _action(event), event.resource, ""] += 1
        elif not _allows(policies, event):
            kind = Missing.DENIED if event.denied else Missing.FAILED
            counts[kind, _action(event), event.resource, event.error] += 1
    return tuple(
        Uncovered(kind, action, resource, count, error)
        for (kind, action, resource, error), count in sorted(counts.items())
    )


def _compiled(text: str) -> Policies:
    """None at all where there is no document, or one that AWS would not store for a resource that is no ARN."""
    try:
        return Policies(PolicySet([compiled(parse(text), Source(PolicyType.IDENTITY))]))
    except MalformedPolicyDocument:
        return Policies(PolicySet([]))


def _allows(policies: Policies, event: AccessEvent) -> bool:
    """Do they allow what was refused at first, and perhaps not later?"""
    who = Principal(event.account, event.principal_arn, "role")
    resource = event.resource if _resolved(event) else UNRESOLVED
    return evaluate(Request(who, _action(event), resource, event.context), policies).allowed
