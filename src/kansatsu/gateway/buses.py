"""Calls by which clients let somebody in to an event bus: the whole policy is set anew, or taken away.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from kansatsu.identity.principals import People
from kansatsu.resources import SETTERS, Place, Resources, buses

Params = Mapping[str, Any]
Ask = Callable[[Place, str, Params], Awaitable[Params]]  # of EventBridge: where, the operation, its parameters
_PUT = "events.PutPermission"
CALLS = frozenset({_PUT, "events.RemovePermission"})
_PARTS = ("StatementId", "Action", "Principal", "Condition")


class BusPermissions:
    """Answers those calls; `ask` asks the backend."""

    def __init__(self, resources: Resources, ask: Ask) -> None:
        self._resources = resources
        self._ask = ask
        self._changing = asyncio.Lock()

    async def answer(self, name: str, params: Params, place: Place, people: People, *, embedded: bool) -> Params:
        """The result of one of CALLS on a bus. Raises EventBridge's errors and the backend's."""
        bus = {"EventBusName": place.name.partition("/")[2]}
        setter = SETTERS[_PUT]
        async with self._changing:
            if name == _PUT and params.get("Policy"):
                if given := [part for part in _PARTS if params.get(part)]:
                    raise buses.invalid(f"Policy is given instead of {', '.join(given)}, not beside.")
                prepared = setter.prepared({**bus, "Policy": params["Policy"]}, place.arn, people, embedded=embedded)
                if prepared is not None:
                    return await self._ask(place, "PutPermission", prepared[1])
            policy = await self._resources.policy(place)
            held = policy.document.text if policy is not None else ""
            text = buses.added(params, place.arn, held) if name == _PUT else buses.removed(params, held)
            if not text:
                return await self._ask(place, "RemovePermission", {**bus, "RemoveAllPermissions": True})
            kept = setter.unseen(text) if setter.unseen and embedded else text
            return await self._ask(place, "PutPermission", {**bus, "Policy": kept})
