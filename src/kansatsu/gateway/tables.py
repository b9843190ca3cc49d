"""Calls on the policies of DynamoDB's tables: on the resource that they name, and on no policy of an earlier table.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutResourcePolicy.html
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from kansatsu.errors import AwsError, Unimplemented
from kansatsu.resources import Place, Resources, tables

Params = Mapping[str, Any]
Ask = Callable[[Place, str, Params], Awaitable[Params]]  # of DynamoDB: where, the operation, its parameters
SETS = "dynamodb.PutResourcePolicy"
CALLS = frozenset({SETS, "dynamodb.GetResourcePolicy", "dynamodb.DeleteResourcePolicy"})


class TablePolicies:
    """What the embedded backend does not do by itself; `ask` asks the backend."""

    def __init__(self, resources: Resources, ask: Ask) -> None:
        self._resources = resources
        self._ask = ask

    async def prepare(self, params: Params, place: Place, *, embedded: bool) -> None:
        """Before one of CALLS. Raises ValidationException for what has no policy of its own, Unimplemented."""
        # INVARIANT: the call is about what was authorized: of an ARN of an index the backend takes the last part for
        # the name of a table.
        if params.get("ResourceArn") != place.arn:
            text = "Resource-based policies are of tables and streams: the ARN is of neither."
            raise AwsError(text, code="ValidationException", status=400)
        if not embedded:
            return
        if "/stream/" in place.arn:
            raise Unimplemented("The backend has no policies of streams, so this call is refused.")
        await self._sweep(place)

    async def _sweep(self, place: Place) -> None:
        """Take away the policy of an earlier table of the name."""
        try:
            found = await self._ask(place, "GetResourcePolicy", {"ResourceArn": place.arn})
        except AwsError:
            return  # there is none, or the call itself says what is wrong
        earlier = tables.of(str(json.loads(found["Policy"]).get("Id", "")))
        if not earlier or earlier == await self._resources.table(place):
            return
        gone = {"ResourceArn": place.arn, "ExpectedRevisionId": found["RevisionId"]}
        try:
            await self._ask(place, "DeleteResourcePolicy", gone)
        except AwsError as error:
            if error.code != "PolicyNotFoundException":  # set anew by somebody else meanwhile
                raise

    async def marked(self, params: Params, place: Place) -> dict[str, Any]:
        """The parameters of SETS with a policy that says which table it is of."""
        return {**params, "Policy": tables.marked(params["Policy"], await self._resources.table(place))}
