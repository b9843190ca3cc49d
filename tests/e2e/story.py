"""What the stories share: a server whose clock the test moves, an operator with the AWS CLI, probes in containers."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import boto3

from containers import FAKETIME, Container, sweep

BIN = Path(sys.executable).parent
REGION = "us-east-1"
ACCOUNT = "123456789012"
INSIDE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
PATIENCE = 180.0  # seconds until a test gives up on what is expected to come, on a machine that others use
# botocore tries the metadata service three times, a second each; these make patient attempts of it.
PATIENT = {"AWS_METADATA_SERVICE_TIMEOUT": "60", "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "2"}


@dataclass
class Clock:
    """The time that server, operator and containers see: this machine's, moved by `offset` seconds.

    A `real` one cannot be moved, and needs no libfaketime.
    """

    file: Path
    offset: int = 0
    real: bool = False

    def __post_init__(self) -> None:
        self.file.parent.mkdir(exist_ok=True)
        self._write()

    def move(self, seconds: int) -> None:
        """Go on by `seconds`; never by so much at once that a request that is on its way would be out of time."""
        assert seconds <= 600 and not self.real
        self.offset += seconds
        self._write()

    def _write(self) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(f"+{self.offset}\n")
        new.replace(self.file)

    def env(self, library: str, file: str | Path) -> dict[str, str]:
        return (
            {}
            if self.real
            else {
                "LD_PRELOAD": library,
                "FAKETIME_TIMESTAMP_FILE": str(file),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "DONT_FAKE_MONOTONIC": "1",
            }
        )

    def on_host(self) -> dict[str, str]:
        found = "" if self.real else next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        return self.env(str(found), self.file)

    def in_container(self) -> dict[str, str]:
        return self.env(FAKETIME, "/clock/offset")


@dataclass
class Server:
    """`kansatsu up` on a data directory of the test's own."""

    directory: Path
    clock: Clock
    engine: str
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    flags: tuple[str, ...] = ()
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.directory.parent / "server.log"

    def start(self) -> None:
        forget_dead_clocks()
        if not self.port:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(str(BIN / "kansatsu"), "up", "--data-dir", str(self.directory), "--engine", self.engine),
                    *("--listen", f"127.0.0.1:{self.port}", *self.flags),
                ],
                env={**os.environ, **self.clock.on_host(), "AWS_EC2_METADATA_DISABLED": "true"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        eventually(self.healthy, self.log.read_text)

    def healthy(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the server ended: {self.log.read_text()[-2000:]}"
        try:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
            connection.request("GET", "/_kansatsu/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def end(self, *, kill: bool = False) -> None:
        assert self.process is not None
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        self.process.wait(PATIENCE)

    def admin(self) -> tuple[str, str]:
        text = (self.directory / "credentials").read_text()
        found = dict(re.findall(r"(aws_\w+) = (\S+)", text))
        return found["aws_access_key_id"], found["aws_secret_access_key"]

    def client(self, service: str, key: tuple[str, str] | None = None, token: str | None = None) -> Any:
        """boto3 in the test's own process; only while the clock has not been moved."""
        access, secret = key or self.admin()
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            aws_session_token=token,
        )

    def user(self, name: str, policy: str) -> tuple[str, str]:
        """A user with one inline policy, and an access key of its own."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="what-it-may", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        self.keys[name] = key["AccessKeyId"], key["SecretAccessKey"]
        return self.keys[name]

    def aws(self, user: str, *arguments: str) -> Any:
        """The real AWS CLI on the host, as a user; its output as a value, or its error message as a string."""
        access, secret = self.keys[user]
        env = {
            **{name: os.environ[name] for name in ("PATH", "HOME")},
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            **self.clock.on_host(),
            "AWS_ACCESS_KEY_ID": access,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
        }
        ended = subprocess.run(
            [str(BIN / "aws"), "--output", "json", *arguments], env=env, capture_output=True, text=True, check=False
        )
        if ended.returncode:
            return ended.stderr.strip()
        return json.loads(ended.stdout) if ended.stdout.strip() else {}


def forget_dead_clocks() -> None:
    """libfaketime keeps files by process id, and ends a process that meets those of a killed one."""
    for left in Path("/dev/shm").glob("*faketime_*"):
        if not Path("/proc", left.name.rpartition("_")[2]).exists():
            left.unlink(missing_ok=True)


@contextmanager
def running(directory: Path, engine: str, *flags: str, real_time: bool = False) -> Iterator[Server]:
    """A server for one test or module."""
    assert shutil.which("podman"), "make test installs podman"
    server = Server(directory / "data", Clock(directory / "clock" / "offset", real=real_time), engine, flags=flags)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.end()
        sweep(server.directory)  # tasks outlive Kansatsu, as they should; a test's do not outlive the test


def eventually(check: Any, explain: Any = lambda: "") -> Any:
    """What `check` returns once it is true. When it gives up says nothing about how soon that should be."""
    limit = time.monotonic() + PATIENCE
    while True:
        if value := check():
            return value
        if time.monotonic() > limit:
            raise AssertionError(f"not within {PATIENCE} s: {explain()}")
        time.sleep(0.05)


METADATA = """
import http.client, json, sys
def ask(method, path, headers):
    connection = http.client.HTTPConnection("169.254.169.254", timeout=60)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()
given = json.loads(sys.argv[1])
if given["token"] is None:
    status, token = ask("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60", **given["put"]})
else:
    status, token = 200, given["token"]
got = ask("GET", given["path"], {"X-aws-ec2-metadata-token": token}) if status == 200 else (status, "")
print(json.dumps({"status": got[0], "body": got[1], "token": token}))
"""


def metadata(
    container: Container, path: str, *, token: str | None = None, put: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Ask the metadata service from inside: a session token first, unless one is given. Status, body, token."""
    given = json.dumps({"path": path, "token": token, "put": dict(put or {})})
    answer: dict[str, Any] = json.loads(container.exec("python3", "-c", METADATA, given).stdout)
    return answer
