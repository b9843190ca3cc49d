"""The helper as a process: what it answers to whatever is sent, and how it behaves without privileges."""

import json
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import kansatsu.injector

HELPER = str(Path(kansatsu.injector.__file__).with_name("__main__.py"))


@contextmanager
def helper(*prefix: str):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(120)
    with ours, theirs:
        command = [*prefix, sys.executable, "-I", "-S", HELPER, str(theirs.fileno())]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"})
        theirs.close()

        def ask(message: bytes) -> dict[str, object]:
            ours.send(message)
            return json.loads(ours.recv(65536))

        yield ask
    assert process.wait(120) == 0  # it ends with its channel


@pytest.mark.parametrize(
    "message",
    [
        b"junk", b"[]", b"{}", b"\xff", b'{"op": "exec"}', b'{"op": "listen"}', b'{"op": ["listen"]}',
        b'{"op": "listen", "pid": "x", "start_time": 1, "binds": []}',
        b'{"op": "listen", "pid": -1, "start_time": 1, "binds": [{"address": "127.0.0.1", "port": 1}]}',
        b'{"op": "listen", "pid": 1, "start_time": 1, "binds": [{"address": "8.8.8.8", "port": 1}]}',
        b'{"op": "listen", "pid": 1, "start_time": 1, "binds": {"address": "127.0.0.1"}}',
        b'{"op": "listen", "pid": 1, "start_time": 1, "binds": [[1]]}',
    ],
)  # fmt: skip
def test_what_it_does_not_understand_is_refused_and_it_goes_on(message):
    with helper() as ask:
        answer = ask(message)
        assert (answer["ok"], answer["code"]) == (False, "invalid")
        assert answer["message"]
        assert ask(b'{"op": "check"}')["ok"] is True


@pytest.mark.parametrize(("name", "parts"), [("__main__", {"loopback", "steering"}), ("enclosure", {"loopback"})])
def test_it_needs_nothing_but_the_standard_library(name, parts):
    code = (
        f"import runpy, sys, threading; runpy.run_path({HELPER.replace('__main__', name)!r}, run_name='x');"
        "print(threading.active_count(), *sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert loaded[0] == "1"
    assert {name.partition(".")[0] for name in loaded[1:]} <= {"__main__", "kansatsu", *sys.stdlib_module_names}
    ours = {name for name in loaded[1:] if name.startswith("kansatsu")}
    assert ours == {"kansatsu", "kansatsu.injector", *(f"kansatsu.injector.{part}" for part in parts)}


@pytest.mark.root
def test_without_privileges_it_says_what_is_needed():
    """As nobody: neither the namespaces of another user's process can be entered nor is anything else tried."""
    unprivileged = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    target = subprocess.Popen(["unshare", "--net", "sleep", "100"])
    try:
        with helper(*unprivileged) as ask:
            assert ask(b'{"op": "check"}') == {"ok": True, "uid": 65534, "privileged": False}
            started = int(Path(f"/proc/{target.pid}/stat").read_text().rpartition(")")[2].split()[19])
            request = {"op": "listen", "pid": target.pid, "start_time": started}
            answer = ask(json.dumps({**request, "binds": [{"address": "169.254.169.254", "port": 80}]}).encode())
            assert answer["code"] == "forbidden"
            assert "root (CAP_SYS_ADMIN)" in str(answer["message"])
    finally:
        target.kill()
        target.wait()


@pytest.mark.root
def test_an_ordinary_user_can_serve_namespaces_of_his_own():
    """As rootless podman has them: a user and a network namespace made by the same user."""
    user = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    sleeper = ["sh", "-c", "echo ready; exec sleep 100"]
    command = [*user, "unshare", "--user", "--map-root-user", "--net", *sleeper]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd="/") as target:
        try:
            assert target.stdout is not None
            target.stdout.readline()
            started = int(Path(f"/proc/{target.pid}/stat").read_text().rpartition(")")[2].split()[19])
            request = {"op": "listen", "pid": target.pid, "start_time": started}
            with helper(*user) as ask:
                answer = ask(json.dumps({**request, "binds": [{"address": "169.254.169.254", "port": 80}]}).encode())
            assert answer == {"ok": True, "counts": [1]}  # without steering, which needs more than that
        finally:
            target.kill()


def test_it_ends_when_the_control_plane_does():
    with helper():
        pass  # the channel closes, and `helper` waits for the process
