"""The smallest change under which a denied request is allowed, proven by evaluation before it is shown.

What the caller can do comes first: a condition that the request could have met is met, and no policy is touched.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kansatsu import policy as engine
from kansatsu.advisor import meeting
from kansatsu.advisor.frozen import policies_in
from kansatsu.errors import MalformedPolicyDocument
from kansatsu.policy import (
    UNRESOLVED,
    Condition,
    Decision,
    Limits,
    Match,
    Policies,
    Policy,
    PolicySet,
    PolicyType,
    Principal,
    Request,
    Source,
    Verdict,
)

_STEPS = 12  # more than there are types of policies
# Services whose resources have policies of their own: docs/resource-policies.md.
_HAVE_POLICIES = frozenset({"dynamodb", "ecr", "events", "kms", "lambda", "s3", "secretsmanager", "sns", "sqs"})
_NEVER = {"StringEquals": {"aws:PrincipalArn": "-"}}  # no caller has it, so that a Deny under it denies nothing


Unmet = tuple[tuple[Match, tuple[Condition, ...]], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """Add `statement` to a policy of this source ("" where there is none yet), or keep a Deny from applying.

    `index` is the place of a statement that is there, from 0; None: a statement to add. `meet`: no policy changes, but
    the request, so that it meets these conditions of an Allow, or not all of these of a Deny. `past`: the Allows that
    somebody made depend on conditions, which a statement to add goes past.
    """

    policy: Source
    statement: Mapping[str, Any]
    index: int | None = None
    meet: tuple[Condition, ...] = ()
    past: Unmet = ()


def smallest_change(decision: Decision) -> tuple[Change, ...] | None:
    """What to change so that the request is allowed; None when no change does it."""
    found = smallest_changes((decision,))
    return found[0] if found is not None else None


def smallest_changes(decisions: Sequence[Decision]) -> tuple[tuple[Change, ...], ...] | None:
    """For each part of a call what to change, so that the call is allowed as a whole; None when no change does it.

    INVARIANT: every part was evaluated by the engine that decided it, with its own changes and with all that any of
    them changes of the call, and was allowed.
    """
    for meet in (True, False):  # INVARIANT: past a condition that the request could meet nothing is widened
        with suppress(MalformedPolicyDocument):  # what would be needed is nothing that a policy of that kind may say
            if (found := _together(decisions, meet=meet)) is not None:
                return found
    return None


def _together(decisions: Sequence[Decision], *, meet: bool) -> tuple[tuple[Change, ...], ...] | None:
    met: dict[str, str | tuple[str, ...] | None] = {}
    found, ends = [], []
    for decision in decisions:
        begun = engine.evaluate(_asked_so(decision.request, met), decision.policies)
        step = _found(begun, set(met), meet=meet)
        if step is None:
            return None
        changes, end = step
        for key in filter(_of_call, _changed(begun.request, end.request)):
            met[key] = end.request.context.get(key)
        found.append(changes)
        ends.append(end)
    if all(engine.evaluate(_asked_so(end.request, met), end.policies).allowed for end in ends):
        return tuple(found)
    return None


def _of_call(key: str) -> bool:
    """Is the key one of the call and its caller, and not of one of the resources?"""
    return key.startswith("aws:") and not key.startswith("aws:resource")


def _asked_so(request: Request, met: Mapping[str, str | tuple[str, ...] | None]) -> Request:
    merged = {**request.context, **met}
    context = {key: value for key, value in merged.items() if value is not None}
    return dataclasses.replace(request, context=context)


def _found(decision: Decision, fixed: set[str], *, meet: bool) -> tuple[tuple[Change, ...], Decision] | None:
    """The changes, and the decision with them."""
    changes: list[Change] = []
    for _ in range(_STEPS):
        if decision.allowed:
            return tuple(changes), decision
        step = (_met(decision, fixed) if meet else None) or (
            _without_denies(decision) if decision.explicit else _with_allow(decision)
        )
        if step is None:
            return None
        policies, made, request = step
        fixed |= _changed(decision.request, request)
        changes += made
        decision = engine.evaluate(request, policies)
    return None


_Step = tuple[Policies, list[Change], Request]


def _met(decision: Decision, fixed: set[str]) -> _Step | None:
    """By another request: out of a Deny that applies, or into an Allow that only its conditions kept from applying."""
    if decision.explicit:
        near: Unmet = tuple((match, ()) for match in decision.matched if match.effect == "Deny")
    else:
        near = tuple(sorted(_near(decision), key=lambda item: (item[0].policy.type is not decision.type, len(item[1]))))
    for match, conditions in near:
        policy = next(policy for policy in policies_in(decision.policies) if policy.source == match.policy)
        statement = policy.document.statements[match.index]
        made = meeting.met(decision, statement, policy.document.version, fixed)
        # The Allow of a resource's policy may be no more than half of what is needed.
        if made is not None and (match.policy.type is decision.type or engine.evaluate(made[0], made[1]).allowed):
            request, policies = made
            keys = _changed(decision.request, request)
            own = conditions or tuple(each for each in statement.conditions if each.key.lower() in keys)
            body = _opened(policy)[1][match.index]
            return policies, [Change(policy.source, body, match.index, own)], request
    return _signed_in(decision)


def _changed(one: Request, other: Request) -> set[str]:
    keys = one.context.keys() | other.context.keys()
    return {key for key in keys if one.context.get(key) != other.context.get(key)}


def _signed_in(decision: Decision) -> _Step | None:
    """A session of GetSessionToken calls IAM with MFA, whatever policies say.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
    """
    request, policies = decision.request, decision.policies
    if decision.type is not PolicyType.SESSION or policies.limits is not Limits.SESSION_TOKEN or policies.session:
        return None
    proved = dataclasses.replace(request, context={**request.context, "aws:multifactorauthpresent": "true"})
    if engine.evaluate(proved, policies).type is PolicyType.SESSION:
        return None
    condition = Condition("Bool", "aws:MultiFactorAuthPresent", ("true",))
    return policies, [Change(Source(PolicyType.SESSION), {}, None, (condition,))], proved


def _near(decision: Decision) -> Unmet:
    """The Allows that came near where nothing allowed: all fits but their conditions."""
    types = {decision.type} | ({PolicyType.RESOURCE} if decision.type is PolicyType.IDENTITY else set())
    return tuple(
        (match, conditions)
        for match, conditions in decision.unmet
        if match.effect == "Allow" and match.policy.type in types
    )


def _without_denies(decision: Decision) -> _Step | None:
    denies = [match for match in decision.matched if match.effect == "Deny"]
    changes: dict[tuple[Source, int], Change] = {}

    def narrowed(policy: Policy) -> Policy:
        hit = {match.index for match in denies if match.policy == policy.source}
        if not hit:
            return policy
        body, statements = _opened(policy)
        for index in hit:
            changes[policy.source, index] = Change(policy.source, statements[index], index)
            statements[index] = {**statements[index], "Condition": _NEVER}
        return _closed(policy, body, statements)

    policies = _mapped(decision.policies, narrowed)
    return (policies, list(changes.values()), decision.request) if changes else None


def _with_allow(decision: Decision) -> _Step | None:
    request, kind = decision.request, decision.type
    if kind is PolicyType.RESOURCE and decision.policies.guard is None:
        return _with_new_guard(request, decision.policies)
    past = _near(decision)
    field = next((f.name for f in dataclasses.fields(decision.policies) if _is_slot(f.name, kind)), None)
    if kind is None or field is None:
        return None
    changes: list[Change] = []
    allowed = _allowing(getattr(decision.policies, field), request, kind, changes)
    changes = [dataclasses.replace(change, past=past) for change in changes]
    return (dataclasses.replace(decision.policies, **{field: allowed}), changes, request) if changes else None


def _with_new_guard(request: Request, policies: Policies) -> _Step | None:
    """What the owner of a resource has to add where it has no policy, or one that only its own account is shown."""
    parts = request.resource.split(":", 5)
    if request.resource is UNRESOLVED or len(parts) != 6:
        return None
    role = parts[2] == "iam" and parts[5].startswith("role/")
    if not role and parts[2] not in _HAVE_POLICIES:
        return None
    kind = PolicyType.TRUST if role else PolicyType.RESOURCE
    owner = request.resource.partition("/")[0] if parts[2] == "s3" else request.resource
    source, statement = Source(kind, owner=owner), _statement(request, kind)
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = engine.compile_policy(engine.parse(text, kind), source)
    trust, resource = (made, None) if role else (None, made)
    return dataclasses.replace(policies, trust=trust, resource=resource), [Change(source, statement)], request


def _is_slot(name: str, kind: PolicyType | None) -> bool:
    return kind is not None and name.startswith(kind.name.lower())


def _allowing(value: Any, request: Request, kind: PolicyType, changes: list[Change]) -> Any:
    """The policies of one kind with a statement more, wherever they do not allow yet; levels each by itself."""
    if isinstance(value, Policy):
        statement = _statement(request, kind)
        body, statements = _opened(value)
        changes.append(Change(value.source, statement))
        return _closed(value, body, [*statements, statement])
    if isinstance(value, PolicySet):
        if value.verdict(request.action, request.resource, request.context) is Verdict.ALLOW:
            return value
        statement = _statement(request, kind)
        source = _home(value, request, kind)
        changes.append(Change(source, statement))
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return PolicySet((*value, engine.compile_policy(engine.parse(text, kind), source)))
    if isinstance(value, tuple):
        return tuple(_allowing(item, request, kind, changes) for item in value)
    if value is not None and dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _allowing(getattr(value, f.name), request, kind, changes) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    return value


def _home(present: Iterable[Policy], request: Request, kind: PolicyType) -> Source:
    """Where a statement goes: into a new inline policy of the entity, or beside what is there."""
    principal = request.principal
    if kind is PolicyType.IDENTITY:
        entity = principal.role_arn or principal.arn
        taken = {policy.source.name for policy in present if policy.source.owner == entity}
        base = "Allow-" + request.action.replace(":", "-").replace("*", "all")
        names = (base, *(f"{base}-{number}" for number in range(2, len(taken) + 3)))
        return Source(kind, owner=entity, name=next(name for name in names if name not in taken))
    first = next(iter(present), None)
    source = first.source if first is not None else Source(kind)
    return Source(kind, source.arn, source.owner, source.name)


def _statement(request: Request, kind: PolicyType) -> dict[str, Any]:
    if kind is PolicyType.RCP:
        return {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}  # no other Allow may be in one
    statement: dict[str, Any] = {"Effect": "Allow", "Action": request.action}
    if kind in {PolicyType.TRUST, PolicyType.RESOURCE}:
        statement["Principal"] = _principal(request.principal)
    elif kind is PolicyType.VPC_ENDPOINT:
        statement["Principal"] = "*"
    if kind is not PolicyType.TRUST:
        statement["Resource"] = "*" if request.resource is UNRESOLVED else _literal(request)
    source = request.context.get("aws:sourcearn")
    if kind is PolicyType.RESOURCE and request.principal.kind == "service" and isinstance(source, str):
        # Else everybody's topic could write there:
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html#cross-service-confused-deputy-prevention
        statement["Condition"] = {"ArnEquals": {"aws:SourceArn": source}}
    return statement


def _principal(principal: Principal) -> Any:
    if principal.kind == "anonymous":
        return "*"
    if principal.kind == "service":
        return {"Service": principal.arn}
    if (
        principal.kind == "federated"
        and ":assumed-role/" not in principal.arn
        and ":federated-user/" not in principal.arn
    ):
        return {"Federated": principal.arn}
    return {"AWS": principal.role_arn or principal.arn}


def _literal(request: Request) -> str:
    """Keys of S3 objects may hold what policies read as a wildcard or a variable."""
    resource = request.resource
    if not request.action.startswith("s3:") or resource == "*":
        return resource
    return "".join(f"${{{sign}}}" if sign in "$*?" else sign for sign in resource)


def _opened(policy: Policy) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    body = json.loads(policy.document.text)
    statements = body["Statement"]
    return body, list(statements) if isinstance(statements, list) else [statements]


def _closed(policy: Policy, body: Mapping[str, Any], statements: list[dict[str, Any]]) -> Policy:
    text = json.dumps({**body, "Statement": statements})
    return engine.compile_policy(engine.parse(text, policy.source.type), policy.source)


def _mapped(value: Any, change: Any) -> Any:
    """The same structure with every policy changed."""
    if isinstance(value, Policy):
        return change(value)
    if isinstance(value, PolicySet):
        return PolicySet(change(policy) for policy in value)
    if isinstance(value, tuple):
        return tuple(_mapped(item, change) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _mapped(getattr(value, field.name), change) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    return value
