"""IAM by clicks: an editor that completes and finds fault; groups, boundary, password, device; what depends on whom."""

import json
import re
import time
from urllib.parse import quote
from uuid import uuid4

import pytest
from sqlalchemy import delete, insert

from kansatsu import identity
from kansatsu.clock import SystemClock
from kansatsu.identity import schema, totp

from .conftest import PASSWORD, Opens, Seen, Story, document
from .looks import look

TRUST = json.dumps(
    {"Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}}
)
# Elements of texts that are wider than the page and in nothing that scrolls.
BEYOND = """main => [...main.querySelectorAll("h1, h2, h3, a, span, dd")].filter(one => {
  const box = one.getBoundingClientRect();
  if (box.width === 0 || box.right <= innerWidth + 1) return false;
  for (let at = one.parentElement; at; at = at.parentElement)
    if (/auto|scroll|hidden/.test(getComputedStyle(at).overflowX)) return false;
  return true;
}).map(one => one.outerHTML.slice(0, 200))"""


def test_an_editor_completes_and_says_what_is_wrong(opens: Opens, story: Story) -> None:
    seen = opens("en")
    page = seen.page
    seen.sign_in()
    seen.open("policies")
    seen.button("create.policy").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(seen.t("name"), exact=True).fill("Completed")
    box = dialog.get_by_role("textbox", name=seen.t("document"))
    box.fill('{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Resource": "arn:aws:s3:::b/*", "Action": "')
    # A service, one of its actions, a condition key; by the mouse and by the keyboard.
    box.press_sequentially("s3")
    dialog.get_by_role("button", name="s3:", exact=True).click()
    box.press_sequentially("getobjectta")
    dialog.get_by_role("button", name="s3:GetObjectTagging", exact=True).wait_for()
    box.press("Control+Space")
    box.press("End")
    box.press_sequentially(', "Condition": {"IpAddress": {"aws:sourcei')
    dialog.get_by_role("button", name="aws:SourceIp", exact=True).click()
    box.press("End")
    box.press_sequentially(': "192.0.2.0/33"}}}}')
    assert '"s3:GetObjectTagging", "Condition": {"IpAddress": {"aws:SourceIp": "192' in box.input_value()
    findings = dialog.get_by_role("list", name=seen.t("lint"))
    findings.get_by_text("192.0.2.0/33").wait_for()
    box.fill(box.input_value().replace("/33", "/24"))
    dialog.get_by_text("192.0.2.0/33").wait_for(state="hidden")
    seen.confirm("create")
    page.get_by_role("heading", name="Completed", exact=True).wait_for()
    assert story.iam.get_policy(PolicyArn=story.team.replace("TeamAccess", "Completed"))


def test_a_user_from_first_to_last(opens: Opens, story: Story) -> None:
    iam = story.iam
    iam.create_user(UserName="fumi")
    iam.put_user_policy(UserName="fumi", PolicyName="own", PolicyDocument=document("s3:*"))
    seen = opens("en")
    page, main = seen.page, seen.page.get_by_role("main")
    seen.sign_in()

    seen.open("users", "fumi", "groups")
    seen.button("members.join").click()
    seen.choose("choose", "developers")
    page.keyboard.press("Escape")
    seen.confirm("members.join")
    main.get_by_role("link", name="developers", exact=True).wait_for()
    assert [one["GroupName"] for one in iam.list_groups_for_user(UserName="fumi")["Groups"]] == ["developers"]

    page.get_by_role("button", name=f"{seen.t('edit')} {seen.t('boundary')}").click()
    seen.choose("boundary", "TeamAccess")
    seen.confirm("save")
    main.get_by_role("link", name="TeamAccess", exact=True).first.wait_for()
    assert iam.get_user(UserName="fumi")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == story.team

    seen.tab("console")
    seen.button("password.set").click()
    page.get_by_role("dialog").get_by_label(seen.t("signIn.newPassword")).fill(PASSWORD)
    seen.confirm("save")
    seen.button("password.delete").wait_for()
    assert iam.get_login_profile(UserName="fumi")["LoginProfile"]["PasswordResetRequired"] is True
    _add_device(seen)
    (device,) = iam.list_mfa_devices(UserName="fumi")["MFADevices"]
    main.get_by_text(device["SerialNumber"]).wait_for()

    # What depends on her is said; with a yes it goes with her.
    seen.button("delete").first.click()
    dialog = page.get_by_role("dialog")
    for key, name in (("group", "developers"), ("inline", "own"), ("device", device["SerialNumber"])):
        dialog.get_by_text(seen.t(f"needed.{key}", name=name)).wait_for()
    assert dialog.get_by_text(seen.t("needed.password"), exact=True).is_visible()
    seen.confirm("delete")
    seen.text(seen.t("deleted", name="fumi")).wait_for()
    assert "fumi" not in [one["UserName"] for one in iam.list_users()["Users"]]


def _add_device(seen: Seen) -> None:
    page = seen.page
    seen.button("mfa.add").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=seen.t("next")).click()
    seed = dialog.get_by_label(seen.t("mfa.seed")).input_value()
    assert dialog.get_by_role("img", name=seen.t("mfa.qr")).evaluate("image => image.naturalWidth") > 0
    step = int(time.time()) // totp.STEP
    for at in (0, 1):
        dialog.get_by_label(seen.t("mfa.code", n=at + 1)).fill(totp.code(seed, step + at))
    seen.confirm("mfa.enable")


