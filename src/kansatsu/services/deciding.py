"""What decides a request beside its caller's own policies: the resource's own, whose it is, and organizations.

INVARIANT: the gateway and every view of a decision (the simulator, can, who-can, why, replay) come through here, so
that they cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import replace

from kansatsu.catalog import Authorization
from kansatsu.catalog.tags import readings
from kansatsu.identity import EntityRecord, Snapshot
from kansatsu.policy import UNRESOLVED, Decision, Policies, PolicyType, Principal, Request, evaluate
from kansatsu.resources import Guard, owner_in

Context = dict[str, str | tuple[str, ...]]

# Services whose resources may be open to who did not sign, and who that is. A key that does not apply is absent.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalaccount
OPEN = frozenset({"s3", "sns", "sqs"})
NOBODY = Principal("", "anonymous", "anonymous")
OF_NOBODY: Context = {
    "aws:principalaccount": "anonymous",
    "aws:principaltype": "Anonymous",
    "aws:userid": "anonymous",
}


def of_resource(action: str, resource: str, owner: str, account: str, snapshot: Snapshot) -> Context:
    """Whose the resource is: `owner`, and the caller's own `account` where an action is on no resource.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourceaccount
    """
    owner = owner or (account if resource == "*" else "")
    if not owner:
        return {}
    context: Context = {"aws:resourceaccount": owner}
    if action.startswith("s3:"):
        context["s3:resourceaccount"] = owner
    return context | snapshot.organization_keys("resource", owner)


def owner_of(resource: str, account: str, default: str = "") -> str:
    """The account that owns a resource at which nobody looks: its ARN's, else `default`, else a bucket is one's own.

    "" where the gateway could not tell either.
    """
    return owner_in(resource, None) or default or (account if resource.split(":")[2:5] == ["s3", "", ""] else "")


def asked(
    principal: Principal,
    item: Authorization,
    guard: Guard | None,
    context: Mapping[str, str | tuple[str, ...]],
    policies: Policies,
    snapshot: Snapshot,
) -> tuple[Request, Policies]:
    """What decides one check, for `evaluate`: `context` has the keys of the caller and the call, `policies` are his.

    The keys of the item stand over what is known of its resource otherwise.
    """
    resource = item.resource if item.exact or item.resource != "*" else UNRESOLVED
    account, owner = principal.account, owner_in(item.resource, guard)
    # What is ours has no guard: the policies of what we hold ourselves are the handlers' to bring.
    # INVARIANT: what belongs to another account must be allowed by a policy of its own as well.
    if guard is not None and (policy := guard.policy_for(principal, item.action)):
        policies = replace(policies, resource=policy)
    own = of_resource(item.action, resource, owner, account, snapshot)
    request = Request(principal, item.action, resource, {**context, **own, **item.context}, owner)
    return request, snapshot.limited(item.also(policies), account, owner)


def decide(
    principal: Principal,
    item: Authorization,
    guard: Guard | None,
    context: Mapping[str, str | tuple[str, ...]],
    policies: Policies,
    snapshot: Snapshot,
) -> Decision:
    """The decision on `asked`, in each way to read the tags of `item`: the first denial, if there is one."""
    for reading in readings((item,)):
        decision = evaluate(*asked(principal, reading, guard, context, policies, snapshot))
        if not decision.allowed:
            break
    return decision


def trusting(policies: Policies, role: EntityRecord | None) -> Policies:
    """What decides whether somebody with these policies assumes the role; the limits of GetSessionToken let it."""
    return replace(policies, limits=None, trust=role.trust if role is not None else None)


def in_chain(decision: Decision, policies: Policies) -> Decision:
    """The decision on the session of a role, by whose own `policies` too it says who is behind the next one.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
    """
    request = decision.request
    if not decision.allowed or request.action.lower() != "sts:setsourceidentity":
        return decision
    return evaluate(replace(request, resource_account=""), policies)


def untrusted(principal: Principal, item: Authorization, context: Context, policies: Policies) -> Decision:
    """The denial of a role that there is not, or that trusts nobody."""
    request = Request(principal, item.action, item.resource, {**context, **item.context})
    return Decision(request, policies, False, False, PolicyType.TRUST)


def resource_tags(role: EntityRecord) -> Context:
    """The condition keys of a role's tags."""
    prefixes = ("aws:resourcetag/", "iam:resourcetag/")
    return {prefix + key.lower(): value for key, value in role.tags.items() for prefix in prefixes}
