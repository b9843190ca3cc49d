"""Who a Principal element means.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

import re
from enum import IntEnum

from kansatsu.policy.model import Principal

ACCOUNT_ID = re.compile(r"[0-9]{12}", re.ASCII)
UNIQUE_ID = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{12,}", re.ASCII)
_LINKED = re.compile(r"arn:[^:]+:iam::[0-9]{12}:role/aws-service-role/", re.ASCII)
_ROOT = re.compile(r"arn:[^:]+:iam::([0-9]{12}):root", re.ASCII)


class Reach(IntEnum):
    """How directly a Principal element names a caller; what it needs besides depends on it (rule 5 of evaluation)."""

    NONE = 0
    ACCOUNT = 1  # the account is named: its own policies must allow too
    ROLE = 2  # the role is named: its sessions stay under boundary and session policy
    SELF = 3  # the very user, session or service, or everybody


class Principals:
    """A compiled Principal or NotPrincipal."""

    __slots__ = ("_accounts", "_everybody", "_names", "_providers", "_services")

    def __init__(self, entries: tuple[tuple[str, str], ...]):
        aws = {value for kind, value in entries if kind == "AWS"}
        self._everybody = any(value == "*" for kind, value in entries if kind in {"*", "AWS"})
        self._accounts = frozenset(account for value in aws if (account := account_of(value)))
        # INVARIANT: a unique id matches only the entity that bears it, so that a recreated one inherits nothing.
        self._names = frozenset(value for value in aws if not account_of(value))
        self._services = frozenset(value for kind, value in entries if kind == "Service")
        self._providers = frozenset(value for kind, value in entries if kind == "Federated")

    def reach(self, principal: Principal) -> Reach:
        """How a Principal element with these entries names the caller."""
        if self._everybody:
            return Reach.SELF
        if principal.kind == "service":
            return Reach.SELF if principal.arn in self._services else Reach.NONE
        if is_provider(principal):
            return Reach.SELF if principal.arn in self._providers else Reach.NONE
        names = self._names
        # Whoever asks about a role and not about a session of it (the simulator) asks about all of its sessions.
        if principal.arn in names and principal.arn != principal.role_arn:
            return Reach.SELF
        if principal.role_arn and (principal.role_arn in names or entity_id(principal) in names):
            return Reach.ROLE
        if principal.id in names:
            return Reach.SELF
        return Reach.ACCOUNT if principal.account in self._accounts else Reach.NONE

    def excludes(self, principal: Principal) -> bool:
        """Does a NotPrincipal element with these entries leave the caller out? Every identity of it must be listed.

        A user is itself and its account; a session is itself, its role and its account:
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
        """
        if self._everybody:
            return True
        reach = self.reach(principal)
        if not principal.account:  # a service, a provider or nobody
            return reach is Reach.SELF
        if principal.account not in self._accounts:
            return False
        if principal.kind == "root":
            return True
        role = not principal.role_arn or bool(self._names & {principal.role_arn, entity_id(principal)})
        return reach is Reach.SELF and role


def account_of(value: str) -> str:
    """The account that a principal string of an account means ("123456789012" or its root ARN), else ""."""
    if ACCOUNT_ID.fullmatch(value):
        return value
    match = _ROOT.fullmatch(value)
    return match.group(1) if match else ""


def entity_id(principal: Principal) -> str:
    """AROA... of a session whose id is given as `AROA...:session`."""
    return principal.id.partition(":")[0]


def is_provider(principal: Principal) -> bool:
    """Is the caller known only through an identity provider (AssumeRoleWithWebIdentity, AssumeRoleWithSAML)?"""
    return principal.kind == "federated" and ":federated-user/" not in principal.arn


def is_service_linked(role_arn: str) -> bool:
    """Is it a service-linked role, whose sessions SCPs and RCPs do not limit?

    INVARIANT: by the beginning of its path: "/x:role/aws-service-role/" is a path that anybody may choose.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
    """
    return _LINKED.match(role_arn) is not None
