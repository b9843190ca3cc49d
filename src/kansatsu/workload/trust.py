"""Whom programs trust: where they look for authorities, and how that of this installation joins those they have."""

from pathlib import Path

# What tells a program to trust an authority: OpenSSL and Go, botocore and the AWS CLI, requests, curl, Node.js, Deno.
VARIABLES = (
    "SSL_CERT_FILE",
    "AWS_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "DENO_CERT",
)
# Where Debian, Red Hat, SUSE and Alpine keep what programs trust that know nothing of these.
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def of_this_machine() -> str:
    """The authorities that this machine trusts, in PEM; "" where it keeps them elsewhere."""
    present = next((path for name in BUNDLES if (path := Path(name)).is_file()), None)
    return present.read_text(encoding="utf-8", errors="replace") if present else ""


def joined(trusted: str, authority: str) -> str:
    """Those, and this one."""
    return f"{trusted.rstrip()}\n{authority}".lstrip()
