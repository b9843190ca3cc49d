"""Records of CloudTrail as IAM actions: which service and actions an event source and an event name stand for. Pure.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from kansatsu.catalog import data_events, generic, reference, s3
from kansatsu.catalog.index import index
from kansatsu.catalog.rules import rules_of
from kansatsu.wire import load_service

_HOST = ".amazonaws.com"
_OURS = "kansatsu"  # in trails of Kansatsu's own; each of its operations is an action
# eventName bears the version of the API where a service has several: GetFunction20150331v2.
# https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html
_VERSION = re.compile(r"(?P<name>.*?[a-z])(?:_?20\d\d(?:[_-]?\d\d){2})(?:v\d+)?")
# Event sources that are called neither like a signing name nor like an endpoint; they have no botocore service's name.
_SOURCES = {
    "monitoring": "cloudwatch",
    "tagging": "tag",
    "cloudcontrolapi": "cloudformation",
    "elasticmapreduce": "emr",
    "metering-marketplace": "aws-marketplace",  # https://docs.aws.amazon.com/marketplace/latest/userguide/cloudtrail-logging.html
    "rdsdata": "rds-data",
    "amazonmq": "mq",  # https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/security-logging-monitoring-cloudtrail.html
    "enterpriseq": "qbusiness",  # https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-enterpriseq.html
    "fabric": "appfabric",  # https://docs.aws.amazon.com/eventbridge/latest/ref/events.html
    "rdsdataapi": "rds-data",  # https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-rdsdataapi.html
}
# Event sources under which several services of IAM are on record.
# https://docs.aws.amazon.com/autoscaling/application/userguide/logging-using-cloudtrail.html
# https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/logging-using-cloudtrail.html
_BILLING = (
    *("account", "aws-portal", "billing", "consolidatedbilling", "cur", "customer-verification", "freetier"),
    *("invoicing", "payments", "purchase-orders", "tax"),
)
_SHARED = {
    "autoscaling": ("application-autoscaling", "autoscaling-plans"),
    "billingconsole": _BILLING,
    "taxconsole": _BILLING,
}
# Console names of S3's data events, and names that S3 has for what botocore calls otherwise.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
_S3 = {
    "DeleteMultipleObjects": "DeleteObjects",
    "InitiateMultipartUpload": "CreateMultipartUpload",
    "ListMultipartUploads": "ListMultipartUploads",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "GetBucketReplication": "GetBucketReplication",
}
# Actions of which the record does not say which one it was.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
_PARTIQL = ("PartiQLSelect", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete")
_PERHAPS = {
    ("dynamodb", "TransactGetItems"): ("GetItem",),
    ("dynamodb", "TransactWriteItems"): ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"),
    ("dynamodb", "ExecuteStatement"): _PARTIQL,
    ("dynamodb", "ExecuteTransaction"): _PARTIQL,
    ("dynamodb", "BatchExecuteStatement"): _PARTIQL,
}
# Where something is made with tags, tagging it takes a permission that leaves no record of its own; sessions likewise.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_permissions-required
_TAGGED = "aws:RequestTag/${TagKey}"
_UNTAGS = ("Delete", "Remove", "Replicate", "Untag")
_SESSIONS = ("SetSourceIdentity", "TagSession")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a record is in IAM's terms: the prefix, and the actions that it needed (none: no IAM action is like it).

    `perhaps` are those that it may have needed besides or instead: the record does not say.
    """

    service: str
    actions: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()


@lru_cache(maxsize=65536)
def meaning(event_source: str, event_name: str) -> Meaning:
    """The IAM service and actions of a record."""
    source = event_source.lower().removesuffix(_HOST)
    known = _SOURCES.get(source, source)
    for name in _spellings(event_name):
        if (several := _PERHAPS.get((known, name))) is not None:
            return Meaning(known, (), several)
        found = dict.fromkeys(_actions(known, name))
        if found:
            service = next(iter(found)).partition(":")[0]
            names = tuple(action.partition(":")[2] for action in found if action.startswith(service + ":"))
            versions = (s3.VERSIONED[name] for name in names if service == "s3" and name in s3.VERSIONED)
            tags = (tag for name in names for tag in _tagging(service, name))
            return Meaning(service, names, tuple(dict.fromkeys((*versions, *tags))))
    return Meaning(_prefix(known))


@lru_cache(maxsize=4096)
def suspects(event_source: str, event_name: str) -> frozenset[str]:
    """The services of IAM that a record may be a use of besides what `meaning` says.

    INVARIANT: a call whose event source nobody knows is a use of some service, which therefore is not unused: of those
    that have an action of the name, and where none has, of all whose event source is not known.
    """
    source, found = event_source.lower().removesuffix(_HOST), meaning(event_source, event_name)
    shared = frozenset(_SHARED.get(source, ()))
    if not shared and is_service(event_source, event_name):
        return frozenset()
    if shared and source not in reference.prefixes():
        return shared - {found.service}
    like = frozenset(prefix for name in _spellings(event_name) for prefix in _having().get(name.lower(), ()))
    return (like & shared if shared else like or _unheard()) - {found.service}


