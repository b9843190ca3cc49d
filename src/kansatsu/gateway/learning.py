"""Sessions that learn: what they may do is decided by the rights of their starter, not by the Allows of their role."""

from dataclasses import dataclass, replace
from datetime import datetime

from kansatsu.errors import AccessDenied
from kansatsu.gateway.authentication import Authenticator, Identity
from kansatsu.identity import Snapshot
from kansatsu.policy import Decision, Policies, evaluate
from kansatsu.services.callers import bounding_policies, learning_policies, policies_of
from kansatsu.workload import Workload


@dataclass(frozen=True, slots=True)
class Bound:
    """The starter as of now, and its policies; `own` is what the role of the session still says.

    `further` is the policy that the starter gave as a bound, None without.
    """

    own: Policies
    starter: Identity
    policies: Policies
    further: Policies | None

    @property
    def deciding(self) -> tuple[Policies, ...]:
        """All that must allow a request."""
        return (self.own, self.policies) if self.further is None else (self.own, self.policies, self.further)

    def within(self, decision: Decision) -> Decision:
        """The decision on the starter, or that of the further bound where the starter is allowed.

        INVARIANT: the bound is asked after the starter and without the policies of resources: it grants nothing, and
        nothing but itself opens it, not even a resource policy that names the starter.
        """
        if self.further is None or not decision.allowed:
            return decision
        return evaluate(replace(decision.request, resource_account=""), self.further)


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
    further = bounding_policies(starter.bound, snapshot) if starter is not None and starter.bound is not None else None
    own, policies = learning_policies(identity.caller, snapshot), policies_of(present.caller, snapshot)
    return Bound(own, present, policies, further)
