"""The name service of `kansatsu run --mode ns`: names of AWS have one address, others do not exist, no harm done."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.delivery.authority import DOMAINS
from kansatsu.delivery.names import answer

ADDRESS = socket.inet_aton("198.18.0.1")


def query(name: str, kind: int = 1, kin: int = 1, flags: int = 0x0100) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label)
    return struct.pack("!HHHHHH", 7, flags, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, kin)


@pytest.mark.parametrize(
    ("name", "kind", "code", "found"),
    [
        ("s3.amazonaws.com", 1, 0, True),
        ("S3.AmazonAWS.com", 1, 0, True),
        ("a.b.s3.us-west-2.amazonaws.com", 1, 0, True),
        ("ec2.us-east-1.api.aws", 1, 0, True),
        ("s3.cn-north-1.amazonaws.com.cn", 1, 0, True),
        ("s3.amazonaws.com", 28, 0, False),  # AAAA: there is none, but the name is there
        ("s3.amazonaws.com", 16, 0, False),
        ("notamazonaws.com", 1, 3, False),
        ("amazonaws.com.example.com", 1, 3, False),
        ("example.com", 28, 3, False),
        ("", 1, 3, False),
    ],
)
def test_answers(name: str, kind: int, code: int, found: bool) -> None:
    asked = query(name, kind)
    said = answer(asked, DOMAINS, ADDRESS)
    assert said is not None
    number, flags, questions, answers, *_ = struct.unpack_from("!HHHHHH", said)
    assert (number, flags & 0x8000, flags & 15, questions, answers) == (7, 0x8000, code, 1, int(found))
    assert said[12 : len(asked)] == asked[12:]
    assert said.endswith(ADDRESS) == found


@given(st.binary(max_size=80) | st.binary(max_size=40).map(lambda tail: query("s3.amazonaws.com")[:12] + tail))
def test_whatever_comes_is_answered_or_not(data: bytes) -> None:
    said = answer(data, DOMAINS, ADDRESS)
    assert said is None or (len(said) >= 12 and said[:2] == data[:2] and said[2] & 0x80)
    # INVARIANT: an answer is never answered.
    assert said is None or answer(said, DOMAINS, ADDRESS) is None
