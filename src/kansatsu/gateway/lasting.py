"""A request that waits after it was read, or after it was decided: what was taken away meanwhile is taken away.

It waits for a backend that is asked about its resources, for others at the same bucket, and for its own body.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from kansatsu.catalog import Authorization
from kansatsu.errors import ServiceUnavailable
from kansatsu.gateway.exchange import Exchange
from kansatsu.identity import Store
from kansatsu.policy import PolicySet
from kansatsu.resources import Deciding, Guard

T = TypeVar("T")
_MOST = 5  # how often one request is decided


class Outdated(Exception):
    """What decides a request has changed since it was looked up: it is to be decided anew."""


class Decider:
    """What decides one request, and whether it does so still; used from one event loop."""

    def __init__(
        self, store: Store, exchange: Exchange, find: Callable[[bool], Deciding], authorize: Callable[[], None]
    ) -> None:
        """`find` gives the policies of everybody who must allow it; it is told whether the request has waited, and then
        raises SigningError where its credentials are good for nothing any more. `authorize` raises its denial.
        """
        self.policies: Deciding = ()
        self._store = store
        self._exchange = exchange
        self._find = find
        self._authorize = authorize
        self._revision = 0  # of the identities by which it is decided
        self._guarded: list[tuple[Sequence[Authorization], Sequence[Guard]]] = []
        self._rcps: dict[str, tuple[PolicySet, ...]] = {}  # of the accounts whose resources they are

    async def answered(self, answer: Callable[[], Awaitable[T]]) -> T:
        """What `answer` comes to: anew whenever it is Outdated. Raises ServiceUnavailable where that has no end."""
        for _ in range(_MOST):
            try:
                await self.look()
                return await answer()
            except Outdated:
                self._exchange.undecided()
        raise ServiceUnavailable("What decides this request changes too often. Please try again.")

    async def look(self) -> None:
        """Look up the policies that are to decide."""
        waited = self._exchange.turn.passed
        if waited:
            self._exchange.snapshot = await self._store.current()
        self._revision = self._exchange.state.revision
        self.policies = await self._store.apart(self._find, waited)
        self._exchange.turn.begin()
        self._guarded.clear()
        self._rcps.clear()

    def guarded(self, items: Sequence[Authorization], guards: Sequence[Guard]) -> None:
        """By these guards it is decided on `items`."""
        self._guarded.append((items, guards))
        snapshot, own = self._exchange.state, self._exchange.caller.account
        self._rcps |= {owner: snapshot.rcps(owner) for owner in {guard.account or own for guard in guards} - {""}}

    async def outdated(self, guards: Callable[[Sequence[Authorization]], Awaitable[Sequence[Guard]]]) -> bool:
        """Whether policies have changed since they were looked up, of identities or of resources.

        Raises SigningError.
        """
        turn = self._exchange.turn
        if not turn.passed:
            return False
        turn.begin()
        await self._store.current()
        if await self._store.apart(self._moved, True):
            return True
        return any([await guards(items) != known for items, known in self._guarded])

    def authorize(self, waited: bool) -> None:
        """Raise its denial, or Outdated. INVARIANT: what has waited is decided by what holds when its turn comes, and
        no policy is asked before the keys that it asks for were looked up."""
        if self._moved(waited):
            raise Outdated
        self._authorize()

    def _moved(self, waited: bool) -> bool:
        """Whether the policies of identities or organizations are others; whoever else was changed counts for nothing.

        Raises SigningError.
        """
        snapshot = self._exchange.state
        revision = snapshot.revision
        if not waited and revision == self._revision:
            return False
        if self._find(True) != self.policies or any(snapshot.rcps(of) != rcps for of, rcps in self._rcps.items()):
            return True
        self._revision = revision
        return False
