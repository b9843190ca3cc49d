"""Amazon SQS: queues by URL; the batch operations are the action of a single one.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
"""

import base64
import binascii
import json
from collections.abc import Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Finder, Frame, Question, Rules
from kansatsu.catalog.values import Unsure, arn_parts, queue, read, safe


def _queue(params: Params, frame: Frame) -> Iterator[str]:
    """The queue of a URL; its account is the one in the URL's path."""
    for value in read(params, "QueueUrl"):
        account, name = queue(value)
        yield f"arn:aws:sqs:{frame.region}:{account}:{name}"


def _named(params: Params, frame: Frame) -> Iterator[str]:
    owner = next(read(params, "QueueOwnerAWSAccountId"), frame.account)
    for value in read(params, "QueueName"):
        if not safe(value, False) or not owner.isdecimal():
            raise Unsure(value)
        yield f"arn:aws:sqs:{frame.region}:{owner}:{value}"


def _moved(*members: str) -> Finder:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html"""

    def find(params: Params, frame: Frame) -> Iterator[str]:
        for member in members:
            for value in read(params, member):
                parts = arn_parts(value)
                if parts is None or parts[:4] != ["arn", "aws", "sqs", frame.region] or not safe(parts[5], False):
                    raise Unsure(value)
                yield value

    return find


def _moved_to(params: Params, frame: Frame) -> Iterator[str]:
    """Without a destination the messages go back to the queues that they came from, which the call does not name."""
    yield from _moved("DestinationArn")(params, frame)
    if not params.get("DestinationArn"):
        raise Unsure("DestinationArn")


def _handled(params: Params) -> Iterator[Question]:
    """The handle of a task has the queue's ARN in it, as the example of AWS's page shows.

    INVARIANT: a handle is the caller's word: the queue that it names must have the task.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
    """
    for handle in read(params, "TaskHandle"):
        try:
            source = json.loads(base64.b64decode(handle, validate=True))["sourceArn"]
        except (binascii.Error, ValueError, KeyError, TypeError):
            continue
        given, where = {"SourceArn": source}, ("TaskHandle", handle)
        if isinstance(source, str) and arn_parts(source):
            yield Question(f"task {handle}", "sqs", "ListMessageMoveTasks", given, "Results.?.SourceArn", where)


def _cancelled(params: Params, frame: Frame) -> Iterator[str]:
    for handle in read(params, "TaskHandle"):
        yield from _moved("SourceArn")({"SourceArn": frame.known.get(f"task {handle}", "?")}, frame)


_BY_URL = (
    *(
        "AddPermission",
        "ChangeMessageVisibility",
        "ChangeMessageVisibilityBatch",
        "DeleteMessage",
        "DeleteMessageBatch",
    ),
    *("DeleteQueue", "GetQueueAttributes", "ListDeadLetterSourceQueues", "ListQueueTags", "PurgeQueue"),
    *("ReceiveMessage", "RemovePermission", "SendMessage", "SendMessageBatch", "SetQueueAttributes", "TagQueue"),
    "UntagQueue",
)
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html",
    actions={
        "SendMessageBatch": "SendMessage",
        "DeleteMessageBatch": "DeleteMessage",
        "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    },
    finders={
        **dict.fromkeys(_BY_URL, _queue),
        "CreateQueue": _named,
        "GetQueueUrl": _named,
        "StartMessageMoveTask": _moved("SourceArn", "DestinationArn"),
        "ListMessageMoveTasks": _moved("SourceArn"),
        "CancelMessageMoveTask": _cancelled,
    },
    questions={"CancelMessageMoveTask": _handled},
    also={
        "StartMessageMoveTask": (
            ("sqs:DeleteMessage", _moved("SourceArn")),
            ("sqs:GetQueueAttributes", _moved("SourceArn")),
            ("sqs:ReceiveMessage", _moved("SourceArn")),
            ("sqs:SendMessage", _moved_to),
        ),
    },
    tagging="TagQueue",
)
