"""Trust policies: checked, kept with principals as unique ids, shown with principals as ARNs.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

import re
from collections.abc import Callable
from functools import lru_cache

from sqlalchemy import Connection

from kansatsu import arn
from kansatsu.errors import LimitExceeded, MalformedPolicyDocument
from kansatsu.identity import entities
from kansatsu.policy import PolicyType, parse, with_principals

SIZE = 2048  # characters without white space; the default of the quota
_ACCOUNT = re.compile(r"\d{12}")
_UNIQUE_ID = re.compile(r"\bA(?:IDA|ROA)[A-Z0-9]{12,}\b")
_SERVICE = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?\.amazonaws\.com(\.cn)?")
_WEB_PROVIDERS = frozenset(
    {"cognito-identity.amazonaws.com", "accounts.google.com", "graph.facebook.com", "www.amazon.com"}
)
_PROVIDER = re.compile(r"arn:aws:iam::\d{12}:(oidc|saml)-provider/.+")


def stored(conn: Connection, text: str) -> str:
    """A trust policy as it is kept. Raises MalformedPolicyDocument, LimitExceeded.

    INVARIANT: users and roles are kept as unique ids, so that whoever recreates one under the same name does not
    inherit the trust that the old one had.
    """
    document = parse(text, PolicyType.TRUST)
    if document.size > SIZE:
        raise LimitExceeded(f"Cannot exceed quota for ACLSizePerRole: {SIZE}")
    named = {pair for statement in document.statements for pair in statement.principals if pair[0] != "*"}
    kept = {value: _kept(conn, kind, value) for kind, value in sorted(named)}
    return with_principals(text, kept)


def shown(text: str, arn_of: Callable[[str], str | None]) -> str:
    """A kept trust policy with the ARNs of the principals that still exist; ids stay where they do not."""
    found = ((unique_id, arn_of(unique_id)) for unique_id in _UNIQUE_ID.findall(text))
    known = frozenset((unique_id, name) for unique_id, name in found if name is not None)
    return _replaced(text, known) if known else text


@lru_cache(1024)
def _replaced(text: str, known: frozenset[tuple[str, str]]) -> str:
    return with_principals(text, dict(known))


def _kept(conn: Connection, kind: str, value: str) -> str:
    kept = _CHECKS[kind](conn, value) if kind in _CHECKS else None
    if kept is None:
        label = "AWS" if kind == "AWS" else kind.upper()
        raise MalformedPolicyDocument(f'Invalid principal in policy: "{label}":"{value}"')
    return kept


def _kept_aws(conn: Connection, value: str) -> str | None:
    if value == "*":
        return value
    if _ACCOUNT.fullmatch(value):
        return arn.iam(value, "root")
    if _UNIQUE_ID.fullmatch(value):
        return value if entities.by_id(conn, value) is not None else None
    parsed = arn.Arn.parse(value)
    if parsed is None or parsed.partition != arn.PARTITION or not _ACCOUNT.fullmatch(parsed.account):
        return None
    kind, _, rest = parsed.resource.partition("/")
    if parsed.service == "sts" and kind in ("assumed-role", "federated-user"):
        return value if rest and "*" not in rest else None
    if parsed.service != "iam":
        return None
    if parsed.resource == "root":
        return value
    if kind not in ("user", "role"):
        return None
    found = entities.find(conn, parsed.account, kind, rest.rpartition("/")[2])
    return found.id if found is not None and found.arn == value else None


def _kept_service(_conn: Connection, value: str) -> str | None:
    return value if _SERVICE.fullmatch(value) else None


def _kept_federated(_conn: Connection, value: str) -> str | None:
    return value if value in _WEB_PROVIDERS or _PROVIDER.fullmatch(value) else None


_CHECKS: dict[str, Callable[[Connection, str], str | None]] = {
    "AWS": _kept_aws,
    "Service": _kept_service,
    "Federated": _kept_federated,
}
