"""Stories walked with the keyboard alone: a role for an instance that runs; unused permissions go, and come back."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser

from containers import Container, Engine, engine, image, keep_container, network
from kansatsu.testing import Kansatsu

from .conftest import PASSWORD, Opens, Place, Seen, Story, document, pages
from .looks import serious
from .test_iam import TRUST

__all__ = ["engine", "image", "keep_container", "network"]
FOCUSED = "one => one.contains(document.activeElement)"


class Keyboard:
    """No mouse: what is wanted is reached by Tab, and pressed."""

    def __init__(self, seen: Seen) -> None:
        self.seen, self.page = seen, seen.page

    def reach(self, wanted: Any, key: str = "Tab") -> None:
        """By at most so many presses as a page has places."""
        wanted.wait_for()
        for _ in range(150):
            if wanted.evaluate(FOCUSED):
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"{wanted} cannot be reached by {key}")

    def press(self, wanted: Any, key: str = "Enter") -> None:
        self.reach(wanted)
        self.page.keyboard.press(key)

    def type(self, wanted: Any, text: str) -> None:
        self.reach(wanted)
        self.page.keyboard.type(text)

    def sign_in(self, user: str) -> None:
        """At the form that the page shows."""
        seen, page = self.seen, self.page
        self.type(page.get_by_role("textbox", name=seen.t("signIn.account")), "123456789012")
        self.type(page.get_by_role("textbox", name=seen.t("signIn.user")), user)
        self.type(page.get_by_role("textbox", name=seen.t("signIn.password")), PASSWORD)
        page.keyboard.press("Enter")

    def choose(self, label: str, option: str) -> None:
        """Of the dialog's list, whose filter has the focus when it is open."""
        dialog = self.page.get_by_role("dialog")
        self.press(dialog.get_by_role("button", name=self.seen.t(label)))
        wanted = self.page.get_by_role("option", name=option)
        wanted.first.wait_for()
        self.page.keyboard.type(option)
        self.page.keyboard.press("ArrowDown")
        self.page.keyboard.press("Enter")
        wanted.first.wait_for(state="hidden")

    def closed(self, opener: Any) -> None:
        """The dialog is gone, and the focus is where it was before."""
        self.page.get_by_role("dialog").wait_for(state="hidden")
        opener.wait_for()
        self.page.wait_for_function("one => one.contains(document.activeElement)", arg=opener.element_handle())


def manager(place: Place) -> str:
    name = f"kei-{uuid4().hex[:8]}"
    place.iam.create_user(UserName=name)
    place.iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=document("*"))
    place.iam.create_login_profile(UserName=name, Password=PASSWORD)
    return name


def test_unused_permissions_go_and_come_back(opens: Opens, story: Story) -> None:
    name = f"idle-{uuid4().hex[:8]}"
    story.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    story.iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=document("s3:GetObject", "sqs:*"))
    may = lambda: story.iam.list_role_policies(RoleName=name)["PolicyNames"]  # noqa: E731
    seen = opens("en")
    page, main, keyboard = seen.page, seen.page.get_by_role("main"), Keyboard(seen)
    page.goto(story.url)
    keyboard.sign_in(manager(story))
    keyboard.press(page.get_by_role("link", name=seen.t("roles"), exact=True))
    keyboard.type(main.get_by_role("searchbox"), name)
    keyboard.press(main.get_by_role("link", name=name, exact=True))
    keyboard.press(main.get_by_role("tab", name=seen.t("permissions"), exact=True), "End")
    main.get_by_role("tab", name=seen.t("advisor"), exact=True, selected=True).wait_for()
    unused = seen.button("unused")
    main.get_by_role("button", name=re.compile("SQS")).first.wait_for()
    keyboard.press(unused)
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(seen.t("unused.evidence"), exact=True).wait_for()
    page.keyboard.press("Escape")
    keyboard.closed(unused)
    page.keyboard.press("Enter")
    keyboard.press(dialog.get_by_role("checkbox"), "Space")
    keyboard.press(dialog.get_by_role("button", name=seen.t("apply"), exact=True))
    seen.text(seen.t("unused.applied")).wait_for()
    assert may() == []
    assert serious(seen) == []
    keyboard.reach(seen.button("undo"), "Shift+Tab")
    page.keyboard.press("Enter")
    seen.text(seen.t("unused.undone")).wait_for()
    assert may() == ["may"]


@pytest.fixture
def place(engine: Engine) -> Iterator[Place]:
    with Kansatsu(settings={"engine": engine.url}) as kansatsu:
        yield Place(kansatsu)


@pytest.mark.root
def test_a_role_for_an_instance_that_runs(
    place: Place, browser: Browser, keep_container: Callable[..., Container]
) -> None:
    container = keep_container("python")
    place.iam.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST)
    place.iam.create_instance_profile(InstanceProfileName="reader")
    place.iam.add_role_to_instance_profile(InstanceProfileName="reader", RoleName="reader")
    with pages(browser, place) as opens:
        seen = opens("ja")
        page, main, keyboard = seen.page, seen.page.get_by_role("main"), Keyboard(seen)
        page.goto(place.url)
        keyboard.sign_in(manager(place))
        keyboard.press(page.get_by_role("link", name=seen.t("instances"), exact=True))
        keyboard.press(seen.button("adopt"))
        dialog = page.get_by_role("dialog")
        keyboard.type(dialog.get_by_label(seen.t("adopt.container")), container.name)
        keyboard.press(dialog.get_by_role("button", name=seen.t("adopt"), exact=True))
        page.get_by_role("heading", name=container.name, exact=True).wait_for()
        keyboard.press(seen.button("role.attach"))
        keyboard.choose("profile", "reader")
        keyboard.press(dialog.get_by_role("button", name=seen.t("role.attach"), exact=True))
        main.get_by_role("link", name="reader", exact=True).first.wait_for()
        keyboard.press(seen.button("role.detach"))
        keyboard.press(dialog.get_by_role("button", name=seen.t("role.detach"), exact=True))
        seen.button("role.attach").wait_for()
        assert (
            place.kansatsu.client("ec2").describe_iam_instance_profile_associations(
                Filters=[{"Name": "state", "Values": ["associated"]}]
            )["IamInstanceProfileAssociations"]
            == []
        )
