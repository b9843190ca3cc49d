"""The embedded server's own paths have no spelling that passes; buckets and keys that only look alike do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.backends import unreachable
from kansatsu.http import HttpRequest

ATTACKS = [
    "/moto-api",
    "/moto-api/",
    "/moto-api/reset",
    "//moto-api",
    "/%6doto-api/data.json",
    "/%6Doto%2Dapi",
    "/%256doto-api",
    "/./moto-api",
    "/x/../moto-api",
    "/x/..%2fmoto-api",
    "/%2e/moto-api",
    "/x/%2e%2e/moto-api/reset",
    "/../moto-api",
    "/..//moto-api",
    "/%2Fmoto-api",
    "/MOTO-API",
    "/moto-api;x",
    "/moto-api%3Fx",
    "/moto-api%20",
    "/\\moto-api",
    "moto-api",
    "/moto-api%00",
    "/moto-api-mine",
    "/%25252525256doto-api",
]
FREE = ["/", "", "/bucket/moto-api", "/bucket/x/moto-api/reset", "/my-moto-api", "/b/..", "/%", "/b/100%25", "/b/%2525"]


@pytest.mark.parametrize("path", ATTACKS)
def test_refused(path: str) -> None:
    error = unreachable(HttpRequest("POST", path))
    assert error is not None
    assert (error.code, error.status) == ("InvalidBucketName", 400)


@pytest.mark.parametrize("path", FREE)
def test_free(path: str) -> None:
    assert unreachable(HttpRequest("GET", path)) is None


@given(
    st.lists(st.sampled_from(["", ".", "%2e", "x/..", "x/%2E%2e", "y/./.."]), max_size=5),
    st.lists(st.sampled_from([str, lambda c: f"%{ord(c):02x}", lambda c: f"%{ord(c):02X}"]), min_size=8, max_size=8),
    st.sampled_from(["", "/", "/reset", "%2freset"]),
)
def test_every_spelling(before: list[str], spell: list, after: str) -> None:
    name = "".join(how(letter) for how, letter in zip(spell, "moto-api", strict=True))
    assert unreachable(HttpRequest("GET", "/".join(["", *before, name]) + after)) is not None
