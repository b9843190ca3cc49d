"""The kinds of facts that Kansatsu asks backends for; a further one is a row here.

A row says how to ask, how to read the answer, which error codes mean "none", and which passing operations change it.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from kansatsu.errors import Unimplemented
from kansatsu.policy import Policy, PolicyType, Source, compile_policy, parse
from kansatsu.resources import functions, log_policies, tables
from kansatsu.resources.carrier import unwrapped
from kansatsu.resources.facts import Kind, Place

Answer = Mapping[str, Any]
PolicyKind = Kind[Policy | None]


def compiled(place: Place, text: str) -> Policy | None:
    """A resource policy; None for no text. Raises MalformedPolicyDocument, Unimplemented."""
    if not text:
        return None
    if text.lstrip().startswith("<"):
        # A server that does not know ?policy answers for the bucket itself, with a list of objects; a policy is JSON.
        raise Unimplemented(f"The backend has no policy of {place.arn}.")
    return compile_policy(parse(text, PolicyType.RESOURCE), Source(PolicyType.RESOURCE, owner=place.arn))


def member(name: str, inside: str = "") -> Callable[[Place, Answer], Policy | None]:
    """Reads the policy from this member of an answer, or of what another member holds."""

    def read(place: Place, answer: Answer) -> Policy | None:
        holds = (answer.get(inside) or {}) if inside else answer
        return compiled(place, unwrapped(holds.get(name) or ""))

    return read


def _bucket(place: Place) -> Answer:
    return {"Bucket": place.name}


def _settings(_place: Place, answer: Answer) -> frozenset[str]:
    return frozenset(name for name, on in answer.get("PublicAccessBlockConfiguration", {}).items() if on is True)


def _operations(service: str, *names: str) -> frozenset[str]:
    return frozenset(f"{service}.{name}" for name in names)


# No bucket of the name; a name that no bucket can have gets its own error when the request itself is passed on.
_NO_BUCKET = frozenset({"NoSuchBucket", "InvalidBucketName"})
_BUCKETS = _operations("s3", "CreateBucket", "DeleteBucket") | _operations("s3control", "CreateBucket", "DeleteBucket")

BUCKET_POLICY: PolicyKind = Kind(
    "bucket policy",
    "s3",
    "GetBucketPolicy",
    _bucket,
    member("Policy"),
    None,
    _NO_BUCKET | {"NoSuchBucketPolicy"},
    _BUCKETS | _operations("s3", "PutBucketPolicy", "DeleteBucketPolicy"),
)
# The names of the settings that are on: BlockPublicPolicy, RestrictPublicBuckets, BlockPublicAcls, IgnorePublicAcls.
BUCKET_BLOCK: Kind[frozenset[str]] = Kind(
    "public access block",
    "s3",
    "GetPublicAccessBlock",
    _bucket,
    _settings,
    frozenset(),
    _NO_BUCKET | {"NoSuchPublicAccessBlockConfiguration"},
    _BUCKETS | _operations("s3", "PutPublicAccessBlock", "DeletePublicAccessBlock"),
)
ACCOUNT_BLOCK: Kind[frozenset[str]] = Kind(
    "account's public access block",
    "s3control",
    "GetPublicAccessBlock",
    lambda place: {"AccountId": place.account},
    _settings,
    frozenset(),
    frozenset({"NoSuchPublicAccessBlockConfiguration"}),
    _operations("s3control", "PutPublicAccessBlock", "DeletePublicAccessBlock"),
)


def _default_key(_place: Place, answer: Answer) -> str:
    rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules") or ()
    found = (rule.get("ApplyServerSideEncryptionByDefault") or {} for rule in rules)
    return next((str(one.get("KMSMasterKeyID") or "") for one in found if "kms" in one.get("SSEAlgorithm", "")), "")


# The key of KMS, as it was named, by which a bucket encrypts what names none; "" for none, and for S3's own key, which
# lets everybody in who is let in to the bucket.
BUCKET_KEY: Kind[str] = Kind(
    "default key",
    "s3",
    "GetBucketEncryption",
    _bucket,
    _default_key,
    "",
    _NO_BUCKET | {"ServerSideEncryptionConfigurationNotFoundError"},
    _BUCKETS | _operations("s3", "PutBucketEncryption", "DeleteBucketEncryption"),
)

# Whether the account that is asked owns the bucket: buckets of all accounts share one namespace, and a backend need not
# say whose it is, but it lists each account its own.
OWNED: Kind[bool] = Kind(
    "owner",
    "s3",
    "ListBuckets",
    lambda place: {"Prefix": place.name},
    lambda place, answer: any(bucket.get("Name") == place.name for bucket in answer.get("Buckets") or ()),
    False,
    frozenset(),
    _BUCKETS,
)
# "" where the backend does not say. https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
LOCATION: Kind[str] = Kind(
    "Region",
    "s3",
    "HeadBucket",
    _bucket,
    lambda _place, answer: str(answer.get("BucketRegion") or ""),
    "",
    frozenset({"404", "NoSuchBucket"}),
    _BUCKETS,
)


def _partition_keys(_place: Place, answer: Answer) -> Mapping[str, tuple[str, ...]]:
    table = answer.get("Table", {})
    indexes = (*(table.get("GlobalSecondaryIndexes") or ()), *(table.get("LocalSecondaryIndexes") or ()))
    schemas = {"": table.get("KeySchema"), **{index["IndexName"]: index.get("KeySchema") for index in indexes}}
    return {
        name: tuple(key["AttributeName"] for key in schema or () if key.get("KeyType") == "HASH")
        for name, schema in schemas.items()
    }


def _table(place: Place) -> Answer:
    return {"TableName": place.name.partition("/")[2]}


_TABLES = _operations(
    "dynamodb",
    *("CreateTable", "DeleteTable", "ImportTable", "RestoreTableFromBackup", "RestoreTableToPointInTime"),
    *("CreateGlobalTable", "UpdateGlobalTable"),
)
_NO_TABLE = frozenset({"ResourceNotFoundException"})
# The names of the partition keys of the table itself ("") and of each of its indexes.
PARTITION_KEYS: Kind[Mapping[str, tuple[str, ...]]] = Kind(
    "partition keys",
    "dynamodb",
    "DescribeTable",
    _table,
    _partition_keys,
    {},
    _NO_TABLE,
    _TABLES | _operations("dynamodb", "UpdateTable"),
)
# Which table of its name it is; "" where there is none.
TABLE: Kind[str] = Kind(
    "table", "dynamodb", "DescribeTable", _table, lambda _place, answer: tables.created(answer), "", _NO_TABLE, _TABLES
)
TABLE_POLICY: PolicyKind = Kind(
    "table policy",
    "dynamodb",
    "GetResourcePolicy",
    lambda place: {"ResourceArn": place.arn},
    member("Policy"),
    None,
    _NO_TABLE | {"PolicyNotFoundException"},
    _TABLES | _operations("dynamodb", "PutResourcePolicy", "DeleteResourcePolicy"),
)


def queue_url(place: Place) -> str:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html"""
    return f"https://sqs.{place.region}.amazonaws.com/{place.account}/{place.name}"


