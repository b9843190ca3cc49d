"""Every page, at both widths, in both languages, light and dark: usable by everybody, nothing wider than the screen."""

import json
from urllib.parse import quote

import pytest
from playwright.sync_api import Route

from .conftest import WIDTHS, Opens, Story
from .looks import look_all_over

TRUST = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"},
}
# Page -> where it is, the text after which it is there, "=" before the key of one.
PAGES = {
    "users": ("users", "chie"),
    "user": ("users/ana", "AmazonS3ReadOnlyAccess"),
    "keys": ("users/ana/keys", "AKIA"),
    "tags": ("users/ana/tags", "=save"),
    "advisor": ("users/ana/advisor", "Amazon SQS"),
    "sign-in-of": ("users/ana/sign-in", "=mfa.none"),
    "groups": ("groups", "developers"),
    "group": ("groups/developers/users", "chie"),
    "profiles": ("profiles", "web-server"),
    "profile": ("profiles/web-server", "=profile.noHolders"),
    "profile-tags": ("profiles/web-server/tags", "=save"),
    "no-instances": ("instances", "=instances.about"),
    "clusters": ("clusters", "=clusters.about"),
    "no-services": ("clusters/default/services", "=services.none"),
    "definitions": ("definitions", "=definitions.about"),
    "roles": ("roles", "web-server"),
    "role": ("roles/web-server/trust", "ec2.amazonaws.com"),
    "policies": ("policies", "TeamAccess"),
    "policy": ("policies/{team}", "kms:List"),
    "entities": ("policies/{team}/entities", "developers"),
    "versions": ("policies/{team}/versions", "v1"),
    "activity": ("activity", "signin:ConsoleLogin"),
    "why": ("activity/{denied}", "iam:ListRoles"),
    "not-found": ("nope", "=notFound.about"),
}
# Dialog -> the page, the button that opens it, a text of it.
DIALOGS = {
    "unused": ("users/ana/advisor", "unused", "unused.evidence"),
    "profile-role": ("profiles/web-server", "profile.changeRole", "role"),
    "profile-delete": ("profiles/web-server", "delete", "profile.deleteAbout"),
    "create-profile": ("profiles", "create.profile", "name"),
    "create-user": ("users", "create.user", "name"),
    "password": ("users/ana/sign-in", "password.set", "password.reset"),
    "join": ("users/ana/groups", "members.join", "groups"),
    "policy-delete": ("policies/{team}", "delete", "delete.policyAbout"),
    "attach": ("users/ana", "attach", "policies"),
    "inline": ("users/ana", "inline.create", "document"),
    "delete": ("users/ana", "delete", "delete.about"),
    "device": ("users/ana/sign-in", "mfa.add", "mfa.name"),
    "adopt": ("instances", "adopt", "adopt.about"),
    "register": ("definitions", "definition.register", "definition.json"),
    "create-role": ("roles", "create.role", "trusted"),
    "create-policy": ("policies", "create.policy", "document"),
}


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_page(opens: Opens, story: Story, language: str) -> None:
    seen = opens(language)
    page = seen.page
    page.goto(story.url)
    page.get_by_role("heading", name=seen.t("signIn")).wait_for()
    look_all_over(seen, "sign-in")
    seen.sign_in()
    for name, (where, text) in PAGES.items():
        page.set_viewport_size(WIDTHS["wide"])
        seen.open(where.format(team=quote(story.team, safe=""), denied=story.denied))
        shown = seen.t(text[1:]) if text.startswith("=") else text
        page.get_by_role("main").get_by_text(shown).first.wait_for()
        look_all_over(seen, name)
    for name, (where, button, text) in DIALOGS.items():
        page.set_viewport_size(WIDTHS["wide"])
        seen.open(where.format(team=quote(story.team, safe="")))
        seen.button(button).first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text(seen.t(text)).first.wait_for()
        look_all_over(seen, name)
        page.keyboard.press("Escape")
        dialog.wait_for(state="hidden")


def test_a_long_list_is_shown_while_the_rest_of_it_comes(opens: Opens, story: Story) -> None:
    names = [f"many-{n:03}" for n in range(120)]
    for name in names:
        story.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    try:
        seen = opens()
        seen.sign_in()
        page, held = seen.page, list[Route]()

        def later(route: Route) -> None:
            held.append(route) if '"Marker"' in (route.request.post_data or "") else route.continue_()

        page.route("**/api/call", later)
        seen.open("roles")
        page.get_by_role("heading", name=f"{seen.t('roles')} (100+)").wait_for()
        page.get_by_role("link", name=names[0], exact=True).wait_for()
        (rest,) = held
        rest.continue_()
        total = len(story.iam.list_roles(MaxItems=1000)["Roles"])
        page.get_by_role("heading", name=f"{seen.t('roles')} ({total})").wait_for()
        page.get_by_role("searchbox").fill(names[-1])
        page.get_by_role("link", name=names[-1], exact=True).wait_for()
    finally:
        for name in names:
            story.iam.delete_role(RoleName=name)
