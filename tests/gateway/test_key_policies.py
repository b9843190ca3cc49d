"""Policies of keys, repositories and secrets beyond what all policies of resources have in common.

https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
"""

import json

from . import raw
from .conftest import ACCOUNT, Gateway
from .raw import REGION, Keys, statement
from .test_resource_policies import ECR, KMS, SECRETS, put_key, refused, says, user

# ---- keys -----------------------------------------------------------------------------------------------------------


def test_a_key_policy_must_allow_whatever_the_identity_has(gateway: Gateway) -> None:
    """https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html"""
    kms, keys = gateway.client("kms"), gateway.user(statement("Allow", "kms:*"))
    key = KMS.make(kms, "")
    own = gateway.client("kms", keys)
    KMS.use(own, key)
    alone = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/admin"}
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=raw.document(says("Allow", alone, "kms:*")))
    assert "no resource-based policy allows" in refused(lambda: KMS.use(own, key))
    KMS.use(kms, key)


def test_a_key_of_several_regions_has_a_policy_in_each(gateway: Gateway) -> None:
    """https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-auth.html"""
    kms, keys = gateway.client("kms"), gateway.user(statement("Allow", "kms:*"))
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    assert key.startswith("mrk-")
    kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    own = gateway.client("kms", keys)
    KMS.use(own, key)
    put_key(kms, key, raw.document(says("Deny", user(keys), "kms:Encrypt")))
    for name in (key, KMS.arn(kms, key)):
        assert "explicit deny in a resource-based policy" in refused(lambda name=name: KMS.use(own, name))
    only = statement("Allow", "kms:Encrypt", KMS.arn(kms, key).replace(REGION, "eu-west-1"))
    refused(lambda: KMS.use(gateway.client("kms", gateway.user(only)), key))


