"""What a call names of other accounts beside the resources that it is authorized on: ARNs, queue URLs, buckets.

A backend may follow any of them, and buckets of all accounts share one namespace. What is named here is authorized, or
refused, before the backend sees it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kansatsu.catalog import generic, tagging
from kansatsu.catalog.authorization import Authorization, Params
from kansatsu.wire import Operation

_ARN = re.compile(r"arn:[^:]*:([^:]+):[^:]*:([0-9]{12}):")  # its service and its account
_QUEUE_URL = re.compile(r"(?:https?://[^/]*)?/?([0-9]{12})/([^/?#]+)")
_BUCKET_ARN = re.compile(r"arn:[^:]*:s3[^:/]*:([^/]*)", re.IGNORECASE)
_PARTITION = re.compile(r"^arn:aws[a-z-]*:")
_BUCKET_URI = re.compile(r"s3[a-z]?://([^/]+)", re.IGNORECASE)
# Members that hold the name of a bucket and do not say so.
_BUCKETS = frozenset({("logs", "destination")})
_BUCKET_NAME = re.compile(r"[A-Za-z0-9._-]{3,255}")
# These say what every parameter is, by themselves; an ARN elsewhere in their parameters is somebody's data.
_EXACT = frozenset({"s3", "dynamodb", "dynamodbstreams", "ec2"})
# They act on whatever an ARN names, of any service.
_ANY_SERVICE = frozenset({"resourcegroupstaggingapi"})
# Members that hold what callers send to each other, which no backend takes for the name of anything.
_DATA = frozenset(
    {
        *("body", "data", "definition", "description", "detail", "input", "message", "messagebody"),
        *(
            "payload",
            "policy",
            "policydocument",
            "secretstring",
            "subject",
            "tags",
            "tag",
            "value",
            "messageattributes",
        ),
        *("sourcearn", "principal", "awsaccountids", "attributevalue"),
    }
)


def abroad(
    operation: Operation, params: Params, account: str, region: str, found: Sequence[Authorization]
) -> tuple[Authorization, ...]:
    """Checks on what a call names of other accounts, as far as `found` is silent about these accounts.

    Of a call that tags resources of any service, also what their own services ask for.

    INVARIANT: a call that names something of another account is authorized on something of that account.
    """
    service = operation.service
    if service.name in _EXACT:
        return ()
    if service.name == "resourcegroupstaggingapi" and (each := tuple(tagging.own_actions(operation.name, params))):
        return each
    own = (service.name, service.signing_name, service.endpoint_prefix)
    known = {named[2] for item in found if (named := _ARN.match(item.resource))} | {account}
    further = {}
    for member, text in _texts(params):
        named = _ARN.match(text) if text.startswith("arn:") else None
        if named is not None and named[2] not in known and (named[1] in own or service.name in _ANY_SERVICE):
            further[text] = Authorization(generic.action(operation), text, exact=False)
        elif member == "queueurl" and (url := _QUEUE_URL.fullmatch(text)) and url[1] not in known:
            queue = f"arn:aws:sqs:{region}:{url[1]}:{url[2]}"
            further[text] = Authorization(generic.action(operation), queue, exact=False)
    return tuple(further.values())


def buckets(operation: Operation, params: Params) -> frozenset[str]:
    """The names of buckets that the backend would read or write for a call, but the one that an S3 call is made on.

    What a call is authorized on is not among them: the Bucket of S3's operations, and the source of a copy.
    """
    if operation.service.name in ("dynamodb", "s3"):
        top = {"Bucket", "CopySource", "Item", "Items", "RequestItems", "TransactItems", "Key", "Prefix"}
        params = {name: value for name, value in params.items() if name not in top}
    found = set()
    for member, text in _texts(params):
        if named := _BUCKET_URI.match(text):
            found.add(named[1])
        # INVARIANT: a backend takes a bucket out of an ARN in its own way: whatever it may take is looked at.
        elif "bucket" in member or (operation.service.name, member) in _BUCKETS:
            found |= set(re.split("[:/]", _PARTITION.sub("", text)))
        elif named := _BUCKET_ARN.match(text):
            found |= set(named[1].split(":"))
    return frozenset(filter(_BUCKET_NAME.fullmatch, found))


def _texts(value: Any, member: str = "") -> Iterator[tuple[str, str]]:
    """(member in lower case, text) of every text in parameters that might name something."""
    if isinstance(value, str):
        yield member, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(name, str) and name.lower() not in _DATA:
                yield from _texts(inner, name.lower())
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, member)
