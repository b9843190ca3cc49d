"""DeleteObjects: what policy denies of it is told key by key, the rest is deleted.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""

import base64
import hashlib
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from time import time
from typing import Any

import pytest

from kansatsu.advisor import history, trail
from kansatsu.backends import BackendResponse
from kansatsu.http import HttpRequest

from .conftest import ACCOUNT, Gateway
from .raw import Ask, Keys, statement
from .test_bucket_policies import put, says

MINE = ["mine/a", "mine/ä&<b>", "mine/line\rfeed", "mine/"]
THEIRS = ["secret", "mine", "mine/line\rfeed\r"]


@pytest.fixture
def bodies(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> list[HttpRequest]:
    """The deletions that the backend is sent."""
    found: list[HttpRequest] = []
    call = gateway.backend.call

    async def watched(
        account: str,
        region: str,
        service: str,
        request: HttpRequest,
        body: AsyncIterator[bytes] | None = None,
        **more: Any,
    ) -> BackendResponse:
        if request.method == "POST" and request.query.startswith("delete"):
            found.append(request)
        return await call(account, region, service, request, body, **more)

    monkeypatch.setattr(gateway.backend, "call", watched)
    return found


@pytest.fixture
def bucket(gateway: Gateway) -> str:
    name, s3 = gateway.bucket(), gateway.client("s3")
    for key in (*MINE, *THEIRS):
        s3.put_object(Bucket=name, Key=key, Body=b"x")
    return name


def keeper(gateway: Gateway, bucket: str, *more: dict[str, Any]) -> Keys:
    """One who may delete below mine/, but for what ends in a line feed."""
    own = f"arn:aws:s3:::{bucket}"
    return gateway.user(
        statement("Allow", "s3:DeleteObject*", f"{own}/mine/*"), statement("Deny", "s3:*", f"{own}/*feed\r"), *more
    )


def left(gateway: Gateway, bucket: str) -> list[str]:
    found = gateway.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    return sorted(item["Key"] for item in found)


def delete(gateway: Gateway, keys: Keys, bucket: str, *objects: dict[str, Any], **more: Any) -> Any:
    return gateway.client("s3", keys).delete_objects(Bucket=bucket, Delete={"Objects": list(objects), **more})


@pytest.mark.parametrize("quiet", [False, True])
def test_a_denied_key_is_told_and_the_rest_deleted(
    gateway: Gateway, bucket: str, bodies: list[HttpRequest], quiet: bool
) -> None:
    keys = keeper(gateway, bucket)
    got = delete(gateway, keys, bucket, *({"Key": key} for key in (*THEIRS, *MINE)), Quiet=quiet)
    assert [error["Key"] for error in got["Errors"]] == THEIRS
    assert {error["Code"] for error in got["Errors"]} == {"AccessDenied"}
    # The embedded backend writes a carriage return as it is, which XML reads as a line feed.
    expected = [] if quiet else sorted(key.replace("\r", "\n") for key in MINE)
    assert sorted(item["Key"] for item in got.get("Deleted", [])) == expected
    # INVARIANT: no key that was denied reaches the backend.
    assert left(gateway, bucket) == sorted(THEIRS)
    assert b"secret" not in bodies[0].body
    assert not [name for name in bodies[0].headers if "checksum" in name]
    assert bodies[0].headers["content-md5"] == base64.b64encode(hashlib.md5(bodies[0].body).digest()).decode()
    message = got["Errors"][0]["Message"]
    assert f's3:DeleteObject on resource: "arn:aws:s3:::{bucket}/secret" because no identity-based policy' in message
    assert "with an explicit deny" in got["Errors"][2]["Message"]


def test_each_key_is_on_record_as_it_was_decided(gateway: Gateway, bucket: str) -> None:
    keys = keeper(gateway, bucket)
    got = delete(gateway, keys, bucket, {"Key": "mine/a"}, {"Key": "secret"}, {"Key": "mine"})
    request = got["ResponseMetadata"]["RequestId"]
    events = {event.resource.partition("/")[2]: (event.allowed, event.error) for event in gateway.events(keys)}
    assert events == {"mine/a": (True, ""), "secret": (False, "AccessDenied"), "mine": (False, "AccessDenied")}
    assert {event.request_id for event in gateway.events(keys)} == {request}
    denial = gateway.recorder.denials.find(got["Errors"][0]["Message"].rpartition(" ")[2])
    assert denial is not None
    assert denial.request_id == request
    assert [asked.resource.partition("/")[2] for asked in denial.asked] == ["secret", "mine"]


def test_where_all_are_denied_nothing_is_forwarded(gateway: Gateway, bucket: str, bodies: list[HttpRequest]) -> None:
    keys = keeper(gateway, bucket)
    got = delete(gateway, keys, bucket, {"Key": "secret"}, {"Key": "secret", "VersionId": "null"}, {"Key": "mine"})
    assert [(error["Key"], error.get("VersionId")) for error in got["Errors"]] == [
        ("secret", None),
        ("secret", "null"),
        ("mine", None),
    ]
    assert "Deleted" not in got
    assert bodies == []
    assert [event.allowed for event in gateway.events(keys)] == [False] * 3


def test_a_version_and_a_bypass_are_rights_of_their_own(gateway: Gateway) -> None:
    bucket, s3 = gateway.bucket(), gateway.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    keys = gateway.user(statement("Allow", "s3:DeleteObject", f"arn:aws:s3:::{bucket}/*"))
    got = delete(gateway, keys, bucket, {"Key": "k", "VersionId": version}, {"Key": "k"})
    assert [(error["Key"], error["VersionId"]) for error in got["Errors"]] == [("k", version)]
    assert [(item["Key"], item["DeleteMarker"]) for item in got["Deleted"]] == [("k", True)]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=version)["Body"].read() == b"x"
    bypass = gateway.client("s3", keys).delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "k"}]}, BypassGovernanceRetention=True
    )
    assert [error["Key"] for error in bypass["Errors"]] == ["k"]
    assert "s3:BypassGovernanceRetention" in bypass["Errors"][0]["Message"]


BODY = b"<Delete><Object><Key>mine/a</Key></Object><Object><Key>secret</Key></Object></Delete>"


def md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body).digest()).decode()


def crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


@pytest.mark.parametrize(
    ("header", "digest", "wrong"),
    [
        ("content-md5", md5, (400, "BadDigest")),
        ("x-amz-checksum-crc32", crc32, (400, "BadDigest")),
        (
            "x-amz-checksum-sha256",
            lambda body: base64.b64encode(hashlib.sha256(body).digest()).decode(),
            (400, "BadDigest"),
        ),
        ("x-amz-checksum-md5", md5, (501, "NotImplemented")),
    ],
)
@pytest.mark.parametrize("body", [BODY, BODY.replace(b"mine/a", b"theirs")])
def test_a_body_that_is_not_what_the_client_says_deletes_nothing(
    gateway: Gateway, bucket: str, header: str, digest: Any, wrong: tuple[int, str], body: bytes
) -> None:
    keys, before = keeper(gateway, bucket), left(gateway, bucket)
    ask = Ask("POST", f"/{bucket}", "delete=", headers={header: digest(BODY + b" ")}, body=body)
    got = gateway.ask(ask, keys, "s3")
    assert (got.status, got.code) == wrong
    assert left(gateway, bucket) == before
    # INVARIANT: where all is denied nothing was allowed, whatever else is wrong with the request.
    assert {event.resource.partition("/")[2]: event.allowed for event in gateway.events(keys)} == {
        key: key == "mine/a" for key in ("mine/a" if body == BODY else "theirs", "secret")
    }
    if wrong[0] == 400:
        right = Ask("POST", f"/{bucket}", "delete=", headers={header: digest(body)}, body=body)
        done = gateway.ask(right, keys, "s3")
        assert done.status == 200
        assert b"<DeleteResult " in done.body
        assert b"<Error><Key>secret</Key><Code>AccessDenied</Code>" in done.body
        assert done.body.endswith(b"</DeleteResult>")


def test_conditions_of_a_key_go_on_with_it(gateway: Gateway, bucket: str, bodies: list[HttpRequest]) -> None:
    keys = keeper(gateway, bucket)
    conditions = (
        "<ETag>&quot;9dd4e461268c8034f5c8564e155c67a6&quot;</ETag>"
        "<LastModifiedTime>Thu, 26 Nov 2026 04:52:35 GMT</LastModifiedTime><Size>1</Size>"
    )
    body = BODY.decode().replace("mine/a</Key>", f"mine/a</Key>{conditions}").encode()
    assert gateway.ask(Ask("POST", f"/{bucket}", "delete=", body=body), keys, "s3").status == 200
    assert conditions in bodies[0].body.decode()


def test_who_is_let_in_to_some_keys_is_told_of_the_others(
    gateway: Gateway, bucket: str, bodies: list[HttpRequest]
) -> None:
    """INVARIANT: strangers learn no reason and fill no record with what they are refused."""
    put(gateway, bucket, says("Allow", "*", "s3:DeleteObject", f"arn:aws:s3:::{bucket}/mine/*"))
    ask = Ask("POST", f"/{bucket}", "delete=", headers={"host": gateway.host}, body=BODY)
    got = gateway.send(ask)
    assert got.status == 200 and b"<Deleted><Key>mine/a</Key></Deleted>" in got.body
    assert b"<Error><Key>secret</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>" in got.body
    assert "secret" in left(gateway, bucket) and "mine/a" not in left(gateway, bucket)
    assert len(bodies) == 1 and b"secret" not in bodies[0].body
    mine = f"arn:aws:s3:::{bucket}/"
    told = [(event.resource, event.allowed) for event in gateway.recorder.recent(50) if event.resource.startswith(mine)]
    assert [one for one in told if one[0].endswith(("mine/a", "secret"))][-1:] == [(f"{mine}mine/a", True)]
    assert not any(resource.endswith("secret") for resource, allowed in told if not allowed)
    # Where none of the keys is open, nothing is: the answer is the one to everybody who must sign.
    closed = replace(ask, body=BODY.replace(b"mine/a", b"mine"))
    assert (gateway.send(closed).status, gateway.send(closed).code, len(bodies)) == (403, "AccessDenied", 1)
    # A bypass is a right of its own, also of one who is nobody.
    bypass = replace(ask, headers={**ask.headers, "x-amz-bypass-governance-retention": "true"})
    assert (gateway.send(bypass).status, len(bodies)) == (403, 1)


def test_what_was_denied_of_it_is_no_event_of_its_own(gateway: Gateway, bucket: str) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html"""
    keys = keeper(gateway, bucket)
    request = delete(gateway, keys, bucket, {"Key": "mine/a"}, {"Key": "secret"})["ResponseMetadata"]["RequestId"]
    wanted = [request.encode()]
    of_it = history.newest(
        gateway.recorder.directory, 0, time(), wanted, lambda one: request in (one.call, one.parent), 9
    )
    assert len(of_it) == 2
    (told,) = [record for record in of_it if trail.accounts(record)]
    shown = trail.event(told, ACCOUNT)
    assert shown["requestID"] == request and "errorCode" not in shown
    assert [one["key"] for one in shown["requestParameters"]["delete"]["objects"]] == ["mine/a", "secret"]


def test_whom_nobody_let_in_must_sign(gateway: Gateway, bucket: str, bodies: list[HttpRequest]) -> None:
    got = gateway.send(Ask("POST", f"/{bucket}", "delete=", body=BODY))
    assert (got.status, got.code) == (403, "AccessDenied")
    assert bodies == []
