"""A server with the people of the third story, and pages of a real browser at it, in either language."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from playwright.sync_api import TimeoutError as TooLate

from kansatsu.testing import Kansatsu

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
CHROMIUM = "/usr/bin/chromium"
PASSWORD = "Corr3ct-horse"
WIDTHS = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 390, "height": 844}}


def texts(language: str) -> dict[str, str]:
    """All that the console says in a language, by its keys."""
    parts = sorted((WEB / "src" / "strings" / language).glob("*.json"))
    return {key: text for part in parts for key, text in json.loads(part.read_text()).items()}


def document(*actions: str) -> str:
    statement = {"Sid": "Work", "Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def denied(operation: Callable[..., Any], **given: str) -> str:
    """The request id of a call that is refused."""
    with pytest.raises(ClientError) as refused:
        operation(**given)
    return str(refused.value.response["ResponseMetadata"]["RequestId"])


class Place:
    """A server with a console."""

    def __init__(self, kansatsu: Kansatsu) -> None:
        self.kansatsu = kansatsu
        self.iam = kansatsu.client("iam")

    @property
    def url(self) -> str:
        return f"{self.kansatsu.endpoint}/_kansatsu/console/"

    def link(self) -> str:
        """What `kansatsu console` prints."""
        command = [
            Path(sys.executable).with_name("kansatsu"),
            "console",
            "--no-browser",
            "--data-dir",
            str(self.kansatsu.data_dir),
        ]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class Story(Place):
    """ana, ben and chie, the group developers that gives them TeamAccess, and what they used of it."""

    def __init__(self, kansatsu: Kansatsu) -> None:
        super().__init__(kansatsu)
        iam = self.iam
        team = ("s3:ListAllMyBuckets", "s3:GetObject", "sqs:ListQueues", "dynamodb:*", "kms:ListKeys")
        self.team = iam.create_policy(PolicyName="TeamAccess", PolicyDocument=document(*team))["Policy"]["Arn"]
        iam.create_group(GroupName="developers")
        iam.attach_group_policy(GroupName="developers", PolicyArn=self.team)
        self.keys = {name: self.user(name) for name in ("ana", "ben", "chie")}
        for name in self.keys:
            iam.add_user_to_group(GroupName="developers", UserName=name)
        iam.put_user_policy(UserName="ana", PolicyName="extra", PolicyDocument=document("sqs:*", "sns:ListTopics"))
        iam.attach_user_policy(UserName="ana", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
        iam.create_login_profile(UserName="ana", Password=PASSWORD)
        iam.put_user_policy(UserName="chie", PolicyName="look", PolicyDocument=document("iam:ListUsers"))
        iam.create_login_profile(UserName="chie", Password=PASSWORD)
        trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        trusted = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        iam.create_role(RoleName="web-server", AssumeRolePolicyDocument=trusted)
        iam.create_instance_profile(InstanceProfileName="web-server", Tags=[{"Key": "team", "Value": "web"}])
        iam.add_role_to_instance_profile(InstanceProfileName="web-server", RoleName="web-server")
        for name in ("ana", "ben"):
            self.client(name, "s3").list_buckets()
        self.client("ana", "sqs").list_queues()
        self.denied = denied(self.client("ben", "iam").list_roles)

    def user(self, name: str) -> dict[str, str]:
        self.iam.create_user(UserName=name, Tags=[{"Key": "team", "Value": "web"}])
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    def client(self, name: str, service: str) -> Any:
        import boto3

        where = {"endpoint_url": self.kansatsu.endpoint, "region_name": "us-east-1"}
        return boto3.client(service, **where, **self.keys[name])


class Seen:
    """A page in one language, which must never break a rule of its own server."""

    def __init__(self, story: Place, page: Page, language: str) -> None:
        self.story, self.page, self.language = story, page, language
        self._texts = texts(language)
        self.errors: list[str] = []
        page.set_default_timeout(120_000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self._hear(message.type, message.text))

    def _hear(self, kind: str, text: str) -> None:
        # The browser itself tells of every answer that is no success; those are what some tests are about.
        if kind in ("error", "warning") and not text.startswith("Failed to load resource"):
            self.errors.append(text)

    def t(self, key: str, **values: object) -> str:
        text: str = self._texts[key]
        for form in re.findall(r"\{(\w+):([^|{}]*)\|([^{}]*)\}", text):
            name, one, many = form
            text = text.replace(f"{{{name}:{one}|{many}}}", one if values.get(name) == 1 else many)
        for name, value in values.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    def open(self, *parts: str) -> None:
        self.page.goto(self.story.url + "#/" + "/".join(parts))

    def sign_in(self) -> None:
        """As the administrator, by the link. The title of the list has the number of users, once they are there."""
        self.page.goto(self.story.link())
        self.page.get_by_role("heading", name=re.compile(rf"^{re.escape(self.t('users'))} \(")).wait_for()

    def text(self, text: Any) -> Any:
        """What is to be seen; live regions, which say it once more, are elsewhere."""
        return self.page.locator("#root, [role=dialog]").get_by_text(text)

    def button(self, key: str, **values: object) -> Any:
        return self.page.get_by_role("button", name=self.t(key, **values), exact=True)

    def confirm(self, key: str) -> None:
        """Press the button of the dialog, which then goes."""
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("button", name=self.t(key), exact=True).click()
        try:
            dialog.wait_for(state="hidden")
        except TooLate:
            raise AssertionError(f"The dialog stays: {dialog.inner_text()}") from None

    def choose(self, label: str, option: str) -> None:
        """Of the dialog's list with this label."""
        self.page.get_by_role("dialog").get_by_role("button", name=self.t(label)).click()
        self.page.get_by_role("option", name=option).first.click()

    def tab(self, key: str) -> None:
        self.page.get_by_role("tab", name=self.t(key), exact=True).click()


@pytest.fixture(scope="package")
def story() -> Iterator[Story]:
    with Kansatsu() as kansatsu:
        yield Story(kansatsu)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """It is gone when these tests are: while it is there its event loop is the thread's, and no other can run."""
    with sync_playwright() as playwright:
        # As root, which the suite runs as, Chromium has no sandbox; the pages are our own.
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


Opens = Callable[..., Seen]


@contextmanager
def pages(browser: Browser, place: Place) -> Iterator[Opens]:
    """What opens pages of their own; in none must anything go wrong: no exception, nothing that the CSP stopped."""
    contexts: list[BrowserContext] = []
    seen: list[Seen] = []

    def make(language: str = "en", width: str = "wide", scheme: str = "light", scripts: bool = True) -> Seen:
        locale = {"en": "en-US", "ja": "ja-JP"}[language]
        # Without motion: what still fades in has colours that nobody is to read.
        how = {"locale": locale, "color_scheme": scheme, "reduced_motion": "reduce"}
        context = browser.new_context(viewport=WIDTHS[width], java_script_enabled=scripts, **how)
        contexts.append(context)
        seen.append(Seen(place, context.new_page(), language))
        return seen[-1]

    yield make
    for context in contexts:
        context.close()
    assert [error for one in seen for error in one.errors] == []


@pytest.fixture
def opens(story: Story, browser: Browser) -> Iterator[Opens]:
    with pages(browser, story) as opened:
        yield opened
