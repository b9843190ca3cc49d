"""How many of each thing there may be: AWS's quotas by the names in its error messages, and what a setting changes.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sqlalchemy import Connection

from kansatsu.errors import LimitExceeded
from kansatsu.identity import tally

DEFAULTS: Mapping[str, int] = MappingProxyType(
    {
        "UsersPerAccount": 5000,
        "GroupsPerAccount": 300,
        "RolesPerAccount": 1000,
        "PoliciesPerAccount": 1500,
        "InstanceProfilesPerAccount": 1000,
        "ServerCertificatesPerAccount": 20,
        "VirtualMFADevicesPerAccount": 5000,
        "OpenIdConnectProvidersPerAccount": 100,
        "SAMLProvidersPerAccount": 100,
        "PoliciesPerUser": 10,
        "PoliciesPerGroup": 10,
        "PoliciesPerRole": 10,
        "GroupsPerUser": 10,
        "AccessKeysPerUser": 2,
        "ACLSizePerRole": 2048,  # characters of a trust policy, without white space
    }
)
# What AWS raises some of them to on request, on the same page.
_RAISED: Mapping[str, int] = MappingProxyType(
    {
        "GroupsPerAccount": 500,
        "RolesPerAccount": 10_000,
        "PoliciesPerAccount": 10_000,
        "InstanceProfilesPerAccount": 10_000,
        "PoliciesPerUser": 20,
        "PoliciesPerRole": 25,
        "ACLSizePerRole": 8192,
    }
)


@dataclass(frozen=True, slots=True)
class Quotas:
    """`changed`: those that are not AWS's own; None is no limit."""

    changed: Mapping[str, int | None] = field(default_factory=dict)

    def of(self, name: str) -> int | None:
        """The limit, or None where there is none."""
        return self.changed.get(name, DEFAULTS[name])

    def raised(self) -> "Quotas":
        """Those that an account of AWS may have been granted, except where a setting says how many there may be."""
        return Quotas({**_RAISED, **self.changed})

    def check(self, name: str, wanted: int) -> None:
        """Raises LimitExceeded where so many, or so much, are more than the quota."""
        limit = self.of(name)
        if limit is not None and wanted > limit:
            raise LimitExceeded(f"Cannot exceed quota for {name}: {limit}")

    def check_room(self, name: str, conn: Connection, account: str, kind: str) -> None:
        """Raises LimitExceeded where the account holds as many of a kind as the quota.

        INVARIANT: writes are one at a time, so that nobody adds one between this look and the caller's insert.
        """
        if self.of(name) is not None:
            self.check(name, tally.held(conn, account, kind) + 1)


AWS = Quotas()
