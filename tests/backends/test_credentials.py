"""What a backend says of our credentials, and to whom they are sent: refusals that stay here, certificates, headers."""

import ssl
import subprocess
from pathlib import Path

import pytest

from kansatsu.backends import Limits
from kansatsu.errors import AwsError, ServiceUnavailable
from kansatsu.http import HttpRequest

from .peer import OK, SOON, call, refusing, saying, serving

# ---- our credentials ------------------------------------------------------------------------------------------------

XML = b"<?xml version='1.0'?><Error><Code>%s</Code><AWSAccessKeyId>AKIAOURS</AWSAccessKeyId></Error>"
JSON = b'{"__type":"com.amazon.coral.service#%s","message":"AKIAOURS"}'


@pytest.mark.parametrize("body", [XML, JSON])
@pytest.mark.parametrize("code", [b"SignatureDoesNotMatch", b"InvalidAccessKeyId", b"ExpiredToken", b"InvalidToken"])
async def test_a_refusal_of_our_credentials_stays_here(body: bytes, code: bytes) -> None:
    """The attack: the backend's error quotes our key and what we signed, session token included."""
    async with serving(saying(refusing(body % code), refusing(body % code), OK, close=False)) as (backend, _):
        for _ in range(2):
            with pytest.raises(ServiceUnavailable, match="does not accept the credentials") as raised:
                await call(backend)
            assert "AKIA" not in str(vars(raised.value))
            assert backend.condition.state == "refused"
        assert await call(backend) == (200, b"ok")
        assert backend.condition.state == "ready"


@pytest.mark.parametrize("body", [XML % b"AccessDenied", JSON % b"ResourceNotFoundException", b"x" * 300_000, b""])
async def test_other_refusals_are_passed_on_whole(body: bytes) -> None:
    async with serving(saying(refusing(body, 400), close=False)) as (backend, _):
        assert await call(backend) == (400, body)


# ---- TLS ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, a certificate by it for 127.0.0.1, one for another host, one that has expired."""
    made = tmp_path_factory.mktemp("tls")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=made, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca")
    for name, host, days in (
        ("good", "IP:127.0.0.1", "2"),
        ("other", "DNS:example.com", "2"),
        ("old", "IP:127.0.0.1", "-1"),
    ):
        (made / "ext").write_text(f"subjectAltName={host}\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", "csr", "-subj", f"/CN={name}")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "ext", "-days", days)
        openssl("x509", "-req", "-in", "csr", "-out", f"{name}.pem", *signed)
    return made


def server_side(certificates: Path, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    return context


async def test_tls_with_an_authority_of_ones_own(certificates: Path) -> None:
    trust = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    async with serving(saying(OK, close=False), Limits(), server_side(certificates, "good"), trust) as (backend, peer):
        assert await call(backend) == (200, b"ok")
        assert await call(backend) == (200, b"ok")
        assert len(peer.heads) == 2


@pytest.mark.parametrize(("name", "trusted"), [("good", False), ("other", True), ("old", True)])
async def test_a_bad_certificate_gets_nothing(certificates: Path, name: str, trusted: bool) -> None:
    """INVARIANT: nothing of a request, signature or body, goes to who cannot prove to be the backend."""
    trust = ssl.create_default_context(cafile=str(certificates / "ca.pem") if trusted else None)
    async with serving(saying(OK), SOON, server_side(certificates, name), trust) as (backend, peer):
        with pytest.raises(ServiceUnavailable, match="certificate that is not trusted"):
            await call(backend)
        assert peer.heads == []
        assert backend.condition.state == "unreachable"


async def test_plain_http_where_tls_was_wanted() -> None:
    limits = Limits(connect=0.5)
    async with serving(saying(OK), limits, None, ssl.create_default_context()) as (backend, peer):
        with pytest.raises(ServiceUnavailable, match=r"does not speak TLS|cannot be reached|closed"):
            await call(backend)
        assert peer.heads == []


@pytest.mark.parametrize("value", ["a\r\nx-amz-acl: public-read", "a\nb", "a\rb", "a\0b"])
async def test_a_header_is_one_header(value: str) -> None:
    async with serving(saying(OK)) as (backend, peer):
        with pytest.raises(AwsError) as raised:
            await call(backend, HttpRequest("GET", "/b/k", headers={"x-amz-meta-a": value}))
        assert raised.value.code == "InvalidRequest"
        assert peer.heads == []


@pytest.mark.parametrize("value", ["grün\t漢".encode(), b"gr\xfcn"])
async def test_a_header_arrives_byte_by_byte(value: bytes) -> None:
    async with serving(saying(OK)) as (backend, peer):
        await call(backend, HttpRequest("GET", "/b/k", headers={"x-amz-meta-a": value.decode("latin-1")}))
        assert b"x-amz-meta-a: %b\r\n" % value in peer.heads[0]
