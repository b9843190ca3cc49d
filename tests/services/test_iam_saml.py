"""SAML providers: made of metadata that can be read, shown, changed, tagged, limited, deleted."""

import base64
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from sqlalchemy import text

from .conftest import ACCOUNT, NOW, World

Refused = Callable[..., str]
ARN = f"arn:aws:iam::{ACCOUNT}:saml-provider/corp"
MD, DS = "urn:oasis:names:tc:SAML:2.0:metadata", "http://www.w3.org/2000/09/xmldsig#"


def _certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = made.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1)).sign(key, SHA256())
    return base64.b64encode(signed.public_bytes(Encoding.DER)).decode()


CERTIFICATE = _certificate()


def metadata(entity: str = "https://idp.example", certificate: str = CERTIFICATE, until: str = "") -> str:
    end = f' validUntil="{until}"' if until else ""
    return (
        f'<EntityDescriptor xmlns="{MD}" entityID="{entity}"{end}><IDPSSODescriptor><KeyDescriptor use="signing">'
        f'<KeyInfo xmlns="{DS}"><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo>'
        f"</KeyDescriptor></IDPSSODescriptor></EntityDescriptor>{' ' * 1000}"
    )


def test_there_is_no_identity_center_to_associate(iam: Any, refused: Refused) -> None:
    center = {"IdentityCenterInstanceArn": "arn:aws:sso:::instance/ssoins-1234567890abcdef"}
    refused("InvalidInput", iam.create_saml_provider, Name="corp", SAMLMetadataDocument=metadata(), **center)
    assert iam.list_saml_providers()["SAMLProviderList"] == []
    iam.create_saml_provider(Name="corp", SAMLMetadataDocument=metadata())
    removed = {"RemoveIdentityCenterInstance": True}
    for asked in (center, center | removed, removed, {"RemoveContextProvider": True}):
        more = {"SAMLMetadataDocument": metadata("https://other.example"), **asked}
        refused("InvalidInput", iam.update_saml_provider, SAMLProviderArn=ARN, **more)
    assert iam.get_saml_provider(SAMLProviderArn=ARN)["SAMLMetadataDocument"] == metadata()


def test_a_provider_lives_and_dies(iam: Any, refused: Refused) -> None:
    tags = [{"Key": "k", "Value": "v"}]
    made = iam.create_saml_provider(Name="corp", SAMLMetadataDocument=metadata(), Tags=tags)
    assert (made["SAMLProviderArn"], made["Tags"]) == (ARN, tags)
    refused("EntityAlreadyExists", iam.create_saml_provider, Name="corp", SAMLMetadataDocument=metadata())
    got = iam.get_saml_provider(SAMLProviderArn=ARN)
    assert (got["SAMLMetadataDocument"], got["CreateDate"], got["Tags"]) == (
        metadata(), NOW.replace(microsecond=0), tags,
    )  # fmt: skip
    assert len(got["SAMLProviderUUID"]) >= 22
    renewed = metadata(until="2030-01-02T03:04:05Z")
    assert iam.update_saml_provider(SAMLProviderArn=ARN, SAMLMetadataDocument=renewed) == {
        "SAMLProviderArn": ARN, "ResponseMetadata": iam.update_saml_provider(
            SAMLProviderArn=ARN, SAMLMetadataDocument=renewed
        )["ResponseMetadata"],
    }  # fmt: skip
    listed = iam.list_saml_providers()["SAMLProviderList"]
    assert [(one["Arn"], one["ValidUntil"]) for one in listed] == [
        (ARN, NOW.replace(microsecond=0) + timedelta(days=36525))
    ], "whatever the metadata say"
    assert iam.get_account_summary()["SummaryMap"]["Providers"] == 1
    iam.tag_saml_provider(SAMLProviderArn=ARN, Tags=[{"Key": "l", "Value": "w"}])
    iam.untag_saml_provider(SAMLProviderArn=ARN, TagKeys=["k"])
    assert iam.list_saml_provider_tags(SAMLProviderArn=ARN)["Tags"] == [{"Key": "l", "Value": "w"}]
    iam.delete_saml_provider(SAMLProviderArn=ARN)
    for operation, more in (
        (iam.get_saml_provider, {}),
        (iam.delete_saml_provider, {}),
        (iam.update_saml_provider, {"SAMLMetadataDocument": metadata()}),
        (iam.list_saml_provider_tags, {}),
    ):
        refused("NoSuchEntity", operation, SAMLProviderArn=ARN, **more)
    refused("NoSuchEntity", iam.get_saml_provider, SAMLProviderArn=ARN)
    refused("NoSuchEntity", iam.delete_saml_provider, SAMLProviderArn=ARN)
    refused("NoSuchEntity", iam.update_saml_provider, SAMLProviderArn=ARN, SAMLMetadataDocument=metadata())


