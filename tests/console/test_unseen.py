"""What others put into names and requests to hide in them is written out on every page, and copied as it is."""

import json
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from playwright.sync_api import Page, Route

from .conftest import Opens, Story, denied
from .looks import look_all_over

HIDDEN = "\u202e\u200b\x1b\x9b\u2066\ufeff\u00ad\U000e0041\u3164\ufe0f\u2028"
SHOWN = r"\u202E\u200B\u001B\u009B\u2066\uFEFF\u00AD\u{E0041}\u3164\uFE0F\u2028"
# All texts and names of the page, but what stands in fields, which are the reader's.
_TOLD = """() => {
  const found = [document.title];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.nodeType === 3 && node.parentElement.tagName !== "TEXTAREA") found.push(node.data);
    else if (node.nodeType === 1)
      for (const name of ["title", "aria-label", "aria-description", "placeholder", "alt"])
        found.push(node.getAttribute(name) ?? "");
  }
  return found.join("\\n");
}"""
# Members of answers that hold what somebody named or wrote.
_NAMES = {
    *("UserName", "GroupName", "RoleName", "PolicyName", "InstanceProfileName", "Path", "Description", "PrincipalArn"),
    *(
        "Action",
        "Resource",
        "SourceIp",
        "Value",
        "Values",
        "Key",
        "Reason",
        "ServiceName",
        "Name",
        "SerialNumber",
        "Text",
    ),
    *("Operation", "message", "alias", "Arn", "Region"),
}
# Page -> the button of a dialog of it, and the label of the list there that is opened.
PAGES: dict[str, tuple[str, ...]] = {
    "users/ana": ("attach", "choose"),
    "users/ana/tags": (),
    "users/ana/groups": (),
    "users/ana/advisor": (),
    "users": (),
    "groups/developers/users": ("members.add", "choose"),
    "roles": ("create.role", "trusted"),
    "roles/web-server": (),
    "policies": (),
    "policies/{team}/entities": (),
    "profiles/web-server": ("profile.changeRole", "role"),
    "activity": (),
    "activity/{denied}": (),
    "nope/nothing": (),
}


def unseen(page: Page) -> set[str]:
    return set(page.evaluate(_TOLD)) & set(HIDDEN)


def disguised(found: Any, name: str = "") -> Any:
    if isinstance(found, dict):
        return {key: disguised(one, key) for key, one in found.items()}
    if isinstance(found, list):
        return [disguised(one, name) for one in found]
    return found[:2] + HIDDEN + found[2:] if isinstance(found, str) and name in _NAMES and found else found


def disguise(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=json.dumps(disguised(answer.json())))


def test_whatever_the_server_says_no_page_shows_or_tells_it_unseen(opens: Opens, story: Story) -> None:
    """INVARIANT: options, titles, breadcrumbs and what screen readers are told are as safe as cells."""
    seen = opens("en")
    seen.sign_in()
    page = seen.page
    page.route("**/api/call", disguise)
    for where, opened in PAGES.items():
        seen.open(where.format(team=quote(story.team, safe=""), denied=story.denied))
        if where != "nope/nothing":
            page.get_by_role("main").get_by_text(SHOWN[:6]).first.wait_for()
        if opened:
            seen.button(opened[0]).first.click()
            page.get_by_role("dialog").get_by_role("button", name=seen.t(opened[1])).click()
            page.get_by_role("option").first.wait_for()
        assert not unseen(page), where
    page.unroute("**/api/call")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_request_cannot_look_like_another_one(opens: Opens, story: Story, language: str) -> None:
    """An object's key and a user agent are what anybody likes."""
    name = f"eve-{uuid4().hex[:8]}"
    story.keys[name] = story.user(name)
    s3 = story.client(name, "s3")
    key = f"plan\u202efdp.{name}\u202c/\u200bx"
    asked = denied(s3.get_object, Bucket="guarded", Key=key)
    seen = opens(language)
    page = seen.page
    seen.sign_in()
    seen.open("activity")
    row = page.get_by_role("row").filter(has_text=name).first
    row.get_by_text(rf"plan\u202Efdp.{name}\u202C/\u200Bx").wait_for()
    assert not unseen(page)
    seen.open("activity", asked)
    page.get_by_role("heading", name=seen.t("explained.denied")).wait_for()
    statement = page.get_by_role("region", name=seen.t("change.statement"))
    assert rf"plan\u202Efdp.{name}" in statement.inner_text()
    # The field asks with the true value, and what cannot be seen of it is told below.
    field = page.get_by_role("textbox", name=seen.t("resource"), exact=True)
    assert field.input_value() == f"arn:aws:s3:::guarded/{key}"
    assert page.get_by_text(
        seen.t("unseen", text=rf"arn:aws:s3:::guarded/plan\u202Efdp.{name}\u202C/\u200Bx")
    ).is_visible()
    assert not unseen(page)
    marked = page.evaluate("[...CSS.highlights.get('unseen')].map(one => one.toString())")
    assert {r"\u202E", r"\u202C", r"\u200B"} == set(marked)
    look_all_over(seen, "unseen")
    # The proposed statement is about this very object: added, it is allowed.
    seen.button("change.add").click()
    page.get_by_role("dialog").get_by_role("button", name=seen.t("change.add"), exact=True).click()
    seen.text(seen.t("change.added")).wait_for()
    assert _allowed(s3, key)


def _allowed(s3: Any, key: str) -> bool:
    try:
        s3.get_object(Bucket="guarded", Key=key)
    except s3.exceptions.ClientError as error:
        return error.response["Error"]["Code"] == "NoSuchBucket"
    return True


def test_a_document_is_shown_written_out_and_copied_as_what_it_means(opens: Opens, story: Story) -> None:
    name = f"eve-{uuid4().hex[:8]}"
    story.iam.create_user(UserName=name)
    resource = "arn:aws:s3:::b/\u202ea\u00ad*"
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    story.iam.put_user_policy(UserName=name, PolicyName="hides", PolicyDocument=text)
    seen = opens("en")
    page = seen.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    seen.sign_in()
    seen.open("users", name)
    page.get_by_role("button", name="hides", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(r"arn:aws:s3:::b/\u202Ea\u00AD*").wait_for()
    seen.button("copy").click()
    dialog.get_by_text(seen.t("copied")).wait_for()
    assert json.loads(page.evaluate("navigator.clipboard.readText()"))["Statement"] == [statement]
    seen.button("edit").click()
    assert r"\u202E" in dialog.get_by_role("textbox").input_value()
    seen.button("save").click()
    seen.text(seen.t("saved", name="hides")).wait_for()
    kept = story.iam.get_user_policy(UserName=name, PolicyName="hides")["PolicyDocument"]
    assert kept["Statement"] == [statement]
