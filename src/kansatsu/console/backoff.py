"""Who failed to sign in waits ever longer, by the name that was tried and by the address that tried.

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
    """`free` failures cost no wait; each further one doubles it, up to five minutes."""

    def __init__(self, free: int) -> None:
        self._free = free
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
            known.until = now + min(2.0 ** (known.failures - self._free), _LONGEST)
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
