"""How a backend is: known from every call and from a look now and then, said in the log once and not per request."""

import logging
from dataclasses import dataclass
from datetime import datetime

from kansatsu.backends.trouble import Failure, Trouble
from kansatsu.clock import Clock

log = logging.getLogger(__name__)

_SAID_AGAIN = 60.0  # seconds until the same trouble of a backend that answers in between is worth another line
# What says that nobody gets through, and not only that one call failed.
_DOWN = frozenset({Trouble.UNREACHABLE, Trouble.UNTRUSTED, Trouble.NO_TLS})


@dataclass(frozen=True, slots=True)
class Condition:
    """`state`: starting | ready | restarting | failed of the embedded backend; starting | ready | refused | unreachable
    of one at a URL, since when, and why it is no better.
    """

    state: str
    since: datetime | None = None
    why: str = ""


class Health:
    """The condition of one backend, whose `name` the log uses."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        self._said: dict[Trouble, datetime] = {}
        self._in_a_row = 0
        self.condition = Condition("starting", clock.now())

    @property
    def down(self) -> bool:
        return self.condition.state == "unreachable"

    def well(self) -> None:
        """It answered, whatever."""
        self._in_a_row = 0
        if self.condition.state in ("ready", "refused"):
            return
        if self.down:
            log.warning("the backend %s answers again", self._name)
        self.condition = Condition("ready", self._clock.now())
        self._said.clear()

    def accepted(self) -> None:
        """It took our credentials."""
        if self.condition.state == "refused":
            log.warning("the backend %s accepts Kansatsu's credentials again", self._name)
            self.condition = Condition("ready", self._clock.now())

    def ill(self, failure: Failure) -> None:
        """It did not, or not as a whole. One call that fails may be that call's; three in a row are the backend's."""
        now = self._clock.now()
        self._in_a_row += 1
        said = self._said.get(failure.trouble)
        if said is None or (not self.down and (now - said).total_seconds() >= _SAID_AGAIN):
            self._said[failure.trouble] = now
            log.error("the backend %s %s; this is not said again for each request", self._name, failure)
        if failure.trouble in _DOWN or self._in_a_row >= 3:
            self._become("unreachable", failure, now)
        elif failure.trouble is Trouble.REFUSED:
            self._become("refused", failure, now)

    def _become(self, state: str, failure: Failure, now: datetime) -> None:
        since = self.condition.since if self.condition.state == state else now
        self.condition = Condition(state, since, str(failure))
