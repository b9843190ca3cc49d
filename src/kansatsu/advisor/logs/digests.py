"""Log files held against CloudTrail's digest files: which are missing, and which are not what was delivered.

A digest names the log files of an hour with the SHA-256 of what is in them, unpacked, and the digest before
it likewise.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html

What signs a digest is not checked: the signature is in the metadata of its object, and the public key is AWS's to tell.
Who can write the digests too can make them fit; `aws cloudtrail validate-logs` would see that.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from gzip import GzipFile
from io import BytesIO

import msgspec

from kansatsu.advisor.logs import sources
from kansatsu.advisor.logs.sources import Bucket, LogFile

_FETCHERS = 8  # files that are fetched and hashed at once
_BLOCK = 1 << 20
_LONGEST = 64 << 20  # bytes of a digest, unpacked: many times what an hour of a large account needs
MISSING, ALTERED, CORRUPT = "missing", "altered", "corrupt"


class _Log(msgspec.Struct, rename="camel"):
    s3_object: str
    hash_value: str
    hash_algorithm: str


class _Digest(msgspec.Struct, rename="camel"):
    digest_start_time: datetime
    log_files: list[_Log]
    previous_digest_s3_object: str | None = None
    previous_digest_hash_value: str | None = None
    previous_digest_hash_algorithm: str | None = None


@dataclass(slots=True)
class Checked:
    """`whole` log files are what was delivered, `unlisted` ones are in no digest; troubles as in reading.Result."""

    digests: int = 0
    whole: int = 0
    unlisted: int = 0
    troubles: list[tuple[str, str, int]] = field(default_factory=list)


def check(digests: Sequence[LogFile], files: Iterable[LogFile], bucket: Bucket, since: datetime) -> Checked:
    """Hold files against digests, by their names wherever they are kept. Reads all of them. Raises sources.NotLetIn."""
    found = Checked(len(digests))
    wanted: dict[str, str] = {}  # the name of a file -> SHA-256
    before: dict[str, str] = {}  # of a digest
    made: dict[str, tuple[LogFile, str]] = {}
    with ThreadPoolExecutor(_FETCHERS) as pool:
        for file, data in zip(digests, pool.map(lambda one: _bytes(one.name, bucket), digests), strict=True):
            digest, made[_base(file.name)] = _read(data), (file, _hash(data))
            if digest is None:
                found.troubles.append((file.name, CORRUPT, 0))
            elif digest.digest_start_time >= since:
                wanted |= dict(_listed(digest, since))
                if digest.previous_digest_s3_object:
                    before[_base(digest.previous_digest_s3_object)] = digest.previous_digest_hash_value or ""
        for name, value in before.items():
            kept, is_ = made.get(name, (LogFile(name, "", 0), ""))
            if not (is_ and value == is_) and (kept.name, CORRUPT, 0) not in found.troubles:
                found.troubles.append((kept.name, ALTERED if is_ else MISSING, 0))
        kept_files = {_base(file.name): file for file in files}
        found.troubles += [(name, MISSING, 0) for name in wanted.keys() - kept_files.keys()]
        present = [file for name, file in kept_files.items() if name in wanted]
        found.unlisted = len(kept_files) - len(present)
        for file, is_ in zip(present, pool.map(lambda one: _hash(_bytes(one.name, bucket)), present), strict=True):
            if is_ and is_ == wanted[_base(file.name)]:
                found.whole += 1
            else:
                found.troubles.append((file.name, ALTERED, 0))
    found.troubles.sort()
    return found


def _listed(digest: _Digest, since: datetime) -> Iterator[tuple[str, str]]:
    """The files that would be among those that are read, as sources.listing() has them."""
    for log in digest.log_files:
        if (LogFile(log.s3_object, "", 0).delivered or since) >= since:
            yield _base(log.s3_object), log.hash_value if log.hash_algorithm == "SHA-256" else ""


def _base(name: str) -> str:
    """A file keeps its name where it is unpacked."""
    return name.rpartition("/")[2].removesuffix(".gz")


def _bytes(name: str, bucket: Bucket) -> bytes:
    try:
        return sources.content(name, bucket)
    except OSError:
        return b""  # it is nothing that fits a digest


def _read(data: bytes) -> _Digest | None:
    try:
        text = _unpacked(data).read(_LONGEST + 1)
        digest = msgspec.json.decode(text, type=_Digest) if len(text) <= _LONGEST else None
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError):
        return None
    if digest is not None and digest.digest_start_time.tzinfo is None:
        digest.digest_start_time = digest.digest_start_time.replace(tzinfo=UTC)
    return digest


def _hash(data: bytes) -> str:
    """Of what is in a file; "" of one that cannot be unpacked. Memory is bounded, whatever it unpacks to."""
    made, file = hashlib.sha256(), _unpacked(data)
    try:
        while block := file.read(_BLOCK):
            made.update(block)
    except (OSError, EOFError, zlib.error):
        return ""
    return made.hexdigest()


def _unpacked(data: bytes) -> GzipFile | BytesIO:
    return GzipFile(fileobj=BytesIO(data)) if data.startswith(b"\x1f\x8b") else BytesIO(data)
