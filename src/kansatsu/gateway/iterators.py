"""Iterators of the shards of Kinesis and of DynamoDB's streams: who reads by one must be allowed its stream.

The call that reads names its stream at most beside the iterator, and a backend's iterator may be the stream's name in
plain letters. So clients get it sealed together with the stream that it was asked for, or with all that may be meant.
So they do the token that says where a list of shards goes on, which stands in the place of the stream's name, too.
"""

import json
from collections.abc import Mapping
from typing import Any

from kansatsu import wire
from kansatsu.backends import EmbeddedBackend
from kansatsu.errors import AwsError
from kansatsu.gateway.answers import Whole
from kansatsu.gateway.exchange import Exchange
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.gateway.special import Allow
from kansatsu.identity import Store, iterators
from kansatsu.identity.sealer import Unopenable

_LISTS = "kinesis.ListShards"
_GIVES = frozenset({"kinesis.GetShardIterator", "dynamodbstreams.GetShardIterator", _LISTS})
# service.operation -> the member that holds one, and the error where it is none
# https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
# https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
_READS = {
    "kinesis.GetRecords": ("ShardIterator", "InvalidArgumentException"),
    "dynamodbstreams.GetRecords": ("ShardIterator", "ValidationException"),
    _LISTS: ("NextToken", "InvalidArgumentException"),
}
_MEMBERS = ("ShardIterator", "NextShardIterator", "NextToken")


class Iterators:
    """They are opened before a call is resolved, and sealed in its answer."""

    def __init__(self, store: Store, forwarder: Forwarder) -> None:
        self._store = store
        self._forwarder = forwarder

    def known(self, exchange: Exchange) -> Mapping[str, str]:
        """The streams of the iterator, under the key of the catalog; the request has the backend's own from here on.

        INVARIANT: an iterator that was not given here reads nothing. Raises AwsError.
        """
        member, error = _READS.get(exchange.name, ("", ""))
        if not member or (exchange.name == _LISTS and member not in exchange.params):
            return {}
        try:
            given = exchange.params[member]
            streams, own = iterators.opened(self._store.sealer, exchange.region, given, exchange.now)
        except (Unopenable, KeyError, TypeError):
            raise AwsError(f"Invalid {member}.", code=error, status=400) from None
        exchange.params = {**exchange.params, member: own}
        return {f"iterator {own}": streams}

    def concerns(self, exchange: Exchange) -> bool:
        """Whether the answer has an iterator."""
        return exchange.name in _GIVES or exchange.name in _READS

    async def answer(self, exchange: Exchange, account: str, _allow: Allow) -> Whole:
        """The backend's answer, its iterator sealed with what the call was authorized on."""
        operation, region = exchange.known, exchange.region
        service = operation.service.name
        listed: dict[str, Any] = {}
        params: Mapping[str, Any] = exchange.params
        if exchange.name == _LISTS:
            embedded = isinstance(self._forwarder.backend(service, account), EmbeddedBackend)
            params, listed = _continued(params, embedded=embedded)
        result: dict[str, Any] = dict(await self._forwarder.ask(account, region, service, operation.name, params))
        streams = " ".join(dict.fromkeys(item.resource for item in exchange.authorizations))
        for member in _MEMBERS:
            if isinstance(own := result.get(member), str):
                own = json.dumps([own, listed]) if exchange.name == _LISTS else own
                result[member] = iterators.seal(self._store.sealer, region, streams, own)
        return Whole(wire.encode(operation, result, exchange.request_id))


def _continued(params: Mapping[str, Any], *, embedded: bool) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """What the backend is asked for a list, and the question that a token of it goes on with.

    The embedded backend wants the first question once more with its token, where AWS takes the token alone.
    """
    if "NextToken" not in params:
        plain = {name: value for name, value in params.items() if isinstance(value, (str, int))}
        return params, plain
    token, first = json.loads(params["NextToken"])
    return {**(first if embedded else params), "NextToken": token}, first
