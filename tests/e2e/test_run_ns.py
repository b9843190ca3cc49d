"""`kansatsu run --mode ns`: AWS's own addresses and names, for programs that know of nothing else, and no way out."""

import fcntl
import json
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from story import REGION, Server, eventually
from users import WHO, User, dev, server, task
from world import client, make_role, policy, unprivileged

__all__ = ["dev", "server"]

pytestmark = pytest.mark.root
TASK = ["--mode", "ns", "--task-role", "run-task"]
INSTANCE = ["--mode", "ns", "--instance-profile", "run-profile"]


def test_a_program_that_knows_of_no_variables_reaches_names_with_trusted_tls(dev: User) -> None:
    """curl with an empty environment: names, the certificates of the machine, and what answers is the gateway."""
    hosts = ("sts.amazonaws.com", f"s3.{REGION}.amazonaws.com", "some.bucket.s3.eu-west-1.amazonaws.com")
    urls = [*(f"https://{host}/" for host in hosts), "http://sts.amazonaws.com/"]
    health = "http://127.0.0.1:4566/_kansatsu/health"
    ask = "for url; do env -i curl -sS -o /dev/null -w '%header{server}\n' $url; done; curl -sS $0"
    code, out, err = dev.runs(TASK, "sh", "-c", ask, health, *urls)
    assert (code, out.splitlines()) == (0, ["Kansatsu"] * len(urls) + ['{"status": "ok"}']), err


def test_a_bucket_in_a_hosts_name(dev: User, server: Server) -> None:
    """The default of every SDK where no endpoint is set; and aws:SecureTransport is true of https alone."""
    bucket = f"ns-{os.getpid()}"
    make_role(server, "run-short", policy("s3:*"), service="ecs-tasks.amazonaws.com")
    client(server, "iam").put_role_policy(
        RoleName="run-short",
        PolicyName="only-tls",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Deny",
                    "Action": "s3:*",
                    "Resource": "*",
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
            }
        ),
    )
    script = f"""
import boto3
s3 = boto3.client("s3")
s3.create_bucket(Bucket="{bucket}")
s3.put_object(Bucket="{bucket}", Key="a/b", Body=b"through its name")
print(s3.get_object(Bucket="{bucket}", Key="a/b")["Body"].read().decode(), s3.meta.endpoint_url)
try:
    boto3.client("s3", endpoint_url="http://s3.amazonaws.com").list_objects_v2(Bucket="{bucket}")
except Exception as error:
    print(str(error))
"""
    given = ["--mode", "ns", "--role", "run-short"]
    code, out, err = dev.runs(given, sys.executable, "-c", script)
    assert code == 0, err
    first, second = out.splitlines()
    assert first == "through its name https://s3.amazonaws.com"
    assert "AccessDenied" in second and "explicit deny" in second


NOWHERE = """
import json, socket, sys
found = {}
def tries(name, action):
    try:
        action()
    except OSError as error:
        found[name] = type(error).__name__
    else:
        found[name] = "reached"
own = int(sys.argv[1])
tries("an address of the world", lambda: socket.create_connection(("192.0.2.1", 80), 2))
tries("the gateway's own port on the host", lambda: socket.create_connection(("127.0.0.1", own), 2))
tries("the other link-local endpoint", lambda: socket.create_connection((sys.argv[2], 80), 2))
tries("a name of the world", lambda: socket.getaddrinfo("example.com", 80))
tries("a name that ends like AWS's", lambda: socket.getaddrinfo("notamazonaws.com", 80))
tries("AWS's name", lambda: socket.getaddrinfo("iam.amazonaws.com", 443))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
tries("a name server of the world", lambda: udp.connect(("192.0.2.53", 53)))
tries("another address of its own", lambda: open("/proc/sys/net/ipv4/ip_forward", "w"))
print(json.dumps(found))
"""


@pytest.mark.parametrize(("given", "other"), [(TASK, "169.254.169.254"), (INSTANCE, "169.254.170.2")])
def test_there_is_no_way_out(dev: User, server: Server, given: list[str], other: str) -> None:
    code, out, err = dev.runs(given, sys.executable, "-c", NOWHERE, str(server.port), other)
    assert code == 0, err
    found = json.loads(out)
    assert found.pop("AWS's name") == "reached"
    assert "reached" not in found.values(), found