def test_a_profile_from_first_to_last(opens: Opens, story: Story) -> None:
    iam = story.iam
    name = f"made-{uuid4().hex[:8]}"
    seen = opens("en")
    page, main = seen.page, seen.page.get_by_role("main")
    seen.sign_in()
    seen.open("profiles")
    seen.button("create.profile").click()
    page.get_by_role("dialog").get_by_label(seen.t("name")).fill(name)
    seen.confirm("create")
    page.get_by_role("heading", name=name, exact=True).wait_for()
    main.get_by_text(seen.t("profile.noHolders")).wait_for()
    seen.button("profile.changeRole").click()
    seen.choose("role", "web-server")
    seen.confirm("save")
    main.get_by_role("link", name="web-server", exact=True).wait_for()
    seen.tab("tags")
    seen.button("tags.add").click()
    main.get_by_role("textbox", name=seen.t("tags.key"), exact=True).fill("team")
    seen.button("save").click()
    seen.text(seen.t("saved", name=seen.t("tags"))).wait_for()
    found = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert ([one["RoleName"] for one in found["Roles"]], found["Tags"]) == (
        ["web-server"],
        [{"Key": "team", "Value": ""}],
    )
    seen.button("delete").click()
    page.get_by_role("dialog").get_by_text(seen.t("needed.role", name="web-server")).wait_for()
    seen.confirm("delete")
    seen.text(seen.t("deleted", name=name)).wait_for()
    main.get_by_role("link", name="web-server", exact=True).first.wait_for()
    left = iam.get_paginator("list_instance_profiles").paginate().build_full_result()["InstanceProfiles"]
    assert name not in [one["InstanceProfileName"] for one in left]


def test_a_policy_is_detached_on_its_page(opens: Opens, story: Story) -> None:
    iam = story.iam
    name = f"Gone-{uuid4().hex[:8]}"
    arn = iam.create_policy(PolicyName=name, PolicyDocument=document("s3:*"))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="web-server", PolicyArn=arn)
    seen = opens("en")
    page, main = seen.page, seen.page.get_by_role("main")
    seen.sign_in()
    seen.open("policies", quote(arn, safe=""), "entities")
    main.get_by_role("link", name="web-server", exact=True).wait_for()
    main.get_by_role("button", name=f"{seen.t('detach')} web-server").click()
    seen.confirm("detach")
    main.get_by_text(seen.t("attachedTo.none")).wait_for()
    assert iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"] == []
    seen.button("delete").click()
    page.get_by_role("dialog").get_by_text(seen.t("needed.nothing")).wait_for()
    seen.confirm("delete")
    seen.text(seen.t("deleted", name=name)).wait_for()
    assert name not in [one["PolicyName"] for one in iam.list_policies(Scope="Local")["Policies"]]


