"""How much of requests is held in memory at once: until a body is read, nobody knows who signed it."""

from collections import Counter
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from kansatsu.errors import SlowDown
from kansatsu.gateway import asgi
from kansatsu.gateway.exchange import Exchange
from kansatsu.identity.turns import SMALL

_MOST = 1 << 30  # octets of all bodies that are not small
_MOST_OF_ONE = 1 << 27  # of one access key, and of everybody together who has none


class Bodies:
    """Used from one event loop."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    @contextmanager
    def held(self, exchange: Exchange) -> Iterator[None]:
        """Around all of a request, whose body `read` may read."""
        try:
            yield
        finally:
            who, size = exchange.holds
            self._taken[who] -= size
            if self._taken[who] <= 0:
                del self._taken[who]

    async def read(self, exchange: Exchange, who: str) -> bytes:
        """The body; `who` is an access key that there is, "" where there is none.

        INVARIANT: what arrives is counted before it is kept, and whoever sends much takes the room of nobody else. The
        key is only named by then: whoever does so for another one keeps this key from large requests, and no other.
        Raises SlowDown, and what asgi.read raises.
        """
        headers, limit = exchange.request.headers, asgi.BODY_LIMIT if who else asgi.ANONYMOUS_LIMIT
        if asgi.fits(headers, SMALL):
            return await asgi.read(exchange.receive, headers, limit)

        async def receive() -> MutableMapping[str, Any]:
            message = await exchange.receive()
            size = len(message.get("body", b""))
            if self._taken[who] + size > _MOST_OF_ONE or self._taken.total() + size > _MOST:
                raise SlowDown("Please reduce your request rate.")
            self._taken[who] += size
            exchange.holds = who, exchange.holds[1] + size
            return message

        return await asgi.read(receive, headers, limit)
