"""Decides whether a request is allowed, and explains the decision when somebody asks.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from kansatsu.policy._compiled import Policy, PolicySet, Rule
from kansatsu.policy._conditions import given
from kansatsu.policy._principals import Reach, is_provider
from kansatsu.policy.model import Match, PolicyType, Request, Verdict


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies that apply to a request.

    `session` None: not a session, or one without session policies; an empty set allows nothing. `resource` is the
    policy of the resource, `trust` the trust policy of the role that is to be assumed (then there is no `resource`).
    """

    identity: PolicySet
    boundary: Policy | None = None
    session: PolicySet | None = None
    resource: Policy | None = None
    trust: Policy | None = None

    def __post_init__(self) -> None:
        if self.resource is not None and self.trust is not None:
            raise ValueError("a role's trust policy is its resource policy: there cannot be both")


class Decision:
    """Whether a request is allowed, and why.

    `explicit`: a Deny statement decided. `type`: the type of policy that denied or, when allowed, that granted; None
    when nothing had to grant (the root user in its own account). The rest is worked out when it is asked for.
    """

    def __init__(self, request: Request, policies: Policies, allowed: bool, explicit: bool, type: PolicyType | None):
        self.request, self.policies = request, policies
        self.allowed, self.explicit, self.type = allowed, explicit, type

    def __repr__(self) -> str:
        return f"Decision(allowed={self.allowed}, explicit={self.explicit}, type={self.type!r})"

    @cached_property
    def matched(self) -> tuple[Match, ...]:
        """Every statement that applied, of all types, in the order of evaluation."""
        request = self.request
        return tuple(rule.match() for rule in _concerned(self) if rule.applies(request.resource, request.context))

    @cached_property
    def verdicts(self) -> Mapping[PolicyType, Verdict]:
        """What each type of policy that was there said."""
        return dict(_by_type(_ask(self.request, self.policies), self.policies))

    @cached_property
    def missing_keys(self) -> tuple[str, ...]:
        """Condition keys, as written, that statements asked for and the request did not have."""
        context = self.request.context
        keys = (
            condition.key
            for rule in _concerned(self)
            for condition in rule.statement.conditions
            if not given(context, condition.key.lower())
        )
        return tuple(dict.fromkeys(keys))

    def reason(self, action: str) -> str:
        """The end of AWS's denial message, "" when the request is allowed.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
        """
        if self.allowed or self.type is None:
            return ""
        if self.explicit:
            return f"with an explicit deny in {_ARTICLES.get(self.type, 'a')} {self.type}"
        return f"because no {self.type} allows the {action} action"


_ARTICLES = {PolicyType.IDENTITY: "an", PolicyType.TRUST: "the"}


def evaluate(request: Request, policies: Policies) -> Decision:
    """Decides one (action, resource) of a call. An API call that needs several must ask for each."""
    said = _ask(request, policies)
    if Verdict.EXPLICIT_DENY in said:
        denying = next(name for name, verdict in _by_type(said, policies) if verdict is Verdict.EXPLICIT_DENY)
        return Decision(request, policies, False, True, denying)
    allowed, decided = _weigh(request, policies, said)
    return Decision(request, policies, allowed, False, decided)


class _Said(NamedTuple):
    """What each type said; None where it does not apply. `reach`: how the guard's Allow names the caller."""

    guard: Verdict | None
    reach: Reach
    identity: Verdict | None
    boundary: Verdict | None
    session: Verdict | None


def _ask(request: Request, policies: Policies) -> _Said:
    principal, action, resource, context = request.principal, request.action, request.resource, request.context
    guard = policies.trust or policies.resource
    verdict, reach = (None, Reach.NONE) if guard is None else _guard(guard, request, policies.boundary is not None)
    kind = principal.kind
    if kind in _WITHOUT_POLICIES or (kind == "federated" and is_provider(principal)):
        return _Said(verdict, reach, None, None, None)
    identity = policies.identity.verdict(action, resource, context)
    if kind == "root" and identity is not Verdict.EXPLICIT_DENY:
        identity = Verdict.ALLOW  # the root user needs no policy
    boundary = policies.boundary.rules.verdict(action, resource, context) if policies.boundary is not None else None
    session = policies.session.verdict(action, resource, context) if policies.session is not None else None
    return _Said(verdict, reach, identity, boundary, session)


