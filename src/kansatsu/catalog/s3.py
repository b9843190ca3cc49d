"""S3 operations as IAM actions on bucket and object ARNs.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/list_amazons3.html (condition keys)
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qsl, unquote

from kansatsu.catalog import tags
from kansatsu.catalog.authorization import Authorization, Context, Params
from kansatsu.errors import AwsError

# Operations whose action does not bear their name, or exists in a second form for versions.
ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateBucketMetadataConfiguration": "CreateBucketMetadataTableConfiguration",
    "DeleteBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "DeleteBucketInventoryConfiguration": "PutInventoryConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketMetadataConfiguration": "DeleteBucketMetadataTableConfiguration",
    "DeleteBucketMetricsConfiguration": "PutMetricsConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
    "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketMetadataConfiguration": "GetBucketMetadataTableConfiguration",
    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
    "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
    "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
    "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "PutBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "PutBucketInventoryConfiguration": "PutInventoryConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketMetricsConfiguration": "PutMetricsConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "SelectObjectContent": "GetObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
# Directory buckets and Object Lambda are authorized by other services.
FOREIGN = {
    "CreateSession": "s3express:CreateSession",
    "RenameObject": "s3express:CreateSession",
    "ListDirectoryBuckets": "s3express:ListAllMyDirectoryBuckets",
    "WriteGetObjectResponse": "s3-object-lambda:WriteGetObjectResponse",
}
VERSIONED = {
    "DeleteObject": "DeleteObjectVersion",
    "DeleteObjectAnnotation": "DeleteObjectVersionAnnotation",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
    "GetObject": "GetObjectVersion",
    "GetObjectAcl": "GetObjectVersionAcl",
    "GetObjectAnnotation": "GetObjectVersionAnnotation",
    "GetObjectAttributes": "GetObjectVersionAttributes",
    "GetObjectTagging": "GetObjectVersionTagging",
    "GetObjectTorrent": "GetObjectVersionTorrent",
    "ListObjectAnnotations": "ListObjectVersionAnnotations",
    "PutObjectAcl": "PutObjectVersionAcl",
    "PutObjectAnnotation": "PutObjectVersionAnnotation",
    "PutObjectTagging": "PutObjectVersionTagging",
}
_LISTS = {"ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads"}
_LIST_KEYS = {"Prefix": "s3:prefix", "Delimiter": "s3:delimiter", "MaxKeys": "s3:max-keys"}
_GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")
_KEYS = {
    "VersionId": "s3:versionid",
    "ACL": "s3:x-amz-acl",
    "GrantFullControl": "s3:x-amz-grant-full-control",
    "GrantRead": "s3:x-amz-grant-read",
    "GrantReadACP": "s3:x-amz-grant-read-acp",
    "GrantWrite": "s3:x-amz-grant-write",
    "GrantWriteACP": "s3:x-amz-grant-write-acp",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "SSECustomerAlgorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "StorageClass": "s3:x-amz-storage-class",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "WebsiteRedirectLocation": "s3:x-amz-website-redirect-location",
    "ObjectOwnership": "s3:x-amz-object-ownership",
    "ObjectLockMode": "s3:object-lock-mode",
    "ObjectLockRetainUntilDate": "s3:object-lock-retain-until-date",
    "ObjectLockLegalHoldStatus": "s3:object-lock-legal-hold",
    "IfMatch": "s3:if-match",
    "IfNoneMatch": "s3:if-none-match",
    "AnnotationDirective": "s3:x-amz-object-annotation-directive",
    "AnnotationPrefix": "s3:annotation-prefix",
    "BucketNamespace": "s3:x-amz-bucket-namespace",
    "MaxAnnotationResults": "s3:max-annotation-results",
    "ObjectIfMatch": "s3:x-amz-object-if-match",
    "ObjectLockEventHold": "s3:object-lock-event-hold",
    "ObjectLockEventHoldDurationDays": "s3:object-lock-event-hold-duration-days",
}
# What of s3:PutObject makes an object, and what only prepares one.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
_CREATES = {
    **dict.fromkeys(("PutObject", "CopyObject", "CompleteMultipartUpload"), "true"),
    **dict.fromkeys(("CreateMultipartUpload", "UploadPart", "UploadPartCopy"), "false"),
}
_WRITES = {"PutObject", "CopyObject", "CreateMultipartUpload"}
# What a copy asks for the tags that it takes along; not of a source that has none, which only the backend knows.
# https://repost.aws/knowledge-center/s3-troubleshoot-copy-between-buckets: "If you're copying objects that have object
# tags, then your IAM identity must have s3:GetObjectTagging and s3:PutObjectTagging permissions."
READS_TAGS = frozenset({"s3:GetObjectTagging", "s3:GetObjectVersionTagging"})
WRITES_TAGS = "s3:PutObjectTagging"
# A source is percent-encoded, so that none of these is in its key as it stands.
_AMBIGUOUS = re.compile(r"[?#;\\\x00-\x1f]")
_VERSION = re.compile(r"[^?#;&\s]*")
_SOURCE_BUCKET = re.compile(r"[A-Za-z0-9._-]+|arn:[^/]+(/[^/]+)?")
_BUCKET = re.compile(
    r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,255}|arn:aws:s3[a-z-]*:[a-z0-9-]*:[0-9]{12}:[A-Za-z0-9._-]+([:/][A-Za-z0-9._-]+)*"
)
# A path that begins so is S3 Control's: a bucket of this name would be taken for it.
_CONTROL = "v20180820"
_LONGEST_KEY = 1024
_MOST_DELETED = 1000  # https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
# (parameter, further action on the object) of a write; the ACL is handled with the grants.
_FURTHER = (
    ("Tagging", "s3:PutObjectTagging"),
    ("ObjectLockMode", "s3:PutObjectRetention"),
    ("ObjectLockRetainUntilDate", "s3:PutObjectRetention"),
    ("ObjectLockLegalHoldStatus", "s3:PutObjectLegalHold"),
)


def resolve(operation: str, params: Params) -> Iterator[Authorization]:
    """The checks of an S3 operation; the first is the one that AWS names in a denial.

    Raises AwsError for what cannot be authorized because it can be read in two ways.
    """
    if operation in FOREIGN:
        yield Authorization(FOREIGN[operation], "*", exact=False)
        return
    # INVARIANT: a bucket that holds a slash, written as %2F, is a bucket and a key to a backend that decodes it.
    if params.get("Bucket") == _CONTROL or not _BUCKET.fullmatch(params.get("Bucket", "none")):
        raise AwsError("The specified bucket is not valid.", code="InvalidBucketName", status=400)
    _check_key(params.get("Key", ""))
    context = _context(operation, params)
    resource = _resource(params)
    if operation == "DeleteObjects":
        yield from _delete_objects(params, context)
        return
    action = ACTIONS.get(operation, operation)
    if params.get("VersionId"):
        action = VERSIONED.get(action, action)
    yield Authorization(f"s3:{action}", resource, context)
    if operation in _WRITES:
        yield from _further(params, resource, context)
    if "CopySource" in params:
        with_tags = operation == "CopyObject" and params.get("TaggingDirective") != "REPLACE"
        yield from _source(params["CopySource"], with_tags)
        if with_tags and not params.get("Tagging"):
            yield Authorization(WRITES_TAGS, resource, context)
    yield from _special(operation, params, resource, context)


def _check_key(key: str) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html: at most 1,024 bytes of UTF-8."""
    size = len(key.encode("utf-8", "surrogatepass"))
    if size > _LONGEST_KEY:
        fields: dict[str, object] = {"Size": size, "MaxSizeAllowed": _LONGEST_KEY}
        raise AwsError("Your key is too long", code="KeyTooLongError", status=400, fields=fields)