def mounts() -> list[str]:
    """What is mounted on this host where a command sees files of its own; elsewhere other tests mount containers."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [
        line for line in lines if line.split()[1].startswith(("/etc", "/run/nscd", "/run/systemd", "/tmp/kansatsu"))
    ]


def test_it_has_no_rights_over_its_network_and_the_host_sees_nothing_of_it(dev: User) -> None:
    before = mounts(), Path("/etc/resolv.conf").read_bytes()
    script = "id -u; grep CapEff /proc/self/status; cat /etc/resolv.conf; ip link add type dummy; echo $?; cat"
    with dev.popen(*dev.wrapped(TASK, "sh", "-c", script)) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "65534\n"
        assert process.stdout.readline().split()[1] == "0" * 16
        assert process.stdout.readline() == "nameserver 198.18.0.1\n"
        assert process.stdout.readline().startswith("options")
        assert process.stdout.readline() != "0\n"
        assert (mounts(), Path("/etc/resolv.conf").read_bytes()) == before
        process.stdin.close()
    assert process.returncode == 0


def test_a_neighbours_credential_id_is_one_that_there_is_not(dev: User) -> None:
    """As on ECS: 400, although the id is right and its process runs; its Authorization header does not help."""
    own = "$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
    script = f"echo {own}; curl -s 169.254.170.2{own}; cat"
    ask = "curl -s -H 'Authorization: x' -w ' %{http_code}' 169.254.170.2$0"
    with dev.popen(*dev.wrapped(TASK, "sh", "-c", script)) as process:
        assert process.stdout is not None and process.stdin is not None
        path = process.stdout.readline().strip()
        _, out, err = dev.runs(TASK, "sh", "-c", ask, path)
        assert out.endswith(" 400") and "InvalidIdInRequest" in out, err
        out, _ = process.communicate("", timeout=60)
        assert json.loads(out)["RoleArn"].endswith(":role/run-task")
    # A page whose name resolves to this address (DNS rebinding) says so in Host.
    _, out, _ = dev.runs(
        TASK,
        "sh",
        "-c",
        f"{ask} -H 'Host: evil.amazonaws.com'".replace("$0", own),
    )
    assert out.endswith(" 403")


PODS = """
import boto3, http.client, json, os, sys
def ask(**headers):
    connection = http.client.HTTPConnection("169.254.170.23", timeout=60)
    connection.request("GET", "/v1/credentials", headers=headers)
    return connection.getresponse().status
token = open(os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).read()
print(json.dumps({
    "arn": boto3.client("sts").get_caller_identity()["Arn"],
    "uri": os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
    "told": [name for name in os.environ if name.endswith(("RELATIVE_URI", "AUTHORIZATION_TOKEN"))],
    "statuses": [
        ask(Authorization=token), ask(), ask(Authorization=sys.argv[1]), ask(Authorization=token, Host="evil"),
    ],
    "token": token,
}))
"""


def test_a_role_of_a_pod_of_eks(dev: User) -> None:
    """The token is read from a file; another command's, whose identity has ended, is worth nothing."""
    given, stolen = ["--mode", "ns", "--role", "run-pod", "--as", "pods.eks.amazonaws.com"], "stolen"
    for _ in range(2):
        code, out, err = dev.runs(given, sys.executable, "-c", PODS, stolen)
        assert code == 0, err
        found = json.loads(out)
        assert ":assumed-role/run-pod/" in found["arn"]
        assert (found["uri"], found["told"]) == ("http://169.254.170.23/v1/credentials", [])
        assert found["statuses"] == [200, 400, 400, 403] and found["token"] != stolen
        stolen = found["token"]


def test_task_metadata_and_instance_metadata(dev: User) -> None:
    code, out, err = dev.runs(TASK, "sh", "-c", "curl -fsS $ECS_CONTAINER_METADATA_URI_V4/task")
    assert code == 0, err
    assert re.fullmatch(rf"arn:aws:ecs:{REGION}:\d+:task/default/[0-9a-f]{{32}}", json.loads(out)["TaskARN"])
    script = """
set -e
token=$(curl -fsS -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
curl -fsS -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/instance-id; echo
curl -fsS -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/iam/security-credentials/; echo
curl -s -o /dev/null -w '%{http_code}\n' -X PUT -H 'X-Forwarded-For: 192.0.2.1' \
  -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token
env | grep -c CONTAINER_ || true
"""
    code, out, err = dev.runs(INSTANCE, "sh", "-c", script)
    assert code == 0, err
    instance, role, *rest = out.splitlines()
    assert (instance[:2], role, rest) == ("i-", "run-profile", ["403", "0"])


# ---- the terminal --------------------------------------------------------------------------------------------------

