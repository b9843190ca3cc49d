"""Bodies that SDKs compress (PutMetricData): read here as they are meant, within a bound, and passed on plain.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-compression.html
"""

import zlib
from dataclasses import replace

from kansatsu.errors import AwsError
from kansatsu.gateway.asgi import BODY_LIMIT
from kansatsu.http import HttpRequest

# Signing names of services with operations that take compressed bodies (the trait requestcompression of a model).
SERVICES = frozenset({"monitoring"})
_GZIP = 31  # zlib's window bits for gzip, and nothing else


def plain(request: HttpRequest, service: str | None) -> HttpRequest:
    """The request with its body as it was before compression. Raises AwsError."""
    coding = request.headers.get("content-encoding", "").strip().lower()
    if not coding or coding == "identity" or service not in SERVICES:
        return request
    if coding != "gzip":
        raise _malformed(f"The Content-Encoding {coding[:100]} is not supported.")
    headers = {name: value for name, value in request.headers.items() if name != "content-encoding"}
    return replace(request, headers=headers, body=_gunzip(request.body))


def _gunzip(body: bytes) -> bytes:
    # INVARIANT: nothing grows beyond what could have been sent plain, and there is one document in it.
    reader = zlib.decompressobj(_GZIP)
    try:
        found = reader.decompress(body, BODY_LIMIT + 1)
    except zlib.error as error:
        raise _malformed("The request is not compressed by gzip.") from error
    if len(found) > BODY_LIMIT:
        text = f"Request must be smaller than {BODY_LIMIT} bytes."
        raise AwsError(text, code="RequestEntityTooLargeException", status=413)
    if not reader.eof or reader.unused_data:
        raise _malformed("The request is not compressed by gzip.")
    return found


def _malformed(text: str) -> AwsError:
    return AwsError(text, code="SerializationException", status=400)
