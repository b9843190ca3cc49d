"""TLS for AWS's names: what a client is shown, what it trusts, and what the authority can never vouch for."""

import asyncio
import datetime
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kansatsu.clock import SystemClock
from kansatsu.delivery import Authority
from kansatsu.delivery.authority import of_aws


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, SystemClock())


async def shown(authority: Authority, name: str, trusted: str | None) -> dict[str, object]:
    """The certificate that a client is shown for a name; it trusts `trusted`, or whoever comes. Raises as it does."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=authority.context())
    context = ssl.create_default_context(cadata=trusted) if trusted else ssl._create_unverified_context()
    try:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
        found: dict[str, object] = writer.get_extra_info("peercert")
        writer.close()
        return found
    finally:
        server.close()


@pytest.mark.parametrize("name", ["s3.amazonaws.com", "a.b.s3.eu-west-1.amazonaws.com", "STS.us-east-1.api.aws"])
async def test_a_client_that_trusts_it_meets_the_name_it_asked_for(authority: Authority, name: str) -> None:
    found = await shown(authority, name, authority.pem)
    assert found["subjectAltName"] == (("DNS", name.lower()),)


@pytest.mark.parametrize("name", ["example.com", "notamazonaws.com", "s3.amazonaws.com.example.com", "localhost"])
async def test_no_certificate_for_anybody_else(authority: Authority, name: str) -> None:
    assert not of_aws(name)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await shown(authority, name, None)


async def test_nobody_else_trusts_it(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", SystemClock())
    with pytest.raises(ssl.SSLCertVerificationError):
        await shown(authority, "s3.amazonaws.com", other.pem)


def test_a_stolen_key_cannot_vouch_for_another_name(authority: Authority, tmp_path: Path) -> None:
    """By OpenSSL: a certificate for example.com, made with the authority's own key, is outside its constraints."""
    key = serialization.load_pem_private_key((tmp_path / "authority" / "key.pem").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    issuer = x509.load_pem_x509_certificate(authority.pem.encode())
    (tmp_path / "ca.pem").write_text(authority.pem)
    now = datetime.datetime.now(datetime.UTC)
    for name, good in (("s3.amazonaws.com", True), ("example.com", False)):
        builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(issuer.subject)
        builder = builder.public_key(key.public_key()).serial_number(1)
        builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(hours=1))
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
        made = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        (tmp_path / "leaf.pem").write_bytes(made)
        command = ["openssl", "verify", "-CAfile", str(tmp_path / "ca.pem"), str(tmp_path / "leaf.pem")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == good, done.stderr
        assert good or "permitted subtree violation" in done.stderr


def test_it_stays_and_is_the_owners_alone(authority: Authority, tmp_path: Path) -> None:
    assert Authority(tmp_path, SystemClock()).pem == authority.pem
    files = list((tmp_path / "authority").iterdir())
    assert {file.stat().st_mode & 0o077 for file in (tmp_path / "authority", *files)} == {0}


async def test_many_names_do_not_fill_the_memory(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kansatsu.delivery.authority._MOST_LEAVES", 3)
    for number in range(5):
        await shown(authority, f"b{number}.s3.amazonaws.com", authority.pem)
    assert len(authority._contexts) == 3
