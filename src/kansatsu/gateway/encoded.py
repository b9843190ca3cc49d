"""What an encoded authorization message says to who may decode it: why a request was refused, and its context.

https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html; the form of its JSON is that of
https://docs.aws.amazon.com/IAM/latest/UserGuide/sts_example_sts_DecodeAuthorizationMessage_section.html
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from kansatsu.policy import Decision
from kansatsu.services.registry import Caller

# What a client chooses (User-Agent, Referer) must not make the message longer than AWS lets it be.
_LONGEST_VALUE = 512


def details(caller: Caller, decision: Decision) -> str:
    """The JSON of a denial; `failures` stays empty, for what could not be evaluated is no denial here."""
    request = decision.request
    return json.dumps(
        {
            "allowed": decision.allowed,
            "explicitDeny": decision.explicit,
            "matchedStatements": _items(
                {"statementId": match.sid, "effect": match.effect.upper()} for match in decision.matched
            ),
            "failures": _items(()),
            "context": {
                "principal": {"id": caller.user_id, "arn": caller.arn},
                "action": request.action,
                "resource": request.resource,
                "conditions": _items(_conditions(request.context)),
            },
        },
        separators=(",", ":"),
    )


def _conditions(context: Mapping[str, str | tuple[str, ...]]) -> Iterable[dict[str, Any]]:
    for key, given in context.items():
        values = (given,) if isinstance(given, str) else given
        yield {"key": key, "values": _items({"value": value[:_LONGEST_VALUE]} for value in values)}


def _items(items: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {"items": list(items)}
