"""What a snapshot hands out: small immutable values, ready for authentication and evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass

from kansatsu.identity.sealing import Secret
from kansatsu.policy import Policy, PolicySet


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A long-term key. `status` is AWS's: Active or Inactive; the caller must refuse any but Active."""

    id: str
    secret: Secret
    status: str
    account: str
    user_id: str
    created: float  # epoch seconds


@dataclass(frozen=True, slots=True)
class EntityRecord:
    """A user, group or role. `trust` is a role's compiled trust policy; durations are seconds, times epoch seconds."""

    id: str
    account: str
    kind: str  # user | group | role
    name: str
    path: str
    arn: str
    created: float
    tags: Mapping[str, str]
    boundary_arn: str | None
    trust: Policy | None
    max_session_duration: int
    description: str | None = None
    max_signin_duration: int | None = None  # None: unset


@dataclass(frozen=True, slots=True)
class EntityPolicies:
    """All that grants or limits an entity by itself: inline, managed and through groups; its boundary."""

    identity: PolicySet
    boundary: Policy | None = None
