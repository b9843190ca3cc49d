"""Policies of resources across accounts: both sides must allow, and some things the owner's account alone may do.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from typing import Any

import pytest

from . import raw
from .conftest import ACCOUNT, SECOND, Gateway
from .raw import REGION, Keys, statement
from .test_bucket_policies import BODY, block, objects, put
from .test_bucket_policies import refused as refused_by_s3
from .test_resource_policies import ECR, SECRETS, SERVICES, SQS, Service, put_key, refused, says


def stranger(gateway: Gateway, *statements: dict[str, Any]) -> Keys:
    """A user of the second account."""
    theirs, name = gateway.client("iam", gateway.stranger), gateway.name("stranger")
    theirs.create_user(UserName=name)
    if statements:
        theirs.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=raw.document(*statements))
    key = theirs.create_access_key(UserName=name)["AccessKey"]
    return Keys(key["AccessKeyId"], key["SecretAccessKey"], name=name)


def abroad(service: Service, client: Any, made: str) -> str:
    """How another account names it."""
    return made if service in (SQS, ECR) else service.arn(client, made)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_both_sides_must_allow(gateway: Gateway, service: Service) -> None:
    admin = gateway.client(service.name)
    allowed = stranger(gateway, statement("Allow", [f"{service.name}:*", "kms:Decrypt"]))
    without = stranger(gateway)
    made = service.make(admin, gateway.name("abroad"))
    if service is SECRETS:
        admin.update_secret(SecretId=made, KmsKeyId=shared_key(gateway))
    name = abroad(service, admin, made)
    for keys in (allowed, without, gateway.stranger):
        refused(lambda: service.use(gateway.client(service.name, keys), name))  # noqa: B023
    service.put(admin, made, raw.document(says("Allow", {"AWS": SECOND}, service.action)))
    service.use(gateway.client(service.name, allowed), name)
    refused(lambda: service.use(gateway.client(service.name, without), name))
    user = {"AWS": f"arn:aws:iam::{SECOND}:user/{without.name}"}
    service.put(admin, made, raw.document(says("Allow", user, service.action)))
    refused(lambda: service.use(gateway.client(service.name, without), name))
    refused(lambda: service.use(gateway.client(service.name, allowed), name))


def shared_key(gateway: Gateway) -> str:
    kms = gateway.client("kms")
    key = str(kms.create_key()["KeyMetadata"]["Arn"])
    put_key(kms, key, raw.document(says("Allow", {"AWS": SECOND}, "kms:Decrypt")))
    return key


def test_a_secret_of_another_account_needs_a_key_that_is_shared(gateway: Gateway) -> None:
    """https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples_cross.html"""
    secrets, name = gateway.client("secretsmanager"), gateway.name("shared")
    theirs = gateway.client("secretsmanager", stranger(gateway, statement("Allow", ["secretsmanager:*", "kms:*"])))
    arn = secrets.create_secret(Name=name, SecretString="v")["ARN"]
    secrets.put_resource_policy(
        SecretId=name, ResourcePolicy=raw.document(says("Allow", {"AWS": SECOND}, "secretsmanager:*"))
    )
    assert "kms:Decrypt" in refused(lambda: theirs.get_secret_value(SecretId=arn))
    secrets.update_secret(SecretId=name, KmsKeyId=shared_key(gateway))
    assert theirs.get_secret_value(SecretId=arn)["SecretString"] == "v"


def test_a_bucket_of_another_account(gateway: Gateway) -> None:
    s3, bucket = gateway.client("s3"), gateway.bucket()
    s3.put_object(Bucket=bucket, Key="key", Body=BODY)
    theirs, without = gateway.client("s3", gateway.stranger), gateway.client("s3", stranger(gateway))
    refused_by_s3(lambda: theirs.get_object(Bucket=bucket, Key="key"))
    put(gateway, bucket, says("Allow", {"AWS": SECOND}, "s3:*"))
    assert theirs.get_object(Bucket=bucket, Key="key")["Body"].read() == BODY
    refused_by_s3(lambda: without.get_object(Bucket=bucket, Key="key"))
    policy = raw.document(says("Allow", {"AWS": SECOND}, "s3:*"))
    for call in (
        lambda: theirs.put_bucket_policy(Bucket=bucket, Policy=policy),
        lambda: theirs.get_bucket_policy(Bucket=bucket),
        lambda: theirs.delete_bucket_policy(Bucket=bucket),
        lambda: theirs.get_bucket_policy_status(Bucket=bucket),
    ):
        refused_by_s3(call, "MethodNotAllowed")
    everybody = says("Allow", "*", "s3:GetObject", objects(bucket))
    put(gateway, bucket, says("Allow", {"AWS": SECOND}, "s3:*"), everybody)
    block(gateway, bucket, RestrictPublicBuckets=True)
    # One public statement closes the whole policy to other accounts, also the statement that names one.
    refused_by_s3(lambda: theirs.get_object(Bucket=bucket, Key="key"))


def test_what_only_the_owners_account_may_do(gateway: Gateway) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-customer-managed-policy-examples.html"""
    sqs, kms = gateway.client("sqs"), gateway.client("kms")
    url = sqs.create_queue(QueueName=gateway.name("owned"))["QueueUrl"]
    SQS.put(sqs, url, raw.document(says("Allow", {"AWS": SECOND}, "sqs:*")))
    theirs = gateway.client("sqs", gateway.stranger)
    theirs.send_message(QueueUrl=url, MessageBody="m")
    refused(lambda: theirs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "1"}))
    refused(lambda: theirs.delete_queue(QueueUrl=url))
    key = kms.create_key(
        Policy=raw.document(says("Allow", {"AWS": [ACCOUNT, SECOND]}, "kms:*")),
    )["KeyMetadata"]["KeyId"]
    arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}"
    abroad_kms = gateway.client("kms", gateway.stranger)
    abroad_kms.encrypt(KeyId=arn, Plaintext=b"p")
    refused(lambda: abroad_kms.disable_key(KeyId=arn))
    refused(
        lambda: abroad_kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=raw.document(says("Allow", "*", "*")))
    )
    # A namesake: the key of an alias of the second account is not the key of the same alias in the first.
    alias = f"alias/{gateway.name('same')}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    refused(lambda: abroad_kms.encrypt(KeyId=alias, Plaintext=b"p"), "NotFoundException")
