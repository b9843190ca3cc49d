"""Principals of policies that are stored: users and roles as unique ids, shown again as ARNs.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from kansatsu import arn
from kansatsu.catalog import principals as service_principals
from kansatsu.policy import Document, with_principals

_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
UNIQUE_ID = re.compile(r"\bA(?:IDA|ROA)[A-Z0-9]{12,}\b")
_SERVICE = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?\.amazonaws\.com(\.cn)?", re.ASCII)
_WEB_PROVIDERS = frozenset(
    {"cognito-identity.amazonaws.com", "accounts.google.com", "graph.facebook.com", "www.amazon.com"}
)
_PROVIDER = re.compile(r"arn:aws:iam::\d{12}:(oidc|saml)-provider/.+", re.ASCII)


class InvalidPrincipal(ValueError):
    """A principal that there is none of: its `kind` ("AWS", "Service"...) and `value`."""

    def __init__(self, kind: str, value: str) -> None:
        super().__init__(value)
        self.kind, self.value = kind, value

    def __str__(self) -> str:
        label = "AWS" if self.kind == "AWS" else self.kind.upper()
        return f'Invalid principal in policy: "{label}":"{self.value}"'


class Named(Protocol):
    """A user or role."""

    @property
    def id(self) -> str: ...
    @property
    def arn(self) -> str: ...


@dataclass(frozen=True, slots=True)
class People:
    """Where users and roles are looked up: by unique id, and by account, kind and name."""

    by_id: Callable[[str], Named | None]
    find: Callable[[str, str, str], Named | None]

    def arn_of(self, unique_id: str) -> str | None:
        """The ARN of a user or role, None where there is none any more."""
        found = self.by_id(unique_id)
        return found.arn if found is not None else None


def stored(document: Document, people: People) -> str:
    """The text of a policy as it is kept. Raises InvalidPrincipal for who does not exist.

    INVARIANT: users and roles are kept as unique ids, so that whoever recreates one under the same name does not
    inherit what the old one had.
    """
    named = {pair for statement in document.statements for pair in statement.principals if pair[0] != "*"}
    return with_principals(document.text, {value: kept(kind, value, people) for kind, value in sorted(named)})


def shown(text: str, arn_of: Callable[[str], str | None]) -> str:
    """A kept policy with the ARNs of the principals that still exist; ids stay where they do not."""
    found = ((unique_id, arn_of(unique_id)) for unique_id in UNIQUE_ID.findall(text))
    known = frozenset((unique_id, name) for unique_id, name in found if name is not None)
    return _replaced(text, known) if known else text


@lru_cache(1024)
def _replaced(text: str, known: frozenset[tuple[str, str]]) -> str:
    return with_principals(text, dict(known))


def kept(kind: str, value: str, people: People) -> str:
    """One principal as it is kept. Raises InvalidPrincipal."""
    found = _CHECKS[kind](value, people) if kind in _CHECKS else None
    if found is None:
        raise InvalidPrincipal(kind, value)
    return found


def _aws(value: str, people: People) -> str | None:
    if value == "*":
        return value
    if _ACCOUNT.fullmatch(value):
        return arn.iam(value, "root")
    if UNIQUE_ID.fullmatch(value):
        return value if people.by_id(value) is not None else None
    parsed = arn.Arn.parse(value)
    if parsed is not None and (parsed.service, parsed.account) == ("iam", "cloudfront"):
        return value  # of CloudFront, before there was origin access control; only resource policies may name it
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
    found = people.find(parsed.account, kind, rest.rpartition("/")[2])
    return found.id if found is not None and found.arn == value else None


def _service(value: str, _people: People) -> str | None:
    """AWS takes no service that there is not; here one is refused that is plainly a slip of another."""
    return value if _SERVICE.fullmatch(value) and not service_principals.meant(value) else None


def _federated(value: str, _people: People) -> str | None:
    return value if value in _WEB_PROVIDERS or _PROVIDER.fullmatch(value) else None


_CHECKS: dict[str, Callable[[str, People], str | None]] = {"AWS": _aws, "Service": _service, "Federated": _federated}