QUEUE_POLICY: PolicyKind = Kind(
    "queue policy",
    "sqs",
    "GetQueueAttributes",
    lambda place: {"QueueUrl": queue_url(place), "AttributeNames": ["Policy"]},
    member("Policy", inside="Attributes"),
    None,
    frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}),
    _operations("sqs", "SetQueueAttributes", "AddPermission", "RemovePermission", "CreateQueue", "DeleteQueue"),
)
TOPIC_POLICY: PolicyKind = Kind(
    "topic policy",
    "sns",
    "GetTopicAttributes",
    lambda place: {"TopicArn": place.arn},
    member("Policy", inside="Attributes"),
    None,
    frozenset({"NotFound", "NotFoundException"}),
    _operations("sns", "SetTopicAttributes", "AddPermission", "RemovePermission", "CreateTopic", "DeleteTopic"),
)
AWS_ALIAS = "alias/aws/"
KEY_POLICY: PolicyKind = Kind(
    "key policy",
    "kms",
    "GetKeyPolicy",
    lambda place: {"KeyId": place.arn, "PolicyName": "default"},
    member("Policy"),
    None,
    frozenset({"NotFoundException"}),
    _operations("kms", "PutKeyPolicy", "CreateKey", "ReplicateKey"),
)
# The service whose own key it is, as AWS manages one for it; "" for a customer's.
OWN_KEY: Kind[str] = Kind(
    "service of the key",
    "kms",
    "ListAliases",
    lambda place: {"KeyId": place.arn},
    lambda _place, answer: next(
        (
            name.removeprefix(AWS_ALIAS)
            for alias in answer.get("Aliases") or ()
            if (name := str(alias.get("AliasName"))).startswith(AWS_ALIAS)
        ),
        "",
    ),
    "",
    frozenset({"NotFoundException"}),
    _operations("kms", "CreateAlias", "UpdateAlias", "DeleteAlias"),
)


def own_key_policy(place: Place, service: str) -> Policy | None:
    """The policy of a key that AWS manages: the account's principals have it through the service, and else look at it.

    https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key
    """
    through = {"kms:CallerAccount": place.account, "kms:ViaService": f"{service}.{place.region}.amazonaws.com"}
    uses = ("Encrypt", "Decrypt", "ReEncrypt*", "GenerateDataKey*", "CreateGrant", "DescribeKey")
    sees = ("Describe*", "Get*", "List*", "RevokeGrant")
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [f"kms:{name}" for name in uses],
            "Resource": "*",
            "Condition": {"StringEquals": through},
        },
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{place.account}:root"},
            "Action": [f"kms:{name}" for name in sees],
            "Resource": "*",
        },
    ]
    return compiled(place, json.dumps({"Version": "2012-10-17", "Id": f"auto-{service}", "Statement": statements}))


