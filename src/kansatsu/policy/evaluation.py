"""Decides whether a request is allowed, and explains the decision when somebody asks.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from kansatsu.policy._compiled import Policy, PolicySet, Rule
from kansatsu.policy._conditions import given
from kansatsu.policy._principals import Reach, is_service_linked
from kansatsu.policy.model import (
    ALLOW,
    EXPLICIT_DENY,
    IMPLICIT_DENY,
    Condition,
    Limits,
    Match,
    PolicyType,
    Request,
    Verdict,
)
from kansatsu.policy.policies import (
    Policies,
    Said,
    beyond_limits,
    by_type,
    levels,
    limits_of,
    needs_nothing,
    own_policies,
)


class Decision:
    """Whether a request is allowed, and why.

    `explicit`: a Deny statement decided. `type`: the type of policy that denied or, when allowed, that granted; None
    when nothing had to grant (the root user in its own account, calls that need no permission). The rest is worked out
    when it is asked for.
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
    def unmet(self) -> tuple[tuple[Match, tuple[Condition, ...]], ...]:
        """Statements on this action and resource that did not apply, with the conditions that were not met."""
        pairs = ((rule, rule.unmet(self.request.context)) for rule in _concerned(self))
        return tuple((rule.match(), conditions) for rule, conditions in pairs if conditions)

    @cached_property
    def verdicts(self) -> Mapping[PolicyType, Verdict]:
        """What each type of policy that was there said."""
        return dict(by_type(_ask(self.request, self.policies), self.policies))

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


# As of verdicts: to name a member by its class is a call.
_IDENTITY = PolicyType.IDENTITY
_NOT_NAMED, _ACCOUNT, _ROLE, _SELF = Reach.NONE, Reach.ACCOUNT, Reach.ROLE, Reach.SELF
_ARTICLES = {PolicyType.IDENTITY: "an", PolicyType.TRUST: "the"}


def evaluate(request: Request, policies: Policies) -> Decision:
    """Decides one (action, resource) of a call. An API call that needs several must ask for each."""
    said = _ask(request, policies)
    explicit = said.denied
    if explicit:
        allowed = False
        decided = next((name for name, verdict in by_type(said, policies) if verdict is EXPLICIT_DENY), None)
    else:
        allowed, decided = _weigh(request, policies, said)
    if not allowed and not said.limited and needs_nothing(request):
        return Decision(request, policies, True, False, None)
    return Decision(request, policies, allowed, explicit, decided)


def _ask(request: Request, policies: Policies) -> Said:
    principal, action, resource, context = request.principal, request.action, request.resource, request.context
    rcp = scp = endpoint = identity = boundary = session = guarded = None
    reach, bounded, limited, narrowed = _NOT_NAMED, policies.boundary is not None, False, False
    guard = policies.guard
    if policies.rcps and not _above_rcps(request, policies):
        rcp = levels(policies.rcps, request)
    if policies.vpc_endpoint is not None:
        endpoint, _ = _guard(policies.vpc_endpoint, request, bounded, _least(request, policies))
    if guard is not None:
        guarded, reach = _guard(guard, request, bounded, _ACCOUNT)
    kind = principal.kind
    if kind in _PLAIN or own_policies(request):
        if policies.scps and not is_service_linked(principal.role_arn):
            scp = levels(policies.scps, request)
        identity = policies.identity.verdict(action, resource, context)
        if kind == "root" and identity is not EXPLICIT_DENY:
            identity = ALLOW  # the root user needs no policy
        if policies.boundary is not None:
            boundary = policies.boundary.rules.verdict(action, resource, context)
        if policies.session is not None or policies.limits is not None or kind == "federated":
            session, limited = _session(request, policies)
        if policies.scoped:
            session, narrowed = _scoped(session, request, policies)
    return Said(rcp, scp, endpoint, guarded, identity, boundary, session, reach, limited, narrowed)


_PLAIN = frozenset({"user", "role", "root"})  # kinds that have policies of their own, without a closer look


def _above_rcps(request: Request, policies: Policies) -> bool:
    """RCPs limit neither service-linked roles nor the services that assume them.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
    """
    assumed = policies.trust is not None and is_service_linked(request.resource)
    return is_service_linked(request.principal.role_arn) or (assumed and request.principal.kind == "service")


def _session(request: Request, policies: Policies) -> tuple[Verdict | None, bool]:
    """What the session policies say, and whether the kind of session rules the action out whatever is granted."""
    policy_set, limits = policies.session, limits_of(request, policies)
    said = None
    if policy_set is not None:
        said = policy_set.verdict(request.action, request.resource, request.context)
    if limits is None or said is EXPLICIT_DENY:
        return said, False
    if beyond_limits(request, limits):
        return IMPLICIT_DENY, True
    # A federated user has what its session policies allow, and without them nothing of its own.
    return (IMPLICIT_DENY if said is None and limits == Limits.FEDERATION else said), False


