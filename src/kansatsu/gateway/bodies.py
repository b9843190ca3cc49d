"""How much of requests is held in memory at once: until a body is read, nobody knows who signed it."""

from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, Protocol

from kansatsu.errors import SlowDown
from kansatsu.gateway import asgi
from kansatsu.gateway.exchange import Exchange
from kansatsu.identity.turns import SMALL

_MOST = 1 << 30  # octets of all bodies that are not small
_MOST_OF_ONE = 1 << 27  # of one access key, and of everybody together who has none


class Holder(Protocol):
    """A request that may hold a body."""

    holds: tuple[str, int]  # whose, and how many octets


class Unsigned:
    """One that nobody signs."""

    holds = ("", 0)


class Bodies:
    """Used from one event loop."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    @contextmanager
    def held(self, holder: Holder) -> Iterator[None]:
        """Around all of a request, whose body `read` may read."""
        try:
            yield
        finally:
            who, size = holder.holds
            self._taken[who] -= size
            if self._taken[who] <= 0:
                del self._taken[who]

    async def read(self, exchange: Exchange, who: str) -> bytes:
        """The body; `who` is an access key that there is, "" where there is none.

        INVARIANT: what arrives is counted before it is kept, and whoever sends much takes the room of nobody else. The
        key is only named by then: whoever does so for another one keeps this key from large requests, and no other.
        Raises SlowDown, and what asgi.read raises.
        """
        limit = asgi.BODY_LIMIT if who else asgi.ANONYMOUS_LIMIT
        return await self.read_for(exchange, exchange.receive, exchange.request.headers, who, limit)

    async def read_for(
        self, holder: Holder, receive: asgi.Receive, headers: Mapping[str, str], who: str, limit: int
    ) -> bytes:
        """The same of any request."""
        if asgi.fits(headers, SMALL):
            return await asgi.read(receive, headers, limit)

        async def counted() -> MutableMapping[str, Any]:
            message = await receive()
            size = len(message.get("body", b""))
            if self._taken[who] + size > _MOST_OF_ONE or self._taken.total() + size > _MOST:
                raise SlowDown("Please reduce your request rate.")
            self._taken[who] += size
            holder.holds = who, holder.holds[1] + size
            return message

        return await asgi.read(counted, headers, limit)
