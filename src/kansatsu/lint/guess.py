"""Which type of policy a text is, as far as its elements tell."""

import json

from kansatsu.policy import PolicyType


def guess(text: str) -> PolicyType:
    """A document with principals is a trust policy when it is about STS only, else a resource-based policy.

    What has none is an identity-based policy: boundaries, session policies and SCPs look the same. So does what is no
    JSON.
    """
    try:
        top = json.loads(text)
    except (ValueError, RecursionError):
        return PolicyType.IDENTITY
    found = top.get("Statement") if isinstance(top, dict) else None
    statements = [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict)]
    if not any("Principal" in each or "NotPrincipal" in each for each in statements):
        return PolicyType.IDENTITY
    resources = any("Resource" in each or "NotResource" in each for each in statements)
    values = [each.get("Action") for each in statements]
    actions = [action for value in values for action in (value if isinstance(value, list) else [value])]
    sts = all(isinstance(action, str) and action.lower().startswith("sts:") for action in actions)
    return PolicyType.TRUST if sts and not resources else PolicyType.RESOURCE