def _scoped(said: Verdict | None, request: Request, policies: Policies) -> tuple[Verdict, bool]:
    """The same with the policies by which the session was scoped down, and whether these do not allow.

    INVARIANT: what scopes a session down bounds also what the policy of a resource grants the session itself.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getscopedcredentials.html
    """
    verdict = levels(policies.scoped, request)
    if verdict is ALLOW or said is EXPLICIT_DENY:
        return said or ALLOW, False
    return verdict, True


def _least(request: Request, policies: Policies) -> Reach:
    """How directly the policy of an endpoint has to name the caller.

    In that of a gateway endpoint an account is its root user, and not all of its users and roles:
    https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html#vpc-endpoint-policies-gateway
    """
    return _ROLE if policies.gateway_endpoint and request.principal.kind != "root" else _ACCOUNT


def _guard(policy: Policy, request: Request, bounded: bool, least: Reach) -> tuple[Verdict, Reach]:
    """What the policy of the resource or role itself says about this caller, who is named no less than `least`."""
    principal, resource, context = request.principal, request.resource, request.context
    denies, allows = policy.rules.candidates(request.action)
    for rule in denies:
        if rule.reach(principal, bounded=bounded) >= least and rule.applies(resource, context):
            return EXPLICIT_DENY, _NOT_NAMED
    best = _NOT_NAMED
    for rule in allows:
        reach = rule.reach(principal)
        if reach > best and reach >= least and rule.applies(resource, context):
            best = reach
    return (ALLOW if best else IMPLICIT_DENY), best


def _weigh(request: Request, policies: Policies, said: Said) -> tuple[bool, PolicyType | None]:
    """The decision when nothing denies explicitly, and the type that granted or that failed to.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
    """
    reach, identity = said.reach, said.identity
    if said.rcp is IMPLICIT_DENY:
        return False, PolicyType.RCP
    if said.scp is IMPLICIT_DENY:
        return False, PolicyType.SCP
    if said.endpoint is IMPLICIT_DENY:
        return False, PolicyType.VPC_ENDPOINT
    if said.limited or said.narrowed:
        return False, PolicyType.SESSION
    if identity is None:
        return reach is not _NOT_NAMED, policies.guard_type
    cross = request.resource_account not in ("", request.principal.account)
    if reach is _SELF and not cross:
        return True, policies.guard_type
    if reach is _NOT_NAMED and (cross or _must_name(request, policies)):
        return False, policies.guard_type
    granted = reach is _ROLE and not cross  # by the guard: only boundary and session policy are above it
    if not granted and identity is not ALLOW:
        return False, _IDENTITY
    if said.boundary is IMPLICIT_DENY:
        return False, PolicyType.BOUNDARY
    if said.session is IMPLICIT_DENY:
        return False, PolicyType.SESSION
    if request.principal.kind == "root":
        return True, None
    return True, policies.guard_type if granted else _IDENTITY


def _must_name(request: Request, policies: Policies) -> bool:
    """Must the guard allow even in the same account? Trust policies and the policies of KMS keys must.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
    """
    return policies.trust is not None or (policies.resource is not None and request.action.lower().startswith("kms:"))


def _concerned(decision: Decision) -> Iterator[Rule]:
    """The rules whose principal, action and resource fit; whether their conditions do is open."""
    request, policies = decision.request, decision.policies
    own = own_policies(request)
    fitting: list[Rule] = []
    if not _above_rcps(request, policies):
        fitting += _all_candidates(policies.rcps, request)
    if own and not is_service_linked(request.principal.role_arn):
        fitting += _all_candidates(policies.scps, request)
    for guard, least in ((policies.vpc_endpoint, _least(request, policies)), (policies.guard, _ACCOUNT)):
        if guard is not None:
            fitting += _naming(guard, request, policies.boundary is not None, least)
    if own:
        sets = (
            policies.identity,
            policies.boundary.rules if policies.boundary else None,
            policies.session,
            *policies.scoped,
        )
        fitting += _all_candidates(sets, request)
    return (rule for rule in fitting if rule.concerns(request.resource, request.context))


def _naming(guard: Policy, request: Request, bounded: bool, least: Reach) -> Iterator[Rule]:
    """The rules that name the caller."""
    rules = _all_candidates((guard.rules,), request)
    return (rule for rule in rules if rule.reach(request.principal, bounded=bounded) >= least)


def _all_candidates(sets: Iterable[PolicySet | None], request: Request) -> Iterator[Rule]:
    for policy_set in sets:
        if policy_set is not None:
            denies, allows = policy_set.candidates(request.action)
            yield from denies
            yield from allows
