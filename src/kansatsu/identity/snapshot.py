"""The state in memory that requests are authenticated and authorized against, kept true by the log of changes."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar, cast

from kansatsu.identity import changes, loader, revocations
from kansatsu.identity.cache import Cache
from kansatsu.identity.changes import ACCOUNTS, Change
from kansatsu.identity.records import AccessKey, EntityPolicies, EntityRecord
from kansatsu.policy import Policies, Policy, PolicySet, PolicyType

if TYPE_CHECKING:
    from kansatsu.identity.organizations.membership import Level, Membership
    from kansatsu.identity.sessions import Session
    from kansatsu.identity.store import Store

T = TypeVar("T")
PRESENT = 50_000  # entries kept: a few thousand principals with all their policies
ABSENT = 10_000  # things asked for that do not exist; apart, so that guessing evicts nothing useful
MANY_CHANGES = 10_000  # more than this at once and it is cheaper to start afresh


class Snapshot:
    """Entries are loaded on first use and dropped when a change names them or what they were made of.

    Do not keep one: take store.snapshot() for each request, which brings it up to date.
    """

    def __init__(self, store: "Store", lock: threading.RLock):  # type: ignore[valid-type, unused-ignore]
        self._store = store
        self._lock = lock
        self._present = Cache(PRESENT)
        self._absent = Cache(ABSENT)
        self._revocations: dict[tuple[str, str, str], float] | None = None
        self._revision = 0
        with store.read() as conn:
            self._revision = changes.latest(conn)

    def access_key(self, id: str) -> AccessKey | None:
        """A long-term access key, active or not; None when there is none."""
        return self._get(("key", id), "access_key", lambda: loader.access_key(self._store, id))

    def entity(self, id: str) -> EntityRecord | None:
        """A user, group or role by its unique id."""
        return self._get(("entity", id), "entity", lambda: loader.entity(self._store, id))

    def find(self, account: str, kind: str, name: str) -> EntityRecord | None:
        """A user, group or role by its name.

        INVARIANT: the name must be spelt exactly; a policy that denies role/Admin must not be passed by asking for
        role/ADMIN.
        """
        load = lambda: loader.entity_named(self._store, account, kind, name)  # noqa: E731 - as its neighbours
        return self._get(("name", account, kind, name), "entity", load)

    def policies(self, entity_id: str) -> EntityPolicies:
        """All policies of an entity; nothing (which allows nothing) when there is no such entity.

        Raises InternalFailure when one of them cannot be read: it might hold a Deny.
        """
        load = lambda: loader.policies(self, entity_id)  # noqa: E731 - as its neighbours
        return self._get(("policies", entity_id), "entity", load) or NOTHING

    def own_policies(self, entity_id: str) -> loader.Own | None:
        """What hangs on this entity itself; a group's is shared by all its members."""
        return self._get(("own", entity_id), "entity", lambda: loader.own(self._store, entity_id))

    def managed(self, arn: str) -> Policy | None:
        """The compiled default version of a managed policy, AWS's or a customer's."""
        return self._get(("managed", arn), "policy", lambda: loader.managed(self._store, arn))

    def boundary(self, arn: str) -> Policy | None:
        """The same as managed(), compiled as a permissions boundary."""
        return self._get(("boundary", arn), "policy", lambda: loader.managed(self._store, arn, PolicyType.BOUNDARY))

    def session_policy(self, arn: str) -> Policy | None:
        """The same as managed(), compiled as a session policy."""
        return self._get(("session", arn), "policy", lambda: loader.managed(self._store, arn, PolicyType.SESSION))

    def revoked(self, session: "Session") -> bool:
        """Whether credentials issued when this session was are refused.

        INVARIANT: revocations are by role, by principal (role session or user) and by association; any one suffices.
        """
        listed = self._revocations
        if listed is None:
            with self._lock, self._store.read() as conn:
                listed = self._revocations = revocations.load(conn)
        return bool(listed) and revocations.applies(listed, session)

    def organization(self, account: str) -> "Membership | None":
        """The place of an account in its organization and what limits it there; None outside of organizations."""
        load = lambda: loader.organization(self, self._store, account)  # noqa: E731 - as its neighbours
        found = self._get(("organization", account), "organization", load) if account else None
        return found if found is not None and found.id else None

    def closed(self, account: str) -> bool:
        """Whether an organization has closed the account."""
        member = self.organization(account)
        return member is not None and member.suspended

    def scps(self, account: str) -> tuple[PolicySet, ...]:
        """What limits the principals of an account, one set a level from the root of its organization down."""
        member = self.organization(account)
        return member.scps if member is not None else ()

    def rcps(self, account: str) -> tuple[PolicySet, ...]:
        """What limits everybody on the resources of an account, likewise."""
        member = self.organization(account)
        return member.rcps if member is not None else ()

    def limited(self, policies: Policies, account: str, owner: str) -> Policies:
        """The policies with what organizations say of a request by one account on a resource of another.

        INVARIANT: a resource of which nobody can tell whose it is ("") is taken for the caller's own.
        """
        scps, rcps = self.scps(account), self.rcps(owner or account)
        return replace(policies, scps=scps, rcps=rcps) if scps or rcps else policies

    def organization_keys(self, whose: str, account: str) -> dict[str, str | tuple[str, ...]]:
        """The condition keys that tell an account's place: `whose` is principal, resource or source."""
        member = self.organization(account)
        return member.keys(whose) if member is not None else {}

    def organization_level(self, management: str, type: str, target: str) -> "Level":
        """The policies of a type that hang on one root, unit or account; all that are below it share them."""
        load = lambda: loader.organization_level(self._store, management, type, target)  # noqa: E731 - as its neighbours
        found = self._get(("level", type, target), "organization", load)
        assert found is not None  # noqa: S101 - a level is loaded or raises
        return found

    def accounts(self) -> tuple[str, ...]:
        """The ids of all accounts of the installation, the first account's first."""
        return self._get((ACCOUNTS,), "account", lambda: loader.accounts(self._store)) or ()

    @property
    def revision(self) -> int:
        """Grows with each change of it."""
        return self._revision

    def refresh(self, *, trusted: bool = True) -> None:
        """Drop what has changed since the last time, or everything. The store calls it under the lock."""
        with self._store.read() as conn:
            rows = changes.since(conn, self._revision, MANY_CHANGES)
            known = len(rows) < MANY_CHANGES and changes.reaches(conn, self._revision, rows)
        if not (trusted and known):  # too many, or the log was pruned past us
            self._drop_all()
            with self._store.read() as conn:
                self._revision = changes.latest(conn)
            return
        for row in rows:
            self._apply(row)
            self._revision = row.revision

    def _apply(self, row: Change) -> None:
        special = _SPECIAL.get(row.kind)
        if special is not None:
            special(self)
            return
        self._present.drop(row.id)
        self._absent.drop(row.id)
        self._absent.drop(row.kind)  # a name that did not exist may exist now

    def _drop_all(self) -> None:
        self._present.clear()
        self._absent.clear()
        self._drop_revocations()
        self._drop_ring()

    def _drop_revocations(self) -> None:
        self._revocations = None

    def _drop_ring(self) -> None:
        self._store.sealer.forget_ring()

    def _get(self, key: tuple[str, ...], kind: str, load: Callable[[], loader.Loaded[T]]) -> T | None:
        """From memory, else loaded under the lock, so that no refresh can come between the reading and the keeping."""
        value = self._present.get(key)
        if value is not None:
            return cast(T, value)
        with self._lock:
            value = self._present.recall(key)
            if value is not None or self._absent.recall(key) is not None:
                return cast("T | None", value)
            loaded = load()
            if loaded.value is None:
                self._absent.put(key, True, (kind, *loaded.depends))
            else:
                self._present.put(key, loaded.value, loaded.depends)
            return loaded.value


NOTHING = EntityPolicies(PolicySet())
_SPECIAL: dict[str, Callable[[Snapshot], None]] = {
    "reset": Snapshot._drop_all,
    "revocation": Snapshot._drop_revocations,
    "sealing_key": Snapshot._drop_ring,
}
