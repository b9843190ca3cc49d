"""Values of filters as patterns. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.services.ec2 import _filters


def passes(value: str, pattern: str) -> bool:
    return bool(_filters.select([value], [{"Name": "f", "Values": [pattern]}], {"f": lambda item: [item]}))


def naive(value: str, pattern: str) -> bool:
    """The rule as it is told, without a thought for its cost."""
    if not pattern:
        return not value
    if pattern[0] == "*":
        return any(naive(value[at:], pattern[1:]) for at in range(len(value) + 1))
    if pattern[0] == "\\":
        return (
            naive(value, pattern[1:])
            if len(pattern) == 1
            else value[:1] == pattern[1] and naive(value[1:], pattern[2:])
        )
    return bool(value) and pattern[0] in ("?", value[0]) and naive(value[1:], pattern[1:])


@given(st.text("ab.*", max_size=7), st.text("ab.*?\\", max_size=7))
def test_what_a_pattern_matches(value: str, pattern: str) -> None:
    assert passes(value, pattern) is naive(value, pattern)


@pytest.mark.parametrize("stars", [6, 20, 100])
def test_no_pattern_takes_for_ever(stars: int) -> None:
    """The attack: whoever may tag and describe stops the whole server with one filter (it never ends if it works)."""
    assert not passes("1" * 255, "*1" * stars + "Z")
    assert passes("1" * 255, "*1" * stars + "*")
