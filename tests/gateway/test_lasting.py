"""What is taken away between the decision on a request and what it is about is taken away: no wait makes a right last.

The attack: to hold the request back, by its own body, or to have it wait for what its backend is asked.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from kansatsu.http import HttpRequest

from . import raw
from .conftest import ACCOUNT, WAIT, Gateway
from .raw import REGION, Ask, Keys, document, statement
from .test_tags import code_of

Change = Callable[[Gateway, Keys, str], None]
MAY = (
    statement("Allow", "s3:*", condition={"StringEquals": {"aws:RequestedRegion": REGION}}),
    statement("Allow", "s3:PutObject*"),
)
SECRET = {"StringEquals": {"s3:ExistingObjectTag/secret": "yes"}}


def deactivate(gateway: Gateway, keys: Keys, _: str) -> None:
    gateway.iam.update_access_key(UserName=keys.name, AccessKeyId=keys.id, Status="Inactive")


def take_away(gateway: Gateway, keys: Keys, _: str) -> None:
    gateway.iam.delete_user_policy(UserName=keys.name, PolicyName="own")


def forbid_by_tag(gateway: Gateway, keys: Keys, _: str) -> None:
    """By a condition key that nobody has asked the backend for so far."""
    denied = document(statement("Deny", "s3:GetObject", condition=SECRET))
    gateway.iam.put_user_policy(UserName=keys.name, PolicyName="deny", PolicyDocument=denied)


def forbid_by_bucket(gateway: Gateway, keys: Keys, bucket: str) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:user/{keys.name}"
    denied = {"Effect": "Deny", "Principal": {"AWS": arn}, "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    gateway.client("s3").put_bucket_policy(Bucket=bucket, Policy=document(denied))


def change_another(gateway: Gateway, _: Keys, __: str) -> None:
    gateway.user(statement("Deny", "*"))


def nothing(*_: object) -> None:
    return None


@contextmanager
def held(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """While the backend does not say where a bucket is; yields what waits until it was asked."""
    asked, enough, real = threading.Event(), asyncio.Event(), gateway.backend.call

    async def call(account: str, region: str, service: str, request: HttpRequest, *rest: Any, **more: Any) -> Any:
        got = await real(account, region, service, request, *rest, **more)
        if request.method == "HEAD" and not asked.is_set():
            asked.set()
            await enough.wait()
        return got

    async def end() -> None:
        enough.set()

    def wait() -> None:
        assert asked.wait(WAIT)

    monkeypatch.setattr(gateway.backend, "call", call)
    try:
        yield wait
    finally:
        gateway.run(end())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (deactivate, "InvalidAccessKeyId"),
        (take_away, "AccessDenied"),
        (forbid_by_tag, "AccessDenied"),
        (forbid_by_bucket, "AccessDenied"),
        (change_another, ""),
        (nothing, ""),
    ],
)
def test_attack_while_the_backend_is_asked(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, change: Change, code: str
) -> None:
    bucket, keys = gateway.bucket(), gateway.user(*MAY)
    gateway.client("s3").put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="secret=yes")
    with ThreadPoolExecutor(1) as other:
        with held(gateway, monkeypatch) as until_asked:
            asked = other.submit(code_of, gateway.client("s3", keys).get_object, Bucket=bucket, Key="k")
            until_asked()
            change(gateway, keys, bucket)
        assert asked.result(WAIT) == code


TAGS = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (deactivate, b"InvalidAccessKeyId"),
        (take_away, b"AccessDenied"),
        (forbid_by_bucket, b"AccessDenied"),
        (change_another, b""),
        (nothing, b""),
    ],
)
@pytest.mark.parametrize(
    ("query", "body"), [("", b"x" * 100), ("", b"x" * 300_000), ("tagging", TAGS)], ids=["small", "large", "tags"]
)
def test_attack_to_hold_the_body_back(gateway: Gateway, query: str, body: bytes, change: Change, code: bytes) -> None:
    """The head is authenticated, that of an upload also decided; then the body is asked for, and does not end."""
    bucket, keys, s3 = gateway.bucket(), gateway.user(*MAY), gateway.client("s3")
    if query:
        s3.put_object(Bucket=bucket, Key="k", Body=b"content")
    ask = raw.sign(Ask("PUT", f"/{bucket}/k", query, {"expect": "100-continue"}, body), keys, "s3", host=gateway.host)
    with socket.create_connection(gateway.address) as connection:
        connection.settimeout(WAIT)
        connection.sendall(raw.head_bytes(ask, gateway.host, len(body)))
        assert raw.read_head(connection).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body[:-1])
        change(gateway, keys, bucket)
        connection.sendall(body[-1:])
        got = raw.read_head(connection)
        assert got.startswith(b"HTTP/1.1 403 " if code else b"HTTP/1.1 200 ")
        while code and b"</Error>" not in got:
            got += connection.recv(65536)
    assert code in got
    if query:
        assert bool(s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]) == (not code)
    else:
        assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == (not code)
    (event,) = (one for one in gateway.events(keys))
    assert event.error == code.decode()
    assert event.allowed == (not code), "what was taken away is no use of it"
