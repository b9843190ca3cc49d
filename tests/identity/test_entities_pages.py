"""Pages: whatever the size, every item comes once and in order; and a marker is good for its own listing only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.errors import ValidationError
from kansatsu.identity.pages import Cursor, Page

NAMES = st.lists(st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=20), unique=True)


def walk(names: list[str], size: int) -> list[Page[str]]:
    pages: list[Page[str]] = []
    marker = None
    while True:
        page = Cursor.of("ListThings", marker, size).cut([(name, name) for name in names])
        pages.append(page)
        marker = page.marker
        if marker is None:
            return pages


@given(NAMES, st.integers(1, 10))
def test_every_item_comes_once_and_in_order(names: list[str], size: int) -> None:
    pages = walk(names, size)
    assert [item for page in pages for item in page.items] == sorted(names)
    assert all(len(page.items) == size for page in pages[:-1])
    assert len(pages) == max(1, -(-len(names) // size))


@given(NAMES.filter(lambda names: len(names) > 2), st.integers(1, 2), st.data())
def test_what_comes_and_goes_between_two_pages_disturbs_nothing_else(
    names: list[str], size: int, data: st.DataObject
) -> None:
    first = Cursor.of("ListThings", None, size).cut([(name, name) for name in names])
    gone = data.draw(st.sampled_from(first.items))
    left = [name for name in names if name != gone]
    rest = Cursor.of("ListThings", first.marker, 1000).cut([(name, name) for name in left])
    assert [*first.items, *rest.items] == sorted(names)


@given(st.text(max_size=40))
def test_no_other_text_is_a_marker(text: str) -> None:
    with pytest.raises(ValidationError, match=r"^Invalid Marker\.$"):
        Cursor.of("ListThings", text, None)


def test_a_marker_of_another_listing_is_none() -> None:
    marker = Cursor.of("ListThings", None, 1).cut([("a", "a"), ("b", "b")]).marker
    assert marker is not None
    assert Cursor.of("ListThings", marker, None).after == "a"
    with pytest.raises(ValidationError):
        Cursor.of("ListOthers", marker, None)
