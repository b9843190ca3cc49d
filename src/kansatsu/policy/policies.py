"""What applies to one request: its policies, type by type, and the limits that the caller's kind of session brings."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from kansatsu.policy._compiled import Policy, PolicySet
from kansatsu.policy._principals import Reach, is_provider
from kansatsu.policy.model import ALLOW, EXPLICIT_DENY, Limits, PolicyType, Request, Verdict


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies that apply to a request.

    `session` None: not a session, or one without session policies; an empty set allows nothing. `resource` is the
    policy of the resource, `trust` the trust policy of the role that is to be assumed (then there is no `resource`).
    `scps` are those of the principal's account, `rcps` those of the resource's: one set for each level from the root
    of the organization down to the account, () where there is none or the account is the management account. Service
    principals and service-linked roles may come with them: evaluation leaves out what does not limit those.
    `vpc_endpoint` is the policy of the endpoint that the request came through; `gateway_endpoint`: that is one of the
    type Gateway (of S3 or DynamoDB), where an account as a principal is its root user alone. `limits` says how the
    session was made; that of a federated user need not be told. `scoped` are the policies by which the session was
    narrowed afterwards, one set for each time: they bound all that the session may do, whoever granted it.
    """

    identity: PolicySet
    boundary: Policy | None = None
    session: PolicySet | None = None
    resource: Policy | None = None
    trust: Policy | None = None
    scps: tuple[PolicySet, ...] = ()
    rcps: tuple[PolicySet, ...] = ()
    vpc_endpoint: Policy | None = None
    limits: Limits | None = None
    gateway_endpoint: bool = False
    scoped: tuple[PolicySet, ...] = ()

    def __post_init__(self) -> None:
        if self.resource is not None and self.trust is not None:
            raise ValueError("a role's trust policy is its resource policy: there cannot be both")

    @property
    def guard(self) -> Policy | None:
        """The policy of the resource or role itself."""
        return self.trust if self.trust is not None else self.resource

    def ask_for(self, action: str, prefixes: tuple[str, ...]) -> bool:
        """Whether any of them may ask about an action for a condition key that begins so; prefixes in lower case.

        What is costly to know is then looked up, and is not where this is false: no decision can depend on it.
        """
        return any(key.startswith(prefixes) for keys in self._asked(action) for key in keys)

    def ask(self, action: str) -> bool:
        """Whether any of them may ask about an action for any condition key; cheaper than `ask_for`."""
        return any(self._asked(action))

    def keys(self, action: str) -> frozenset[str]:
        """The condition keys, in lower case, that any of them may ask about an action."""
        return frozenset().union(*self._asked(action))

    def _asked(self, action: str) -> Iterator[frozenset[str]]:
        yield self.identity.keys(action)
        for guard in (self.boundary, self.resource, self.trust, self.vpc_endpoint):
            if guard is not None:
                yield guard.rules.keys(action)
        for policy_set in (*self.scps, *self.rcps, *self.scoped):
            yield policy_set.keys(action)
        if self.session is not None:
            yield self.session.keys(action)

    @property
    def guard_type(self) -> PolicyType:
        """What the guard is called."""
        return PolicyType.TRUST if self.trust is not None else PolicyType.RESOURCE


class Said(NamedTuple):
    """What each type said; None where it does not apply. `reach`: how the guard's Allow names the caller.

    `limited`: the caller's kind of session rules the action out; `narrowed`: a policy that scopes it down does.
    """

    rcp: Verdict | None
    scp: Verdict | None
    endpoint: Verdict | None
    guard: Verdict | None
    identity: Verdict | None
    boundary: Verdict | None
    session: Verdict | None
    reach: Reach
    limited: bool
    narrowed: bool = False

    @property
    def denied(self) -> bool:
        """Whether a type denies explicitly."""
        return (
            self.identity is EXPLICIT_DENY
            or self.guard is EXPLICIT_DENY
            or self.scp is EXPLICIT_DENY
            or self.rcp is EXPLICIT_DENY
            or self.boundary is EXPLICIT_DENY
            or self.session is EXPLICIT_DENY
            or self.endpoint is EXPLICIT_DENY
        )


def by_type(said: Said, policies: Policies) -> Iterator[tuple[PolicyType, Verdict]]:
    """The verdicts that there are, in the order in which a denial names them.

    That is the order of https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html;
    VPC endpoint policies are not in its figure and stand where a request meets them, before what it asks for.
    """
    types = (
        PolicyType.RCP,
        PolicyType.SCP,
        PolicyType.VPC_ENDPOINT,
        policies.guard_type,
        PolicyType.IDENTITY,
        PolicyType.BOUNDARY,
        PolicyType.SESSION,
    )
    return ((name, verdict) for name, verdict in zip(types, said[:7], strict=True) if verdict is not None)


def levels(sets: tuple[PolicySet, ...], request: Request) -> Verdict:
    """What sets say that must all allow: of an organization every level from its root down to the account.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
    """
    verdict = ALLOW
    for level in sets:
        said = level.verdict(request.action, request.resource, request.context)
        if said is EXPLICIT_DENY:
            return said
        if said is not ALLOW:
            verdict = said
    return verdict


def own_policies(request: Request) -> bool:
    """Has the caller policies of its own? Services, strangers and what providers vouch for have none."""
    kind = request.principal.kind
    return kind not in {"service", "anonymous"} and not is_provider(request.principal)


def limits_of(request: Request, policies: Policies) -> Limits | None:
    """How the session of a caller with policies of its own was made, as far as it limits it.

    INVARIANT: a federated user is limited even where nobody says so, since it comes from GetFederationToken only.
    """
    return Limits.FEDERATION if request.principal.kind == "federated" else policies.limits


def beyond_limits(request: Request, limits: Limits) -> bool:
    """Is this an action that such a session never may do?

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getsessiontoken.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getfederationtoken.html
    INVARIANT: none of them makes a key that lasts, by an operation of ours as little as by one of IAM.
    """
    service, _, name = request.action.lower().partition(":")
    if service == "sts":
        return name not in _STS[limits]
    if service != "iam" and not (service == "kansatsu" and name in _MAKE_KEYS):
        return False
    mfa = request.context.get("aws:multifactorauthpresent")
    return limits == Limits.FEDERATION or mfa != "true"


_STS = {
    Limits.SESSION_TOKEN: frozenset({"assumerole", "getcalleridentity", "getscopedcredentials"}),
    Limits.FEDERATION: frozenset({"getcalleridentity", "getscopedcredentials"}),
}

_MAKE_KEYS = frozenset({"createaccount", "createrootaccesskey"})

_FREE = frozenset({"sts:getcalleridentity", "sts:getsessiontoken"})


def is_free(action: str) -> bool:
    """Is it an action that needs no permission, whatever policies say of it?

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getsessiontoken.html
    """
    return action.lower() in _FREE


def needs_nothing(request: Request) -> bool:
    """Is this a call that every authenticated caller may make, whatever the policies say?"""
    return is_free(request.action) and own_policies(request)
