"""Proposed changes and reasons in words: which policy, which statement, and who can change it how."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kansatsu.advisor import MFA, Change
from kansatsu.policy import Condition, Match, PolicyType, Request
from kansatsu.services.kansatsu.ways import way

_AWS_MANAGED = "arn:aws:iam::aws:policy/"
# What a policy of each type that has no ARN and no owner is called.
_HOMES = {
    PolicyType.SESSION: "the session policy that is passed when the session is made",
    PolicyType.TRUST: "the trust policy of the role",
    PolicyType.RESOURCE: "the policy of the resource",
    PolicyType.BOUNDARY: "the permissions boundary",
    PolicyType.SCP: "a service control policy at every level where none allows it",
    PolicyType.RCP: "a resource control policy at every level where none allows it",
    PolicyType.VPC_ENDPOINT: "the policy of the VPC endpoint",
}


def shown(change: Change, request: Request, serials: Sequence[str]) -> dict[str, Any]:
    """A change as ExplainRequest answers it; `serials`: the caller's devices for multi-factor authentication."""
    source = change.policy
    answer: dict[str, Any] = {
        "Kind": "MeetCondition" if change.meet else "AddStatement" if change.index is None else "ChangeDeny",
        "PolicyType": str(source.type),
        "PolicyArn": source.arn,
        "PolicyName": source.name,
        "Owner": source.owner,
        "Statement": json.dumps(change.statement),
        "Description": _met(change, request, serials) if change.meet else _past(change, request, serials),
        "PastConditions": bool(change.past),
        "Conditions": [
            {
                "Operator": condition.operator,
                "Key": condition.key,
                "Wanted": list(condition.values),
                "Given": list(_given(condition, request)),
            }
            for condition in change.meet
        ],
    }
    if change.index is not None:
        answer["Index"] = change.index
    return answer


def reason(action: str, said: Mapping[str, Any]) -> str:
    """In AWS's words why it was denied; for what was allowed the type that granted."""
    kind = said["type"]
    if said["allowed"]:
        return f"allowed by {_with_article(kind)}" if kind else "allowed: nothing had to grant it"
    if said["explicit"]:
        return f"with an explicit deny in {_with_article(kind)}"
    return f"because no {kind} allows the {action} action"


def _with_article(kind: str) -> str:
    return f"an {kind}" if kind[:1] in "aeiou" else f"a {kind}"


def place(match: Match) -> str:
    """A statement in words."""
    return f"{_statement(match.index, match.sid)} of {match.policy.arn or match.policy.name or match.policy.type}"


def condition(asked: Condition, request: Request) -> str:
    """What a condition asks for, and what the request had."""
    had = ", ".join(_given(asked, request)) or "no such key"
    return f"{asked.operator} {asked.key} = {', '.join(asked.values)} (the request had {had})"


def _given(asked: Condition, request: Request) -> tuple[str, ...]:
    value = request.context.get(asked.key.lower(), ())
    return (value,) if isinstance(value, str) else value


def _statement(index: int, sid: str) -> str:
    return f"statement {index + 1}" + (f" ({sid})" if sid else "")


def _met(change: Change, request: Request, serials: Sequence[str]) -> str:
    """What the caller has to do, and how."""
    asked = "; ".join(condition(each, request) for each in change.meet)
    hows = dict.fromkeys(way(each.key.lower(), change, request, serials) for each in change.meet)
    if change.index is None:
        what = f"A session of GetSessionToken may call IAM only with {asked}"
    else:
        named = f"{_statement(change.index, change.statement.get('Sid', ''))} of {_where(change)}"
        denies = change.statement["Effect"] == "Deny"
        what = (
            f"Stay out of the Deny in {named}, which is for {asked}"
            if denies
            else f"Meet what {named} asks for: {asked}"
        )
    return " ".join((f"{what}.", *hows))


def _past(change: Change, request: Request, serials: Sequence[str]) -> str:
    """A change of a policy, after what it would go past: somebody wrote those conditions on purpose."""
    described = _described(change, request)
    if not change.past:
        return described
    said = []
    for match, conditions in change.past:
        said.append(
            f"The Allow in {place(match)} asks for {'; '.join(condition(each, request) for each in conditions)}."
        )
        said += {way(each.key.lower(), change, request, serials) for each in conditions if each.key.lower() in MFA}
    return " ".join((*said, f"To go past that condition, {described[0].lower()}{described[1:]}"))


def _described(change: Change, request: Request) -> str:
    source = change.policy
    where = _where(change)
    if change.index is not None:
        named = _statement(change.index, change.statement.get("Sid", ""))
        text = f"Keep the Deny in {named} of {where} from applying to {request.action} on {request.resource}"
        return text + _detach(source.arn)
    if source.type is PolicyType.IDENTITY:
        return f"Add this statement to an identity-based policy of {source.owner}"
    return f"Add this statement to {where}" + _detach(source.arn)


def _where(change: Change) -> str:
    source = change.policy
    if source.arn:
        return f"the {source.type} {source.arn}"
    if source.name:
        return f"the inline policy {source.name} of {source.owner}"
    home = _HOMES.get(source.type, f"the {source.type}")
    return f"{home} ({source.owner})" if source.owner else home


def _detach(policy_arn: str) -> str:
    return "; it is AWS's own: put a policy of yours in its place" if policy_arn.startswith(_AWS_MANAGED) else ""
