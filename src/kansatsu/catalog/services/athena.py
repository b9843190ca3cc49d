"""Amazon Athena: queries and notebooks belong to a workgroup, which only some requests name.

https://docs.aws.amazon.com/athena/latest/ug/workgroups-iam-policy.html
"""

from collections.abc import Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Question, Rules
from kansatsu.catalog.values import Unsure, read, safe


def _workgroup(params: Params, frame: Frame) -> Iterator[str]:
    """Where none is named it is "primary".

    https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html
    """
    for value in list(read(params, "WorkGroup")) or ["primary"]:
        if not safe(value, False):
            raise Unsure(value)
        yield frame.arn("athena", f"workgroup/{value}")


def _of_query(params: Params, frame: Frame) -> Iterator[str]:
    """The workgroup in which a query runs: only the service knows it."""
    for value in read(params, "QueryExecutionId"):
        name = frame.known.get(f"athena {value}", "")
        if not safe(name, False):
            raise Unsure(value)
        yield frame.arn("athena", f"workgroup/{name}")


def _asked(params: Params) -> Iterator[Question]:
    for value in read(params, "QueryExecutionId"):
        given = {"QueryExecutionId": value}
        yield Question(f"athena {value}", "athena", "GetQueryExecution", given, "QueryExecution.WorkGroup")


_QUERIES = ("GetQueryExecution", "GetQueryResults", "GetQueryRuntimeStatistics", "StopQueryExecution")
_DEFAULTING = ("CreateNamedQuery", "ListNamedQueries", "ListQueryExecutions", "StartQueryExecution")
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonathena.html",
    finders={**dict.fromkeys(_DEFAULTING, _workgroup), **dict.fromkeys(_QUERIES, _of_query)},
    questions=dict.fromkeys(_QUERIES, _asked),
    names={
        "workgroup": ("WorkGroup", "Name"),
        "datacatalog": ("CatalogName", "Name"),
        "session": (),
        "CreateWorkGroup:workgroup": ("Name",),
        "CreateNotebook:workgroup": ("WorkGroup",),
        "ImportNotebook:workgroup": ("WorkGroup",),
        **{
            f"{verb}Notebook{what}:workgroup": ()
            for verb in ("Update", "Export", "Delete")
            for what in ("", "Metadata")
        },
        "UpdateNamedQuery:workgroup": (),
    },
    tagging="TagResource",
)
