"""Eight bytes that stand for an eventID, which tell whether an event was counted already."""

import hashlib
from array import array
from collections.abc import Sequence

from kansatsu.advisor.logs.records import Record

_LENGTH = 36  # of a UUID with its dashes
_DASHES = (8, 13, 18, 23)


def digests_of(records: Sequence[Record]) -> "array[int] | None":
    """Eight bytes of each eventID, its halves as one, all at once; None when one of them is no UUID."""
    ids = [record.eventID or "" for record in records]
    text = "".join(ids)
    size = len(ids)
    if len(text) != _LENGTH * size or text.count("-") != 4 * size:
        return None
    if any(text[place::_LENGTH] != "-" * size for place in _DASHES):
        return None
    try:
        whole = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        return None
    if len(whole) != 16 * size:
        return None
    halves = array("Q", whole)
    one, other = (int.from_bytes(half.tobytes(), "little") for half in (halves[::2], halves[1::2]))
    return array("Q", (one ^ other).to_bytes(8 * size, "little"))


def digest_of(event_id: str | None) -> int | None:
    """The same of one of any form; None where there is none."""
    if not event_id:
        return None
    plain = event_id.replace("-", "")
    if len(event_id) == _LENGTH and len(plain) == 32 and all(event_id[place] == "-" for place in _DASHES):
        try:
            one, other = array("Q", bytes.fromhex(plain))
        except ValueError:
            pass
        else:
            return one ^ other
    digest = hashlib.blake2b(event_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