@pytest.mark.parametrize(
    "document",
    [
        "x" * 1000,
        metadata(entity=""),
        metadata(certificate="bm9uZQ=="),
        metadata().replace("IDPSSODescriptor", "SPSSODescriptor"),
        metadata().replace('use="signing"', 'use="encryption"'),
        f"<!DOCTYPE x [<!ENTITY e 'x'>]>{metadata()}",
        metadata().replace("EntityDescriptor", "EntitiesDescriptor"),
    ],
    ids=range(7),
)
def test_what_is_no_metadata(iam: Any, refused: Refused, document: str) -> None:
    made = refused("InvalidInput", iam.create_saml_provider, Name="corp", SAMLMetadataDocument=document)
    assert made == "Could not parse metadata"
    assert iam.list_saml_providers()["SAMLProviderList"] == []


def test_what_no_provider_has(iam: Any, refused: Refused) -> None:
    refused("InvalidInput", iam.get_saml_provider, SAMLProviderArn=f"arn:aws:iam::{ACCOUNT}:role/corp")
    refused("InvalidInput", iam.delete_saml_provider, SAMLProviderArn=f"arn:aws:iam::{ACCOUNT}:role/corp")
    iam.create_saml_provider(Name="corp", SAMLMetadataDocument=metadata())
    refused("InvalidInput", iam.update_saml_provider, SAMLProviderArn=ARN)


def _pem(key: Any = None, encryption: Any = NoEncryption()) -> str:
    key = key or rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def test_private_keys_come_and_go_and_are_never_shown(iam: Any, refused: Refused, world: World) -> None:
    made = {"Name": "corp", "SAMLMetadataDocument": metadata()}
    lacking = refused("InvalidInput", iam.create_saml_provider, **made, AssertionEncryptionMode="Required")
    assert lacking == "Unable to set assertion encryption mode to Required because no private key is provided."
    assert iam.list_saml_providers()["SAMLProviderList"] == [], "nothing half-made"
    first, second = _pem(), _pem()
    iam.create_saml_provider(**made, AddPrivateKey=first, AssertionEncryptionMode="Required")
    world.clock.move(seconds=60)
    update = partial(iam.update_saml_provider, SAMLProviderArn=ARN)
    update(AddPrivateKey=second)
    got = iam.get_saml_provider(SAMLProviderArn=ARN)
    listed = got["PrivateKeyList"]
    assert got["AssertionEncryptionMode"] == "Required"
    assert [one["Timestamp"] - listed[0]["Timestamp"] for one in listed] == [timedelta(0), timedelta(seconds=60)]
    assert "PRIVATE" not in str(got)
    old, new = (one["KeyId"] for one in listed)
    refused("LimitExceeded", iam.update_saml_provider, SAMLProviderArn=ARN, AddPrivateKey=_pem())
    refused("InvalidInput", update, AddPrivateKey=_pem(), RemovePrivateKey=old)
    refused("NoSuchEntity", update, RemovePrivateKey="A" * 32)
    update(RemovePrivateKey=old)
    refused("NoSuchEntity", update, RemovePrivateKey=old)
    assert refused("InvalidInput", update, RemovePrivateKey=new) == "Failed to remove private key."
    update(RemovePrivateKey=new, AssertionEncryptionMode="Allowed")
    got = iam.get_saml_provider(SAMLProviderArn=ARN)
    assert (got["AssertionEncryptionMode"], got.get("PrivateKeyList")) == ("Allowed", None)
    with world.store.read() as conn:
        rows = str(conn.execute(text("select details, secret from credential where kind = 'saml'")).all())
    assert "PRIVATE" not in rows, "sealed"


@pytest.mark.parametrize(
    "key",
    ["none", _pem(ec.generate_private_key(ec.SECP256R1())), _pem(encryption=BestAvailableEncryption(b"secret"))],
    ids=["text", "elliptic", "under a passphrase"],
)
def test_what_is_no_private_key(iam: Any, refused: Refused, key: str) -> None:
    iam.create_saml_provider(Name="corp", SAMLMetadataDocument=metadata())
    said = refused("InvalidInput", iam.update_saml_provider, SAMLProviderArn=ARN, AddPrivateKey=key)
    assert said == "Invalid private key."
    assert "PrivateKeyList" not in iam.get_saml_provider(SAMLProviderArn=ARN)
