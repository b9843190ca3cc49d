"""The caller as the policy engine sees it: who it is, and every policy that bounds what it may do now."""

from collections.abc import Callable, Iterable
from functools import lru_cache

from kansatsu.errors import InternalFailure
from kansatsu.identity import Session, Snapshot
from kansatsu.identity.console import SOURCE as SIGNED_IN
from kansatsu.identity.delegations import ITSELF
from kansatsu.identity.delegations import SOURCE as DELEGATED
from kansatsu.policy import Limits, Policies, Policy, PolicySet, PolicyType, Principal, Source, compile_policy, parse
from kansatsu.services.registry import Caller


def principal_of(caller: Caller, snapshot: Snapshot) -> Principal:
    """The principal that policies name."""
    record = snapshot.entity(caller.id) if caller.kind in ("role", "federated") else None
    return Principal(caller.account, caller.arn, caller.kind, record.arn if record is not None else "", caller.id)


_ANYTHING = compile_policy(
    parse('{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'),
    Source(PolicyType.IDENTITY, name="learning"),
)


def learning_policies(caller: Caller, snapshot: Snapshot) -> Policies:
    """What limits a session that learns: its role's boundary and every Deny, in place of its Allows, and SCPs.

    This is no permission: whoever uses it decides by the policies of the starter as well (gateway.learning).
    """
    own = snapshot.policies(caller.id)
    scps = snapshot.scps(caller.account)
    return Policies(identity=PolicySet([*own.identity, _ANYTHING]), boundary=own.boundary, scps=scps)


def bounding_policies(bound: str | Policy, snapshot: Snapshot) -> Policies:
    """What a further bound allows: everything, limited by a managed policy (its ARN) or a policy as a session's is.

    INVARIANT: a managed policy that is gone allows nothing; the bound never falls away.
    """
    policy = snapshot.session_policy(bound) if isinstance(bound, str) else bound
    return Policies(identity=PolicySet([_ANYTHING]), session=policy.rules if policy is not None else PolicySet())


_NONE = Policies(PolicySet())

# How a session of each kind is limited.
# INVARIANT: a session of a user never does what GetSessionToken and GetFederationToken rule out, whatever is granted.
_LIMITS = {"user": Limits.SESSION_TOKEN, "federated": Limits.FEDERATION}


def limits_of(kind: str, *, as_itself: bool) -> Limits | None:
    """How a session of this kind is limited; who is the user itself, as on AWS in the console, is not."""
    return None if as_itself else _LIMITS.get(kind)


def is_itself(session: Session) -> bool:
    """Is it the user itself, signed in to the console, or as the approver of a delegation lends itself?"""
    return SIGNED_IN in session.source or session.source.get(DELEGATED) == ITSELF


def task_policies(arns: Iterable[str], find: Callable[[str], Policy | None]) -> PolicySet:
    """What bounds a session of a root user: AWS's policy of its task, which is Deny alone.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html
    INVARIANT: a task whose policy is gone has no bounds, so it is none: the request fails.
    """
    found = [find(each) for each in arns]
    if not found or None in found:
        raise InternalFailure("The policy of this privileged task is missing.")
    return PolicySet(policy for policy in found if policy is not None)


def scoping_policies(texts: Iterable[str], owner: str) -> tuple[PolicySet, ...]:
    """The policies by which a session was scoped down, each a bound of its own."""
    return tuple(PolicySet([_session_policy(text, owner, f"scope{at}")]) for at, text in enumerate(texts, 1))


@lru_cache(maxsize=512)
def _session_policy(text: str, owner: str, name: str = "") -> Policy:
    """A policy that a session carries, compiled; not anew for each of its requests."""
    return compile_policy(parse(text, PolicyType.SESSION), Source(PolicyType.SESSION, owner=owner, name=name))


def policies_of(caller: Caller, snapshot: Snapshot) -> Policies:
    """All policies of a caller: identity, boundary, those passed when its session was made, and the SCPs of its
    account; nobody has none."""
    if caller.kind == "anonymous":
        return _NONE
    own = snapshot.policies(caller.id)
    session = caller.session
    if session is not None and session.kind == "root":
        return Policies(
            identity=task_policies(session.policy_arns, snapshot.managed), scps=snapshot.scps(caller.account)
        )
    passed: PolicySet | None = None
    if session is not None and (session.policy is not None or session.policy_arns):
        # INVARIANT: a session policy that is gone allows nothing; it never falls away.
        compiled = [policy for policy in map(snapshot.session_policy, session.policy_arns) if policy is not None]
        if session.policy is not None:
            compiled.append(_session_policy(session.policy, caller.arn))
        passed = PolicySet(compiled)
    made = limits_of(session.kind, as_itself=is_itself(session)) if session is not None else None
    scps = snapshot.scps(caller.account)
    scoped = scoping_policies(session.scoped, caller.arn) if session is not None else ()
    return Policies(own.identity, own.boundary, session=passed, limits=made, scps=scps, scoped=scoped)
