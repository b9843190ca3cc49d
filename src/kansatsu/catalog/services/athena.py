"""Amazon Athena: queries and notebooks belong to a workgroup, which only some requests name.

https://docs.aws.amazon.com/athena/latest/ug/workgroups-iam-policy.html
"""

from collections.abc import Callable, Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Finder, Frame, Question, Rules
from kansatsu.catalog.values import Unsure, read, safe


def _workgroup(params: Params, frame: Frame) -> Iterator[str]:
    """Where none is named it is "primary".

    https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html
    """
    for value in list(read(params, "WorkGroup")) or ["primary"]:
        if not safe(value, False):
            raise Unsure(value)
        yield frame.arn("athena", f"workgroup/{value}")


# What belongs to a workgroup -> (the operation that tells which, its parameter, where in the answer).
_TELLS = {
    "query": ("GetQueryExecution", "QueryExecutionId", "QueryExecution.WorkGroup"),
    "named": ("GetNamedQuery", "NamedQueryId", "NamedQuery.WorkGroup"),
    "notebook": ("GetNotebookMetadata", "NotebookId", "NotebookMetadata.WorkGroup"),
    "session": ("GetSession", "SessionId", "WorkGroup"),
}
_CALCULATIONS = (
    *("GetCalculationExecution", "GetCalculationExecutionCode", "GetCalculationExecutionStatus"),
    "StopCalculationExecution",
)
# Operation -> (what it is about, the parameter that holds its ids).
_ASKED = {
    **dict.fromkeys(
        ("GetQueryExecution", "GetQueryResults", "GetQueryRuntimeStatistics", "StopQueryExecution"),
        ("query", "QueryExecutionId"),
    ),
    "BatchGetQueryExecution": ("query", "QueryExecutionIds"),
    **dict.fromkeys(("DeleteNamedQuery", "GetNamedQuery", "UpdateNamedQuery"), ("named", "NamedQueryId")),
    "BatchGetNamedQuery": ("named", "NamedQueryIds"),
    **dict.fromkeys(
        (
            *("DeleteNotebook", "ExportNotebook", "GetNotebookMetadata", "ListNotebookSessions", "UpdateNotebook"),
            "UpdateNotebookMetadata",
        ),
        ("notebook", "NotebookId"),
    ),
    **dict.fromkeys(
        (
            *("CreatePresignedNotebookUrl", "GetSession", "GetSessionEndpoint", "GetSessionStatus"),
            *("ListCalculationExecutions", "StartCalculationExecution", "TerminateSession"),
        ),
        ("session", "SessionId"),
    ),
}


def _of(kind: str, member: str) -> Finder:
    """The workgroups of things of a kind: only the service knows them."""

    def find(params: Params, frame: Frame) -> Iterator[str]:
        for value in read(params, member):
            name = frame.known.get(f"{kind} {value}", "")
            if not safe(name, False):
                raise Unsure(value)
            yield frame.arn("athena", f"workgroup/{name}")

    return find


def _about(kind: str, member: str) -> Callable[[Params], Iterator[Question]]:
    operation, parameter, path = _TELLS[kind]

    def ask(params: Params) -> Iterator[Question]:
        for value in read(params, member):
            yield Question(f"{kind} {value}", "athena", operation, {parameter: value}, path)

    return ask


def _calculated(params: Params) -> Iterator[Question]:
    """A calculation is of a session, and only the session says of which workgroup.

    https://docs.aws.amazon.com/athena/latest/APIReference/API_GetCalculationExecution.html
    """
    for value in read(params, "CalculationExecutionId"):

        def of_session(session: str, calculation: str = value) -> Iterator[Question]:
            operation, parameter, path = _TELLS["session"]
            yield Question(f"calculation {calculation}", "athena", operation, {parameter: session}, path)

        asked = {"CalculationExecutionId": value}
        yield Question(f"session of {value}", "athena", _CALCULATIONS[0], asked, "SessionId", then=of_session)


def _assigned(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_PutCapacityAssignmentConfiguration.html"""
    for kind, path in (
        ("capacity-reservation", "CapacityReservationName"),
        ("workgroup", "CapacityAssignments[].WorkGroupNames"),
    ):
        for value in read(params, path):
            if not safe(value, False):
                raise Unsure(value)
            yield frame.arn("athena", f"{kind}/{value}")


_DEFAULTING = ("CreateNamedQuery", "ListNamedQueries", "ListQueryExecutions", "StartQueryExecution")
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonathena.html",
    finders={
        **dict.fromkeys(_DEFAULTING, _workgroup),
        **{operation: _of(*about) for operation, about in _ASKED.items()},
        **dict.fromkeys(_CALCULATIONS, _of("calculation", "CalculationExecutionId")),
        "PutCapacityAssignmentConfiguration": _assigned,
    },
    questions={
        **{operation: _about(*about) for operation, about in _ASKED.items()},
        **dict.fromkeys(_CALCULATIONS, _calculated),
    },
    names={
        "workgroup": ("WorkGroup", "Name"),
        "datacatalog": ("CatalogName", "Name"),
        "session": (),
        "CreateWorkGroup:workgroup": ("Name",),
        "CreateNotebook:workgroup": ("WorkGroup",),
        "ImportNotebook:workgroup": ("WorkGroup",),
    },
    tagging="TagResource",
)
