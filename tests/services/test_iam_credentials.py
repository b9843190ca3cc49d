"""SSH keys, certificates and service-specific credentials: parsed, kept, limited, listed, switched and deleted."""

import csv
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from .conftest import ACCOUNT, NOW, World

Refused = Callable[..., str]
WHEN = NOW.replace(microsecond=0)
KEYS = [rsa.generate_private_key(65537, 2048) for _ in range(3)]
CURVE = ec.generate_private_key(ec.SECP256R1())


def pem(key: Any) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def ssh(key: Any, form: str = "SSH") -> str:
    if form == "SSH":
        return str(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())
    return str(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def certified(key: Any, name: str = "example.com", until: datetime = WHEN + timedelta(days=90)) -> str:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(WHEN - timedelta(days=400)).not_valid_after(until)
    return made.sign(KEYS[0], hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.fixture(autouse=True)
def ana(world: World) -> None:
    world.iam.create_user(UserName="ana")


# ---- SSH public keys ------------------------------------------------------------------------------------------------


def test_an_ssh_key_lives_and_dies(iam: Any, refused: Refused) -> None:
    body = ssh(KEYS[0]) + " ana@laptop"
    made = iam.upload_ssh_public_key(UserName="ana", SSHPublicKeyBody=body)["SSHPublicKey"]
    named = {"UserName": "ana", "SSHPublicKeyId": made["SSHPublicKeyId"]}
    assert made == named | {
        "SSHPublicKeyBody": body, "Fingerprint": made["Fingerprint"], "Status": "Active", "UploadDate": WHEN
    }  # fmt: skip
    assert made["SSHPublicKeyId"].startswith("APKA")
    assert len(made["Fingerprint"].split(":")) == 16
    for form in ("SSH", "PEM"):
        got = iam.get_ssh_public_key(**named, Encoding=form)["SSHPublicKey"]
        assert got == made | {"SSHPublicKeyBody": ssh(KEYS[0], form)}
    iam.update_ssh_public_key(**named, Status="Inactive")
    [listed] = iam.list_ssh_public_keys(UserName="ana")["SSHPublicKeys"]
    assert listed == named | {"Status": "Inactive", "UploadDate": WHEN}
    assert "must delete SSH public keys first" in refused("DeleteConflict", iam.delete_user, UserName="ana")
    iam.delete_ssh_public_key(**named)
    for gone in (iam.delete_ssh_public_key, lambda **key: iam.update_ssh_public_key(**key, Status="Active")):
        refused("NoSuchEntity", gone, **named)
    iam.delete_user(UserName="ana")


def test_a_user_has_so_many_keys_and_no_more(iam: Any, refused: Refused) -> None:
    *keys, last = (rsa.generate_private_key(65537, 2048) for _ in range(6))
    for key in keys:
        iam.upload_ssh_public_key(UserName="ana", SSHPublicKeyBody=ssh(key))
    refused("LimitExceeded", iam.upload_ssh_public_key, UserName="ana", SSHPublicKeyBody=ssh(last))
    assert len(iam.list_ssh_public_keys(UserName="ana")["SSHPublicKeys"]) == 5


def test_the_same_key_in_another_form_is_the_same(iam: Any, refused: Refused) -> None:
    iam.upload_ssh_public_key(UserName="ana", SSHPublicKeyBody=ssh(KEYS[0]))
    again = {"UserName": "ana", "SSHPublicKeyBody": ssh(KEYS[0], "PEM")}
    refused("DuplicateSSHPublicKey", iam.upload_ssh_public_key, **again)
    iam.create_user(UserName="eve")
    iam.upload_ssh_public_key(**again | {"UserName": "eve"})
    [hers] = iam.list_ssh_public_keys(UserName="eve")["SSHPublicKeys"]
    refused("NoSuchEntity", iam.delete_ssh_public_key, UserName="ana", SSHPublicKeyId=hers["SSHPublicKeyId"])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("hello", "UnrecognizedPublicKeyEncoding"),
        (ssh(CURVE), "UnrecognizedPublicKeyEncoding"),
        (ssh(CURVE, "PEM"), "InvalidPublicKey"),
        (ssh(rsa.generate_private_key(65537, 1024)), "InvalidPublicKey"),
        ("ssh-rsa AAAA", "InvalidPublicKey"),
        (pem(KEYS[0]), "InvalidPublicKey"),
    ],
    ids=["text", "curve", "curve in PEM", "short", "cut off", "private"],
)
def test_what_is_no_ssh_key(iam: Any, refused: Refused, body: str, code: str) -> None:
    refused(code, iam.upload_ssh_public_key, UserName="ana", SSHPublicKeyBody=body)


# ---- signing certificates -------------------------------------------------------------------------------------------


