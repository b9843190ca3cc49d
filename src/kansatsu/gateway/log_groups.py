"""Log groups that a call names by identifiers, for backends that know names alone.

INVARIANT: the embedded backend passes over a member that it does not know and answers from some group; so it is told
the groups that were authorized by the names that it reads.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html
"""

from collections.abc import Mapping
from typing import Any

from kansatsu import wire
from kansatsu.arn import Arn
from kansatsu.gateway.answers import Whole
from kansatsu.gateway.exchange import Exchange
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.gateway.special import Allow

_NAMES = {"logGroupIdentifier": "logGroupName", "logGroupIdentifiers": "logGroupNames"}
_GROUP = "log-group:"


def by_name(exchange: Exchange) -> Mapping[str, Any] | None:
    """The parameters with the names of the groups; None where they are right as they are.

    An ARN of another account or Region is left: whoever has it behind a URL knows it.
    """
    operation, params = exchange.known, dict(exchange.params)
    if operation.service.name != "logs" or operation.input is None:
        return None
    members = dict(operation.input.members)
    for member, instead in _NAMES.items():
        given = params.get(member)
        if not given or instead not in members or any(name in params for name in _NAMES.values()):
            continue
        names = [_name(one, exchange) for one in ([given] if isinstance(given, str) else given)]
        if all(names):
            del params[member]
            return {**params, instead: names[0] if isinstance(given, str) else names}
    return None


def _name(identifier: str, exchange: Exchange) -> str:
    arn = Arn.parse(identifier)
    if arn is None:
        return identifier
    own = (arn.account, arn.region) == (exchange.caller.account, exchange.region)
    return arn.resource.removeprefix(_GROUP) if own else ""


class LogGroups:
    """Asks the backend by the names."""

    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder

    def concerns(self, exchange: Exchange) -> bool:
        """Does it name a group by its identifier alone?"""
        return by_name(exchange) is not None

    async def answer(self, exchange: Exchange, account: str, _allow: Allow) -> Whole:
        """The backend's answer."""
        params, name = by_name(exchange) or exchange.params, exchange.known.name
        result = await self._forwarder.ask(account, exchange.region, "logs", name, params)
        return Whole(wire.encode(exchange.known, result, exchange.request_id))
