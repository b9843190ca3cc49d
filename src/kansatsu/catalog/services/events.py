"""Amazon EventBridge: rules on the default bus and on others, buses by name or ARN, targets and entries.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-manage-iam-access.html
"""

from collections.abc import Callable, Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Rules
from kansatsu.catalog.values import Unsure, arn_parts, read, safe


def _bus(value: str, frame: Frame) -> str:
    """The ARN of an event bus that is named, or given by its ARN in this region."""
    parts = arn_parts(value)
    if parts is not None:
        name = parts[5].removeprefix("event-bus/")
        if parts[:4] != ["arn", "aws", "events", frame.region] or not safe(name, True) or name == parts[5]:
            raise Unsure(value)
        return value
    if value.startswith("arn:") or not safe(value, True):
        raise Unsure(value)
    return frame.arn("events", f"event-bus/{value}")


def _rule(member: str) -> Callable[[Params, Frame], Iterator[str]]:
    def find(params: Params, frame: Frame) -> Iterator[str]:
        buses = [_bus(value, frame) for value in read(params, "EventBusName")] or [_bus("default", frame)]
        for value in read(params, member):
            if not safe(value, False):
                raise Unsure(value)
            for bus in buses:
                place, name = bus.rsplit(":", 1)[0], bus.partition("event-bus/")[2]
                yield f"{place}:rule/{value}" if name == "default" else f"{place}:rule/{name}/{value}"

    return find


def _buses(path: str) -> Callable[[Params, Frame], Iterator[str]]:
    def find(params: Params, frame: Frame) -> Iterator[str]:
        for entry in params.get("Entries") or () if path.startswith("Entries") else (params,):
            yield _bus(str(entry.get(path.rpartition(".")[2]) or "default"), frame)

    return find


_RULES = ("DeleteRule", "DescribeRule", "DisableRule", "EnableRule", "PutRule")
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html",
    finders={
        **dict.fromkeys(_RULES, _rule("Name")),
        **dict.fromkeys(("ListTargetsByRule", "PutTargets", "RemoveTargets"), _rule("Rule")),
        **dict.fromkeys(("CreateEventBus", "DeleteEventBus", "DescribeEventBus", "UpdateEventBus"), _buses("Name")),
        "PutEvents": _buses("Entries.EventBusName"),
    },
    names={
        "api-destination": ("Name",),
        "connections": ("ConnectionArn",),
        "connection": ("Name",),
        "archive": ("ArchiveName",),
        "StartReplay:archive": ("EventSourceArn",),
        "StartReplay:event-bus": ("Destination.Arn",),
        "CreateArchive:event-bus": ("EventSourceArn",),
        "endpoint": ("Name",),
        "event-source": ("Name", "EventSourceName"),
        "replay": ("ReplayName",),
        "key": (),
        "alias": (),
    },
    templates={
        "connections": "arn:${Partition}:events:${Region}:${Account}:connection/${ConnectionName}/${ConnectionId}",
    },
    types={
        "DescribeApiDestination": ("api-destination",),
        "CreateApiDestination": ("api-destination", "connections"),
        "UpdateApiDestination": ("api-destination",),
    },
    paths=frozenset({"event-bus", "event-source"}),
    keys={
        "PutTargets": {"Targets[].Arn": "events:TargetArn"},
        "PutEvents": {"Entries[].Source": "events:source", "Entries[].DetailType": "events:detail-type"},
    },
    tagging="TagResource",
)
