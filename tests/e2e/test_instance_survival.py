"""Kansatsu is killed and started again under running containers; and what another user of its host can reach."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from story import INSIDE, PATIENT, Server, eventually, metadata, running
from test_instance_story import Worker
from world import (
    CREDENTIALS,
    Instance,
    adopt,
    association,
    make_profile,
    session_arn,
    shown,
    speaks_for,
    unprivileged,
    who_inside,
)

from containers import Container, Engine

pytestmark = pytest.mark.root
HERE = Path(__file__).parent
WORKER = {**INSIDE, **PATIENT, "AWS_MAX_ATTEMPTS": "1"}


@pytest.fixture(scope="module")
def server(engine: Engine) -> Iterator[Server]:
    """On a directory that everybody may enter, as somebody may have made it who did not think of this."""
    with tempfile.TemporaryDirectory(prefix="kansatsu-") as parent:
        Path(parent).chmod(0o755)
        Path(parent, "data").mkdir(mode=0o755)
        with running(Path(parent), engine.url, real_time=True) as started:
            yield started


def test_killed_and_started_again_everybody_is_who_he_was(
    server: Server, run_container: Callable[..., Container]
) -> None:
    volumes = [f"{HERE / 'worker.py'}:/worker.py:ro"]
    instances = []
    for role in ("first", "second"):
        make_profile(server, role)
        container = run_container("python", env=INSIDE, volumes=volumes)
        instances.append(Instance(container, adopt(server, container, role), role))
    unprofiled = run_container("python", env=INSIDE)
    bare = adopt(server, unprofiled)
    goes = run_container("python", env=INSIDE)
    gone = adopt(server, goes, "first")
    held = {item.id: association(server, item.id) for item in instances}
    documents = [item.document() for item in instances]
    lost = Instance(goes, gone, "first").document()

    with instances[0].container.spawn("python3", "-u", "/worker.py", env=WORKER) as process:
        assert process.stdout is not None
        worker = Worker(process.stdout)
        key = worker.next(lambda word: word["list"] == "ok")["key"]
        server.end(kill=True)
        worker.next(lambda word: "EndpointConnectionError" in word["list"] or "ConnectionClosed" in word["list"])
        goes.remove()
        server.start()
        back = worker.next(lambda word: word["list"] == "ok")
        assert back["key"] == key
        # Calls failed while it was down, for that reason only, and fail no more.
        for _ in range(3):
            assert worker.next(lambda word: True)["list"] == "ok"
        failed = [word["list"] for word in worker.said if word["list"] != "ok"]
        assert failed
        assert {text.partition(":")[0] for text in failed} <= {
            *("EndpointConnectionError", "ConnectionClosedError", "ReadTimeoutError", "ConnectTimeoutError"),
        }

    for item, document in zip(instances, documents, strict=True):
        eventually(lambda c=item.container: metadata(c, CREDENTIALS)["status"] == 200)
        assert metadata(item.container, "/latest/meta-data/instance-id")["body"] == item.id
        assert association(server, item.id) == held[item.id]
        assert speaks_for(server, document) == session_arn(item.role, item.id)
        assert who_inside(item.container) == session_arn(item.role, item.id)
    assert metadata(unprofiled, "/latest/meta-data/instance-id")["body"] == bare
    assert metadata(unprofiled, CREDENTIALS)["status"] == 404
    # The one that went while nobody looked is gone.
    assert eventually(lambda: shown(server, gone)["State"]["Name"] == "terminated")
    eventually(lambda: speaks_for(server, lost) == "InvalidClientTokenId")


# ---- another user of the same host ---------------------------------------------------------------------------------

TRY = """
import json, os, socket, sys
done = []
def attempt(what, call):
    try:
        call()
    except PermissionError:
        return
    except OSError as error:
        what += f": {error}"  # it got as far as to be told something else
    done.append(what)
for path, directory in json.loads(sys.argv[1]):
    if directory:
        attempt(f"list {path}", lambda: os.listdir(path))
        attempt(f"make {path}/new", lambda: open(path + "/new", "xb"))
    else:
        attempt(f"read {path}", lambda: open(path, "rb"))
        attempt(f"write {path}", lambda: open(path, "ab"))
        attempt(f"connect {path}", lambda: socket.socket(socket.AF_UNIX).connect(path))
print(json.dumps(done))
"""


def reached_by_nobody(directory: Path) -> list[str]:
    """What another user achieves with the directory and everything in it."""
    paths = [directory, *directory.rglob("*")]
    given = json.dumps([(str(path), path.is_dir()) for path in paths])
    done: list[str] = json.loads(as_nobody(sys.executable, "-c", TRY, given).stdout)
    return done


def as_nobody(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        unprivileged(*command),
        env={"PATH": os.environ["PATH"]},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )


def connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def test_another_user_can_neither_read_the_files_nor_reach_the_backend(server: Server) -> None:
    paths = {path.name for path in server.directory.rglob("*")}
    assert {"backend.sock", "credentials", "lock", "kansatsu.pid", "master.key", "kansatsu.db"} <= paths
    # Control: its owner reaches the backend, and the other user reaches this host's gateway and public files.
    assert connects(server.directory / "backend" / "backend.sock")
    public = f"import socket; socket.create_connection(('127.0.0.1', {server.port})).close(); open('/etc/passwd')"
    as_nobody(sys.executable, "-W", "ignore", "-c", public)
    # The directory was there before and open to all; Kansatsu has closed it. Its own modes hold by themselves, too.
    assert reached_by_nobody(server.directory) == []
    server.directory.chmod(0o755)
    assert reached_by_nobody(server.directory) == [f"list {server.directory}"]


def test_the_engines_socket_in_the_directory_is_its_owners(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, network: str
) -> None:
    """Who reaches the engine is root: with --engine auto, podman's API listens in the data directory."""
    assert network
    # podman with the tests' own storage, and no engine that this machine happens to run
    wrapper = tmp_path / "podman"
    wrapper.write_text(f'#!/bin/sh\nPATH={os.environ["PATH"]} exec {HERE.parent / "images" / "podman"} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert shutil.which("podman") == str(wrapper)
    with tempfile.TemporaryDirectory(prefix="kansatsu-") as parent:
        Path(parent).chmod(0o755)
        with running(Path(parent), "auto", real_time=True) as started:
            path = started.directory / "engine.sock"
            eventually(lambda: connects(path), lambda: "is another engine running on this machine?")
            # This directory is Kansatsu's own making: not even its names are to be seen.
            assert reached_by_nobody(started.directory) == []
            started.end(kill=True)
            eventually(lambda: not connects(path), lambda: "podman's API outlived the server that started it")
            started.start()
            eventually(lambda: connects(path))
