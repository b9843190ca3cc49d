"""What a stranger's head may cost: each part of a signature is read once, and is no longer than it can be.

The attack: 60 KB of `host;host;host` beside a long Host made gigabytes of a canonical request, without any secret.
"""

import tracemalloc
from datetime import UTC, datetime

import pytest

from kansatsu.gateway import asgi
from kansatsu.http import HttpRequest
from kansatsu.signing import AuthFailure, SigningError, parse_signature, verify
from kansatsu.wire import xmlin

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
CREDENTIAL = "AKIAIOSFODNN7EXAMPLE/20261126/us-east-1/s3/aws4_request"
SIGNED = "host;x-amz-content-sha256;x-amz-date"


def asked(signed: str = SIGNED, credential: str = CREDENTIAL, presigned: bool = False, **more: str) -> HttpRequest:
    stamp = "20261126T120000Z"
    if presigned:
        query = (
            f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={stamp}&X-Amz-Expires=60"
            f"&X-Amz-SignedHeaders={signed.replace(';', '%3B')}&X-Amz-Signature={'0' * 64}"
        )
        return HttpRequest("GET", "/", query, {"host": "h", **more})
    authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={'0' * 64}"
    own = {"host": "h", "x-amz-date": stamp, "x-amz-content-sha256": "UNSIGNED-PAYLOAD", "authorization": authorization}
    return HttpRequest("GET", "/", "", {**own, **more})


@pytest.mark.parametrize("presigned", [False, True])
@pytest.mark.parametrize(
    ("part", "failure"),
    [
        ({"signed": SIGNED + ";host" * 12_000}, AuthFailure.INCOMPLETE),
        ({"signed": "host;host"}, AuthFailure.INCOMPLETE),
        ({"credential": f"AKIA/20261126/us-east-1/{'s' * 60_000}/aws4_request"}, AuthFailure.MALFORMED_CREDENTIAL),
        ({"credential": "/" * 60_000}, AuthFailure.MALFORMED_CREDENTIAL),
    ],
)
def test_a_part_that_is_too_much_is_refused_before_any_secret(
    part: dict[str, str], failure: AuthFailure, presigned: bool
) -> None:
    request = asked(presigned=presigned, **part, host="h" * 60_000)
    tracemalloc.start()
    try:
        with pytest.raises(SigningError) as refused:
            parse_signature(request)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert refused.value.failure is failure
    assert len(refused.value.detail) < 2_000


class Once(dict[str, str]):
    """Headers that count how often a value is asked for."""

    asks = 0

    def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
        self.asks += 1
        return super().get(key, default)


def test_many_headers_are_read_once_each() -> None:
    names = [f"a{number}" for number in range(20_000)]
    request = asked(";".join([SIGNED, *names]), **{f"x-amz-{name}": "" for name in names})
    signature = parse_signature(request)
    assert signature is not None
    with pytest.raises(SigningError) as refused:
        verify(request, signature, "secret", NOW)
    assert refused.value.failure is AuthFailure.UNSIGNED_HEADER
    request = asked(";".join([SIGNED, *names]))
    headers = Once(request.headers)
    with pytest.raises(SigningError) as refused:
        verify(HttpRequest("GET", "/", "", headers), signature, "secret", NOW)
    assert refused.value.failure is AuthFailure.MISMATCH
    assert headers.asks <= len(names) + 3


def test_a_header_that_is_repeated_is_joined() -> None:
    raw = [(b"a", b"1"), (b"b", b"x"), *[(b"a", b"2")] * 100_000]
    found = asgi.head({"headers": raw, "method": "GET", "raw_path": b"/", "query_string": b""}).headers
    assert found == {"a": "1" + ",2" * 100_000, "b": "x"}


def test_text_between_elements_is_kept_as_pieces() -> None:
    root = xmlin.parse(b"<a>" + b"x<b/>" * 100_000 + b"</a>")
    assert len(root.pieces) == len(root.children) == 100_000
    assert root.text == "x" * 100_000