def test_a_signing_certificate_lives_and_dies(iam: Any, refused: Refused) -> None:
    body = certified(KEYS[0])
    made = iam.upload_signing_certificate(UserName="ana", CertificateBody=body)["Certificate"]
    named = {"UserName": "ana", "CertificateId": made["CertificateId"]}
    assert made == named | {"CertificateBody": body, "Status": "Active", "UploadDate": WHEN}
    iam.create_user(UserName="eve")
    refused("DuplicateCertificate", iam.upload_signing_certificate, UserName="eve", CertificateBody=body)
    iam.upload_signing_certificate(UserName="ana", CertificateBody=certified(KEYS[1]))
    refused("LimitExceeded", iam.upload_signing_certificate, UserName="ana", CertificateBody=certified(KEYS[2]))
    iam.update_signing_certificate(**named, Status="Inactive")
    listed = {item["CertificateId"]: item for item in iam.list_signing_certificates(UserName="ana")["Certificates"]}
    assert listed[made["CertificateId"]] == made | {"Status": "Inactive"}
    iam.generate_credential_report()
    report = iam.get_credential_report()["Content"].decode().splitlines()
    row = next(row for row in csv.DictReader(report) if row["user"] == "ana")
    assert {row["cert_1_active"], row["cert_2_active"]} == {"true", "false"}
    iam.delete_signing_certificate(**named)
    refused("NoSuchEntity", iam.delete_signing_certificate, **named)
    assert "must delete signing certificate first" in refused("DeleteConflict", iam.delete_user, UserName="ana")


def test_what_is_no_signing_certificate(iam: Any, refused: Refused) -> None:
    expired = certified(KEYS[0], until=WHEN - timedelta(days=1))
    for code, body in (("MalformedCertificate", "hello"), ("InvalidCertificate", expired)):
        refused(code, iam.upload_signing_certificate, UserName="ana", CertificateBody=body)


# ---- server certificates --------------------------------------------------------------------------------------------


def test_a_server_certificate_lives_and_dies(world: World, iam: Any, refused: Refused) -> None:
    body, chain = certified(KEYS[1]), certified(KEYS[0], "the issuer")
    tags = [{"Key": "site", "Value": "shop"}]
    asked = {
        "ServerCertificateName": "Shop", "Path": "/cloudfront/", "CertificateBody": body, "PrivateKey": pem(KEYS[1]),
        "CertificateChain": chain, "Tags": tags,
    }  # fmt: skip
    made = iam.upload_server_certificate(**asked)
    metadata = made["ServerCertificateMetadata"]
    assert made["Tags"] == tags
    assert metadata == {
        "Path": "/cloudfront/",
        "ServerCertificateName": "Shop",
        "ServerCertificateId": metadata["ServerCertificateId"],
        "Arn": f"arn:aws:iam::{ACCOUNT}:server-certificate/cloudfront/Shop",
        "UploadDate": WHEN,
        "Expiration": WHEN + timedelta(days=90),
    }
    refused("EntityAlreadyExists", iam.upload_server_certificate, **asked | {"ServerCertificateName": "SHOP"})
    got = iam.get_server_certificate(ServerCertificateName="Shop")["ServerCertificate"]
    assert got == {
        "ServerCertificateMetadata": metadata, "CertificateBody": body, "CertificateChain": chain, "Tags": tags
    }  # fmt: skip
    for prefix, count in (("/cloudfront/", 1), ("/other/", 0), ("/", 1)):
        found = iam.list_server_certificates(PathPrefix=prefix)["ServerCertificateMetadataList"]
        assert found == [metadata] * count
    assert iam.get_account_summary()["SummaryMap"]["ServerCertificates"] == 1
    iam.update_server_certificate(ServerCertificateName="Shop", NewServerCertificateName="Store", NewPath="/")
    refused("NoSuchEntity", iam.get_server_certificate, ServerCertificateName="Shop")
    moved = iam.get_server_certificate(ServerCertificateName="Store")["ServerCertificate"]["ServerCertificateMetadata"]
    assert moved["Arn"] == f"arn:aws:iam::{ACCOUNT}:server-certificate/Store"
    iam.untag_server_certificate(ServerCertificateName="Store", TagKeys=["site"])
    assert iam.list_server_certificate_tags(ServerCertificateName="Store")["Tags"] == []
    iam.delete_server_certificate(ServerCertificateName="Store")
    refused("NoSuchEntity", iam.delete_server_certificate, ServerCertificateName="Store")


def test_what_is_no_server_certificate(iam: Any, refused: Refused) -> None:
    good = {"ServerCertificateName": "a", "CertificateBody": certified(KEYS[1]), "PrivateKey": pem(KEYS[1])}
    for code, wrong in (
        ("MalformedCertificate", {"CertificateBody": "hello"}),
        ("MalformedCertificate", {"PrivateKey": "hello"}),
        ("MalformedCertificate", {"CertificateChain": "hello"}),
        ("KeyPairMismatch", {"PrivateKey": pem(KEYS[0])}),
    ):
        refused(code, iam.upload_server_certificate, **good | wrong)
    assert iam.list_server_certificates()["ServerCertificateMetadataList"] == []


