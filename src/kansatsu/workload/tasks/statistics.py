"""What the containers of tasks use, as the engine counts it: asked when somebody asks, and once a second at most."""

import asyncio
from collections.abc import Mapping
from typing import Any

from kansatsu.clock import Clock
from kansatsu.workload.providers import Provider, ProviderError

_FRESH = 1.0  # seconds: however often a task asks, the engine is asked no more often than this
_MOST = 256  # answers that are kept


class Statistics:
    """Docker's statistics by the engine's id of a container; a question that is under way is asked once."""

    def __init__(self, provider: Provider, clock: Clock) -> None:
        self._provider = provider
        self._clock = clock
        self._asked: dict[str, tuple[float, asyncio.Task[Mapping[str, Any] | None]]] = {}

    async def of(self, reference: str) -> Mapping[str, Any] | None:
        """None for a container that does not run, or when the engine is away."""
        now = self._clock.now().timestamp()
        at, answer = self._asked.get(reference, (0.0, None))
        if answer is None or (answer.done() and not 0 <= now - at < _FRESH):
            answer = asyncio.get_running_loop().create_task(self._ask(reference))
            self._asked.pop(reference, None)
            self._asked[reference] = now, answer
            if len(self._asked) > _MOST:
                del self._asked[next(iter(self._asked))]
        return await asyncio.shield(answer)

    async def _ask(self, reference: str) -> Mapping[str, Any] | None:
        try:
            return await self._provider.statistics(reference)
        except ProviderError:
            return None
