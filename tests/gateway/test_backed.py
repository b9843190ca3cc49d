"""A bucket keeps its owner while a request is at work in it; a backend of one account serves that account alone."""

import http.client
import time
from pathlib import Path
from typing import Any

import pytest

from kansatsu.backends import Credentials, UrlBackend
from kansatsu.clock import SystemClock
from kansatsu.errors import Unimplemented
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.gateway.occupancy import Occupancy

from . import raw
from .conftest import ACCOUNT, SECOND, WAIT, Gateway
from .test_accounts import code_of


class Upload:
    """A PUT of which half is sent; it holds its place in the bucket until it is finished."""

    def __init__(self, gateway: Gateway, bucket: str, occupancy: Occupancy) -> None:
        body = b"x" * 100
        ask = raw.Ask("PUT", f"/{bucket}/k", body=body, headers={"content-length": str(len(body))})
        signed = raw.sign(ask, gateway.admin, "s3", host=gateway.host)
        self._connection = http.client.HTTPConnection(*gateway.address, timeout=WAIT)
        self._connection.putrequest("PUT", f"/{bucket}/k", True, True)
        for name, value in signed.headers.items():
            self._connection.putheader(name, value)
        self._connection.endheaders(body[:50])
        self._rest = body[50:]
        limit = time.monotonic() + WAIT
        while bucket not in occupancy._at_work:
            assert time.monotonic() < limit
            time.sleep(0.01)

    def finish(self) -> int:
        self._connection.send(self._rest)
        with self._connection.getresponse() as answer:
            status = answer.status
        self._connection.close()
        return status


@pytest.fixture
def occupancy(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Occupancy:
    """The gateway's, without patience."""
    assert gateway.stranger  # with two accounts a bucket may change hands
    found: Occupancy = gateway.pipeline._backed._occupancy
    monkeypatch.setattr(found, "_patience", 0)
    return found


# INVARIANT: no bucket changes hands under a request that was authorized in it.
def test_attack_a_bucket_that_is_made_again_during_an_upload(gateway: Gateway, occupancy: Occupancy) -> None:
    mine, theirs = gateway.client("s3"), gateway.client("s3", gateway.stranger)
    name = gateway.bucket()
    upload = Upload(gateway, name, occupancy)
    assert code_of(mine.delete_bucket, Bucket=name) == "OperationAborted"
    assert code_of(theirs.create_bucket, Bucket=name) == "BucketAlreadyExists"
    assert upload.finish() == 200
    mine.delete_object(Bucket=name, Key="k")
    upload = Upload(gateway, gateway.name("not-there"), occupancy)  # nobody's yet: authorized as one's own
    name = next(iter(occupancy._at_work))
    assert code_of(theirs.create_bucket, Bucket=name) == "OperationAborted"
    assert upload.finish() == 404
    theirs.create_bucket(Bucket=name)
    assert code_of(mine.get_object, Bucket=name, Key="k") == "AccessDenied"


def test_attack_nobody_holds_up_what_is_anothers(gateway: Gateway, occupancy: Occupancy) -> None:
    """Who may not delete a bucket does not keep its users waiting by trying."""
    name = gateway.bucket()
    upload = Upload(gateway, name, occupancy)
    for keys in (gateway.stranger, gateway.user()):
        assert code_of(gateway.client("s3", keys).delete_bucket, Bucket=name) == "AccessDenied"
    assert not occupancy._changing
    assert upload.finish() == 200


# INVARIANT: the credentials of one account never do anything in the name of another.
async def test_a_backend_at_a_url_is_the_first_accounts(tmp_path: Path) -> None:
    backend = UrlBackend("http://127.0.0.1:1", Credentials("a", "b"), SystemClock())
    forwarder = Forwarder({"s3": backend}, backend, ACCOUNT)
    assert forwarder.backend("s3", ACCOUNT) is backend
    assert not forwarder.keeps_apart("s3")
    calls: list[Any] = [
        lambda: forwarder.backend("sqs", SECOND),
        lambda: forwarder.backend("s3", SECOND),
    ]
    for call in calls:
        with pytest.raises(Unimplemented, match=f"belongs to account {ACCOUNT}; account {SECOND} has nothing there"):
            call()
    with pytest.raises(Unimplemented):
        await forwarder.ask(SECOND, "us-east-1", "s3", "ListBuckets", {})
