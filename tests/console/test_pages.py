"""Every page, at both widths, in both languages, light and dark: usable by everybody, nothing wider than the screen.

With CONSOLE_SCREENSHOTS=DIRECTORY pictures of all are put there; docs/images has those of the main pages.
"""

import os
from pathlib import Path
from urllib.parse import quote

import pytest

from .conftest import TOGETHER, WEB, Opens, Seen, Story

pytestmark = TOGETHER

AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
_RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']}"
# Page -> where it is, the text after which it is there, "=" before the key of one.
PAGES = {
    "users": ("users", "chie"),
    "user": ("users/ana", "AmazonS3ReadOnlyAccess"),
    "keys": ("users/ana/keys", "AKIA"),
    "tags": ("users/ana/tags", "=save"),
    "advisor": ("users/ana/advisor", "Amazon SQS"),
    "groups": ("groups", "developers"),
    "role": ("roles/web-server/trust", "ec2.amazonaws.com"),
    "policies": ("policies", "TeamAccess"),
    "policy": ("policies/{team}", "kms:List"),
    "versions": ("policies/{team}/versions", "v1"),
    "activity": ("activity", "iam:ListRoles"),
    "why": ("activity/{denied}", "iam:ListRoles"),
    "not-found": ("nope", "=notFound.about"),
}
# Dialog -> the page, the button that opens it, a text of it.
DIALOGS = {
    "unused": ("users/ana/advisor", "unused", "unused.evidence"),
    "attach": ("users/ana", "attach", "policies"),
    "inline": ("users/ana", "inline.create", "document"),
    "delete": ("users/ana", "delete", "delete.about"),
    "create-role": ("roles", "create.role", "trusted"),
    "create-policy": ("policies", "create.policy", "document"),
}


def serious(seen: Seen) -> list[str]:
    """What axe finds that is serious or critical. It comes in by the debugger, which no CSP stops: the page's stays."""
    page = seen.page
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text() + "; undefined")
    found = page.evaluate(f"axe.run(document, {_RULES})")["violations"]
    return [
        f"{page.url}: {one['id']}: {node['html'][:160]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


@pytest.mark.parametrize(
    ("language", "width", "scheme"), [("en", "wide", "light"), ("ja", "narrow", "dark")], ids=["wide", "narrow"]
)
def test_every_page(opens: Opens, story: Story, language: str, width: str, scheme: str) -> None:
    seen = opens(language, width, scheme)
    page = seen.page
    faults: list[str] = []

    def look(name: str) -> None:
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wider > 0:
            faults.append(f"{name} is {wider} pixels wider than the screen")
        faults.extend(serious(seen))
        if pictures := os.environ.get("CONSOLE_SCREENSHOTS"):
            page.screenshot(path=Path(pictures) / f"console-{name}-{width}.png")

    page.goto(story.url)
    page.get_by_role("heading", name=seen.t("signIn")).wait_for()
    look("sign-in")
    seen.sign_in()
    for name, (where, text) in PAGES.items():
        seen.open(where.format(team=quote(story.team, safe=""), denied=story.denied))
        shown = seen.t(text[1:]) if text.startswith("=") else text
        page.get_by_role("main").get_by_text(shown).first.wait_for()
        look(name)
    for name, (where, button, text) in DIALOGS.items():
        seen.open(where.format(team=quote(story.team, safe="")))
        seen.button(button).click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text(seen.t(text)).first.wait_for()
        look(name)
        page.keyboard.press("Escape")
        dialog.wait_for(state="hidden")
    assert not faults, "\n".join(dict.fromkeys(faults))
