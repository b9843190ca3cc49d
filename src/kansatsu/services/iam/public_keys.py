"""SSH public keys and signing certificates of users: parsed before they are kept, for the services that ask for them.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadSSHPublicKey.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadSigningCertificate.html
"""

import base64
import hashlib
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import Certificate, load_pem_x509_certificate

from kansatsu.errors import AwsError, LimitExceeded, NoSuchEntity
from kansatsu.identity import credentials, ids
from kansatsu.identity.credentials import Credential
from kansatsu.identity.entities import Entity
from kansatsu.identity.pages import Cursor
from kansatsu.services.iam import _render, _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call

SSH_KEY, CERTIFICATE = "ssh-key", "certificate"
PER_USER = {SSH_KEY: 5, CERTIFICATE: 2}  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_QUOTA = {SSH_KEY: "SSHPublicKeysPerUser", CERTIFICATE: "SigningCertificatesPerUser"}
_MEMBER = {SSH_KEY: "SSHPublicKeyId", CERTIFICATE: "CertificateId"}
_CALLED = {SSH_KEY: "Public Key", CERTIFICATE: "Certificate"}
_BITS = 2048  # the least that an SSH key must have
_LIST = {SSH_KEY: "SSHPublicKeys", CERTIFICATE: "Certificates"}


@iam("UploadSSHPublicKey", _resources.entity("user"), write=True)
def upload_ssh_public_key(call: Call, user_name: str, ssh_public_key_body: str) -> dict[str, Any]:
    user = _resources.user(call, user_name)
    key = _parsed(ssh_public_key_body)
    blob = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    digest = hashlib.md5(_wire(blob), usedforsecurity=False).hexdigest()
    fingerprint = ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
    details = {"body": ssh_public_key_body, "fingerprint": fingerprint}
    made = _add(call, user, SSH_KEY, ids.new_id("APKA"), f"{user.id} {fingerprint}", details, "DuplicateSSHPublicKey")
    return {"SSHPublicKey": _show_key(user, made, ssh_public_key_body)}


