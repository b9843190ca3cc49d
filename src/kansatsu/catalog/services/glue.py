"""AWS Glue: what is in the catalog is authorized with everything that it is in.

https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html#data-catalog-resource-arns
"""

import re
from collections.abc import Callable, Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Rules
from kansatsu.catalog.values import Unsure, read, safe

_ACCOUNT = re.compile(r"[0-9]{12}")


def _in_catalog(*kinds: tuple[str, tuple[str, ...]]) -> Callable[[Params, Frame], Iterator[str]]:
    """The catalog, and what is named in it: kinds of resources, each with the paths of its name, outermost first."""

    def find(params: Params, frame: Frame) -> Iterator[str]:
        yield frame.arn("glue", "catalog")
        inside: list[str] = []
        for kind, paths in kinds:
            given = [name for path in paths for name in read(params, path)] or ["*"]
            # https://docs.aws.amazon.com/athena/latest/ug/glue-best-practices.html: these have no capital letters
            names = given if kind == "connection" else [name.lower() for name in given]
            if not all(name == "*" or safe(name, False) for name in names):
                raise Unsure(kind)
            places = inside or [""]
            made = [f"{place}{name}" for place in places for name in dict.fromkeys(names)]
            yield from (frame.arn("glue", f"{kind}/{name}") for name in made)
            inside = [f"{name}/" for name in made] if kind == "database" else inside

    return find


def _optimized(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_BatchGetTableOptimizer.html"""
    for entry in params.get("Entries") or ():
        if entry.get("catalogId", frame.account) != frame.account:
            raise Unsure("catalogId")
        yield from _in_catalog(("database", ("databaseName",)), ("table", ("tableName",)))(entry, frame)


_DATABASE = ("database", ("DatabaseName",))
_TABLE = ("table", ("TableName", "Name", "TableInput.Name", "TablesToDelete", "OpenTableFormatInput.Name"))
_FUNCTION = ("userDefinedFunction", ("FunctionName", "FunctionInput.FunctionName"))
_NAMED = ("database", ("Name", "DatabaseInput.Name"))
_all = ("table", ())
_TABLES = (
    *(
        "BatchCreatePartition",
        "BatchDeletePartition",
        "BatchDeleteTable",
        "BatchDeleteTableVersion",
        "BatchGetPartition",
    ),
    *("BatchUpdatePartition", "CreatePartition", "CreatePartitionIndex", "CreateTable", "CreateTableOptimizer"),
    *(
        "DeleteColumnStatisticsForPartition",
        "DeleteColumnStatisticsForTable",
        "DeletePartition",
        "DeletePartitionIndex",
    ),
    *("DeleteTable", "DeleteTableOptimizer", "DeleteTableVersion", "GetColumnStatisticsForPartition"),
    *("GetColumnStatisticsForTable", "GetPartition", "GetPartitionIndexes", "GetPartitions", "GetTable"),
    *("GetTableOptimizer", "GetTableVersion", "GetTableVersions", "UpdateColumnStatisticsForPartition"),
    *("UpdateColumnStatisticsForTable", "UpdatePartition", "UpdateTable", "UpdateTableOptimizer"),
)
_OF_DATABASE = ("CreateDatabase", "GetDatabase", "UpdateDatabase")
_FUNCTIONS = (
    "CreateUserDefinedFunction",
    "DeleteUserDefinedFunction",
    "GetUserDefinedFunction",
    "UpdateUserDefinedFunction",
)
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html",
    finders={
        **dict.fromkeys(_TABLES, _in_catalog(_DATABASE, _TABLE)),
        "GetTables": _in_catalog(_DATABASE, _all),
        "SearchTables": _in_catalog(("database", ()), _all),
        **dict.fromkeys(_OF_DATABASE, _in_catalog(_NAMED)),
        "DeleteDatabase": _in_catalog(_NAMED, _all, ("userDefinedFunction", ())),
        "GetDatabases": _in_catalog(("database", ())),
        **dict.fromkeys(_FUNCTIONS, _in_catalog(_DATABASE, _FUNCTION)),
        "GetUserDefinedFunctions": _in_catalog(_DATABASE, ("userDefinedFunction", ())),
        "CreateConnection": _in_catalog(("connection", ("ConnectionInput.Name",))),
        "GetConnection": _in_catalog(("connection", ("Name",))),
        "UpdateConnection": _in_catalog(("connection", ("Name",))),
        "DeleteConnection": _in_catalog(("connection", ("ConnectionName",))),
        "BatchDeleteConnection": _in_catalog(("connection", ("ConnectionNameList",))),
        "GetConnections": _in_catalog(("connection", ())),
        "BatchGetTableOptimizer": _optimized,
    },
    types={
        **dict.fromkeys(("GetMLTransforms", "ListMLTransforms"), ("mlTransform=*",)),
        **dict.fromkeys(
            (
                *("ListDataQualityResults", "ListDataQualityRuleRecommendationRuns", "ListDataQualityRulesets"),
                "ListDataQualityRulesetEvaluationRuns",
            ),
            ("dataQualityRuleset=*",),
        ),
    },
    names={
        "job": ("JobName", "jobName", "Name", "JobNames"),
        "crawler": ("Name", "CrawlerName", "CrawlerNames"),
        "trigger": ("Name", "TriggerNames"),
        "workflow": ("Name", "Names"),
        "blueprint": ("Name", "BlueprintName", "Names"),
        "devendpoint": ("EndpointName", "DevEndpointNames"),
        "dataQualityRuleset": ("Name", "RulesetName", "RulesetNames"),
        "mlTransform": ("TransformId",),
        "usageProfile": ("Name",),
        "registry": ("RegistryId.RegistryName", "RegistryId.RegistryArn", "SchemaId.RegistryName", "RegistryName"),
        "schema": ("SchemaId.SchemaArn",),
        "session": ("Id", "SessionId"),
    },
    account="CatalogId",
    tagging="TagResource",
)
