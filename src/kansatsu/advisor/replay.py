"""Recorded requests decided again, by policies as they are and as a change would make them. Pure.

What is not recorded is never guessed: then the answer is that one cannot tell, and why.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from kansatsu.advisor.calls import Asking, CallRecord, Keys
from kansatsu.advisor.events import DENIALS
from kansatsu.errors import MalformedPolicyDocument
from kansatsu.policy import (
    UNRESOLVED,
    Decision,
    Policies,
    Policy,
    PolicyType,
    Principal,
    Request,
    Source,
    compile_policy,
    evaluate,
    parse,
)


class Outcome(StrEnum):
    """What becomes of a request. `REFUSED` is what a change is judged by."""

    ALLOWED = "allowed"  # then, now, and with the change
    REFUSED = "refused"  # allowed then and now, refused with the change
    ALREADY = "refused already"  # allowed then, refused by the policies of now without the change
    GAINED = "newly allowed"  # denied then and now, allowed with the change
    DENIED = "denied"  # denied then, and with the change or already now
    UNDECIDED = "undecided"  # it failed before any policy was asked
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One request, and what decided: of a refused one the decision with the change, of an unknown one the reason."""

    record: CallRecord
    outcome: Outcome
    decision: Decision | None = None
    reason: str = ""


# The policies that apply to a session or user by itself (identity, boundary, session); raises Unknowable. With `trust`
# where a change is about that of one role, its owner.
Held = Callable[[CallRecord], Policies]
# The trust policy of a role of now, by its ARN.
Trusts = Callable[[str], Policy | None]
# Policies with what organizations say of a request by one account on a resource of another: Snapshot.limited.
Limited = Callable[[Policies, str, str], Policies]


# (action, resource, is it the one, the keys on record, keys) -> those of the keys that are not on record, and would be
# only where a policy asked for them: resources.looked_up.
LookedUp = Callable[[str, str, bool, Keys, frozenset[str]], frozenset[str]]


class Unknowable(Exception):
    """What it takes to decide is not on record; the text is the reason, in one sentence."""


_CUT = "Its record was too long to be kept whole."
_LEARNING = "It learned: the rights of its starter decided, not those of its role."
_NO_GUARD = "The policy that the resource had then is not on record any more."
_NO_ROLE = "The role that it assumed is gone."
_LAZY = "The change asks for {keys}, which no policy asked for then, so that it is not on record."
_UNTOLD = "It was made with the token of a provider, whose claims are not on record."
_FEDERATED = frozenset({"sts:assumerolewithsaml", "sts:assumerolewithwebidentity"})
# Operations of ours: what they are about has all its tags on record, whatever policies asked for.
_TELL_ALL = frozenset({"cloudtrail", "ecs", "iam", "kansatsu", "organizations", "sts"})
_ASSUMES = frozenset({"sts:assumerole", "sts:tagsession", "sts:setsourceidentity"})


