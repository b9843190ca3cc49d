"""Policies of EventBridge's buses: which resources they guard, and the statements that PutPermission makes.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-perms.html
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from kansatsu import arn
from kansatsu.catalog import is_action
from kansatsu.errors import AwsError
from kansatsu.identity import principals
from kansatsu.policy import QUOTAS, PolicyType, parse
from kansatsu.resources.carrier import unwrapped
from kansatsu.resources.facts import Place

Params = Mapping[str, Any]
Statements = list[dict[str, Any]]
_BUS = re.compile(r"[.\-_A-Za-z0-9]{1,256}", re.ASCII)
_PARTS = {
    "StatementId": re.compile(r"[a-zA-Z0-9-_]{1,64}", re.ASCII),
    "Action": re.compile(r"events:[a-zA-Z]{1,57}", re.ASCII),
    "Principal": re.compile(r"[0-9]{12}|\*", re.ASCII),
}


def holder(named: arn.Arn) -> str | None:
    """The ARN of the bus whose policy guards this: a bus, or a rule on one; nothing else has one."""
    kind, _, rest = named.resource.partition("/")
    if not rest or not named.account or any(sign in rest for sign in "*?"):
        return None
    bus = {"event-bus": rest, "rule": rest.rpartition("/")[0] or "default"}.get(kind)
    return f"arn:{named.partition}:events:{named.region}:{named.account}:event-bus/{bus}" if bus else None


def named(params: Params, account: str, region: str) -> Place:
    """The bus that PutPermission and RemovePermission are about: one's own. Raises ValidationException."""
    name = str(params.get("EventBusName") or "default")
    if not _BUS.fullmatch(name):
        raise invalid(f"Value '{name}' at 'eventBusName' is no name of an event bus.")
    return Place(account, f"arn:{arn.PARTITION}:events:{region}:{account}:event-bus/{name}", region)


def added(params: Params, bus: str, text: str) -> str:
    """The text of the policy with the statement that the parameters make; one of its id is replaced."""
    for name, pattern in _PARTS.items():
        value = str(params.get(name) or "")
        if not pattern.fullmatch(value):
            raise invalid(f"Value '{value}' at '{name[0].lower()}{name[1:]}' failed to satisfy: {pattern.pattern}")
    if not is_action("events", params["Action"].partition(":")[2]):
        raise invalid(f"The action {params['Action']} is not one of Amazon EventBridge.")
    who = params["Principal"]
    statement = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": who if who == "*" else {"AWS": arn.iam(who, "root")},
        "Action": params["Action"],
        "Resource": bus,
    }
    condition = params.get("Condition") or {}
    if condition:
        if (condition.get("Type"), condition.get("Key")) != ("StringEquals", "aws:PrincipalOrgID"):
            raise invalid("The only condition is StringEquals of aws:PrincipalOrgID.")
        statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": condition.get("Value", "")}}
    others = [one for one in _statements(text) if one.get("Sid") != statement["Sid"]]
    changed = _with(text, [*others, statement])
    quota = QUOTAS["bus"]
    if not quota.fits(parse(changed, PolicyType.RESOURCE)):
        raise too_long(quota.size)
    return changed


def removed(params: Params, text: str) -> str:
    """The text of the policy without one statement, or without all; "" for none left. Raises EventBridge's errors.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RemovePermission.html
    """
    if params.get("RemoveAllPermissions"):
        return ""
    sid = params.get("StatementId")
    if not sid:
        raise invalid("Parameter StatementId or RemoveAllPermissions is required.")
    held = _statements(text)
    left = [one for one in held if one.get("Sid") != sid]
    if len(left) == len(held):
        missing = "Statement with the provided id does not exist." if text else "EventBus does not have a policy."
        raise AwsError(missing, code="ResourceNotFoundException", status=400)
    return _with(text, left) if left else ""


def _statements(text: str) -> Statements:
    held = json.loads(text)["Statement"] if text else []
    return held if isinstance(held, list) else [held]


def _with(text: str, statements: Statements) -> str:
    document: dict[str, Any] = json.loads(text) if text else {"Version": "2012-10-17"}
    return json.dumps({**document, "Statement": statements})


def shown(answer: Mapping[str, Any], arn_of: Callable[[str], str | None]) -> dict[str, Any]:
    """One bus, or a list of them, with the policies as they were set."""
    if "EventBuses" in answer:
        return {**answer, "EventBuses": [shown(bus, arn_of) for bus in answer["EventBuses"]]}
    return {
        name: principals.shown(unwrapped(value), arn_of) if name == "Policy" and value else value
        for name, value in answer.items()
    }


def invalid(text: str) -> AwsError:
    """What EventBridge does not take."""
    return AwsError(text, code="ValidationException", status=400)


def too_long(size: int) -> AwsError:
    """A policy beyond its quota."""
    return AwsError(f"The policy exceeds {size} bytes.", code="PolicyLengthExceededException", status=400)
