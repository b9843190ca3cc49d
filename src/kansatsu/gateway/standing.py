"""Deliveries that were set up, kept in the store: they outlive this process where their backend does."""

from dataclasses import dataclass
from typing import Any

import msgspec

from kansatsu.catalog.deliveries import Delivery
from kansatsu.identity import Store, standing


@dataclass(frozen=True, slots=True)
class Standing:
    """A delivery that was set up, and the call that shows whether it still is."""

    delivery: Delivery
    account: str
    region: str
    service: str
    operation: str
    params: tuple[tuple[str, Any], ...]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Standing).decode


class Kept:
    """What was set up, by the account and the ARN of what holds the policy of its target."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, holder: str, one: Standing) -> None:
        """Keep it; once, however often it is set up."""
        await self._store.transact(standing.add, one.account, holder, _encode(one).decode())

    async def discard(self, holder: str, one: Standing) -> None:
        """It is there no more."""
        await self._store.transact(standing.discard, one.account, holder, _encode(one).decode())

    def of(self, account: str, holder: str) -> list[Standing]:
        """All that may stand."""
        with self._store.read() as conn:
            return [_decode(text) for text in standing.of(conn, account, holder)]
