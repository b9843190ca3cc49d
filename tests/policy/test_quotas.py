"""AWS's sizes of documents, what each counts, and where the bound lies: what fits exactly fits."""

import json

import pytest

from kansatsu.policy import PolicyType, parse
from kansatsu.policy.quotas import QUOTAS

PLAIN, CHARACTERS, BYTES = "characters without white space", "characters", "bytes"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html and the page that each row names
SIZES = {
    "managed": (6144, 6144, PLAIN),
    "user": (2048, 2048, PLAIN),
    "group": (5120, 5120, PLAIN),
    "role": (10240, 10240, PLAIN),
    "trust": (2048, 8192, PLAIN),
    "session": (2048, 2048, PLAIN),
    "scp": (10240, 10240, CHARACTERS),
    "rcp": (5120, 5120, CHARACTERS),
    "vpc-endpoint": (20480, 20480, CHARACTERS),
    "bucket": (20480, 20480, BYTES),
    "key": (32768, 32768, BYTES),
    "queue": (8192, 8192, BYTES),
    "topic": (30720, 30720, BYTES),
    "table": (20480, 20480, BYTES),
    "bus": (10240, 10240, BYTES),
    "function": (20480, 20480, BYTES),
    "repository": (10240, 10240, CHARACTERS),
    "secret": (20480, 20480, CHARACTERS),
}


def test_the_table() -> None:
    assert {name: (quota.size, quota.most, quota.unit) for name, quota in QUOTAS.items()} == SIZES
    assert all(quota.url.startswith("https://docs.aws.amazon.com/") for quota in QUOTAS.values())


@pytest.mark.parametrize("name", SIZES)
def test_the_bound(name: str) -> None:
    """A letter of two bytes, and a blank, count as the quota says."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::é "}
    text = json.dumps({"Version": "2012-10-17", "Statement": statement}, ensure_ascii=False)
    size, _, unit = SIZES[name]
    counted = {PLAIN: len(text.replace(" ", "")), CHARACTERS: len(text), BYTES: len(text.encode())}[unit]
    most = text.replace("é", "é" + "x" * (size - counted))
    for given, fits in ((most, True), (most.replace("é", "éx"), False)):
        document = parse(given, PolicyType.RESOURCE)
        assert QUOTAS[name].measure(document) == size + (not fits)
        assert QUOTAS[name].fits(document) is fits
