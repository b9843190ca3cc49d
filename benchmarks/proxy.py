"""What a request costs that is authenticated, authorized and recorded: Kansatsu against nginx as a plain proxy.

    .venv/bin/python benchmarks/proxy.py [--requests 5000] [--streams 100] [--clients 4] [--rounds 3]

One backend for all, another nginx: it serves files and takes uploads without keeping them. Measured in one run, one
after the other, with the same client and the same bytes (a signed request may be sent again for 15 minutes): CPU of the
proxy's own processes per request, and requests per second, with the backend alone beside it. Needs nginx
(apt install nginx-light).
"""

import argparse
import math
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from hmac import HMAC
from pathlib import Path

from loading import cpu, free_port, load, running

from kansatsu.http import HttpRequest
from kansatsu.signing import PayloadMode, sign
from kansatsu.signing.body import Chain
from kansatsu.signing.checksums import encoded, new_checksum
from kansatsu.signing.keys import signing_key

KIB, MIB = 1 << 10, 1 << 20
Signed = tuple[HMAC, str, str, str]  # key, time, scope, signature of the head
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
HEAD = """
daemon off; worker_processes 1; pid {place}/pid; error_log {place}/log; {user}
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/f;
  uwsgi_temp_path {place}/u; scgi_temp_path {place}/s; keepalive_requests 10000000; client_max_body_size 0; sendfile on;
"""
# Kansatsu asks for the policies of the bucket now and then; there are none. An upload is read to its end, and dropped.
BACKEND = """
  server {{ listen 127.0.0.1:{port}; root {place}/root; default_type application/octet-stream;
    location / {{
      if ($query_string = policy) {{ return 404 "<Error><Code>NoSuchBucketPolicy</Code></Error>"; }}
      if ($query_string = publicAccessBlock) {{
        return 404 "<Error><Code>NoSuchPublicAccessBlockConfiguration</Code></Error>"; }}
      client_body_buffer_size 9m; proxy_http_version 1.1; proxy_set_body ""; proxy_set_header Connection "";
      if ($request_method = PUT) {{ proxy_pass http://sink; }}
    }} }}
  upstream sink {{ server 127.0.0.1:{sink}; keepalive 64; }}
  server {{ listen 127.0.0.1:{sink}; location / {{ return 200; }} }} }}
"""
PROXY = """
  upstream backend {{ server 127.0.0.1:{backend}; keepalive 64; }}
  server {{ listen 127.0.0.1:{port};
    location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_request_buffering off; proxy_buffers 8 64k; proxy_max_temp_file_size 0; }} }} }}
"""


@contextmanager
def nginx(place: Path, text: str, port: int, **more: object) -> Iterator[int]:
    place.mkdir()
    user = "user root;" if os.geteuid() == 0 else ""
    (place / "conf").write_text((HEAD + text).format(place=place, port=port, user=user, **more))
    with running([NGINX, "-c", str(place / "conf"), "-e", str(place / "log")], port, {}) as (process, _):
        yield process.pid


@contextmanager
def kansatsu(place: Path, port: int, backend: int) -> Iterator[int]:
    command = [sys.executable, "-m", "kansatsu.cli", "up", "--data-dir", str(place), "--listen", f"127.0.0.1:{port}"]
    flags = ["--engine", "none", "--backend", f"http://127.0.0.1:{backend}", "--log-level", "warning"]
    keys = {"AWS_ACCESS_KEY_ID": "backend", "AWS_SECRET_ACCESS_KEY": "backend"}
    with running([*command, *flags], port, keys, "/_kansatsu/health") as (process, _):
        yield process.pid


def hashed(body: bytes, _: Signed) -> Iterator[bytes]:
    yield body


def trailed(body: bytes, _: Signed) -> Iterator[bytes]:
    """One chunk, as boto3 and the AWS CLI send it, with a checksum behind it."""
    yield b"%x\r\n%b\r\n0\r\nx-amz-checksum-crc64nvme:" % (len(body), body)
    checksum = new_checksum("x-amz-checksum-crc64nvme")
    checksum.update(body)
    yield encoded(checksum).encode() + b"\r\n\r\n"


def chunked(body: bytes, signed: Signed) -> Iterator[bytes]:
    """Chunks of 64 KiB, each signed."""
    key, stamp, scope, previous = signed
    chain = Chain(key, stamp, scope, previous)
    for at in range(0, len(body) + 1, 64 * KIB):
        piece = body[at : at + 64 * KIB]
        previous = chain.chunk(previous, sha256(piece).hexdigest())
        yield b"%x;chunk-signature=%b\r\n%b\r\n" % (len(piece), previous.encode(), piece)


