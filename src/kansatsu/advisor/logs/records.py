"""CloudTrail's files as records, in all forms that they come in, whole or broken: counted, never an exception.

A delivered file ({"Records": [...]}), a bare array, one record, one record a line, and what `aws cloudtrail
lookup-events` prints ({"Events": [{"CloudTrailEvent": "..."}]}); with gzip or without. Pure.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
"""

import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from typing import Annotated, Any, cast

import msgspec
from zlib_ng import zlib_ng

MOST_BYTES = 256 << 20  # of one file, unpacked; CloudTrail's own have some MB, and one of Firehose 128
TRUNCATED = "truncated"  # it ends before it should; what was before that counts
CORRUPT = "corrupt"  # bytes that are no records
TOO_LARGE = "too large"  # nothing of it is read: it may be an archive that was made to fill the memory
NO_LOG = "no log"  # whole and well-formed, and no record in it: a digest, something else
_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# The end of a document and the beginning of the next, as where files were put together.
_ANOTHER = re.compile(r'\]\s*(?:,\s*"NextToken"\s*:\s*"[^"]*"\s*)?\}\s*\{\s*"(?:Records|Events)"\s*:\s*\[')
_ENDED = re.compile(r'\]\s*(?:,\s*"NextToken"\s*:\s*"[^"]*"\s*)?\}?\s*')
NOTHING = msgspec.Raw()  # the very value of a member that is not there
_MUCH = 16 << 20  # bytes of a text that may be anything
_LEAST_VALUE = 12  # bytes of a value, on an average; those of records have some thirty
_MOST_PACKED = 1032  # times that deflate makes anything smaller
_BROKEN = (EOFError, OSError, zlib.error, cast(type[Exception], zlib_ng.error))


class Record(msgspec.Struct, gc=False, kw_only=True):
    """The members that say who did what, when and where. What is large stays as it is until somebody needs it.

    They are in the order of CloudTrail's own files, in which a decoder finds them fastest.
    """

    userIdentity: msgspec.Raw = NOTHING
    eventTime: Annotated[datetime, msgspec.Meta(tz=True)]
    eventSource: str
    eventName: str
    awsRegion: str | None = None
    errorCode: str | None = None
    requestParameters: msgspec.Raw = NOTHING
    eventID: str | None = None
    readOnly: bool | None = None
    resources: msgspec.Raw = NOTHING
    eventType: str | None = None
    managementEvent: bool | None = None


class _File(msgspec.Struct, gc=False):
    Records: list[Record]


class _Loose(msgspec.Struct, gc=False):
    Records: msgspec.Raw = NOTHING
    Events: msgspec.Raw = NOTHING
    eventName: msgspec.Raw = NOTHING


class _Looked(msgspec.Struct, gc=False):
    CloudTrailEvent: str | None = None


@dataclass(slots=True)
class Read:
    """What was in a file: its records, how many there were that are none, and what is wrong with the file."""

    records: list[Record] = field(default_factory=list)
    malformed: int = 0
    trouble: str = ""


_file = msgspec.json.Decoder(_File)
_loose = msgspec.json.Decoder(_Loose)
_record = msgspec.json.Decoder(Record)
_array = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)
_looked = msgspec.json.Decoder(_Looked)
BAD = (msgspec.MsgspecError, ValueError, RecursionError)


def read(data: bytes) -> Read:
    """The records of a file, given with all its bytes."""
    text, trouble = _unpacked(data)
    if trouble == TOO_LARGE or _is_dense(text):
        return Read(trouble=TOO_LARGE if trouble == TOO_LARGE else NO_LOG)
    if not trouble:
        try:
            return Read(_file.decode(text).Records)  # nearly always
        except BAD:
            pass
    found = _by_record(text)
    if trouble:  # the archive's trouble is the cause of the text's
        found.trouble = trouble
    return found


def _is_dense(text: bytes) -> bool:
    """Are these far more and smaller values than records have? Each would be an object fifty times its size."""
    return len(text) > _MUCH and text.count(b",") + text.count(b"\n") > len(text) // _LEAST_VALUE


def _unpacked(data: bytes) -> tuple[bytes, str]:
    if not data.startswith(_GZIP):
        return data, TOO_LARGE if len(data) > MOST_BYTES else ""
    # The last four bytes say the size. Into memory of one byte more, which is never filled, it is unpacked three times
    # as fast as into memory that grows. Where they do not tell of the whole it is found out below.
    size = int.from_bytes(data[-4:], "little") + 1
    if size <= min(MOST_BYTES, len(data) * _MOST_PACKED):
        unpacker = zlib_ng.decompressobj(31)
        try:
            text: bytes = unpacker.decompress(data, size)
        except _BROKEN:
            return _as_far_as_it_goes(data)
        if unpacker.eof and not unpacker.unused_data:
            return text, ""
    return _as_far_as_it_goes(data)