@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_the_longest_names_and_paths_fit(opens: Opens, story: Story, width: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: 64 and 128 letters, paths of 512."""
    iam = story.iam
    tag = uuid4().hex[:8]
    path = f"/{'p' * 510}/"
    user, profile, policy = f"{tag}{'W' * 56}", f"{tag}{'W' * 120}", f"{tag}{'M' * 120}"
    iam.create_user(UserName=user, Path=path, Tags=[{"Key": "k" * 128, "Value": "v" * 256}])
    iam.put_user_policy(UserName=user, PolicyName=policy, PolicyDocument=document("s3:*"))
    iam.create_role(RoleName=user, Path=path, AssumeRolePolicyDocument=TRUST, Description="D" * 1000)
    iam.create_instance_profile(InstanceProfileName=profile, Path=path)
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=user)
    arn = iam.create_policy(PolicyName=policy, Path=path, PolicyDocument=document("s3:*"))["Policy"]["Arn"]
    seen = opens("ja", width)
    page, main = seen.page, seen.page.get_by_role("main")
    seen.sign_in()
    for place, name in (
        (("users",), user),
        (("users", user), policy),
        (("users", user, "tags"), user),
        (("roles", user), user),
        (("profiles",), profile),
        (("profiles", profile), user),
        (("policies", quote(arn, safe="")), policy),
    ):
        seen.open(*place)
        main.get_by_text(name).first.wait_for()
        look(seen, f"long-{'-'.join(place[:1] + place[2:])}{len(place)}", width)
        # No title, dialog or text is cut off or runs out of its box: tables alone may scroll.
        assert main.evaluate(BEYOND) == []
        if width == "wide":
            assert all(
                table.evaluate("one => one.getBoundingClientRect().right <= innerWidth")
                for table in main.get_by_role("table").all()
            )
    seen.button("delete").first.click()
    page.get_by_role("dialog").get_by_text(policy).first.wait_for()
    look(seen, "long-delete", width)


# The lines of a text, as they are shown.
LINES = """one => {
  const range = document.createRange(), lines = [];
  const walker = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) for (let at = 0; at < node.length; at++) {
    range.setStart(node, at);
    range.setEnd(node, at + 1);
    const { top } = range.getBoundingClientRect();
    if (lines.at(-1)?.top !== top) lines.push({ top, text: "" });
    lines.at(-1).text += node.data[at];
  }
  return lines.map(line => line.text);
}"""


def test_names_break_between_their_parts(opens: Opens, story: Story) -> None:
    name, path = f"PayrollExportNightlyReconciliation-{uuid4().hex[:8]}", "/finance/batch-jobs/"
    arn = story.iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    seen = opens("en", "narrow")
    main = seen.page.get_by_role("main")
    seen.sign_in()
    seen.open("roles", name)
    for shown in (main.get_by_role("heading", name=name, exact=True), main.get_by_text(arn, exact=True)):
        *lines, _ = shown.evaluate(LINES)
        assert lines
        assert [line for line in lines if not re.search("([:/-]|Payroll|Export|Nightly)$", line)] == []


def test_five_thousand_roles_stay_quick(opens: Opens, story: Story) -> None:
    """Quick is: few requests, few rows in the page; and one is found among all by its name."""
    store = identity.open_store(story.kansatsu.data_dir, SystemClock())
    many = [
        {"id": f"AROA{n:017}", "account": "123456789012", "kind": "role", "path": "/many/", "created": 1.0}
        | {"name": f"role-{n:04}", "name_key": f"role-{n:04}", "trust_document": "{}"}
        for n in range(5000)
    ]
    with store.write() as conn:
        conn.execute(insert(schema.entity), many)
    try:
        _many_roles(opens("en"), len(story.iam.get_paginator("list_roles").paginate().build_full_result()["Roles"]))
    finally:
        with store.write() as conn:
            conn.execute(delete(schema.entity).where(schema.entity.c.path == "/many/"))
        store.close()


def _many_roles(seen: Seen, total: int) -> None:
    page = seen.page
    asked: list[str] = []
    seen.sign_in()
    page.on("request", lambda request: asked.append(request.post_data or "") if "/api/call" in request.url else None)
    seen.open("roles")
    seen.text(f"({total})").wait_for()
    assert page.get_by_role("row").count() == 51
    assert sum("ListRoles" in one for one in asked) == 6
    page.get_by_role("searchbox").fill("role-4321")
    page.get_by_role("link", name="role-4321", exact=True).wait_for()
    assert page.get_by_role("row").count() == 2
    assert sum("ListRoles" in one for one in asked) == 6
