"""What DynamoDB's global tables take in the Regions of their replicas, beside the call itself.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/globaltables-security.html (version 2019.11.21)
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/gt_IAM.html (version 2017.11.29)
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kansatsu.catalog.authorization import Authorization, Params
from kansatsu.catalog.values import arn_parts, safe

_MADE = (
    *("CreateTable", "CreateTableReplica", "Query", "Scan", "UpdateItem", "PutItem", "GetItem", "DeleteItem"),
    "BatchWriteItem",
)
_TAKEN_AWAY = ("DeleteTable", "DeleteTableReplica")
_REGION = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-[0-9]+")


def resolve(operation: str, params: Params, account: str) -> Iterator[Authorization]:
    """The checks on the replicas that a call makes or removes, and on those of a witness.

    INVARIANT: nobody has DynamoDB copy a table to a Region, or delete a copy there, who may not do it himself.
    """
    if operation not in ("UpdateTable", "CreateGlobalTable", "UpdateGlobalTable"):
        return
    table = _named(str(params.get("TableName") or params.get("GlobalTableName")), account)
    made, removed = (_each(params, "ReplicaUpdates", what) for what in ("Create", "Delete"))
    if operation == "CreateGlobalTable":
        yield from _there((operation,), params.get("ReplicationGroup") or (), table)
    elif operation == "UpdateGlobalTable":
        yield from _there((operation,), [*made, *removed], table)
        if made:
            yield Authorization("dynamodb:CreateGlobalTable", f"arn:aws:dynamodb::{account}:global-table/{table[1]}")
            yield from _there(("CreateGlobalTable",), made, table)
    else:
        yield from _there(_MADE, made, table)
        yield from _there(_TAKEN_AWAY, removed, table)
        for what in ("Create", "Delete"):
            if witnesses := _each(params, "GlobalTableWitnessUpdates", what):
                yield from _there((f"{what}GlobalTableWitness",), [*witnesses, *made, *removed], table)


def _each(params: Params, member: str, what: str) -> list[Mapping[str, Any]]:
    return [one[what] for one in params.get(member) or () if isinstance(one.get(what), Mapping)]


def _named(table: str, account: str) -> tuple[str, str]:
    """(account, name) of a table that is named or given by its ARN."""
    parts = arn_parts(table)
    return (parts[4], parts[5].removeprefix("table/")) if parts else (account, table)


def _there(
    actions: tuple[str, ...], places: Iterable[Mapping[str, Any]], table: tuple[str, str]
) -> Iterator[Authorization]:
    """Actions on the table in each Region. The examples of AWS's page limit them by aws:RequestedRegion."""
    account, name = table
    for place in places:
        region = str(place.get("RegionName"))
        sure = _REGION.fullmatch(region) is not None and safe(name, False)
        resource = f"arn:aws:dynamodb:{region}:{account}:table/{name}" if sure else "*"
        for action in actions:
            yield Authorization(f"dynamodb:{action}", resource, {"aws:requestedregion": region}, exact=sure)
