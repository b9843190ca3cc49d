"""Chunked bodies under attack: no byte after the first wrong one passes, and the body never completes."""

import base64
import hashlib
import hmac
import zlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.http import HttpRequest
from kansatsu.signing import AuthFailure, BodyVerifier, PayloadMode, SigningError, sign

from .signed import KEY, SECRET, check

F = AuthFailure
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
STAMP = "20240501T120000Z"
SCOPE = "20240501/us-east-1/s3/aws4_request"
EMPTY = hashlib.sha256(b"").hexdigest()
TRAILER = "x-amz-checksum-crc32"
BIG = bytes(range(256)) * 64  # 16 KiB
Chunk = tuple[bytes, str]


def key() -> bytes:
    value = b"AWS4" + SECRET.encode()
    for part in SCOPE.split("/"):
        value = hmac.digest(value, part.encode(), "sha256")
    return value


def head(mode: PayloadMode, length: int | str, **more: str) -> HttpRequest:
    headers = {"host": "h", "x-amz-decoded-content-length": str(length)}
    if mode is not PayloadMode.CHUNKED_SIGNED:
        headers["x-amz-trailer"] = TRAILER
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    bare = HttpRequest("PUT", "/b/k", "", headers)
    added = sign(
        bare,
        access_key_id=KEY,
        secret=SECRET,
        session_token=None,
        region="us-east-1",
        service="s3",
        now=NOW,
        payload_hash=mode.value,
    )
    return HttpRequest("PUT", "/b/k", "", {**headers, **added})


def body(request: HttpRequest) -> BodyVerifier:
    return check(request, now=NOW).body()


def seed(request: HttpRequest) -> str:
    return request.headers["authorization"].rpartition("=")[2]


def chunks(request: HttpRequest, *payloads: bytes) -> list[Chunk]:
    """Each payload with its signature, the empty one last."""
    previous, made = seed(request), []
    for payload in (*payloads, b""):
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{STAMP}\n{SCOPE}\n{previous}\n{EMPTY}\n{hashlib.sha256(payload).hexdigest()}"
        previous = hmac.digest(key(), text.encode(), "sha256").hex()
        made.append((payload, previous))
    return made


def wire(made: list[Chunk], end: bytes = b"\r\n") -> bytes:
    parts = [b"%x;chunk-signature=%s\r\n%s\r\n" % (len(p), s.encode(), p) for p, s in made]
    return b"".join(parts)[:-2] + end


def crc32(payload: bytes) -> bytes:
    return base64.b64encode(zlib.crc32(payload).to_bytes(4, "big"))


def trailer(made: list[Chunk], payload: bytes) -> bytes:
    line = b"x-amz-checksum-crc32:" + crc32(payload)
    digest = hashlib.sha256(line + b"\n").hexdigest()
    text = f"AWS4-HMAC-SHA256-TRAILER\n{STAMP}\n{SCOPE}\n{made[-1][1]}\n{digest}"
    signature = hmac.digest(key(), text.encode(), "sha256").hex().encode()
    return line + b"\r\nx-amz-trailer-signature:" + signature + b"\r\n\r\n"


def run(verifier: BodyVerifier, data: bytes, step: int = 5000) -> bytes:
    return b"".join([verifier.feed(data[at : at + step]) for at in range(0, len(data), step)]) + verifier.finish()


def refused(verifier: BodyVerifier, data: bytes, step: int = 5000) -> tuple[AuthFailure, bytes]:
    """Why a body is refused, and what had passed until then."""
    passed = bytearray()
    with pytest.raises(SigningError) as raised:
        _drain(verifier, data, step, passed)
    for again in (lambda: verifier.feed(b"x"), verifier.finish):
        with pytest.raises(SigningError):
            again()
    return raised.value.failure, bytes(passed)


def _drain(verifier: BodyVerifier, data: bytes, step: int, passed: bytearray) -> None:
    for at in range(0, len(data), step):
        passed += verifier.feed(data[at : at + step])
    passed += verifier.finish()


Change = Callable[[list[Chunk]], list[Chunk]]
OTHER = b"z" * len(BIG)
SIGNED: dict[str, tuple[Change, AuthFailure, int]] = {
    "a byte of the first chunk": (lambda c: [(b"X" + c[0][0][1:], c[0][1]), *c[1:]], F.CHUNK_MISMATCH, 0),
    "a byte of the last chunk": (lambda c: [*c[:2], (c[2][0][:-1] + b"X", c[2][1]), c[3]], F.CHUNK_MISMATCH, 2),
    "chunks swapped": (lambda c: [c[1], c[0], *c[2:]], F.CHUNK_MISMATCH, 0),
    "a chunk left out": (lambda c: [c[0], *c[2:]], F.CHUNK_MISMATCH, 1),
    "a chunk twice": (lambda c: [c[0], c[0], *c[1:]], F.CHUNK_MISMATCH, 1),
    "a chunk of another": (lambda c: [c[0], (OTHER, c[1][1]), *c[2:]], F.CHUNK_MISMATCH, 1),
    "the signature of another": (lambda c: [(c[0][0], c[1][1]), *c[1:]], F.CHUNK_MISMATCH, 0),
    "the last chunk's signature": (lambda c: [*c[:3], (b"", c[0][1])], F.CHUNK_MISMATCH, 3),
    "cut after a chunk": (lambda c: c[:2], F.INCOMPLETE_BODY, 2),
    "ended early": (lambda c: [*c[:2], c[3]], F.CHUNK_MISMATCH, 2),
    "nothing": (lambda c: c[:1][1:], F.INCOMPLETE_BODY, 0),
    "a chunk after the end": (lambda c: [*c, c[0]], F.MALFORMED_CHUNK, 3),
    "the end twice": (lambda c: [*c, c[3]], F.MALFORMED_CHUNK, 3),
}


