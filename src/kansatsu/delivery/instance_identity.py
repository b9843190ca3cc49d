"""The instance identity document and its signatures, by a certificate of this installation's own.

A verifier trusts the published certificate (`instance-identity/certificate.pem` in the data directory) as it would
trust AWS's.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html
"""

import base64
import secrets
import textwrap
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from kansatsu.clock import Clock
from kansatsu.delivery.files import write_whole
from kansatsu.delivery.messages import document, timestamp
from kansatsu.workload.views import InstanceView

_LIFETIME = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Keys:
    """What the metadata service signs with: its own RSA key and certificate, and the key of its session tokens."""

    private_key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    token_key: bytes

    def certificate_pem(self) -> bytes:
        """What verifiers need."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def load_keys(data_dir: Path, clock: Clock) -> Keys:
    """The keys in `instance-identity` of the data directory; made there on first use, readable by the owner only.

    Takes some 100 ms the first time. Raises OSError; ValueError when a file is not what it should be.
    """
    directory = data_dir / "instance-identity"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    key_file, certificate_file = directory / "key.pem", directory / "certificate.pem"
    if not key_file.exists():
        write_whole(key_file, _new_key(), 0o600)
    key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(f"{key_file.name} is not an RSA key")
    if not certificate_file.exists():
        write_whole(certificate_file, _new_certificate(key, clock), 0o600)
    certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    token_file = directory / "token.key"
    if not token_file.exists():
        write_whole(token_file, secrets.token_bytes(32), 0o600)
    token_key = token_file.read_bytes()
    if len(token_key) != 32:
        raise ValueError(f"{token_file.name} is not a key of 32 bytes")
    return Keys(key, certificate, token_key)


def identity_document(view: InstanceView) -> str:
    """The members and their order as AWS has them."""
    facts = view.facts
    return document(
        {
            "accountId": view.account,
            "architecture": facts.architecture,
            "availabilityZone": facts.availability_zone,
            "billingProducts": None,
            "devpayProductCodes": None,
            "marketplaceProductCodes": None,
            "imageId": facts.image_id,
            "instanceId": view.id,
            "instanceType": facts.instance_type,
            "kernelId": None,
            "pendingTime": timestamp(facts.launch_time),
            "privateIp": facts.local_ipv4,
            "ramdiskId": None,
            "region": view.region,
            "version": "2017-09-30",
        }
    )


def signature(keys: Keys, content: bytes) -> str:
    """Base64 of the RSA signature (PKCS #1 v1.5, SHA-256) of the document."""
    return _lines(keys.private_key.sign(content, padding.PKCS1v15(), hashes.SHA256()))


def signed_message(keys: Keys, content: bytes) -> str:
    """Base64 of a PKCS #7 message that holds the document and its RSA signature.

    AWS signs `pkcs7` with DSA and `rsa2048` with RSA; we have one key, so the two are alike.
    """
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content)
    builder = builder.add_signer(keys.certificate, keys.private_key, hashes.SHA256())
    return _lines(builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary]))


def _lines(data: bytes) -> str:
    return "\n".join(textwrap.wrap(base64.b64encode(data).decode(), 64))


def _new_key() -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _new_certificate(key: rsa.RSAPrivateKey, clock: Clock) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Kansatsu instance identity")])
    start = clock.now() - timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start + _LIFETIME)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
