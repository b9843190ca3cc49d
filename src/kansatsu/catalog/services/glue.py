"""AWS Glue: what is in the catalog is authorized with everything that it is in.

https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html#data-catalog-resource-arns
"""

import re
from collections.abc import Callable, Iterator

from kansatsu.catalog import glue_schemas
from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Question, Rules
from kansatsu.catalog.values import Unsure, arn_parts, read, safe

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


def _unfiltered(*kinds: tuple[str, tuple[str, ...]]) -> Callable[[Params, Frame], Iterator[str]]:
    """What engines read in place of their users is the action without "Unfiltered".

    https://docs.aws.amazon.com/glue/latest/webapi/API_GetUnfilteredTableMetadata.html
    """

    def find(params: Params, frame: Frame) -> Iterator[str]:
        if params.get("Region", frame.region) != frame.region:
            raise Unsure("Region")
        yield from _in_catalog(*kinds)(params, frame)

    return find


def _results(params: Params) -> Iterator[Question]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetDataQualityResult.html (RulesetName)"""
    for path in ("ResultId", "ResultIds"):
        for value in read(params, path):
            yield Question(f"result {value}", "glue", "GetDataQualityResult", {"ResultId": value}, "RulesetName")


def _result(params: Params, frame: Frame) -> Iterator[str]:
    for path in ("ResultId", "ResultIds"):
        for value in read(params, path):
            name = frame.known.get(f"result {value}", "")
            if not safe(name, False):
                raise Unsure(value)
            yield frame.arn("glue", f"dataQualityRuleset/{name}")


def _statistics(params: Params, frame: Frame) -> Iterator[str]:
    """Those of all rulesets; of which ruleset a statistic or a profile is, no call tells."""
    if params.get("StatisticId") or params.get("ProfileId"):
        raise Unsure("StatisticId")
    yield frame.arn("glue", "dataQualityRuleset/*")


def _records(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetEntityRecords.html: of a connection, or of mere options"""
    if not params.get("ConnectionName"):
        raise Unsure("ConnectionName")
    yield from _in_catalog(("connection", ("ConnectionName",)))(params, frame)


def _ends(*members: str) -> Callable[[Params, Frame], Iterator[tuple[str, str]]]:
    """(kind, name) of the ends of an integration that are AWS Glue's: connections, databases and catalogs."""

    def find(params: Params, frame: Frame) -> Iterator[tuple[str, str]]:
        for member in members:
            for value in read(params, member):
                parts = arn_parts(value)
                if parts is None or parts[1] != "aws" or not parts[2]:
                    raise Unsure(value)
                kind, _, name = parts[5].partition("/")
                if parts[2] != "glue":
                    continue
                here = parts[3:5] == [frame.region, frame.account]
                if not here or kind not in ("connection", "database", "catalog") or (name and not safe(name, True)):
                    raise Unsure(value)
                yield kind, name

    return find


def _integrated(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_CreateIntegration.html"""
    yield frame.arn("glue", "catalog")
    for kind, name in _ends("SourceArn", "TargetArn")(params, frame):
        yield frame.arn("glue", f"{kind}/{name}" if name else kind)
    yield frame.arn("glue", "integration:*")


def _property(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_CreateIntegrationResourceProperty.html: a connection that is
    the source, or a database that is the target."""
    yield frame.arn("glue", "catalog")
    ends = list(_ends("ResourceArn")(params, frame))
    if not ends or not all(name for _, name in ends):
        raise Unsure("ResourceArn")
    for kind, name in ends:
        yield frame.arn("glue", f"{kind}/{name}")
        yield frame.arn("glue", f"integrationresourceproperty/{kind}/{name}")


def _properties(_: Params, frame: Frame) -> Iterator[str]:
    kinds = ("catalog", "connection/*", "database/*", "integrationresourceproperty/*/*")
    return (frame.arn("glue", kind) for kind in kinds)


_PROPERTIES = tuple(f"{verb}IntegrationResourceProperty" for verb in ("Create", "Delete", "Get", "Update"))
# https://docs.aws.amazon.com/glue/latest/dg/data-quality-authorization.html: a run is on dataQualityRuleset/*
_RUNS = (
    *("CancelDataQualityRuleRecommendationRun", "CancelDataQualityRulesetEvaluationRun"),
    *("GetDataQualityRuleRecommendationRun", "GetDataQualityRulesetEvaluationRun"),
    "StartDataQualityRuleRecommendationRun",
)
_RESULTS = ("BatchGetDataQualityResult", "GetDataQualityResult")
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
        "GetUnfilteredTableMetadata": _unfiltered(_DATABASE, _TABLE),
        "GetUnfilteredPartitionMetadata": _unfiltered(_DATABASE, _TABLE),
        "GetUnfilteredPartitionsMetadata": _unfiltered(_DATABASE, _TABLE),
        **dict.fromkeys(_RESULTS, _result),
        **dict.fromkeys(("ListDataQualityStatisticAnnotations", "ListDataQualityStatistics"), _statistics),
        "GetEntityRecords": _records,
        "CreateIntegration": _integrated,
        **dict.fromkeys(glue_schemas.OF_SCHEMAS, glue_schemas.schemas),
        "CreateSchema": glue_schemas.made,
        **dict.fromkeys(_PROPERTIES, _property),
        "ListIntegrationResourceProperties": _properties,
    },
    actions={
        "GetUnfilteredTableMetadata": "GetTable",
        "GetUnfilteredPartitionMetadata": "GetPartition",
        "GetUnfilteredPartitionsMetadata": "GetPartitions",
        "BatchGetDataQualityResult": "GetDataQualityResult",
        "ListDataQualityStatisticAnnotations": "GetDataQualityResult",
        "ListDataQualityStatistics": "GetDataQualityResult",
    },
    questions={**dict.fromkeys(_RESULTS, _results), **dict.fromkeys(glue_schemas.OF_SCHEMAS, glue_schemas.versions)},
    types={
        **dict.fromkeys(("GetMLTransforms", "ListMLTransforms"), ("mlTransform=*",)),
        **dict.fromkeys(_RUNS, ("dataQualityRuleset=*",)),
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
        "registry": ("RegistryId.RegistryName", "RegistryId.RegistryArn", "RegistryName"),
        "session": ("Id", "SessionId"),
    },
    account="CatalogId",
    tagging="TagResource",
)
