"""What a bucket takes as its policy: cheap to tell, whatever is in it."""

import re

from hypothesis import given
from hypothesis import strategies as st

from kansatsu.errors import MalformedPolicyDocument
from kansatsu.policy import PolicyType, parse
from kansatsu.resources.checks import of_bucket


def takes(pattern: str, bucket: str) -> bool:
    text = """{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::%s"}}"""
    try:
        of_bucket(parse(text % pattern, PolicyType.RESOURCE), f"arn:aws:s3:::{bucket}")
    except MalformedPolicyDocument:
        return False
    return True


def test_no_pattern_takes_long() -> None:
    """The attack: one policy that would keep the gateway busy for centuries."""
    assert not takes("*a" * 200 + "b", "a" * 63)


@given(st.text("ab.*?", min_size=1, max_size=8), st.text("ab.", min_size=1, max_size=8))
def test_a_pattern_means_what_it_means(pattern: str, bucket: str) -> None:
    expression = "".join({"*": ".*", "?": "."}.get(sign, re.escape(sign)) for sign in pattern)
    assert takes(pattern, bucket) == (re.fullmatch(expression, bucket) is not None)
