"""What a principal may do if: statements whose conditions read keys that nobody gave, and those conditions in words."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from kansatsu.policy import (
    Condition,
    Context,
    Match,
    Policies,
    Policy,
    PolicySet,
    PolicyType,
    Request,
    Statement,
    compile_policy,
    evaluate,
)


@dataclass(frozen=True, slots=True)
class Grant:
    """A statement that allows, and all that must be so besides; no conditions: it allows as it stands."""

    match: Match
    conditions: tuple[str, ...]


def grants(request: Request, policies: Policies, *, outside: bool = False) -> list[Grant]:
    """Every statement of the caller's, and of the resource or role, that allows the request, or would with the right
    values of keys not given. `outside`: those of the resource or role alone, for one whose own policies nobody knows.

    INVARIANT: what is listed without conditions is allowed by the gateway's function in exactly this context.
    """
    context, guard = request.context, policies.guard
    if not policies.identity.candidates(request.action)[1] and guard is None:
        return []
    hoped = replace(
        policies,
        identity=_hopeful(policies.identity, context),
        boundary=_hopeful_policy(policies.boundary, context) if policies.boundary else None,
        scps=tuple(_hopeful(level, context) for level in policies.scps),
        rcps=tuple(_hopeful(level, context) for level in policies.rcps),
    )
    hoped = _guarded(hoped, _hopeful_policy(guard, context) if guard else None)
    hopeful = evaluate(request, hoped)
    if not hopeful.allowed:
        return []
    # What does not limit the caller, a service-linked role, has no verdict.
    scps = policies.scps if PolicyType.SCP in hopeful.verdicts else ()
    policies = replace(policies, scps=scps, rcps=policies.rcps if PolicyType.RCP in hopeful.verdicts else ())
    limits = [*_unless(request, policies.identity), *_unless_guard(request, guard, hoped), *_limits(request, policies)]
    allows = [match for match in hopeful.matched if match.effect == "Allow"]
    guards = [match for match in allows if guard is not None and match.policy == guard.source]
    beside = _if_any(_words(_statement(guard, match), context) for match in guards) if guard is not None else []
    # Where the resource's policy has to allow as well: https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
    both = guard is not None and not evaluate(request, _guarded(hoped, _denying(hoped.guard))).allowed
    found = []
    for match in allows:
        if match.policy.type is PolicyType.IDENTITY and not outside:
            own = _words(_statement(_held(policies.identity, match), match), context)
            found.append(_grant(match, own, [*(beside if both else []), *limits]))
    for match in guards:
        if guard is not None and (outside or evaluate(request, _directly(hoped, match)).allowed):
            found.append(_grant(match, _words(_statement(guard, match), context), limits))
    return found


def _grant(match: Match, own: str, limits: list[str]) -> Grant:
    return Grant(match, tuple(dict.fromkeys(([f"if {own}"] if own else []) + limits)))


def _guarded(policies: Policies, guard: Policy | None) -> Policies:
    return replace(policies, trust=guard) if policies.trust is not None else replace(policies, resource=guard)


def _only(policy: Policy, wanted: Callable[[int, Statement], bool]) -> Policy:
    statements = policy.document.statements
    kept = tuple(each for at, each in enumerate(statements) if wanted(at, each))
    return compile_policy(replace(policy.document, statements=kept), policy.source)


def _denying(policy: Policy | None) -> Policy | None:
    return _only(policy, lambda _, statement: statement.effect == "Deny") if policy is not None else None


def _directly(hoped: Policies, match: Match) -> Policies:
    """With no Allow but that one of the resource or role itself."""
    bare = PolicySet(_only(policy, lambda _, each: each.effect == "Deny") for policy in hoped.identity)
    guard = hoped.guard
    assert guard is not None  # noqa: S101 - it is the guard's match
    alone = _only(guard, lambda at, each: at == match.index or each.effect == "Deny")
    return _guarded(replace(hoped, identity=bare), alone)


def _unless_guard(request: Request, guard: Policy | None, hoped: Policies) -> Iterator[str]:
    """The Denies of the resource that name the caller and fit but for keys that are not known."""
    for statement in guard.document.statements if guard is not None else ():
        words = _words(statement, request.context) if statement.effect == "Deny" else ""
        if words and guard is not None:
            bare = replace(_lenient(replace(statement, effect="Allow"), request.context), effect="Deny")
            alone = compile_policy(replace(guard.document, statements=(bare,)), guard.source)
            if evaluate(request, _guarded(hoped, alone)).explicit:
                yield f"unless {words}"


def _hopeful(policies: PolicySet, context: Context) -> PolicySet:
    return PolicySet(_hopeful_policy(policy, context) for policy in policies)


def _hopeful_policy(policy: Policy, context: Context) -> Policy:
    """The policy with every condition on a key that is not known met in the caller's favour."""
    statements = tuple(_lenient(statement, context) for statement in policy.document.statements)
    return compile_policy(replace(policy.document, statements=statements), policy.source)


