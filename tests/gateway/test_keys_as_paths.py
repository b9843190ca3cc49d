"""Keys of S3 that a backend may take for paths: the attack reads `secret` through `allowed/../secret`.

To S3 they are names like any other; some servers that speak its protocol keep objects in directories.
"""

import pytest

from kansatsu.catalog.s3 import shortened
from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest

from .conftest import Gateway
from .raw import Ask, Keys, statement
from .test_two_readings import passed

__all__ = ["passed"]

# what is asked for -> what a server may read in its place; "" is the bucket itself
DEVIOUS = {
    "allowed/../secret": "secret",
    "allowed/%2E%2e/secret": "secret",
    "allowed%2F..%2Fsecret": "secret",
    "allowed/./../secret": "secret",
    "allowed//..//secret": "secret",
    "allowed/..;x=1/secret": "secret",
    "/secret": "secret",
    "/./secret": "secret",
    "allowed/..": "",
    "allowed/../": "",
    "/": "",
}
OUTSIDE = ["../other/secret", "allowed/../../other/secret", "allowed/%2e%2e/%2e%2e/other/secret"]


@pytest.fixture(scope="module")
def bucket(gateway: Gateway) -> str:
    return gateway.bucket()


@pytest.fixture(scope="module")
def keys(gateway: Gateway, bucket: str) -> Keys:
    """A user who may do everything but with what is called `secret`, and nothing with the bucket itself."""
    return gateway.user(
        statement("Allow", "s3:*", f"arn:aws:s3:::{bucket}/*"),
        statement("Deny", "s3:*", f"arn:aws:s3:::{bucket}/secret"),
    )


def asked(gateway: Gateway, keys: Keys, bucket: str, key: str, method: str) -> tuple[int, str]:
    got = gateway.ask(Ask(method, f"/{bucket}/{key}", body=b"mine" if method == "PUT" else b""), keys, "s3")
    return got.status, got.code if got.status >= 400 else ""


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("key", DEVIOUS)
def test_both_readings_must_be_allowed(
    gateway: Gateway,
    bucket: str,
    keys: Keys,
    passed: list[HttpRequest],
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    method: str,
) -> None:
    monkeypatch.setattr(gateway.backend, "literal", False)
    expected = (403, "AccessDenied") if DEVIOUS[key] else (400, "InvalidURI")
    assert asked(gateway, keys, bucket, key, method) == expected
    assert not [request for request in passed if request.method == method and "secret" in request.path]
    if DEVIOUS[key]:  # whoever is allowed both gets what the backend says
        assert asked(gateway, gateway.admin, bucket, key, method)[0] in (200, 204, 404)


@pytest.mark.parametrize("source", ["{}/allowed/../secret", "/{}//secret", "{}/allowed%2F..%2Fsecret"])
def test_so_must_those_of_the_source_of_a_copy(
    gateway: Gateway, bucket: str, keys: Keys, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setattr(gateway.backend, "literal", False)
    ask = Ask("PUT", f"/{bucket}/allowed/copy", headers={"x-amz-copy-source": source.format(bucket)})
    assert gateway.ask(ask, keys, "s3").code == "AccessDenied"


def test_so_must_those_of_keys_that_are_deleted(
    gateway: Gateway, bucket: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.backend, "literal", False)
    deleted = {"Objects": [{"Key": "allowed/../secret"}]}
    with pytest.raises(gateway.iam.exceptions.ClientError, match="AccessDenied"):
        gateway.client("s3", keys).delete_objects(Bucket=bucket, Delete=deleted)


@pytest.mark.parametrize("key", [key for key, read in DEVIOUS.items() if read])
def test_to_a_backend_that_is_literal_they_are_names(gateway: Gateway, bucket: str, keys: Keys, key: str) -> None:
    assert asked(gateway, keys, bucket, key, "PUT") == (200, "")
    assert asked(gateway, keys, bucket, key, "DELETE") == (204, "")


@pytest.mark.parametrize("key", OUTSIDE)
def test_nobody_leaves_the_bucket(
    gateway: Gateway, bucket: str, passed: list[HttpRequest], monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(gateway.backend, "literal", False)
    assert asked(gateway, gateway.admin, bucket, key, "GET") == (400, "InvalidURI")
    assert passed == []


# The first five are examples of https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
@pytest.mark.parametrize(
    ("key", "read"),
    [
        ("videos/2014/../../video1.wmv", "video1.wmv"),
        ("videos/../../video1.wmv", None),
        ("my.great_photos-2014/jan/myvacation.jpg", "my.great_photos-2014/jan/myvacation.jpg"),
        ("4my-organization", "4my-organization"),
        ("videos/2014/birthday/video1.wmv", "videos/2014/birthday/video1.wmv"),
        (".hidden/..x/...", ".hidden/..x/..."),
        ("a;b/c;", "a;b/c;"),
        ("a/b/", "a/b/"),
        ("a//b//", "a/b/"),
        ("..", None),
    ],
)
def test_shortened(key: str, read: str | None) -> None:
    if read is None:
        with pytest.raises(AwsError, match="parse the specified URI"):
            shortened(key)
    else:
        assert shortened(key) == read
