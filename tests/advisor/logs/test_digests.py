"""A log file that a digest names is there and unaltered, or it is named."""

import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kansatsu.advisor.logs import digests, sources
from kansatsu.advisor.logs.sources import Bucket

ACCOUNT = "123456789012"
BUCKET = Bucket()
SINCE = datetime(2026, 11, 1, tzinfo=UTC)
LOGS, DIGESTS = f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1", f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/us-east-1"


def log(hour: int, number: int) -> str:
    return f"{LOGS}/2026/11/05/{ACCOUNT}_CloudTrail_us-east-1_20261105T{hour:02}0{number}Z_{hour:08}{number:08}.json.gz"


def digest(hour: int) -> str:
    name = f"{ACCOUNT}_CloudTrail-Digest_us-east-1_trail_us-east-1_20261105T{hour + 1:02}0000Z.json.gz"
    return f"{DIGESTS}/2026/11/05/{name}"


def write(root: Path, key: str, content: Any) -> str:
    """A packed file; the SHA-256 of what is in it."""
    text = json.dumps(content).encode()
    (root / key).parent.mkdir(parents=True, exist_ok=True)
    (root / key).write_bytes(gzip.compress(text))
    return hashlib.sha256(text).hexdigest()


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    """Three hours with two files each, as CloudTrail delivers them with their digests."""
    before: dict[str, Any] = {"previousDigestS3Object": None, "previousDigestHashValue": None}
    for hour in range(3):
        listed = []
        for number in range(2):
            value = write(tmp_path, log(hour, number), {"Records": [{"eventID": f"{hour} {number}"}]})
            listed.append(
                {"s3Bucket": "b", "s3Object": log(hour, number), "hashValue": value, "hashAlgorithm": "SHA-256"}
            )
        made = {
            "awsAccountId": ACCOUNT,
            "digestStartTime": f"2026-11-05T{hour:02}:00:00Z",
            "digestS3Object": digest(hour),
            "logFiles": listed,
            **before,
        }
        value = write(tmp_path, digest(hour), made)
        before = {"previousDigestS3Object": digest(hour), "previousDigestHashValue": value}
    return tmp_path


def checked(root: Path, since: datetime = SINCE) -> digests.Checked:
    listed = sources.listing([str(root)], BUCKET, since)
    return digests.check(listed.digests, listed.files, BUCKET, since)


def found(root: Path) -> list[tuple[str, str]]:
    return [(name.rpartition("/")[2], why) for name, why, _ in checked(root).troubles]


def test_what_was_delivered_is_whole(trail: Path) -> None:
    said = checked(trail)
    assert (said.digests, said.whole, said.unlisted, said.troubles) == (3, 6, 0, [])
    write(trail, log(3, 0), {"Records": []})  # its digest comes within the hour
    assert (checked(trail).whole, checked(trail).unlisted) == (6, 1)


def altered(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"1", b"2", 1)))


ATTACKS: list[tuple[Callable[[Path], Any], str]] = [
    (Path.unlink, "missing"),
    (altered, "altered"),
    (lambda path: path.write_bytes(path.read_bytes()[:-9]), "altered"),
    (lambda path: path.write_bytes(b""), "altered"),
]


# INVARIANT: a log file that was taken away or altered after it was delivered is a gap with its name.
@pytest.mark.parametrize(("attack", "why"), ATTACKS)
def test_an_attack_on_a_log_file(trail: Path, attack: Callable[[Path], Any], why: str) -> None:
    attack(trail / log(1, 1))
    name = log(1, 1).rpartition("/")[2]
    assert found(trail) == [(name.removesuffix(".gz") if why == "missing" else name, why)]
    assert checked(trail).whole == 5


@pytest.mark.parametrize(("attack", "why"), [ATTACKS[0], (altered, "altered")])
def test_an_attack_on_a_digest(trail: Path, attack: Callable[[Path], Any], why: str) -> None:
    """To take it away would hide the log files that it names; the one after it names it."""
    attack(trail / digest(1))
    assert (digest(1).rpartition("/")[2].removesuffix(".gz" if why == "missing" else ""), why) in found(trail)


@pytest.mark.parametrize("data", [b"", b"x", gzip.compress(b"[]"), gzip.compress(b"{}")[:-3]])
def test_a_digest_that_cannot_be_read(trail: Path, data: bytes) -> None:
    (trail / digest(1)).write_bytes(data)
    assert found(trail) == [(digest(1).rpartition("/")[2], "corrupt")]


def test_a_copy_is_known_by_its_name_packed_or_not(trail: Path, tmp_path: Path) -> None:
    path = trail / log(0, 0)
    (trail / path.name.removesuffix(".gz")).write_bytes(gzip.decompress(path.read_bytes()))
    path.unlink()
    assert found(trail) == []
    assert checked(trail).whole == 6


def test_what_is_older_than_was_asked_for_is_not_missing(trail: Path) -> None:
    """A bucket's lifecycle deletes old logs; their digests, too, are of no account."""
    (trail / log(0, 0)).unlink()
    (trail / digest(0)).unlink()
    since = datetime(2026, 11, 5, 2, tzinfo=UTC)
    said = checked(trail, since)
    assert (said.whole, said.troubles) == (2, [])
