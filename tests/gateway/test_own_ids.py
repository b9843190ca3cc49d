"""What an SDK calls the id of a request is what `kansatsu why` knows it by, also where the backend answered."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.gateway import own_ids

from .conftest import Gateway

OURS = "0a1b2c3d-0000-4000-8000-00000000000a"
THEIRS = "request-id"


def metadata(call: Any, **params: Any) -> dict[str, Any]:
    try:
        return dict(call(**params)["ResponseMetadata"])
    except ClientError as error:
        return dict(error.response["ResponseMetadata"])


CALLS = [
    ("ec2", "describe_vpcs", {}),
    ("s3", "list_buckets", {}),
    ("s3", "get_object", {"Bucket": "no-such-bucket-here", "Key": "k"}),
    ("dynamodb", "list_tables", {}),
    ("kms", "list_keys", {}),
    ("kms", "describe_key", {"KeyId": "00000000-0000-0000-0000-000000000000"}),
    ("sqs", "list_queues", {}),
    ("cloudwatch", "list_metrics", {}),
    ("sns", "list_topics", {}),
    ("sns", "get_topic_attributes", {"TopicArn": "arn:aws:sns:us-east-1:123456789012:none"}),
    ("lambda", "list_functions", {}),
]


@pytest.mark.parametrize(("service", "name", "params"), CALLS, ids=[f"{call[0]}-{call[1]}" for call in CALLS])
def test_the_id_that_boto3_shows_is_ours(gateway: Gateway, service: str, name: str, params: dict[str, Any]) -> None:
    found = metadata(getattr(gateway.client(service), name), **params)
    own = found["RequestId"]
    assert found["HTTPHeaders"].get("x-kansatsu-request-id", own) == own
    assert gateway.client("kansatsu").explain_request(RequestId=own)["RequestId"] == own


ELEMENT = f"<requestId>{THEIRS}</requestId>".encode()
PIECES = [ELEMENT, b"<RequestId></RequestId>", b"<a>", b"x" * 200, b"<", b"&lt;requestId>"]
PARTS = st.lists(st.sampled_from(PIECES), max_size=8)


@given(PARTS, st.lists(st.integers(1, 120), min_size=1, max_size=4))
def test_only_the_id_is_replaced_however_the_body_is_cut(parts: list[bytes], sizes: list[int]) -> None:
    whole = b"".join(parts)

    async def pieces() -> AsyncIterator[bytes]:
        rest, turn = whole, 0
        while rest:
            size = sizes[turn % len(sizes)]
            yield rest[:size]
            rest, turn = rest[size:], turn + 1

    async def read() -> bytes:
        return b"".join([piece async for piece in own_ids.body(pieces(), OURS)])

    assert asyncio.run(read()) == whole.replace(THEIRS.encode(), OURS.encode())


def test_what_an_object_holds_is_nobodys_to_change() -> None:
    xml = [("content-type", "application/xml")]
    assert not own_ids.in_body("rest-xml", 200, xml)
    assert own_ids.in_body("rest-xml", 404, xml)
    assert not own_ids.in_body("ec2", 200, [("content-encoding", "gzip")])
    assert not own_ids.in_body("json", 200, [("content-type", "application/x-amz-json-1.0")])
