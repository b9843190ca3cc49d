"""What an encoded authorization message says to who may decode it: why a request was refused, and its context.

https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html; the form of its JSON is that of
https://repost.aws/knowledge-center/ec2-not-auth-launch and
https://docs.aws.amazon.com/IAM/latest/UserGuide/sts_example_sts_DecodeAuthorizationMessage_section.html
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from kansatsu.advisor import policies_in, spelt
from kansatsu.identity import Sealer, messages
from kansatsu.policy import Decision, Match, Source, Statement
from kansatsu.services.registry import Caller

# What a client chooses (User-Agent, Referer) must not make the message longer than AWS lets it be.
_LONGEST_VALUE = 512
_LONGEST_RESOURCE = 2048
_MOST = (1000, 100, 30, 10, 3, 0)  # of each list; the next when the message is still too long


def message(sealer: Sealer, caller: Caller, decision: Decision, authorization_id: str) -> str:
    """The sealed message, at most 10,240 characters; the authorization id goes with it, for `kansatsu why`.

    INVARIANT: what is too long is left out, lists from their end; the message always opens and is always JSON.
    """
    for most in _MOST:
        text = f"{details(caller, decision, most)}\n{authorization_id}"
        sealed = messages.encode(sealer, caller.account, text)
        if len(sealed) <= messages.LONGEST:
            break
    return sealed


def details(caller: Caller, decision: Decision, most: int = _MOST[0]) -> str:
    """The JSON of a denial; `failures` stays empty, for what could not be evaluated is no denial here."""
    request = decision.request
    statements = _statements(decision)
    principal = {"id": caller.user_id, "name": caller.name, "arn": caller.arn}
    if caller.kind != "user":
        del principal["name"]
    return json.dumps(
        {
            "allowed": decision.allowed,
            "explicitDeny": decision.explicit,
            "matchedStatements": _items(
                [_matched(match, statements, caller, most) for match in decision.matched[:most]], most
            ),
            "failures": _items((), 0),
            "context": {
                "principal": principal,
                "action": request.action,
                "resource": request.resource[:_LONGEST_RESOURCE],
                "conditions": _items((_values(spelt(key), given) for key, given in request.context.items()), most),
            },
        },
        separators=(",", ":"),
    )


def _statements(decision: Decision) -> Mapping[Source, tuple[Statement, ...]]:
    return {policy.source: policy.document.statements for policy in policies_in(decision.policies)}


def _matched(
    match: Match, statements: Mapping[Source, tuple[Statement, ...]], caller: Caller, most: int
) -> dict[str, Any]:
    statement = statements[match.policy][match.index]
    principals = [name for _, name in statement.principals] or [caller.id]
    return {
        "statementId": match.sid,
        "effect": match.effect.upper(),
        "principals": _items(map(_value, principals), most),
        "principalGroups": _items((), 0),
        "actions": _items(map(_value, statement.actions), most),
        "resources": _items(map(_value, statement.resources), most),
        "conditions": _items((_values(item.key, item.values) for item in statement.conditions), most),
    }


def _values(key: str, given: str | tuple[str, ...]) -> dict[str, Any]:
    return {"key": key, "values": _items(map(_value, (given,) if isinstance(given, str) else given), _MOST[0])}


def _value(value: str) -> dict[str, str]:
    return {"value": value[:_LONGEST_VALUE]}


def _items(items: Iterable[Mapping[str, Any]], most: int) -> dict[str, Any]:
    return {"items": list(items)[:most]}
