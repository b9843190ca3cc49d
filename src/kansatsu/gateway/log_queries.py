"""Queries of CloudWatch Logs: whoever reads the results must be allowed every log group that the query reads.

The service tells of one of them at most, so that they are kept when a query is started.
"""

from collections.abc import Mapping

from kansatsu import wire
from kansatsu.gateway import log_groups
from kansatsu.gateway.answers import Whole
from kansatsu.gateway.exchange import Exchange
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.gateway.special import Allow
from kansatsu.identity import Store, log_queries

_STARTS = "logs.StartQuery"
_READS = "logs.GetQueryResults"
_LONGEST = 256  # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetQueryResults.html


class LogQueries:
    """What is kept of them, for catalog.resolve."""

    def __init__(self, store: Store, forwarder: Forwarder) -> None:
        self._store = store
        self._forwarder = forwarder

    async def known(self, exchange: Exchange) -> Mapping[str, str]:
        """The log groups of the query whose results are asked for, under the key of the catalog."""
        if exchange.name != _READS or not isinstance(query := exchange.params.get("queryId"), str):
            return {}
        at = (exchange.caller.account, exchange.region, query)
        return {f"query {query}": await self._store.fetch(log_queries.of, *at)}

    def concerns(self, exchange: Exchange) -> bool:
        """Does it start one?"""
        return exchange.name == _STARTS

    async def answer(self, exchange: Exchange, account: str, _allow: Allow) -> Whole:
        """Start it, and keep what it was authorized on before anybody learns its id."""
        operation, region = exchange.known, exchange.region
        params = log_groups.by_name(exchange) or exchange.params
        result = await self._forwarder.ask(account, region, "logs", operation.name, params)
        query = result.get("queryId")
        if isinstance(query, str) and 0 < len(query) <= _LONGEST:
            groups = sorted({item.resource for item in exchange.authorizations})
            now = exchange.now.timestamp()
            await self._store.transact(log_queries.add, account, region, query, groups, now)
        return Whole(wire.encode(operation, result, exchange.request_id))