@pytest.mark.parametrize(("change", "failure", "good"), SIGNED.values(), ids=SIGNED.keys())
@pytest.mark.parametrize("step", [100, 1 << 20])
def test_signed(change: Change, failure: AuthFailure, good: int, step: int) -> None:
    payload = BIG + BIG + b"end"
    request = head(PayloadMode.CHUNKED_SIGNED, len(payload))
    made = chunks(request, BIG, BIG, b"end")
    assert run(body(request), wire(made), step) == payload
    found, passed = refused(body(request), wire(change(made)) if change(made) else b"", step)
    assert found is failure
    assert payload.startswith(passed) and len(passed) < len(payload)
    assert len(passed) <= good * len(BIG)


def test_resigned_with_another_key() -> None:
    request = head(PayloadMode.CHUNKED_SIGNED, len(BIG))
    forged = hmac.digest(b"guess", b"x", "sha256").hex()
    assert refused(body(request), wire([(BIG, forged), (b"", forged)])) == (F.CHUNK_MISMATCH, b"")


@pytest.mark.parametrize(
    ("length", "failure"),
    [
        (len(BIG) - 1, F.MALFORMED_CHUNK),
        (len(BIG) + 1, F.INCOMPLETE_BODY),
        ("0", F.MALFORMED_CHUNK),
        ("-1", F.INVALID_LENGTH),
        ("x", F.INVALID_LENGTH),
        ("\xb2", F.INVALID_LENGTH),
    ],
)
def test_decoded_length(length: int | str, failure: AuthFailure) -> None:
    request = head(PayloadMode.CHUNKED_SIGNED, length)
    data = wire(chunks(request, BIG))
    with pytest.raises(SigningError) as raised:
        run(body(request), data)
    assert raised.value.failure is failure


def test_length_is_needed() -> None:
    request = head(PayloadMode.CHUNKED_SIGNED, 1)
    verified = check(request, now=NOW)
    without = {k: v for k, v in request.headers.items() if k != "x-amz-decoded-content-length"}
    object.__setattr__(verified, "_headers", without)
    with pytest.raises(SigningError) as raised:
        verified.body()
    assert raised.value.failure is F.MISSING_LENGTH


def test_small_chunks() -> None:
    request = head(PayloadMode.CHUNKED_SIGNED, 8191 + 3)
    made = chunks(request, b"a" * 8191, b"abc")
    failure, passed = refused(body(request), wire(made))
    assert (failure, passed) == (F.CHUNK_TOO_SMALL, b"")


def test_a_long_chunk_is_not_kept_whole() -> None:
    """Memory stays bounded; its tail is held back until its signature is right."""
    size = 4 << 20
    request = head(PayloadMode.CHUNKED_SIGNED, size)
    ((payload, signature), end) = chunks(request, b"a" * size)
    verifier = body(request)
    data = wire([(payload, "0" * 64), end])
    passed = sum(len(verifier.feed(data[at : at + 65536])) for at in range(0, size, 65536))
    assert size - (1 << 20) - (3 * 65536) <= passed < size
    with pytest.raises(SigningError):
        verifier.feed(data[size:])
    assert run(body(request), wire([(payload, signature), end]), 65536) == payload


FRAMES = {
    "no CRLF": b"4;chunk-signature=" + b"0" * 64 + b"\nabcd\r\n",
    "no size": b";chunk-signature=" + b"0" * 64 + b"\r\n",
    "negative size": b"-4;chunk-signature=" + b"0" * 64 + b"\r\n",
    "endless size": b"F" * 17 + b";chunk-signature=" + b"0" * 64 + b"\r\n",
    "no signature": b"4\r\nabcd\r\n",
    "signature too short": b"4;chunk-signature=00\r\nabcd\r\n",
    "other extension": b"4;x=" + b"0" * 64 + b"\r\nabcd\r\n",
    "plain body": b"abcd\n",
    "endless line": b"a" * 5000,
}


@pytest.mark.parametrize("data", FRAMES.values(), ids=FRAMES.keys())
def test_framing(data: bytes) -> None:
    request = head(PayloadMode.CHUNKED_SIGNED, 4)
    assert refused(body(request), data, 100) == (F.MALFORMED_CHUNK, b"")


