"""The tags that resources of the backend have, for policies that ask for them; never remembered.

Tags decide who may do what, and much changes them: tagging, making and deleting, in every service. Only where a policy
asks for them is the backend asked, each time anew, so that no decision is by the tags of before.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kansatsu.arn import Arn
from kansatsu.catalog import Authorization
from kansatsu.catalog.authorization import Context
from kansatsu.catalog.tags import of_pairs
from kansatsu.errors import AwsError, ServiceUnavailable, Unimplemented
from kansatsu.policy import Policies
from kansatsu.resources.knowledge import Ask, unread

Answer = Mapping[str, Any]
Tags = dict[str, str]
Deciding = Sequence[Policies]  # the policies of everybody who must be allowed a request


def asked(policies: Deciding, action: str, prefixes: tuple[str, ...]) -> bool:
    """Whether any of them may decide about an action by a condition key that begins so."""
    return any(one.ask_for(action, prefixes) for one in policies)


@dataclass(frozen=True, slots=True)
class Reading:
    """How to ask for the tags of what an ARN of a service names, and how to read the answer.

    `params` makes the parameters from the ARN, None where that kind of resource has no tags. `absent`: beginnings of
    error codes that mean that there is no such resource.
    """

    service: str  # botocore's name
    operation: str
    params: Callable[[Arn], Answer | None]
    read: Callable[[Answer], Iterable[tuple[str, str]]]
    absent: tuple[str, ...] = ("ResourceNotFound",)


def _pairs(member: str, key: str = "Key", value: str = "Value") -> Callable[[Answer], Iterable[tuple[str, str]]]:
    return lambda answer: ((tag[key], tag.get(value, "")) for tag in answer.get(member) or ())


def _map(member: str) -> Callable[[Answer], Iterable[tuple[str, str]]]:
    return lambda answer: (answer.get(member) or {}).items()


def _whole(member: str) -> Callable[[Arn], Answer]:
    return lambda named: {member: str(named)}


def _first(member: str, parts: int, separator: str) -> Callable[[Arn], Answer]:
    """The ARN without what follows the first parts of its resource: an index, a qualifier, a log stream."""

    def params(named: Arn) -> Answer:
        resource = separator.join(named.resource.split(separator)[:parts])
        return {member: str(named).removesuffix(named.resource) + resource}

    return params


def _queue(named: Arn) -> Answer:
    return {"QueueUrl": f"http://sqs/{named.account}/{named.resource}"}


def _unread(named: Arn) -> Unimplemented:
    """INVARIANT: of what has tags that are not read nobody is told that it has none."""
    return Unimplemented(
        f"A policy asks for the tags of {named}, and Kansatsu cannot read tags of {named.service} yet."
    )


def _function(named: Arn) -> Answer | None:
    """Functions and event source mappings have tags, layers have none.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListTags.html
    """
    return None if named.resource.startswith("layer:") else _first("Resource", 2, ":")(named)


def _secret(named: Arn) -> Answer:
    """By its ARN, or by its name where the request gave that, so that nobody knows the end of the ARN."""
    name = named.resource.removeprefix("secret:").removesuffix("-??????")
    return {"SecretId": name if named.resource.endswith("-??????") else str(named)}


# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListTagsForResource.html
_SSM = {
    "document": "Document",
    "maintenancewindow": "MaintenanceWindow",
    "parameter": "Parameter",
    "patchbaseline": "PatchBaseline",
}


def _parameter(named: Arn) -> Answer:
    """The ARN of /a/b has one slash after `parameter` as that of a has; only names with a path begin with a slash."""
    kind, _, name = named.resource.partition("/")
    if kind not in _SSM:
        raise _unread(named)
    return {"ResourceType": _SSM[kind], "ResourceId": "/" + name if kind == "parameter" and "/" in name else name}


def _stream(named: Arn) -> Answer:
    kind, _, name = named.resource.partition("/")
    if kind != "stream" or "/" in name:
        raise _unread(named)
    return {"StreamName": name}


def _ec2(named: Arn) -> Answer:
    return {"Filters": [{"Name": "resource-id", "Values": [named.resource.rpartition("/")[2]]}]}


def _object(named: Arn) -> Answer | None:
    bucket, _, key = named.resource.partition("/")
    return {"Bucket": bucket, "Key": key} if key else None


# By the service in the ARN.
READINGS: dict[str, Reading] = {
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/tagging-and-policies.html; tags of a bucket count only where
    # ABAC is enabled for it, and Kansatsu refuses to enable it:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/buckets-tagging-enable-abac.html
    "s3": Reading("s3", "GetObjectTagging", _object, _pairs("TagSet"), ("NoSuchKey", "NoSuchBucket", "NoSuchVersion")),
    "dynamodb": Reading("dynamodb", "ListTagsOfResource", _first("ResourceArn", 2, "/"), _pairs("Tags")),
    "sqs": Reading(
        "sqs", "ListQueueTags", _queue, _map("Tags"), ("AWS.SimpleQueueService.NonExistent", "QueueDoesNotExist")
    ),
    "sns": Reading(
        "sns", "ListTagsForResource", _first("ResourceArn", 1, ":"), _pairs("Tags"), ("ResourceNotFound", "NotFound")
    ),
    "lambda": Reading("lambda", "ListTags", _function, _map("Tags")),
    "kms": Reading("kms", "ListResourceTags", _whole("KeyId"), _pairs("Tags", "TagKey", "TagValue"), ("NotFound",)),
    "secretsmanager": Reading("secretsmanager", "DescribeSecret", _secret, _pairs("Tags")),
    "ssm": Reading("ssm", "ListTagsForResource", _parameter, _pairs("TagList"), ("InvalidResourceId",)),
    "logs": Reading("logs", "ListTagsForResource", _first("resourceArn", 2, ":"), _map("tags")),
    "kinesis": Reading("kinesis", "ListTagsForStream", _stream, _pairs("Tags")),
    "states": Reading(
        "stepfunctions",
        "ListTagsForResource",
        _whole("resourceArn"),
        _pairs("tags", "key", "value"),
        ("ResourceNotFound", "StateMachineDoesNotExist"),
    ),
    "events": Reading("events", "ListTagsForResource", _whole("ResourceARN"), _pairs("Tags")),
    "ecr": Reading("ecr", "ListTagsForResource", _whole("resourceArn"), _pairs("tags"), ("RepositoryNotFound",)),
    "rds": Reading(
        "rds",
        "ListTagsForResource",
        _whole("ResourceName"),
        _pairs("TagList"),
        ("DBInstanceNotFound", "DBClusterNotFound", "DBSnapshotNotFound"),
    ),
    "ec2": Reading("ec2", "DescribeTags", _ec2, _pairs("Tags")),
}

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html: who knows s3:ExistingObjectTag.
_ON_OBJECT_TAGS = frozenset(
    f"s3:{verb}{version}{what}"
    for verb, whats in {
        "GetObject": ("", "Acl", "Tagging", "Attributes"),
        "PutObject": ("Acl", "Tagging"),
        "DeleteObject": ("Tagging",),
    }.items()
    for what in whats
    for version in ("", "Version")
    if (verb, what, version) != ("PutObject", "", "")
) | {"s3:RestoreObject"}


_OTHER_KEYS = ("s3:existingobjecttag/", "rds:")


def prefixes(named: Arn) -> tuple[str, ...]:
    """The beginnings, in lower case, of the condition keys that hold the tags of what an ARN names.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourcetag;
    of RDS (rds:db-tag/KEY):
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/security_iam_service-with-iam.html
    """
    if named.service == "s3":
        return ("s3:existingobjecttag/",)
    own = f"{named.service}:resourcetag/"
    if named.service == "rds":
        own = f"rds:{named.resource.partition(':')[0]}-tag/"
    return ("aws:resourcetag/", own)


async def tag_keys(ask: Ask, item: Authorization, account: str, region: str, policies: Deciding) -> Context:
    """The condition keys of the tags of what is authorized, where `policies` ask for them; else {}.

    `account` owns the resource. Raises Unimplemented where it cannot be told which resource that is, or nothing is
    known of its tags, and ServiceUnavailable where the backend does not tell them.
    """
    if item.resource == "*":
        # INVARIANT: a condition on the tags of a resource that nobody could name is never taken for one on no tags.
        own = item.action.partition(":")[0] + ":"
        if not item.exact and asked(policies, item.action, ("aws:resourcetag/", own + "resourcetag/", *_OTHER_KEYS)):
            raise Unimplemented(
                f"Kansatsu does not know which resource {item.action} is about, and a policy asks for its tags."
            )
        return {}
    named = Arn.parse(item.resource)
    if named is None or not asked(policies, item.action, prefixes(named)):
        return {}
    if named.service == "s3" and item.action not in _ON_OBJECT_TAGS:
        return {}
    found = await _tags(ask, named, item, account, named.region or region)
    return {key: value for prefix in prefixes(named) for key, value in of_pairs(prefix, found.items()).items()}


async def may_have_tags(ask: Ask, item: Authorization, account: str, region: str) -> bool:
    """Whether what is authorized has tags; also where the backend, asked in the owner's `account`, does not say."""
    named = Arn.parse(item.resource)
    try:
        return named is None or bool(await _tags(ask, named, item, account, region))
    except (ServiceUnavailable, Unimplemented):
        return True


async def _tags(ask: Ask, named: Arn, item: Authorization, account: str, region: str) -> Tags:
    reading = READINGS.get(named.service)
    if reading is None:
        raise _unread(named)
    # The key of an object may end so; everywhere else this is what has no id yet.
    params = None if named.resource.endswith("/*") and named.service != "s3" else reading.params(named)
    if params is None:
        return {}  # of a kind that has no tags, or not made yet
    if named.service == "s3" and isinstance(version := item.context.get("s3:versionid"), str):
        params = {**params, "VersionId": version}
    try:
        answer = await ask(account, region, reading.service, reading.operation, params)
    except AwsError as error:
        if error.code.startswith(reading.absent):
            return {}
        # INVARIANT: tags that cannot be read refuse the request; they are never taken for none.
        raise unread(f"The tags of {named}", error) from error
    return dict(reading.read(answer))
