"""A gateway in front of real servers, roles with just what they need, and programs that run as them."""

import contextlib
import itertools
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BACKEND_KEY, BACKEND_SECRET = "AKIABACKENDSOWNKEY00", "the backend's own secret"
REGION = "us-east-1"
ACCOUNT = "123456789012"
HERE = Path(__file__).parent
_numbers = itertools.count()


@dataclass(frozen=True)
class Programs:
    """Where the programs of install.sh are."""

    place: Path

    @property
    def python(self) -> str:
        return str(self.place / "bin" / "python")

    @property
    def rclone(self) -> str:
        return str(self.place / "bin" / "rclone")

    @property
    def modules(self) -> Path:
        return self.place / "node_modules"


@dataclass(frozen=True)
class World:
    """A running gateway (`server` is conftest's Server) and the programs."""

    server: Any
    programs: Programs

    @property
    def host(self) -> str:
        return str(self.server.endpoint.removeprefix("http://"))

    def name(self, prefix: str) -> str:
        return f"{prefix}-{os.getpid()}-{next(_numbers)}"

    def bucket(self) -> str:
        name = self.name("bucket")
        self.server.client("s3").create_bucket(Bucket=name)
        return name

    def role(self, *statements: Mapping[str, Any]) -> dict[str, str]:
        """The environment of a session of a new role that may do this and nothing else."""
        iam, name = self.server.client("iam"), self.name("role")
        trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
        got = self.server.client("sts").assume_role(RoleArn=arn, RoleSessionName="client")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": got["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": got["SecretAccessKey"],
            "AWS_SESSION_TOKEN": got["SessionToken"],
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.server.endpoint,
        }

    def run(
        self, command: Sequence[str], keys: Mapping[str, str], directory: Path, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program with these keys, in this directory, and nothing else of this machine's configuration."""
        clean = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        env = {**clean, "HOME": str(directory), "AWS_EC2_METADATA_DISABLED": "true", **keys, **more}
        return subprocess.run(
            command,
            cwd=directory,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: Sequence[str], *resources: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process(command: Sequence[str], port: int, log: Path, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server of the tests on this port of loopback, until the block ends."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    with log.open("wb") as out:
        started = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env={**clean, **env})
    try:
        limit = time.monotonic() + 180
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert started.poll() is None and time.monotonic() < limit, log.read_text()
            time.sleep(0.02)
        yield started
    finally:
        started.terminate()
        started.wait(30)


def s3_server(programs: Programs, port: int, *flags: str) -> list[str]:
    """rclone as an S3 server over memory: it checks signatures, and has multipart uploads and ranges."""
    key = ("--auth-key", f"{BACKEND_KEY},{BACKEND_SECRET}")
    return [programs.rclone, "serve", "s3", "--addr", f"127.0.0.1:{port}", *key, *flags, ":memory:"]


def install() -> Programs:
    made = subprocess.run([str(HERE / "install.sh")], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return Programs(Path(made.stdout.strip()))


def resident(pid: int) -> int:
    """Bytes of memory that a process has in RAM."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


BACKEND_ENV = {"AWS_ACCESS_KEY_ID": BACKEND_KEY, "AWS_SECRET_ACCESS_KEY": BACKEND_SECRET}
