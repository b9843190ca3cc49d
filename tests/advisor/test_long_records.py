"""The record of a request whatever a client sends: as long as readers take, readable, and cheap to write."""

from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.test_trail import record
from kansatsu.advisor import Asking, CallRecord, events
from kansatsu.advisor.events import bounded, decode, encode


def test_a_record_stays_readable_whatever_a_client_sends() -> None:
    for params in ({"A": "x" * 1_000_000}, {"A": "\ud800"}, {"A": {1j}}):
        line = bounded(record(params=params))
        found = decode(line[:-1])
        assert isinstance(found, CallRecord)
        assert found.params["omitted"] is True
        assert len(line) < 1 << 20
    many = tuple(Asking("s3:DeleteObject", f"arn:aws:s3:::b/{'k' * 1000}{n}", True) for n in range(1000))
    found = decode(bounded(record(asked=many))[:-1])
    assert isinstance(found, CallRecord)
    assert not found.whole  # INVARIANT: what was cut off is never taken for all that there was


LEAF = st.none() | st.booleans() | st.integers() | st.text(max_size=300) | st.binary(max_size=300)
VALUES = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=60) | st.sets(st.integers()) | st.dictionaries(st.text(max_size=9), inner, max_size=30)
    ),
)
CONTEXTS = st.dictionaries(st.text(max_size=9), st.text(max_size=300) | st.lists(st.text(max_size=50)).map(tuple))
ASKED = st.lists(st.builds(Asking, st.just("s3:GetObject"), st.text(max_size=300), st.just(True), context=CONTEXTS))


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(VALUES, VALUES, CONTEXTS, ASKED.map(tuple))
def test_what_fits_is_never_taken_for_too_long(params: Any, result: Any, context: Any, asked: Any) -> None:
    made = record(params=params, result=result, context=context, asked=asked)
    line = encode(made)
    with mock.patch.object(events, "_LONGEST_CALL", len(line)):
        assert bounded(made) == line
        assert events.encoded([], [made]) == line


HUGE: dict[str, dict[str, Any]] = {
    "a text": {"params": {"A": "\x01" * 3_000_000}},
    "octets": {"result": {"A": [b"x" * 3_000_000]}},
    "many values": {"params": {"A": [0] * 3_000_000}},
    "many names": {"params": {"A": {f"{number}": None for number in range(100_000)}}},
    "a key of the request": {"context": {"aws:tagkeys": ("x" * 100,) * 100_000}},
    "a key of each resource": {
        "asked": (Asking("s3:DeleteObject", "arn:aws:s3:::b/k", True, context={"s3:x": ("x" * 100,) * 4000}),) * 1000
    },
}


@pytest.mark.parametrize("fields", HUGE.values(), ids=HUGE)
def test_megabytes_of_a_client_are_never_encoded(fields: dict[str, Any]) -> None:
    """The attack: have the event loop encode them, up to three times, only to leave them out."""
    made = record(**fields)
    with mock.patch.object(events, "_encode", wraps=events._encode) as spy:
        line = events.encoded([], [made])
    assert spy.call_count == 1 and len(line) < 10_000
    assert isinstance(decode(line[:-1]), CallRecord)
