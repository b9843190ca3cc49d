"""TLS for AWS's own host names: certificates for *.amazonaws.com, by an authority of this installation's own.

Who runs below `kansatsu run --mode ns` asks https://s3.us-east-1.amazonaws.com and reaches the gateway. Only that
process is told to trust the authority, and the authority can vouch for names of AWS only (RFC 5280, 4.2.1.10).
"""

import os
import re
import ssl
from collections import OrderedDict
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kansatsu.clock import Clock
from kansatsu.delivery.files import write_whole
from kansatsu.delivery.names import DOMAINS

_LIFETIME, _LEAF_LIFETIME = timedelta(days=3650), timedelta(days=7)
_MOST_LEAVES = 512
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]{2,}", re.ASCII)


def of_aws(name: str) -> bool:
    """Whether a host name, in lower case, is one of AWS's."""
    return len(name) <= 253 and bool(_NAME.fullmatch(name)) and any(f".{name}".endswith(f".{end}") for end in DOMAINS)


class Authority:
    """The key and certificate in `authority` of the data directory; made there on first use, the owner's alone.

    Raises OSError; ValueError when a file is not what it should be.
    """

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        self._clock = clock
        directory = data_dir / "authority"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        key_file, certificate_file = directory / "key.pem", directory / "certificate.pem"
        if not key_file.exists():
            write_whole(key_file, _pem(ec.generate_private_key(ec.SECP256R1())), 0o600)
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key_file.name} is not an EC key")
        self._key = key
        if not certificate_file.exists():
            write_whole(certificate_file, self._self_signed(), 0o600)
        self.pem = certificate_file.read_text(encoding="ascii")
        self._certificate = x509.load_pem_x509_certificate(self.pem.encode())
        # One key for all leaves: it is in memory only, and a leaf lives no longer than this process and a week.
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._contexts: OrderedDict[str, tuple[ssl.SSLContext | None, datetime]] = OrderedDict()

    def context(self) -> ssl.SSLContext:
        """For a server that answers as whichever name of AWS its client asks for."""
        context = self._context_for(DOMAINS[0])
        context.sni_callback = self._choose
        return context

    def _choose(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        # INVARIANT: no certificate for a name that is not AWS's, whatever a client asks for.
        if name is None:
            return None
        wanted = name.lower()
        if not of_aws(wanted):
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        now = self._clock.now()
        context, made = self._contexts.pop(wanted, (None, now))
        if context is None or now - made > _LEAF_LIFETIME / 2:
            context, made = self._context_for(wanted), now
        self._contexts[wanted] = context, made
        if len(self._contexts) > _MOST_LEAVES:
            self._contexts.popitem(last=False)
        connection.context = context
        return None

    def _context_for(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        # OpenSSL takes files only; this one has no name, and nobody else can open it.
        descriptor = os.memfd_create("leaf", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, _pem(self._leaf_key) + self._leaf(name).public_bytes(serialization.Encoding.PEM))
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
        return context

    def _leaf(self, name: str) -> x509.Certificate:
        builder = self._builder(self._leaf_key.public_key(), "Kansatsu", _LEAF_LIFETIME)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return builder.add_extension(issuer, critical=False).sign(self._key, hashes.SHA256())

    def _self_signed(self) -> bytes:
        builder = self._builder(self._key.public_key(), "Kansatsu authority for AWS's names", _LIFETIME)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        # INVARIANT: whoever steals the key still cannot pass for anybody but AWS towards those who trust it.
        names = x509.NameConstraints([x509.DNSName(name) for name in DOMAINS], None)
        builder = builder.add_extension(names, critical=True)
        own = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        builder = builder.add_extension(own, critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _builder(self, key: ec.EllipticCurvePublicKey, name: str, life: timedelta) -> x509.CertificateBuilder:
        start = self._clock.now() - timedelta(days=1)
        issuer = _named("Kansatsu authority for AWS's names")
        builder = x509.CertificateBuilder().subject_name(_named(name)).issuer_name(issuer).public_key(key)
        builder = builder.serial_number(x509.random_serial_number())
        return builder.not_valid_before(start).not_valid_after(start + life)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
