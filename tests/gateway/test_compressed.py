"""Compressed bodies: authorized by what is in them, passed on as that, and no bomb."""

import gzip
import zlib
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.wire.test_round_trip import SERVICES

from kansatsu.gateway import compressed
from kansatsu.gateway.asgi import BODY_LIMIT
from kansatsu.wire.model import read_model

from .conftest import Gateway
from .raw import Ask, statement

FORM = (
    b"Action=PutMetricData&Version=2010-08-01&Namespace=%s&MetricData.member.1.MetricName=m&MetricData.member.1.Value=1"
)
HEADERS = {"content-type": "application/x-www-form-urlencoded", "content-encoding": "gzip"}


def only(namespace: str) -> dict[str, Any]:
    return statement("Allow", "cloudwatch:PutMetricData") | {
        "Condition": {"StringEquals": {"cloudwatch:namespace": namespace}}
    }


def test_an_sdk_that_compresses(gateway: Gateway) -> None:
    keys = gateway.user(only("mine"))
    cloudwatch = gateway.client("cloudwatch", keys, request_min_compression_size_bytes=1)
    cloudwatch.put_metric_data(Namespace="mine", MetricData=[{"MetricName": "packed", "Value": 1}])
    with pytest.raises(ClientError, match="is not authorized to perform: cloudwatch:PutMetricData"):
        cloudwatch.put_metric_data(Namespace="theirs", MetricData=[{"MetricName": "packed", "Value": 1}])
    names = {one["MetricName"] for one in gateway.client("cloudwatch").list_metrics(Namespace="mine")["Metrics"]}
    assert "packed" in names


def test_what_is_in_it_is_authorized(gateway: Gateway) -> None:
    """The attack: one namespace for who reads the query string, another in what is compressed."""
    keys = gateway.user(only("mine"))
    ask = Ask("POST", headers=HEADERS, body=gzip.compress(FORM % b"theirs"))
    got = gateway.ask(ask, keys, "monitoring")
    assert (got.status, got.code) == (403, "AccessDenied")
    ask = Ask("POST", query="Namespace=mine", headers=HEADERS, body=gzip.compress(FORM % b"theirs"))
    assert gateway.ask(ask, keys, "monitoring").status == 400
    ask = Ask("POST", headers=HEADERS, body=gzip.compress(FORM % b"mine"))
    assert gateway.ask(ask, keys, "monitoring").status == 200


@pytest.mark.parametrize(
    ("body", "coding", "status"),
    [
        (gzip.compress(bytes(BODY_LIMIT + 1)), "gzip", 413),
        (gzip.compress(FORM)[:-5], "gzip", 400),
        (gzip.compress(FORM) + b"x", "gzip", 400),
        (gzip.compress(FORM) + gzip.compress(b"&Namespace=x"), "gzip", 400),
        (zlib.compress(FORM), "gzip", 400),
        (FORM, "gzip", 400),
        (zlib.compress(FORM), "deflate", 400),
        (gzip.compress(gzip.compress(FORM)), "gzip, gzip", 400),
    ],
    ids=["large", "cut off", "more", "two", "zlib", "plain", "deflate", "twice"],  # a packed body has the time in it
)
def test_what_is_no_compressed_body(gateway: Gateway, body: bytes, coding: str, status: int) -> None:
    headers = {**HEADERS, "content-encoding": coding}
    got = gateway.ask(Ask("POST", headers=headers, body=body), gateway.admin, "monitoring")
    assert got.status == status, got.body[-400:]


def test_it_is_asked_of_the_services_whose_models_compress() -> None:
    found = set()
    for name in SERVICES:
        model = read_model(name.partition(" ")[0])
        if any("requestcompression" in one for one in model["operations"].values()):
            found.add(model["metadata"].get("signingName", model["metadata"]["endpointPrefix"]))
    assert found == compressed.SERVICES
