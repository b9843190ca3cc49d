"""The details of denied requests in AWS's shapes: context, evaluations with their checks, policies as they were.

https://docs.aws.amazon.com/iam-toolbox/latest/APIReference/API_GetRequestAuthorizationDetails.html
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from kansatsu.advisor import Denial, spelt
from kansatsu.advisor.denials import ID, Asked, HeldPolicy
from kansatsu.errors import AwsError
from kansatsu.policy import PolicyType, Verdict
from kansatsu.services.registry import Call, operation

_POLICY_TYPES = {
    PolicyType.IDENTITY: "IDENTITY_BASED_POLICY",
    PolicyType.BOUNDARY: "PERMISSIONS_BOUNDARY",
    PolicyType.SESSION: "SESSION_POLICY",
    PolicyType.RESOURCE: "RESOURCE_BASED_POLICY",
    PolicyType.TRUST: "RESOURCE_BASED_POLICY",
    PolicyType.SCP: "SERVICE_CONTROL_POLICY",
    PolicyType.RCP: "RESOURCE_CONTROL_POLICY",
    PolicyType.VPC_ENDPOINT: "VPC_ENDPOINT_POLICY",
}
# In AWS's order of checks.
_CHECKS = {
    PolicyType.RCP: "RESOURCE_CONTROL_POLICY",
    PolicyType.SCP: "SERVICE_CONTROL_POLICY",
    PolicyType.VPC_ENDPOINT: "VPC_ENDPOINT",
    PolicyType.RESOURCE: "RESOURCE",
    PolicyType.TRUST: "RESOURCE",
    PolicyType.IDENTITY: "PRINCIPAL",
    PolicyType.BOUNDARY: "PERMISSIONS_BOUNDARY",
    PolicyType.SESSION: "SESSION",
}
_EFFECTS = {
    Verdict.ALLOW: "ALLOW",
    Verdict.EXPLICIT_DENY: "EXPLICIT_DENY",
    Verdict.IMPLICIT_DENY: "IMPLICIT_DENY",
}


@operation("iam-toolbox", "GetRequestAuthorizationDetails", action="iam:GetRequestAuthorizationDetails")
def get_request_authorization_details(
    call: Call, *, authorization_id: str, next_token: str | None = None
) -> dict[str, Any]:
    """All evaluations come at once, so that there is never a token for more."""
    if next_token is not None:
        raise AwsError("The nextToken is not valid.", code="ValidationException")
    denial = _denial(call, authorization_id)
    return {
        "requestContext": _context(denial.context),
        "evaluations": [_evaluation(denial, item) for item in denial.asked],
        "policies": [_policy(position, held) for position, held in enumerate(denial.held)],
    }


@operation("iam-toolbox", "GetRequestAuthorizationPolicy", action="iam:GetRequestAuthorizationPolicy")
def get_request_authorization_policy(call: Call, *, authorization_id: str, policy_uri: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/iam-toolbox/latest/APIReference/API_GetRequestAuthorizationPolicy.html"""
    denial = _denial(call, authorization_id)
    for position, held in enumerate(denial.held):
        if _uri(position, held) == policy_uri:
            try:
                return {"policyDocument": json.loads(call.recorder.denials.text(denial, held))}
            except KeyError:
                break
    raise _not_found()


def _denial(call: Call, authorization_id: str) -> Denial:
    """INVARIANT: nobody reads of another account's denials, nor learns that there was one."""
    denial = call.recorder.denials.find(authorization_id) if ID.fullmatch(authorization_id) else None
    if denial is None or denial.account != call.account:
        raise _not_found()
    return denial


def _not_found() -> AwsError:
    return AwsError(
        "The requested policy or authorization details do not exist or have expired.",
        code="ResourceNotFoundException",
        status=404,
    )


def _evaluation(denial: Denial, item: Asked) -> dict[str, Any]:
    effect = "ALLOW" if item.allowed else "EXPLICIT_DENY" if item.explicit else "IMPLICIT_DENY"
    return {
        "action": item.action,
        "resource": item.resource,
        "context": _context(item.context),
        "evaluatedEffect": effect,
        "matchedPolicies": _matched(denial, item, set(PolicyType)),
        "checks": [
            {
                "checkType": check,
                "evaluatedEffect": _effect(item, kind, Verdict(item.verdicts[kind])),
                "relevantPolicyTypes": [_POLICY_TYPES[kind]],
                "matchedPolicies": _matched(denial, item, {kind}),
            }
            for kind, check in _CHECKS.items()
            if kind in item.verdicts
        ],
    }


_EITHER = {PolicyType.RESOURCE: PolicyType.IDENTITY, PolicyType.IDENTITY: PolicyType.RESOURCE}


def _effect(item: Asked, kind: PolicyType, verdict: Verdict) -> str:
    """A type that does not allow has no impact where another path did; in one account either of two types suffices."""
    other = item.verdicts.get(_EITHER.get(kind, kind))
    if verdict is Verdict.IMPLICIT_DENY and other == Verdict.ALLOW and item.type != kind:
        return "NO_IMPACT"
    return _EFFECTS[verdict]


def _matched(denial: Denial, item: Asked, kinds: set[PolicyType]) -> list[dict[str, Any]]:
    found: dict[int, list[dict[str, str]]] = {}
    for match in item.matched:
        if denial.held[match.policy].type in kinds:
            statement = {"sid": match.sid or f"statement{match.index + 1}", "evaluatedEffect": match.effect.upper()}
            found.setdefault(match.policy, []).append(statement)
    return [
        {"uri": _uri(position, denial.held[position]), "matchedStatements": statements}
        for position, statements in found.items()
    ]


def _policy(position: int, held: HeldPolicy) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": _POLICY_TYPES[PolicyType(held.type)],
        "inline": not held.arn,
        "uri": _uri(position, held),
    }
    if held.entity.startswith("arn:"):
        shown["attachedTo"] = [{"arn": held.entity}]
    return shown


def _uri(position: int, held: HeldPolicy) -> str:
    return held.arn or f"inline-{position}"


def _context(kept: Mapping[str, str | list[str]]) -> dict[str, str | Iterable[str]]:
    return {spelt(key): value for key, value in kept.items()}
