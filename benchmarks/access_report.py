"""CPU of a report on a managed policy of a large account: 1,000 roles that have it, 400 services that each has used.

Run: .venv/bin/python benchmarks/access_report.py [--roles N] [--services N] [--rounds N]

The registers are in a store on disk; measured is what GenerateServiceLastAccessedDetails does with them: reading, the
report, packing it for the store. The least of the rounds.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import insert

from kansatsu import identity
from kansatsu.advisor import Who, registers, report, reports
from kansatsu.catalog import tracking
from kansatsu.clock import SystemClock
from kansatsu.identity.schema import last_access

ACCOUNT = "123456789012"
T = TypeVar("T")


def fill(store: identity.Store, people: list[Who], names: list[str]) -> None:
    """One attempt of everybody at every service, within a quarter of a year."""
    luck, now = random.Random(1), time.time()
    base = {"account": ACCOUNT, "access_key_id": "", "action": "Get", "region": "us-east-1", "allowed": 1, "count": 3}
    with store.write() as conn:
        for who in people:
            rows = [
                {**base, "principal_id": who.id, "service": name, "last": now - luck.random() * 8e6} for name in names
            ]
            conn.execute(insert(last_access), rows)


def once(store: identity.Store, people: list[Who], names: list[str], spent: dict[str, float]) -> None:
    ids = [who.id for who in people]
    with store.read() as conn:
        uses = timed(spent, "reading", lambda: registers.uses_of(conn, ACCOUNT, ids, 0.0))
    found = timed(spent, "report", lambda: report(dict.fromkeys(names, ()), people, uses))
    made = ACCOUNT, "AIDA", "SERVICE_LEVEL", found
    timed(spent, "packing", lambda: reports.made(*made, created=1.0, completed=2.0))


def timed(spent: dict[str, float], name: str, work: Callable[[], T]) -> T:
    began = time.process_time()
    found = work()
    spent[name] = min(spent.get(name, 1e9), time.process_time() - began)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--roles", type=int, default=1000)
    parser.add_argument("--services", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    names = sorted(tracking.services())[: asked.services]
    people = [
        Who(f"AROA{n:017}", f"arn:aws:iam::{ACCOUNT}:role/r{n}", "role", f"r{n}", "/") for n in range(asked.roles)
    ]
    spent: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="kansatsu-report-") as directory:
        store = identity.open_store(Path(directory), SystemClock())
        fill(store, people, names)
        for _ in range(asked.rounds):
            once(store, people, names, spent)
        store.close()
    for name, seconds in {**spent, "whole": sum(spent.values())}.items():
        print(f"{name:<8} {seconds:6.2f} s CPU")


if __name__ == "__main__":
    main()
