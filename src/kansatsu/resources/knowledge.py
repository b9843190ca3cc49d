"""What the backend's resources are known to say of themselves: asked once, kept until a passing request changes it."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, Protocol, TypeVar, cast

from kansatsu.clock import Clock
from kansatsu.errors import AwsError, ServiceUnavailable, Unimplemented
from kansatsu.resources.facts import UNSUPPORTED, Kind, Place, Unsupported

log = logging.getLogger(__name__)

T = TypeVar("T")
MOST = 20_000  # facts kept; names of resources come from requests
UNSETTLED = 60.0  # seconds in which a write that was broken off may still take effect at the backend
# A backend answers so where it does not have an operation; a web page in the place of an answer is 501 already.
_NO_SUCH_OPERATION = frozenset(
    {"NotImplemented", "UnknownOperationException", "UnknownOperation", "InvalidAction", "UnsupportedOperation"}
)
_MISSING: Final = object()
_Key = tuple[str, str, str]  # kind, account, ARN


class Ask(Protocol):
    """A call of our own to the backend of a service, in an account and Region; raises AwsError."""

    def __call__(
        self, account: str, region: str, service: str, operation: str, params: Mapping[str, Any], /
    ) -> Awaitable[Mapping[str, Any]]: ...


def until_changed(_service: str) -> float:
    """The lifetime of facts of a backend that nobody but us speaks with: without end."""
    return math.inf


class _Write(NamedTuple):
    kinds: frozenset[str]
    arns: frozenset[str] | None  # None: nobody knows which

    def concerns(self, key: _Key) -> bool:
        return key[0] in self.kinds and (self.arns is None or key[2] in self.arns)


def unread(what: str, error: AwsError) -> ServiceUnavailable:
    """What could not be read, and why where there was no answer: the sentence is ours then, a backend's stays here."""
    why = f": {error.message}" if isinstance(error, ServiceUnavailable) else " from the backend. Please try again."
    return ServiceUnavailable(f"{what} could not be read{why}")


class Knowledge:
    """A read-through memory of facts; used from one event loop.

    `lifetime` says for how many seconds a fact of a service is good: without end where all who could change it pass
    here. A fact that cannot be read raises ServiceUnavailable, and is never taken for "there is none".
    """

    def __init__(
        self,
        ask: Ask,
        clock: Clock,
        kinds: Iterable[Kind[Any]],
        lifetime: Callable[[str], float] = until_changed,
        most: int = MOST,
    ) -> None:
        self.ask = ask
        self._clock = clock
        self._lifetime = lifetime
        self._most = most
        self._changes: dict[str, set[str]] = {}  # operation -> names of kinds
        for kind in kinds:
            for operation in kind.changed_by:
                self._changes.setdefault(operation, set()).add(kind.name)
        self._kept: dict[_Key, tuple[Any, float]] = {}  # value, good until (epoch seconds)
        self._reads: dict[_Key, asyncio.Task[Any]] = {}
        self._writes: dict[object, tuple[_Write, float]] = {}  # what is under way, until

    def known(self, kind: Kind[T], place: Place, otherwise: T) -> T | Unsupported:
        """The fact if it is in memory, else `otherwise`: for the path of a request, before it has to wait."""
        kept = self._kept.get((kind.name, place.account, place.arn))
        if kept is None or (kept[1] != math.inf and kept[1] <= self._now()):
            return otherwise
        return cast(T, kept[0])

    async def learn(self, kind: Kind[T], place: Place) -> T | Unsupported:
        """The fact, from memory or from the backend; who asks for the same at once waits for one answer.

        UNSUPPORTED where the backend has no such kind. Raises ServiceUnavailable where it did not say.
        """
        found = self.known(kind, place, cast(T, _MISSING))
        if found is not _MISSING:
            return found
        key = (kind.name, place.account, place.arn)
        read = self._reads.get(key)
        if read is None:
            read = self._reads[key] = asyncio.get_running_loop().create_task(self._read(kind, place, key))
            read.add_done_callback(_taken)
        # A client that goes away does not take the answer from the others.
        return cast("T | Unsupported", await asyncio.shield(read))

    def changed_by(self, operation: str) -> bool:
        """May this operation change a fact of any kind?"""
        return operation in self._changes

    @contextmanager
    def changing(self, operation: str, arns: Collection[str] | None) -> Iterator[None]:
        """Around a call of `operation` ("s3.DeleteBucket") on these resources; None where nobody knows which.

        INVARIANT: what was read before a change, or while it was under way, answers nobody after it.
        """
        kinds = frozenset(self._changes.get(operation, ()))
        write, token = _Write(kinds, None if arns is None else frozenset(arns)), object()
        self._writes[token] = (write, math.inf)
        self._forget(write)
        try:
            yield
            del self._writes[token]
        except BaseException:
            # Nobody knows whether the backend goes on with it.
            self._writes[token] = (write, self._now() + UNSETTLED)
            raise
        finally:
            self._forget(write)

    def clear(self) -> None:
        """Forget everything: the backend was emptied."""
        self._kept.clear()
        self._reads.clear()

    async def _read(self, kind: Kind[T], place: Place, key: _Key) -> T | Unsupported:
        own = asyncio.current_task()
        try:
            value = await self._asked(kind, place)
            # INVARIANT: no read that overlapped a change is kept: the change took it off `_reads`, or is under way.
            if self._reads.get(key) is own and not self._under_way(key):
                self._keep(key, value, self._lifetime(kind.service))
            return value
        finally:
            if self._reads.get(key) is own:
                del self._reads[key]

    async def _asked(self, kind: Kind[T], place: Place) -> T | Unsupported:
        what = f"The {kind.name} of {place.arn}"
        try:
            answer = await self.ask(place.account, place.region, kind.service, kind.operation, kind.params(place))
        except AwsError as error:
            if error.code in kind.absent:
                return kind.nothing
            if error.status in (405, 501) or error.code in _NO_SUCH_OPERATION:
                return UNSUPPORTED
            # INVARIANT: a fact that cannot be read refuses the request; it is never "there is none".
            # That a backend gives no answer is in the log already, once and not per request: see backends.health.
            level = logging.INFO if isinstance(error, ServiceUnavailable) else logging.ERROR
            log.log(level, "%s could not be read: %s %s", what, error.code, error.message)
            raise unread(what, error) from error
        try:
            return kind.read(place, answer)
        except Unimplemented:
            return UNSUPPORTED
        except AwsError as error:
            log.error("%s is none that Kansatsu understands: %s", what, error.message)
            raise ServiceUnavailable(f"{what} at the backend is none that Kansatsu understands.") from error

    def _keep(self, key: _Key, value: Any, lifetime: float) -> None:
        if lifetime <= 0:
            return
        while len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (value, math.inf if lifetime == math.inf else self._now() + lifetime)

    def _under_way(self, key: _Key) -> bool:
        if not self._writes:
            return False
        now = self._now()
        for token in [token for token, (_, until) in self._writes.items() if until <= now]:
            del self._writes[token]
        return any(write.concerns(key) for write, _ in self._writes.values())

    def _forget(self, write: _Write) -> None:
        """A scan of all: changes are rare, and a scan takes a millisecond or two."""
        held: dict[_Key, Any]
        for held in (self._kept, self._reads):
            for key in [key for key in held if write.concerns(key)]:
                del held[key]

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _taken(read: asyncio.Task[Any]) -> None:
    """Whoever waited has the failure; when they all went away it is nobody's."""
    if not read.cancelled():
        read.exception()
