"""Writers that are killed, forked from a process without threads: in a copy of one with threads a lock that another
thread held is never let go.

Run with a data directory and the URL of its database ("" for SQLite). For each line with a number it kills a writer so
many times, and prints which roles they had told to be written, as JSON.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from kansatsu import services
from kansatsu.clock import SystemClock
from kansatsu.identity import Store, open_store
from kansatsu.identity.quotas import Quotas
from kansatsu.services.registry import Call, Caller, handler

ACCOUNT = "123456789012"
TRUST = (
    '{"Version": "2012-10-17", "Statement": '
    '{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}}'
)
TAGS = [{"Key": f"k{number}", "Value": "x" * 200} for number in range(20)]
EACH = 1000  # roles of a writer at most


def write(store: Store, number: int) -> None:
    """CreateRole with tags, in one transaction."""
    found = handler("iam", "CreateRole")
    assert found is not None
    caller = Caller(ACCOUNT, "user", "AIDA", "admin", f"arn:aws:iam::{ACCOUNT}:user/admin", "AKIA")
    nothing: Any = None
    with store.write() as conn:
        call = Call(caller, ACCOUNT, "us-east-1", "r", store.clock.now(), {}, store, nothing, nothing, store.clock)
        call.enter(lambda: conn)
        found.function(call, role_name=f"r{number}", assume_role_policy_document=TRUST, tags=TAGS)


def killed(store: Store, begin: int, chance: random.Random) -> list[int]:
    """The numbers that a writer told until it was killed."""
    assert len(os.listdir("/proc/self/task")) == 1
    heard, told = os.pipe()
    writer = os.fork()
    if writer == 0:
        try:
            store._database.prepare()  # as a start does
            for number in range(begin, begin + EACH):
                write(store, number)
                os.write(told, b"%d\n" % number)
        finally:
            os._exit(1)
    os.close(told)
    said = os.read(heard, 1)  # it writes by now
    time.sleep(chance.uniform(0, 0.01))
    os.kill(writer, signal.SIGKILL)
    _, status = os.waitpid(writer, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, status  # and had not ended by itself
    while piece := os.read(heard, 1 << 16):
        said += piece
    os.close(heard)
    return [int(line) for line in said.split(b"\n")[:-1]]


def main(path: str, url: str) -> None:
    services.load()
    store = open_store(Path(path), SystemClock(), url, Quotas({"RolesPerAccount": None}))
    write(store, 0)  # its statements are compiled once for all writers
    store.close()  # no connection is open when a writer is forked
    chance = random.Random(int.from_bytes(os.urandom(4), "big"))
    turn = 0
    for line in sys.stdin:
        acknowledged = [0]
        for _ in range(int(line)):
            turn += 1
            acknowledged += killed(store, turn * EACH, chance)
        print(json.dumps(acknowledged), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
