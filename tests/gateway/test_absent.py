"""Who may not list a bucket does not learn which objects are not in it."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.errors import AwsError

from . import raw
from .conftest import Gateway
from .raw import Ask, statement

READS: dict[str, dict[str, Any]] = {
    "get_object": {},
    "head_object": {},
    "get_object_attributes": {"ObjectAttributes": ["ETag"]},
}


@pytest.fixture(name="bucket", scope="module")
def a_bucket(gateway: Gateway) -> str:
    bucket = gateway.bucket()
    gateway.client("s3").put_object(Bucket=bucket, Key="there", Body=b"x")
    return bucket


@pytest.mark.parametrize("read", READS)
def test_an_object_that_is_not_there_is_denied_without_list_bucket(gateway: Gateway, bucket: str, read: str) -> None:
    """The attack: guess names, and tell by the error which of them exist."""
    reads = statement("Allow", ["s3:GetObject", "s3:GetObjectAttributes"], f"arn:aws:s3:::{bucket}*")
    keys = gateway.user(reads)
    reader = gateway.client("s3", keys)
    raw.closed(getattr(reader, read)(Bucket=bucket, Key="there", **READS[read]))
    with pytest.raises(ClientError) as denied:
        getattr(reader, read)(Bucket=bucket, Key="not-there", **READS[read])
    assert denied.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    event = gateway.events(keys)[0]
    assert (event.action, event.resource, event.error) == ("ListBucket", f"arn:aws:s3:::{bucket}", "AccessDenied")
    if read != "head_object":
        assert f'not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::{bucket}"' in str(denied.value)
    both = gateway.user(reads, statement("Allow", "s3:ListBucket", f"arn:aws:s3:::{bucket}"))
    lister = gateway.client("s3", both)
    with pytest.raises(ClientError) as absent:
        getattr(lister, read)(Bucket=bucket, Key="not-there", **READS[read])
    assert absent.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    # A use of it, which whoever learns from the record needs.
    assert "ListBucket" in {event.action for event in gateway.events(both) if event.allowed}
    with pytest.raises(ClientError) as nowhere:  # whether a bucket is there S3 tells everybody
        getattr(reader, read)(Bucket=f"{bucket}-not", Key="there", **READS[read])
    assert nowhere.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


CSV: dict[str, Any] = {"InputSerialization": {"CSV": {}}, "OutputSerialization": {"CSV": {}}}
SELECT = {"ExpressionType": "SQL", "Expression": "select * from s3object s", **CSV}


@pytest.mark.parametrize("call", ["select_object_content", "copy_object", "upload_part_copy"])
def test_nor_by_another_way_to_read_it(gateway: Gateway, bucket: str, call: str) -> None:
    """The attack: what s3:GetObject allows as well, a copy into a bucket of one's own above all."""
    own, s3 = gateway.bucket(), gateway.client("s3")
    to: dict[str, Any] = {"Bucket": own, "Key": "to"}
    if call == "upload_part_copy":
        to |= {"UploadId": s3.create_multipart_upload(Bucket=own, Key="to")["UploadId"], "PartNumber": 1}
    may = (
        statement("Allow", "s3:GetObject", f"arn:aws:s3:::{bucket}*"),
        statement("Allow", "s3:*", f"arn:aws:s3:::{own}*"),
    )
    reader = gateway.user(*may)
    lister = gateway.user(*may, statement("Allow", "s3:ListBucket", f"arn:aws:s3:::{bucket}*"))

    def answered(keys: raw.Keys, of: str, key: str, **other: str) -> tuple[int, str]:
        how = {"Bucket": of, "Key": key, **SELECT} if "select" in call else {**to, "CopySource": f"{of}/{key}", **other}
        try:
            raw.closed(getattr(gateway.client("s3", keys), call)(**how))
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Message"]
        return 200, ""

    assert answered(reader, bucket, "there")[0] == 200
    status, text = answered(reader, bucket, "not-there")
    assert status == 403 and f'perform: s3:ListBucket on resource: "arn:aws:s3:::{bucket}"' in text
    assert answered(lister, bucket, "not-there")[0] == 404
    assert answered(reader, f"{bucket}-not", "there")[0] == 404
    if "select" not in call:
        assert answered(reader, bucket, "there", Bucket=f"{own}-not")[0] == 404
    if call == "upload_part_copy":
        assert answered(reader, bucket, "there", UploadId="not")[0] == 404


def test_strangers_learn_no_more(gateway: Gateway) -> None:
    bucket, everybody = gateway.bucket(), {"Principal": "*"}
    public = statement("Allow", "s3:GetObject", f"arn:aws:s3:::{bucket}/*") | everybody
    gateway.client("s3").put_bucket_policy(Bucket=bucket, Policy=raw.document(public))
    before = len(gateway.recorder.recent(2000))
    assert gateway.send(Ask("GET", f"/{bucket}/not-there")).status == 403
    assert len(gateway.recorder.recent(2000)) == before, "who must sign fills no record"
    listed = statement("Allow", "s3:ListBucket", f"arn:aws:s3:::{bucket}") | everybody
    gateway.client("s3").put_bucket_policy(Bucket=bucket, Policy=raw.document(public, listed))
    assert gateway.send(Ask("GET", f"/{bucket}/not-there")).status == 404


@pytest.mark.parametrize("status", [403, 503])
def test_a_backend_that_does_not_say_whether_there_is_a_bucket(
    gateway: Gateway, bucket: str, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """INVARIANT: what cannot be told apart is denied."""
    forwarder = gateway.pipeline._backed._forwarder
    ask = forwarder.ask

    async def asked(account: str, region: str, service: str, operation: str, params: dict[str, Any]) -> Any:
        if operation == "HeadBucket":
            raise AwsError("no", code="Forbidden", status=status)
        return await ask(account, region, service, operation, params)

    monkeypatch.setattr(forwarder, "ask", asked)
    keys = gateway.user(statement("Allow", "s3:GetObject", "*"))
    assert gateway.ask(Ask("GET", f"/{bucket}/not-there"), keys, "s3").status == 403


@pytest.fixture
def observing(gateway: Gateway) -> Iterator[Gateway]:
    gateway.pipeline._observe = True
    yield gateway
    gateway.pipeline._observe = False


def test_observing_tells_it(observing: Gateway, bucket: str) -> None:
    keys = observing.user(statement("Allow", "s3:GetObject", "*"))
    got = observing.ask(Ask("GET", f"/{bucket}/not-there"), keys, "s3")
    assert (got.status, got.code) == (404, "NoSuchKey") and got.headers["x-kansatsu-would-deny"]
    told = {(event.action, event.would_deny != "") for event in observing.events(keys)}
    assert told == {("GetObject", False), ("ListBucket", True)}
