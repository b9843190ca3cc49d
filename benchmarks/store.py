"""What a role costs among 100 and among 100,000, what a page of roles costs anywhere, and 64 writers at once.

    .venv/bin/python benchmarks/store.py [--roles 100000] [--rounds 300] [--turns 10]

On SQLite and on PostgreSQL, both durable, as in production; a server of PostgreSQL is started here, in a temporary
directory. A small and a large store take turns, and the halves of a pair are compared, so that a busy machine slows
both alike. Roles and pages are the handlers' own work in one process; the writers sign and send over HTTP, to one
`kansatsu up` on SQLite, and to two on one PostgreSQL.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import insert

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from clusters import Cluster  # noqa: E402 - of the tests
from conftest import cli_environ, running_server  # noqa: E402
from kansatsu import identity, services  # noqa: E402
from kansatsu.clock import SystemClock  # noqa: E402
from kansatsu.identity import Store, schema  # noqa: E402
from kansatsu.identity.quotas import Quotas  # noqa: E402
from kansatsu.services.registry import Call, Caller, handler  # noqa: E402
from writers import TRUST, hammer, once  # noqa: E402

ACCOUNT, PAGE = "123456789012", 1000
CALLER = Caller(ACCOUNT, "user", "AIDA", "admin", f"arn:aws:iam::{ACCOUNT}:user/admin", "AKIA")
FLAGS = ("--engine", "none", "--backend", "http://127.0.0.1:9", "--trail", "none")
QUOTA = 10_000_000  # that it is looked at is part of the cost


def call(store: Store, operation: str, **params: Any) -> Any:
    """One operation, as the gateway runs it once it is allowed."""
    found = handler("iam", operation)
    assert found is not None
    nothing: Any = None
    clock = store.clock
    made = Call(CALLER, ACCOUNT, "us-east-1", "r", clock.now(), {}, store, nothing, nothing, clock)
    with store.write() if found.write else store.read() as conn:
        made.enter(lambda: conn)
        return found.function(made, **params)


def fill(store: Store, count: int) -> None:
    """Roles with a tag each, and their place in the log of changes."""
    for begin in range(0, count, 10_000):
        numbers = range(begin, min(begin + 10_000, count))
        common = {"account": ACCOUNT, "kind": "role", "path": "/", "created": 1.0, "trust_document": TRUST}
        roles = [common | {"id": f"AROA{n:017}", "name": f"f{n:07}", "name_key": f"f{n:07}"} for n in numbers]
        with store.write() as conn:
            conn.execute(insert(schema.entity), roles)
            tags = [{"resource_id": each["id"], "key": "k", "key_lower": "k", "value": "v"} for each in roles]
            conn.execute(insert(schema.tag), tags)
            conn.execute(
                insert(schema.change), [{"account": ACCOUNT, "kind": "entity", "id": each["id"]} for each in roles]
            )
    if store.node:
        with store.write() as conn:
            conn.exec_driver_sql("ANALYZE")


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def told(name: str, base: Sequence[float], other: Sequence[float], goal: float) -> None:
    ratio = statistics.median(b / a for a, b in zip(base, other, strict=True))
    a, b = statistics.median(base) * 1e3, statistics.median(other) * 1e3
    print(f"  {name:38} {a:8.2f} ms {b:8.2f} ms   {ratio:5.2f}  (goal: at most {goal})", flush=True)


def creating(small: Store, large: Store, rounds: int) -> None:
    spent: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for store, into in zip((small, large), spent, strict=True):
            name = f"g{number:07}"
            into.append(timed(lambda: call(store, "CreateRole", role_name=name, assume_role_policy_document=TRUST)))  # noqa: B023
    told("CreateRole, 100th and last", *spent, goal=1.2)


def listing(large: Store, rounds: int) -> None:
    """The same page size at the beginning, in the middle and at the end, each reached by its own marker."""
    markers: list[str | None] = [None]
    while marker := call(large, "ListRoles", max_items=PAGE, marker=markers[-1]).get("Marker"):
        markers.append(marker)
    full = markers[:-1]
    places = full[0], full[len(full) // 2], full[-1]
    spent = [[timed(lambda: call(large, "ListRoles", max_items=PAGE, marker=m)) for m in places] for _ in range(rounds)]  # noqa: B023
    first, middle, last = zip(*spent, strict=True)
    told("ListRoles, first page and the middle", first, middle, goal=1.2)
    told("ListRoles, first page and the last", first, last, goal=1.2)


@contextmanager
def two_stores(cluster: Cluster | None, roles: int) -> Iterator[list[Store]]:
    with ExitStack() as stack:
        opened = []
        for count in (99, roles - 1):
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="kansatsu-bench-"))
            url = stack.enter_context(cluster.empty_database()) if cluster else ""
            store = identity.open_store(Path(directory) / "d", SystemClock(), url, Quotas({"RolesPerAccount": QUOTA}))
            stack.callback(store.close)
            fill(store, count)
            opened.append(store)
        yield opened


def writing(cluster: Cluster | None, turns: int) -> None:
    """64 writers over HTTP."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kansatsu-bench-")))
        environ = cli_environ() | {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x"}
        if cluster:
            environ["KANSATSU_DATABASE_URL"] = stack.enter_context(cluster.empty_database())
        clients = []
        for name in ("one", "two") if cluster else ("one",):
            if name == "two":
                (directory / name).mkdir(mode=0o700)
                (directory / name / "master.key").write_bytes((directory / "one" / "master.key").read_bytes())
                (directory / name / "master.key").chmod(0o600)
            server = stack.enter_context(running_server(directory / name, *FLAGS, environ=environ))
            clients.append(once(server))
        began = time.perf_counter()
        outcome = hammer(clients, 64, turns)
        spent = time.perf_counter() - began
    print(
        f"  64 writers, {len(clients)} node(s): {outcome.acknowledged} writes acknowledged in {spent:.1f} s, "
        f"{len(outcome.refused)} refused {sorted(set(outcome.refused))}, {len(outcome.lost)} lost",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--roles", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--turns", type=int, default=10)
    given = parser.parse_args()
    services.load()
    cluster = Cluster(durable=True)
    try:
        for name, where in (("SQLite", None), ("PostgreSQL", cluster)):
            print(f"{name}: median of the first, of the second, median of their ratios")
            with two_stores(where, given.roles) as (small, large):
                creating(small, large, given.rounds)
                listing(large, max(given.rounds // 10, 3))
            writing(where, given.turns)
    finally:
        cluster.remove()


if __name__ == "__main__":
    main()
