"""Grants of KMS keys as statements beside the key's policy.

https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from kansatsu.policy import Policy, dump
from kansatsu.resources.facts import Place
from kansatsu.resources.kinds import compiled

Grant = Mapping[str, Any]
# A grant that lets its grantee make grants lets it make none that gives more than itself; that is not decided here yet,
# so that it lets nobody make any.
_NOT_DECIDED = frozenset({"CreateGrant"})


def with_grants(place: Place, policy: Policy, grants: Iterable[Grant]) -> Policy:
    """The key policy with what its grants allow. Raises MalformedPolicyDocument for a grant nobody understands."""
    statements = [statement for grant in grants if (statement := _statement(grant, place))]
    if not statements:
        return policy
    document = json.loads(dump(policy.document))
    document["Statement"] += statements
    found = compiled(place, json.dumps(document))
    assert found is not None  # noqa: S101 - there is a text
    return found


def _statement(grant: Grant, place: Place) -> dict[str, Any] | None:
    """What a grant allows.

    INVARIANT: the grantee, the operations and this key, under all its constraints; a constraint that is not known here
    makes a grant that allows nothing.
    https://docs.aws.amazon.com/kms/latest/developerguide/create-grant-overview.html#grant-constraints
    """
    operations = [name for name in grant.get("Operations") or () if name not in _NOT_DECIDED]
    constraints = dict(grant.get("Constraints") or {})
    subset, equals = constraints.pop("EncryptionContextSubset", None), constraints.pop("EncryptionContextEquals", None)
    if not operations or constraints or (subset and equals) or equals == {}:
        return None
    statement: dict[str, Any] = {
        "Sid": f"Grant {grant['GrantId']}",
        "Effect": "Allow",
        "Principal": _principal(str(grant["GranteePrincipal"])),
        "Action": [f"kms:{name}" for name in operations],
        "Resource": place.arn,
    }
    pairs: dict[str, str] = subset or equals or {}
    if pairs:
        if any("$" in value or "*" in value or "?" in value for pair in pairs.items() for value in pair):
            return None  # a literal that a policy would read as a pattern
        statement["Condition"] = {
            "StringEquals": {f"kms:EncryptionContext:{key}": value for key, value in pairs.items()}
        }
        if equals:
            statement["Condition"]["ForAllValues:StringEquals"] = {"kms:EncryptionContextKeys": list(pairs)}
    return statement


def _principal(grantee: str) -> dict[str, str]:
    return {"Service" if grantee.endswith((".amazonaws.com", ".amazonaws.com.cn")) else "AWS": grantee}
