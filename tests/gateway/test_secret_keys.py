"""Secrets that KMS encrypts: whoever writes or reads one needs its key.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
"""

from collections.abc import Callable
from typing import Any

import pytest

from . import raw
from .conftest import ACCOUNT, Gateway
from .raw import REGION, statement
from .test_resource_policies import put_key, refused, says, user

SECRETS = statement("Allow", "secretsmanager:*")
WRITING = ["kms:GenerateDataKey", "kms:Decrypt"]
Call = Callable[[Any, str, str], Any]


@pytest.fixture(name="key")
def a_key(gateway: Gateway) -> str:
    return str(gateway.client("kms").create_key()["KeyMetadata"]["Arn"])


@pytest.fixture(name="secret")
def a_secret(gateway: Gateway, key: str) -> str:
    name = gateway.name("secret")
    gateway.client("secretsmanager").create_secret(Name=name, SecretString="v", KmsKeyId=key)
    return name


CALLS: dict[str, tuple[Call, list[str]]] = {
    "get": (lambda s, secret, _: s.get_secret_value(SecretId=secret), ["kms:Decrypt"]),
    "batch": (lambda s, secret, _: s.batch_get_secret_value(SecretIdList=[secret]), ["kms:Decrypt"]),
    "put": (lambda s, secret, _: s.put_secret_value(SecretId=secret, SecretString="w"), WRITING),
    "update": (lambda s, secret, _: s.update_secret(SecretId=secret, SecretString="w"), WRITING),
    "create": (lambda s, secret, key: s.create_secret(Name=f"{secret}/new", SecretString="w", KmsKeyId=key), WRITING),
}


@pytest.mark.parametrize("way", CALLS)
def test_the_key_of_a_secret_is_asked(gateway: Gateway, key: str, secret: str, way: str) -> None:
    call, actions = CALLS[way]
    for short in ([], actions[:-1]):
        keys = gateway.user(SECRETS, *([statement("Allow", short, key)] if short else []))
        refused(lambda keys=keys: call(gateway.client("secretsmanager", keys), secret, key))
    keys = gateway.user(SECRETS, statement("Allow", actions, key))
    denied = raw.document(says("Deny", user(keys), actions[-1]))
    call(gateway.client("secretsmanager", keys), secret, key)
    put_key(gateway.client("kms"), key.rpartition("/")[2], denied)
    refused(lambda: call(gateway.client("secretsmanager", keys), f"{secret}", key), "AccessDeniedException")


def test_another_key_needs_both(gateway: Gateway, key: str, secret: str) -> None:
    """The attack: who may not use the key of a secret has it encrypted by one that he may use, and reads it."""
    other = gateway.client("kms").create_key()["KeyMetadata"]["Arn"]
    thief = gateway.client("secretsmanager", gateway.user(SECRETS, statement("Allow", "kms:*", other)))
    refused(lambda: thief.update_secret(SecretId=secret, KmsKeyId=other))
    for own in ("alias/aws/secretsmanager", ""):
        refused(lambda own=own: thief.update_secret(SecretId=secret, KmsKeyId=own))
    assert thief.update_secret(SecretId=secret, Description="no key is used for that")["Name"] == secret
    both = gateway.client("secretsmanager", gateway.user(SECRETS, statement("Allow", "kms:*", [key, other])))
    both.update_secret(SecretId=secret, KmsKeyId=other)
    assert thief.get_secret_value(SecretId=secret)["SecretString"] == "v"


def test_an_alias_that_points_elsewhere_by_now_opens_nothing(gateway: Gateway, key: str) -> None:
    name, alias, kms = gateway.name("secret"), f"alias/{gateway.name('key')}", gateway.client("kms")
    other = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    gateway.client("secretsmanager").create_secret(Name=name, SecretString="v", KmsKeyId=alias)
    kms.update_alias(AliasName=alias, TargetKeyId=other)
    thief = gateway.client("secretsmanager", gateway.user(SECRETS, statement("Allow", "kms:*", other)))
    refused(lambda: thief.get_secret_value(SecretId=name))


def test_its_own_key_is_everybodys_through_it(gateway: Gateway) -> None:
    name, alone = gateway.name("secret"), gateway.client("secretsmanager", gateway.user(SECRETS))
    alone.create_secret(Name=name, SecretString="v")
    assert alone.get_secret_value(SecretId=name)["SecretString"] == "v"
    denied = gateway.client("secretsmanager", gateway.user(SECRETS, statement("Deny", "kms:Decrypt")))
    assert "explicit deny" in refused(lambda: denied.get_secret_value(SecretId=name))


@pytest.mark.parametrize(
    ("condition", "value", "may"),
    [
        ("kms:EncryptionContext:SecretARN", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{{name}}-??????", True),
        ("kms:EncryptionContext:SecretARN", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:x-??????", False),
        ("kms:ViaService", f"secretsmanager.{REGION}.amazonaws.com", True),
        ("kms:ViaService", f"ssm.{REGION}.amazonaws.com", False),
        ("kms:CallerAccount", ACCOUNT, True),
    ],
)
def test_the_key_may_be_for_one_secret(
    gateway: Gateway, key: str, secret: str, condition: str, value: str, may: bool
) -> None:
    only = statement("Allow", "kms:Decrypt", key, condition={"StringLike": {condition: value.format(name=secret)}})
    reader = gateway.client("secretsmanager", gateway.user(SECRETS, only))
    if may:
        assert reader.get_secret_value(SecretId=secret)["SecretString"] == "v"
    else:
        refused(lambda: reader.get_secret_value(SecretId=secret))


def test_what_everybody_has_is_nothing_to_learn(gateway: Gateway) -> None:
    """The key of the service is decided about, and is no right that its user needs or is seen to use."""
    name, keys = gateway.name("secret"), gateway.user(SECRETS)
    client = gateway.client("secretsmanager", keys)
    client.create_secret(Name=name, SecretString="v")
    client.get_secret_value(SecretId=name)
    assert {event.service for event in gateway.events(keys)} == {"secretsmanager"}


@pytest.mark.parametrize("deny", [[], ["kms:Decrypt"]])
def test_nor_is_it_while_observing_but_a_deny_of_it_is_told(gateway: Gateway, deny: list[str]) -> None:
    name, keys = gateway.name("secret"), gateway.user(*(statement("Deny", action) for action in deny))
    gateway.client("secretsmanager").create_secret(Name=name, SecretString="v")
    gateway.pipeline._observe = True
    try:
        gateway.client("secretsmanager", keys).get_secret_value(SecretId=name)
    finally:
        gateway.pipeline._observe = False
    asked = [(f"{event.service}:{event.action}", bool(event.would_deny)) for event in gateway.events(keys)]
    assert sorted(asked) == [*((action, True) for action in deny), ("secretsmanager:GetSecretValue", True)]