def _lenient(statement: Statement, context: Context) -> Statement:
    known = tuple(condition for condition in statement.conditions if _known(condition, context))
    if len(known) == len(statement.conditions):
        return statement
    if statement.effect == "Allow":
        return replace(statement, conditions=known)
    return replace(statement, conditions=_NEVER)


# A key that is there and is not: true in no context.
_NEVER = tuple(Condition("Null", "aws:PrincipalArn", (absent,)) for absent in ("true", "false"))


def _known(condition: Condition, context: Context) -> bool:
    """Is there a value, or certainly none? Who calls is known; only a role's session may bring tags of its own."""
    key = condition.key.lower()
    kind = context.get("aws:principaltype", "")
    if key.startswith("aws:principaltag/"):
        return kind in ("User", "Anonymous") or any(context.get(key, ()))
    if key.startswith("aws:principal") and kind:
        return True
    return any(context.get(key, ()))


def _unless(request: Request, policies: PolicySet) -> Iterator[str]:
    """The Denies that fit but for keys that are not known."""
    for policy in policies:
        for statement in policy.document.statements:
            if words := _words(statement, request.context):
                bare = replace(_lenient(replace(statement, effect="Allow"), request.context), effect="Deny")
                alone = compile_policy(replace(policy.document, statements=(bare,)), policy.source)
                if statement.effect == "Deny" and _applies(alone, request):
                    yield f"unless {words}"


def _limits(request: Request, policies: Policies) -> Iterator[str]:
    """What the boundary and each level of SCPs and RCPs add: Denies, and Allows where none is without conditions."""
    for bound in (*([policies.boundary.rules] if policies.boundary else ()), *policies.scps, *policies.rcps):
        yield from _unless(request, bound)
        wanted = []
        for policy in bound:
            for statement in policy.document.statements:
                alone = replace(policy.document, statements=(_lenient(statement, request.context),))
                if statement.effect == "Allow" and _applies(compile_policy(alone, policy.source), request):
                    wanted.append(_words(statement, request.context))
        yield from _if_any(wanted)


def _if_any(wanted: Iterable[str]) -> list[str]:
    """The condition that one of these is met, each "" where it is met as it stands."""
    listed = list(wanted)
    return ["if " + " or ".join(dict.fromkeys(listed))] if listed and all(listed) else []


def _applies(policy: Policy, request: Request) -> bool:
    verdict = policy.rules.verdict(request.action, request.resource, request.context)
    return verdict != "implicitDeny"


def _held(policies: PolicySet, match: Match) -> Policy:
    return next(policy for policy in policies if policy.source == match.policy)


def _statement(policy: Policy, match: Match) -> Statement:
    return policy.document.statements[match.index]


def _words(statement: Statement, context: Context) -> str:
    """Conditions on keys that are not known, such as "aws:MultiFactorAuthPresent Bool true"."""
    unknown = [condition for condition in statement.conditions if not _known(condition, context)]
    return " and ".join(f"{each.key} {each.operator} {' or '.join(each.values)}" for each in unknown)
