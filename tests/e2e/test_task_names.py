"""AWS's own names inside real containers: found, trusted beside what the image trusts, and not to be tampered with."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from story import Server, eventually, running

from containers import Engine
from kansatsu.clock import SystemClock
from kansatsu.delivery import Authority

pytestmark = pytest.mark.root
SYSTEM, LINK, OWN = "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem", "/opt/own.pem"
PROGRAM = f"""
import json, os, socket, ssl, urllib.error, urllib.request
def ask(url, file):
    try:
        context = ssl.create_default_context(cafile=file)
        with urllib.request.urlopen(url, context=context, timeout=60) as answer:
            return answer.headers["Server"]
    except urllib.error.HTTPError as error:
        return error.headers["Server"]
    except OSError as error:
        return str(error)
def write(path):
    try:
        open(path, "a").close()
    except OSError as error:
        return error.strerror
    return "written"
def known(name):
    try:
        return socket.gethostbyname(name)
    except OSError as error:
        return type(error).__name__
files = ["{SYSTEM}", "{LINK}", "{OWN}", os.environ["AWS_CA_BUNDLE"]]
url = "https://sts.amazonaws.com/"
print(json.dumps({{
    "asked": [ask(url, file) for file in files],
    "distrusting": ask(url, "/opt/other.pem"),
    "theirs": [open("/opt/other.pem").read() in open(file).read() for file in files],
    "written": [write(file) for file in [*files, "/etc/resolv.conf"]],
    "variables": [os.environ[name] for name in ("SSL_CERT_FILE", "AWS_CA_BUNDLE")],
    "own": known("s3.eu-west-1.amazonaws.com"),
    "none": known("nowhere.invalid"),
}}), flush=True)
"""


@pytest.fixture
def server(tmp_path: Path, engine: Engine) -> Iterator[Server]:
    with running(tmp_path, engine.url, real_time=True) as started:
        yield started


@pytest.fixture
def trusting(engine: Engine, image: Any, tmp_path: Path) -> Iterator[str]:
    """An image that trusts somebody of its own: where Debian has it, by a link, and by a variable."""
    work = tmp_path / "trusting"
    work.mkdir()
    (work / "other.pem").write_text(Authority(tmp_path / "other", SystemClock()).pem)
    name = f"localhost/kansatsu-test/trusting:{tmp_path.name}"
    lines = [
        f"FROM {image('python')}",
        "COPY other.pem /opt/other.pem",
        f"COPY other.pem {OWN}",
        f"COPY other.pem {SYSTEM}",
        f"RUN ln -s {SYSTEM} {LINK}",
        f"ENV SSL_CERT_FILE={OWN}",
    ]
    (work / "Containerfile").write_text("\n".join(lines))
    engine.podman("build", "-q", "--pull=never", "--network=none", "-t", name, str(work))
    yield name
    engine.podman("rmi", "-f", "-i", name, check=False)


def test_a_container_trusts_whom_its_image_trusts_and_aws_names(server: Server, trusting: str, engine: Engine) -> None:
    ecs = server.client("ecs")
    container = {
        "name": "app",
        "image": trusting,
        "memory": 256,
        "command": ["python3", "-c", PROGRAM],
        "readonlyRootFilesystem": True,
        "environment": [{"name": "PYTHONDONTWRITEBYTECODE", "value": "1"}],
    }
    ecs.register_task_definition(family="names", containerDefinitions=[container])
    task = ecs.run_task(taskDefinition="names")["tasks"][0]["taskArn"]

    def stopped() -> Any:
        found = ecs.describe_tasks(tasks=[task])["tasks"][0]
        return found if found["lastStatus"] == "STOPPED" else None

    ended = eventually(stopped, server.log.read_text)
    assert ended["containers"][0].get("exitCode") == 0, ended
    said = json.loads(engine.podman("logs", f"ecs-{task.rpartition('/')[2]}-app").stdout)
    assert said["asked"] == ["Kansatsu"] * 4
    assert "certificate verify failed" in said["distrusting"]
    assert said["theirs"] == [True] * 4
    assert said["variables"] == [OWN, "/etc/kansatsu/ca-certificates.crt"]
    # INVARIANT: several tasks see these files, and none of them can change them, root in it neither.
    assert said["written"] == ["Read-only file system"] * 5
    assert said["own"] == "169.254.170.53" and said["none"] == "gaierror"
