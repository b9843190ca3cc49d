"""Records with one eventID that say different things: whoever writes one file among the logs must hide no event by it.

Looked for only where an event seems to be there twice, which costs that the files are read again.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Any

import msgspec

from kansatsu.advisor.logs.event_ids import digest_of, digests_of
from kansatsu.advisor.logs.records import BAD, Record, read

TROUBLE = "rival"


def found(files: Sequence[bytes]) -> set[int]:
    """The digests of eventIDs under which records of these files say different things."""
    seen: set[int] = set()
    twice: set[int] = set()
    for data in files:
        for _, digest in _with_digests(read(data).records):
            (twice if digest in seen else seen).add(digest)
    said: dict[int, bytes] = {}
    rivals: set[int] = set()
    for data in files:
        for record, digest in _with_digests(read(data).records):
            if digest in twice and said.setdefault(digest, _said(record)) != _said(record):
                rivals.add(digest)
    return rivals


def tell_apart(records: Iterable[Record], rivals: Set[int]) -> bool:
    """Give records under these digests eventIDs by what they say. Were there any?"""
    some = [record for record, digest in _with_digests(records) if digest in rivals]
    for record in some:
        record.eventID = _said(record).decode()
    return bool(some)


def _with_digests(records: Iterable[Record]) -> Iterator[tuple[Record, int]]:
    all_ = list(records)
    digests = digests_of(all_) or (digest_of(record.eventID) for record in all_)
    return ((record, digest) for record, digest in zip(all_, digests, strict=True) if digest is not None)


def _said(record: Record) -> bytes:
    """All that counts of a record, in whichever order and spacing it was written."""
    members = (_value(getattr(record, name)) for name in Record.__struct_fields__)
    return msgspec.json.encode(list(members), order="sorted")


def _value(member: Any) -> Any:
    if not isinstance(member, msgspec.Raw):
        return member
    try:
        return msgspec.json.decode(member) if bytes(member) else None
    except BAD:
        return bytes(member).hex()
