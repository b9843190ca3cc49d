"""May a user or role do something? The question as the gateway would be asked it, with what guards the resource."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from kansatsu.arn import Arn
from kansatsu.catalog import Authorization
from kansatsu.catalog.tags import readings
from kansatsu.errors import Unimplemented
from kansatsu.identity import EntityRecord
from kansatsu.policy import Decision, Policies, PolicySet, PolicyType, Principal, Request, Verdict, evaluate
from kansatsu.resources import Guard, owner_in
from kansatsu.services.deciding import Context, in_chain, resource_tags, trusting, untrusted
from kansatsu.services.ec2._resources import instance_context, member_of
from kansatsu.services.iam import simulated
from kansatsu.services.iam.scenarios import enforced
from kansatsu.services.registry import Call

_OURS = frozenset({"sts", "ecs", "cloudtrail", "organizations", "iam-toolbox", "kansatsu"})
_OWN_SIDE = (PolicyType.IDENTITY, PolicyType.BOUNDARY, PolicyType.SCP, PolicyType.RCP)
_OF_TRUST = re.compile(r"sts:(assumerole(withsaml|withwebidentity)?|tagsession|setsourceidentity)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Question:
    """One action on one resource. `role`: the role of the account that is to be assumed, None where there is none.

    `theirs`: the resource belongs to another account.
    """

    item: Authorization
    guard: Guard
    trust: bool = False  # the action is decided by a trust policy
    role: EntityRecord | None = None
    theirs: bool = False

    @property
    def of_none(self) -> bool:
        """Is it about a role that there is not? Nobody assumes it."""
        return self.trust and self.role is None and not self.theirs

    def asked(self, call: Call, principal: Principal, context: Context, policies: Policies) -> tuple[Request, Policies]:
        """What the gateway would decide of who comes in this context with these policies of his own."""
        item, guard = self.item, self.guard
        if self.trust:
            policies = trusting(policies, self.role)
        elif policy := guard.policy_for(principal, item.action):
            policies = replace(policies, resource=policy)
        request = Request(principal, item.action, item.resource, context, guard.account)
        return enforced(call.snapshot, call.account, ())(request, policies, dict(item.context))

    def decide(self, call: Call, principal: Principal, context: Context, policies: Policies) -> Decision:
        """The decision; that on a role that there is not, as sts:AssumeRole makes it."""
        if self.of_none:
            return untrusted(principal, self.item, context, policies)
        for reading in readings((self.item,)):
            decision = evaluate(*replace(self, item=reading).asked(call, principal, context, policies))
            if not decision.allowed:
                break
        return in_chain(decision, policies) if principal.kind == "role" else decision

    def undecided(self, decision: Decision) -> bool:
        """Does the policy of another account's resource, which is not asked, decide as well?"""
        bounds = (decision.verdicts.get(kind, Verdict.ALLOW) is Verdict.ALLOW for kind in _OWN_SIDE)
        return self.theirs and not decision.explicit and all(bounds)


async def question(call: Call, action: str, resource: str, given: Context, people: Iterable[Policies]) -> Question:
    """What is asked, and what there is to know of the resource; `people` are the policies of those asked about.

    INVARIANT: of what belongs to another account only that is known, and whose it is: neither its policy, nor whether
    it trusts somebody, nor its tags are told by asking instead of doing, where its owner would have the record of it.
    """
    item = Authorization(action, resource, given)
    owner = owner_in(resource, None)
    if owner not in ("", call.account):
        return Question(item, Guard(owner), _OF_TRUST.fullmatch(action.lower()) is not None, theirs=True)
    if _OF_TRUST.fullmatch(action.lower()):
        role = _role(call, resource)
        tags = resource_tags(role) if role is not None else {}
        return Question(replace(item, context={**tags, **given}), Guard(owner), trust=True, role=role)
    (guard,) = await call.resources.guards([item], call.account, call.region)
    if guard.account not in ("", call.account):
        return Question(item, Guard(guard.account), theirs=True)
    told: Mapping[str, str | tuple[str, ...]] | None = _told(call, resource)
    if told is None:
        besides = Policies(PolicySet(), resource=guard.policy, rcps=call.snapshot.rcps(call.account))
        with suppress(Unimplemented):  # what cannot be told of the resource is a missing key
            completed = call.resources.conditions.completed
            told = (await completed(item, call.account, call.region, [*people, besides])).context
    return Question(replace(item, context={**(told or {}), **given}), guard)


def _told(call: Call, resource: str) -> Context | None:
    """The keys of a user, a role or an instance of ours, None of what is the backend's."""
    parsed = Arn.parse(resource)
    if parsed is None:
        return {}
    kind, _, name = parsed.resource.partition("/")
    if parsed.service == "ec2" and kind == "instance" and (member := member_of(call, name)) is not None:
        return instance_context(call, member)
    if parsed.service == "iam":
        record = call.snapshot.find(call.account, kind, name.rpartition("/")[2])
        return resource_tags(record) if record is not None and record.arn == resource else {}
    return {} if parsed.service in _OURS else None


def _role(call: Call, resource: str) -> EntityRecord | None:
    parsed = Arn.parse(resource)
    if parsed is None or not parsed.resource.startswith("role/"):
        return None
    role = call.snapshot.find(parsed.account, "role", parsed.resource.rpartition("/")[2])
    return role if role is not None and role.arn == resource and role.trust is not None else None


def as_caller(call: Call, record: EntityRecord, session: str = "") -> tuple[Principal, Context]:
    """A user or role as policies see it; `session`: the ARN of a session of the role, whose name is then known."""
    principal = simulated.principal_of(record.arn, record)
    context = simulated.context_of(principal, record)
    if session:
        principal = replace(principal, arn=session)
        context["aws:userid"] = f"{record.id}:{session.rpartition('/')[2]}"
    return principal, context | call.snapshot.organization_keys("principal", record.account)


def own(call: Call, records: Sequence[EntityRecord]) -> list[Policies]:
    """The policies that users and roles hold themselves."""
    held = (call.snapshot.policies(record.id) for record in records)
    return [Policies(each.identity, each.boundary) for each in held]
