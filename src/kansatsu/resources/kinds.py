"""The kinds of facts that Kansatsu asks backends for; a further one is a row here.

A row says how to ask, how to read the answer, which error codes mean "none", and which passing operations change it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kansatsu.errors import Unimplemented
from kansatsu.policy import Policy, PolicyType, Source, compile_policy, parse
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


def member(name: str) -> Callable[[Place, Answer], Policy | None]:
    """Reads the policy from this member of an answer."""
    return lambda place, answer: compiled(place, unwrapped(answer.get(name) or ""))


def _bucket(place: Place) -> Answer:
    return {"Bucket": place.name}


def _settings(_place: Place, answer: Answer) -> frozenset[str]:
    return frozenset(name for name, on in answer.get("PublicAccessBlockConfiguration", {}).items() if on is True)


# No bucket of the name; a name that no bucket can have gets its own error when the request itself is passed on.
_NO_BUCKET = frozenset({"NoSuchBucket", "InvalidBucketName"})
_BUCKETS = frozenset({"s3.CreateBucket", "s3.DeleteBucket", "s3control.CreateBucket", "s3control.DeleteBucket"})

BUCKET_POLICY: PolicyKind = Kind(
    "bucket policy",
    "s3",
    "GetBucketPolicy",
    _bucket,
    member("Policy"),
    None,
    _NO_BUCKET | {"NoSuchBucketPolicy"},
    _BUCKETS | {"s3.PutBucketPolicy", "s3.DeleteBucketPolicy"},
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
    _BUCKETS | {"s3.PutPublicAccessBlock", "s3.DeletePublicAccessBlock"},
)
ACCOUNT_BLOCK: Kind[frozenset[str]] = Kind(
    "account's public access block",
    "s3control",
    "GetPublicAccessBlock",
    lambda place: {"AccountId": place.account},
    _settings,
    frozenset(),
    frozenset({"NoSuchPublicAccessBlockConfiguration"}),
    frozenset({"s3control.PutPublicAccessBlock", "s3control.DeletePublicAccessBlock"}),
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


def _partition_key(_place: Place, answer: Answer) -> str:
    keys = answer.get("Table", {}).get("KeySchema") or ()
    return next((key["AttributeName"] for key in keys if key.get("KeyType") == "HASH"), "")


PARTITION_KEY: Kind[str] = Kind(
    "partition key",
    "dynamodb",
    "DescribeTable",
    lambda place: {"TableName": place.name.partition("/")[2]},
    _partition_key,
    "",
    frozenset({"ResourceNotFoundException"}),
    frozenset(
        f"dynamodb.{operation}"
        for operation in (
            *("CreateTable", "DeleteTable", "ImportTable", "RestoreTableFromBackup", "RestoreTableToPointInTime"),
            *("CreateGlobalTable", "UpdateGlobalTable"),
        )
    ),
)

KINDS: tuple[Kind[Any], ...] = (BUCKET_POLICY, BUCKET_BLOCK, ACCOUNT_BLOCK, OWNED, LOCATION, PARTITION_KEY)
