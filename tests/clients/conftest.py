"""One gateway for the tests of a worker, in front of rclone's S3 server and dynalite."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from .world import BACKEND_ENV, Programs, World, free_port, install, process, s3_server


@pytest.fixture(scope="session")
def programs() -> Programs:
    return install()


@pytest.fixture(scope="session")
def world(programs: Programs, start_server: Callable[..., Any]) -> Iterator[World]:
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kansatsu-")))
        s3, dynamodb = free_port(), free_port()
        stack.enter_context(process(s3_server(programs, s3), s3, place / "s3.log", HOME=str(place)))
        dynalite = [
            "node",
            str(programs.modules / "dynalite" / "cli.js"),
            "--host",
            "127.0.0.1",
            "--port",
            str(dynamodb),
        ]
        stack.enter_context(process([*dynalite, "--createTableMs", "0"], dynamodb, place / "dynamodb.log"))
        flags = ["--backend", f"s3=http://127.0.0.1:{s3}", "--backend", f"dynamodb=http://127.0.0.1:{dynamodb}"]
        source = str(Path(__file__).parents[2] / "src")
        clean = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "KANSATSU_"))}
        environ = {**clean, "PYTHONPATH": source, "AWS_EC2_METADATA_DISABLED": "true", **BACKEND_ENV}
        server = stack.enter_context(start_server(place / "data", "--engine", "none", *flags, environ=environ))
        yield World(server, programs)
