"""What is created may have a path, a description and tags from its first moment, where AWS takes them."""

from typing import Any
from uuid import uuid4

import pytest

from .conftest import Opens, Seen, Story
from .looks import look_all_over

PATH, ABOUT = "/team/web/", "What it is for: web"
TAGS = [{"Key": "team", "Value": "web"}, {"Key": "env", "Value": ""}]


def optional(seen: Seen, *, described: bool, tagged: bool) -> None:
    dialog = seen.page.get_by_role("dialog")
    dialog.get_by_role("button", name=seen.t("optional")).click()
    dialog.get_by_role("textbox", name=seen.t("path")).fill(PATH)
    about = dialog.get_by_role("textbox", name=seen.t("description"))
    assert about.count() == described
    if described:
        about.fill(ABOUT)
    assert seen.button("tags.add").count() == tagged
    for n, tag in enumerate(TAGS if tagged else ()):
        seen.button("tags.add").click()
        assert seen.button("create").is_disabled()
        dialog.get_by_role("textbox", name=seen.t("tags.key")).nth(n).fill(tag["Key"])
        dialog.get_by_role("textbox", name=seen.t("tags.value")).nth(n).fill(tag["Value"])


def made(story: Story, kind: str, name: str) -> Any:
    iam = story.iam
    if kind == "user":
        return iam.get_user(UserName=name)["User"]
    if kind == "group":
        return iam.get_group(GroupName=name)["Group"]
    if kind == "role":
        return iam.get_role(RoleName=name)["Role"]
    if kind == "profile":
        return iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    return iam.get_policy(PolicyArn=f"arn:aws:iam::123456789012:policy{PATH}{name}")["Policy"]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_need_not_be_given_is_given(opens: Opens, story: Story, language: str) -> None:
    seen = opens(language)
    seen.sign_in()
    for kind, place in {
        "user": "users",
        "group": "groups",
        "role": "roles",
        "policy": "policies",
        "profile": "profiles",
    }.items():
        name = f"{kind}-{uuid4().hex[:8]}"
        seen.open(place)
        seen.button(f"create.{kind}").first.click()
        seen.page.get_by_role("dialog").get_by_label(seen.t("name"), exact=True).fill(name)
        optional(seen, described=kind in ("role", "policy"), tagged=kind != "group")
        if kind == "role":
            look_all_over(seen, "create-optional")
        seen.confirm("create")
        seen.page.get_by_role("heading", name=name, exact=True).wait_for()
        found = made(story, kind, name)
        assert (found["Path"], name in found["Arn"]) == (PATH, True)
        assert found.get("Description") == (ABOUT if kind in ("role", "policy") else None)
        assert sorted(found.get("Tags", []), key=str) == sorted(TAGS if kind != "group" else [], key=str)


def test_nothing_is_asked_for_that_was_left_empty(opens: Opens, story: Story) -> None:
    seen, name = opens("en"), f"plain-{uuid4().hex[:8]}"
    seen.sign_in()
    seen.button("create.user").first.click()
    seen.page.get_by_role("dialog").get_by_label(seen.t("name"), exact=True).fill(name)
    seen.confirm("create")
    seen.page.get_by_role("heading", name=name, exact=True).wait_for()
    found = story.iam.get_user(UserName=name)["User"]
    assert (found["Path"], found.get("Tags", [])) == ("/", [])
