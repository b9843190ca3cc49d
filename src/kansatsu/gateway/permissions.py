"""Calls by which clients let somebody in to a Lambda function, and by which they look who is let in.

https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from kansatsu.errors import AwsError
from kansatsu.identity import principals
from kansatsu.policy import Policy
from kansatsu.resources import Place, functions
from kansatsu.resources.kinds import compiled

Params = Mapping[str, Any]
Keep = Callable[[Policy | None], Awaitable[None]]
Ask = Callable[[Place, str, Params], Awaitable[Params]]  # of Lambda: where, the operation, its parameters
CALLS = frozenset({"lambda.AddPermission", "lambda.RemovePermission", "lambda.GetPolicy"})
# With these a version or an alias ends, or one begins: then an earlier one of the name has ended.
ENDS = frozenset({"lambda.CreateAlias", "lambda.DeleteAlias", "lambda.DeleteFunction"})


class FunctionPermissions:
    """Answers those calls; `ask` asks the backend."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._changing = asyncio.Lock()

    async def answer(self, name: str, params: Params, place: Place, people: principals.People, keep: Keep) -> Params:
        """The result of one of CALLS on a function, version or alias; `keep` is told of a policy that loses something.

        Raises Lambda's errors and the backend's.
        """
        if name == "lambda.GetPolicy":
            return await self._shown(place, people)
        async with self._changing:
            held = await self._held(place)
            if name == "lambda.AddPermission":
                statement = functions.added(params, place.arn, held, people)
                await self._ask(place, "AddPermission", functions.passed(params, statement))
                return {"Statement": json.dumps(_shown({"Statement": [statement]}, people)["Statement"][0])}
            sid = str(params["StatementId"])
            own = functions.of(held, place.arn)
            left = [one for one in own if one.get("Sid") != sid]
            if len(left) == len(own):
                raise functions.missing(sid)
            text = json.dumps({"Version": "2012-10-17", "Statement": left}) if left else ""
            await keep(compiled(place, text))
            return await self._ask(place, "RemovePermission", {**params, **functions.target(place.arn)})

    async def end(self, name: str, params: Params, place: Place) -> None:
        """Take away what a version or an alias lets in, before it is deleted or one of its name is made.

        INVARIANT: nobody is let in to an alias because he was let in to an earlier one of the name: the embedded
        backend keeps the statements of what is deleted while the function is there.
        """
        ended = place.arn if name == "lambda.DeleteFunction" else f"{place.arn}:{params['Name']}"
        where = functions.target(ended)
        if "Qualifier" not in where:
            return  # the whole function: the statements go with it
        async with self._changing:
            if name == "lambda.CreateAlias" and await self._is_there(place, where["FunctionName"], params["Name"]):
                return  # and stays as it is
            held = await self._held(place)
            for one in functions.of(held, ended):
                await self._ask(
                    place, "RemovePermission", {"FunctionName": where["FunctionName"], "StatementId": one["Sid"]}
                )

    async def _is_there(self, place: Place, function: str, alias: str) -> bool:
        try:
            await self._ask(place, "GetAlias", {"FunctionName": function, "Name": alias})
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            return False
        return True

    async def _held(self, place: Place) -> list[functions.Statement]:
        """All statements that the backend keeps with those of this one."""
        try:
            answer = await self._ask(place, "GetPolicy", functions.target(place.arn))
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            return []
        held: list[functions.Statement] = functions.document(answer["Policy"])["Statement"]
        return held

    async def _shown(self, place: Place, people: principals.People) -> Params:
        answer = await self._ask(place, "GetPolicy", functions.target(place.arn))
        document = functions.document(answer["Policy"])
        document["Statement"] = functions.of(document["Statement"], place.arn)
        if not document["Statement"]:
            raise functions.missing()
        return {**answer, "Policy": json.dumps(_shown(document, people))}


def _shown(document: Mapping[str, Any], people: principals.People) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(principals.shown(json.dumps(document), people.arn_of))
    return found
