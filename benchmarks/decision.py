"""What a decision costs inside of a request: the share of a signed GetRole's CPU that authorizing and deciding take.

    .venv/bin/python benchmarks/decision.py [--requests 4000] [--clients 8]

The server, the user with 10 policies of 5 statements and the load are those of gateway.py, but a clock of the thread's
CPU is around both functions, and itself costs a microsecond. The figures are those of the request in the middle, so
that neither the first decision nor the calls that prepare are in them.
"""

import argparse
import atexit
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loading import cpu, load

import gateway


def clocked(told: str) -> None:
    """`kansatsu` with a clock around authorizing and deciding, whose times are in the file when it has ended."""
    from kansatsu.cli import main as command
    from kansatsu.gateway import pipeline
    from kansatsu.services import deciding

    spent: dict[str, list[int]] = {"authorize": [], "decide": []}  # nanoseconds

    def around(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def wrapped(*args: Any) -> Any:
            began = time.thread_time_ns()
            try:
                return function(*args)
            finally:
                spent[name].append(time.thread_time_ns() - began)

        return wrapped

    pipeline.Pipeline._authorize = around(pipeline.Pipeline._authorize, "authorize")  # type: ignore[method-assign]
    deciding.evaluate = around(deciding.evaluate, "decide")
    atexit.register(lambda: Path(told).write_text(json.dumps(spent)))
    command()


def main() -> None:
    """Prints the price."""
    if sys.argv[1:2] == ["--clocked"]:
        told = sys.argv[2]
        sys.argv[1:3] = []
        clocked(told)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        told = Path(directory) / "spent"
        with gateway.kansatsu(program=(sys.executable, __file__, "--clocked", str(told))) as server:
            key = gateway.prepare(server)
            port = int(server.endpoint.rpartition(":")[2])
            request = gateway.signed(server.client("iam", key), lambda c: c.get_role(RoleName="bench-role"))
            load(port, [request] * 200, options.clients)
            before = cpu(server.process.pid)
            load(port, [request] * options.requests, options.clients)
            whole = (cpu(server.process.pid) - before) / options.requests * 1e6
        spent = json.loads(told.read_text())
    authorize, decide = (statistics.median(spent[name]) / 1000 for name in ("authorize", "decide"))
    print(f"GetRole: {whole:.0f} us of CPU")
    print(f"authorizing: {authorize:.1f} us, {authorize / whole:.1%}: policies, context and the decision")
    print(f"the decision alone: {decide:.1f} us, {decide / whole:.1%}")


if __name__ == "__main__":
    main()