def test_nobody_locks_himself_out_by_mistake(gateway: Gateway) -> None:
    kms, keys = gateway.client("kms"), gateway.user()
    key = KMS.make(kms, "")
    away = raw.document(says("Allow", user(keys), "kms:Encrypt"))
    put = {"KeyId": key, "PolicyName": "default", "Policy": away}
    message = refused(lambda: kms.put_key_policy(**put), "MalformedPolicyDocumentException")
    assert message == "The new key policy will not allow you to update the key policy in the future."
    refused(lambda: kms.create_key(Policy=away), "MalformedPolicyDocumentException")
    kms.put_key_policy(**put, BypassPolicyLockoutSafetyCheck=True)
    refused(lambda: kms.put_key_policy(**put))
    KMS.use(gateway.client("kms", keys), key)
    made = kms.create_key(Policy=away, BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["KeyId"]
    KMS.use(gateway.client("kms", keys), made)


def test_an_alias_is_its_key(gateway: Gateway) -> None:
    """The attack: a Deny on a key is passed by under one of the key's other names, or one that is pointed at it."""
    kms, keys = gateway.client("kms"), gateway.user(statement("Allow", "kms:*"))
    key, other, alias = KMS.make(kms, ""), KMS.make(kms, ""), f"alias/{gateway.name('a')}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    own = gateway.client("kms", keys)
    cipher = KMS.use(own, alias)["CiphertextBlob"]
    put_key(
        kms, key, raw.document(*(says("Deny", user(keys), f"kms:{one}*") for one in ("Encrypt", "Decrypt", "ReEnc")))
    )
    names = [alias, f"arn:aws:kms:{REGION}:{ACCOUNT}:{alias}", key, KMS.arn(kms, key)]
    for name in names:
        refused(lambda: KMS.use(own, name))  # noqa: B023
        refused(lambda: own.decrypt(KeyId=name, CiphertextBlob=cipher))  # noqa: B023
    refused(lambda: own.decrypt(CiphertextBlob=cipher))  # the key is named by the ciphertext alone
    refused(lambda: own.re_encrypt(CiphertextBlob=cipher, DestinationKeyId=other))
    assert kms.decrypt(CiphertextBlob=cipher)["Plaintext"] == b"p"
    kms.update_alias(AliasName=alias, TargetKeyId=other)
    KMS.use(own, alias)
    kms.delete_alias(AliasName=alias)
    refused(lambda: KMS.use(own, alias), "NotFoundException")


def test_a_grant_allows_its_operations_to_its_grantee_and_no_more(gateway: Gateway) -> None:
    kms, keys, other, role = gateway.client("kms"), gateway.user(), gateway.user(), gateway.role()
    key = KMS.make(kms, "")
    own = gateway.client("kms", keys)
    refused(lambda: KMS.use(own, key))
    grant = {"KeyId": key, "GranteePrincipal": user(keys)["AWS"], "Operations": ["Encrypt", "CreateGrant"]}
    given = kms.create_grant(**grant)["GrantId"]
    cipher = KMS.use(own, key)["CiphertextBlob"]
    refused(lambda: own.decrypt(KeyId=key, CiphertextBlob=cipher))
    refused(lambda: own.decrypt(CiphertextBlob=cipher))
    refused(lambda: own.create_grant(**grant))
    refused(lambda: KMS.use(gateway.client("kms", other), key))
    assert [one["GranteePrincipal"] for one in kms.list_grants(KeyId=key)["Grants"]] == [user(keys)["AWS"]]
    kms.create_grant(KeyId=key, GranteePrincipal=role["Arn"], Operations=["Decrypt"])
    assert gateway.client("kms", gateway.assume(role)).decrypt(CiphertextBlob=cipher)["Plaintext"] == b"p"
    kms.revoke_grant(KeyId=key, GrantId=given)
    refused(lambda: KMS.use(own, key))


def test_a_grant_does_not_outlive_its_grantee(gateway: Gateway) -> None:
    kms, keys = gateway.client("kms"), gateway.user()
    key = KMS.make(kms, "")
    kms.create_grant(KeyId=key, GranteePrincipal=user(keys)["AWS"], Operations=["Encrypt"])
    gateway.iam.delete_access_key(UserName=keys.name, AccessKeyId=keys.id)
    gateway.iam.delete_user(UserName=keys.name)
    gateway.iam.create_user(UserName=keys.name)
    new = gateway.iam.create_access_key(UserName=keys.name)["AccessKey"]
    heir = Keys(new["AccessKeyId"], new["SecretAccessKey"], name=keys.name)
    refused(lambda: KMS.use(gateway.client("kms", heir), key))


def test_a_grant_to_nobody_is_refused(gateway: Gateway) -> None:
    kms = gateway.client("kms")
    key = KMS.make(kms, "")
    nobody = f"arn:aws:iam::{ACCOUNT}:role/nobody-of-this-name"
    refused(lambda: kms.create_grant(KeyId=key, GranteePrincipal=nobody, Operations=["Encrypt"]), "InvalidArnException")
    assert kms.list_grants(KeyId=key)["Grants"] == []


# ---- repositories ---------------------------------------------------------------------------------------------------


def test_a_repository_policy_is_answered_with_arns_and_needs_no_resource(gateway: Gateway) -> None:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html"""
    ecr, keys = gateway.client("ecr"), gateway.user()
    name = ECR.make(ecr, f"team/{gateway.name('repository')}")
    text = raw.document({"Sid": "pull", "Effect": "Allow", "Principal": user(keys), "Action": ["ecr:ListImages"]})
    for answer in (
        ecr.set_repository_policy(repositoryName=name, policyText=text),
        ecr.get_repository_policy(repositoryName=name),
    ):
        assert json.loads(answer["policyText"]) == json.loads(text)
    ECR.use(gateway.client("ecr", keys), name)
    assert json.loads(ecr.delete_repository_policy(repositoryName=name)["policyText"]) == json.loads(text)
    refused(lambda: ECR.put(ecr, name, ""), "InvalidParameterException")
    refused(lambda: ECR.put(ecr, name, text.replace("pull", "p" * 10240)), "InvalidParameterException")
    refused(lambda: ecr.get_repository_policy(repositoryName=name), "RepositoryPolicyNotFoundException")


def test_nobody_locks_himself_out_of_a_repository_by_mistake(gateway: Gateway) -> None:
    ecr = gateway.client("ecr")
    name = ECR.make(ecr, gateway.name("locked"))
    text = raw.document(says("Deny", "*", "ecr:SetRepositoryPolicy"))
    refused(lambda: ECR.put(ecr, name, text), "InvalidParameterException")
    ecr.set_repository_policy(repositoryName=name, policyText=text, force=True)
    refused(lambda: ecr.set_repository_policy(repositoryName=name, policyText=text, force=True))


# ---- secrets --------------------------------------------------------------------------------------------------------


def test_a_secret_is_one_under_all_its_names(gateway: Gateway) -> None:
    secrets, keys = gateway.client("secretsmanager"), gateway.user(statement("Allow", "secretsmanager:*"))
    name = SECRETS.make(secrets, gateway.name("named"))
    arn = SECRETS.arn(secrets, name)
    own = gateway.client("secretsmanager", keys)
    SECRETS.use(own, name)
    SECRETS.put(secrets, arn, raw.document(says("Deny", user(keys), "secretsmanager:GetSecretValue")))
    for spelling in (name, arn, arn.rpartition("-")[0]):
        refused(lambda: SECRETS.use(own, spelling))  # noqa: B023
    refused(lambda: SECRETS.use(own, "no-such-secret"), "ResourceNotFoundException")


def test_a_public_policy_of_a_secret_may_be_ruled_out(gateway: Gateway) -> None:
    secrets = gateway.client("secretsmanager")
    name = SECRETS.make(secrets, gateway.name("public"))
    everybody = raw.document(says("Allow", "*", "secretsmanager:GetSecretValue"))
    call = {"SecretId": name, "ResourcePolicy": everybody}
    refused(lambda: secrets.put_resource_policy(**call, BlockPublicPolicy=True), "PublicPolicyException")
    secrets.put_resource_policy(**call)


def test_a_key_that_aws_manages_is_used_through_its_service_alone(gateway: Gateway) -> None:
    """https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key"""
    kms = gateway.client("kms", gateway.user(statement("Allow", "kms:*")))
    assert kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]["KeyId"]
    refused(lambda: KMS.use(kms, "alias/aws/ssm"))
    refused(lambda: kms.schedule_key_deletion(KeyId=kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]["KeyId"]))


def test_nobody_makes_a_key_one_that_aws_manages(gateway: Gateway) -> None:
    """The attack: a key gets the name of a service's own, which everybody may use through the service."""
    kms = gateway.client("kms")
    key = KMS.make(kms, "")
    codes = ("NotImplemented", "AccessDeniedException")
    for name in ("alias/aws/mine", "alias/AWS/mine", "alias/aws/ssm", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/aws/ssm"):
        refused(lambda name=name: kms.create_alias(AliasName=name, TargetKeyId=key), *codes)
        refused(lambda name=name: kms.update_alias(AliasName=name, TargetKeyId=key), *codes)
        refused(lambda name=name: kms.delete_alias(AliasName=name), *codes)
