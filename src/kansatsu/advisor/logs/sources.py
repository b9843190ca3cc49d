"""Where log files are: directories, single files, and buckets of anything that speaks S3's protocol.

boto3 asks buckets, so that credentials, profiles, endpoints and proxies are those of every other AWS tool.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from kansatsu.advisor.logs.records import MOST_BYTES

_SUFFIXES = (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
# Beside the logs in the same bucket: signatures of the logs, and what CloudTrail found unusual about them; told by the
# folder, and by the name where somebody copied them elsewhere; and what other services deliver there as JSON.
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
# https://docs.aws.amazon.com/config/latest/developerguide/example-configuration-history-notification.html
# https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_exportfindings.html
_NO_LOGS = re.compile(
    r"/(?:\d{12}_)?CloudTrail-(Digest|Insight|Aggregated)|/AWSLogs/(?:o-[a-z0-9]+/)?\d{12}/(Config|GuardDuty)/"
)
# 123456789012_CloudTrail_us-east-1_20261125T2105Z_XXXXXXXXXXXXXXXX.json.gz
_NAME = re.compile(r"\d{12}_CloudTrail_[a-z0-9-]+_(\d{8}T\d{4})Z_[^/]*$")
_S3 = "s3://"
_BUCKET = re.compile(r"[a-zA-Z0-9._-]{1,255}")
_URL = re.compile(r"(?i)s3:|[a-z][a-z0-9+.-]+://")
# What a bucket, and botocore, say of credentials and not of one object.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_CREDENTIALS = frozenset(
    {
        *("ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired", "RequestExpired"),
        *("InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"),
        *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError"),
        *("UnauthorizedSSOTokenError", "SSOTokenLoadError", "RefreshWithMFAUnsupportedError"),
    }
)
# What one object is refused with: in the same words for all, which are told once.
_OF_AN_OBJECT = {
    "AccessDenied": "AccessDenied: s3:GetObject, or kms:Decrypt with its key, is not allowed",
    "NoSuchKey": "gone since it was listed",
}


class NoSource(Exception):
    """Logs that cannot be listed; the message is a sentence for the user."""


class NoFile(NoSource):
    """A path that cannot be read."""


class NotLetIn(NoSource):
    """Credentials that a bucket takes no more, or that cannot be had: no further object can be read."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """How buckets are asked; None: as the AWS configuration says."""

    profile: str | None = None
    endpoint: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file by its path or s3:// URL. `tag` changes with its content: size and time, or the ETag of an object."""

    name: str
    tag: str
    size: int

    @property
    def delivered(self) -> datetime | None:
        """When CloudTrail began to write it, by its name."""
        match = _NAME.search(self.name)
        try:
            return datetime.fromisoformat(match[1]).replace(tzinfo=UTC) if match else None
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Listing:
    """The files, oldest delivery first; how many are left out because all in them is older than what is asked for; and
    how many are no logs of events, by their kind: Digest, Insight, Aggregated, Config, GuardDuty.
    `digests`: those of the first kind.
    """

    files: list[LogFile]
    older: int
    beside: dict[str, int]
    digests: list[LogFile]


def listing(logs: Iterable[str], bucket: Bucket, since: datetime | None) -> Listing:
    """A file that is named counts whatever it is called, unless CloudTrail calls it no log. Raises NoSource."""
    found: dict[str, LogFile] = {}
    beside: dict[str, tuple[str, LogFile]] = {}
    for text in logs:
        for file in _objects(text, bucket) if text.startswith(_S3) else _files(text):
            if kind := _NO_LOGS.search("/" + file.name.removeprefix(_S3)):
                beside[file.name] = kind[kind.lastindex or 0], file
            else:
                found.setdefault(file.name, file)
    # Events are delivered late, never early: what a file has is older than its name says.
    oldest = datetime.min.replace(tzinfo=UTC)
    dated = ((file.delivered, file) for file in found.values())
    wanted = [(date or oldest, file.name, file) for date, file in dated if not (since and date) or date >= since]
    files = [file for _, _, file in sorted(wanted)]
    kinds = dict(sorted(Counter(kind for kind, _ in beside.values()).items()))
    digests = [file for kind, file in beside.values() if kind == "Digest"]
    return Listing(files, len(found) - len(files), kinds, digests)


