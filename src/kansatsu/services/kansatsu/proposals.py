"""Proposed changes and reasons in words: which policy, which statement, and who can change it how."""

import json
from collections.abc import Mapping
from typing import Any

from kansatsu.advisor import Change
from kansatsu.policy import PolicyType, Request

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


def shown(change: Change, request: Request) -> dict[str, Any]:
    """A change as ExplainRequest answers it."""
    source = change.policy
    answer: dict[str, Any] = {
        "Kind": "AddStatement" if change.index is None else "ChangeDeny",
        "PolicyType": str(source.type),
        "PolicyArn": source.arn,
        "PolicyName": source.name,
        "Owner": source.owner,
        "Statement": json.dumps(change.statement),
        "Description": _described(change, request),
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


def _described(change: Change, request: Request) -> str:
    source = change.policy
    where = _where(change)
    if change.index is not None:
        sid = change.statement.get("Sid")
        named = f"statement {change.index + 1}" + (f" ({sid})" if sid else "")
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
