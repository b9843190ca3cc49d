"""A third party that has our certificate can verify which instance it talks to, with openssl or cryptography."""

import base64
import json
import stat
import subprocess

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from kansatsu.delivery import load_keys

BASE = "/latest/dynamic/instance-identity"


async def test_document(bench, instance):
    ask = await bench.serve(instance)
    text = (await ask("GET", f"{BASE}/document")).text
    assert json.loads(text) == {
        "accountId": "123456789012",
        "architecture": "x86_64",
        "availabilityZone": "us-east-1a",
        "billingProducts": None,
        "devpayProductCodes": None,
        "marketplaceProductCodes": None,
        "imageId": "ami-0123456789abcdef0",
        "instanceId": "i-0123456789abcdef0",
        "instanceType": "t3.micro",
        "kernelId": None,
        "pendingTime": "2026-01-30T08:30:00Z",
        "privateIp": "10.0.0.7",
        "ramdiskId": None,
        "region": "us-east-1",
        "version": "2017-09-30",
    }
    assert text.startswith('{\n  "accountId" : "123456789012",\n')


async def test_signature_verifies_with_the_published_certificate(bench, instance, keys):
    ask = await bench.serve(instance)
    content = (await ask("GET", f"{BASE}/document")).body
    signature = base64.b64decode((await ask("GET", f"{BASE}/signature")).text)
    public = keys.certificate.public_key()
    public.verify(signature, content, padding.PKCS1v15(), hashes.SHA256())
    forged = content.replace(b"i-0123456789abcdef0", b"i-0fedcba9876543210")
    with pytest.raises(InvalidSignature):
        public.verify(signature, forged, padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("name", ["pkcs7", "rsa2048"])
async def test_signed_message_verifies_with_openssl(bench, instance, keys, tmp_path, name):
    """The commands of AWS's page on verifying the identity document."""
    ask = await bench.serve(instance)
    message, certificate = tmp_path / "message", tmp_path / "certificate"
    body = (await ask("GET", f"{BASE}/{name}")).text
    message.write_text(f"-----BEGIN PKCS7-----\n{body}\n-----END PKCS7-----\n")
    certificate.write_bytes(keys.certificate_pem())
    command = ["openssl", "smime", "-verify", "-in", message, "-inform", "PEM", "-certfile", certificate, "-noverify"]
    ran = subprocess.run([*command, "-nointern"], capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == (await ask("GET", f"{BASE}/document")).body


def test_keys_are_made_once_and_kept_from_others(tmp_path, bench):
    first = load_keys(tmp_path, bench.clock)
    again = load_keys(tmp_path, bench.clock)
    directory = tmp_path / "instance-identity"
    assert (first.certificate, first.token_key) == (again.certificate, again.token_key)
    assert first.private_key.private_numbers() == again.private_key.private_numbers()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (directory, *directory.iterdir())}
    assert modes == {"instance-identity": 0o700, "key.pem": 0o600, "token.key": 0o600, "certificate.pem": 0o600}


@pytest.mark.parametrize(
    ("name", "junk"), [("key.pem", b"junk"), ("token.key", b"short"), ("certificate.pem", b"junk")]
)
def test_damaged_keys_are_an_error_and_never_replaced(tmp_path, bench, name, junk):
    load_keys(tmp_path, bench.clock)
    file = tmp_path / "instance-identity" / name
    file.write_bytes(junk)
    with pytest.raises(ValueError):
        load_keys(tmp_path, bench.clock)
    assert file.read_bytes() == junk
