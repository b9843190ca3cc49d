"""Grants of KMS keys as statements beside the key's policy.

https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kansatsu.catalog.kms_keys import RETIRED, SPELT
from kansatsu.policy import Policy, dump
from kansatsu.resources.facts import Place
from kansatsu.resources.kinds import compiled

Grant = Mapping[str, Any]
# A grant that lets its grantee make grants lets it make none that gives more than itself; that is not decided here yet,
# so that it lets nobody make any. RetireGrant is of this one grant.
_APART = frozenset({"CreateGrant", "RetireGrant"})


def with_grants(place: Place, policy: Policy, grants: Iterable[Grant]) -> Policy:
    """The key policy with what its grants allow. Raises MalformedPolicyDocument for a grant nobody understands."""
    statements = [statement for grant in grants for statement in (_statement(grant, place), *_retiring(grant, place))]
    statements = list(filter(None, statements))
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
    operations = [name for name in grant.get("Operations") or () if name not in _APART]
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
        conditions: dict[str, dict[str, Any]] = {"StringEquals": {}}
        for key, value in pairs.items():
            conditions["StringEquals"][f"kms:EncryptionContext:{key}"] = value
            # INVARIANT: a constraint tells upper from lower case, where the name of a condition key does not.
            operator, spelt = ("Null", "true") if key == key.lower() else ("ForAnyValue:StringEquals", key)
            conditions.setdefault(operator, {})[f"{SPELT}{key}"] = spelt
        if equals:
            conditions["ForAllValues:StringEquals"] = {"kms:EncryptionContextKeys": list(pairs)}
        statement["Condition"] = conditions
    return statement


def _retiring(grant: Grant, place: Place) -> Iterator[dict[str, Any]]:
    """INVARIANT: whom a grant lets retire it retires no other.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_RetireGrant.html
    """
    grantee = grant["GranteePrincipal"] if "RetireGrant" in (grant.get("Operations") or ()) else None
    for principal in dict.fromkeys(filter(None, (grant.get("RetiringPrincipal"), grantee))):
        yield {
            "Sid": f"Retiring {grant['GrantId']}",
            "Effect": "Allow",
            "Principal": _principal(str(principal)),
            "Action": "kms:RetireGrant",
            "Resource": place.arn,
            "Condition": {"StringEquals": {RETIRED: str(grant["GrantId"])}},
        }


def _principal(grantee: str) -> dict[str, str]:
    return {"Service" if grantee.endswith((".amazonaws.com", ".amazonaws.com.cn")) else "AWS": grantee}
