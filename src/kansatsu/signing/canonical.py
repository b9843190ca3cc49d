"""The canonical form of a request, which both sides of a signature must arrive at.

https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html#create-canonical-request
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote_to_bytes

# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html: "You do not normalize URI paths for
# requests to Amazon S3", and its keys are encoded once.
S3_SERVICES = frozenset({"s3", "s3-object-lambda", "s3-outposts", "s3express"})

_PLAIN_PATH = re.compile(r"/[A-Za-z0-9\-._~/]*")
_PLAIN_QUERY = re.compile(r"[A-Za-z0-9\-._~=&]*")
_SPACES = re.compile(r"[ \t]+")


def to_bytes(text: str) -> bytes:
    """The octets behind a header value or path: the edges decode them as latin-1."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def path(raw: str, service: str) -> str:
    """CanonicalURI of a raw path (percent-encoded, no query) for the signing name `service`."""
    if service in S3_SERVICES:
        return _s3_path(raw)
    return _normalized_path(raw)


def _s3_path(raw: str) -> str:
    if _PLAIN_PATH.fullmatch(raw):
        return raw
    # Segment by segment, so that an encoded slash stays one: "a%2Fb" must not have the signature of "a/b".
    return "/".join(_encode(segment) for segment in raw.split("/")) or "/"


def _normalized_path(raw: str) -> str:
    if raw == "/" or not raw:
        return "/"
    kept: list[str] = []
    for segment in raw.split("/"):
        if segment == "..":
            if kept:
                kept.pop()
        elif segment and segment != ".":
            kept.append(segment)
    if not kept:
        return "/"
    # The path is encoded once already: this is the second time that all services but S3 ask for.
    return quote(to_bytes("/" + "/".join(kept) + ("/" if raw[-1] == "/" else "")), safe="/~")


def query(raw: str, leave_out: str = "") -> str:
    """CanonicalQueryString: decoded, encoded strictly, sorted by name and then by value.

    A plus sign stands for a space, as in the parameters that services read; `leave_out` is X-Amz-Signature of a
    presigned URL.
    """
    if not raw:
        return ""
    plain = _PLAIN_QUERY.fullmatch(raw) is not None
    pairs = []
    for part in raw.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if not plain or "=" in value:
            name, value = _encode(name.replace("+", " ")), _encode(value.replace("+", " "))
        if name != leave_out:
            pairs.append((name, value))
    if len(pairs) > 1:
        pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs])


def _encode(text: str) -> str:
    return quote(unquote_to_bytes(to_bytes(text)), safe="-._~")


def headers(given: Mapping[str, str], signed: Sequence[str]) -> str:
    """CanonicalHeaders: one line for each signed header, in the order of SignedHeaders; an absent one is empty."""
    lines = []
    for name in signed:
        value = given.get(name, "")
        if "  " in value or "\t" in value:
            value = _SPACES.sub(" ", value)
        lines.append(f"{name}:{value.strip(' ')}\n")
    return "".join(lines)