# What AWS lists on one page at most; a grant beyond has no effect here.
MOST_GRANTS = 100
KEY_GRANTS: Kind[tuple[Mapping[str, Any], ...]] = Kind(
    "grants",
    "kms",
    "ListGrants",
    lambda place: {"KeyId": place.arn, "Limit": MOST_GRANTS},
    lambda _place, answer: tuple(answer.get("Grants") or ()),
    (),
    frozenset({"NotFoundException"}),
    _operations("kms", "CreateGrant", "RetireGrant", "RevokeGrant", "CreateKey"),
)
SECRET_POLICY: PolicyKind = Kind(
    "secret's policy",
    "secretsmanager",
    "GetResourcePolicy",
    lambda place: {"SecretId": place.arn},
    member("ResourcePolicy"),
    None,
    frozenset({"ResourceNotFoundException"}),
    _operations("secretsmanager", "PutResourcePolicy", "DeleteResourcePolicy", "CreateSecret", "DeleteSecret"),
)

REPOSITORY_POLICY: PolicyKind = Kind(
    "repository policy",
    "ecr",
    "GetRepositoryPolicy",
    lambda place: {"registryId": place.account, "repositoryName": place.name.partition("/")[2]},
    member("policyText"),
    None,
    frozenset({"RepositoryPolicyNotFoundException", "RepositoryNotFoundException"}),
    _operations("ecr", "SetRepositoryPolicy", "DeleteRepositoryPolicy", "CreateRepository", "DeleteRepository"),
)

# Of a function, a version or an alias; the embedded backend answers with the statements of all of a function together.
FUNCTION_POLICY: PolicyKind = Kind(
    "function policy",
    "lambda",
    "GetPolicy",
    lambda place: functions.target(place.arn),
    lambda place, answer: compiled(place, json.dumps(functions.document(answer["Policy"]))),
    None,
    frozenset({"ResourceNotFoundException"}),
    _operations("lambda", "AddPermission", "RemovePermission", "DeleteResourcePolicy")
    | _operations("lambda", "CreateFunction", "DeleteFunction", "CreateAlias", "DeleteAlias"),
)

BUS_POLICY: PolicyKind = Kind(
    "event bus policy",
    "events",
    "DescribeEventBus",
    lambda place: {"Name": place.name.partition("/")[2]},
    member("Policy"),
    None,
    frozenset({"ResourceNotFoundException"}),
    _operations("events", "PutPermission", "RemovePermission", "CreateEventBus", "DeleteEventBus"),
)

# All of an account and Region together.
LOGS_POLICY: PolicyKind = Kind(
    "policies of log groups",
    "logs",
    "DescribeResourcePolicies",
    lambda _place: {},
    lambda place, answer: compiled(place, log_policies.merged(answer.get("resourcePolicies") or ())),
    None,
    frozenset(),
    _operations("logs", "PutResourcePolicy", "DeleteResourcePolicy"),
)

# ---- what a name stands for -----------------------------------------------------------------------------------------

# The ARN of the key behind an alias; "" where there is none.
ALIAS: Kind[str] = Kind(
    "alias",
    "kms",
    "DescribeKey",
    lambda place: {"KeyId": place.name},
    lambda _place, answer: str(answer["KeyMetadata"]["Arn"]),
    "",
    frozenset({"NotFoundException"}),
    _operations("kms", "CreateAlias", "UpdateAlias", "DeleteAlias"),
)
# The ARN of the secret that a name, or an ARN without its last six characters, means; "" where there is none.
SECRET: Kind[str] = Kind(
    "secret",
    "secretsmanager",
    "DescribeSecret",
    lambda place: {"SecretId": place.arn},
    lambda _place, answer: str(answer["ARN"]),
    "",
    frozenset({"ResourceNotFoundException"}),
    _operations("secretsmanager", "CreateSecret", "DeleteSecret", "ReplicateSecretToRegions"),
)

KINDS: tuple[Kind[Any], ...] = (
    *(BUCKET_POLICY, BUCKET_BLOCK, ACCOUNT_BLOCK),
    *(QUEUE_POLICY, TOPIC_POLICY, KEY_POLICY, OWN_KEY, KEY_GRANTS, SECRET_POLICY),
    *(REPOSITORY_POLICY, FUNCTION_POLICY, TABLE_POLICY, TABLE, BUS_POLICY, LOGS_POLICY),
    *(BUCKET_KEY, OWNED, LOCATION, PARTITION_KEYS, ALIAS, SECRET),
)