def is_service(event_source: str, event_name: str) -> bool:
    """Is it known of which service of IAM a record is?"""
    service = meaning(event_source, event_name).service
    return service == _OURS or service in reference.prefixes()


@lru_cache(maxsize=1)
def _having() -> Mapping[str, list[str]]:
    """Which services have an action of a name, in small letters."""
    found: dict[str, list[str]] = {}
    for prefix in reference.prefixes():
        for name in reference.names(prefix):
            found.setdefault(name.lower(), []).append(prefix)
    return found


@lru_cache(maxsize=1)
def _unheard() -> frozenset[str]:
    """Services of IAM that no service of botocore is like: their event sources are a guess."""
    known = index()
    sources = {*known.metadata, *known.by_signing_name, *known.by_endpoint, *_SOURCES}
    return frozenset(reference.prefixes()) - {_prefix(_SOURCES.get(source, source)) for source in sources}


@lru_cache(maxsize=65536)
def tagging(event_source: str, event_name: str) -> frozenset[str]:
    """Of what a record may have needed besides, the actions that it needed only if it gave tags."""
    found = meaning(event_source, event_name)
    return frozenset(tag for name in found.actions for tag in _tagging(found.service, name))


def is_data_event(prefix: str, action: str) -> bool:
    """Whether a trail without data events has no record of it."""
    return action in data_actions().get(prefix, ())


@lru_cache(maxsize=1)
def data_actions() -> Mapping[str, frozenset[str]]:
    """The actions, by prefix, of all data events: what their operations need, and what no operation is called like."""
    found = {prefix: set(names) for prefix, names in data_events.OTHER_ACTIONS.items()}
    for service, names in data_events.OPERATIONS.items():
        source = load_service(service).signing_name
        for each in (meaning(source, name) for name in names):
            found.setdefault(each.service, set()).update(each.actions, each.perhaps)
    return {prefix: frozenset(names) for prefix, names in found.items()}


def _tagging(service: str, name: str) -> tuple[str, ...]:
    """The actions that tag what this one makes, if it is told to."""
    if service == "sts":
        return _SESSIONS if name.startswith("AssumeRole") else ()
    known = reference.documented(service, name)
    if known is None or _TAGGED not in known.keys:
        return ()
    tags = [one for one in reference.names(service) if "Tagging" in reference.level(f"{service}:{one}")]
    if name in tags:
        return ()
    if service == "iam":  # which has one for each type
        return tuple({f"Tag{name.removeprefix('Create')}"} & {*tags})
    return tuple(one for one in tags if not one.startswith(_UNTAGS))


def _spellings(name: str) -> Iterator[str]:
    yield name
    if (match := _VERSION.fullmatch(name)) is not None:
        yield match["name"]


def _actions(source: str, name: str) -> Iterator[str]:
    """The first table that knows the event decides."""
    if source == "s3":
        operation = _S3.get(name, name)
        own = s3.ACTIONS.get(operation, operation)
        spelled = reference.spelled("s3", own)
        if operation in s3.FOREIGN or spelled:
            yield s3.FOREIGN.get(operation, f"s3:{spelled}")
        return
    if source == "apigateway":
        yield from _verb(name)
        return
    if source == _OURS:
        if name in load_service(_OURS).operation_names:
            yield f"{_OURS}:{name}"
        return
    for service in _services(source):
        rules = rules_of(service)
        row = rules.actions.get(name)
        for action in (row,) if isinstance(row, str) else row or ():
            own, _, bare = action.rpartition(":")
            yield f"{own or rules.prefix or _prefix(source)}:{bare}"
        if row:
            return
    for prefix in dict.fromkeys((source, *_prefixes(source), *_SHARED.get(source, ()))):
        if spelled := reference.spelled(prefix, name):
            yield f"{prefix}:{spelled}"
            return


def _verb(name: str) -> Iterator[str]:
    """API Gateway's actions are the methods of its requests.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html
    """
    for service in map(load_service, ("apigateway", "apigatewayv2")):
        if name in service.operation_names:
            yield f"apigateway:{service.operation(name).http_method}"
            return


@lru_cache(maxsize=1024)
def _services(source: str) -> tuple[str, ...]:
    """botocore's services that an event source may mean."""
    known = index()
    own = (source,) if source in known.metadata else ()
    return tuple(dict.fromkeys((*own, *known.by_signing_name.get(source, ()), *known.by_endpoint.get(source, ()))))


def _prefixes(source: str) -> Iterator[str]:
    metadata = index().metadata
    for service in _services(source):
        item = metadata[service]
        yield generic.prefix_of(service)
        yield str(item.get("signingName", item["endpointPrefix"])).lower()
        yield service


def _prefix(source: str) -> str:
    """The prefix of a service of which no action of the name is known; the source itself where nothing is."""
    known = reference.prefixes()
    return next((prefix for prefix in (source, *_prefixes(source)) if prefix in known), source)
