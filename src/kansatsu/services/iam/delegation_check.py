"""Whether the caller itself may do what a delegation request asks for: about, as AWS says of its own check.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetDelegationRequest.html
"""

import json
from itertools import product

from kansatsu.policy import Request, evaluate
from kansatsu.services import callers
from kansatsu.services.registry import Call


def checked(call: Call, text: str) -> str:
    """ALLOWED, DENIED, or UNSURE where the policy speaks of more than single actions."""
    statements = json.loads(text)["Statement"]
    allows = [one for one in _listed(statements) if one["Effect"] == "Allow"]
    principal = callers.principal_of(call.caller, call.snapshot)
    own = callers.policies_of(call.caller, call.snapshot)
    sure = True
    for one in allows:
        actions, resources = _listed(one.get("Action", "*")), _listed(one.get("Resource", "*"))
        sure = sure and not any("*" in action or "?" in action for action in actions) and "Condition" not in one
        for action, resource in product(actions, resources):
            if not evaluate(Request(principal, action, resource, call.context), own).allowed:
                return "DENIED" if sure else "UNSURE"
    return "ALLOWED" if sure else "UNSURE"


def _listed(value: object) -> list:  # type: ignore[type-arg]  # of whatever JSON has
    return value if isinstance(value, list) else [value]
