"""What a principal may do if: statements whose conditions read keys that nobody gave, and those conditions in words."""

from collections.abc import Iterator
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


def grants(request: Request, policies: Policies) -> list[Grant]:
    """Every identity-based statement that allows the request, or would with the right values of keys not given.

    INVARIANT: what is listed without conditions is allowed by the gateway's function in exactly this context.
    """
    context = request.context
    if not policies.identity.candidates(request.action)[1]:
        return []
    hopeful = evaluate(
        request,
        replace(
            policies,
            identity=_hopeful(policies.identity, context),
            boundary=_hopeful_policy(policies.boundary, context) if policies.boundary else None,
            scps=tuple(_hopeful(level, context) for level in policies.scps),
            rcps=tuple(_hopeful(level, context) for level in policies.rcps),
        ),
    )
    if not hopeful.allowed:
        return []
    # What does not limit the caller, a service-linked role, has no verdict.
    scps = policies.scps if PolicyType.SCP in hopeful.verdicts else ()
    policies = replace(policies, scps=scps, rcps=policies.rcps if PolicyType.RCP in hopeful.verdicts else ())
    limits = [*_unless(request, policies.identity), *_limits(request, policies)]
    found = []
    for match in hopeful.matched:
        if match.policy.type is PolicyType.IDENTITY and match.effect == "Allow":
            own = _words(_original(policies.identity, match), context)
            found.append(Grant(match, tuple(dict.fromkeys(([f"if {own}"] if own else []) + limits))))
    return found


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
    if key.startswith("aws:principal") and not key.startswith("aws:principaltag/"):
        return True
    if key.startswith("aws:principaltag/") and context.get("aws:principaltype") == "User":
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
        if wanted and all(wanted):
            yield "if " + " or ".join(wanted)


def _applies(policy: Policy, request: Request) -> bool:
    verdict = policy.rules.verdict(request.action, request.resource, request.context)
    return verdict != "implicitDeny"


def _original(policies: PolicySet, match: Match) -> Statement:
    return next(policy for policy in policies if policy.source == match.policy).document.statements[match.index]


def _words(statement: Statement, context: Context) -> str:
    """Conditions on keys that are not known, such as "aws:MultiFactorAuthPresent Bool true"."""
    unknown = [condition for condition in statement.conditions if not _known(condition, context)]
    return " and ".join(f"{each.key} {each.operator} {' or '.join(each.values)}" for each in unknown)
