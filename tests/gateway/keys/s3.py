"""The keys of S3 that a request supplies.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway import raw
from gateway.conftest import ACCOUNT
from gateway.raw import Ask

from .world import ANY, ARN, BOOL, LATER, NUMBER, STAMP, UNTIL, Case, World

OBJECT = {"Bucket": "no-such-bucket-here", "Key": "k"}
BUCKET = {"Bucket": "no-such-bucket-here"}
BODY = {**OBJECT, "Body": b""}
LOCKED = {**BODY, "ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": UNTIL}
ENCRYPTED = {**BODY, "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k"}
CUSTOMER = {**BODY, "SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
COPY = {**OBJECT, "CopySource": "other/x", "MetadataDirective": "COPY"}
INVENTORY = {
    "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::b", "Format": "CSV"}},
    "IsEnabled": True, "Id": "i", "IncludedObjectVersions": "All", "OptionalFields": ["Size"],
    "Schedule": {"Frequency": "Daily"},
}  # fmt: skip
GET = Ask("GET", "/no-such-bucket-here/k")


def grant(name: str) -> dict[str, Any]:
    return {**BODY, name: 'id="1"'}


def of_job(path: str = "", query: str = "", body: bytes = b"") -> Ask:
    """By hand: botocore puts the account into the name of the host."""
    return Ask("POST", f"/v20180820/jobs{path}", query, {"x-amz-account-id": ACCOUNT}, body)


def new_job(world: World) -> str:
    body = f"""<CreateJobRequest xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/">
        <ConfirmationRequired>false</ConfirmationRequired><Operation><S3DeleteObjectTagging/></Operation>
        <Report><Enabled>false</Enabled></Report><ClientRequestToken>t</ClientRequestToken><Priority>7</Priority>
        <RoleArn>arn:aws:iam::{ACCOUNT}:role/jobs</RoleArn></CreateJobRequest>"""
    return world.send(of_job(body=body.encode()))


S3 = [
    Case("s3:prefix", "s3.list_objects_v2", {**BUCKET, "Prefix": "home/"}, "home/", "other/"),
    Case("s3:delimiter", "s3.list_objects_v2", {**BUCKET, "Delimiter": "/"}, "/", "-"),
    Case("s3:max-keys", "s3.list_object_versions", {**BUCKET, "MaxKeys": 10}, "10", "11", NUMBER),
    Case("s3:versionid", "s3.get_object", {**OBJECT, "VersionId": "v1"}, "v1", "v2"),
    Case("s3:x-amz-acl", "s3.put_object", {**BODY, "ACL": "private"}, "private", "public-read"),
    Case("s3:x-amz-grant-full-control", "s3.put_object", grant("GrantFullControl"), 'id="1"', 'id="2"'),
    Case("s3:x-amz-grant-read", "s3.put_object", grant("GrantRead"), 'id="1"', 'id="2"'),
    Case("s3:x-amz-grant-read-acp", "s3.put_object", grant("GrantReadACP"), 'id="1"', 'id="2"'),
    Case("s3:x-amz-grant-write", "s3.put_bucket_acl", {**BUCKET, "GrantWrite": 'id="1"'}, 'id="1"', 'id="2"'),
    Case("s3:x-amz-grant-write-acp", "s3.put_object", grant("GrantWriteACP"), 'id="1"', 'id="2"'),
    Case("s3:x-amz-server-side-encryption", "s3.put_object", ENCRYPTED, "aws:kms", "AES256", action="PutObject"),
    Case(
        "s3:x-amz-server-side-encryption-aws-kms-key-id", "s3.put_object", ENCRYPTED,
        ENCRYPTED["SSEKMSKeyId"], f"arn:aws:kms:us-east-1:{ACCOUNT}:key/other", ARN,
        action="PutObject",
    ),
    Case(
        "s3:x-amz-server-side-encryption-customer-algorithm", "s3.put_object", {},
        "AES256", "none",
        send=lambda world: world.send(
            Ask("PUT", GET.path, headers={"x-amz-server-side-encryption-customer-algorithm": "AES256"}, body=b"x")
        ),
    ),
    Case("s3:x-amz-storage-class", "s3.put_object", {**BODY, "StorageClass": "GLACIER"}, "GLACIER", "STANDARD"),
    Case("s3:x-amz-website-redirect-location", "s3.put_object", {**BODY, "WebsiteRedirectLocation": "/a"}, "/a", "/b"),
    Case("s3:x-amz-copy-source", "s3.copy_object", COPY, "other/x", "other/y", resource="arn:aws:s3:::no-*"),
    Case("s3:x-amz-metadata-directive", "s3.copy_object", COPY, "COPY", "REPLACE", resource="arn:aws:s3:::no-*"),
    Case(
        "s3:x-amz-object-annotation-directive", "s3.copy_object", {**COPY, "AnnotationDirective": "EXCLUDE"},
        "EXCLUDE", "COPY", resource="arn:aws:s3:::no-*",
    ),
    Case("s3:annotation-prefix", "s3.list_object_annotations", {**OBJECT, "AnnotationPrefix": "a"}, "a", "b"),
    Case(
        "s3:max-annotation-results", "s3.list_object_annotations", {**OBJECT, "MaxAnnotationResults": 5}, "5", "6",
        NUMBER,
    ),
    Case(
        "s3:x-amz-object-if-match", "s3.delete_object_annotation",
        {**OBJECT, "AnnotationName": "a", "ObjectIfMatch": "e"}, "e", "f",
    ),
    Case(
        "s3:x-amz-object-ownership", "s3.create_bucket", {**BUCKET, "ObjectOwnership": "BucketOwnerPreferred"},
        "BucketOwnerPreferred", "ObjectWriter",
    ),
    Case(
        "s3:x-amz-bucket-namespace", "s3.create_bucket", {**BUCKET, "BucketNamespace": "global"}, "global",
        "account-regional",
    ),
    Case(
        "s3:locationconstraint", "s3.create_bucket",
        {**BUCKET, "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}, "eu-west-1", "eu-west-3",
    ),
    Case("s3:if-match", "s3.put_object", {**BODY, "IfMatch": '"e"'}, '"e"', '"f"'),
    Case("s3:if-none-match", "s3.put_object", {**BODY, "IfNoneMatch": "*"}, "*", "x"),
    Case("s3:ObjectCreationOperation", "s3.put_object", BODY, "true", "false", BOOL),
    Case("s3:ObjectCreationOperation", "s3.create_multipart_upload", OBJECT, "false", "true", BOOL),
    Case("s3:object-lock-mode", "s3.put_object", LOCKED, "GOVERNANCE", "COMPLIANCE"),
    Case("s3:object-lock-retain-until-date", "s3.put_object", LOCKED, STAMP, LATER, "DateEquals"),
    Case("s3:object-lock-remaining-retention-days", "s3.put_object", LOCKED, "10", "11", NUMBER),
    Case(
        "s3:object-lock-remaining-retention-days", "s3.put_object_retention",
        {**OBJECT, "Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": UNTIL}}, "10", "9", NUMBER,
    ),
    Case("s3:object-lock-legal-hold", "s3.put_object", {**BODY, "ObjectLockLegalHoldStatus": "ON"}, "ON", "OFF"),
    Case("s3:object-lock-event-hold", "s3.put_object", {**BODY, "ObjectLockEventHold": "ON"}, "ON", "OFF"),
    Case(
        "s3:object-lock-event-hold-duration-days", "s3.put_object",
        {**BODY, "ObjectLockEventHold": "ON", "ObjectLockEventHoldDurationDays": 3}, "3", "4", NUMBER,
    ),
    Case("s3:RequestObjectTag/Team", "s3.put_object", {**BODY, "Tagging": "Team=Blue"}, "Blue", "Red"),
    Case("s3:RequestObjectTagKeys", "s3.put_object", {**BODY, "Tagging": "Team=Blue"}, "Team", "Cost", ANY),
    Case(
        "s3:InventoryAccessibleOptionalFields", "s3.put_bucket_inventory_configuration",
        {**BUCKET, "Id": "i", "InventoryConfiguration": INVENTORY}, "Size", "ETag", ANY,
    ),
    Case(
        "aws:RequestTag/Team", "s3.create_bucket",
        {**BUCKET, "CreateBucketConfiguration": {"Tags": [{"Key": "Team", "Value": "Blue"}]}}, "Blue", "Red",
    ),
    Case(
        "s3:ExistingObjectTag/Team", "s3.get_object", lambda w: {"Bucket": w.bucket, "Key": "tagged"}, "Blue", "Red",
    ),
    Case("s3:ResourceAccount", "s3.get_object", lambda w: {**OBJECT, "Bucket": w.bucket}, ACCOUNT, "210987654321"),
    Case("aws:ResourceAccount", "s3.get_object", lambda w: {**OBJECT, "Bucket": w.bucket}, ACCOUNT, "210987654321"),
    Case("s3:signatureversion", "s3.get_object", OBJECT, "AWS4-HMAC-SHA256", "AWS"),
    Case("s3:authType", "s3.get_object", OBJECT, "REST-HEADER", "REST-QUERY-STRING"),
    Case("s3:authType", "s3.get", {}, "REST-QUERY-STRING", "REST-HEADER", send=lambda w: w.send(GET, presigned=True)),
    Case(
        "s3:signatureAge", "s3.get", {}, "60000", "20000", "NumericLessThan",
        send=lambda w: w.send(GET, presigned=True, now=datetime.now(UTC) - timedelta(seconds=25)),
    ),
    Case(
        "s3:x-amz-content-sha256", "s3.get", {}, "UNSIGNED-PAYLOAD", raw.EMPTY,
        send=lambda w: w.send(GET, payload="UNSIGNED-PAYLOAD"),
    ),
    Case("s3:RequestJobPriority", "s3.create_job", {}, "7", "8", NUMBER, action="CreateJob", send=new_job),
    Case(
        "s3:RequestJobOperation", "s3.create_job", {}, "S3DeleteObjectTagging", "S3PutObjectCopy", action="CreateJob",
        send=new_job,
    ),
    Case(
        "s3:RequestJobPriority", "s3.update_job_priority", {}, "7", "8", NUMBER,
        send=lambda w: w.send(of_job("/job-1/priority", "priority=7")),
    ),
]  # fmt: skip
