"""What a client says of its body in headers of S3, held against what arrives.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html; errors:
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

import binascii
import hashlib
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from kansatsu.errors import AwsError
from kansatsu.signing.checksums import TRAILERS, Checksum, encoded, new_checksum

MD5 = "content-md5"
CHECKSUM = "x-amz-checksum-"
# Their checksums are of the object that there is afterwards, not of the body.
_OF_OBJECT = frozenset({"CompleteMultipartUpload"})


@dataclass(frozen=True, slots=True)
class Said:
    """A digest that a header gives, in Base64, and that of the body so far."""

    name: str
    expected: str
    actual: Checksum = field(compare=False)

    def hold(self) -> None:
        """Raises BadDigest where the body is another one."""
        if (found := encoded(self.actual)) == self.expected:
            return
        if self.name == MD5:
            text = "The Content-MD5 you specified did not match what we received."
            both: dict[str, object] = {"ExpectedDigest": self.expected, "CalculatedDigest": found}
            raise AwsError(text, code="BadDigest", status=400, fields=both)
        algorithm = self.name.removeprefix(CHECKSUM).upper()
        text = f"The {algorithm} you specified did not match the calculated checksum."
        raise AwsError(text, code="BadDigest", status=400)


def said(operation: str, headers: Mapping[str, str]) -> tuple[Said, ...]:
    """The digests in the headers of a request.

    Raises InvalidDigest for what can be none, InvalidRequest for checksums by several algorithms: an object has one.
    """
    if len(headers.keys() & TRAILERS) > 1:
        text = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        raise AwsError(text, code="InvalidRequest", status=400)
    found = []
    for name, value in headers.items():
        if name == MD5:
            actual: Checksum = hashlib.md5(usedforsecurity=False)
        elif name in TRAILERS and operation not in _OF_OBJECT:
            actual = new_checksum(name)
        else:
            continue
        if not _fits(value.strip(), len(actual.digest())):
            text = "The Content-MD5 or checksum value that you specified is not valid."
            raise AwsError(text, code="InvalidDigest", status=400)
        found.append(Said(name, value.strip(), actual))
    return tuple(found)


def _fits(text: str, size: int) -> bool:
    try:
        return len(b64decode(text, validate=True)) == size
    except (binascii.Error, ValueError):
        return False


def verify(digests: tuple[Said, ...], body: bytes) -> None:
    """Of a body that is here as a whole. Raises BadDigest."""
    for digest in digests:
        digest.actual.update(body)
        digest.hold()


async def verified(digests: tuple[Said, ...], pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A body as it passes; the last piece comes only when it is right, so that no backend keeps another one.

    Raises BadDigest in the place of the last piece.
    """
    held = b""
    async for piece in pieces:
        for digest in digests:
            digest.actual.update(piece)
        if held:
            yield held
        held = piece
    for digest in digests:
        digest.hold()
    if held:
        yield held
