"""Ids have AWS's forms, and the account can be read out of a key id."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.identity import ids

ACCOUNTS = st.integers(0, 10**12 - 1).map(lambda number: f"{number:012d}")


@pytest.mark.parametrize("prefix", sorted(ids.UNIQUE_ID_PREFIXES))
def test_a_unique_id_is_its_prefix_and_17_characters(prefix: str) -> None:
    made = {ids.new_id(prefix) for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(prefix + "[A-Z2-7]{17}", item) for item in made)


@given(ACCOUNTS, st.sampled_from(sorted(ids.ACCESS_KEY_PREFIXES)))
def test_the_account_is_read_back_from_a_key_id(account: str, prefix: str) -> None:
    key = ids.access_key_id(account, prefix)
    assert re.fullmatch(prefix + "[A-Z2-7]{16}", key)
    assert ids.account_of(key) == account


def test_a_key_id_of_aws_itself_is_understood() -> None:
    """The pair that Tal Be'ery published with the scheme ("A short note on AWS KEY ID", 2023)."""
    assert ids.account_of("ASIAQNZGKIQY56JQ7WML") == "029608264753"


@given(st.text(max_size=24))
def test_any_text_has_an_account_or_none(text: str) -> None:
    assert ids.account_of(text) is None


@pytest.mark.parametrize(
    "key", ["AKIAIOSFODNN7EXAMPLE", "AKIA0000000000000000", "akiaqnzgkiqy56jq7wml", "AKIA" + "7" * 16]
)
def test_what_carries_no_account_has_none(key: str) -> None:
    assert ids.account_of(key) is None


def test_a_secret_key_has_40_characters() -> None:
    assert all(re.fullmatch("[A-Za-z0-9+/]{40}", ids.secret_key()) for _ in range(100))


def test_an_unknown_prefix_is_an_error() -> None:
    with pytest.raises(ValueError, match="prefix"):
        ids.new_id("AKIA")
    with pytest.raises(ValueError, match="prefix"):
        ids.access_key_id("123456789012", "AIDA")
