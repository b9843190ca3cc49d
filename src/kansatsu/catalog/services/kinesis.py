"""Amazon Kinesis Data Streams: streams by name or ARN, consumers by ARN.

https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
"""

import re
from collections.abc import Iterator

from kansatsu.catalog.authorization import Authorization, Params
from kansatsu.catalog.rules import Frame, Question, Rules
from kansatsu.catalog.values import Unsure, read
from kansatsu.wire import Operation

_CONSUMER = re.compile(
    r"(?P<stream>arn:aws:kinesis:(?P<region>[a-z0-9-]+):[0-9]{12}:stream/[A-Za-z0-9_.-]+)"
    r"/consumer/(?P<name>[A-Za-z0-9_.-]+)(?::[0-9]+)?"
)


def _consumers(params: Params) -> Iterator[Question]:
    """When a consumer was made, which its ARN has in it.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListStreamConsumers.html
    """
    for stream in read(params, "StreamARN"):
        for name in read(params, "ConsumerName"):
            asked, where = {"StreamARN": stream}, ("ConsumerName", name)
            yield Question("consumer", "kinesis", "ListStreamConsumers", asked, "Consumers.?.ConsumerARN", where)


def _consumer(params: Params, frame: Frame) -> Iterator[str]:
    """A consumer is named by its ARN, or by its name and its stream's ARN.

    INVARIANT: what is named in both ways may be two, and one that the backend tells is of the stream that is named.
    """
    given, named = list(read(params, "ConsumerARN")), params.get("StreamARN") or params.get("ConsumerName")
    for value in given or [frame.known.get("consumer", "")]:
        found = _CONSUMER.fullmatch(value)
        if found is None or found["region"] != frame.region or (given and named):
            raise Unsure(value)
        if not given and (found["stream"], found["name"]) != (params.get("StreamARN"), params.get("ConsumerName")):
            raise Unsure(value)
        yield value


def _of_iterator(params: Params, frame: Frame) -> Iterator[str]:
    """The stream that an iterator was given for, which the gateway keeps in it.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
    """
    streams = frame.known.get(f"iterator {params.get('ShardIterator') or params.get('NextToken')}", "*").split()
    names = (frame.arn("kinesis", f"stream/{name}") for name in read(params, "StreamName"))
    if "*" in streams or any(value not in streams for value in (*read(params, "StreamARN"), *names)):
        raise Unsure("ShardIterator")
    yield from streams


def _listed(operation: Operation, params: Params, frame: Frame) -> list[Authorization] | None:
    """The stream whose list of shards goes on; what a token stands for, no name beside it tells.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
    """
    if "NextToken" not in params and (params.get("StreamName") or params.get("StreamARN")):
        return None
    action = f"kinesis:{operation.name}"
    try:
        return [Authorization(action, stream) for stream in _of_iterator(params, frame)]
    except Unsure:
        return [Authorization(action, "*", exact=False)]


RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonkinesisdatastreams.html",
    names={"stream": ("StreamName", "StreamARN", "ResourceARN")},
    finders={
        **dict.fromkeys(("DescribeStreamConsumer", "DeregisterStreamConsumer", "SubscribeToShard"), _consumer),
        "GetRecords": _of_iterator,
    },
    questions=dict.fromkeys(("DescribeStreamConsumer", "DeregisterStreamConsumer"), _consumers),
    custom=_listed,
    custom_of=frozenset({"ListShards"}),
    types=dict.fromkeys(
        (
            *("DeleteResourcePolicy", "GetResourcePolicy", "ListTagsForResource", "PutResourcePolicy", "TagResource"),
            "UntagResource",
        ),
        ("stream?", "consumer?", "channel?"),
    ),
    tagging="AddTagsToStream",
)
