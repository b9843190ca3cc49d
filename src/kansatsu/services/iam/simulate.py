"""The policy simulator: what the gateway would decide, asked of the same function without doing anything.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kansatsu.arn import Arn
from kansatsu.catalog import reference
from kansatsu.errors import InvalidInput, NoSuchEntity
from kansatsu.identity import EntityRecord
from kansatsu.identity.pages import Cursor
from kansatsu.policy import (
    Decision,
    Document,
    Policies,
    Policy,
    PolicySet,
    PolicyType,
    Principal,
    Request,
    Verdict,
    evaluate,
)
from kansatsu.services.deciding import owner_of
from kansatsu.services.iam import _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.iam.scenarios import Limits, assumed, check_resources, enforced, levels, without
from kansatsu.services.iam.simulated import (
    Context,
    context_keys,
    context_of,
    entity_of,
    entries,
    policy_from,
    principal_of,
    statement,
)
from kansatsu.services.registry import Call

Texts = Sequence[str]
Shown = dict[str, Any]

MOST = 10_000_000  # characters of policies that one answer may look at, once for each action, resource, value
_LONG = 1000  # characters of a context value
_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9_-]+", re.ASCII)
_ASSUMING = re.compile(r"sts:(assumerole\w*|tagsession|setsourceidentity)", re.ASCII | re.IGNORECASE)
_PART = re.compile(r"\$\{[^}]*\}")  # of an ARN template
_ROLE = re.compile(r"arn:[^:]*:iam::[0-9]{12}:role/.+", re.ASCII)
_OWNER = re.compile(r"(?:arn:[^:]*:iam::)?([0-9]{12})(?::root)?", re.ASCII)
# From the worst: https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html
_ORDER = (Verdict.EXPLICIT_DENY, Verdict.IMPLICIT_DENY, Verdict.ALLOW)
_SHOWN = {
    PolicyType.IDENTITY: "IAM Policy",
    PolicyType.RESOURCE: "Resource Policy",
    PolicyType.TRUST: "Resource Policy",
    PolicyType.BOUNDARY: "Permissions Boundary Policy",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """One simulation: who asks under which policies in which context."""

    principal: Principal
    context: Context
    identity: PolicySet
    boundary: Policy | None
    resource_policy: str | None
    owner: str
    resources: tuple[str, ...]
    listed: bool  # the request names resources
    given: Context  # what the request says of the context: it stands over all that is known
    limits: Limits

    def decide(self, action: str, resource: str) -> Decision:
        """INVARIANT: this is the gateway's own function on the gateway's own values; there is no second engine."""
        guard = self._guard(action, resource)
        trust = guard is not None and guard.source.type is PolicyType.TRUST
        policies = Policies(
            self.identity,
            self.boundary,
            resource=None if trust else guard,
            trust=guard if trust else None,
        )
        owner = owner_of(resource, self.principal.account, self.owner)
        request = Request(self.principal, action, resource, self.context, owner)
        return evaluate(*self.limits(request, policies, self.given))

    def _guard(self, action: str, resource: str) -> Policy | None:
        if self.resource_policy is None:
            return None
        trust = _ASSUMING.fullmatch(action) and _ROLE.fullmatch(resource)
        return policy_from(self.resource_policy, PolicyType.TRUST if trust else PolicyType.RESOURCE, "ResourcePolicy")


_source = _resources.by_arn("PolicySourceArn")


def record_of(call: Call, arn: str) -> EntityRecord:
    """The user, group or role of the account with this ARN. Raises InvalidInput, NoSuchEntity."""
    record = entity_of(call.snapshot, arn)
    # INVARIANT: nobody learns of the policies of another account.
    if record is None or record.account != call.account:
        kind, _, name = arn.rpartition(":")[2].partition("/")
        raise NoSuchEntity(f"The {kind} with name {name.rpartition('/')[2]} cannot be found.")
    return record


@iam("SimulatePrincipalPolicy", _source, slow=True)
def simulate_principal_policy(
    call: Call,
    policy_source_arn: str,
    action_names: Texts,
    policy_input_list: Texts = (),
    permissions_boundary_policy_input_list: Texts = (),
    policy_exclusion_list: Sequence[Mapping[str, Any]] = (),
    resource_arns: Texts = (),
    resource_policy: str | None = None,
    resource_owner: str | None = None,
    caller_arn: str | None = None,
    context_entries: Sequence[Mapping[str, Any]] | None = None,
    resource_handling_option: str | None = None,
    max_items: int | None = None,
    marker: str | None = None,
) -> Shown:
    record = record_of(call, policy_source_arn)
    check_resources(resource_handling_option, resource_arns)
    own = call.snapshot.policies(record.id)
    identity = PolicySet((*without(own.identity, policy_exclusion_list), *_inputs(policy_input_list)))
    bounds = without(() if own.boundary is None else (own.boundary,), policy_exclusion_list)
    boundary = _boundary(permissions_boundary_policy_input_list) or next(iter(bounds), None)
    caller = caller_arn or policy_source_arn
    given, limits = entries(context_entries), enforced(call.snapshot, call.account, policy_exclusion_list)
    scene = _scene(call, caller, identity, boundary, resource_policy, resource_owner, resource_arns, given, limits)
    return _answer(scene, action_names, Cursor.of("Simulate", marker, max_items))


@iam("SimulateCustomPolicy", _resources.everything, slow=True)
def simulate_custom_policy(
    call: Call,
    policy_input_list: Texts,
    action_names: Texts,
    permissions_boundary_policy_input_list: Texts = (),
    ordered_organization_policy_input_list: Sequence[Mapping[str, Any]] = (),
    resource_arns: Texts = (),
    resource_policy: str | None = None,
    resource_owner: str | None = None,
    caller_arn: str | None = None,
    context_entries: Sequence[Mapping[str, Any]] | None = None,
    resource_handling_option: str | None = None,
    max_items: int | None = None,
    marker: str | None = None,
) -> Shown:
    check_resources(resource_handling_option, resource_arns)
    if resource_policy is not None and caller_arn is None:
        raise InvalidInput("CallerArn is required when a resource-based policy is given.")
    identity = PolicySet(_inputs(policy_input_list))
    boundary = _boundary(permissions_boundary_policy_input_list)
    given = entries(context_entries)
    limits = assumed(call.snapshot, call.account, levels(ordered_organization_policy_input_list))
    scene = _scene(call, caller_arn, identity, boundary, resource_policy, resource_owner, resource_arns, given, limits)
    return _answer(scene, action_names, Cursor.of("Simulate", marker, max_items))


@iam("GetContextKeysForCustomPolicy", _resources.everything, slow=True)
def get_context_keys_for_custom_policy(call: Call, policy_input_list: Texts) -> Shown:
    return {"ContextKeyNames": list(context_keys(policy.document for policy in _inputs(policy_input_list)))}


@iam("GetContextKeysForPrincipalPolicy", _source, slow=True)
def get_context_keys_for_principal_policy(call: Call, policy_source_arn: str, policy_input_list: Texts = ()) -> Shown:
    own = call.snapshot.policies(record_of(call, policy_source_arn).id)
    found = (*own.identity, *_inputs(policy_input_list))
    return {"ContextKeyNames": list(context_keys(policy.document for policy in found))}


def _inputs(texts: Texts) -> tuple[Policy, ...]:
    named = enumerate(texts, 1)
    return tuple(policy_from(text, PolicyType.IDENTITY, f"PolicyInputList.{number}") for number, text in named)


def _boundary(texts: Texts) -> Policy | None:
    if len(texts) > 1:
        raise InvalidInput("Only one permissions boundary policy can be simulated.")
    return policy_from(texts[0], PolicyType.BOUNDARY, "PermissionsBoundaryPolicyInputList.1") if texts else None


def _scene(
    call: Call,
    caller: str | None,
    identity: PolicySet,
    boundary: Policy | None,
    resource_policy: str | None,
    resource_owner: str | None,
    resources: Texts,
    given: Context,
    limits: Limits,
) -> Scene:
    record, principal = None, Principal(call.account, "", "user")
    if caller is not None:
        principal = principal_of(caller, None)
        if principal.account == call.account:  # tags and ids of other accounts' principals are theirs to tell
            record = entity_of(call.snapshot, caller)
            principal = principal_of(caller, record)
    owner = _OWNER.fullmatch(resource_owner) if resource_owner is not None else None
    if resource_owner is not None and owner is None:
        raise InvalidInput(f"Invalid Resource Owner: {resource_owner}")
    for resource in resources:
        if resource != "*" and Arn.parse(resource) is None:
            raise InvalidInput(f"Invalid Resource Arn: {resource}")
    listed = bool(resources) and tuple(resources) != ("*",)
    known = call.snapshot.organization_keys("principal", call.account) if record is not None else {}
    context = context_of(principal, record) | known
    return Scene(
        principal,
        context,
        identity,
        boundary,
        resource_policy,
        owner[1] if owner else "",
        tuple(dict.fromkeys(resources)) or ("*",),
        listed,
        given,
        limits,
    )


def _answer(scene: Scene, actions: Texts, cursor: Cursor) -> Shown:
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise InvalidInput(f"Invalid Action Name: {action}")
    if scene.resource_policy is not None and not any(map(_ASSUMING.fullmatch, actions)):
        policy_from(scene.resource_policy, PolicyType.RESOURCE, "ResourcePolicy")
    # "IAM might return fewer than the MaxItems number of results, even when there are more results available."
    page = replace(cursor, size=min(cursor.size, _room(scene))).cut(
        [(f"{number:06}", action) for number, action in enumerate(actions)]
    )
    shown: Shown = {
        "EvaluationResults": [_result(scene, action) for action in page.items],
        "IsTruncated": page.marker is not None,
    }
    return shown | ({"Marker": page.marker} if page.marker is not None else {})


def _room(scene: Scene) -> int:
    """For how many actions there is room in one answer. Raises InvalidInput where there is for none.

    INVARIANT: an answer costs no more than this, however many actions, resources, policies, SCPs and context values a
    request has.
    """
    asked = Request(scene.principal, "iam:GetUser", "*", scene.context, scene.owner)
    _, limited = scene.limits(asked, Policies(scene.identity), scene.given)
    looked_at = [*scene.identity, *(policy for level in limited.scps for policy in level)]
    looked_at += [scene.boundary] if scene.boundary is not None else []
    length = sum(len(policy.document.text) for policy in looked_at) + len(scene.resource_policy or "") + 1
    each = len(scene.resources) * length * _width(scene.context | scene.given)
    if each > MOST:
        raise InvalidInput(
            f"{len(scene.resources)} resources, policies of {length} characters and these context values are too much "
            "for one simulation; ask for fewer at a time."
        )
    return MOST // each


def _width(context: Context) -> int:
    """How often a condition of a policy may be held against the values of one key; a long value counts as several."""
    listed = ((values,) if isinstance(values, str) else values for values in context.values())
    return max((len(values) + sum(map(len, values)) // _LONG for values in listed), default=0) or 1


def _result(scene: Scene, action: str) -> Shown:
    each = [(resource, scene.decide(action, resource)) for resource in scene.resources]
    specific = [_specific(scene, resource, decision) for resource, decision in each]
    decisions = [item["EvalResourceDecision"] for item in specific]
    worst = min(decisions, key=_ORDER.index)
    # "Only statements that contributed to the reported decision are included."
    matched = [item["MatchedStatements"] for item in specific if item["EvalResourceDecision"] == worst]
    result: Shown = {
        "EvalActionName": action,
        "EvalResourceName": _template(action, scene.resources) if scene.listed else "*",
        "EvalDecision": worst,
        "MatchedStatements": _distinct(matched),
        "MissingContextValues": _distinct(item["MissingContextValues"] for item in specific),
    }
    if scene.boundary is not None:
        said = [item["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"] for item in specific]
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": all(said)}
    # Of SCPs alone: https://docs.aws.amazon.com/IAM/latest/APIReference/API_OrganizationsDecisionDetail.html
    if any(decision.policies.scps for _, decision in each):
        allowed = all(decision.verdicts.get(PolicyType.SCP, Verdict.ALLOW) is Verdict.ALLOW for _, decision in each)
        result["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": allowed}
    if not scene.listed:
        return result
    # "If an Organizations SCP included in the evaluation denies access, [...] this parameter is not returned."
    details = [_details(scene, decision) for _, decision in each if _allowed_by_scps(decision)]
    worst_of = {
        name: min((said[name] for said in details if name in said), key=_ORDER.index)
        for name in _SHOWN.values()
        if any(name in said for said in details)
    }
    return result | ({"EvalDecisionDetails": worst_of} if details else {}) | {"ResourceSpecificResults": specific}


def _allowed_by_scps(decision: Decision) -> bool:
    return decision.verdicts.get(PolicyType.SCP, Verdict.ALLOW) is Verdict.ALLOW


def _details(scene: Scene, decision: Decision) -> Shown:
    """What each type of policy said, {} where all is of one account."""
    if decision.request.resource_account in ("", scene.principal.account):
        return {}
    said = {_SHOWN[kind]: value for kind, value in decision.verdicts.items() if kind in _SHOWN}
    # Without a policy of the resource the other account says nothing, and that is no.
    return {"Resource Policy": Verdict.IMPLICIT_DENY, **said}


def _template(action: str, resources: Texts) -> str:
    """The ARN template of the action's resource type that all resources are of, "*" where there is none.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html
    """
    prefix, _, name = action.partition(":")
    found = reference.documented(prefix.lower(), name)
    fitting = [each.template for each in found.types if all(map(_of(each.template), resources))] if found else []
    return max(fitting, key=lambda template: len(_PART.sub("", template)), default="*")


def _of(template: str) -> Callable[[str], re.Match[str] | None]:
    first, *parts = map(re.escape, _PART.split(template))
    # INVARIANT: no resource makes it try again and again: what is between two parts is as short as it can be.
    for number, text in enumerate(parts, 1):
        first += f".+{text}" if number == len(parts) else f"(?>.+?{text})"
    return re.compile(first, re.DOTALL).fullmatch


def _distinct(lists: Iterable[Sequence[Any]]) -> list[Any]:
    return list({repr(value): value for values in lists for value in values}.values())


def _specific(scene: Scene, resource: str, decision: Decision) -> Shown:
    verdict = Verdict.ALLOW if decision.allowed else Verdict.EXPLICIT_DENY
    if not decision.allowed and not decision.explicit:
        verdict = Verdict.IMPLICIT_DENY
    shown: Shown = {
        "EvalResourceName": resource,
        "EvalResourceDecision": verdict,
        "MatchedStatements": list(_statements(decision)),
        "MissingContextValues": missing(decision),
    }
    # "This parameter is returned only for cross-account simulations." The result of all of them has an empty one else.
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_ResourceSpecificResult.html
    if _allowed_by_scps(decision) and (details := _details(scene, decision)):
        shown["EvalDecisionDetails"] = details
    if scene.boundary is not None:
        allowed = decision.verdicts.get(PolicyType.BOUNDARY) is Verdict.ALLOW
        shown["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": allowed}
    return shown


def documents_of(policies: Policies) -> Iterator[Document]:
    """The documents of which missing keys are told: identity-based ones, the boundary, the resource's.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html
    """
    for policy in (*policies.identity, policies.boundary, policies.guard):
        if policy is not None:
            yield policy.document


def missing(decision: Decision) -> list[str]:
    """Keys that the policies read and the simulation was not given."""
    context = decision.request.context
    return [key for key in context_keys(documents_of(decision.policies)) if not any(context.get(key.lower(), ()))]


def _statements(decision: Decision) -> Iterator[Shown]:
    """Those that decided; nothing has decided where nothing allowed."""
    if not decision.allowed and not decision.explicit:
        return
    effect = "Allow" if decision.allowed else "Deny"
    texts = {policy.source: policy.document.text for policy in _shown_policies(decision.policies)}
    for match in decision.matched:
        if match.effect == effect and match.policy in texts:
            yield statement(match, texts[match.policy])


def _shown_policies(policies: Policies) -> Iterator[Policy]:
    yield from policies.identity
    if policies.guard is not None:
        yield policies.guard
