"""What was just asked appears by itself; a denial opens why, what would allow it, and what would be decided if."""

import json
import re
from uuid import uuid4

import pytest
from playwright.sync_api import Locator

from .conftest import PASSWORD, Opens, Story, denied

GUARDED = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
    {
      "Sid": "NoDeletion",
      "Effect": "Deny",
      "Action": "s3:DeleteBucket",
      "Resource": "*"
    }
  ]
}"""


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_denial_appears_is_explained_and_resolved(opens: Opens, story: Story, language: str) -> None:
    name = f"dai-{language}"
    story.keys[name] = story.user(name)
    story.iam.put_user_policy(UserName=name, PolicyName="guarded", PolicyDocument=GUARDED)
    s3, iam = story.client(name, "s3"), story.client(name, "iam")
    story.client("ana", "sqs").list_queues()
    seen = opens(language)
    page = seen.page
    seen.sign_in()
    page.get_by_role("link", name=seen.t("activity"), exact=True).click()
    main = page.get_by_role("main")
    main.get_by_role("link", name="sqs:ListQueues").first.wait_for()

    # It comes by itself: an explicit Deny, marked in its document, which has no smallest change but itself.
    s3.create_bucket(Bucket=f"guarded-{language}")
    denied(s3.delete_bucket, Bucket=f"guarded-{language}")
    row = main.get_by_role("row").filter(has_text=name).filter(has_text="s3:DeleteBucket")
    row.get_by_text(seen.t("denied"), exact=True).wait_for()
    row.get_by_role("link", name=seen.t("why.of", action="s3:DeleteBucket")).click()
    page.get_by_role("heading", name=seen.t("explained.denied")).wait_for()
    marked = main.locator("pre").first.locator("mark")
    marked.first.wait_for()
    assert json.loads("".join(marked.all_inner_texts()).rstrip(","))["Sid"] == "NoDeletion"
    verdicts = main.get_by_role("table", name=seen.t("verdicts")).inner_text()
    assert seen.t("verdict.explicitDeny") in verdicts
    kind = seen.t("policyType.identity-based policy")
    assert main.get_by_text(seen.t("reason.explicit", type=kind)).is_visible()

    # What if: another action is allowed.
    main.get_by_role("textbox", name=seen.t("action"), exact=True).fill("s3:PutObject")
    seen.button("simulate.run").click()
    main.get_by_text(seen.t("reason.allowed", type=kind)).wait_for()

    # Another: nothing allows it; the smallest change is made with one button, and it is allowed.
    asked = denied(iam.list_roles)
    seen.open("activity", asked)
    main.get_by_text(seen.t("reason.implicit", type=kind, action="iam:ListRoles")).wait_for()
    seen.button("change.add").click()
    page.get_by_role("dialog").get_by_role("button", name=seen.t("change.add"), exact=True).click()
    seen.text(seen.t("change.added")).wait_for()
    assert iam.list_roles()["Roles"]

    # Only what was denied.
    seen.open("activity")
    main.get_by_role("button", name=seen.t("outcome.ALL")).click()
    page.get_by_role("option", name=seen.t("outcome.DENIED"), exact=True).click()
    main.get_by_text(seen.t("allowed"), exact=True).first.wait_for(state="hidden")
    main.get_by_role("link", name="iam:ListRoles").first.wait_for()
    assert main.get_by_text(seen.t("allowed"), exact=True).count() == 0


def test_a_denial_that_the_console_meets_opens_its_explanation(opens: Opens, story: Story) -> None:
    seen = opens("en")
    page = seen.page
    allowed = json.dumps({"Effect": "Allow", "Action": "kansatsu:ExplainRequest", "Resource": "*"})
    story.iam.create_user(UserName="emi")
    text = f'{{"Version": "2012-10-17", "Statement": {allowed}}}'
    story.iam.put_user_policy(UserName="emi", PolicyName="why", PolicyDocument=text)
    story.iam.create_login_profile(UserName="emi", Password=PASSWORD)
    seen.open("roles")
    page.get_by_label(seen.t("signIn.account")).fill("123456789012")
    page.get_by_label(seen.t("signIn.user")).fill("emi")
    page.get_by_role("textbox", name=seen.t("signIn.password")).fill(PASSWORD)
    seen.button("signIn").click()
    page.get_by_role("link", name=seen.t("why"), exact=True).click()
    page.get_by_role("heading", name=seen.t("explained.denied")).wait_for()
    reason = seen.t("reason.implicit", type=seen.t("policyType.identity-based policy"), action="iam:ListRoles")
    seen.text(reason).wait_for()
    seen.open("nope")
    page.get_by_role("heading", name=seen.t("notFound")).wait_for()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_consoles_read_is_hidden_and_counted_and_what_they_change_is_not(
    opens: Opens, story: Story, language: str
) -> None:
    name = f"seen-{uuid4().hex[:8]}"
    seen = opens(language)
    page = seen.page
    seen.sign_in()
    main = page.get_by_role("main")
    seen.open("groups")
    page.get_by_role("link", name="developers", exact=True).wait_for()
    seen.button("create.group").first.click()
    page.get_by_role("dialog").get_by_label(seen.t("name"), exact=True).fill(name)
    seen.confirm("create")
    page.get_by_role("heading", name=name, exact=True).wait_for()
    seen.open("activity")
    main.get_by_role("row").filter(has_text="iam:CreateGroup").filter(has_text=name).first.wait_for()
    hidden = re.compile(re.escape(seen.t("activity.hidden", n=0)).replace("0", r"(\d+)"))
    box = page.get_by_role("checkbox", name=hidden)
    before = told(hidden, box)
    assert before > 0
    # It is counted as it happens: another page reads what has a name of its own.
    other = page.context.new_page()
    other.goto(f"{story.url}#/groups/{name}")
    other.get_by_role("heading", name=name, exact=True).wait_for()
    other.close()
    while told(hidden, box) <= before:
        page.evaluate("new Promise(requestAnimationFrame)")
    box.check()
    main.get_by_role("row").filter(has_text="iam:GetGroup").filter(has_text=name).first.wait_for()
    page.get_by_role("checkbox", name=seen.t("activity.console"), exact=True).wait_for()


def told(pattern: re.Pattern[str], box: Locator) -> int:
    found = pattern.search(box.evaluate("one => one.closest('label, [class*=toggle]').parentElement.innerText"))
    assert found is not None
    return int(found[1])


def test_the_keys_of_a_simulation_are_folded_until_they_are_wanted(opens: Opens, story: Story) -> None:
    seen = opens("en")
    seen.sign_in()
    seen.open("activity", story.denied)
    main = seen.page.get_by_role("main")
    fold = main.get_by_role("button", name=re.compile(re.escape(seen.t("context.given", n=7)).replace("7", r"\d+")))
    fold.wait_for()
    fields = main.get_by_role("textbox", name=seen.t("conditionKey"))
    assert fields.count() == 0
    fold.click()
    fields.first.wait_for()
    assert fields.count() > 3
