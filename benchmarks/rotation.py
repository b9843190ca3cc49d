"""How a fleet renews its credentials: 1,000 instances through five rotations, on a clock that the benchmark moves.

    .venv/bin/python benchmarks/rotation.py [--instances 1000] [--rotations 5]

Every instance asks once a minute. What is counted: answers that are no credentials, the least time that any answer had
left, and renewals per five minutes against their mean, once for a fleet whose instances start over an hour, and once
for one that starts all at once, as after a restart of Kansatsu.
"""

import argparse
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kansatsu import identity
from kansatsu.identity import entities
from kansatsu.workload.credentials import EC2, Grant, Issuer
from kansatsu.workload.views import Credentials

ACCOUNT = "123456789012"
TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, '
    '"Action": "sts:AssumeRole"}]}'
)
LIFE, STEP, WINDOW = timedelta(hours=1), timedelta(minutes=1), 5


class Clock:
    moment = datetime(2026, 11, 26, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


def run(instances: int, rotations: int, spread: timedelta) -> None:
    clock = Clock()
    random.seed(5)
    with tempfile.TemporaryDirectory() as directory:
        store = identity.open_store(Path(directory), clock)
        identity.accounts.found(store, ACCOUNT)
        with store.write() as conn:
            role = entities.create(conn, ACCOUNT, "role", "R", path="/", now=0.0, trust_document=TRUST)
        issuer = Issuer(store, clock, LIFE)
        began = clock.moment
        starts = [began + spread * random.random() for _ in range(instances)]
        grants = [
            Grant(account=ACCOUNT, role_id=role.id, service=EC2, session_name=f"i-{n}", source={}, trust_context={})
            for n in range(instances)
        ]
        keys, renewed = [""] * instances, [0] * instances
        failed, least, per_minute, calls, cpu = 0, LIFE, [], 0, time.process_time()
        while min(renewed) < rotations:
            count = 0
            for n, grant in enumerate(grants):
                if starts[n] > clock.moment:
                    continue
                calls += 1
                state = issuer.credentials(f"i-{n}/2.0", grant)
                if not isinstance(state, Credentials):
                    failed += 1
                    continue
                least = min(least, state.expiration - clock.moment)
                if state.access_key_id != keys[n]:
                    renewed[n] += bool(keys[n])
                    count += bool(keys[n])
                    keys[n] = state.access_key_id
            per_minute.append(count)
            clock.moment += STEP
        cpu = time.process_time() - cpu
        store.close()
    first = int(spread / STEP) + 24  # minutes until all have started and renewals have begun
    steady = per_minute[first:]
    windows = [sum(steady[at : at + WINDOW]) / WINDOW for at in range(len(steady) - WINDOW + 1)]
    mean = sum(steady) / len(steady)
    print(f"{instances} instances, started over {spread}, {rotations} rotations of each, {calls} questions")
    print(f"  answers that failed           {failed}")
    print(f"  least time left               {least}")
    print(
        f"  renewals per minute           mean {mean:.1f}, at most {max(windows):.1f}: {max(windows) / mean:.1f} times"
    )
    print(f"  CPU per question              {cpu / calls * 1e6:.0f} us")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=1000)
    parser.add_argument("--rotations", type=int, default=5)
    given = parser.parse_args()
    for spread in (timedelta(hours=1), timedelta(0)):
        run(given.instances, given.rotations, spread)


if __name__ == "__main__":
    main()
