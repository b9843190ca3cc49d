"""Every way in and out; a session that ends in the middle of a form, and scripts that do not come: nothing is lost."""

import json
import time
from uuid import uuid4

import pytest

from kansatsu.identity import totp

from .conftest import PASSWORD, Opens, Seen, Story, document

ENDED = """async () => (await fetch("/_kansatsu/console/api/sign-out", {
  method: "POST", body: "{}",
  headers: {"content-type": "application/json", "x-kansatsu-console": localStorage.getItem("kansatsu-console-word")},
})).status"""


@pytest.fixture
def admin(story: Story) -> str:
    """The name of a user of this test alone, who may do everything."""
    name = f"hana-{uuid4().hex[:8]}"
    story.iam.create_user(UserName=name)
    story.iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=document("*"))
    story.iam.create_login_profile(UserName=name, Password=PASSWORD)
    return name


def by_password(seen: Seen, name: str) -> None:
    """What the form asks for; by whoever it asks."""
    page = seen.page
    page.get_by_label(seen.t("signIn.account")).fill("123456789012")
    page.get_by_label(seen.t("signIn.user")).fill(name)
    page.get_by_role("textbox", name=seen.t("signIn.password")).fill(PASSWORD)
    seen.button("signIn").click()


def test_an_access_key_signs_in(opens: Opens, story: Story) -> None:
    key = story.keys["chie"]
    seen = opens("en")
    page = seen.page
    seen.open("users")
    seen.tab("signIn.byKey")
    page.get_by_label(seen.t("signIn.accessKeyId")).fill(key["aws_access_key_id"])
    secret = page.get_by_label(seen.t("signIn.secretAccessKey"))
    secret.fill("x" * 40)
    seen.button("signIn").click()
    seen.text(seen.t("error.signInFailed")).wait_for()
    secret.fill(key["aws_secret_access_key"])
    seen.button("signIn").click()
    page.get_by_role("link", name="ana", exact=True).wait_for()
    page.get_by_role("button", name="chie @ 123456789012").wait_for()


def test_a_link_signs_in_once(opens: Opens, story: Story) -> None:
    first, second = opens("en"), opens("en")
    link = story.link()
    first.page.goto(link)
    first.page.get_by_role("link", name="ana", exact=True).wait_for()
    second.page.goto(link)
    second.text(second.t("error.linkInvalid")).wait_for()


