"""Bodies verified as they pass: the last piece is held back until the whole is known to be right.

A caller passes on what `feed` returns and completes the request upstream only with what `finish` returns, so a body
whose hash, signature, checksum or length is wrong never completes anywhere.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
"""

import hashlib
import hmac
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from kansatsu.signing.checksums import TRAILERS, Checksum, encoded, new_checksum
from kansatsu.signing.errors import AuthFailure, SigningError
from kansatsu.signing.keys import signature, to_ascii
from kansatsu.signing.model import ALGORITHM, EMPTY_HASH, PayloadMode

T = TypeVar("T", bound=bytes | memoryview)

# A chunk of up to this many bytes is passed on only when its signature is right; of a longer one the tail is held
# back. SDKs send 64 KiB to 1 MiB, and memory stays bounded whatever a client sends.
HOLD = 1024 * 1024
# "Chunk size must be at least 8 KB": https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
MIN_CHUNK = 8192
_MAX_LINE = 1024
_MAX_TRAILERS = 8
_CHUNK_SIGNED = re.compile(rb"([0-9a-fA-F]{1,16});chunk-signature=([0-9a-f]{64})")
_CHUNK_UNSIGNED = re.compile(rb"([0-9a-fA-F]{1,16})()")
_SIGNATURE_TRAILER = "x-amz-trailer-signature"


class BodyVerifier(ABC):
    """Feed the body as it arrives; once a SigningError was raised, `finish` never gives the last bytes.

    `length` is the number of payload bytes that the client announced, None when it announced none.
    """

    length: int | None = None

    @abstractmethod
    def feed(self, data: bytes) -> bytes:
        """Payload bytes that may be passed on, possibly none. Raises SigningError."""

    @abstractmethod
    def finish(self) -> bytes:
        """The last payload bytes, once the whole body is right. Raises SigningError."""


