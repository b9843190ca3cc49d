"""A connection that is cut off, an answer that never comes: what only reads is asked again, and nothing is done twice.

Chromium fails all that waits for a connection with net::ERR_NETWORK_CHANGED whenever an address comes to the machine,
as one does with each container that begins; a page asks more at once than it has connections.
"""

import re
from collections import Counter
from urllib.parse import quote
from uuid import uuid4

import pytest
from playwright.sync_api import Route

from .conftest import Opens, Seen, Story, document
from .test_deletions import missing, question
from .test_sign_in import by_password


def asked_of(route: Route) -> str:
    return str(route.request.post_data_json["operation"])


@pytest.fixture
def user(story: Story) -> str:
    name = f"cut-{uuid4().hex[:8]}"
    story.iam.create_user(UserName=name)
    story.iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document("s3:*"))
    return name


def cutting(seen: Seen, times: int, *operations: str) -> Counter[str]:
    """Cut off the first requests of these operations, of all that read without any; how often each is asked."""
    asked = Counter[str]()

    def pass_on(route: Route) -> None:
        operation = asked_of(route)
        asked[operation] += 1
        hit = operation in operations if operations else operation.startswith(("Get", "List"))
        if hit and asked[operation] <= times:
            route.abort("connectionaborted")
        else:
            route.continue_()

    seen.page.route("**/api/call", pass_on)
    return asked


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_deletion_goes_on_over_a_network_that_changes(opens: Opens, story: Story, user: str, language: str) -> None:
    seen = opens(language)
    seen.sign_in()
    asked = cutting(seen, 2)
    question(seen, "users", user)
    asked.clear()
    seen.confirm("delete")
    seen.text(seen.t("deleted", name=user)).wait_for()
    missing(story.iam.get_user, UserName=user)
    assert asked["ListGroupsForUser"] == 3
    assert (asked["DeleteUserPolicy"], asked["DeleteUser"]) == (1, 1)


def test_what_changes_something_is_not_asked_again_by_itself(opens: Opens, story: Story, user: str) -> None:
    seen = opens("en")
    seen.sign_in()
    dialog = question(seen, "users", user)
    asked = cutting(seen, 1, "DeleteUserPolicy")
    dialog.get_by_role("button", name=seen.t("delete"), exact=True).click()
    dialog.get_by_text(seen.t("error.unreachable")).wait_for()
    assert (asked["DeleteUserPolicy"], asked["DeleteUser"]) == (1, 0)
    assert story.iam.list_user_policies(UserName=user)["PolicyNames"] == ["own"]
    seen.confirm("delete")
    seen.text(seen.t("deleted", name=user)).wait_for()
    missing(story.iam.get_user, UserName=user)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_page_that_does_not_come_can_be_asked_for_again(opens: Opens, story: Story, user: str, language: str) -> None:
    seen = opens(language)
    seen.sign_in()
    asked = cutting(seen, 3, "GetUser", "ListGroups")
    for place, operation, there in (
        (("users", user), "GetUser", seen.page.get_by_role("heading", name=seen.t("overview"))),
        (("groups",), "ListGroups", seen.page.get_by_role("link", name="developers", exact=True)),
    ):
        seen.open(*place)
        seen.text(seen.t("error.unreachable")).first.wait_for()
        assert asked[operation] == 3
        assert seen.text(seen.t("groups.none")).count() == 0
        seen.button("again").first.click()
        there.wait_for()
    story.iam.delete_user_policy(UserName=user, PolicyName="own")
    story.iam.delete_user(UserName=user)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_an_answer_is_not_waited_for_for_ever(opens: Opens, story: Story, user: str, language: str) -> None:
    seen = opens(language)
    page, held = seen.page, list[Route]()
    page.clock.install()
    seen.sign_in()
    dialog = question(seen, "users", user)
    hold = lambda route: held.append(route) if asked_of(route) == "DeleteUser" else route.continue_()  # noqa: E731
    page.route("**/api/call", hold)
    with page.expect_request(lambda request: '"DeleteUser"' in (request.post_data or "")):
        dialog.get_by_role("button", name=seen.t("delete"), exact=True).click()
    page.clock.fast_forward(60_000)
    dialog.get_by_text(seen.t("error.unanswered", seconds=60)).wait_for()
    page.unroute("**/api/call", hold)
    # The policy went; what is left goes with another yes.
    dialog.get_by_text(seen.t("needed.nothing")).wait_for()
    seen.confirm("delete")
    seen.text(seen.t("deleted", name=user)).wait_for()
    missing(story.iam.get_user, UserName=user)
    assert len(held) == 1


@pytest.mark.parametrize(("language", "answer"), [("en", "late"), ("ja", "lost")])
def test_what_was_deleted_without_an_answer_is_said_to_be_gone(
    opens: Opens, story: Story, user: str, language: str, answer: str
) -> None:
    """Asked again it is not there: that is no failure."""
    seen = opens(language)
    page, done = seen.page, list[int]()
    page.clock.install()
    seen.sign_in()
    dialog = question(seen, "users", user)

    def swallow(route: Route) -> None:
        if asked_of(route) != "DeleteUser":
            route.continue_()
            return
        done.append(route.fetch().status)
        if answer == "lost":
            route.abort("connectionreset")

    page.route("**/api/call", swallow)
    dialog.get_by_role("button", name=seen.t("delete"), exact=True).click()
    if answer == "late":
        while not done:
            page.evaluate("0")
        page.clock.fast_forward(60_000)
    else:
        dialog.get_by_text(seen.t("error.unreachable")).wait_for()
        dialog.get_by_role("button", name=seen.t("delete"), exact=True).click()
    seen.text(seen.t("deleted.unheard", name=user)).wait_for()
    assert dialog.count() == 0 and done == [200]
    missing(story.iam.get_user, UserName=user)


def test_what_cannot_be_read_has_no_button_to_delete_it(opens: Opens, story: Story) -> None:
    seen = opens("en")
    seen.open("users", "ana")
    by_password(seen, "chie")
    seen.text("AccessDenied").first.wait_for()
    assert seen.button("delete").count() == 0
    seen.open("policies", quote(story.team, safe=""))
    seen.page.get_by_role("heading", name="TeamAccess", exact=True).wait_for()
    seen.text("AccessDenied").first.wait_for()
    assert seen.button("delete").count() == 0


@pytest.mark.parametrize(("place", "operation"), [("activity", "ListRequests"), ("instances", "DescribeWorkloads")])
def test_a_page_that_is_watched_says_when_it_is_not_told_any_more(opens: Opens, place: str, operation: str) -> None:
    """What it shows stays; it goes on by itself once it is told again."""
    seen = opens("en")
    seen.sign_in()
    seen.open(place)
    there = seen.page.get_by_role("heading", name=re.compile(rf"^{seen.t(place)} \(\d+\)$"))
    there.wait_for()
    title = there.inner_text()
    cutting(seen, 1000, operation)
    seen.text(seen.t("error.unreachable")).wait_for()
    assert there.inner_text() == title
    seen.page.unroute("**/api/call")
    seen.text(seen.t("error.unreachable")).wait_for(state="hidden")
    assert there.is_visible()
