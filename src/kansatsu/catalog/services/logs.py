"""Amazon CloudWatch Logs: what is asked about a log group is authorized on its ARN with what its streams begin with.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html: a policy names a log
group with ":*" behind it, but for tags.
"""

import re
from collections.abc import Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Question, Rules
from kansatsu.catalog.values import Unsure, read, safe

_GROUP = "arn:${Partition}:logs:${Region}:${Account}:log-group:${LogGroupName}"
_GROUPS = ("logGroupName", "logGroupIdentifier", "logGroupNames", "logGroupIdentifiers", "resourceIdentifier")
# Where a query says itself what it reads; https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Source.html
_SOURCES = re.compile(r"(?:^|[|(\n\r])\s*source\b|\b(?:loggroups|datasource)\s*\(", re.IGNORECASE)
_OF_PPL = re.compile(r"\b(?:source|index|join|lookup)\b", re.IGNORECASE)


def _in_the_text(params: Params, frame: Frame) -> Iterator[str]:
    """INVARIANT: a query whose text names log groups is authorized on everything, whatever parameters name."""
    text, language = str(params.get("queryString", "")), params.get("queryLanguage")
    if language not in (None, "CWLI", "PPL") or (_OF_PPL if language == "PPL" else _SOURCES).search(text):
        raise Unsure(text)
    yield from ()


def _which(params: Params) -> Iterator[Question]:
    """Of a pointer: the record says itself in which group it is, in a field of the service's own."""
    for value in read(params, "logRecordPointer"):
        asked = {"logRecordPointer": value}
        yield Question(f"record {value}", "logs", "GetLogRecord", asked, "logRecord.@log")


def _group_of_record(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html: "@log is a
    log group identifier in the form of account-id:log-group-name."
    """
    value = params.get("logRecordPointer")
    account, _, name = frame.known.get(f"record {value}", "").partition(":")
    if account != frame.account or not safe(name, True):
        raise Unsure("logRecordPointer")
    yield frame.arn("logs", f"log-group:{name}:log-stream:")


def _groups_of_query(params: Params, frame: Frame) -> Iterator[str]:
    """Those that it was started on: kept by the gateway, since no call of the service tells them all."""
    groups = frame.known.get(f"query {params.get('queryId')}", "").split("\n")
    if not all(group.startswith(frame.arn("logs", "log-group:")) for group in groups):
        raise Unsure("queryId")
    yield from groups


def _unmasked(params: Params, frame: Frame) -> Iterator[str]:
    """Who wants to see what a data protection policy masks needs logs:Unmask on the group.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html (unmask)
    """
    if not params.get("unmask"):
        return
    if params.get("logRecordPointer"):
        yield from _group_of_record(params, frame)
        return
    prefix, groups = frame.arn("logs", "log-group:"), list(map(str, filter(None, map(params.get, _GROUPS[:2]))))
    for group in groups or [""]:
        name = group.removeprefix(prefix).removesuffix(":*") if group.startswith(prefix) else group
        if not safe(name, True):
            raise Unsure(group)
        yield f"{prefix}{name}:log-stream:"


_UNMASKED = ("FilterLogEvents", "GetLogEvents", "GetLogObject", "GetLogRecord")
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html",
    names={
        "log-group": _GROUPS,
        "CreateLogAnomalyDetector:log-group": ("logGroupArnList",),
        "log-stream": ("logStreamName",),
        "anomaly-detector": ("anomalyDetectorArn",),
        "delivery": ("id",),
        "CreateDelivery:delivery": (),
        "delivery-destination": ("name", "deliveryDestinationName", "deliveryDestinationArn"),
        "delivery-source": ("name", "deliverySourceName"),
        "destination": ("destinationName",),
        "lookup-table": ("lookupTableName", "lookupTableArn"),
        "scheduled-query": ("identifier",),
        "PutSubscriptionFilter:destination": (),
    },
    parents={"LogGroupName": ("logGroupName", "logGroupIdentifier")},
    paths=frozenset({"log-group", "log-stream", "LogGroupName", "LogStreamName"}),
    forms={"log-group": f"{_GROUP}:log-stream:"},
    types={
        "CreateDelivery": ("delivery=*", "delivery-destination", "delivery-source"),
        "DeleteDeliverySource": ("delivery-source",),
        "UpdateDeliveryConfiguration": ("delivery",),
    },
    also={
        "StartQuery": (("logs:StartQuery", _in_the_text),),
        **dict.fromkeys(_UNMASKED, (("logs:Unmask", _unmasked),)),
    },
    finders={"GetLogRecord": _group_of_record, "GetQueryResults": _groups_of_query},
    questions={"GetLogRecord": _which},
    tagging="TagResource",
)
