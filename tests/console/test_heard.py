"""What a screen reader is told without being asked: messages, errors, what was loaded and found.

Through the browser's accessibility tree, which is what a screen reader has: the texts that are in live regions.
"""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, Route

from .conftest import Opens, Seen, Story, document
from .test_deletions import question
from .test_iam import TRUST

_PATIENCE = 1200  # looks, of at least 0.1 s


class Ear:
    """Hears what the page says by itself."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._debugger = page.context.new_cdp_session(page)

    def texts(self) -> list[tuple[str, str]]:
        """How urgent, and what."""
        nodes = {one["nodeId"]: one for one in self._debugger.send("Accessibility.getFullAXTree")["nodes"]}
        found = []
        for node in nodes.values():
            live = [one["value"]["value"] for one in node.get("properties", ()) if one["name"] == "live"]
            if live and live[0] in ("polite", "assertive"):
                found.append((live[0], self._text(nodes, node["nodeId"])))
        return found

    def _text(self, nodes: dict[str, Any], of: str) -> str:
        node = nodes.get(of, {})
        if node.get("role", {}).get("value") == "StaticText":
            return str(node["name"]["value"])
        return "".join(self._text(nodes, child) for child in node.get("childIds", ()))

    def hears(self, text: str, how: str = "polite", *, alone: bool = False) -> None:
        for _ in range(_PATIENCE):
            found = [said for urgency, said in self.texts() if urgency == how]
            if any(said == text if alone else text in said for said in found):
                return
            self._page.wait_for_timeout(100)
        raise AssertionError(f"{text} is not heard, but {self.texts()}")


@pytest.fixture(params=["en", "ja"])
def seen(request: pytest.FixtureRequest, opens: Opens) -> Seen:
    made = opens(request.param)
    made.sign_in()
    return made


def test_what_is_loaded_and_found_is_heard(seen: Seen, story: Story) -> None:
    ear, held, total = Ear(seen.page), list[Route](), len(story.iam.list_groups()["Groups"])
    hold: Callable[[Route], None] = lambda route: (  # noqa: E731
        held.append(route) if "Group" in (route.request.post_data or "") else route.continue_()
    )
    seen.page.route("**/api/call", hold)
    seen.open("groups")
    ear.hears(seen.t("loading"))
    for route in held:
        route.continue_()
    seen.page.unroute("**/api/call", hold)
    ear.hears(seen.t("list.loaded", what=seen.t("groups"), n=total))
    seen.page.get_by_role("searchbox").fill("developers")
    ear.hears(seen.t("list.matches", n=1))
    seen.open("groups", "developers")
    ear.hears(seen.t("loaded", name="developers"))


def test_messages_and_questions_are_heard(seen: Seen, story: Story) -> None:
    ear, name = Ear(seen.page), f"heard-{uuid4().hex[:8]}"
    story.iam.create_user(UserName=name)
    story.iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document("s3:*"))
    question(seen, "users", name)
    ear.hears(seen.t("needed.inline", name="own"))
    seen.confirm("delete")
    ear.hears(seen.t("deleted", name=name))


def test_errors_are_heard_at_once(seen: Seen, story: Story) -> None:
    ear = Ear(seen.page)
    seen.open("groups")
    seen.button("create.group").click()
    seen.page.get_by_role("dialog").get_by_label(seen.t("name")).fill("developers")
    seen.page.get_by_role("dialog").get_by_role("button", name=seen.t("create"), exact=True).click()
    ear.hears("EntityAlreadyExists", "assertive")
    ear.hears(seen.t("error.exists"), "assertive")


def test_what_would_be_removed_and_a_simulation_are_heard(seen: Seen, story: Story) -> None:
    ear, name = Ear(seen.page), f"heard-{uuid4().hex[:8]}"
    story.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    story.iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document("s3:GetObject"))
    seen.open("roles", name, "advisor")
    seen.button("unused").click()
    ear.hears(seen.t("replay.none"))
    seen.page.keyboard.press("Escape")
    seen.open("activity", story.denied)
    seen.button("simulate.run").click()
    ear.hears(seen.t("denied"), alone=True)
