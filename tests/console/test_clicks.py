"""What no story clicks: access keys, what a list does not find, services of a cluster, who is behind a report."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from kansatsu.testing import Kansatsu

from .conftest import Opens, Seen, Story, document
from .test_iam import TRUST


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    """Of these tests alone: what they leave in lists is on no page of others."""
    with Kansatsu() as kansatsu:
        yield Story(kansatsu)


def test_an_access_key_from_first_to_last(opens: Opens, story: Story) -> None:
    name = f"keyed-{uuid4().hex[:8]}"
    story.iam.create_user(UserName=name)
    seen = opens("en")
    page, main = seen.page, seen.page.get_by_role("main")
    seen.sign_in()
    seen.open("users", name, "keys")
    main.get_by_text(seen.t("keys.none")).wait_for()
    seen.button("keys.create").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(seen.t("keys.once")).wait_for()
    key, secret = (one.strip() for one in dialog.get_by_role("definition").all_text_contents())
    seen.confirm("done")
    main.get_by_text(key, exact=True).wait_for()
    assert re.fullmatch("[A-Za-z0-9/+]{40}", secret) and secret not in page.content()

    # What was shown signs, as long as the key is active, and no longer.
    story.keys[name] = {"aws_access_key_id": key, "aws_secret_access_key": secret}
    sts = story.client(name, "sts")
    assert sts.get_caller_identity()["Arn"].endswith(f":user/{name}")
    row = main.get_by_role("row").filter(has_text=key)
    for act, state in (("deactivate", "inactive"), ("activate", "active"), ("deactivate", "inactive")):
        row.get_by_role("button", name=f"{seen.t(act)} {key}").click()
        row.get_by_text(seen.t(state), exact=True).wait_for()
        assert _signs(sts) == (state == "active")
    row.get_by_role("button", name=f"{seen.t('delete')} {key}").click()
    page.get_by_role("dialog").get_by_text(seen.t("keys.deleteAbout")).wait_for()
    seen.confirm("delete")
    main.get_by_text(seen.t("keys.none")).wait_for()
    assert story.iam.list_access_keys(UserName=name)["AccessKeyMetadata"] == []
    assert not _signs(sts)


def _signs(sts: Any) -> bool:
    try:
        return bool(sts.get_caller_identity())
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidClientTokenId":
            raise
        return False


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_list_finds_by_a_word_and_says_when_nothing_matches(opens: Opens, story: Story, language: str) -> None:
    total = len(story.iam.list_users()["Users"])
    seen = opens(language)
    page, main = seen.page, seen.page.get_by_role("main")
    seen.sign_in()
    main.get_by_role("searchbox").fill("CHIE")
    for count, word in ((1, "no-such-user"), (0, "")):
        page.get_by_role("heading", name=f"{seen.t('users')} ({count}/{total})").wait_for()
        assert main.get_by_role("link", name="chie", exact=True).count() == count
        assert main.get_by_text(seen.t("noMatch"), exact=True).count() == 1 - count
        main.get_by_role("searchbox").fill(word)
    page.get_by_role("heading", name=f"{seen.t('users')} ({total})").wait_for()
    main.get_by_role("link", name="ana", exact=True).wait_for()

    # A role by who may assume it; a policy among those of AWS alone, where none of our own is.
    seen.open("roles")
    main.get_by_role("searchbox").fill("EC2.amazonaws.com")
    main.get_by_role("link", name="web-server", exact=True).wait_for()
    seen.open("policies")
    main.get_by_role("link", name="TeamAccess", exact=True).wait_for()
    main.get_by_role("button", name=seen.t("scope.Local")).click()
    page.get_by_role("option", name=seen.t("scope.AWS"), exact=True).click()
    main.get_by_role("searchbox").fill("AmazonS3ReadOnlyAccess")
    main.get_by_role("link", name="AmazonS3ReadOnlyAccess", exact=True).wait_for()
    main.get_by_role("searchbox").fill("TeamAccess")
    main.get_by_text(seen.t("noMatch"), exact=True).wait_for()


@pytest.mark.parametrize("kind", ["groups", "policies"])
def test_a_report_opens_who_used_a_service_and_when(opens: Opens, story: Story, kind: str) -> None:
    iam, tag = story.iam, uuid4().hex[:8]
    group, used, idle, role = (f"{each}-{tag}" for each in ("reporters", "used", "idle", "role"))
    arn = iam.create_policy(PolicyName=group, PolicyDocument=document("s3:ListAllMyBuckets", "sns:ListTopics"))[
        "Policy"
    ]["Arn"]
    iam.create_group(GroupName=group)
    iam.attach_group_policy(GroupName=group, PolicyArn=arn)
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    for name in (used, idle):
        story.keys[name] = story.user(name)
        iam.add_user_to_group(GroupName=group, UserName=name)
    story.client(used, "s3").list_buckets()
    never = {idle, role} if kind == "policies" else {idle}
    seen = opens("en")
    page = seen.page
    seen.sign_in()
    seen.open(kind, quote(arn, safe="") if kind == "policies" else group, "advisor")
    assert _entities(seen, "Amazon SNS", 0) == dict.fromkeys(never | {used}, True)
    seen.button("close").last.click()
    page.get_by_role("dialog").wait_for(state="hidden")
    page.get_by_role("button", name=seen.t("advisor.all")).click()
    page.get_by_role("option", name=seen.t("advisor.used"), exact=True).click()
    page.get_by_role("button", name=seen.t("advisor.showActions", service="Amazon SNS")).wait_for(state="hidden")
    assert _entities(seen, "Amazon S3", 1) == dict.fromkeys(never, True) | {used: False}
    page.get_by_role("dialog").get_by_role("link", name=used, exact=True).click()
    page.get_by_role("heading", name=used, exact=True).wait_for()


def _entities(seen: Seen, service: str, count: int) -> dict[str, bool]:
    """Who may use the service, by the window that the number opens: whether they never did."""
    seen.button("advisor.showEntities", service=service, n=count).click()
    dialog = seen.page.get_by_role("dialog")
    dialog.get_by_role("link").first.wait_for()
    rows = dialog.get_by_role("row").filter(has=seen.page.get_by_role("link")).all()
    never = seen.t("advisor.never")
    return {one.get_by_role("link").inner_text(): one.get_by_text(never).count() == 1 for one in rows}


def test_the_services_of_a_cluster(opens: Opens, story: Story) -> None:
    """One that wants no task needs no engine."""
    ecs, name = story.kansatsu.client("ecs"), f"shop-{uuid4().hex[:8]}"
    ecs.create_cluster(clusterName=name)
    container = {"name": "app", "image": "app", "memory": 64}
    ecs.register_task_definition(family=name, containerDefinitions=[container])
    ecs.create_service(cluster=name, serviceName=name, taskDefinition=name, desiredCount=0)
    seen = opens("en")
    page, main = seen.page, seen.page.get_by_role("main")
    seen.sign_in()
    seen.open("clusters")
    main.get_by_role("link", name=name, exact=True).click()
    main.get_by_text(seen.t("tasks.none")).wait_for()
    seen.tab("services.of")
    row = main.get_by_role("row").filter(has_text=name)
    row.get_by_text("0 / 0", exact=True).wait_for()
    assert row.get_by_text(seen.t("state.active"), exact=True).is_visible()
    main.get_by_role("searchbox").fill("nothing-of-it")
    main.get_by_text(seen.t("noMatch"), exact=True).wait_for()
    main.get_by_role("searchbox").fill(name)
    row.get_by_role("link", name=f"{name}:1", exact=True).click()
    page.get_by_role("heading", name=f"{name}:1", exact=True).wait_for()
    page.go_back()
    row.get_by_text("0 / 0", exact=True).wait_for()
