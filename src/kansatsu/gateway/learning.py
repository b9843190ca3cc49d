"""Sessions that learn: what they may do is decided by the rights of their starter, not by the Allows of their role."""

from dataclasses import dataclass
from datetime import datetime

from kansatsu.errors import AccessDenied
from kansatsu.gateway.authentication import Authenticator, Identity
from kansatsu.identity import Snapshot
from kansatsu.policy import Policies
from kansatsu.services.callers import learning_policies, policies_of
from kansatsu.workload import Workload


@dataclass(frozen=True, slots=True)
class Bound:
    """The starter as of now, and its policies; `own` is what the role of the session still says."""

    own: Policies
    starter: Identity
    policies: Policies


def bound_of(
    identity: Identity, workload: Workload, authenticator: Authenticator, snapshot: Snapshot, now: datetime
) -> Bound | None:
    """What bounds a session that learns; None for every other one.

    INVARIANT: a session that learns never exceeds its starter: every request is decided anew by what the starter's own
    credentials and policies allow at that moment, and when they or the process are gone nothing is allowed.
    """
    if not (handle := identity.caller.learning):
        return None
    process = workload.processes.named(identity.caller.account, handle)
    starter = process.starter if process is not None else None
    present = authenticator.present(starter, snapshot, now) if starter is not None else None
    if present is None:
        raise AccessDenied(f"{identity.caller.arn} learns no more: who started it, or the process, is gone.")
    return Bound(learning_policies(identity.caller, snapshot), present, policies_of(present.caller, snapshot))
