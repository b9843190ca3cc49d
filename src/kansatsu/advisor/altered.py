"""The policies of principals as a change would make them, without making it.

A change is about one managed policy (a new document), or about what hangs on one user, group or role: a policy that is
detached, an inline policy that is written or goes, or one document in the place of all.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from kansatsu.identity import EntityPolicies, Snapshot
from kansatsu.policy import Policy, PolicySet, PolicyType, Source, compile_policy, parse

SUGGESTED = "suggested"  # the inline policy that takes the place of all others


@dataclass(frozen=True, slots=True)
class Change:
    """`document` is the text of what is written, None where something goes.

    `policy_arn` alone: a managed policy gets the document. With `holder` (the unique id of a user, group or role) it
    is detached from it. `holder` with `name`: its inline policy of that name. `holder` alone: the document is all that
    it has of its own afterwards.
    """

    policy_arn: str = ""
    holder: str = ""
    name: str = ""
    document: str | None = None


class Altered:
    """The snapshot, seen with a change. Raises MalformedPolicyDocument for a document that AWS would not store."""

    def __init__(self, snapshot: Snapshot, change: Change) -> None:
        self._snapshot = snapshot
        self._change = change
        self._known: dict[str, EntityPolicies] = {}
        self._managed = bool(change.policy_arn) and not change.holder
        owner = snapshot.entity(change.holder) if change.holder else None
        self._owner = owner.arn if owner is not None else ""
        if change.document is not None:
            self._compiled(PolicyType.IDENTITY)  # raises at once, not at the first principal

    def policies(self, id: str) -> EntityPolicies:
        """All policies of a user or role with the change."""
        found = self._known.get(id)
        if found is None:
            found = self._known[id] = self._policies(id)
        return found

    def session_policy(self, arn: str) -> Policy | None:
        """A managed policy as a session policy, with the change."""
        if self._managed and arn == self._change.policy_arn:
            return self._compiled(PolicyType.SESSION)
        return self._snapshot.session_policy(arn)

    def _policies(self, id: str) -> EntityPolicies:
        now = self._snapshot.policies(id)
        own = self._snapshot.own_policies(id)
        if own is None:
            return now
        parts = [policy for holder in (id, *own.groups) for policy in self._of(holder)]
        boundary = now.boundary
        if self._managed and own.boundary_arn == self._change.policy_arn:
            boundary = self._compiled(PolicyType.BOUNDARY)
        return EntityPolicies(PolicySet(dict.fromkeys(parts)), boundary)

    def _of(self, holder: str) -> Iterator[Policy]:
        own, change = self._snapshot.own_policies(holder), self._change
        if own is None:
            return
        mine = holder == change.holder
        if mine and not change.policy_arn and not change.name:
            if change.document is not None:
                yield self._compiled(PolicyType.IDENTITY)
            return
        for policy in own.inline:
            if not (mine and change.name and policy.source.name == change.name):
                yield policy
        if mine and change.name and change.document is not None:
            yield self._compiled(PolicyType.IDENTITY)
        for arn in own.attached:
            if self._managed and arn == change.policy_arn:
                yield self._compiled(PolicyType.IDENTITY)
            elif not (mine and arn == change.policy_arn):
                found = self._snapshot.managed(arn)
                if found is not None:
                    yield found

    def _compiled(self, kind: PolicyType) -> Policy:
        change = self._change
        name = change.policy_arn.rsplit("/", 1)[-1] if self._managed else change.name or SUGGESTED
        source = Source(kind, arn=change.policy_arn if self._managed else "", owner=self._owner, name=name)
        return compile_policy(parse(change.document or "", kind), source)
