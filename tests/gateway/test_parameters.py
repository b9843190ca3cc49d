"""Values of Parameter Store that KMS encrypts: whoever writes or reads one needs its key.

https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html
"""

from base64 import b64decode
from collections.abc import Callable
from typing import Any

import pytest

from . import raw
from .conftest import ACCOUNT, Gateway
from .raw import REGION, statement
from .test_resource_policies import put_key, refused, says, user

Call = Callable[[Any, str], Any]
SSM = statement("Allow", "ssm:*")


@pytest.fixture(name="key")
def a_key(gateway: Gateway) -> str:
    return str(gateway.client("kms").create_key()["KeyMetadata"]["Arn"])


def put(ssm: Any, name: str, **more: Any) -> Any:
    return ssm.put_parameter(**{"Name": name, "Value": "secret", "Type": "SecureString", "Overwrite": True, **more})


READS: dict[str, Call] = {
    "one": lambda ssm, name: ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"],
    "version": lambda ssm, name: ssm.get_parameter(Name=f"{name}:1", WithDecryption=True)["Parameter"]["Value"],
    "several": lambda ssm, name: ssm.get_parameters(Names=[name], WithDecryption=True)["Parameters"][0]["Value"],
    "path": lambda ssm, name: ssm.get_parameters_by_path(Path=name.rpartition("/")[0], WithDecryption=True)[
        "Parameters"
    ][0]["Value"],
    "history": lambda ssm, name: ssm.get_parameter_history(Name=name, WithDecryption=True)["Parameters"][0]["Value"],
}
# The same ones that ask for no plain value.
UNREAD: dict[str, Call] = {
    "one": lambda ssm, name: ssm.get_parameter(Name=name)["Parameter"],
    "version": lambda ssm, name: ssm.get_parameter(Name=f"{name}:1")["Parameter"],
    "several": lambda ssm, name: ssm.get_parameters(Names=[name])["Parameters"][0],
    "path": lambda ssm, name: ssm.get_parameters_by_path(Path=name.rpartition("/")[0])["Parameters"][0],
    "history": lambda ssm, name: ssm.get_parameter_history(Name=name)["Parameters"][0],
}


@pytest.mark.parametrize("way", READS)
def test_reading_needs_the_key(gateway: Gateway, key: str, way: str) -> None:
    name, read = f"/{gateway.name('path')}/of", READS[way]
    put(gateway.client("ssm"), name, KeyId=key)
    thief = gateway.client("ssm", gateway.user(SSM))
    assert "kms:Decrypt" in refused(lambda: read(thief, name))
    keys = gateway.user(SSM, statement("Allow", "kms:Decrypt", key))
    assert read(gateway.client("ssm", keys), name) == "secret"
    put_key(gateway.client("kms"), key.rpartition("/")[2], raw.document(says("Deny", user(keys), "kms:Decrypt")))
    assert "explicit deny" in refused(lambda: read(gateway.client("ssm", keys), name))


@pytest.mark.parametrize("way", UNREAD)
@pytest.mark.parametrize("own", [True, False])
def test_what_is_not_decrypted_takes_the_key_to_read(gateway: Gateway, key: str, way: str, own: bool) -> None:
    """The attack: the embedded backend answers the plain value behind the name of its key, for nobody's leave."""
    name, read = f"/{gateway.name('path')}/of", UNREAD[way]
    put(gateway.client("ssm"), name, **({} if own else {"KeyId": key}))
    thief = gateway.client("ssm", gateway.user(SSM, statement("Deny", "kms:*")))
    value = read(thief, name)["Value"]
    cipher = b64decode(value, validate=True)
    assert "secret" not in value and b"secret" not in cipher
    if own:
        return  # a key that AWS manages is nobody's but through its service
    context = {"PARAMETER_ARN": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}"}
    assert gateway.client("kms").decrypt(CiphertextBlob=cipher, EncryptionContext=context)["Plaintext"] == b"secret"


@pytest.mark.parametrize(
    ("more", "action"),
    [
        ({}, "kms:Encrypt"),
        ({"Tier": "Standard"}, "kms:Encrypt"),
        ({"Tier": "Advanced"}, "kms:GenerateDataKey"),
        ({"Tier": "Intelligent-Tiering"}, "kms:Encrypt"),
        ({"Tier": "Intelligent-Tiering", "Value": "x" * 4097}, "kms:GenerateDataKey"),
    ],
)
@pytest.mark.parametrize("named", ["arn", "id", "alias"])
def test_writing_needs_the_key(gateway: Gateway, key: str, more: dict[str, str], action: str, named: str) -> None:
    name, alias = gateway.name("parameter"), f"alias/{gateway.name('key')}"
    gateway.client("kms").create_alias(AliasName=alias, TargetKeyId=key)
    given = {"arn": key, "id": key.rpartition("/")[2], "alias": alias}[named]
    other = {"kms:Encrypt": "kms:GenerateDataKey", "kms:GenerateDataKey": "kms:Encrypt"}[action]
    for short in ([SSM], [SSM, statement("Allow", other, key)]):
        assert action in refused(
            lambda short=short: put(gateway.client("ssm", gateway.user(*short)), name, KeyId=given, **more)
        )
    put(gateway.client("ssm", gateway.user(SSM, statement("Allow", action, key))), name, KeyId=given, **more)


