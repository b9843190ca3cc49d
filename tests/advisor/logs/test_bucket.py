"""Logs in a bucket of a server of ours: each object's content counts as its own, however many processes read."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from kansatsu.advisor.logs import reading, sources
from kansatsu.advisor.logs.cache import Cache
from kansatsu.advisor.logs.sources import Bucket
from kansatsu.advisor.logs.summary import unpack
from kansatsu.cli.root import cli
from kansatsu.testing import Kansatsu, environment

from .trail import ACCOUNT, delivered, record, user

BUCKET = "trail"
OBJECTS = 96


@pytest.fixture(scope="module")
def server() -> Iterator[Kansatsu]:
    with Kansatsu() as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for number in range(OBJECTS):
            # Of different lengths: whoever reads another's answer gets a part of it, or too much.
            body = delivered([record(user(f"u{number}", f"AIDA{number}"))] * (1 + number % 7))
            s3.put_object(Bucket=BUCKET, Key=key(number), Body=body)
        yield server


def key(number: int) -> str:
    place = f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/11/20/{ACCOUNT}_CloudTrail_us-east-1_20261120T"
    return f"{place}{number:04}Z_{number:016X}.json.gz"


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_an_object_is_never_taken_for_another(
    server: Kansatsu, tmp_path: Path, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is asked for by who starts the workers, over a connection that stays open: it must not become theirs."""
    monkeypatch.setattr(reading, "_WORTH_A_POOL", 0)
    monkeypatch.setattr(reading, "_AT_ONCE", 2)
    bucket = Bucket(endpoint=server.endpoint, region="us-east-1")
    with environment(server.environ()), closing(Cache(tmp_path)) as cache:
        files = sources.listing([f"s3://{BUCKET}/AWSLogs"], bucket, None).files
        found = reading.read(files, bucket, cache, processes, lambda done, size: None)
        assert [name for name, trouble, _ in found.troubles if trouble] == []
        said = {tuple(names): unpack(cache.batch(id_).totals).rows for id_, names in cache.batches().items()}
    numbers = {f"s3://{BUCKET}/{key(number)}": number for number in range(OBJECTS)}
    assert {name for names in said for name in names} == numbers.keys()
    for names, rows in said.items():
        assert {caller.id for caller, *_ in rows} == {f"AIDA{numbers[name]}" for name in names}


