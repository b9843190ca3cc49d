"""Where log files are: directories, single files, and buckets of anything that speaks S3's protocol.

boto3 asks buckets, so that credentials, profiles, endpoints and proxies are those of every other AWS tool.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

_SUFFIXES = (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
# Beside the logs in the same bucket: signatures of the logs, and what CloudTrail found unusual about them.
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
_NO_LOGS = re.compile(r"/CloudTrail-(Digest|Insight|Aggregated)[^/]*/")
# 123456789012_CloudTrail_us-east-1_20261125T2105Z_XXXXXXXXXXXXXXXX.json.gz
_NAME = re.compile(r"\d{12}_CloudTrail_[a-z0-9-]+_(\d{8}T\d{4})Z_[^/]*$")
_S3 = "s3://"


class NoSource(Exception):
    """Logs that cannot be listed; the message is a sentence for the user."""


class NoFile(NoSource):
    """A path that cannot be read."""


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
            return datetime.strptime(match[1], "%Y%m%dT%H%M").replace(tzinfo=UTC) if match else None
        except ValueError:
            return None


def listing(logs: Iterable[str], bucket: Bucket, since: datetime | None) -> tuple[list[LogFile], int]:
    """The files, oldest delivery first, and how many are left out because all in them is older than `since`.

    A file that is named counts whatever it is called. Raises NoSource.
    """
    found: dict[str, LogFile] = {}
    for text in logs:
        for file in _objects(text, bucket) if text.startswith(_S3) else _files(Path(text)):
            found.setdefault(file.name, file)
    # Events are delivered late, never early: what a file has is older than its name says.
    wanted = [file for file in found.values() if since is None or (file.delivered or since) >= since]
    oldest = datetime.min.replace(tzinfo=UTC)
    return sorted(wanted, key=lambda file: (file.delivered or oldest, file.name)), len(found) - len(wanted)


def _files(path: Path) -> Iterator[LogFile]:
    try:
        if not path.is_dir():
            yield _file(path)
            return
        for directory, folders, names in path.walk() if hasattr(path, "walk") else _walk(path):
            folders.sort()
            for name in sorted(names):
                if name.endswith(_SUFFIXES) and not _NO_LOGS.search(f"{directory}/"):
                    yield _file(directory / name)
    except OSError as error:
        raise NoFile(f"{error.filename or path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise NoFile(f"{str(path)!r} cannot be the name of a file.") from None


def _walk(path: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    import os

    for directory, folders, names in os.walk(path, onerror=_raise):
        yield Path(directory), folders, names


def _raise(error: OSError) -> None:
    raise error


def _file(path: Path) -> LogFile:
    status = path.stat()
    return LogFile(str(path), f"{status.st_size}-{status.st_mtime_ns}", status.st_size)


def _objects(url: str, bucket: Bucket) -> Iterator[LogFile]:
    import botocore.exceptions

    name, _, prefix = url.removeprefix(_S3).partition("/")
    try:
        pages = client(bucket).get_paginator("list_objects_v2").paginate(Bucket=name, Prefix=prefix)
        for page in pages:
            for item in page.get("Contents", ()):
                key = item["Key"]
                if key == prefix or (key.endswith(_SUFFIXES) and not _NO_LOGS.search("/" + key)):
                    yield LogFile(f"{_S3}{name}/{key}", item["ETag"].strip('"'), item["Size"])
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        raise NoSource(f"{url} cannot be listed: {' '.join(str(error).split())}") from None


@lru_cache(maxsize=4)
def client(bucket: Bucket) -> Any:
    """A client of S3; one for each process. Raises botocore's exceptions."""
    import boto3
    from botocore.config import Config

    session = boto3.session.Session(profile_name=bucket.profile, region_name=bucket.region)
    config = Config(retries={"mode": "standard", "total_max_attempts": 5}, max_pool_connections=16)
    return session.client("s3", endpoint_url=bucket.endpoint, config=config)


def content(name: str, bucket: Bucket) -> bytes:
    """All bytes of a file. Raises OSError; what a bucket answers becomes one."""
    if not name.startswith(_S3):
        return Path(name).read_bytes()
    import botocore.exceptions

    holder, _, key = name.removeprefix(_S3).partition("/")
    try:
        data: bytes = client(bucket).get_object(Bucket=holder, Key=key)["Body"].read()
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        raise OSError(5, " ".join(str(error).split()), name) from None
    return data


def age(text: str) -> timedelta:
    """`400d`, `36h`. Raises ValueError."""
    match = re.fullmatch(r"(\d{1,5})([dh])", text, re.ASCII)
    if match is None:
        raise ValueError(text)
    return timedelta(**{{"d": "days", "h": "hours"}[match[2]]: int(match[1])})
