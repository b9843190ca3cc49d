"""Calls that the gateway does not pass on as they are: a backend would say too much, or not understand them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from kansatsu.catalog import Authorization
from kansatsu.gateway.answers import Answer
from kansatsu.gateway.exchange import Exchange

# Lets a request be about all of this; raises its denial.
Allow = Callable[[Sequence[Authorization]], Awaitable[None]]


class Special(Protocol):
    """Answers the calls that concern it."""

    def concerns(self, exchange: Exchange) -> bool: ...
    async def answer(self, exchange: Exchange, account: str, allow: Allow) -> Answer: ...
