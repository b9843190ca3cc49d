"""A name service (RFC 1035) for which AWS's names are the gateway's, and others are none.

Answers are made of the question; nothing is looked up anywhere.
"""

import struct

# Endpoints of AWS are below these: https://docs.aws.amazon.com/general/latest/gr/rande.html
DOMAINS = ("amazonaws.com", "api.aws", "amazonaws.com.cn")
_A, _ANY, _IN = 1, 255, 1
_RESPONSE, _AUTHORITATIVE, _RECURSION = 0x8000, 0x0400, 0x0180
_FORMAT_ERROR, _SERVER_FAILURE, _NAME_ERROR, _NOT_IMPLEMENTED = 1, 2, 3, 4
_TTL = 60
_ASKED_NAME = 0xC00C  # a pointer to the name in the question


def answer(query: bytes, domains: tuple[str, ...], address: bytes) -> bytes | None:
    """The answer to one query: `address` (4 bytes) for names below `domains`. None: it deserves no answer."""
    if len(query) < 12:
        return None
    number, flags, questions = struct.unpack_from("!HHH", query)
    if flags & _RESPONSE:
        return None  # INVARIANT: two of us never talk to each other
    if flags >> 11 & 15:
        return _head(number, flags, _NOT_IMPLEMENTED)
    try:
        name, end = _question(query)
        kind, kin = struct.unpack_from("!HH", query, end)
    except (IndexError, UnicodeDecodeError, struct.error):
        return _head(number, flags, _FORMAT_ERROR)
    if questions != 1:
        return _head(number, flags, _FORMAT_ERROR)
    question = query[12 : end + 4]
    if not any(f".{name}".endswith(f".{domain}") for domain in domains):
        return _head(number, flags, _NAME_ERROR, 1) + question
    if kin != _IN or kind not in (_A, _ANY):
        return _head(number, flags, 0, 1) + question  # it is there, and has no such record
    record = struct.pack("!HHHIH4s", _ASKED_NAME, _A, _IN, _TTL, 4, address)
    return _head(number, flags, 0, 1, 1) + question + record


def is_none(reply: bytes) -> bool:
    """Whether this answer of ours says that there is no such name: it is none of AWS's."""
    return reply[3] & 15 == _NAME_ERROR


def question(query: bytes) -> bytes:
    """The one question of a query that got such an answer, as it stands there."""
    return query[12 : _question(query)[1] + 4]


def failed(query: bytes) -> bytes:
    """Nobody could be asked."""
    number, flags = struct.unpack_from("!HH", query)
    return _head(number, flags, _SERVER_FAILURE, 1) + question(query)


def _head(number: int, flags: int, code: int, questions: int = 0, answers: int = 0) -> bytes:
    said = _RESPONSE | _AUTHORITATIVE | _RECURSION & (flags | 0x80) | code | flags & 0x7800
    return struct.pack("!HHHHHH", number, said, questions, answers, 0, 0)


def _question(query: bytes) -> tuple[str, int]:
    """The name in lower case, and where it ends. Names in questions are not compressed."""
    labels, at = [], 12
    while length := query[at]:
        if length > 63 or at + 1 + length > len(query):
            raise IndexError
        labels.append(query[at + 1 : at + 1 + length].decode("ascii").lower())
        at += 1 + length
    return ".".join(labels), at + 1