def test_credentials_that_end_in_the_middle(server: Kansatsu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one trouble for each object that is left: the run ends, keeps what it read, and goes on later."""
    monkeypatch.setattr(reading, "_AT_ONCE", 8)
    monkeypatch.setattr(reading, "_MOST_AT_ONCE", 8)
    iam = server.client("iam")
    iam.create_user(UserName="reader")
    iam.attach_user_policy(UserName="reader", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    keys = iam.create_access_key(UserName="reader")["AccessKey"]
    environ = {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"]}

    def turn(status: str) -> None:
        iam.update_access_key(UserName="reader", AccessKeyId=keys["AccessKeyId"], Status=status)

    bucket = Bucket(endpoint=server.endpoint, region="us-east-1")
    with environment(server.environ() | environ), closing(Cache(tmp_path)) as cache:
        sources._client.cache_clear()
        files = sources.listing([f"s3://{BUCKET}/AWSLogs"], bucket, None).files
        with pytest.raises(sources.NotLetIn, match="InvalidAccessKeyId"):
            reading.read(files, bucket, cache, 1, lambda done, size: turn("Inactive"))
        turn("Active")
        found = reading.read(files, bucket, cache, 1, lambda done, size: None)
    sources._client.cache_clear()
    assert (found.known, found.read, found.totals.events) == (8, OBJECTS - 8, OBJECTS)


def test_files_beside_the_logs_are_named_and_not_read(server: Kansatsu, tmp_path: Path) -> None:
    """Signatures of the logs, and Insights events: in folders of their own, or copied among the logs."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket="beside")
    name = f"{ACCOUNT}_CloudTrail-{{}}_us-east-1_main_us-east-1_20261120T100000Z.json.gz"
    digest, insight = name.format("Digest"), name.format("Insight")
    place = f"AWSLogs/o-1a2b3c4d5e/{ACCOUNT}/CloudTrail{{}}/us-east-1/2026/11/20/"
    log = place.format("") + f"{ACCOUNT}_CloudTrail_us-east-1_20261120T1005Z_0000000000000001.json.gz"
    for key in (
        log,
        place.format("-Digest") + digest,
        place.format("-Digest") + digest.replace(".json", "_backfill.json"),
        place.format("-Insight") + insight,
        f"AWSLogs/{ACCOUNT}/Config/us-east-1/2026/11/20/ConfigHistory/{ACCOUNT}_Config_us-east-1_x.json.gz",
        f"AWSLogs/{ACCOUNT}/GuardDuty/us-east-1/2026/11/20/x.jsonl.gz",
        digest,
        insight,
    ):
        s3.put_object(Bucket="beside", Key=key, Body=delivered([record()]))
    (tmp_path / "details.json").write_text('{"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": []}')
    with environment(server.environ()):
        arguments = ["--authorization-details", str(tmp_path / "details.json"), "--endpoint-url", server.endpoint]
        told = CliRunner().invoke(
            cli, ["analyze", "s3://beside", *arguments, "--out", str(tmp_path / "out"), "-o", "json"]
        )
        assert told.exit_code == 0, told.output
        alone = CliRunner().invoke(cli, ["analyze", f"s3://beside/{digest}", *arguments, "--out", str(tmp_path / "no")])
    assert "1 file: 1 call.\n" in told.stderr
    beside = "1 Config file, 3 Digest files, 1 GuardDuty file and 2 Insight files beside the logs"
    assert f"{beside}: no events are in them, and none was read." in told.stderr
    assert json.loads((tmp_path / "out" / "report.json").read_text())["filesBeside"] == {
        "Config": 1,
        "Digest": 3,
        "GuardDuty": 1,
        "Insight": 2,
    }
    assert (alone.exit_code, alone.stdout) == (1, "")
    assert "There is no log file" in alone.stderr and "1 Digest file beside the logs" in alone.stderr


def test_objects_that_change_before_they_are_read(server: Kansatsu, tmp_path: Path) -> None:
    """Denied ones are one gap in the same words; one that is gone or other by then is read as it is, and read again."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket="changing")
    keys = [key(number) for number in range(6)]
    for number, name in enumerate(keys):
        s3.put_object(Bucket="changing", Key=name, Body=delivered([record(user(f"u{number}", f"AIDA{number}"))]))
    bucket = Bucket(endpoint=server.endpoint, region="us-east-1")
    with environment(server.environ()), closing(Cache(tmp_path)) as cache:
        files = sources.listing(["s3://changing"], bucket, None).files
        s3.delete_object(Bucket="changing", Key=keys[0])
        s3.put_object(Bucket="changing", Key=keys[1], Body=delivered([record(), record()]))
        denied = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject"}
        denied["Resource"] = [f"arn:aws:s3:::changing/{name}" for name in keys[2:4]]
        s3.put_bucket_policy(Bucket="changing", Policy=json.dumps({"Version": "2012-10-17", "Statement": [denied]}))
        found = reading.read(files, bucket, cache, 1, lambda done, size: None)
        refused = "AccessDenied: s3:GetObject, or kms:Decrypt with its key, is not allowed"
        assert [(name.rpartition("/")[2], why) for name, why, _ in found.troubles] == [
            (keys[0].rpartition("/")[2], "gone since it was listed"),
            *((name.rpartition("/")[2], refused) for name in keys[2:4]),
        ]
        assert found.totals.events == 4
        s3.delete_bucket_policy(Bucket="changing")
        files = sources.listing(["s3://changing"], bucket, None).files
        found = reading.read(files, bucket, cache, 1, lambda done, size: None)
        assert (found.totals.events, found.troubles) == (6, [])


@pytest.mark.parametrize(
    "name",
    ["my logs/a b.json.gz", "ünï/日志.json.gz", "p%20q/a%2Fb.json", "a+b/c+d.jsonl", "we?ird#x/y&z=1.json",
     "two//slashes.json", "./dot/x.json", "q'uo\"te.json", "~/home.json", "zipped.json"],
)  # fmt: skip
def test_keys_as_they_come(server: Kansatsu, name: str) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="keys")
    packed = {"ContentEncoding": "gzip"} if name == "zipped.json" else {}
    body = delivered([record()])
    s3.put_object(Bucket="keys", Key=name, Body=body, **packed)
    bucket = Bucket(endpoint=server.endpoint, region="us-east-1")
    with environment(server.environ()):
        for prefix in (name, name[:1]):
            (file,) = (one for one in sources.listing([f"s3://keys/{prefix}"], bucket, None).files if name in one.name)
            assert sources.content(file.name, bucket) == body
    s3.delete_object(Bucket="keys", Key=name)


def test_more_objects_than_a_page_has(server: Kansatsu) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="pages")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: s3.put_object(Bucket="pages", Key=key(number), Body=b""), range(1001)))
    with environment(server.environ()):
        listed = sources.listing(["s3://pages/"], Bucket(endpoint=server.endpoint, region="us-east-1"), None)
    assert sorted(file.name for file in listed.files) == [f"s3://pages/{key(number)}" for number in range(1001)]


_PLACES = "are read from directories, files and s3://BUCKET/PREFIX"


@pytest.mark.parametrize(
    ("url", "options", "code", "said"),
    [
        ("s3://", (), 2, "s3:// names no bucket; a URL is like s3://BUCKET/AWSLogs."),
        ("s3://a bucket/x", (), 2, "s3://a bucket/x names no bucket"),
        ("s3:/trail", (), 2, _PLACES),
        ("S3://trail", (), 2, _PLACES),
        ("https://trail.s3.amazonaws.com/AWSLogs", (), 2, "https://trail.s3.amazonaws.com/AWSLogs is no place of logs"),
        ("s3://trail", ("--endpoint-url", "nonsense"), 2, "s3://trail cannot be listed: Invalid endpoint: nonsense."),
        ("s3://trail", ("--profile", "nobody"), 1, "The config profile (nobody) could not be found."),
        ("s3://not-there", (), 1, "cannot be listed: NoSuchBucket: The specified bucket does not exist."),
        ("s3://trail/nothing", (), 1, "There is no log file"),
    ],
)
def test_places_that_are_none(
    server: Kansatsu, tmp_path: Path, url: str, options: tuple[str, ...], code: int, said: str
) -> None:
    """Each a sentence, and no report."""
    (tmp_path / "details.json").write_text('{"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": []}')
    arguments = ["--authorization-details", str(tmp_path / "details.json"), "--out", str(tmp_path / "out")]
    with environment(server.environ()):
        done = CliRunner().invoke(cli, ["analyze", url, *arguments, *options])
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (code, "", 1)
    assert said in done.stderr
