"""Session tokens hold for one instance and one span of time, and any change of them makes them worthless."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kansatsu.delivery import tokens

KEY, NOW = b"k" * 32, datetime(2026, 1, 31, 12, tzinfo=UTC)
TTLS = st.integers(tokens.MIN_TTL, tokens.MAX_TTL)


@given(TTLS, st.integers(0, 30000), st.text(min_size=1))
def test_valid_until_it_expires(ttl, later, instance):
    token = tokens.issue(KEY, instance, NOW, ttl)
    left = ttl - later
    assert len(token) == 56
    assert tokens.remaining(KEY, instance, NOW + timedelta(seconds=later), token) == (left if left >= 1 else None)


@given(TTLS, st.text(), st.text())
def test_worthless_for_any_other_instance_and_key(ttl, mine, other):
    assume(mine != other)
    token = tokens.issue(KEY, mine, NOW, ttl)
    assert tokens.remaining(KEY, other, NOW, token) is None
    assert tokens.remaining(b"x" * 32, mine, NOW, token) is None


@given(st.integers(0, 55), st.characters(max_codepoint=127))
def test_any_changed_character_makes_it_worthless(position, character):
    token = tokens.issue(KEY, "i-1", NOW, 60)
    assume(token[position] != character)
    changed = token[:position] + character + token[position + 1 :]
    assert tokens.remaining(KEY, "i-1", NOW, changed) is None


@pytest.mark.parametrize(("mine", "other"), [("-", "+"), ("_", "/")])
def test_the_other_alphabet_of_base64_is_not_taken(mine, other):
    token = next(token for token in iter(lambda: tokens.issue(KEY, "i-1", NOW, 60), "") if mine in token)
    assert tokens.remaining(KEY, "i-1", NOW, token) == 60
    assert tokens.remaining(KEY, "i-1", NOW, token.replace(mine, other)) is None


@given(st.text())
def test_arbitrary_text_is_no_token(text):
    assert tokens.remaining(KEY, "i-1", NOW, text) is None


def test_two_tokens_are_never_alike():
    assert len({tokens.issue(KEY, "i-1", NOW, 60) for _ in range(100)}) == 100
