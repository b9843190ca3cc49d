"""What a signature says, before anybody has checked it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@lru_cache(maxsize=1024)
def stamp(second: int) -> str:
    """A moment, in seconds of the epoch, as X-Amz-Date has it."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")


class PayloadMode(StrEnum):
    """How the body is protected; the values of x-amz-content-sha256, but for HASHED, which is a hash.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html
    """

    HASHED = "hashed"
    UNSIGNED = "UNSIGNED-PAYLOAD"
    CHUNKED_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    CHUNKED_SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    CHUNKED_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


@dataclass(frozen=True, slots=True)
class Signature:
    """One SigV4 signature as the client sent it; every part is a claim until `verify` returns.

    `payload_hash` is the last line of the canonical request: 64 hexadecimal digits, or the name of the mode, or ""
    when the service hashes the body itself. `expires` is X-Amz-Expires in seconds, None when it was not given.
    `policy`, in Base64, is what was signed in the place of a request where an HTML form carries the signature.
    """

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    time: datetime
    session_token: str | None = None
    presigned: bool = False
    payload: PayloadMode = PayloadMode.HASHED
    payload_hash: str = ""
    expires: int | None = None
    policy: str | None = None

    @property
    def needs_body(self) -> bool:
        """`verify` needs the whole body in `request.body`: nothing in the head says what its hash is."""
        return not self.payload_hash

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{TERMINATOR}"

    @property
    def timestamp(self) -> str:
        return stamp(int(self.time.timestamp()))
