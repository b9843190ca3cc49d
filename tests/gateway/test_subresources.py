"""What the embedded backend does not have of S3 is not taken for something else: each operation of its model is asked.

The attack: who may delete annotations, of which there are none, deleted objects; who may read them read objects.
"""

from collections.abc import Iterator

import pytest

from .conftest import Gateway
from .operations import CONTENT, OTHERS, least
from .raw import Ask, Got, Keys


def asked(gateway: Gateway, name: str, bucket: str, keys: Keys) -> Got:
    return gateway.ask(least(name, bucket), keys, "s3")


@pytest.fixture(name="bucket")
def a_bucket(gateway: Gateway) -> Iterator[str]:
    s3, name = gateway.client("s3"), gateway.bucket()
    s3.put_object(Bucket=name, Key="folder/key", Body=CONTENT)
    yield name
    s3.delete_object(Bucket=name, Key="folder/key")


@pytest.mark.parametrize("name", OTHERS)
def test_no_operation_is_taken_for_another(gateway: Gateway, bucket: str, name: str) -> None:
    s3 = gateway.client("s3")
    got = asked(gateway, name, bucket, gateway.admin)
    assert CONTENT not in got.body and b"<ListBucketResult" not in got.body
    assert s3.get_object(Bucket=bucket, Key="folder/key")["Body"].read() == CONTENT
    s3.delete_object(Bucket=bucket, Key="folder/key")
    asked(gateway, name, bucket, gateway.admin)
    assert not s3.list_objects_v2(Bucket=bucket)["KeyCount"], "no object is made, and the bucket is still there"
    other = gateway.name("none")
    asked(gateway, name, other, gateway.admin)
    assert other not in [known["Name"] for known in s3.list_buckets()["Buckets"]]


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        *(("DELETE", query, 501) for query in ("newer", "newer=", "newer&id=1", "newer&versionId=null")),
        *(("PUT", query, 501) for query in ("newer", "NEWER")),
        ("POST", "uploads&newer", 501),
        ("GET", "newer", 200),
        ("PUT", "x-id=PutObject&x-log&v=1", 200),
        ("DELETE", "x-id=DeleteObject&v=1", 204),
    ],
)
def test_attack_a_subresource_that_is_newer_than_the_model(
    gateway: Gateway, bucket: str, method: str, query: str, status: int
) -> None:
    """What would delete it deleted the object."""
    s3, body = gateway.client("s3"), b"overwritten" if method != "GET" else b""
    assert gateway.ask(Ask(method, f"/{bucket}/folder/key", query, body=body), gateway.admin, "s3").status == status
    if status == 501:
        assert s3.get_object(Bucket=bucket, Key="folder/key")["Body"].read() == CONTENT


def test_the_retention_of_an_object_is_what_its_head_has(gateway: Gateway, bucket: str) -> None:
    s3, name = gateway.client("s3"), gateway.name("locked")
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket=name, Key="k", Body=CONTENT)
    for where, key, code in ((name, "k", "NoSuchObjectLockConfiguration"), (bucket, "none", "NoSuchKey")):
        with pytest.raises(s3.exceptions.ClientError, match=code):
            s3.get_object_retention(Bucket=where, Key=key)
    given = {"Mode": "GOVERNANCE", "RetainUntilDate": "2030-01-01T00:00:00Z"}
    s3.put_object_retention(Bucket=name, Key="k", Retention=given)
    found = s3.get_object_retention(Bucket=name, Key="k")["Retention"]
    assert (found["Mode"], found["RetainUntilDate"].isoformat()) == ("GOVERNANCE", "2030-01-01T00:00:00+00:00")
