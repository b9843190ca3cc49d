"""What the embedded backend does not have of S3 is not taken for something else: each operation of its model is asked.

The attack: who may delete annotations, of which there are none, deleted objects; who may read them read objects.
"""

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from .conftest import Gateway
from .raw import Ask, Got, Keys

MODEL = botocore.session.get_session().get_service_model("s3")
CONTENT = b"what is in the object"
# These are of the object, and of the bucket, itself.
ITSELF = {
    *("CopyObject", "CreateBucket", "DeleteBucket", "DeleteObject", "GetObject", "HeadBucket", "HeadObject"),
    *("ListObjects", "ListObjectsV2", "ListObjectVersions", "PutObject"),
}
OTHERS = sorted(set(MODEL.operation_names) - ITSELF)


def asked(gateway: Gateway, name: str, bucket: str, keys: Keys) -> Got:
    """The operation with no more than it must have, and a body that would be an object."""
    model = MODEL.operation_model(name)
    path, _, query = model.http["requestUri"].partition("?")
    path = path.replace("{Bucket}", bucket).replace("{Key+}", "folder/key")
    headers, pairs = {}, [query]
    for member in model.input_shape.required_members if model.input_shape else ():
        place: dict[str, Any] = model.input_shape.members[member].serialization
        if place.get("location") == "querystring":
            pairs.append(f"{place['name']}=1")
        elif place.get("location") == "header":
            headers[place["name"]] = f"/{bucket}/folder/key"
    body = b"overwritten" if model.http["method"] in ("PUT", "POST") else b""
    ask = Ask(model.http["method"], path, "&".join(filter(None, pairs)), headers, body)
    return gateway.ask(ask, keys, "s3")


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
