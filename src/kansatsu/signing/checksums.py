"""The checksums that a trailer may carry; all are computed in C, for a large object passes through every one of them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

import base64
import hashlib
import zlib
from collections.abc import Callable
from typing import Any, Protocol


class Checksum(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


class Crc:
    """A CRC, from the function that goes on from an earlier value, and its size in bytes."""

    def __init__(self, proceed: Callable[[bytes | memoryview, int], int], size: int) -> None:
        self._proceed = proceed
        self._size = size
        self._value = 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._value = self._proceed(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


def _crt() -> Any:
    """AWS's own library, of which most processes need nothing: it takes 6 MiB."""
    from awscrt import checksums

    return checksums


_ALGORITHMS: dict[str, Callable[[], Checksum]] = {
    "x-amz-checksum-crc32": lambda: Crc(zlib.crc32, 4),
    "x-amz-checksum-crc32c": lambda: Crc(_crt().crc32c, 4),
    "x-amz-checksum-crc64nvme": lambda: Crc(_crt().crc64nvme, 8),
    "x-amz-checksum-sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "x-amz-checksum-sha256": hashlib.sha256,
}

TRAILERS = frozenset(_ALGORITHMS)


def new_checksum(trailer: str) -> Checksum:
    """The checksum that the trailer of this name (lower case) carries; KeyError for another."""
    return _ALGORITHMS[trailer]()


def encoded(checksum: Checksum) -> str:
    """Base64 of the big-endian digest, as headers and trailers carry it."""
    return base64.b64encode(checksum.digest()).decode()
