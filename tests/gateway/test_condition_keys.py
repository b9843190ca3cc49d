"""Every condition key that a request's parameters or its signature supply, by a real request: right, wrong, absent.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
The policy's Allow has a condition on the key: the right value lets the request pass, a wrong one does not.
Keys of the caller and of the connection are in test_context.py, those of our own instances in
tests/services/test_ec2_keys.py. What the backend then says of the request (there is no such bucket) is of no interest.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from . import raw
from .conftest import ACCOUNT, Gateway
from .raw import REGION, Ask, Keys, statement

REFUSED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403"}


class World:
    """One user whose policy each case replaces, and things to name in requests."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.keys: Keys = gateway.user()
        self.tagged = gateway.user(Tags=[{"Key": "Team", "Value": "Blue"}]).name
        self.role = gateway.role(trust={"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:*"})
        self.boundary = gateway.iam.create_policy(
            PolicyName=gateway.name("boundary"), PolicyDocument=raw.document(statement("Allow", "*"))
        )["Policy"]["Arn"]
        gateway.iam.create_instance_profile(InstanceProfileName="keys")
        self.bucket = gateway.bucket()
        gateway.client("s3").put_object(Bucket=self.bucket, Key="tagged", Body=b"", Tagging="Team=Blue")
        self._clients: dict[str, Any] = {}

    def allow(self, *statements: dict[str, Any]) -> None:
        self.gateway.iam.put_user_policy(
            UserName=self.keys.name, PolicyName="own", PolicyDocument=raw.document(*statements)
        )

    def call(self, operation: str, params: dict[str, Any]) -> str:
        """The error code of a call, "" when there is none."""
        service, _, name = operation.partition(".")
        if service not in self._clients:
            self._clients[service] = self.gateway.client(service, self.keys)
        try:
            getattr(self._clients[service], name)(**params)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    def send(self, ask: Ask, *, presigned: bool = False, **how: Any) -> str:
        """The status of an S3 request that is signed by hand."""
        if presigned:
            return str(self.gateway.send(raw.presign(ask, self.keys, host=self.gateway.host, **how)).status)
        return str(self.gateway.ask(ask, self.keys, "s3", **how).status)


Params = Callable[[World], dict[str, Any]] | dict[str, Any]


@dataclass(frozen=True)
class Case:
    """`resource` and `action` are those that have the key, where an operation is checked on others that have not."""

    key: str
    operation: str
    params: Params
    right: Any
    wrong: str
    operator: str = "StringEquals"
    resource: str = "*"
    action: str = "*"
    send: Callable[[World], str] | None = None

    def __str__(self) -> str:
        return f"{self.key}-{self.operation}"

    def code(self, world: World) -> str:
        if self.send is not None:
            return self.send(world)
        return world.call(self.operation, self.params(world) if callable(self.params) else self.params)

    def statements(self, world: World, value: Any) -> Iterator[dict[str, Any]]:
        prefix = self.operation.partition(".")[0]
        value = value(world) if callable(value) else value
        yield statement("Allow", f"{prefix}:{self.action}", self.resource, condition={self.operator: {self.key: value}})
        if self.resource != "*":
            yield {"Effect": "Allow", "Action": f"{prefix}:*", "NotResource": self.resource}
        if self.action != "*":
            yield {"Effect": "Allow", "NotAction": f"{prefix}:{self.action}", "Resource": "*"}


TEAM = {"Tags": [{"Key": "Team", "Value": "Blue"}]}
CLIENT_VPN: dict[str, Any] = {"ClientCidrBlock": "10.0.0.0/22", "AuthenticationOptions": [], "ConnectionLogOptions": {}}
ANY, NUMBER, BOOL, ARN = "ForAnyValue:StringEquals", "NumericEquals", "Bool", "ArnEquals"
OBJECT = {"Bucket": "no-such-bucket-here", "Key": "k"}
BUCKET = {"Bucket": "no-such-bucket-here"}
BODY = {**OBJECT, "Body": b""}
UNTIL = datetime.now(UTC).replace(microsecond=0) + timedelta(days=10)
STAMP = UNTIL.strftime("%Y-%m-%dT%H:%M:%SZ")
LATER = (UNTIL + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
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
]  # fmt: skip

KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
ONE, BLOB = {"KeyId": KEY}, b"0"
PLAIN = {**ONE, "Plaintext": b"x"}
SCOPED = {**PLAIN, "EncryptionContext": {"App": "shop"}}
GRANT = {
    **ONE, "GranteePrincipal": "arn:aws:iam::1:role/r", "RetiringPrincipal": "arn:aws:iam::1:role/s",
    "Operations": ["Decrypt"], "Constraints": {"EncryptionContextEquals": {"App": "shop"}},
}  # fmt: skip
IMPORT = {
    **ONE, "ImportToken": BLOB, "EncryptedKeyMaterial": BLOB, "ValidTo": UNTIL,
    "ExpirationModel": "KEY_MATERIAL_EXPIRES",
}  # fmt: skip
WRAP = {**ONE, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
SIGN = {**ONE, "Message": b"m", "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
AGAIN = {"CiphertextBlob": BLOB, "SourceKeyId": KEY, "DestinationKeyId": KEY}
SHARED = {**ONE, "KeyAgreementAlgorithm": "ECDH", "PublicKey": BLOB}
SERVICE_GRANT = {
    **ONE, "GranteeServicePrincipal": "a.amazonaws.com", "RetiringServicePrincipal": "b.amazonaws.com",
    "Operations": ["Decrypt"], "Constraints": {"SourceArn": "arn:aws:sqs:us-east-1:1:q"},
}  # fmt: skip
KMS = [
    Case("kms:CallerAccount", "kms.describe_key", ONE, ACCOUNT, "210987654321"),
    Case("kms:EncryptionAlgorithm", "kms.encrypt", PLAIN, "SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1"),
    Case(
        "kms:EncryptionAlgorithm", "kms.generate_data_key", {**ONE, "KeySpec": "AES_256"}, "SYMMETRIC_DEFAULT",
        "SM2PKE",
    ),
    Case("kms:EncryptionContext:app", "kms.encrypt", SCOPED, "shop", "bank"),
    Case("kms:EncryptionContext:App", "kms.create_grant", GRANT, "shop", "bank"),
    Case("kms:EncryptionContextKeys", "kms.encrypt", SCOPED, "App", "Other", ANY),
    Case("kms:RequestAlias", "kms.encrypt", {**PLAIN, "KeyId": "alias/a"}, "alias/a", "alias/b"),
    Case("kms:RequestAlias", "kms.describe_key", {"KeyId": f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/a"}, "alias/a", "a"),
    Case("kms:KeySpec", "kms.create_key", {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}, "RSA_2048", "RSA_4096"),
    Case("kms:KeySpec", "kms.create_key", {}, "SYMMETRIC_DEFAULT", "RSA_4096"),
    Case("kms:CustomerMasterKeySpec", "kms.create_key", {"CustomerMasterKeySpec": "RSA_2048"}, "RSA_2048", "RSA_4096"),
    Case("kms:KeyUsage", "kms.create_key", {}, "ENCRYPT_DECRYPT", "SIGN_VERIFY"),
    Case("kms:CustomerMasterKeyUsage", "kms.create_key", {}, "ENCRYPT_DECRYPT", "SIGN_VERIFY"),
    Case("kms:KeyOrigin", "kms.create_key", {"Origin": "EXTERNAL"}, "EXTERNAL", "AWS_KMS"),
    Case("kms:MultiRegion", "kms.create_key", {}, "false", "true", BOOL),
    Case("kms:MultiRegionKeyType", "kms.create_key", {"MultiRegion": True}, "PRIMARY", "REPLICA"),
    Case(
        "kms:BypassPolicyLockoutSafetyCheck", "kms.create_key", {"BypassPolicyLockoutSafetyCheck": True},
        "true", "false", BOOL,
    ),
    Case("aws:RequestTag/Team", "kms.create_key", {"Tags": [{"TagKey": "Team", "TagValue": "Blue"}]}, "Blue", "Red"),
    Case("aws:TagKeys", "kms.untag_resource", {**ONE, "TagKeys": ["Team"]}, "Team", "Cost", ANY),
    Case(
        "kms:DataKeyPairSpec", "kms.generate_data_key_pair", {**ONE, "KeyPairSpec": "RSA_2048"}, "RSA_2048",
        "RSA_4096",
    ),
    Case("kms:GrantOperations", "kms.create_grant", GRANT, "Decrypt", "Encrypt", ANY),
    Case("kms:GranteePrincipal", "kms.create_grant", GRANT, GRANT["GranteePrincipal"], "arn:aws:iam::2:root"),
    Case("kms:RetiringPrincipal", "kms.create_grant", GRANT, GRANT["RetiringPrincipal"], "arn:aws:iam::2:root"),
    Case(
        "kms:GrantConstraintType", "kms.create_grant", GRANT, "EncryptionContextEquals", "EncryptionContextSubset",
    ),
    Case("kms:GranteeServicePrincipal", "kms.create_grant", SERVICE_GRANT, "a.amazonaws.com", "c.amazonaws.com"),
    Case("kms:RetiringServicePrincipal", "kms.create_grant", SERVICE_GRANT, "b.amazonaws.com", "c.amazonaws.com"),
    Case(
        "kms:GrantConstraintSourceArn", "kms.create_grant", SERVICE_GRANT,
        "arn:aws:sqs:us-east-1:1:q", "arn:aws:sqs:us-east-1:1:r", ARN,
    ),
    Case(
        "kms:ExpirationModel", "kms.import_key_material", IMPORT, "KEY_MATERIAL_EXPIRES",
        "KEY_MATERIAL_DOES_NOT_EXPIRE",
    ),
    Case("kms:ValidTo", "kms.import_key_material", IMPORT, STAMP, LATER, "DateEquals"),
    Case("kms:WrappingAlgorithm", "kms.get_parameters_for_import", WRAP, "RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"),
    Case("kms:WrappingKeySpec", "kms.get_parameters_for_import", WRAP, "RSA_2048", "RSA_4096"),
    Case("kms:SigningAlgorithm", "kms.sign", SIGN, "ECDSA_SHA_256", "ECDSA_SHA_512"),
    Case("kms:MessageType", "kms.sign", SIGN, "DIGEST", "RAW"),
    Case(
        "kms:MacAlgorithm", "kms.generate_mac", {**ONE, "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"},
        "HMAC_SHA_256", "HMAC_SHA_384",
    ),
    Case("kms:KeyAgreementAlgorithm", "kms.derive_shared_secret", SHARED, "ECDH", "DH"),
    Case(
        "kms:EncapsulationAlgorithm", "kms.encapsulate", {**ONE, "EncapsulationAlgorithm": "ML_KEM_768"},
        "ML_KEM_768", "ML_KEM_512",
    ),
    Case(
        "kms:PrimaryRegion", "kms.update_primary_region", {**ONE, "PrimaryRegion": "eu-west-1"}, "eu-west-1",
        "eu-west-2",
    ),
    Case("kms:ReplicaRegion", "kms.replicate_key", {**ONE, "ReplicaRegion": "eu-west-1"}, "eu-west-1", "eu-west-2"),
    Case(
        "kms:RotationPeriodInDays", "kms.enable_key_rotation", {**ONE, "RotationPeriodInDays": 90}, "90", "91",
        NUMBER,
    ),
    Case(
        "kms:ScheduleKeyDeletionPendingWindowInDays", "kms.schedule_key_deletion", {**ONE, "PendingWindowInDays": 7},
        "7", "8", NUMBER,
    ),
    Case("kms:ReEncryptOnSameKey", "kms.re_encrypt", AGAIN, "true", "false", BOOL),
]  # fmt: skip


def ec2(resource: str) -> str:
    return f"arn:aws:ec2:{REGION}:{ACCOUNT}:{resource}"


VOLUME = {"AvailabilityZone": "us-east-1a", "VolumeType": "gp3", "Size": 5, "Iops": 3000, "Throughput": 200}
IN_VPC = {"VpcId": "vpc-1"}
OUTPOST = "arn:aws:outposts:us-east-1:1:outpost/op-"
RESERVE = {
    "InstanceType": "m5.large", "InstancePlatform": "Linux/UNIX", "AvailabilityZone": "us-east-1a", "InstanceCount": 2,
    "EndDateType": "unlimited", "InstanceMatchCriteria": "targeted", "Tenancy": "default", "EbsOptimized": True,
    "EphemeralStorage": False,
}  # fmt: skip
HOSTS = {
    "AvailabilityZone": "us-east-1a", "InstanceType": "m5.large", "Quantity": 1, "AutoPlacement": "off",
    "HostRecovery": "on",
}  # fmt: skip


def named(key: str, operation: str, params: dict[str, Any], identifier: str, kind: str, **more: Any) -> Case:
    """The id of a resource that the request names."""
    return Case(key, f"ec2.{operation}", params, identifier, "other", resource=f"arn:aws:ec2:*:{kind}/*", **more)


EC2 = [
    Case("ec2:Region", "ec2.describe_vpcs", {}, REGION, "eu-west-1"),
    Case("ec2:AvailabilityZone", "ec2.create_volume", VOLUME, "us-east-1a", "us-east-1b"),
    Case("ec2:VolumeType", "ec2.create_volume", VOLUME, "gp3", "io1"),
    Case("ec2:VolumeSize", "ec2.create_volume", VOLUME, "5", "6", NUMBER),
    Case("ec2:VolumeIops", "ec2.create_volume", VOLUME, "3000", "1", NUMBER),
    Case("ec2:VolumeThroughput", "ec2.create_volume", VOLUME, "200", "1", NUMBER),
    Case("ec2:Encrypted", "ec2.create_volume", {**VOLUME, "Encrypted": True}, "true", "false", BOOL),
    Case("ec2:KmsKeyId", "ec2.create_volume", {**VOLUME, "Encrypted": True, "KmsKeyId": KEY}, KEY, "k"),
    Case(
        "ec2:VolumeInitializationRate", "ec2.create_volume", {**VOLUME, "VolumeInitializationRate": 100}, "100", "1",
        NUMBER,
    ),
    Case(
        "ec2:ParentSnapshot", "ec2.create_volume", {**VOLUME, "SnapshotId": "snap-1"},
        f"arn:aws:ec2:{REGION}::snapshot/snap-1", f"arn:aws:ec2:{REGION}::snapshot/snap-2", ARN, ec2("volume/*"),
    ),
    Case(
        "ec2:ParentVolume", "ec2.create_snapshot", {"VolumeId": "vol-1"},
        ec2("volume/vol-1"), ec2("volume/vol-2"), ARN, "arn:aws:ec2:*:snapshot/*",
    ),
    Case(
        "ec2:Location", "ec2.create_snapshot", {"VolumeId": "vol-1", "Location": "regional"}, "regional", "local",
        resource="arn:aws:ec2:*:snapshot/*",
    ),
    Case(
        "ec2:Ipv4IpamPoolId", "ec2.create_vpc", {"Ipv4IpamPoolId": "ipam-pool-1"}, "ipam-pool-1", "ipam-pool-2",
        resource=ec2("vpc/*"),
    ),
    Case(
        "ec2:Ipv6IpamPoolId", "ec2.create_vpc", {"Ipv6IpamPoolId": "ipam-pool-1"}, "ipam-pool-1", "ipam-pool-2",
        resource=ec2("vpc/*"),
    ),
    Case(
        "ec2:AvailabilityZoneId", "ec2.create_volume", {"AvailabilityZoneId": "use1-az1", "Size": 1}, "use1-az1",
        "use1-az2",
    ),
    Case(
        "ec2:OutpostArn", "ec2.create_snapshot", {"VolumeId": "vol-1", "OutpostArn": OUTPOST + "1"}, OUTPOST + "1",
        OUTPOST + "2", ARN, "arn:aws:ec2:*:snapshot/*",
    ),
    Case("ec2:Tenancy", "ec2.create_capacity_reservation", RESERVE, "default", "dedicated"),
    Case("ec2:KeyPairType", "ec2.create_key_pair", {"KeyName": "k", "KeyType": "ed25519"}, "ed25519", "rsa"),
    Case(
        "ec2:PlacementGroupStrategy", "ec2.create_placement_group", {"GroupName": "g", "Strategy": "cluster"},
        "cluster", "spread",
    ),
    Case("ec2:InstanceType", "ec2.create_capacity_reservation", RESERVE, "m5.large", "m5.small"),
    Case("ec2:InstancePlatform", "ec2.create_capacity_reservation", RESERVE, "Linux/UNIX", "Windows"),
    Case("ec2:InstanceCount", "ec2.create_capacity_reservation", RESERVE, "2", "3", NUMBER),
    Case("ec2:EndDateType", "ec2.create_capacity_reservation", RESERVE, "unlimited", "limited"),
    Case("ec2:InstanceMatchCriteria", "ec2.create_capacity_reservation", RESERVE, "targeted", "open"),
    Case("ec2:EbsOptimized", "ec2.create_capacity_reservation", RESERVE, "true", "false", BOOL),
    Case("ec2:EphemeralStorage", "ec2.create_capacity_reservation", RESERVE, "false", "true", BOOL),
    Case("ec2:Quantity", "ec2.allocate_hosts", HOSTS, "1", "2", NUMBER),
    Case("ec2:AutoPlacement", "ec2.allocate_hosts", HOSTS, "off", "on"),
    Case("ec2:HostRecovery", "ec2.allocate_hosts", HOSTS, "on", "off"),
    Case(
        "ec2:SnapshotLockDuration", "ec2.lock_snapshot",
        {"SnapshotId": "snap-1", "LockMode": "governance", "LockDuration": 3}, "3", "4", NUMBER,
    ),
    Case(
        "ec2:SnapshotCoolOffPeriod", "ec2.lock_snapshot",
        {"SnapshotId": "snap-1", "LockMode": "compliance", "CoolOffPeriod": 3}, "3", "4", NUMBER,
    ),
    Case(
        "ec2:VpceServiceName", "ec2.create_vpc_endpoint", {**IN_VPC, "ServiceName": "com.amazonaws.us-east-1.s3"},
        "com.amazonaws.us-east-1.s3", "other", resource=ec2("vpc-endpoint/*"),
    ),
    Case(
        "ec2:VpceServiceRegion", "ec2.create_vpc_endpoint",
        {**IN_VPC, "ServiceName": "s", "ServiceRegion": "eu-west-1"}, "eu-west-1", "eu-west-2",
        resource=ec2("vpc-endpoint/*"),
    ),
    Case(
        "ec2:VpceServicePrivateDnsName", "ec2.create_vpc_endpoint_service_configuration",
        {"PrivateDnsName": "a.example"}, "a.example", "b.example", resource=ec2("vpc-endpoint-service/*"),
    ),
    Case(
        "ec2:ServerCertificateArn", "ec2.create_client_vpn_endpoint",
        {"ServerCertificateArn": "arn:aws:acm:us-east-1:1:certificate/a", **CLIENT_VPN},
        "arn:aws:acm:us-east-1:1:certificate/a", "arn:aws:acm:us-east-1:1:certificate/b", ARN,
        ec2("client-vpn-endpoint/*"),
    ),
    Case(
        "ec2:Permission", "ec2.create_network_interface_permission",
        {"NetworkInterfaceId": "eni-1", "Permission": "INSTANCE-ATTACH", "AwsService": "a.amazonaws.com"},
        "INSTANCE-ATTACH", "EIP-ASSOCIATE",
    ),
    Case(
        "ec2:AuthorizedService", "ec2.create_network_interface_permission",
        {"NetworkInterfaceId": "eni-1", "Permission": "INSTANCE-ATTACH", "AwsService": "a.amazonaws.com"},
        "a.amazonaws.com", "b.amazonaws.com",
    ),
    Case(
        "ec2:Attribute", "ec2.modify_vpc_attribute", {**IN_VPC, "EnableDnsSupport": {"Value": True}},
        "EnableDnsSupport", "EnableDnsHostnames",
    ),
    Case(
        "ec2:Attribute/EnableDnsSupport", "ec2.modify_vpc_attribute",
        {**IN_VPC, "EnableDnsSupport": {"Value": True}}, "true", "false", BOOL,
    ),
    Case(
        "ec2:CreateAction", "ec2.create_vpc",
        {"CidrBlock": "10.0.0.0/16", "TagSpecifications": [{"ResourceType": "vpc", **TEAM}]},
        "CreateVpc", "CreateSubnet", action="CreateTags",
    ),
    Case(
        "aws:RequestTag/Team", "ec2.create_tags",
        {"Resources": ["vpc-1"], "Tags": [{"Key": "Team", "Value": "Blue"}]}, "Blue", "Red",
    ),
    Case("aws:TagKeys", "ec2.delete_tags", {"Resources": ["vpc-1"], "Tags": [{"Key": "Team"}]}, "Team", "Cost", ANY),
    named("ec2:VolumeID", "delete_volume", {"VolumeId": "vol-1"}, "vol-1", "volume"),
    named("ec2:SnapshotID", "delete_snapshot", {"SnapshotId": "snap-1"}, "snap-1", "snapshot"),
    named("ec2:SecurityGroupID", "delete_security_group", {"GroupId": "sg-1"}, "sg-1", "security-group"),
    named("ec2:VpcID", "delete_vpc", {"VpcId": "vpc-1"}, "vpc-1", "vpc"),
    named("ec2:SubnetID", "delete_subnet", {"SubnetId": "subnet-1"}, "subnet-1", "subnet"),
    named("ec2:RouteTableID", "delete_route_table", {"RouteTableId": "rtb-1"}, "rtb-1", "route-table"),
    named("ec2:NetworkAclID", "delete_network_acl", {"NetworkAclId": "acl-1"}, "acl-1", "network-acl"),
    named(
        "ec2:NetworkInterfaceID", "delete_network_interface", {"NetworkInterfaceId": "eni-1"}, "eni-1",
        "network-interface",
    ),
    named(
        "ec2:InternetGatewayID", "delete_internet_gateway", {"InternetGatewayId": "igw-1"}, "igw-1",
        "internet-gateway",
    ),
    named("ec2:DhcpOptionsID", "delete_dhcp_options", {"DhcpOptionsId": "dopt-1"}, "dopt-1", "dhcp-options"),
    named("ec2:AllocationId", "release_address", {"AllocationId": "eipalloc-1"}, "eipalloc-1", "elastic-ip"),
    named("ec2:KeyPairName", "delete_key_pair", {"KeyName": "k"}, "k", "key-pair"),
    named("ec2:PlacementGroupName", "delete_placement_group", {"GroupName": "g"}, "g", "placement-group"),
    named("ec2:ImageID", "deregister_image", {"ImageId": "ami-1"}, "ami-1", "image"),
    named(
        "ec2:InstanceID", "associate_address", {"InstanceId": "i-1", "AllocationId": "eipalloc-1"}, "i-1",
        "instance",
    ),
    named(
        "ec2:VpcPeeringConnectionID", "delete_vpc_peering_connection", {"VpcPeeringConnectionId": "pcx-1"}, "pcx-1",
        "vpc-peering-connection",
    ),
    named("ec2:transitGatewayId", "delete_transit_gateway", {"TransitGatewayId": "tgw-1"}, "tgw-1", "transit-gateway"),
    named(
        "ec2:transitGatewayAttachmentId", "delete_transit_gateway_vpc_attachment",
        {"TransitGatewayAttachmentId": "tgw-attach-1"}, "tgw-attach-1", "transit-gateway-attachment",
    ),
    named(
        "ec2:transitGatewayConnectPeerId", "delete_transit_gateway_connect_peer",
        {"TransitGatewayConnectPeerId": "p-1"}, "p-1", "transit-gateway-connect-peer",
    ),
    named(
        "ec2:transitGatewayMeteringPolicyId", "delete_transit_gateway_metering_policy",
        {"TransitGatewayMeteringPolicyId": "m-1"}, "m-1", "transit-gateway-metering-policy",
    ),
    named(
        "ec2:transitGatewayMulticastDomainId", "delete_transit_gateway_multicast_domain",
        {"TransitGatewayMulticastDomainId": "d-1"}, "d-1", "transit-gateway-multicast-domain",
    ),
    named(
        "ec2:transitGatewayPolicyTableId", "delete_transit_gateway_policy_table",
        {"TransitGatewayPolicyTableId": "t-1"}, "t-1", "transit-gateway-policy-table",
    ),
    named(
        "ec2:transitGatewayRouteTableId", "delete_transit_gateway_route_table",
        {"TransitGatewayRouteTableId": "t-1"}, "t-1", "transit-gateway-route-table",
    ),
    named(
        "ec2:transitGatewayRouteTableAnnouncementId", "delete_transit_gateway_route_table_announcement",
        {"TransitGatewayRouteTableAnnouncementId": "a-1"}, "a-1", "transit-gateway-route-table-announcement",
    ),
]  # fmt: skip

TABLE = {"TableName": "t"}
ITEM = {**TABLE, "Key": {"pk": {"S": "me"}}}
DYNAMODB = [
    Case("dynamodb:LeadingKeys", "dynamodb.get_item", ITEM, "me", "you", "ForAllValues:StringEquals"),
    Case(
        "dynamodb:Attributes", "dynamodb.get_item", {**ITEM, "ProjectionExpression": "a"},
        ["a", "pk"], "b", "ForAllValues:StringEquals",
    ),
    Case("dynamodb:Select", "dynamodb.scan", {**TABLE, "Select": "COUNT"}, "COUNT", "ALL_ATTRIBUTES"),
    Case("dynamodb:ReturnValues", "dynamodb.delete_item", {**ITEM, "ReturnValues": "ALL_OLD"}, "ALL_OLD", "NONE"),
    Case(
        "dynamodb:ReturnConsumedCapacity", "dynamodb.get_item", {**ITEM, "ReturnConsumedCapacity": "TOTAL"},
        "TOTAL", "NONE",
    ),
    Case(
        "dynamodb:EnclosingOperation", "dynamodb.transact_get_items", {"TransactItems": [{"Get": ITEM}]},
        "TransactGetItems", "TransactWriteItems",
    ),
    Case(
        "dynamodb:FullTableScan", "dynamodb.execute_statement", {"Statement": 'SELECT * FROM "t"'},
        "true", "false", BOOL,
    ),
    Case(
        "aws:RequestTag/Team", "dynamodb.tag_resource",
        {"ResourceArn": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t", "Tags": [{"Key": "Team", "Value": "Blue"}]},
        "Blue", "Red",
    ),
    Case("aws:ResourceAccount", "dynamodb.get_item", ITEM, ACCOUNT, "210987654321"),
]  # fmt: skip


def assume(**more: Any) -> Params:
    return lambda world: {"RoleArn": world.role["Arn"], "RoleSessionName": "visit", **more}


PROFILE = {"InstanceProfileName": "keys"}
IAM = [
    Case(
        "iam:PolicyARN", "iam.attach_user_policy",
        lambda world: {"UserName": world.tagged, "PolicyArn": world.boundary},
        lambda world: world.boundary, "arn:aws:iam::aws:policy/AdministratorAccess", ARN,
    ),
    Case(
        "iam:PermissionsBoundary", "iam.create_user",
        lambda world: {"UserName": world.gateway.name("bound"), "PermissionsBoundary": world.boundary},
        lambda world: world.boundary, "arn:aws:iam::aws:policy/AdministratorAccess", ARN,
    ),
    Case(
        "iam:PassedToService", "iam.add_role_to_instance_profile",
        lambda world: {**PROFILE, "RoleName": world.role["RoleName"]},
        "ec2.amazonaws.com", "ecs-tasks.amazonaws.com", resource="arn:aws:iam::*:role/*",
    ),
    Case(
        "iam:AssociatedResourceArn", "iam.add_role_to_instance_profile",
        lambda world: {**PROFILE, "RoleName": world.role["RoleName"]},
        f"arn:aws:ec2:*:{ACCOUNT}:instance/*", f"arn:aws:ecs:*:{ACCOUNT}:task/*", "ArnLike", "arn:aws:iam::*:role/*",
    ),
    Case(
        "iam:ServiceSpecificCredentialServiceName", "iam.create_service_specific_credential",
        lambda world: {"UserName": world.tagged, "ServiceName": "codecommit.amazonaws.com"},
        "codecommit.amazonaws.com", "cassandra.amazonaws.com",
    ),
    Case("iam:ResourceTag/Team", "iam.get_user", lambda world: {"UserName": world.tagged}, "Blue", "Red"),
    Case("aws:ResourceTag/Team", "iam.get_user", lambda world: {"UserName": world.tagged}, "Blue", "Red"),
    Case(
        "aws:RequestTag/Team", "iam.create_user", lambda world: {"UserName": world.gateway.name("t"), **TEAM},
        "Blue", "Red",
    ),
    Case(
        "aws:RequestTag/Team", "iam.tag_role", lambda world: {"RoleName": world.role["RoleName"], **TEAM}, "Blue",
        "Red",
    ),
    Case(
        "aws:TagKeys", "iam.untag_user", lambda world: {"UserName": world.tagged, "TagKeys": ["Other"]}, "Other",
        "Team", ANY,
    ),
    Case("aws:ResourceAccount", "iam.list_users", {}, ACCOUNT, "210987654321"),
    Case("aws:ResourceAccount", "iam.get_account_summary", {}, ACCOUNT, "210987654321"),
    Case("sts:RoleSessionName", "sts.assume_role", assume(), "visit", "other"),
    Case("sts:ExternalId", "sts.assume_role", assume(ExternalId="deal"), "deal", "other"),
    Case("sts:SourceIdentity", "sts.assume_role", assume(SourceIdentity="ana"), "ana", "bob"),
    Case("sts:TransitiveTagKeys", "sts.assume_role", assume(**TEAM, TransitiveTagKeys=["Team"]), "Team", "Cost", ANY),
    Case("aws:RequestTag/Team", "sts.assume_role", assume(**TEAM), "Blue", "Red"),
    Case("aws:TagKeys", "sts.assume_role", assume(**TEAM), "Team", "Cost", ANY),
    Case("aws:ResourceAccount", "sts.assume_role", assume(), ACCOUNT, "210987654321"),
    Case("aws:RequestTag/Team", "sqs.create_queue", {"QueueName": "keys", "tags": {"Team": "Blue"}}, "Blue", "Red"),
    Case(
        "aws:TagKeys", "sns.untag_resource",
        {"ResourceArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:t", "TagKeys": ["Team"]}, "Team", "Cost", ANY,
    ),
]  # fmt: skip
CASES = [*S3, *KMS, *EC2, *DYNAMODB, *IAM]


@pytest.fixture(scope="module")
def world(gateway: Gateway) -> World:
    return World(gateway)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_key_decides(world: World, case: Case) -> None:
    world.allow(*case.statements(world, case.wrong))
    assert case.code(world) in REFUSED, f"{case.key} with another value"
    world.allow(*case.statements(world, case.right))
    assert case.code(world) not in REFUSED, f"{case.key} with its value"


ABSENT = [
    ("s3:signatureAge", "s3.get_object", OBJECT),
    ("s3:object-lock-remaining-retention-days", "s3.put_object", BODY),
    ("s3:TlsVersion", "s3.get_object", OBJECT),
    ("kms:CallerAccount", "kms.list_keys", {}),
    ("kms:EncryptionContextKeys", "kms.encrypt", PLAIN),
    ("kms:ViaService", "kms.encrypt", PLAIN),
    ("kms:RequestAlias", "kms.encrypt", PLAIN),
    ("kms:BypassPolicyLockoutSafetyCheck", "kms.create_key", {}),
    ("aws:TagKeys", "kms.create_key", {}),
    ("ec2:CreateAction", "ec2.create_volume", VOLUME),
    ("ec2:VpcID", "ec2.create_vpc", {"CidrBlock": "10.0.0.0/16"}),
    ("aws:CalledVia", "s3.get_object", OBJECT),
    ("aws:SourceAccount", "s3.get_object", OBJECT),
]


@pytest.mark.parametrize(("key", "operation", "params"), ABSENT, ids=[f"{key}-{name}" for key, name, _ in ABSENT])
def test_a_key_that_does_not_apply_is_absent(world: World, key: str, operation: str, params: dict[str, Any]) -> None:
    for null, refused in (("false", True), ("true", False)):
        case = Case(key, operation, params, null, null, "Null")
        world.allow(*case.statements(world, null))
        assert (case.code(world) in REFUSED) is refused