def _as_far_as_it_goes(data: bytes) -> tuple[bytes, str]:
    """What can be unpacked of a broken archive, or of one that is suspiciously large."""
    parts: list[bytes] = []
    left = MOST_BYTES
    while data:
        unpacker = zlib_ng.decompressobj(31)
        try:
            parts.append(unpacker.decompress(data, left))
        except _BROKEN:
            return b"".join(parts), CORRUPT
        left -= len(parts[-1])
        if unpacker.unconsumed_tail or left <= 0:
            return b"".join(parts), TOO_LARGE
        if not unpacker.eof:
            return b"".join(parts), TRUNCATED
        data = unpacker.unused_data
    return b"".join(parts), ""


def _by_record(text: bytes) -> Read:
    """The records one by one, from whatever form."""
    if text.startswith(_UTF16):  # what PowerShell makes of an output
        text = text.decode("utf-16", "replace").encode()
    # With tabs between them, which nothing in JSON has: `--query 'Events[].CloudTrailEvent' --output text`.
    text = text.removeprefix(b"\xef\xbb\xbf").strip().replace(b"}\t{", b"}\n{")
    found = Read()
    pieces: Iterable[bytes] | None
    try:
        pieces = _pieces(text)
    except BAD:
        pieces = None
    if pieces is None:
        lines = io.BytesIO(text)
        first = list(islice(lines, 2))
        if len(first) < 2 or not any(line.startswith(b"{") and line.rstrip().endswith(b"}") for line in first):
            return _salvaged(text)
        pieces = chain.from_iterable(_of_line(line.strip()) for line in chain(first, lines))
    try:
        for piece in pieces:
            _take(found, piece)
    except BAD:
        return _salvaged(text)
    if not found.records and found.malformed:
        found.trouble = CORRUPT
    return found


def _of_line(line: bytes) -> Iterable[bytes]:
    """The records of a line: itself, or those of a document in one line."""
    try:
        return _pieces(line) or [line]
    except BAD:
        return [line]


def _pieces(text: bytes) -> Iterable[bytes] | None:
    """The records of a well-formed document; None when it has none. Raises what a decoder raises, at once or later."""
    if text.startswith(b"["):
        return _values(text)
    found = _loose.decode(text)
    for member in (bytes(found.Records), bytes(found.Events)):
        if member not in {b"", b"null"}:
            return _values(member)
    return [text] if bytes(found.eventName) else None


def _values(array: bytes) -> Iterable[bytes]:
    """Those of a large array one after the other: all at once they would be objects many times their size."""
    if len(array) <= _MUCH:
        return [bytes(piece) for piece in _array.decode(array)]
    return _one_by_one(array.decode())


def _one_by_one(array: str) -> Iterator[bytes]:
    decoder, at = json.JSONDecoder(), 1
    while True:
        while array[at : at + 1] in _BETWEEN:
            at += 1
        if array.startswith("]", at) and not array[at + 1 :].strip():
            return
        start = at
        _, at = decoder.raw_decode(array, at)
        yield array[start:at].encode()


_BETWEEN = frozenset(" \t\r\n,")


def _take(found: Read, piece: bytes) -> None:
    if not piece.strip():
        return
    try:
        found.records.append(_record.decode(piece))
    except BAD:
        _take_within(found, piece)


def _take_within(found: Read, piece: bytes) -> None:
    """The record in a text, or in an event of `lookup-events`, of which it is the text."""
    try:
        text = _text.decode(piece) if piece.startswith(b'"') else _looked.decode(piece).CloudTrailEvent
        found.records.append(_record.decode(text or ""))
    except BAD:
        found.malformed += 1


def _salvaged(text: bytes) -> Read:
    """The whole records of a document that breaks off or breaks in the middle."""
    found = Read()
    characters = text.decode("utf-8", "replace")
    start = characters.find("[")
    if start < 0:
        found.trouble = NO_LOG if _is_json(text) else CORRUPT
        return found
    values = _Values(characters, start + 1)
    for value in values:
        try:
            _take(found, msgspec.json.encode(value))
        except (*BAD, TypeError):
            found.malformed += 1
    if not found.records and _is_json(text):
        return Read(trouble=NO_LOG)
    if not (found.records and values.whole):
        found.trouble = TRUNCATED if found.records else CORRUPT
    return found


class _Values:
    """The objects of a list from a place on, and of those of documents that follow; where it ends."""

    def __init__(self, text: str, at: int) -> None:
        self._text, self._at = text, at

    def __iter__(self) -> Iterator[Any]:
        text, at, decoder = self._text, self._at, json.JSONDecoder()
        while True:
            while at < len(text) and text[at] in " \t\r\n,":
                at += 1
            if another := _ANOTHER.match(text, at):
                at = another.end()
                continue
            self._at = at
            if at >= len(text) or text[at] != "{":
                return
            try:
                value, at = decoder.raw_decode(text, at)
            except (ValueError, RecursionError):
                return
            yield value

    @property
    def whole(self) -> bool:
        """Is nothing left but the end of a document?"""
        return _ENDED.fullmatch(self._text, self._at) is not None


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text)
    except BAD:
        return False
    return True