def test_chunk_longer_than_it_says() -> None:
    request = head(PayloadMode.CHUNKED_SIGNED, 4)
    data = wire(chunks(request, b"abcd")).replace(b"abcd\r\n", b"abcdX\r\n")
    assert refused(body(request), data) == (F.MALFORMED_CHUNK, b"")


BOTH = pytest.mark.parametrize("mode", [PayloadMode.CHUNKED_SIGNED_TRAILER, PayloadMode.CHUNKED_UNSIGNED_TRAILER])


def with_trailer(mode: PayloadMode, payload: bytes, request: HttpRequest) -> bytes:
    if mode is PayloadMode.CHUNKED_UNSIGNED_TRAILER:
        frame = b"%x\r\n%s\r\n0\r\n" % (len(payload), payload)
        return frame + b"x-amz-checksum-crc32:" + crc32(payload) + b"\r\n\r\n"
    made = chunks(request, payload)
    return wire(made, trailer(made, payload))


LINE = b"x-amz-checksum-crc32:" + crc32(BIG) + b"\r\n"
TRAILERS: dict[str, tuple[Callable[[bytes], bytes], set[AuthFailure]]] = {
    "payload": (lambda d: d.replace(b"\0\1\2\3", b"\0\1\2\2", 1), {F.CHUNK_MISMATCH, F.CHECKSUM_MISMATCH}),
    "checksum": (lambda d: d.replace(crc32(BIG), crc32(b"")), {F.CHUNK_MISMATCH, F.CHECKSUM_MISMATCH}),
    "checksum no base64": (lambda d: d.replace(crc32(BIG), b"\xff"), {F.CHUNK_MISMATCH, F.CHECKSUM_MISMATCH}),
    "other name": (lambda d: d.replace(b"-crc32:", b"-crc32c:"), {F.MALFORMED_TRAILER}),
    "name not declared": (lambda d: d.replace(LINE, b"x-amz-acl:1\r\n" + LINE), {F.MALFORMED_TRAILER}),
    "checksum gone": (lambda d: d.replace(LINE, b""), {F.MALFORMED_TRAILER, F.CHUNK_MISMATCH}),
    "cut": (lambda d: d[:-2], {F.INCOMPLETE_BODY}),
    "cut before the trailer": (lambda d: d[: d.index(b"x-amz-checksum")], {F.INCOMPLETE_BODY}),
    "more": (lambda d: d + b"x", {F.MALFORMED_CHUNK}),
    "twice": (lambda d: d.replace(LINE, LINE + LINE), {F.MALFORMED_TRAILER}),
}  # fmt: skip


@BOTH
@pytest.mark.parametrize(("change", "failures"), TRAILERS.values(), ids=TRAILERS.keys())
def test_trailer(mode: PayloadMode, change: Callable[[bytes], bytes], failures: set[AuthFailure]) -> None:
    request = head(mode, len(BIG))
    data = with_trailer(mode, BIG, request)
    assert run(body(request), data) == BIG
    failure, passed = refused(body(request), change(data))
    assert failure in failures
    assert len(passed) < len(BIG)


def test_trailer_signature_of_another() -> None:
    request = head(PayloadMode.CHUNKED_SIGNED_TRAILER, len(BIG))
    data = with_trailer(PayloadMode.CHUNKED_SIGNED_TRAILER, BIG, request)
    at = data.rindex(b":") + 1
    forged = data[:at] + b"0" * 64 + b"\r\n\r\n"
    failure, passed = refused(body(request), forged)
    assert failure is F.CHUNK_MISMATCH and len(passed) < len(BIG)
    unsigned = data[: data.index(b"x-amz-trailer-signature")] + b"\r\n"
    assert refused(body(request), unsigned)[0] is F.INCOMPLETE_BODY


@pytest.mark.parametrize("names", ["x-amz-checksum-md5", "", "x-amz-checksum-crc32,content-type"])
def test_trailer_names(names: str) -> None:
    with pytest.raises(SigningError) as raised:
        body(head(PayloadMode.CHUNKED_UNSIGNED_TRAILER, 1, x_amz_trailer=names))
    assert raised.value.failure is F.UNSUPPORTED_TRAILER


@given(
    st.binary(max_size=300),
    st.sampled_from([m for m in PayloadMode if m.value.startswith("STREAMING")]),
    st.integers(1, 50),
)
def test_nonsense_never_completes(data: bytes, mode: PayloadMode, step: int) -> None:
    failure, passed = refused(body(head(mode, 100)), data, step)
    assert failure.general in (F.PAYLOAD_MISMATCH, F.MISMATCH)
    assert len(passed) < 100


def test_unsigned_passes_on_at_once() -> None:
    verifier = body(head(PayloadMode.UNSIGNED, 3))
    assert verifier.feed(b"abc") == b"abc" and verifier.finish() == b""
