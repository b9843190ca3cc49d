"""Policies of DynamoDB's tables: which table one is of, since the embedded backend keeps it for the next of the name.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/access-control-resource-based.html
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from kansatsu.arn import Arn
from kansatsu.identity import principals

_MARK = "kansatsu table of "


def holder(named: Arn) -> str | None:
    """The ARN of the table, or of the stream, whose policy guards this; an index is its table's.

    Backups, exports and imports have none.
    """
    kind, _, rest = named.resource.partition("/")
    table, _, inside = rest.partition("/")
    if kind != "table" or not table or not named.account or any(sign in rest for sign in "*?"):
        return None
    if inside.startswith("stream/"):
        return str(named)
    of_table = not inside or inside.startswith("index/")
    return f"arn:{named.partition}:dynamodb:{named.region}:{named.account}:table/{table}" if of_table else None


def created(answer: Mapping[str, Any]) -> str:
    """What tells a table from others of its name, of an answer of DescribeTable: when it was made."""
    found = answer["Table"]["CreationDateTime"]
    return str(found.timestamp() if hasattr(found, "timestamp") else found)


def marked(text: str, table: str) -> str:
    """A policy that says which table it is of."""
    document = json.loads(text)
    return json.dumps({**document, "Id": f"{_MARK}{table} {document.get('Id', '')}"})


def of(policy_id: str) -> str:
    """The table that a policy of this Id is of, "" where it does not say."""
    return policy_id.removeprefix(_MARK).partition(" ")[0] if policy_id.startswith(_MARK) else ""


def shown(answer: Mapping[str, Any], arn_of: Callable[[str], str | None]) -> dict[str, Any]:
    """The answer of GetResourcePolicy with the policy as it was set."""
    document = json.loads(answer["Policy"])
    if of(str(document.get("Id", ""))):
        own = document["Id"].removeprefix(_MARK).partition(" ")[2]
        document = {name: own if name == "Id" else value for name, value in document.items() if name != "Id" or own}
    return {**answer, "Policy": principals.shown(json.dumps(document), arn_of)}
