"""When a bucket policy is public, for Block Public Access.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
"""

import ipaddress
import re
from collections.abc import Callable

from kansatsu.policy import Condition, Document, Statement

# Operators that hold a key to their values; with IfExists, or negated, they say nothing of who is kept out.
_FIXING = frozenset({"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress"})
_QUALIFIER = "foranyvalue:"
_ACCESS_POINTS = re.compile(r"arn:aws[a-z-]*:s3:[a-z0-9-]+:[0-9]{12}:accesspoint/[^$]+", re.ASCII)
_BROADEST = {4: 8, 6: 32}


def is_public(document: Document) -> bool:
    """Does the policy grant anything to others than fixed principals or sources?"""
    return any(statement.effect == "Allow" and _open(statement) for statement in document.statements)


def _open(statement: Statement) -> bool:
    everybody = statement.not_principal or any(
        kind in ("*", "Federated") or not _fixed(value) for kind, value in statement.principals
    )
    return everybody and not any(_narrows(condition) for condition in statement.conditions)


def _narrows(condition: Condition) -> bool:
    operator = condition.operator.lower().removeprefix(_QUALIFIER)
    narrow = _KEYS.get(condition.key.lower())
    return narrow is not None and operator in _FIXING and all(map(narrow, condition.values))


def _fixed(value: str) -> bool:
    return not any(sign in value for sign in ("*", "?", "${"))


def _networks(value: str) -> bool:
    """Private ranges, and public ones of at most /8 (IPv4) or /32 (IPv6)."""
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return network.prefixlen >= _BROADEST[network.version]


def _access_points(value: str) -> bool:
    """The name may have a wildcard, the account may not."""
    return bool(_ACCESS_POINTS.fullmatch(value))


_KEYS: dict[str, Callable[[str], bool]] = {
    **dict.fromkeys(
        (
            *("aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount"),
            *("aws:principalorgid", "aws:principalarn", "aws:principalaccount", "aws:userid"),
            *("s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:dataaccesspointaccount"),
        ),
        _fixed,
    ),
    "aws:sourceip": _networks,
    "s3:dataaccesspointarn": _access_points,
}
