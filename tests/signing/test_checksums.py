"""The checksums of trailers: published check values, and one sum however the data are cut."""

import hashlib
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.signing.checksums import Crc, Crc32, new_checksum

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


@given(st.integers(0, 40_000), st.lists(st.integers(0, 40_000), max_size=4), st.randoms(use_true_random=False))
def test_folding_is_the_table_walk(size: int, cuts: list[int], random) -> None:
    """The fold, with CRC-32's own polynomial, gives what zlib gives; and cuts change nothing."""
    data = random.randbytes(size)
    ends = sorted({0, size, *(cut for cut in cuts if cut < size)})
    folded, reference = Crc(32, 0xEDB88320), Crc32()
    for start, end in pairwise(ends):
        folded.update(data[start:end])
        reference.update(data[start:end])
    assert folded.digest() == reference.digest() == zlib.crc32(data).to_bytes(4, "big")


@pytest.mark.parametrize("name", ["x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme"])
def test_cuts_change_nothing(name: str) -> None:
    data = bytes(range(251)) * 300
    whole, cut = new_checksum(name), new_checksum(name)
    whole.update(data)
    for at in range(0, len(data), 999):  # too short to fold: walked byte by byte
        cut.update(data[at : at + 999])
    assert whole.digest() == cut.digest()
