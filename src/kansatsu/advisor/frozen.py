"""Decisions to and from what is kept of them: a denial can be evaluated again exactly as it was, by the one engine."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec

from kansatsu import policy as engine
from kansatsu.advisor.denials import Asked, Denial, HeldPolicy, Matched
from kansatsu.policy import UNRESOLVED, Decision, Policies, Policy, PolicySet, PolicyType, Principal, Request, Source

# What a client chooses must not make a record larger than its readers take, nor one request out of proportion.
LONGEST_VALUE = 4096
MOST_VALUES = 100
MOST_ASKED = 16

Context = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Denied:
    """Who was denied what: `decisions` begins with the one that denied; `passed`: it was only observed."""

    time: float
    request_id: str
    account: str
    operation: str
    region: str
    user_id: str
    context: Context
    decisions: Sequence[Decision]
    passed: bool = False


def freeze(denied: Denied) -> tuple[Denial, list[str]]:
    """What to keep, without its id, and the texts of its policies."""
    held: list[Policy] = []
    asked = [_asked(decision, denied.context, held) for decision in denied.decisions[:MOST_ASKED]]
    request = denied.decisions[0].request
    principal = request.principal
    shared, whole = _cut(denied.context)
    own = [_cut(item.context) for item in asked]
    whole = whole and all(fits for _, fits in own) and len(denied.decisions) <= MOST_ASKED
    asked = [msgspec.structs.replace(item, context=kept) for item, (kept, _) in zip(asked, own, strict=True)]
    denial = Denial(
        "",
        denied.time,
        denied.request_id,
        denied.account,
        denied.operation,
        denied.region,
        denied.user_id,
        dataclasses.asdict(principal),
        shared,
        asked,
        [_held(policy, request) for policy in held],
        whole,
        denied.passed,
    )
    return denial, [policy.document.text for policy in held]


def thaw(denial: Denial, texts: Sequence[str]) -> list[Decision]:
    """The decisions again, by evaluation. Raises errors.MalformedPolicyDocument for a text nobody can read any more."""
    policies = [
        engine.compile_policy(
            engine.parse(text, PolicyType(item.type)), Source(PolicyType(item.type), item.arn, item.owner, item.name)
        )
        for item, text in zip(denial.held, texts, strict=True)
    ]
    principal = Principal(**denial.principal)
    return [
        engine.evaluate(
            Request(
                principal,
                item.action,
                item.resource if item.resolved else UNRESOLVED,
                _context(denial.context) | _context(item.context),
                item.resource_account,
            ),
            Policies(**{name: _built(shape, policies) for name, shape in item.policies.items()}),
        )
        for item in denial.asked
    ]


def policies_in(value: object) -> Iterator[Policy]:
    """Every policy in a set, a level, or all that applies to a request."""
    if isinstance(value, Policy):
        yield value
    elif isinstance(value, PolicySet | tuple | list):
        for item in value:
            yield from policies_in(item)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from policies_in(getattr(value, field.name))


def _asked(decision: Decision, shared: Context, held: list[Policy]) -> Asked:
    request = decision.request
    places = {policy.source: position for position, policy in enumerate(held)}
    for policy in policies_in(decision.policies):
        if policy.source not in places:
            places[policy.source] = len(held)
            held.append(policy)
    shape = {
        field.name: _shape(getattr(decision.policies, field.name), places)
        for field in dataclasses.fields(decision.policies)
    }
    matched = [
        Matched(places[match.policy], match.index, match.sid, match.effect, *match.span, match.line)
        for match in decision.matched
    ]
    own = {
        key: value if isinstance(value, str) else list(value)
        for key, value in request.context.items()
        if shared.get(key) != value
    }
    return Asked(
        request.action,
        str(request.resource),
        request.resource is not UNRESOLVED,
        request.resource_account,
        own,
        decision.allowed,
        decision.explicit,
        str(decision.type or ""),
        matched,
        {str(kind): str(verdict) for kind, verdict in decision.verdicts.items()},
        list(decision.missing_keys),
        shape,
    )


def _held(policy: Policy, request: Request) -> HeldPolicy:
    source, principal = policy.source, request.principal
    guards = source.type in {PolicyType.RESOURCE, PolicyType.TRUST}
    entity = request.resource if guards else principal.role_arn or principal.arn
    return HeldPolicy(str(source.type), source.arn, source.owner, source.name, source.owner or entity)


def _shape(value: object, places: Mapping[Source, int]) -> Any:
    if isinstance(value, Policy):
        return {"policy": places[value.source]}
    if isinstance(value, PolicySet):
        return {"set": [places[policy.source] for policy in value]}
    if isinstance(value, tuple | list):
        return {"tuple": [_shape(item, places) for item in value]}
    if dataclasses.is_dataclass(value):
        fields = {field.name: _shape(getattr(value, field.name), places) for field in dataclasses.fields(value)}
        return {"class": type(value).__name__, "fields": fields}
    if isinstance(value, Enum):
        return {"enum": type(value).__name__, "value": value.value}
    return {"value": value}


def _built(shape: Mapping[str, Any], policies: Sequence[Policy]) -> Any:
    if "policy" in shape:
        return policies[shape["policy"]]
    if "set" in shape:
        return PolicySet(policies[position] for position in shape["set"])
    if "tuple" in shape:
        return tuple(_built(item, policies) for item in shape["tuple"])
    if "class" in shape:
        made = getattr(engine, shape["class"])
        return made(**{name: _built(item, policies) for name, item in shape["fields"].items()})
    if "enum" in shape:
        return getattr(engine, shape["enum"])(shape["value"])
    return shape["value"]


def _cut(context: Mapping[str, str | tuple[str, ...] | list[str]]) -> tuple[dict[str, str | list[str]], bool]:
    """The context within bounds, and whether that is all of it."""
    kept: dict[str, str | list[str]] = {}
    whole = True
    for key, value in context.items():
        values = [value] if isinstance(value, str) else list(value)
        fits = len(values) <= MOST_VALUES and all(len(item) <= LONGEST_VALUE for item in values)
        whole = whole and fits
        short = [item[:LONGEST_VALUE] for item in values[:MOST_VALUES]]
        kept[key] = short[0] if isinstance(value, str) else short
    return kept, whole


def _context(kept: Mapping[str, str | list[str]]) -> dict[str, str | tuple[str, ...]]:
    return {key: value if isinstance(value, str) else tuple(value) for key, value in kept.items()}
