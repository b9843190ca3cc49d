"""DynamoDB operations as IAM actions on table, index, stream, backup, export and import ARNs.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html (fine-grained access)
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html (PartiQL)
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from kansatsu.catalog import expressions, generic, partiql, tags
from kansatsu.catalog.authorization import Authorization, Context, Params, PartitionKeys

# Operations that name their resource by an ARN, and the parameter that holds it.
_BY_ARN = {
    "DeleteBackup": "BackupArn",
    "DescribeBackup": "BackupArn",
    "DescribeExport": "ExportArn",
    "DescribeImport": "ImportArn",
    "DescribeStream": "StreamArn",
    "GetShardIterator": "StreamArn",
    "ExportTableToPointInTime": "TableArn",
    "TagResource": "ResourceArn",
    "UntagResource": "ResourceArn",
    "ListTagsOfResource": "ResourceArn",
    "GetResourcePolicy": "ResourceArn",
    "PutResourcePolicy": "ResourceArn",
    "DeleteResourcePolicy": "ResourceArn",
}
# Operations that support no resource: AWS evaluates them on "*".
_EVERYWHERE = {
    "DescribeEndpoints",
    "DescribeLimits",
    "ListBackups",
    "ListContributorInsights",
    "ListExports",
    "ListGlobalTables",
    "ListImports",
    "ListStreams",
    "ListTables",
}
_GLOBAL_TABLES = {
    "CreateGlobalTable",
    "DescribeGlobalTable",
    "DescribeGlobalTableSettings",
    "UpdateGlobalTable",
    "UpdateGlobalTableSettings",
}
_ITEM_OPERATIONS = {"GetItem", "PutItem", "UpdateItem", "DeleteItem"}
_TRANSACTIONS = {
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
# What restoring does to the table that it makes, beside the restoring itself.
_RESTORED = ("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")
_READS = {"GetItem", "BatchGetItem", "Query", "Scan", "SearchVectors"}
_KEYS = {
    "Select": "dynamodb:select",
    "ReturnValues": "dynamodb:returnvalues",
    "ReturnConsumedCapacity": "dynamodb:returnconsumedcapacity",
}
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html#FGAC_DDB.ConditionKeys
_PLACES = ("first", "second", "third", "fourth")
# Stands for values that we could not read, so that a condition on all of them cannot be true of none.
UNKNOWN = "\ufffd"
NOTHING: Mapping[str, str] = {}


class Resolver:
    """The checks of DynamoDB operations in one account and region.

    `partition_keys` tells those of a table or an index. Without it, dynamodb:LeadingKeys holds the values of every key
    attribute that may be the partition key: a policy may then refuse what AWS would allow, never the reverse. `known`
    tells the streams of iterators.
    """

    def __init__(
        self, account: str, region: str, partition_keys: PartitionKeys | None, known: Mapping[str, str] = NOTHING
    ):
        self._prefix = f"arn:aws:dynamodb:{region}:{account}:"
        self._partition_keys = partition_keys
        self._known = known

    def resolve(self, operation: str, params: Params) -> Iterator[Authorization]:
        """The checks of one operation."""
        if operation in _ITEM_OPERATIONS:
            yield from self._item(operation, params, {})
        elif operation in ("Query", "Scan", "SearchVectors"):
            yield self._search(operation, params)
        elif operation in ("BatchGetItem", "BatchWriteItem"):
            yield from self._batch(operation, params)
        elif operation in ("TransactGetItems", "TransactWriteItems"):
            yield from self._transaction(operation, params)
        elif operation in ("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"):
            yield from self._statements(operation, params)
        else:
            yield from self._control(operation, params)

    def table(self, name: str) -> str:
        """The ARN of a table that is named or given by its ARN."""
        return name if name.startswith("arn:") else f"{self._prefix}table/{name}"

    def _item(self, action: str, params: Params, extra: Context) -> Iterator[Authorization]:
        """One item of one table: its key values and the attributes that are touched."""
        table = params.get("TableName", "")
        context, exact = self._fine_grained(table, [params.get("Key") or params.get("Item") or {}], params)
        context = _selected(action, params) | context
        yield from _returning(
            Authorization(f"dynamodb:{action}", self.table(table), {**context, **extra}, exact), params
        )

    def _fine_grained(self, table: str, items: list[Params], params: Params) -> tuple[Context, bool]:
        context = self._plain(params)
        values, exact = self._leading_keys(table, items)
        context |= _of_partition([values])
        attributes = expressions.attributes(params)
        for item in items:
            attributes |= set(item)
        if attributes:
            context["dynamodb:attributes"] = tuple(sorted(attributes))
        return context, exact

    def _plain(self, params: Params) -> Context:
        return {key: str(params[name]) for name, key in _KEYS.items() if params.get(name)}

    def _leading_keys(self, table: str, items: list[Params]) -> tuple[tuple[str, ...], bool]:
        name = next(iter(self._keys(table)), None)
        found: dict[str, None] = {}
        exact = True
        for item in items:
            if name is not None:
                chosen = [item[name]] if name in item else []
            else:
                # INVARIANT: never fewer values than AWS would see: "ForAllValues" is true of none.
                chosen = [value for value in item.values() if value.keys() & {"S", "N", "B"}]
                exact = exact and len(chosen) <= 1
            found |= dict.fromkeys(text for value in chosen if (text := expressions.text_of(value)) is not None)
        return tuple(found) or (UNKNOWN,), exact and bool(found)

    def _keys(self, table: str, index: str = "") -> tuple[str, ...]:
        return self._partition_keys(table, index) if self._partition_keys else ()

    def _search(self, operation: str, params: Params) -> Authorization:
        table, index = params.get("TableName", ""), params.get("IndexName")
        context = _selected(operation, params) | self._plain(params)
        exact = True
        if operation == "Query":
            values, exact = self._queried(table, index or "", expressions.key_conditions(params))
            context |= _of_partition(values)
        elif operation == "SearchVectors":
            context |= _of_partition([(UNKNOWN,)])
            exact = False
        attributes = expressions.attributes(params)
        if attributes:
            context["dynamodb:attributes"] = tuple(sorted(attributes))
        resource = self.table(table) + (f"/index/{index}" if index else "")
        return Authorization(f"dynamodb:{operation}", resource, context, exact)

    def _queried(self, table: str, index: str, keys: Params) -> tuple[list[tuple[str, ...]], bool]:
        """The values of each partition key that a query compares with; those of all keys where they are not known."""
        names = self._keys(table, index)
        if names and names[0] in keys:
            return [_texts([keys[name]] if name in keys else []) for name in names], True
        return [_texts(keys.values())], len(keys) == 1

    def _batch(self, operation: str, params: Params) -> Iterator[Authorization]:
        for table, request in (params.get("RequestItems") or {}).items():
            if operation == "BatchGetItem":
                items, own = request.get("Keys", []), request
            else:
                items = [inner.get("Key") or inner.get("Item") or {} for entry in request for inner in entry.values()]
                own = {}
            context, exact = self._fine_grained(table, items, {**own, **self._shared(params)})
            context = _selected(operation, own) | context
            yield Authorization(f"dynamodb:{operation}", self.table(table), context, exact)

    def _shared(self, params: Params) -> Params:
        return {name: params[name] for name in ("ReturnConsumedCapacity",) if name in params}

    def _transaction(self, operation: str, params: Params) -> Iterator[Authorization]:
        extra: Context = {"dynamodb:enclosingoperation": operation}
        for entry in params.get("TransactItems") or []:
            for kind, item in entry.items():
                yield from self._item(_TRANSACTIONS[kind], {**item, **self._shared(params)}, extra)

    def _statements(self, operation: str, params: Params) -> Iterator[Authorization]:
        extra: Context = {} if operation == "ExecuteStatement" else {"dynamodb:enclosingoperation": operation}
        entries = params.get("TransactStatements") or params.get("Statements") or [params]
        for entry in entries:
            if "Statement" not in entry:
                yield from (
                    Authorization(f"dynamodb:PartiQL{verb}", "*", extra, exact=False)
                    for verb in ("Select", "Insert", "Update", "Delete")
                )
                continue
            statement = partiql.parse(entry["Statement"])
            for table, index in statement.places:
                yield from _returning(self._statement(statement, table, index, entry, extra), entry)

    def _statement(
        self, statement: partiql.Statement, table: str, index: str, params: Params, extra: Context
    ) -> Authorization:
        resource = self.table(table) + (f"/index/{index}" if index else "")
        given = [text for value in params.get("Parameters") or () if (text := expressions.text_of(value)) is not None]
        values = tuple(dict.fromkeys((*statement.literals, *given, UNKNOWN)))
        names = self._keys(table, index)
        context: Context = {**extra, **_of_partition([values] * max(1, len(names))), "dynamodb:attributes": (UNKNOWN,)}
        if statement.verb == "Select":
            keyed = bool(names) and all(name in statement.compared for name in names)
            context["dynamodb:fulltablescan"] = "false" if keyed else "true"
            everything = "ALL_PROJECTED_ATTRIBUTES" if index else "ALL_ATTRIBUTES"
            context["dynamodb:select"] = everything if statement.whole else "SPECIFIC_ATTRIBUTES"
        if statement.returned:
            context["dynamodb:returnvalues"] = statement.returned
        return Authorization(f"dynamodb:PartiQL{statement.verb}", resource, context, exact=False)

    def _control(self, operation: str, params: Params) -> Iterator[Authorization]:
        action = f"dynamodb:{operation}"
        if operation in _EVERYWHERE:
            yield Authorization(action, "*")
        elif operation == "GetRecords":
            # The stream that the iterator was given for, which the gateway keeps in it.
            streams = self._known.get(f"iterator {params.get('ShardIterator')}", "*").split()
            yield from (Authorization(action, stream, exact=stream != "*") for stream in streams)
        elif not generic.is_known("dynamodb", operation):
            yield Authorization(action, "*", exact=False)  # newer than what we know of its resources
        elif operation in _BY_ARN and params.get(_BY_ARN[operation]):
            yield Authorization(action, params[_BY_ARN[operation]], tags.asked(params))
        elif operation in _GLOBAL_TABLES:
            name = params.get("GlobalTableName", "")
            yield Authorization(action, f"arn:aws:dynamodb::{self._prefix.split(':')[4]}:global-table/{name}")
        elif operation in ("RestoreTableFromBackup", "RestoreTableToPointInTime"):
            yield from self._restore(action, params)
        elif operation == "ImportTable":
            name = (params.get("TableCreationParameters") or {}).get("TableName", "")
            yield Authorization(action, self.table(name))
        elif params.get("TableName"):
            yield from self._of_table(operation, params)
        else:
            yield Authorization(action, "*", exact=False)

    def _of_table(self, operation: str, params: Params) -> Iterator[Authorization]:
        index = params.get("IndexName")
        resource = self.table(params["TableName"]) + (f"/index/{index}" if index else "")
        context = tags.asked(params)
        yield Authorization(f"dynamodb:{operation}", resource, context)
        if operation == "CreateTable" and params.get("Tags"):
            yield Authorization("dynamodb:TagResource", resource, context)

    def _restore(self, action: str, params: Params) -> Iterator[Authorization]:
        target = self.table(params.get("TargetTableName", ""))
        source = (
            params.get("BackupArn") or params.get("SourceTableArn") or self.table(params.get("SourceTableName", ""))
        )
        yield Authorization(action, source)
        yield Authorization(action, target)
        for name in _RESTORED:
            yield Authorization(f"dynamodb:{name}", target)


def _returning(check: Authorization, params: Params) -> Iterator[Authorization]:
    """The check, and that of the item that comes back where a condition fails.

    INVARIANT: whom a policy shows no old values gets none by a condition that is not true.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html
    """
    yield check
    failing = params.get("ReturnValuesOnConditionCheckFailure")
    if failing and failing not in ("NONE", check.context.get("dynamodb:returnvalues")):
        yield replace(check, context={**check.context, "dynamodb:returnvalues": str(failing)})


def _selected(operation: str, params: Params) -> Context:
    """What a read answers with where it does not say so.

    INVARIANT: a policy on some attributes lets nobody read all of them by leaving out which.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html (the defaults of Select)
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_dynamodb_attributes.html: "The
    dynamodb:Select requirement prevents the API action from returning any attributes that aren't allowed"
    """
    if operation not in _READS:
        return {}
    if params.get("ProjectionExpression") or params.get("AttributesToGet"):
        return {"dynamodb:select": "SPECIFIC_ATTRIBUTES"}
    return {"dynamodb:select": "ALL_PROJECTED_ATTRIBUTES" if params.get("IndexName") else "ALL_ATTRIBUTES"}


def _texts(values: Iterable[Params]) -> tuple[str, ...]:
    """Of values as DynamoDB writes them, each once; never none, since "ForAllValues" is true of none."""
    found = dict.fromkeys(text for value in values if (text := expressions.text_of(value)) is not None)
    return tuple(found) or (UNKNOWN,)


def _of_partition(values: Sequence[tuple[str, ...]]) -> Context:
    """The keys of the partition keys in their order; the first goes by two names."""
    found: Context = {f"dynamodb:{place}partitionkeyvalues": own for place, own in zip(_PLACES, values, strict=False)}
    return found | {"dynamodb:leadingkeys": values[0]}
