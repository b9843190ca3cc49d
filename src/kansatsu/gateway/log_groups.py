"""Log groups that a call names by logGroupIdentifier, for backends that know logGroupName alone.

INVARIANT: the embedded backend passes over a member that it does not know and answers from some group; so it is told
the group that was authorized by the name that it reads.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
"""

from collections.abc import Mapping
from typing import Any

from kansatsu.arn import Arn
from kansatsu.gateway.exchange import Exchange

_NAME, _IDENTIFIER = "logGroupName", "logGroupIdentifier"
_GROUP = "log-group:"


def by_name(exchange: Exchange) -> Mapping[str, Any] | None:
    """The parameters with the group's name; None where they are right as they are.

    An ARN of another account or Region is left: whoever has it behind a URL knows it.
    """
    operation, given = exchange.known, exchange.params.get(_IDENTIFIER)
    if operation.service.name != "logs" or not isinstance(given, str) or _NAME in exchange.params:
        return None
    if operation.input is None or _NAME not in dict(operation.input.members):
        return None
    arn = Arn.parse(given)
    if arn is not None and (arn.account, arn.region) != (exchange.caller.account, exchange.region):
        return None
    name = arn.resource.removeprefix(_GROUP) if arn is not None else given
    return {**{key: value for key, value in exchange.params.items() if key != _IDENTIFIER}, _NAME: name}
