"""The checksums of trailers: published check values, and one sum however the data are cut."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.signing.checksums import new_checksum

# https://reveng.sourceforge.io/crc-catalogue/all.htm: the check value is that of "123456789".
CHECKS = {
    "x-amz-checksum-crc32": "cbf43926",
    "x-amz-checksum-crc32c": "e3069283",
    "x-amz-checksum-crc64nvme": "ae8b14860a799888",
    "x-amz-checksum-sha1": hashlib.sha1(b"123456789").hexdigest(),
    "x-amz-checksum-sha256": hashlib.sha256(b"123456789").hexdigest(),
}


@pytest.mark.parametrize(("name", "expected"), CHECKS.items())
def test_check_value(name: str, expected: str) -> None:
    checksum = new_checksum(name)
    checksum.update(b"123456789")
    assert checksum.digest().hex() == expected


def walked(data: bytes, polynomial: int, size: int) -> bytes:
    """A reflected CRC by its definition, bit by bit: all ones before, inverted after."""
    ones = (1 << 8 * size) - 1
    register = ones
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (polynomial if register & 1 else 0)
    return (register ^ ones).to_bytes(size, "big")


@pytest.mark.parametrize(
    ("name", "polynomial", "size"),
    [("crc32", 0xEDB88320, 4), ("crc32c", 0x82F63B78, 4), ("crc64nvme", 0x9A6C9329AC4BC9B5, 8)],
)
@given(pieces=st.lists(st.binary(max_size=40), max_size=5))
def test_a_crc_is_what_its_definition_says_however_the_data_are_cut(
    name: str, polynomial: int, size: int, pieces: list[bytes]
) -> None:
    checksum = new_checksum(f"x-amz-checksum-{name}")
    for piece in pieces:
        checksum.update(piece)
    assert checksum.digest() == walked(b"".join(pieces), polynomial, size)
