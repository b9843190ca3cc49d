"""Server certificates: https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadServerCertificate.html

The private key is kept sealed and no operation gives it out again.
"""

from collections.abc import Iterable
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from kansatsu import arn
from kansatsu.catalog import Authorization
from kansatsu.errors import AwsError, EntityAlreadyExists, NoSuchEntity
from kansatsu.identity import credentials, ids
from kansatsu.identity import tags as held
from kansatsu.identity.credentials import Credential
from kansatsu.identity.pages import Cursor
from kansatsu.services.iam import _render, _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.iam.public_keys import certificate
from kansatsu.services.registry import Call, Params

KIND = "server-certificate"
_SPKI = Encoding.DER, PublicFormat.SubjectPublicKeyInfo


def _arn(account: str, name: str, path: str = "/") -> str:
    return arn.entity(account, KIND, path, name)


locate = _resources.credential(KIND, "ServerCertificateName", _arn)


@iam("UploadServerCertificate", _resources.new(KIND), write=True)
def upload_server_certificate(
    call: Call,
    *,
    server_certificate_name: str,
    certificate_body: str,
    private_key: str,
    certificate_chain: str | None = None,
    path: str = "/",
    tags: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    _free(call, server_certificate_name)
    call.store.quotas.check_room("ServerCertificatesPerAccount", call.conn, call.account, KIND)
    parsed = certificate(certificate_body)
    _check_pair(parsed.public_key().public_bytes(*_SPKI), private_key)
    if certificate_chain is not None:
        _check_chain(certificate_chain)
    details = {
        "path": path,
        "arn": _arn(call.account, server_certificate_name, path),
        "body": certificate_body,
        "chain": certificate_chain,
        "expires": parsed.not_valid_after_utc.timestamp(),
    }
    now = int(call.now.timestamp())
    made = Credential(ids.new_id("ASCA"), call.account, KIND, "", server_certificate_name, "Active", now, details)
    credentials.add(call.conn, call.store.sealer, made, private_key)
    held.put(call.conn, made.id, _render.pairs(tags))
    return {"ServerCertificateMetadata": _metadata(made)} | _tags(call, made)


@iam("GetServerCertificate", locate)
def get_server_certificate(call: Call, server_certificate_name: str) -> dict[str, Any]:
    found = existing(call, server_certificate_name)
    shown: dict[str, Any] = {
        "ServerCertificateMetadata": _metadata(found),
        "CertificateBody": found.details["body"],
    }
    if found.details["chain"] is not None:
        shown["CertificateChain"] = found.details["chain"]
    return {"ServerCertificate": shown | _tags(call, found)}


@iam("ListServerCertificates", _resources.below(KIND))
def list_server_certificates(
    call: Call, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> dict[str, Any]:
    cursor = Cursor.of("ListServerCertificates", marker, max_items)
    found = [
        (item.name.lower(), item)
        for item in credentials.every(call.conn, call.account, KIND)
        if item.details["path"].startswith(path_prefix)
    ]
    return _render.page("ServerCertificateMetadataList", cursor.cut(found), _metadata)


def _target(call: Call, params: Params) -> Iterable[Authorization]:
    """INVARIANT: nobody gets a certificate out of a path, or into one, that their policy does not cover."""
    found = credentials.named(call.conn, call.account, KIND, params["ServerCertificateName"])
    name = params.get("NewServerCertificateName") or params["ServerCertificateName"]
    path = params.get("NewPath") or (found.details["path"] if found is not None else "/")
    _, context = locate(call, params)
    yield Authorization("iam:UpdateServerCertificate", _arn(call.account, name, path), context, True)


@iam("UpdateServerCertificate", locate, authorize=_target, write=True)
def update_server_certificate(
    call: Call,
    server_certificate_name: str,
    new_path: str | None = None,
    new_server_certificate_name: str | None = None,
) -> dict[str, Any]:
    found = existing(call, server_certificate_name)
    name, path = new_server_certificate_name or found.name, new_path or found.details["path"]
    if name.lower() != found.name.lower():
        _free(call, name)
    details = {"path": path, "arn": _arn(call.account, name, path)}
    credentials.change(call.conn, call.store.sealer, found, name=name, details=details)
    return {}


@iam("DeleteServerCertificate", locate, write=True)
def delete_server_certificate(call: Call, server_certificate_name: str) -> dict[str, Any]:
    credentials.remove(call.conn, existing(call, server_certificate_name))
    return {}


def existing(call: Call, name: str) -> Credential:
    """Raises NoSuchEntity; names are found as they are spelt."""
    found = credentials.named(call.conn, call.account, KIND, name)
    if found is None or found.name != name:
        raise NoSuchEntity(f"The Server Certificate with name {name} cannot be found.")
    return found


def _free(call: Call, name: str) -> None:
    if credentials.named(call.conn, call.account, KIND, name) is not None:
        raise EntityAlreadyExists(f"The Server Certificate with name {name} already exists.")


def _check_pair(public: bytes, private_key: str) -> None:
    try:
        mine = load_pem_private_key(private_key.encode(), password=None).public_key().public_bytes(*_SPKI)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it is under a passphrase, which AWS forbids
        raise AwsError("Unable to parse private key. It must be in PEM format and not be encrypted.",
                       code="MalformedCertificate") from None  # fmt: skip
    if mine != public:
        raise AwsError("The private key does not match the certificate.", code="KeyPairMismatch")


def _check_chain(chain: str) -> None:
    try:
        load_pem_x509_certificates(chain.encode())
    except ValueError:
        raise AwsError("Unable to parse the certificate chain. It must be in PEM format.",
                       code="MalformedCertificate") from None  # fmt: skip


def _metadata(item: Credential) -> dict[str, Any]:
    return {
        "Path": item.details["path"],
        "ServerCertificateName": item.name,
        "ServerCertificateId": item.id,
        "Arn": item.details["arn"],
        "UploadDate": _render.when(item.created),
        "Expiration": _render.when(item.details["expires"]),
    }


def _tags(call: Call, item: Credential) -> dict[str, Any]:
    tags = held.of(call.conn, item.id)
    return {"Tags": _render.tags(tags)} if tags else {}