_WITHOUT_POLICIES = frozenset({"service", "anonymous"})


def _guard(policy: Policy, request: Request, bounded: bool) -> tuple[Verdict, Reach]:
    """What the policy of the resource or role itself says about this caller."""
    principal, resource, context = request.principal, request.resource, request.context
    denies, allows = policy.rules.candidates(request.action)
    for rule in denies:
        if rule.reach(principal, bounded=bounded) and rule.applies(resource, context):
            return Verdict.EXPLICIT_DENY, Reach.NONE
    best = Reach.NONE
    for rule in allows:
        reach = rule.reach(principal)
        if reach > best and rule.applies(resource, context):
            best = reach
    return (Verdict.ALLOW if best else Verdict.IMPLICIT_DENY), best


def _weigh(request: Request, policies: Policies, said: _Said) -> tuple[bool, PolicyType | None]:
    """The decision when nothing denies explicitly, and the type that granted or that failed to.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
    """
    reach, guard = said.reach, _guard_type(policies)
    if said.identity is None:
        return reach is not Reach.NONE, guard
    cross = request.resource_account not in ("", request.principal.account)
    if reach is Reach.SELF and not cross:
        return True, guard
    if reach is Reach.NONE and (cross or _must_name(request, policies)):
        return False, guard
    granted = reach is Reach.ROLE and not cross  # by the guard: only boundary and session policy are above it
    if not granted and said.identity is not Verdict.ALLOW:
        return False, PolicyType.IDENTITY
    if said.boundary is Verdict.IMPLICIT_DENY:
        return False, PolicyType.BOUNDARY
    if said.session is Verdict.IMPLICIT_DENY:
        return False, PolicyType.SESSION
    if request.principal.kind == "root":
        return True, None
    return True, guard if granted else PolicyType.IDENTITY


def _must_name(request: Request, policies: Policies) -> bool:
    """Must the guard allow even in the same account? Trust policies and the policies of KMS keys must.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
    """
    return policies.trust is not None or (policies.resource is not None and request.action.lower().startswith("kms:"))


def _guard_type(policies: Policies) -> PolicyType:
    return PolicyType.TRUST if policies.trust is not None else PolicyType.RESOURCE


def _by_type(said: _Said, policies: Policies) -> Iterator[tuple[PolicyType, Verdict]]:
    """The verdicts that there are, in the order in which a denial names them."""
    types = (_guard_type(policies), PolicyType.IDENTITY, PolicyType.BOUNDARY, PolicyType.SESSION)
    verdicts = (said.guard, said.identity, said.boundary, said.session)
    return ((name, verdict) for name, verdict in zip(types, verdicts, strict=True) if verdict is not None)


def _concerned(decision: Decision) -> Iterator[Rule]:
    """The rules whose principal, action and resource fit; whether their conditions do is open."""
    request, policies = decision.request, decision.policies
    guard, bounded = policies.trust or policies.resource, policies.boundary is not None
    fitting = (
        []
        if guard is None
        else [
            rule
            for rule in _candidates(guard.rules, request)
            if rule.reach(request.principal, bounded=bounded and rule.deny)
        ]
    )
    if _ask(request, policies).identity is not None:
        own = (policies.identity, policies.boundary.rules if policies.boundary else None, policies.session)
        fitting += [rule for policy_set in own if policy_set is not None for rule in _candidates(policy_set, request)]
    return (rule for rule in fitting if rule.concerns(request.resource, request.context))


def _candidates(policy_set: PolicySet, request: Request) -> tuple[Rule, ...]:
    denies, allows = policy_set.candidates(request.action)
    return denies + allows