def test_a_new_value_needs_the_key_though_it_names_no_type(gateway: Gateway, key: str) -> None:
    """The attack: the type and the tier of what is there count, which the call does not say."""
    name, ssm = gateway.name("parameter"), gateway.client("ssm", gateway.user(SSM))
    put(gateway.client("ssm"), name, KeyId=key, Tier="Advanced")
    again = {"Name": name, "Value": "new", "Overwrite": True, "KeyId": key}
    assert "kms:GenerateDataKey" in refused(lambda: ssm.put_parameter(**again))
    # Who names no key gets Parameter Store's own, whatever key the last value has.
    del again["KeyId"]
    ssm.put_parameter(**again)
    assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == "new"
    refused(lambda: ssm.get_parameter(Name=f"{name}:1", WithDecryption=True))


def test_an_alias_that_points_elsewhere_by_now_opens_nothing(gateway: Gateway, key: str) -> None:
    name, alias, kms = gateway.name("parameter"), f"alias/{gateway.name('key')}", gateway.client("kms")
    other = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    put(gateway.client("ssm"), name, KeyId=alias)
    kms.update_alias(AliasName=alias, TargetKeyId=other)
    for one, may in ((other, False), (key, True)):
        ssm = gateway.client("ssm", gateway.user(SSM, statement("Allow", "kms:*", one)))
        if may:
            READS["one"](ssm, name)
        else:
            refused(lambda ssm=ssm: READS["one"](ssm, name))


def test_its_own_key_is_everybodys_through_it(gateway: Gateway) -> None:
    """https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-restrict-decryption.html"""
    name, alone = gateway.name("parameter"), gateway.client("ssm", gateway.user(SSM))
    put(alone, name)
    put(alone, name, KeyId="alias/aws/ssm")
    assert READS["one"](alone, name) == "secret"
    own = gateway.client("kms").describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]["Arn"]
    denied = gateway.client("ssm", gateway.user(SSM, statement("Deny", "kms:Decrypt", own)))
    assert "explicit deny" in refused(lambda: READS["one"](denied, name))
    put(denied, name)
    assert alone.get_parameter(Name=name)["Parameter"]["Version"] == 3


@pytest.mark.parametrize(
    ("condition", "value", "may"),
    [
        ("kms:EncryptionContext:PARAMETER_ARN", "{arn}", True),
        ("kms:EncryptionContext:PARAMETER_ARN", "{arn}x", False),
        ("kms:ViaService", f"ssm.{REGION}.amazonaws.com", True),
        ("kms:ViaService", f"s3.{REGION}.amazonaws.com", False),
        ("kms:CallerAccount", ACCOUNT, True),
    ],
)
def test_the_key_may_be_for_one_parameter(gateway: Gateway, key: str, condition: str, value: str, may: bool) -> None:
    name = f"/{gateway.name('path')}/of"
    put(gateway.client("ssm"), name, KeyId=key)
    value = value.replace("{arn}", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}")
    only = statement("Allow", ["kms:Encrypt", "kms:Decrypt"], key) | {"Condition": {"StringEquals": {condition: value}}}
    ssm = gateway.client("ssm", gateway.user(SSM, only))
    for use in (lambda: READS["one"](ssm, name), lambda: put(ssm, name, KeyId=key)):
        use() if may else refused(use)


def test_one_of_several_denies_all(gateway: Gateway, key: str) -> None:
    admin, path = gateway.client("ssm"), f"/{gateway.name('path')}"
    put(admin, f"{path}/own")
    put(admin, f"{path}/keyed", KeyId=key)
    put(admin, f"{path}/plain", Type="String")
    ssm = gateway.client("ssm", gateway.user(SSM))
    refused(lambda: ssm.get_parameters_by_path(Path=path, WithDecryption=True))
    names = [f"{path}/own", f"{path}/plain"]
    assert [one["Value"] for one in ssm.get_parameters(Names=names, WithDecryption=True)["Parameters"]] == [
        "secret"
    ] * 2
    refused(lambda: ssm.get_parameter(Name=f"{path}/none", WithDecryption=True), "ParameterNotFound")