CHUNKED = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(8 * MIB)}
# How a body is protected -> what the head says of it, and the body on the wire.
FORMS: dict[str, tuple[str, dict[str, str], Callable[[bytes, Signed], Iterator[bytes]]]] = {
    "": ("", {}, hashed),
    "unsigned": (PayloadMode.UNSIGNED.value, {}, hashed),
    "CRC64 in a trailer": (
        PayloadMode.CHUNKED_UNSIGNED_TRAILER.value,
        {**CHUNKED, "x-amz-trailer": "x-amz-checksum-crc64nvme"},
        trailed,
    ),
    "signed chunks": (PayloadMode.CHUNKED_SIGNED.value, CHUNKED, chunked),
}


def request(method: str, path: str, size: int, port: int, key: tuple[str, str], form: str = "") -> bytes:
    mode, more, made = FORMS[form]
    body = bytes(size) if method == "PUT" else b""
    headers = {"host": f"127.0.0.1:{port}", **more}
    bare = HttpRequest(method, path, "", headers)
    headers |= sign(
        bare,
        access_key_id=key[0],
        secret=key[1],
        session_token=None,
        region="us-east-1",
        service="s3",
        now=datetime.now(UTC),
        payload_hash=mode or sha256(body).hexdigest(),
    )
    stamp = headers["x-amz-date"]
    secret = signing_key(key[1], stamp[:8], "us-east-1", "s3")
    scope, seed = f"{stamp[:8]}/us-east-1/s3/aws4_request", headers["authorization"].rpartition("=")[2]
    wire = b"".join(made(body, (secret, stamp, scope, seed)))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if method == "PUT":
        lines.append(f"content-length: {len(wire)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + wire


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3, help="of which the least CPU counts")
    given = parser.parse_args()
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="proxy-")))
        place.chmod(0o755)
        files = place / "backend" / "root" / "bucket"
        backend, plain, ours = free_port(), free_port(), free_port()
        pids = {
            "backend alone": (
                stack.enter_context(nginx(place / "backend", BACKEND, backend, sink=free_port())),
                backend,
            ),
            "nginx": (stack.enter_context(nginx(place / "plain", PROXY, plain, backend=backend)), plain),
            "kansatsu": (stack.enter_context(kansatsu(place / "data", ours, backend)), ours),
        }
        files.mkdir(parents=True)
        found = dict(re.findall(r"(aws_\w+)\s*=\s*(\S+)", (place / "data" / "credentials").read_text()))
        key = found["aws_access_key_id"], found["aws_secret_access_key"]
        for name, size in (("small", KIB), ("large", 8 * MIB)):
            (files / name).write_bytes(bytes(size))
        report(pids, given, lambda method, name, *how: request(method, f"/bucket/{name}", *how[:2], key, how[2]))


def report(
    pids: dict[str, tuple[int, int]], given: argparse.Namespace, made: Callable[[str, str, int, int, str], bytes]
) -> None:
    print(f"{'':<30}" + "".join(f"{name:>26}" for name in pids) + f"{'x nginx':>10}")
    for method, name, size, count, form in (
        ("GET", "small", KIB, given.requests, ""),
        ("PUT", "small", KIB, given.requests, ""),
        ("GET", "large", 8 * MIB, given.streams, ""),
        *(("PUT", "large", 8 * MIB, given.streams, form) for form in FORMS),
    ):
        least, rates = dict.fromkeys(pids, math.inf), dict.fromkeys(pids, 0.0)
        for _ in range(given.rounds):  # in turn, so that whoever else is on the machine meets all of them
            for proxy, (pid, port) in pids.items():
                data = made(method, name, size, port, form)
                load(port, [data] * given.clients * 5, given.clients)
                before = cpu(pid)
                seconds, statuses = load(port, [data] * count, given.clients)
                if set(statuses) != {200}:
                    raise SystemExit(f"{proxy} {method} {name}: answers by status {statuses}")
                least[proxy] = min(least[proxy], (cpu(pid) - before) / count * 1000)
                rates[proxy] = max(rates[proxy], count / seconds)
        label = f"{method} {'1 KiB' if size == KIB else '8 MiB'} {form}"
        cells = [f"{least[proxy]:.3f} ms CPU {rates[proxy]:>7.0f}/s" for proxy in pids]
        times = least["kansatsu"] / least["nginx"]
        print(f"{label:<30}" + "".join(f"{cell:>26}" for cell in cells) + f"{times:>9.1f}x", flush=True)


if __name__ == "__main__":
    main()