def _files(text: str) -> Iterator[LogFile]:
    path = Path(text)
    try:
        if path.is_dir():
            yield from _below(str(path))
        else:
            yield _file(str(path), path.stat())
    except OSError as error:
        if _URL.match(text):
            raise NoFile(
                f"{text} is no place of logs: they are read from directories, files and s3://BUCKET/PREFIX."
            ) from None
        raise NoFile(f"{error.filename or path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise NoFile(f"{str(path)!r} cannot be the name of a file.") from None


def _below(directory: str) -> Iterator[LogFile]:
    """What has the name of a log, however deep; no link to a folder is followed, which could lead in a circle.

    Pipes and devices are no logs: reading one may never end. A link to nothing is a file that cannot be read.
    """
    folders: list[str] = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif entry.name.endswith(_SUFFIXES):
                if entry.is_symlink() and not os.path.exists(entry.path):
                    yield LogFile(entry.path.removeprefix("./"), "", 0)
                elif entry.is_file():
                    yield _file(entry.path, entry.stat())
    for folder in folders:
        yield from _below(folder)


def _file(name: str, status: os.stat_result) -> LogFile:
    return LogFile(name.removeprefix("./"), f"{status.st_size}-{status.st_mtime_ns}", status.st_size)


def _objects(url: str, bucket: Bucket) -> Iterator[LogFile]:
    import botocore.exceptions

    name, _, prefix = url.removeprefix(_S3).partition("/")
    if not _BUCKET.fullmatch(name):
        raise NoFile(f"{url} names no bucket; a URL is like s3://BUCKET/AWSLogs.")
    try:
        pages = client(bucket).get_paginator("list_objects_v2").paginate(Bucket=name, Prefix=prefix)
        for page in pages:
            for item in page.get("Contents", ()):
                key = item["Key"]
                if key == prefix or key.endswith(_SUFFIXES):
                    yield LogFile(f"{_S3}{name}/{key}", item["ETag"].strip('"'), item["Size"])
    except ValueError as error:  # of a URL of the endpoint that is none
        raise NoFile(f"{url} cannot be listed: {error}.") from None
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        raise NoSource(f"{url} cannot be listed: {_said(error)}.") from None


def _said(error: Exception) -> str:
    """What a bucket or botocore says, without a full stop."""
    answer = getattr(error, "response", {}).get("Error", {})
    said = f"{answer.get('Code')}: {answer['Message']}" if answer.get("Message") else str(error)
    return " ".join(said.split()).rstrip(".")


def client(bucket: Bucket) -> Any:
    """A client of S3. Raises botocore's exceptions.

    INVARIANT: a process asks over connections that it opened itself: over one from before a fork, two processes would
    take each other's answers for theirs.
    """
    return _client(bucket, os.getpid())


@lru_cache(maxsize=4)
def _client(bucket: Bucket, process: int) -> Any:
    import boto3
    from botocore.config import Config

    session = boto3.session.Session(profile_name=bucket.profile, region_name=bucket.region)
    config = Config(retries={"mode": "standard", "total_max_attempts": 5}, max_pool_connections=16)
    return session.client("s3", endpoint_url=bucket.endpoint, config=config)


def content(name: str, bucket: Bucket) -> bytes:
    """The bytes of a file, of one that is too large a beginning that shows it.

    Raises OSError, also for what a bucket answers, and NotLetIn.
    """
    if not name.startswith(_S3):
        with Path(name).open("rb") as file:
            return file.read(MOST_BYTES + 1)
    import botocore.exceptions

    holder, _, key = name.removeprefix(_S3).partition("/")
    try:
        data: bytes = client(bucket).get_object(Bucket=holder, Key=key)["Body"].read(MOST_BYTES + 1)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        code = getattr(error, "response", {}).get("Error", {}).get("Code", type(error).__name__)
        said = _OF_AN_OBJECT.get(code) or _said(error)
        raise NotLetIn(f"{name} cannot be read: {said}") if code in _CREDENTIALS else OSError(5, said, name) from None
    return data
