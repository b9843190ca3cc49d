"""What "Remove unused" is about to do is said before it does it, and what speaks against it is agreed to by name."""

import json
from urllib.parse import quote
from uuid import uuid4

import pytest

from .conftest import Opens, Story, document
from .looks import look_all_over
from .test_phrases import PHRASES


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_group_is_told_what_is_detached_and_made_and_how_young_the_record_is(
    opens: Opens, story: Story, language: str
) -> None:
    iam, name = story.iam, f"team-{uuid4().hex[:8]}"
    arn = iam.create_policy(PolicyName=name, PolicyDocument=document("sqs:ListQueues", "sns:ListTopics"))["Policy"][
        "Arn"
    ]
    iam.create_group(GroupName=name)
    iam.attach_group_policy(GroupName=name, PolicyArn=arn)
    iam.put_group_policy(GroupName=name, PolicyName="more", PolicyDocument=document("kms:ListKeys"))
    story.keys[name] = story.user(name)
    iam.add_user_to_group(GroupName=name, UserName=name)
    story.client(name, "sqs").list_queues()
    seen = opens(language)
    page = seen.page
    seen.sign_in()
    seen.open("groups", name, "advisor")
    seen.button("unused").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(seen.t("steps")).wait_for()
    told = dialog.inner_text()
    for key, policy in (("step.create", "suggested"), ("step.detach", name), ("step.delete", "more")):
        assert seen.t(key, policy=policy) in told.replace(arn, name), key
    # The record is minutes old: silence says little, and that is what must be agreed to.
    assert seen.t("unused.low") in told and seen.t("unused.lowAbout") in told
    since = seen.t("unused.since", days=0, n=1).partition("{since}")
    assert all(part in " ".join(told.split()) for part in since[::2])
    look_all_over(seen, "unused-group")
    assert seen.button("apply").is_disabled()
    dialog.get_by_role("checkbox", name=seen.t("unused.agree", why=seen.t("unused.agreeLow"))).check()
    seen.button("apply").click()
    seen.text(seen.t("unused.applied")).wait_for()
    assert iam.list_attached_group_policies(GroupName=name)["AttachedPolicies"] == []
    assert iam.list_group_policies(GroupName=name)["PolicyNames"] == ["suggested"]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 0
    left = iam.get_group_policy(GroupName=name, PolicyName="suggested")["PolicyDocument"]
    assert "sqs:ListQueues" in json.dumps(left) and "sns" not in json.dumps(left)
    seen.button("undo").click()
    seen.text(seen.t("unused.undone")).wait_for()
    assert iam.list_group_policies(GroupName=name)["PolicyNames"] == ["more"]

    # Of a managed policy it is another version, for all who have it.
    seen.open("policies", arn.replace("/", "%2F").replace(":", "%3A"), "advisor")
    page.get_by_role("heading", name=name, exact=True).wait_for()
    seen.button("unused").click()
    dialog.get_by_text(seen.t("steps")).wait_for()
    assert seen.t("step.version", policy=arn) in dialog.inner_text()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_managed_policy_that_nobody_used_is_said_to_be_one_to_detach(
    opens: Opens, story: Story, language: str
) -> None:
    made = story.iam.create_policy(PolicyName=f"idle-{uuid4().hex[:8]}", PolicyDocument=document("sqs:*"))["Policy"]
    seen = opens(language)
    seen.sign_in()
    seen.open("policies", quote(made["Arn"], safe=""), "advisor")
    seen.button("unused").click()
    said = next(phrase for phrase in PHRASES if phrase.startswith("Nothing on record was allowed by {arn}: detach it"))
    told = PHRASES[said] if language == "ja" else said
    dialog = seen.page.get_by_role("dialog")
    dialog.get_by_text(told.replace("{arn}", made["Arn"])).wait_for()
    assert not dialog.get_by_text(seen.t("error.invalid")).count()  # no value was wrong