# INVARIANT: the private key is in no file in the clear, and nobody moves a certificate past a policy on its path.
def test_a_server_certificate_stays_where_it_may_be(world: World, iam: Any, refused: Refused, tmp_path: Path) -> None:
    iam.upload_server_certificate(
        ServerCertificateName="a", Path="/web/", CertificateBody=certified(KEYS[1]), PrivateKey=pem(KEYS[1])
    )
    web = f"arn:aws:iam::{ACCOUNT}:server-certificate/web/*"
    keys = world.user("eve", {"Effect": "Allow", "Action": "iam:UpdateServerCertificate", "Resource": web})
    eve = world.client("iam", keys)
    moved = {"ServerCertificateName": "a", "NewPath": "/elsewhere/"}
    assert "/elsewhere/a" in refused("AccessDenied", eve.update_server_certificate, **moved)
    eve.update_server_certificate(ServerCertificateName="a", NewServerCertificateName="b")
    line = pem(KEYS[1]).splitlines()[5].encode()
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert files
    assert not any(line in path.read_bytes() for path in files)


# ---- service-specific credentials -----------------------------------------------------------------------------------


def test_a_service_credential_lives_and_dies(iam: Any, refused: Refused) -> None:
    service = "codecommit.amazonaws.com"

    def create() -> Any:
        return iam.create_service_specific_credential(UserName="ana", ServiceName=service)["ServiceSpecificCredential"]

    one, two = create(), create()
    assert (one["ServiceUserName"], two["ServiceUserName"]) == (f"ana-at-{ACCOUNT}", f"ana+1-at-{ACCOUNT}")
    assert one["ServicePassword"] != two["ServicePassword"]
    refused("LimitExceeded", iam.create_service_specific_credential, UserName="ana", ServiceName=service)
    refused(
        "NotSupportedService", iam.create_service_specific_credential, UserName="ana", ServiceName="s3.amazonaws.com"
    )
    listed = iam.list_service_specific_credentials(UserName="ana", ServiceName=service)["ServiceSpecificCredentials"]
    assert {item["ServiceSpecificCredentialId"] for item in listed} == {
        one["ServiceSpecificCredentialId"], two["ServiceSpecificCredentialId"]
    }  # fmt: skip
    assert not any("ServicePassword" in item for item in listed)
    named = {"UserName": "ana", "ServiceSpecificCredentialId": one["ServiceSpecificCredentialId"]}
    again = iam.reset_service_specific_credential(**named)["ServiceSpecificCredential"]
    assert again["ServicePassword"] != one["ServicePassword"]
    iam.update_service_specific_credential(**named, Status="Inactive")
    iam.delete_service_specific_credential(**named)
    refused("NoSuchEntity", iam.delete_service_specific_credential, **named)
    assert create()["ServiceUserName"] == f"ana-at-{ACCOUNT}"
    assert "service specific credentials first" in refused("DeleteConflict", iam.delete_user, UserName="ana")


def test_service_credentials_of_all_users(world: World, refused: Refused) -> None:
    iam, codecommit = world.iam, {"ServiceName": "codecommit.amazonaws.com"}
    for name in ("uno", "dos"):
        iam.create_user(UserName=name)
        iam.create_service_specific_credential(UserName=name, **codecommit)
    iam.create_service_specific_credential(UserName="uno", ServiceName="cassandra.amazonaws.com")
    found = iam.list_service_specific_credentials(AllUsers=True)["ServiceSpecificCredentials"]
    assert sorted(each["UserName"] for each in found) == ["dos", "uno", "uno"]
    found = iam.list_service_specific_credentials(AllUsers=True, **codecommit)["ServiceSpecificCredentials"]
    assert sorted(each["UserName"] for each in found) == ["dos", "uno"]
    refused("ValidationError", iam.list_service_specific_credentials, AllUsers=True, UserName="uno")
    refused("NotSupportedService", iam.list_service_specific_credentials, AllUsers=True, ServiceName="s3.amazonaws.com")
    refused(
        "ValidationError", iam.create_service_specific_credential, UserName="dos", CredentialAgeDays=30, **codecommit
    )
    only = {"Effect": "Allow", "Action": "iam:ListServiceSpecificCredentials", "Resource": "arn:aws:iam::*:user/eve"}
    eve = world.client("iam", world.user("eve", only))
    eve.list_service_specific_credentials()
    refused("AccessDenied", eve.list_service_specific_credentials, AllUsers=True)
