"""What helps to write a policy: its faults with their places, and the words that may stand in it."""

import pytest
from botocore.exceptions import ClientError

from .conftest import Gateway

TEXT = """{
  "Version": "2012-10-17",
  "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
}"""
TRUST = "role trust policy"
# Text, type -> the severity and line of the first finding, what its message has; "" for none.
CASES = [
    (TEXT, {}, ("", 0, "")),
    ("{", {}, ("error", 1, "")),
    (TEXT.replace("GetObject", "GetObjekt"), {}, ("error", 3, "s3:GetObjekt")),
    (TEXT, {"PolicyType": TRUST}, ("error", 3, "")),
]


@pytest.mark.parametrize(("text", "more", "expected"), CASES)
def test_lint(gateway: Gateway, text: str, more: dict[str, str], expected: tuple[str, int, str]) -> None:
    severity, line, word = expected
    found = gateway.client("kansatsu").lint_policy(Document=text, **more)["Findings"]
    assert [(one["Severity"], one["Line"]) for one in found[:1]] == ([(severity, line)] if severity else [])
    assert all(word in one["Message"] for one in found[:1])


def test_words(gateway: Gateway) -> None:
    client = gateway.client("kansatsu")
    everything = client.get_policy_vocabulary()
    assert {"Prefix": "s3", "Name": "Amazon S3"} in everything["Services"]
    assert "aws:SourceIp" in everything["ConditionKeys"]
    s3, nothing = (client.get_policy_vocabulary(Service=name) for name in ("s3", "nothing"))
    assert "GetObject" in s3["Actions"] and "s3:prefix" in s3["ConditionKeys"]
    assert (nothing["Actions"], nothing["ConditionKeys"]) == ([], [])


def test_an_unknown_type_is_refused(gateway: Gateway) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        gateway.client("kansatsu").lint_policy(Document="{}", PolicyType="nothing")
