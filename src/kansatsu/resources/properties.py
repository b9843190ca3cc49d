"""Condition keys that are properties of what exists at the backend: asked for where a policy asks, never remembered.

A row says how to ask about one kind of resource and which keys its answer holds. A further one is a line in a table:
EC2's are in `ec2_properties`, those of the other services here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kansatsu.arn import Arn

Answer = Mapping[str, Any]
Value = str | tuple[str, ...] | None
# (what the answer says of the resource, the ARN that was asked about) -> the value, None where it has none
Read = Callable[[Answer, Arn], Any]


@dataclass(frozen=True, slots=True)
class Properties:
    """How to ask about what an ARN names, and its condition keys, in lower case, by how each is read.

    `item` finds what the answer says of it; None: there is no such thing. `absent` are ends of error codes that say so.
    """

    service: str  # botocore's name
    operation: str
    params: Callable[[Arn], Answer]
    item: Callable[[Answer], Answer | None]
    keys: Mapping[str, Read]
    absent: tuple[str, ...] = (".NotFound", ".Malformed", "NotFoundException", "NoSuchJob")
    actions: frozenset[str] = frozenset()  # that have the keys; none named: all


def at(*path: str) -> Read:
    """Reads what stands at a path of members."""

    def read(item: Answer, _named: Arn) -> Any:
        value: Any = item
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        return value

    return read


def each(list_name: str, *path: str) -> Read:
    """Reads the same member of every element of a list."""
    inner = at(*path)
    return lambda item, named: tuple(inner(element, named) for element in item.get(list_name) or ())


def text(value: Any) -> Value:
    """A value as conditions see it: numbers in decimals, times in UTC; None for nothing."""
    if value is None or value in ("", ()):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, tuple | list):
        found = tuple(dict.fromkeys(str(text(one)) for one in value if text(one) is not None))
        return found or None
    return str(value)


def _key(answer: Answer) -> Answer:
    found: Answer = answer["KeyMetadata"]
    return found


def _key_type(item: Answer, _named: Arn) -> Any:
    return (item.get("MultiRegionConfiguration") or {}).get("MultiRegionKeyType") if item.get("MultiRegion") else None


def _usage(item: Answer, _named: Arn) -> Any:
    """A key that says nothing was made without: https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html"""
    return item.get("KeyUsage") or "ENCRYPT_DECRYPT"


def _operation_of(item: Answer, _named: Arn) -> Any:
    return next(iter(item.get("Operation") or ()), None)


# https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
KEY = Properties(
    "kms",
    "DescribeKey",
    lambda named: {"KeyId": str(named)},
    _key,
    {
        "kms:customermasterkeyspec": at("KeySpec"),
        "kms:customermasterkeyusage": _usage,
        "kms:keyorigin": at("Origin"),
        "kms:keyspec": at("KeySpec"),
        "kms:keyusage": _usage,
        "kms:multiregion": lambda item, _named: bool(item.get("MultiRegion")),
        "kms:multiregionkeytype": _key_type,
    },
)
ALIASES = Properties(
    "kms",
    "ListAliases",
    lambda named: {"KeyId": named.resource.partition("/")[2]},
    lambda answer: answer,
    {"kms:resourcealiases": each("Aliases", "AliasName")},
)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-job-tags-examples.html
JOB = Properties(
    "s3control",
    "DescribeJob",
    lambda named: {"AccountId": named.account, "JobId": named.resource.partition("/")[2]},
    lambda answer: answer.get("Job"),
    {
        "s3:existingjoboperation": _operation_of,
        "s3:existingjobpriority": at("Priority"),
        "s3:jobsuspendedcause": at("SuspendedCause"),
    },
)
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
_ON_FUNCTIONS = frozenset(
    f"{verb}{what}"
    for what in ("EventSourceMapping", "FunctionUrlConfig")
    for verb in ("Create", "Delete", "Get", "Update")
)
MAPPING = Properties(
    "lambda",
    "GetEventSourceMapping",
    lambda named: {"UUID": named.resource.partition(":")[2]},
    lambda answer: answer,
    {"lambda:functionarn": at("FunctionArn")},
    actions=_ON_FUNCTIONS,
)
OTHERS: Mapping[tuple[str, str], tuple[Properties, ...]] = {
    ("kms", "key"): (KEY, ALIASES),
    ("lambda", "event-source-mapping"): (MAPPING,),
    ("s3", "job"): (JOB,),
}