class Replay:
    """Decides records again; `texts` are the policies that they name by digest."""

    def __init__(self, texts: Mapping[str, str], trusts: Trusts, limited: Limited, looked_up: LookedUp) -> None:
        self._texts = texts
        self._trusts = trusts
        self._limited = limited
        self._looked_up = looked_up
        self._compiled: dict[tuple[str, PolicyType], Policy | None] = {}

    def all(self, records: Iterable[CallRecord], before: Held, after: Held) -> Iterator[Replayed]:
        """Every record with what becomes of it."""
        return (self.one(record, before, after) for record in records)

    def one(self, record: CallRecord, before: Held, after: Held) -> Replayed:
        """INVARIANT: a request counts as allowed only where everything that decided it is on record."""
        denied = record.error in DENIALS or record.observed
        if not record.allowed and not denied:
            return Replayed(record, Outcome.UNDECIDED)
        try:
            return self._denied(record, before, after) if denied else self._allowed(record, before, after)
        except Unknowable as why:
            return Replayed(record, Outcome.UNKNOWN, reason=str(why))

    def session_policy(self, named: str) -> Policy:
        """A session policy by its digest. Raises Unknowable."""
        found = self._policy(named, PolicyType.SESSION)
        if found is None:
            raise Unknowable("The session policy that it had is not on record any more.")
        return found

    def _allowed(self, record: CallRecord, before: Held, after: Held) -> Replayed:
        _recorded(record)
        held, changed = before(record), after(record)
        refused: Decision | None = None
        for item in record.asked:
            if held is not changed and record.service not in _TELL_ALL:
                self._known(item, self._within(record, item, held), self._within(record, item, changed))
            decision = self._decide(record, item, changed)
            if decision.allowed:
                continue
            if not self._decide(record, item, held).allowed:
                return Replayed(record, Outcome.ALREADY, decision)
            refused = refused or decision
        return Replayed(record, Outcome.ALLOWED if refused is None else Outcome.REFUSED, refused)

    def _denied(self, record: CallRecord, before: Held, after: Held) -> Replayed:
        """Of a denied request only the part that was denied is known, so that this is about that part."""
        _recorded(record)
        held, changed = before(record), after(record)
        if all(self._decide(record, item, changed).allowed for item in record.asked) and not all(
            self._decide(record, item, held).allowed for item in record.asked
        ):
            return Replayed(record, Outcome.GAINED)
        return Replayed(record, Outcome.DENIED)

    def _decide(self, record: CallRecord, item: Asking, policies: Policies) -> Decision:
        resource = item.resource if item.resolved else UNRESOLVED
        role_arn = record.entity if record.kind in ("role", "federated") else ""
        principal = Principal(record.account, record.arn, record.kind, role_arn, record.principal_id)
        request = Request(principal, item.action, resource, {**record.context, **item.context}, item.owner)
        if item.action.lower() in _FEDERATED:
            raise Unknowable(_UNTOLD)
        if item.action.lower() in _ASSUMES:
            own = (
                policies.trust if policies.trust is not None and policies.trust.source.owner == item.resource else None
            )
            trust = own or self._trusts(item.resource)
            if trust is None:
                raise Unknowable(_NO_ROLE)
            policies = replace(policies, trust=trust)
        else:
            policies = replace(policies, trust=None, resource=self._guard(item))
        return evaluate(request, self._within(record, item, policies))

    def _guard(self, item: Asking) -> Policy | None:
        """The policy that the resource had. Raises Unknowable."""
        guard = self._policy(item.guard, PolicyType.RESOURCE) if item.guard else None
        if item.guard and guard is None:
            raise Unknowable(_NO_GUARD)
        return guard

    def _within(self, record: CallRecord, item: Asking, policies: Policies) -> Policies:
        return self._limited(policies, record.account, item.owner)

    def _known(self, item: Asking, held: Policies, changed: Policies) -> None:
        """Raise Unknowable where the change asks for what would have had to be looked up then, and was not.

        INVARIANT: that policies of now ask for it does not say that it was: they may be newer than the record.
        """
        known = frozenset(item.absent) if item.absent is not None else held.keys(item.action)
        asked = changed.keys(item.action) - known
        if missing := self._looked_up(item.action, item.resource, item.resolved, item.context, asked):
            raise Unknowable(_LAZY.format(keys=" and ".join(sorted(missing))))

    def _policy(self, named: str, kind: PolicyType) -> Policy | None:
        key = named, kind
        if key not in self._compiled:
            try:
                text = self._texts[named]
                self._compiled[key] = compile_policy(parse(text, kind), Source(kind))
            except (KeyError, MalformedPolicyDocument):
                self._compiled[key] = None
        return self._compiled[key]


def _recorded(record: CallRecord) -> None:
    if not record.whole:
        raise Unknowable(_CUT)
    if record.session is not None and record.session.learning:
        raise Unknowable(_LEARNING)
