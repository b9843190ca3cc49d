"""The third story, clicked: who used what, through which policy; what is unused goes, on evidence, and comes back."""

import json
from urllib.parse import quote

import pytest

from .conftest import PASSWORD, Opens, Seen, Story
from .looks import look


@pytest.mark.parametrize("language", ["en", "ja"])
def test_an_administrator_follows_access_to_policies_and_removes_what_is_unused(
    opens: Opens, story: Story, language: str
) -> None:
    seen = opens(language)
    page = seen.page
    seen.sign_in()
    assert page.locator("html").get_attribute("lang") == language
    assert "#link=" not in page.url

    # A group: who of its members used a service and when, those who never did among them.
    page.get_by_role("link", name=seen.t("groups"), exact=True).click()
    page.get_by_role("link", name="developers", exact=True).click()
    seen.tab("advisor")
    page.get_by_role("button", name=seen.t("advisor.showEntities", service="Amazon S3", n=2), exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("link", name="chie").wait_for()
    look(seen, "advisor-entities", "wide")
    rows = {row.split("\t")[0].split("\n")[0]: row for row in dialog.get_by_role("row").all_inner_texts()}
    never = seen.t("advisor.never")
    assert {name: never in rows[name] for name in ("ana", "ben", "chie")} == {"ana": False, "ben": False, "chie": True}

    # One of them: every policy that gives a service, with its kind, and its document ready to edit.
    dialog.get_by_role("link", name="ana").click()
    page.get_by_role("heading", name="ana", exact=True).wait_for()
    seen.tab("advisor")
    two = seen.t("advisor.count", n=2)
    page.get_by_role("button", name=seen.t("advisor.showPolicies", service="Amazon SQS", policies=two)).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("TeamAccess").wait_for()
    text = dialog.inner_text()
    assert f"{seen.t('kind.managed')}, {seen.t('kind.through', group='developers')}" in text
    assert seen.t("kind.inline") in text
    look(seen, "advisor-policies", "wide")
    dialog.get_by_role("button", name="extra").click()
    dialog.get_by_text('"sns:ListTopics"').wait_for()
    seen.button("edit").click()
    dialog.get_by_role("textbox").fill('{"Statement": ')
    dialog.get_by_text(seen.t("document.noJson")).wait_for()
    assert seen.button("save").is_disabled()
    dialog.get_by_role("textbox").fill('{"Version": "2012-10-17", "Statement": [{"Effect": "Perhaps"}]}')
    seen.button("save").click()
    dialog.get_by_text("MalformedPolicyDocument: Syntax errors in policy.", exact=True).wait_for()  # not lint's
    _close(seen)

    # Its actions; and only what was not used.
    page.get_by_role("button", name=seen.t("advisor.showActions", service="Amazon S3"), exact=True).click()
    page.get_by_role("dialog").get_by_text("ListAllMyBuckets").wait_for()
    look(seen, "advisor-actions", "wide")
    _close(seen)
    page.get_by_role("button", name=seen.t("advisor.all")).click()
    page.get_by_role("option", name=seen.t("advisor.unused", days=90)).click()
    assert page.get_by_role("button", name=seen.t("advisor.showActions", service="Amazon SNS")).is_visible()
    assert page.get_by_role("button", name=seen.t("advisor.showActions", service="Amazon S3"), exact=True).count() == 0

    # What is unused goes, and comes back.
    before = _policies(story)
    seen.button("unused").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(seen.t("replay.none")).wait_for()
    assert dialog.get_by_text(seen.t("fate.removed")).count() >= 1
    assert '+         "sqs:ListQueues"' in dialog.locator("pre").inner_text()
    assert seen.button("apply").is_disabled()
    dialog.get_by_role("checkbox").check()
    seen.button("apply").click()
    seen.text(seen.t("unused.applied")).wait_for()
    assert _policies(story) != before
    seen.button("undo").click()
    seen.text(seen.t("unused.undone")).wait_for()
    assert _policies(story) == before


def _close(seen: Seen) -> None:
    dialog = seen.page.get_by_role("dialog")
    dialog.get_by_role("button", name=seen.t("close"), exact=True).last.click()
    dialog.wait_for(state="hidden")


def _policies(story: Story) -> tuple[object, ...]:
    iam = story.iam
    names = iam.list_user_policies(UserName="ana")["PolicyNames"]
    documents = {name: iam.get_user_policy(UserName="ana", PolicyName=name)["PolicyDocument"] for name in names}
    attached = iam.list_attached_user_policies(UserName="ana")["AttachedPolicies"]
    return json.dumps(documents, sort_keys=True), sorted(one["PolicyName"] for one in attached)


def test_signing_in_by_password_what_is_denied_and_signing_out(opens: Opens, story: Story) -> None:
    seen = opens("en")
    page = seen.page
    seen.open("roles")
    page.get_by_label(seen.t("signIn.account")).fill("123456789012")
    page.get_by_label(seen.t("signIn.user")).fill("chie")
    password = page.get_by_role("textbox", name=seen.t("signIn.password"))
    password.fill("wrong")
    seen.button("signIn").click()
    seen.text(seen.t("error.signInFailed")).wait_for()
    password.fill(PASSWORD)
    seen.button("signIn").click()
    # She may list users and nothing else: the page says what AWS says.
    seen.text("AccessDenied: User: arn:aws:iam::123456789012:user/chie is not authorized").wait_for()
    assert seen.text(seen.t("list.unknown")).is_visible() and seen.text(seen.t("roles.none")).count() == 0
    page.get_by_role("link", name=seen.t("users"), exact=True).click()
    page.get_by_role("link", name="ana", exact=True).wait_for()
    page.reload()
    page.get_by_role("link", name="ana", exact=True).wait_for()
    page.get_by_role("button", name="chie @ 123456789012").click()
    page.get_by_role("menuitem", name=seen.t("signOut")).click()
    page.get_by_role("heading", name=seen.t("signIn")).wait_for()
    page.reload()
    page.get_by_role("heading", name=seen.t("signIn")).wait_for()


def test_language_and_appearance_are_chosen_and_kept(opens: Opens) -> None:
    seen, japanese = opens("en"), opens("ja")
    page = seen.page
    page.goto(seen.story.url)
    page.get_by_role("button", name=f"{seen.t('language')}: English").click()
    page.get_by_role("menuitemcheckbox", name="日本語").click()
    page.get_by_role("heading", name=japanese.t("signIn")).wait_for()
    page.get_by_role("button", name=japanese.t("theme")).click()
    page.get_by_role("menuitemcheckbox", name=japanese.t("theme.dark")).click()
    page.locator("html.dark").wait_for()
    page.reload()
    page.get_by_role("heading", name=japanese.t("signIn")).wait_for()
    page.locator("html.dark").wait_for()


def test_writing_attaching_and_detaching(opens: Opens, story: Story) -> None:
    seen = opens("en")
    page, iam = seen.page, story.iam
    seen.sign_in()
    seen.open("roles", "web-server")
    seen.button("attach").click()
    page.get_by_role("dialog").get_by_role("button", name=seen.t("choose")).click()
    page.get_by_role("option", name="TeamAccess").click()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").get_by_role("button", name=seen.t("attach"), exact=True).click()
    page.get_by_role("button", name=f"{seen.t('detach')} TeamAccess").wait_for()
    assert _attached(story) == ["TeamAccess"]
    page.get_by_role("button", name=f"{seen.t('detach')} TeamAccess").click()
    page.get_by_role("dialog").get_by_role("button", name=seen.t("detach"), exact=True).click()
    seen.text(seen.t("detached", name="TeamAccess")).wait_for()
    assert _attached(story) == []

    seen.open("policies", quote(story.team, safe=""))
    seen.button("edit").click()
    box = page.get_by_role("textbox", name=seen.t("document"))
    box.fill(box.input_value().replace("kms:ListKeys", "kms:ListAliases"))
    seen.button("save").click()
    seen.text(seen.t("saved", name="TeamAccess")).wait_for()
    made = iam.get_policy(PolicyArn=story.team)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=story.team, VersionId=made)["PolicyVersion"]["Document"]
    assert (made, "kms:ListAliases" in json.dumps(found)) == ("v2", True)


def _attached(story: Story) -> list[str]:
    found = story.iam.list_attached_role_policies(RoleName="web-server")["AttachedPolicies"]
    return [one["PolicyName"] for one in found]