class _Tail(Generic[T]):
    """Holds one piece back."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: T | bytes = b""

    def swap(self, piece: T) -> T | bytes:
        if not piece:
            return b""
        held, self._held = self._held, piece
        return held

    def take(self) -> bytes:
        piece, self._held = self._held, b""
        return bytes(piece)


class UnsignedBody(BodyVerifier):
    """UNSIGNED-PAYLOAD: there is nothing to verify."""

    def __init__(self, length: int | None) -> None:
        self.length = length

    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class HashedBody(BodyVerifier):
    """A body whose SHA-256 is part of the signature."""

    def __init__(self, payload_hash: str, length: int | None) -> None:
        self.length = length
        self._expected = payload_hash
        self._hash = hashlib.sha256()
        self._tail = _Tail[bytes]()

    def feed(self, data: bytes) -> bytes:
        self._hash.update(data)
        return self._tail.swap(data)

    def finish(self) -> bytes:
        computed = self._hash.hexdigest()
        # INVARIANT: a body that is not the one that was signed does not complete.
        if not hmac.compare_digest(computed, self._expected):
            raise SigningError(
                AuthFailure.PAYLOAD_MISMATCH,
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
                {"ClientComputedContentSHA256": self._expected, "S3ComputedContentSHA256": computed},
            )
        return self._tail.take()


@dataclass(frozen=True, slots=True)
class Chain:
    """What signs the chunks after the head: the signing key, the time, the scope, the seed signature."""

    key: hmac.HMAC
    stamp: str
    scope: str
    seed: str

    def chunk(self, previous: str, payload_hash: str) -> str:
        """The signature of a chunk with this hash, after the signature `previous`."""
        return signature(
            self.key, f"{ALGORITHM}-PAYLOAD\n{self.stamp}\n{self.scope}\n{previous}\n{EMPTY_HASH}\n{payload_hash}"
        )

    def trailer(self, previous: str, payload_hash: str) -> str:
        """The signature of the trailing headers, whose lines have this hash."""
        return signature(self.key, f"{ALGORITHM}-TRAILER\n{self.stamp}\n{self.scope}\n{previous}\n{payload_hash}")


class _Step(Protocol):
    def __call__(self, line: bytes) -> None: ...


class ChunkedBody(BodyVerifier):
    """aws-chunked, its chunks signed or not, with or without trailing headers."""

    def __init__(self, mode: PayloadMode, length: int, trailers: frozenset[str], chain: Chain) -> None:
        self.length = length
        self._signed = mode is not PayloadMode.CHUNKED_UNSIGNED_TRAILER
        self._chain = chain
        self._previous = chain.seed
        self._declared = trailers
        self._with_trailer = mode is not PayloadMode.CHUNKED_SIGNED
        self._checksums: dict[str, Checksum] = {name: new_checksum(name) for name in trailers}
        self._given: dict[str, str] = {}
        self._trailer_hash = hashlib.sha256()
        self._line = bytearray()
        self._step: _Step = self._chunk_head
        self._remaining = 0
        self._total = 0
        self._size = MIN_CHUNK
        self._claimed = ""
        self._hash = hashlib.sha256()
        self._pending: deque[bytes | memoryview] = deque()
        self._pending_size = 0
        self._out: list[bytes | memoryview] = []
        self._tail = _Tail[bytes | memoryview]()
        self._done = False
        self._failure: SigningError | None = None

    def feed(self, data: bytes) -> bytes:
        if self._failure is not None:
            raise self._failure
        try:
            self._consume(data)
        except SigningError as failure:
            self._failure = failure
            raise
        out, self._out = self._out, []
        return b"".join(out)

    def finish(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        if not self._done or self._total != self.length:
            self._failure = SigningError(
                AuthFailure.INCOMPLETE_BODY,
                "You did not provide the number of bytes specified by the Content-Length HTTP header",
            )
            raise self._failure
        return self._tail.take()

    def _consume(self, data: bytes) -> None:
        position, view = 0, memoryview(data)
        while position < len(data):
            if self._remaining:
                # Whole, or a view: what goes on is copied once, where its pieces are joined.
                piece: bytes | memoryview = view[position : position + self._remaining]
                if len(piece) == len(data):
                    piece = data
                self._take(piece)
                position += len(piece)
                continue
            if self._done:
                raise _malformed("there are bytes after the last chunk")
            end = data.find(b"\n", position)
            stop = len(data) if end < 0 else end + 1
            self._line += data[position:stop]
            position = stop
            if len(self._line) > _MAX_LINE:
                raise _malformed("a line is too long")
            if end >= 0:
                line = bytes(self._line)
                self._line.clear()
                self._step(line)

    def _take(self, piece: bytes | memoryview) -> None:
        self._remaining -= len(piece)
        for checksum in self._checksums.values():
            checksum.update(piece)
        if not self._signed:
            self._release(piece)
            return
        self._hash.update(piece)
        self._pending.append(piece)
        self._pending_size += len(piece)
        while self._pending_size > HOLD:
            self._pending_size -= len(self._pending[0])
            self._release(self._pending.popleft())
        if not self._remaining:
            self._verify_chunk()

    def _release(self, piece: bytes | memoryview) -> None:
        if free := self._tail.swap(piece):
            self._out.append(free)

    def _verify_chunk(self) -> None:
        expected = self._chain.chunk(self._previous, self._hash.hexdigest())
        # INVARIANT: the bytes of a chunk go nowhere before its signature, which holds the one before it, is right.
        if not hmac.compare_digest(expected, self._claimed):
            raise SigningError(
                AuthFailure.CHUNK_MISMATCH,
                "The chunk signature we calculated does not match the signature you provided.",
            )
        self._previous = expected
        self._hash = hashlib.sha256()
        while self._pending:
            self._release(self._pending.popleft())
        self._pending_size = 0

    def _chunk_head(self, line: bytes) -> None:
        match = (_CHUNK_SIGNED if self._signed else _CHUNK_UNSIGNED).fullmatch(_stripped(line))
        if match is None:
            raise _malformed("the head of a chunk is not well-formed")
        size = int(match[1], 16)
        self._claimed = match[2].decode()
        if size and self._size < MIN_CHUNK:
            raise SigningError(
                AuthFailure.CHUNK_TOO_SMALL,
                f"Only the last chunk is allowed to have a size less than {MIN_CHUNK} bytes",
            )
        self._size = self._remaining = size
        self._total += size
        # INVARIANT: not a byte more than was announced under the signature.
        if self.length is None or self._total > self.length:
            raise _malformed("the chunks hold more than x-amz-decoded-content-length")
        self._step = self._chunk_end if size else self._last_chunk_end()

    def _last_chunk_end(self) -> _Step:
        if self._signed:
            self._verify_chunk()
        return self._trailer if self._with_trailer else self._end

    def _chunk_end(self, line: bytes) -> None:
        if line != b"\r\n":
            raise _malformed("a chunk is longer than it says")
        self._step = self._chunk_head

    def _end(self, line: bytes) -> None:
        if line != b"\r\n":
            raise _malformed("there is something after the last chunk")
        self._done = True

    def _trailer(self, line: bytes) -> None:
        text = line.rstrip(b"\r\n").decode("latin-1")
        if not text:
            # The documentation's form has an empty line before x-amz-trailer-signature; SDKs write none.
            if not self._signed:
                self._verify_trailers()
            return
        name, separator, value = text.partition(":")
        name, value = name.strip().lower(), value.strip()
        if self._signed and name == _SIGNATURE_TRAILER:
            self._verify_trailer_signature(value)
            self._verify_trailers(end=False)
            return
        if not separator or name in self._given or len(self._given) >= _MAX_TRAILERS or name not in self._declared:
            raise _malformed_trailer()
        self._given[name] = value
        self._trailer_hash.update(f"{name}:{value}\n".encode("latin-1"))

    def _verify_trailer_signature(self, claimed: str) -> None:
        expected = self._chain.trailer(self._previous, self._trailer_hash.hexdigest())
        if not hmac.compare_digest(expected.encode(), to_ascii(claimed)):
            raise SigningError(
                AuthFailure.CHUNK_MISMATCH,
                "The trailer signature we calculated does not match the signature you provided.",
            )

    def _verify_trailers(self, *, end: bool = True) -> None:
        if self._given.keys() != self._declared:
            raise _malformed_trailer()
        for name, checksum in self._checksums.items():
            # INVARIANT: what a trailer says about the payload is true, or the payload does not complete.
            if not hmac.compare_digest(encoded(checksum).encode(), to_ascii(self._given[name])):
                algorithm = name.removeprefix("x-amz-checksum-").upper()
                raise SigningError(
                    AuthFailure.CHECKSUM_MISMATCH,
                    f"The {algorithm} you specified did not match the calculated checksum.",
                )
        if end:
            self._done = True
        else:
            self._step = self._end


def body_verifier(mode: PayloadMode, payload_hash: str, headers: Mapping[str, str], chain: Chain) -> BodyVerifier:
    """The verifier for a payload mode. Raises SigningError when a chunked body lacks its length or trailer names."""
    if mode is PayloadMode.HASHED:
        return HashedBody(payload_hash, _length(headers.get("content-length")))
    if mode is PayloadMode.UNSIGNED:
        return UnsignedBody(_length(headers.get("content-length")))
    length = _length(headers.get("x-amz-decoded-content-length"))
    if length is None:
        raise SigningError(AuthFailure.MISSING_LENGTH, "You must provide the Content-Length HTTP header.")
    trailers: frozenset[str] = frozenset()
    if mode is not PayloadMode.CHUNKED_SIGNED:
        trailers = frozenset(name.strip().lower() for name in headers.get("x-amz-trailer", "").split(","))
        if not trailers <= TRAILERS:
            raise SigningError(
                AuthFailure.UNSUPPORTED_TRAILER, "The value specified in the x-amz-trailer header is not supported"
            )
    return ChunkedBody(mode, length, trailers, chain)


def _length(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise SigningError(AuthFailure.INVALID_LENGTH, f"The length '{text}' is not a number of bytes.")
    return int(text)


def _stripped(line: bytes) -> bytes:
    if not line.endswith(b"\r\n"):
        raise _malformed("a line does not end with CRLF")
    return line[:-2]


def _malformed(detail: str) -> SigningError:
    return SigningError(AuthFailure.MALFORMED_CHUNK, f"The aws-chunked body is not well-formed: {detail}.")


def _malformed_trailer() -> SigningError:
    return SigningError(
        AuthFailure.MALFORMED_TRAILER,
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    )
