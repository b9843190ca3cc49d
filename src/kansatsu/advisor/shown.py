"""Reports of last access in AWS's shape: what the API answers, and what the command line makes tables of. Pure.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetServiceLastAccessedDetails.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPoliciesGrantingServiceAccess.html
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from kansatsu.advisor import granting
from kansatsu.advisor.last_access import ServiceUse, Use, Who
from kansatsu.advisor.narrow import Fate, Line
from kansatsu.arn import Arn
from kansatsu.catalog import tracking
from kansatsu.policy import Policy, PolicySet

Shown = dict[str, Any]
_NAMED = 3  # actions that are named of many


def service(used: ServiceUse) -> Shown:
    """A member of ServicesLastAccessed."""
    shown: Shown = {
        "ServiceName": tracking.service_name(used.namespace),
        "ServiceNamespace": used.namespace,
        **_last(used.last, "LastAuthenticated", "LastAuthenticatedEntity", "LastAuthenticatedRegion"),
    }
    if used.principals:
        shown["TotalAuthenticatedEntities"] = used.principals
    if used.actions:
        names = "LastAccessedTime", "LastAccessedEntity", "LastAccessedRegion"
        shown["TrackedActionsLastAccessed"] = [
            {"ActionName": action.name, **_last(action.last, *names)} for action in used.actions
        ]
    return shown


def entity(who: Who, last: float | None) -> Shown:
    """A member of EntityDetailsList; `last` in epoch seconds."""
    info = {"Arn": who.arn, "Name": who.name, "Type": who.kind.upper(), "Id": who.id, "Path": who.path}
    return {"EntityInfo": info} | ({"LastAuthenticated": when(last)} if last is not None else {})


def policies(held: PolicySet, namespace: str) -> Shown:
    """A member of PoliciesGrantingServiceAccess."""
    found = granting.granting(held, namespace)
    return {"ServiceNamespace": namespace, "Policies": [_policy(policy) for policy in found]}


def line(policy: Policy, said: Line, confidence: str) -> Shown:
    """A member of Lines, of SuggestPolicyChange; `confidence` is that of silence: of all that is taken away."""
    shown: Shown = {
        "PolicyArn": policy.source.arn,
        "PolicyName": policy.source.name,
        "Index": said.index,
        "Action": said.action,
        "Fate": str(said.fate),
        "Resources": list(said.resources),
        "Uses": said.uses,
        "Principals": said.people,
        "RequestIds": list(said.requests),
        "Confidence": "high" if said.fate is Fate.KEPT else confidence,
        "Denied": said.denied,
        "UnmetKeys": list(said.unmet),
        "Hidden": len(said.hidden),
        "HiddenActions": list(said.hidden[:_NAMED]),
    }
    times = {"LastUsed": said.last if said.uses else 0.0, "LastDenied": said.last_denied}
    return shown | {name: datetime.fromtimestamp(time, UTC) for name, time in times.items() if time}


def hidden(lines: Iterable[Line]) -> list[str]:
    """The sentence on actions that a suggestion takes away with a wildcard though nobody could see their use."""
    found = list(dict.fromkeys(action for line in lines for action in line.hidden))
    if not found:
        return []
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return [
        f"No request here shows the use of {', '.join(found[:_NAMED])}{more}: with the wildcards they go, used or not. "
        "Spelt out in the policy they stay."
    ]


def when(seconds: float) -> datetime:
    """A time as IAM tells it: whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC)


def _last(use: Use | None, time: str, by: str, region: str) -> Shown:
    if use is None:
        return {}
    return {time: when(use.time), by: use.arn, region: use.region}


def _policy(policy: Policy) -> Shown:
    source = policy.source
    if source.arn:
        return {"PolicyName": source.name, "PolicyType": "MANAGED", "PolicyArn": source.arn}
    owner = Arn.parse(source.owner)
    kind, _, name = owner.resource.partition("/") if owner is not None else ("", "", "")
    return {
        "PolicyName": source.name,
        "PolicyType": "INLINE",
        "EntityType": kind.upper(),
        "EntityName": name.rpartition("/")[2],
    }