def shortened(key: str) -> str:
    """The key that a server reads which takes `a/../b`, `a/./b`, `a//b` or `a/..;x/b` for a path of files.

    Raises AwsError (InvalidURI) where that would be outside of the bucket.
    """
    kept: list[str] = []
    for part in key.split("/"):
        name = part.partition(";")[0]
        if name == ".." and not kept:
            raise _not_within(key)
        if name == "..":
            kept.pop()
        elif name and name != ".":
            kept.append(part)
    return "/".join(kept) + "/" * (key.endswith("/") and bool(kept))


def _not_within(key: str) -> AwsError:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList"""
    return AwsError("Couldn't parse the specified URI.", code="InvalidURI", status=400, fields={"URI": key})


def read_as_paths(items: Iterable[Authorization]) -> Iterator[Authorization]:
    """The same checks on what a server would read that shortens keys as if they were paths: other objects.

    Raises AwsError (InvalidURI) where it would read the bucket itself, or what is outside of it.
    """
    for item in items:
        if item.action.startswith("s3:") and ("//" in item.resource or "/." in item.resource):
            bucket, _, key = item.resource.partition("/")
            short = shortened(key)
            if not short:
                raise _not_within(key)
            if short != key:
                yield replace(item, resource=f"{bucket}/{short}")


def object_arn(bucket: str, key: str) -> str:
    """The ARN of an object; a bucket may be named by the ARN of an access point."""
    if bucket.startswith("arn:"):
        return f"{bucket}/object/{key}"
    return f"arn:aws:s3:::{bucket}/{key}"


def bucket_arn(bucket: str) -> str:
    """The ARN of a bucket, or of the access point in its place."""
    return bucket if bucket.startswith("arn:") else f"arn:aws:s3:::{bucket}"


def _resource(params: Params) -> str:
    bucket, key = params.get("Bucket"), params.get("Key")
    if bucket is None:
        return "*"
    return bucket_arn(bucket) if key is None else object_arn(bucket, key)


def _context(operation: str, params: Params) -> Context:
    found: Context = {}
    keys = {**_KEYS, **_LIST_KEYS} if operation in _LISTS else _KEYS
    for name in params.keys() & keys.keys():
        value = params[name]
        found[keys[name]] = value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else str(value)
    if "CopySource" in params:
        found["s3:x-amz-copy-source"] = unquote(params["CopySource"])
    if isinstance(params.get("Tagging"), str):
        found |= _tags(parse_qsl(params["Tagging"], keep_blank_values=True))
    elif isinstance(params.get("Tagging"), dict) and operation == "PutObjectTagging":
        found |= _tags([(t.get("Key", ""), t.get("Value", "")) for t in params["Tagging"].get("TagSet", [])])
    retention = params.get("Retention")
    if isinstance(retention, dict):
        found |= _context("", {"ObjectLock" + name: value for name, value in retention.items()})
    hold = params.get("LegalHold")
    if isinstance(hold, dict) and "Status" in hold:
        found["s3:object-lock-legal-hold"] = str(hold["Status"])
    location = (params.get("CreateBucketConfiguration") or {}).get("LocationConstraint")
    if location:
        found["s3:locationconstraint"] = str(location)
    if operation in _CREATES:
        found["s3:objectcreationoperation"] = _CREATES[operation]
    fields = (params.get("InventoryConfiguration") or {}).get("OptionalFields")
    if fields:
        found["s3:inventoryaccessibleoptionalfields"] = tuple(map(str, fields))
    if operation == "CreateBucket":
        found |= tags.asked(params.get("CreateBucketConfiguration") or {})
    return found


def _tags(pairs: list[tuple[str, str]]) -> Context:
    found = tags.of_pairs("s3:requestobjecttag/", pairs)
    if pairs:
        found["s3:requestobjecttagkeys"] = tuple(key for key, _ in pairs)
    return found


def _delete_objects(params: Params, context: Context) -> Iterator[Authorization]:
    bucket = params.get("Bucket", "")
    if len((params.get("Delete") or {}).get("Objects", [])) > _MOST_DELETED:
        text = "The XML you provided was not well-formed or did not validate against our published schema"
        raise AwsError(text, code="MalformedXML", status=400)
    for item in (params.get("Delete") or {}).get("Objects", []):
        _check_key(item.get("Key", ""))
        version = item.get("VersionId")
        resource = object_arn(bucket, item.get("Key", ""))
        own: Context = {**context, "s3:versionid": version} if version else context
        yield Authorization(f"s3:DeleteObject{'Version' if version else ''}", resource, own)
        if params.get("BypassGovernanceRetention"):
            yield Authorization("s3:BypassGovernanceRetention", resource, own)
    if not (params.get("Delete") or {}).get("Objects"):
        yield Authorization("s3:DeleteObject", object_arn(bucket, "*"), context)


def _further(params: Params, resource: str, context: Context) -> Iterator[Authorization]:
    if params.get("ACL") or any(params.get(grant) for grant in _GRANTS):
        yield Authorization("s3:PutObjectAcl", resource, context)
    for action in dict.fromkeys(action for name, action in _FURTHER if params.get(name)):
        yield Authorization(action, resource, context)


def _source(source: str, with_tags: bool) -> Iterator[Authorization]:
    """Reading the source of a copy: "bucket/key?versionId=v", percent-encoded, or an access point's ARN."""
    path, _, version = source.partition("?versionId=")
    # INVARIANT: what one reader takes for a part of the key and another for a query, a fragment or a host is refused.
    if _AMBIGUOUS.search(path) or not _VERSION.fullmatch(version):
        raise _bad_source()
    # A plus may be read as itself or as a space: both readings must be allowed.
    for text in dict.fromkeys((unquote(path), unquote(path.replace("+", " ")))):
        bucket, key = _split_source(text.removeprefix("/"))
        if not key or not _SOURCE_BUCKET.fullmatch(bucket):
            raise _bad_source()
        context: Context = {"s3:versionid": unquote(version)} if version else {}
        suffix = "Version" if version else ""
        yield Authorization(f"s3:GetObject{suffix}", object_arn(bucket, key), context)
        if with_tags:
            yield Authorization(f"s3:GetObject{suffix}Tagging", object_arn(bucket, key), context)


def _bad_source() -> AwsError:
    text = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
    return AwsError(text, code="InvalidArgument", status=400)


def _split_source(text: str) -> tuple[str, str]:
    if text.startswith("arn:"):
        bucket, _, key = text.partition("/object/")
        return bucket, key
    bucket, _, key = text.partition("/")
    return bucket, key


def _special(operation: str, params: Params, resource: str, context: Context) -> Iterator[Authorization]:
    if operation in ("DeleteObject", "PutObjectRetention") and params.get("BypassGovernanceRetention"):
        yield Authorization("s3:BypassGovernanceRetention", resource, context)
    if operation == "GetObjectAttributes":
        yield Authorization("s3:GetObjectVersion" if params.get("VersionId") else "s3:GetObject", resource, context)
    if operation == "CreateBucket":
        if params.get("ACL") or any(params.get(grant) for grant in _GRANTS):
            yield Authorization("s3:PutBucketAcl", resource, context)
        if params.get("ObjectLockEnabledForBucket"):
            yield Authorization("s3:PutBucketVersioning", resource, context)
            yield Authorization("s3:PutBucketObjectLockConfiguration", resource, context)
        if params.get("ObjectOwnership"):
            yield Authorization("s3:PutBucketOwnershipControls", resource, context)
