"""Who failed to sign in waits ever longer: by name and address together, by address, and by name from everywhere.

In memory of one process: every worker counts for itself, and a start forgets.
"""

from collections import OrderedDict
from dataclasses import dataclass

_KEPT = 10_000
_FORGOTTEN_AFTER = 3600.0  # seconds without another failure
_LONGEST = 300.0  # seconds


@dataclass(slots=True)
class _Tries:
    failures: int = 0
    last: float = 0.0
    until: float = 0.0


class Backoff:
    """`free` failures cost no wait; each further one doubles it, up to `longest` seconds."""

    def __init__(self, free: int, longest: float = _LONGEST) -> None:
        self._free = free
        self._longest = longest
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        """How many seconds to wait before the next attempt, 0 for none."""
        known = self._tries.get(key)
        return max(0.0, known.until - now) if known is not None else 0.0

    def begin(self, key: str, now: float) -> None:
        """Count an attempt as failed until `succeeded` says otherwise.

        INVARIANT: it counts before the password is looked at, so that many attempts at once are no way around.
        """
        known = self._tries.setdefault(key, _Tries())
        if now - known.last > _FORGOTTEN_AFTER:
            known.failures = 0
        known.failures += 1
        known.last = now
        if known.failures >= self._free:
            doublings = min(known.failures - self._free, 32)  # a power of many more is no number
            known.until = now + min(2.0**doublings, self._longest)
        self._tries.move_to_end(key)
        if len(self._tries) > _KEPT:
            self._tries.popitem(last=False)

    def take_back(self, key: str) -> None:
        """The attempt was no failure, and says nothing of those before it."""
        known = self._tries.get(key)
        if known is not None:
            known.failures -= 1
            known.until = 0.0

    def forget(self, key: str) -> None:
        """The attempt succeeded: so many failures before it were the owner's."""
        self._tries.pop(key, None)


class Guesses:
    """Attempts to sign in with a name, which failed until they are said to be none.

    INVARIANT: what a stranger fails at makes nobody else wait for long: a name waits where it was tried, everywhere
    only for a minute after many failures; and an address that many may share, as all do behind a proxy on this host
    (loopback), waits with each name alone.
    """

    def __init__(self, free: int, free_of_name: int, free_of_address: int) -> None:
        self._here = Backoff(free)
        self._names = Backoff(free_of_name, 60.0)
        self._addresses = Backoff(free_of_address)

    def begin(self, name: str, crowd: str, shared: bool, now: float) -> float:
        """How many seconds to wait, and nothing is counted; or 0, and it is counted as failed."""
        counters = self._counters(name, crowd, shared)
        wait = max(counter.wait(key, now) for counter, key in counters)
        if wait <= 0:
            for counter, key in counters:
                counter.begin(key, now)
        return wait

    def take_back(self, name: str, crowd: str, shared: bool, *, succeeded: bool) -> None:
        """It was no failure; a success says that those before it, with the name from there, were the owner's."""
        for counter, key in self._counters(name, crowd, shared):
            counter.take_back(key)
        if succeeded:
            self._here.forget(f"{name} {crowd}")

    def _counters(self, name: str, crowd: str, shared: bool) -> list[tuple[Backoff, str]]:
        found = [(self._here, f"{name} {crowd}"), (self._names, name)]
        return found if shared else [*found, (self._addresses, crowd)]
