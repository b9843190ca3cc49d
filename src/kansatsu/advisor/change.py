"""The smallest change to policies under which a denied request is allowed, proven by evaluation before it is shown."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kansatsu import policy as engine
from kansatsu.errors import MalformedPolicyDocument
from kansatsu.policy import (
    UNRESOLVED,
    Decision,
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


@dataclass(frozen=True, slots=True)
class Change:
    """Add `statement` to a policy of this source ("" where there is none yet), or keep a Deny from applying.

    `index` is the place of the Deny in its policy, from 0; None: a statement to add.
    """

    policy: Source
    statement: Mapping[str, Any]
    index: int | None = None


def smallest_change(decision: Decision) -> tuple[Change, ...] | None:
    """What to change so that the request is allowed; None when no change of these policies does it.

    INVARIANT: the request was evaluated with the change, by the engine that denied it, and was allowed.
    """
    try:
        return _found(decision.request, decision.policies)
    except MalformedPolicyDocument:  # what would be needed is nothing that a policy of that kind may say
        return None


def _found(request: Request, policies: Policies) -> tuple[Change, ...] | None:
    changes: list[Change] = []
    for _ in range(_STEPS):
        found = engine.evaluate(request, policies)
        if found.allowed:
            return tuple(changes)
        step = _without_denies(found) if found.explicit else _with_allow(found)
        if step is None:
            return None
        policies, made = step
        changes += made
    return None


_Step = tuple[Policies, list[Change]]


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
    return (policies, list(changes.values())) if changes else None


def _with_allow(decision: Decision) -> _Step | None:
    request, kind = decision.request, decision.type
    if kind is PolicyType.RESOURCE and decision.policies.guard is None:
        return _with_new_guard(request, decision.policies)
    field = next((f.name for f in dataclasses.fields(decision.policies) if _is_slot(f.name, kind)), None)
    if kind is None or field is None:
        return None
    changes: list[Change] = []
    allowed = _allowing(getattr(decision.policies, field), request, kind, changes)
    return (dataclasses.replace(decision.policies, **{field: allowed}), changes) if changes else None


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
    return dataclasses.replace(policies, trust=trust, resource=resource), [Change(source, statement)]


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