def test_a_password_needs_the_code_of_its_device(opens: Opens, story: Story, admin: str) -> None:
    made = story.iam.create_virtual_mfa_device(VirtualMFADeviceName=admin)["VirtualMFADevice"]
    seed = made["Base32StringSeed"].decode()
    # A device that is a step behind: its code of the next step is good for a minute at least.
    step = int(time.time()) // totp.STEP
    codes = {f"AuthenticationCode{n}": totp.code(seed, step + n - 3) for n in (1, 2)}
    story.iam.enable_mfa_device(UserName=admin, SerialNumber=made["SerialNumber"], **codes)
    seen = opens("en")
    page = seen.page
    seen.open("groups")
    by_password(seen, admin)
    code = page.get_by_label(seen.t("signIn.code"))
    code.fill("000000" if codes["AuthenticationCode1"] != "000000" else "111111")
    seen.button("signIn").click()
    seen.text(seen.t("error.codeWrong")).wait_for()
    code.fill(totp.code(seed, int(time.time()) // totp.STEP))
    seen.button("signIn").click()
    page.get_by_role("link", name="developers", exact=True).wait_for()


def test_a_password_that_must_be_changed_is_changed(opens: Opens, story: Story, admin: str) -> None:
    story.iam.update_login_profile(UserName=admin, PasswordResetRequired=True)
    seen = opens("ja", "narrow")
    page = seen.page
    seen.open("groups")
    by_password(seen, admin)
    seen.text(seen.t("signIn.mustChange")).wait_for()
    page.get_by_label(seen.t("signIn.newPassword"), exact=True).fill(PASSWORD + "1")
    page.get_by_label(seen.t("signIn.again")).fill(PASSWORD + "2")
    seen.button("signIn").click()
    seen.text(seen.t("signIn.differ")).wait_for()
    page.get_by_label(seen.t("signIn.again")).fill(PASSWORD + "1")
    seen.button("signIn").click()
    page.get_by_role("link", name="developers", exact=True).wait_for()
    assert story.iam.get_login_profile(UserName=admin)["LoginProfile"]["PasswordResetRequired"] is False


def begin_policy(seen: Seen, name: str, text: str) -> None:
    """A policy is half written when the server ends the session."""
    seen.open("policies")
    seen.button("create.policy").first.click()
    dialog = seen.page.get_by_role("dialog")
    dialog.get_by_label(seen.t("name"), exact=True).fill(name)
    dialog.get_by_role("textbox", name=seen.t("document")).fill(text)
    assert seen.page.evaluate(ENDED) == 200
    dialog.get_by_role("button", name=seen.t("create"), exact=True).click()


@pytest.mark.parametrize(("language", "width"), [("en", "wide"), ("ja", "narrow")])
def test_a_session_that_ends_loses_nothing_that_was_typed(
    opens: Opens, story: Story, admin: str, language: str, width: str
) -> None:
    seen = opens(language, width)
    page = seen.page
    seen.open("policies")
    by_password(seen, admin)
    seen.button("create.policy").first.wait_for()
    name = f"Half-{admin}"
    begin_policy(seen, name, document("s3:GetObject"))
    again = page.get_by_role("dialog").filter(has_text=seen.t("signIn.over", user=admin))
    again.wait_for()
    page.keyboard.press("Escape")
    assert again.get_by_label(seen.t("signIn.user")).input_value() == admin
    again.get_by_role("textbox", name=seen.t("signIn.password")).fill(PASSWORD)
    again.get_by_role("button", name=seen.t("signIn"), exact=True).click()
    page.get_by_role("heading", name=name, exact=True).wait_for()
    arn = f"arn:aws:iam::123456789012:policy/{name}"
    found = story.iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
    assert found == json.loads(document("s3:GetObject"))


def test_who_signs_in_instead_sees_and_sends_nothing_of_it(opens: Opens, story: Story, admin: str) -> None:
    """INVARIANT: what one user typed is never asked for with another's permissions."""
    seen = opens("en")
    page = seen.page
    seen.open("policies")
    by_password(seen, "chie")
    seen.text("AccessDenied").first.wait_for()
    name = f"Foreign-{admin}"
    begin_policy(seen, name, document("s3:GetObject"))
    again = page.get_by_role("dialog").filter(has_text=seen.t("signIn.over", user="chie"))
    again.get_by_label(seen.t("signIn.user")).fill(admin)
    again.get_by_role("textbox", name=seen.t("signIn.password")).fill(PASSWORD)
    again.get_by_role("button", name=seen.t("signIn"), exact=True).click()
    page.get_by_role("button", name=f"{admin} @ 123456789012").wait_for()
    page.get_by_role("link", name="TeamAccess", exact=True).wait_for()
    assert page.get_by_role("dialog").count() == 0
    assert name not in [one["PolicyName"] for one in story.iam.list_policies(Scope="Local")["Policies"]]


def test_two_tabs_are_one_session(opens: Opens, story: Story) -> None:
    """INVARIANT: signed out in one, the other shows and sends nothing more; signed in there, both go on."""
    seen, name = opens("en"), f"tabs-{uuid4().hex[:8]}"
    seen.sign_in()
    other = seen.page.context.new_page()
    other.goto(f"{story.url}#/groups")
    other.get_by_role("button", name=seen.t("create.group"), exact=True).click()
    dialog = other.get_by_role("dialog")
    dialog.get_by_label(seen.t("name")).fill(name)
    seen.page.get_by_role("button", name="admin @ 123456789012").click()
    seen.page.get_by_role("menuitem", name=seen.t("signOut")).click()
    seen.page.get_by_role("heading", name=seen.t("signIn")).wait_for()
    other.get_by_role("heading", name=seen.t("signIn")).wait_for()
    assert dialog.count() == 0 and other.get_by_text("developers").count() == 0
    seen.sign_in()
    other.get_by_role("link", name="developers", exact=True).wait_for()
    assert name not in [one["GroupName"] for one in story.iam.list_groups()["Groups"]]
    # What clears the browser's storage signs out as well.
    seen.page.evaluate("localStorage.clear()")
    other.get_by_role("heading", name=seen.t("signIn")).wait_for()


def test_back_and_forward_and_what_was_told_ends_with_its_page(opens: Opens, story: Story, admin: str) -> None:
    seen = opens("en")
    page = seen.page
    heading = lambda name: page.get_by_role("heading", name=name, exact=True).wait_for()  # noqa: E731
    seen.sign_in()
    seen.open("users", admin, "tags")
    heading(admin)
    seen.button("tags.add").click()
    page.get_by_role("textbox", name=seen.t("tags.key"), exact=True).fill("team")
    seen.button("save").click()
    told = seen.text(seen.t("saved", name=seen.t("tags")))
    told.wait_for()
    seen.tab("permissions")
    page.get_by_role("button", name="all", exact=True).wait_for()
    assert told.is_visible()
    seen.open("groups", "developers")
    heading("developers")
    told.wait_for(state="hidden")
    page.go_back()
    heading(admin)
    page.get_by_role("tab", name=seen.t("permissions"), exact=True, selected=True).wait_for()
    page.go_back()
    page.get_by_role("tab", name=seen.t("tags"), exact=True, selected=True).wait_for()
    page.go_forward()
    page.go_forward()
    heading("developers")


def test_signing_out_ends_the_session_and_what_was_told_in_it(opens: Opens, story: Story, admin: str) -> None:
    seen = opens("en")
    page = seen.page
    seen.open("users", "ana", "tags")
    by_password(seen, admin)
    seen.button("tags.add").click()
    page.get_by_role("textbox", name=seen.t("tags.key"), exact=True).last.fill(admin)
    seen.button("save").click()
    told = seen.text(seen.t("saved", name=seen.t("tags")))
    told.wait_for()
    page.get_by_role("button", name=f"{admin} @ 123456789012").click()
    page.get_by_role("menuitem", name=seen.t("signOut")).click()
    page.get_by_role("heading", name=seen.t("signIn")).wait_for()
    by_password(seen, admin)
    page.get_by_role("button", name=f"{admin} @ 123456789012").wait_for()
    assert told.count() == 0
    story.iam.untag_user(UserName="ana", TagKeys=[admin])


@pytest.mark.parametrize("missing", ["index", "en"])
def test_a_script_that_does_not_come_is_told_of(opens: Opens, story: Story, missing: str) -> None:
    seen = opens("en")
    page = seen.page
    page.route(f"**/assets/{missing}-*.js", lambda route: route.abort())
    page.goto(story.url)
    page.get_by_role("alert").get_by_text("could not be loaded").wait_for()


def test_without_javascript_the_page_says_so(opens: Opens, story: Story) -> None:
    seen = opens("en", scripts=False)
    seen.page.goto(story.url)
    said = seen.page.locator("noscript")
    said.wait_for()
    assert "needs JavaScript" in said.inner_text()