@iam("GetSSHPublicKey", _resources.entity("user"))
def get_ssh_public_key(call: Call, user_name: str, ssh_public_key_id: str, encoding: str) -> dict[str, Any]:
    user = _resources.user(call, user_name)
    found = _of_user(call, user, SSH_KEY, ssh_public_key_id)
    key = _parsed(found.details["body"])
    forms = {
        "SSH": (Encoding.OpenSSH, PublicFormat.OpenSSH),
        "PEM": (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    }
    return {"SSHPublicKey": _show_key(user, found, key.public_bytes(*forms[encoding]).decode())}


@iam("UploadSigningCertificate", _resources.entity("user"), write=True)
def upload_signing_certificate(call: Call, certificate_body: str, user_name: str | None = None) -> dict[str, Any]:
    user = _resources.user(call, user_name)
    parsed = certificate(certificate_body)
    if parsed.not_valid_after_utc <= call.now:
        raise AwsError("The certificate has expired.", code="InvalidCertificate")
    fingerprint = hashlib.sha256(parsed.public_bytes(Encoding.DER)).hexdigest()
    made = _add(
        call, user, CERTIFICATE, ids.certificate_id(), fingerprint, {"body": certificate_body}, "DuplicateCertificate"
    )
    return {"Certificate": _show(user, made) | {"CertificateBody": certificate_body}}


def _listing(kind: str) -> Any:
    def run(
        call: Call, user_name: str | None = None, marker: str | None = None, max_items: int | None = None
    ) -> dict[str, Any]:
        user = _resources.user(call, user_name)
        held = credentials.owned(call.conn, user.id, kind)
        cursor = Cursor.of(f"List {kind}", marker, max_items)
        body = {} if kind == SSH_KEY else {"CertificateBody": "body"}

        def show(item: Credential) -> dict[str, Any]:
            return _show(user, item) | {member: item.details[name] for member, name in body.items()}

        return _render.page(_LIST[kind], cursor.cut([(item.id, item) for item in held]), show)

    return run


iam("ListSSHPublicKeys", _resources.entity("user"))(_listing(SSH_KEY))
iam("ListSigningCertificates", _resources.entity("user"))(_listing(CERTIFICATE))


@iam("UpdateSSHPublicKey", _resources.entity("user"), write=True)
def update_ssh_public_key(call: Call, user_name: str, ssh_public_key_id: str, status: str) -> dict[str, Any]:
    return _update(call, _of_user(call, _resources.user(call, user_name), SSH_KEY, ssh_public_key_id), status)


@iam("UpdateSigningCertificate", _resources.entity("user"), write=True)
def update_signing_certificate(
    call: Call, certificate_id: str, status: str, user_name: str | None = None
) -> dict[str, Any]:
    return _update(call, _of_user(call, _resources.user(call, user_name), CERTIFICATE, certificate_id), status)


@iam("DeleteSSHPublicKey", _resources.entity("user"), write=True)
def delete_ssh_public_key(call: Call, user_name: str, ssh_public_key_id: str) -> dict[str, Any]:
    credentials.remove(call.conn, _of_user(call, _resources.user(call, user_name), SSH_KEY, ssh_public_key_id))
    return {}


@iam("DeleteSigningCertificate", _resources.entity("user"), write=True)
def delete_signing_certificate(call: Call, certificate_id: str, user_name: str | None = None) -> dict[str, Any]:
    credentials.remove(call.conn, _of_user(call, _resources.user(call, user_name), CERTIFICATE, certificate_id))
    return {}


def certificate(pem: str) -> Certificate:
    """The X.509 certificate in a PEM text. Raises MalformedCertificate."""
    try:
        return load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise AwsError("Unable to parse certificate. Please ensure the certificate is in PEM format.",
                       code="MalformedCertificate") from None  # fmt: skip


def _parsed(body: str) -> RSAPublicKey:
    """An RSA key of 2,048 bits or more, as SSH or PEM writes it."""
    is_pem = body.lstrip().startswith("-----BEGIN")
    if not is_pem and not body.lstrip().startswith("ssh-rsa "):
        raise AwsError("The public key must be encoded in ssh-rsa or PEM format.", code="UnrecognizedPublicKeyEncoding")
    load = serialization.load_pem_public_key if is_pem else serialization.load_ssh_public_key
    try:
        key = load(body.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey) or key.key_size < _BITS:
        raise AwsError(f"The public key must be an RSA key of at least {_BITS} bits.", code="InvalidPublicKey")
    return key


def _wire(openssh: bytes) -> bytes:
    """What `ssh-keygen -l -E md5` takes the digest of: the key without its name in front."""
    return base64.b64decode(openssh.split()[1])


def _add(
    call: Call, user: Entity, kind: str, id: str, name: str, details: dict[str, Any], duplicate: str
) -> Credential:
    if credentials.named(call.conn, call.account, kind, name) is not None:
        raise AwsError(f"The {_CALLED[kind].lower()} is already associated with a user.", code=duplicate)
    if len(credentials.owned(call.conn, user.id, kind)) >= PER_USER[kind]:
        raise LimitExceeded(f"Cannot exceed quota for {_QUOTA[kind]}: {PER_USER[kind]}")
    now = int(call.now.timestamp())
    made = Credential(id, call.account, kind, user.id, name, "Active", now, details)
    return credentials.add(call.conn, call.store.sealer, made)


def _of_user(call: Call, user: Entity, kind: str, id: str) -> Credential:
    for item in credentials.owned(call.conn, user.id, kind):
        if item.id == id:
            return item
    raise NoSuchEntity(f"The {_CALLED[kind]} with id {id} cannot be found.")


def _update(call: Call, item: Credential, status: str) -> dict[str, Any]:
    credentials.change(call.conn, call.store.sealer, item, status=status)
    return {}


def _show(user: Entity, item: Credential) -> dict[str, Any]:
    return {
        "UserName": user.name,
        _MEMBER[item.kind]: item.id,
        "Status": item.status,
        "UploadDate": _render.when(item.created),
    }


def _show_key(user: Entity, item: Credential, body: str) -> dict[str, Any]:
    return _show(user, item) | {"Fingerprint": item.details["fingerprint"], "SSHPublicKeyBody": body}
