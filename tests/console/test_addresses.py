"""An address that somebody mistyped, or made up, leads to a page that says so, and never to an empty one."""

import pytest

from .conftest import Opens, Story
from .test_phrases import PHRASES


@pytest.mark.parametrize("address", ["__proto__", "constructor/x", "toString", "valueOf/a/b", "nonsense"])
def test_what_there_is_not_is_said(opens: Opens, address: str) -> None:
    seen = opens("en")
    seen.sign_in()
    seen.open(*address.split("/"))
    seen.page.get_by_role("heading", name=seen.t("notFound")).wait_for()


@pytest.mark.parametrize("tab", ["nonsense", "__proto__"])
def test_a_tab_that_there_is_not_is_the_first(opens: Opens, story: Story, tab: str) -> None:
    seen = opens("en")
    seen.sign_in()
    seen.open("users", "ana", tab)
    chosen = seen.page.get_by_role("tab", name=seen.t("permissions"), selected=True)
    chosen.wait_for()
    seen.page.get_by_role("link", name="TeamAccess").or_(seen.text("TeamAccess")).first.wait_for()


def test_what_a_change_is_speaks_japanese(opens: Opens, story: Story) -> None:
    seen = opens("ja")
    seen.sign_in()
    seen.open("activity", story.denied)
    where = PHRASES["an identity-based policy of {arn}"].replace("{arn}", "arn:aws:iam::123456789012:user/ben")
    seen.text(PHRASES["Add this statement to {where}"].replace("{where}", where)).wait_for()
