"""Stories 1 and 2, clicked, with real containers: a role for an instance that runs, and two tasks that differ."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from containers import Container, Engine, engine, image, keep_container, network
from kansatsu.testing import Kansatsu

from .conftest import Opens, Place, Seen, document, pages
from .looks import look

__all__ = ["engine", "image", "keep_container", "network"]
pytestmark = pytest.mark.root

INSIDE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_REGION": "us-east-1", "AWS_METADATA_SERVICE_TIMEOUT": "5"}
PROBE = """
import boto3
try:
    boto3.client("s3").list_buckets()
    print("ok")
except Exception as error:
    print(type(error).__name__, error)
"""
# Says what it may, once, and goes on; on a busy machine its first credentials may take a while.
PROGRAM = """
import boto3, botocore.exceptions, time
for service, operation in (("s3", "list_buckets"), ("dynamodb", "list_tables")):
    said = ""
    while not said:
        try:
            getattr(boto3.Session(region_name="us-east-1").client(service), operation)()
            said = "ok"
        except botocore.exceptions.ClientError as error:
            said = error.response["Error"]["Code"].removesuffix("Exception")
        except botocore.exceptions.BotoCoreError:
            time.sleep(1)
    print(service, said, flush=True)
while True:
    time.sleep(1)
"""


@pytest.fixture(scope="module")
def place(engine: Engine) -> Iterator[Place]:
    with Kansatsu(settings={"engine": engine.url}) as kansatsu:
        yield Place(kansatsu)
        ecs = kansatsu.client("ecs")
        left = [arn for state in ("RUNNING", "STOPPED") for arn in ecs.list_tasks(desiredStatus=state)["taskArns"]]
    for task in (arn.rpartition("/")[2] for arn in left):
        for name in (f"ecs-{task}-app", f"ecs-{task}"):  # in this order: the second holds the network of the first
            engine.podman("rm", "-f", "-t", "0", name, check=False)


@pytest.fixture
def opens(place: Place, browser: Browser) -> Iterator[Opens]:
    with pages(browser, place) as opened:
        yield opened


def make_role(seen: Seen, name: str, trusted: str, policy: str) -> None:
    """By clicks: the role, and an inline policy of it."""
    page = seen.page
    seen.open("roles")
    seen.button("create.role").click()
    page.get_by_role("dialog").get_by_label(seen.t("name")).fill(name)
    seen.choose("trusted", trusted)
    seen.confirm("create")
    page.get_by_role("heading", name=name, exact=True).wait_for()
    seen.button("inline.create").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(seen.t("name"), exact=True).fill("may")
    dialog.get_by_role("textbox", name=seen.t("document")).fill(policy)
    seen.confirm("save")


def make_profile(seen: Seen, name: str) -> None:
    seen.open("profiles")
    seen.button("create.profile").click()
    seen.page.get_by_role("dialog").get_by_label(seen.t("name")).fill(name)
    seen.choose("role", name)
    seen.confirm("create")
    seen.page.get_by_role("link", name=name, exact=True).first.wait_for()


@pytest.mark.parametrize(("language", "width"), [("en", "wide"), ("ja", "narrow")])
def test_a_role_for_an_instance_that_runs(
    opens: Opens, keep_container: Callable[..., Container], language: str, width: str
) -> None:
    container = keep_container("python", env=INSIDE)
    probe = lambda: container.exec("python3", "-c", PROBE).stdout  # noqa: E731
    seen = opens(language, width, "dark" if width == "narrow" else "light")
    page, main = seen.page, seen.page.get_by_role("main")
    seen.sign_in()
    reader, writer = f"reader-{language}", f"writer-{language}"
    make_role(seen, reader, "ec2.amazonaws.com", document("s3:ListAllMyBuckets"))
    make_role(seen, writer, "ec2.amazonaws.com", document("s3:PutObject"))
    make_profile(seen, reader)
    make_profile(seen, writer)

    # A container that runs is adopted; it has no role yet.
    seen.open("instances")
    seen.button("adopt").click()
    page.get_by_role("dialog").get_by_label(seen.t("adopt.container")).fill(container.name)
    seen.confirm("adopt")
    page.get_by_role("heading", name=container.name, exact=True).wait_for()
    assert "NoCredentialsError" in probe()

    # Attached while it runs: credentials, their age, expiry and use, and never the secret.
    seen.button("role.attach").click()
    seen.choose("profile", reader)
    seen.confirm("role.attach")
    main.locator(f'a[href="#/roles/{reader}"]').wait_for()
    assert probe().strip() == "ok"
    keys = main.get_by_role("table", name=seen.t("credentials")).get_by_role("row").filter(has_text="ASIA")
    keys.filter(has_text="s3").wait_for()
    look(seen, "instance", width)
    assert "Secret" not in main.inner_text()

    # Replaced: the new role decides; detached: nothing is left.
    seen.button("role.replace").click()
    seen.choose("profile", writer)
    seen.confirm("role.replace")
    main.locator(f'a[href="#/roles/{writer}"]').wait_for()
    assert "not authorized to perform: s3:ListAllMyBuckets" in probe()
    seen.button("role.detach").click()
    seen.confirm("role.detach")
    seen.button("role.attach").wait_for()
    assert "NoCredentialsError" in probe()
    seen.open("instances")
    main.get_by_role("link", name=container.name).wait_for()
    look(seen, "instances", width)


@pytest.mark.parametrize(("language", "width"), [("en", "wide"), ("ja", "narrow")])
def test_two_tasks_each_with_its_own_role(opens: Opens, image: Callable[[str], str], language: str, width: str) -> None:
    seen = opens(language, width, "dark" if width == "narrow" else "light")
    page, main = seen.page, seen.page.get_by_role("main")
    seen.sign_in()
    container: dict[str, Any] = {"name": "app", "memory": 256, "stopTimeout": 1, "image": image("python")}
    container["command"] = ["python3", "-u", "-c", PROGRAM]
    for name, action, said in (
        (f"uploads-{language}", "s3:ListAllMyBuckets", ["s3 ok", "dynamodb AccessDenied"]),
        (f"tables-{language}", "dynamodb:ListTables", ["s3 AccessDenied", "dynamodb ok"]),
    ):
        make_role(seen, name, "ecs-tasks.amazonaws.com", document(action))
        seen.open("definitions")
        seen.button("definition.register").first.click()
        text = json.dumps({"family": name, "taskRoleArn": name, "containerDefinitions": [container]}, indent=1)
        page.get_by_role("dialog").get_by_role("textbox", name=seen.t("definition")).fill(text)
        seen.confirm("definition.register")
        page.get_by_role("heading", name=f"{name}:1", exact=True).wait_for()
        look(seen, "definition", width)
        seen.button("run").click()
        seen.confirm("run")
        for line in said:
            main.get_by_text(line).wait_for()
        main.get_by_role("link", name=name, exact=True).wait_for()
    look(seen, "task", width)

    # The neighbour's denial, explained.
    seen.open("activity")
    row = main.get_by_role("row").filter(has_text=name).filter(has_text="s3:ListAllMyBuckets")
    row.get_by_role("link", name=seen.t("why.of", action="s3:ListAllMyBuckets")).click()
    kind = seen.t("policyType.identity-based policy")
    main.get_by_text(seen.t("reason.implicit", type=kind, action="s3:ListAllMyBuckets")).wait_for()

    # Both are in the cluster; stopped, they are told to end.
    seen.open("clusters", "default")
    main.get_by_role("link", name=f"uploads-{language}:1").wait_for()
    look(seen, "cluster", width)
    row = main.get_by_role("row").filter(has_text=f"{name}:1")
    row.get_by_role("link").first.click()
    seen.button("task.stop").click()
    seen.confirm("task.stop")
    main.get_by_text(seen.t("state.stopped"), exact=True).first.wait_for()
