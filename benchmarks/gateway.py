"""Signed requests by a user with 10 policies of 5 statements: Kansatsu against moto server and ministack.

    .venv/bin/python benchmarks/gateway.py [--requests 2000] [--clients 8]

All three servers are started here, on free ports, one after the other, and measured in the same run: CPU per request
(of the server's whole process tree), requests per second, start-up until the first answer, resident memory when idle.
moto authorizes nothing; ministack runs with AUTH=true. ministack is installed from PyPI into .cache/ministack.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from loading import cpu, free_port, load, memory, running

ROOT = Path(__file__).resolve().parents[1]
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
    }
)


@dataclass
class Server:
    name: str
    process: subprocess.Popen[bytes]
    endpoint: str
    start_up: float  # seconds
    access_key: str
    secret: str
    data_dir: str = ""

    def client(self, service: str, key: tuple[str, str] | None = None) -> Any:
        access_key, secret = key or (self.access_key, self.secret)
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret,
            config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
        )


@contextmanager
def start(
    name: str,
    command: list[str],
    env: dict[str, str],
    port: int,
    keys: Callable[[], tuple[str, str]],
    probe: str,
) -> Iterator[Server]:
    with running(command, port, env, probe) as (process, took):
        yield Server(name, process, f"http://127.0.0.1:{port}", took, *keys())


@contextmanager
def kansatsu(*flags: str, program: tuple[str, ...] = ()) -> Iterator[Server]:
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:

        def keys() -> tuple[str, str]:
            text = (Path(directory) / "credentials").read_text()
            found = dict(re.findall(r"(aws_\w+)\s*=\s*(\S+)", text))
            return found["aws_access_key_id"], found["aws_secret_access_key"]

        command = [
            *(*(program or (str(Path(sys.executable).parent / "kansatsu"),)), "up", "--data-dir", directory),
            *("--listen", f"127.0.0.1:{port}", "--engine", "none", *flags),
        ]
        with start("kansatsu", command, {}, port, keys, "/_kansatsu/health") as server:
            server.data_dir = directory
            yield server


@contextmanager
def moto() -> Iterator[Server]:
    port = free_port()
    command = [str(Path(sys.executable).parent / "moto_server"), "-p", str(port)]
    with start("moto", command, {}, port, lambda: ("AKIAIOSFODNN7EXAMPLE", "secret"), "/moto-api/") as server:
        yield server


@contextmanager
def ministack() -> Iterator[Server]:
    home = ROOT / ".cache" / "ministack"
    if not (home / "bin" / "ministack").exists():
        venv.create(home, with_pip=True)
        subprocess.run([home / "bin" / "pip", "install", "-q", "ministack"], check=True)
    port = free_port()
    env = {"AUTH": "true", "GATEWAY_PORT": str(port)}
    with start("ministack", [str(home / "bin" / "ministack")], env, port, lambda: ("test", "test"), "/") as server:
        yield server


def prepare(server: Server) -> tuple[str, str]:
    """The user with 10 policies of 5 statements, the role and the bucket; its access key."""
    iam = server.client("iam")
    iam.create_user(UserName="bench")
    for number in range(10):
        statements = [
            {"Effect": "Allow", "Action": [f"dynamodb:GetItem{number}{n}", "sqs:SendMessage"], "Resource": "*"}
            for n in range(4)
        ]
        allowed = ["iam:GetRole", "iam:CreateRole", "sts:AssumeRole", "sts:GetCallerIdentity", "s3:PutObject"]
        last = {"Effect": "Allow", "Action": allowed if number == 9 else "sns:Publish", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [*statements, last]})
        policy = iam.create_policy(PolicyName=f"bench-{number}", PolicyDocument=document)["Policy"]["Arn"]
        iam.attach_user_policy(UserName="bench", PolicyArn=policy)
    key = iam.create_access_key(UserName="bench")["AccessKey"]
    iam.create_role(RoleName="bench-role", AssumeRolePolicyDocument=TRUST)
    server.client("s3").create_bucket(Bucket="bench-bucket")
    return key["AccessKeyId"], key["SecretAccessKey"]


def signed(client: Any, call: Callable[[Any], Any]) -> bytes:
    """The bytes of one signed request, taken just before it would be sent."""
    taken: list[bytes] = []

    def take(request: Any, **_: Any) -> AWSResponse:
        body = request.body or b""
        body = body if isinstance(body, bytes) else body.read() if hasattr(body, "read") else body.encode()
        headers = {k: v.decode() if isinstance(v, bytes) else v for k, v in request.headers.items()}
        headers.pop("Expect", None)
        headers["Content-Length"] = str(len(body))
        target = "/" + request.url.split("/", 3)[3]
        host = request.url.split("/")[2]
        lines = [f"{request.method} {target} HTTP/1.1", f"Host: {host}"]
        lines += [f"{k}: {v}" for k, v in headers.items() if k.lower() != "host"]
        taken.append("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        raise _Taken

    client.meta.events.register("before-send", take)
    try:
        call(client)
    except _Taken:
        pass
    finally:
        client.meta.events.unregister("before-send", take)
    return taken[0]


class _Taken(Exception):
    pass


def workloads(server: Server, key: tuple[str, str], count: int) -> Iterator[tuple[str, list[bytes]]]:
    sts, iam, s3 = (server.client(service, key) for service in ("sts", "iam", "s3"))
    role = f"arn:aws:iam::{server.client('sts').get_caller_identity()['Account']}:role/bench-role"
    body = b"x" * 1024
    same: dict[str, tuple[Any, Callable[[Any], Any]]] = {
        "GetCallerIdentity": (sts, lambda c: c.get_caller_identity()),
        "GetRole": (iam, lambda c: c.get_role(RoleName="bench-role")),
        "AssumeRole": (sts, lambda c: c.assume_role(RoleArn=role, RoleSessionName="bench")),
    }
    for name, (client, call) in same.items():
        yield name, [signed(client, call)] * count
    # Many keys: moto now and then answers 500 to clients that write one key at the same moment.
    puts = [signed(s3, lambda c, n=n: c.put_object(Bucket="bench-bucket", Key=f"k{n}", Body=body)) for n in range(64)]
    yield "PutObject 1 KiB", [puts[n % 64] for n in range(count)]
    yield (
        "CreateRole",
        [
            signed(iam, lambda c, n=n: c.create_role(RoleName=f"r{n}", AssumeRolePolicyDocument=TRUST))
            for n in range(count // 4)
        ],
    )


def measure(server: Server, count: int, clients: int) -> dict[str, tuple[float, float]]:
    """Operation -> (milliseconds of CPU per request, requests per second); start-up and memory beside them."""
    time.sleep(3)  # the embedded backend and other late starters settle; then it is idle
    results = {"start-up": (server.start_up * 1000, 0.0), "idle memory": (memory(server.process.pid), 0.0)}
    key = prepare(server)
    port = int(server.endpoint.rpartition(":")[2])
    for name, requests in workloads(server, key, count):
        load(port, requests[: min(50, len(requests) // 4)], clients)
        batch = requests[min(50, len(requests) // 4) :] if name == "CreateRole" else requests
        before = cpu(server.process.pid)
        seconds, statuses = load(port, batch, clients)
        spent = cpu(server.process.pid) - before
        if set(statuses) != {200}:
            raise SystemExit(f"{server.name} {name}: answers by status {statuses}")
        results[name] = (spent / len(batch) * 1000, len(batch) / seconds)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    table: dict[str, dict[str, tuple[float, float]]] = {}
    for begin in (kansatsu, moto, ministack):
        with begin() as server:
            table[server.name] = measure(server, options.requests, options.clients)
    ours, *peers = table
    print(f"{'':18}" + "".join(f"{name:>24}" for name in table) + "".join(f"{'x ' + name:>14}" for name in peers))
    for row in table[ours]:
        unit = {"start-up": "ms", "idle memory": "MiB"}.get(row, "ms CPU")
        cells = [
            f"{table[n][row][0]:.2f} {unit}" + (f" {table[n][row][1]:6.0f}/s" if table[n][row][1] else "")
            for n in table
        ]
        ratios = [table[peer][row][0] / table[ours][row][0] for peer in peers]
        print(f"{row:18}" + "".join(f"{cell:>24}" for cell in cells) + "".join(f"{ratio:>13.1f}x" for ratio in ratios))


if __name__ == "__main__":
    main()
