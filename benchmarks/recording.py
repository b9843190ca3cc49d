"""What recording costs: the evidence of a request, against the whole request, and the trail that follows from it.

    .venv/bin/python benchmarks/recording.py [--requests 3000]

A server is started and loaded as in benchmarks/gateway.py, with the trail off, for the CPU of one request. What is
written of the same requests is then written again, in this process, by the recorder: that is the cost on the path of
a request. Delivering them as CloudTrail's files comes after the answers, in a thread; its CPU is told beside.
"""

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import gateway as load
from kansatsu import wire
from kansatsu.advisor import CallRecord, Directory, Recorder, Trail
from kansatsu.advisor.events import decode
from kansatsu.advisor.segments import lines
from kansatsu.catalog import Authorization
from kansatsu.clock import SystemClock
from kansatsu.gateway import evidence
from kansatsu.gateway.authentication import Identity
from kansatsu.gateway.exchange import Exchange
from kansatsu.http import HttpRequest
from kansatsu.identity import accounts, open_store
from kansatsu.policy import Principal
from kansatsu.services.registry import Caller

ROUNDS = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=3000)
    arguments = parser.parse_args()
    with load.kansatsu("--trail", "none") as server:
        whole = load.measure(server, arguments.requests, 8)
        directory = Path(server.data_dir) / "events"
        records = [decode(line) for path in directory.glob("*.jsonl") for line in lines(path)]
    calls = {record.operation: record for record in records if isinstance(record, CallRecord)}
    print(f"{'':<20}{'request':>12}{'recording':>12}{'part':>8}{'trail':>12}")
    for name, (milliseconds, _) in whole.items():
        cpu = milliseconds / 1000
        call = calls.get(name.split()[0])
        if call is None:
            continue
        written, delivered = cost(call)
        part = f"{written / cpu:.1%}"
        print(f"{name:<20}{cpu * 1e6:>9.0f} us{written * 1e6:>9.1f} us{part:>8}{delivered * 1e6:>9.1f} us")


def exchanged(call: CallRecord) -> Exchange:
    """The request as the gateway had it when it was to be recorded."""
    now = datetime.now(UTC)
    request = HttpRequest("POST", "/", "", {"user-agent": call.user_agent, "host": "localhost"}, b"")
    made = Exchange(request, cast("Any", None), call.source_ip, False, now, call.call)
    made.operation = wire.load_service(call.service).operation(call.operation)
    caller = Caller(call.account, call.kind, call.principal_id, call.name, call.arn, call.access_key_id)
    made.identity = Identity(caller, None, Principal(call.account, call.arn, call.kind), {})
    made.region, made.params, made.context, made.result = call.region, call.params or {}, call.context, call.result
    made.authorizations = tuple(Authorization(item.action, item.resource) for item in call.asked)
    made.authorized = True
    return made


def cost(call: CallRecord) -> tuple[float, float]:
    """CPU seconds to write one, and to deliver one."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        store = open_store(directory, SystemClock())
        accounts.found(store, call.account)  # as that of the server has it
        recorder = Recorder(store, directory, SystemClock())
        exchange = exchanged(call)
        exchange.snapshot = store.snapshot()
        began = time.process_time()
        for _ in range(ROUNDS):
            recorder.append(*evidence.told(exchange, None))
        written = (time.process_time() - began) / ROUNDS
        trail = Trail(recorder.directory, directory, SystemClock(), [Directory(directory / "trail")])
        began = time.process_time()
        count = trail.deliver()
        delivered = (time.process_time() - began) / count
        recorder.close()
        store.close()
    return written, delivered


if __name__ == "__main__":
    main()