SCREEN = """
import os, signal, time
def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
def interrupted(*_):
    say("interrupted")
    os._exit(5)
signal.signal(signal.SIGWINCH, lambda *_: say("size", *os.get_terminal_size()))
signal.signal(signal.SIGCONT, lambda *_: say("continued"))
signal.signal(signal.SIGINT, interrupted)
say("ready", os.isatty(0), os.tcgetpgrp(0) == os.getpgrp())
while True:
    time.sleep(0.05)
"""


@pytest.mark.parametrize("mode", ["env", "ns"])
def test_the_terminal_is_the_commands(dev: User, mode: str) -> None:
    """In an interactive shell: size, Ctrl-Z and fg, Ctrl-C, exit code."""
    dev.write("screen.py", SCREEN)
    command = unprivileged("bash", "--norc", "--noprofile", "-i")
    environ = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(dev.home), "TERM": "dumb"}
    child, terminal = pty.fork()
    if not child:
        os.chdir(dev.home)
        os.execvpe(command[0], command, environ)
    seen = b""

    def until(text: bytes) -> None:
        nonlocal seen
        limit = time.monotonic() + 180
        while text not in seen:
            assert select.select([terminal], [], [], max(0, limit - time.monotonic()))[0], seen
            seen += os.read(terminal, 4096)

    try:
        run = shlex.join(dev.wrapped(["--mode", mode, "--role", "run-task"], sys.executable, "screen.py"))
        os.write(terminal, f"{run}; echo code $?\n".encode())
        until(b"ready True True")
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
        until(b"size 77 33")
        os.write(terminal, b"\x1a")
        until(b"Stopped")
        os.write(terminal, b"fg; echo code $?\n")
        until(b"continued")
        os.write(terminal, b"\x03")
        until(b"code 5")
        assert seen.count(b"interrupted") == 1
    finally:
        os.close(terminal)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


# ---- how it ends ---------------------------------------------------------------------------------------------------


def test_when_run_is_killed_its_command_is_nobody(dev: User) -> None:
    script = f"{WHO}\nimport sys; sys.stdout.flush(); sys.stdin.readline()\n{WHO}"
    with dev.popen(*dev.wrapped(TASK, sys.executable, "-c", script)) as process:
        assert process.stdout is not None and process.stdin is not None
        assert task(process.stdout.readline().strip(), "run-task")
        process.kill()
        process.wait()
        out, _ = process.communicate("\n", timeout=60)  # of the command, which has lost its parent
        assert "arn:" not in out, out
    eventually(lambda: not _left(dev))


TEMPORARY = "dirname $AWS_CONFIG_FILE"


def test_nothing_is_left(dev: User) -> None:
    for script, code in ((TEMPORARY, 0), (f"{TEMPORARY}; kill -9 $PPID; sleep 0.1", -9)):
        ended, out, err = dev.runs(TASK, "sh", "-c", script)
        assert (ended, out.startswith("/tmp/kansatsu-run-")) == (code, True), err
        eventually(lambda: not _left(dev))
        eventually(lambda out=out: not Path(out).exists())


def _left(dev: User) -> list[str]:
    """Processes of this user's home."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "cwd") == str(dev.home):
                found.append((entry / "cmdline").read_text())
        except OSError:
            continue
    return found


FORBIDDING = """
import ctypes, os, sys
ready, mapped = os.pipe(), os.pipe()
child = os.fork()
if not child:
    assert ctypes.CDLL(None).unshare(0x10000000) == 0
    os.write(ready[1], b"1")
    os.read(mapped[0], 1)
    open("/proc/sys/user/max_user_namespaces", "w").write("0")
    os.execvp(sys.argv[1], sys.argv[1:])
os.read(ready[0], 1)
for name in ("uid_map", "gid_map"):
    open(f"/proc/{child}/{name}", "w").write("0 0 70000")
os.write(mapped[1], b"1")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_where_user_namespaces_are_forbidden_it_says_how_they_are_allowed(dev: User, server: Server) -> None:
    """In a user namespace of the test's own, whose limit is its own too (user_namespaces(7))."""
    before = len(client(server, "ec2").describe_instances()["Reservations"])
    inside = unprivileged(*dev.wrapped(INSTANCE, "sh", "-c", "touch it-ran"))
    done = subprocess.run(
        [sys.executable, "-c", FORBIDDING, *inside],
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(dev.home)},
        cwd=dev.home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done
    assert done.stderr.splitlines()[-1].endswith(
        "as root: sysctl -w user.max_user_namespaces=10000. Without that: --mode env."
    )
    assert not (dev.home / "it-ran").exists()
    states = [r["Instances"][0]["State"]["Name"] for r in client(server, "ec2").describe_instances()["Reservations"]]
    assert states[before:] == ["terminated"]
