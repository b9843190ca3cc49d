"""Kill -9 in the middle of writes: nothing that was acknowledged is lost, and nothing half-written appears.

Each of the two databases is tried 200 times; KILLS=20 in the environment kills 20 times.
"""

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from kansatsu import services
from kansatsu.clock import SystemClock
from kansatsu.identity import Store, accounts, bootstrap, open_store, schema
from kansatsu.identity.quotas import Quotas
from kansatsu.services.registry import Call, Caller, handler

KILLS = int(os.environ.get("KILLS", "200"))
ACCOUNT = "123456789012"
TRUST = (
    '{"Version": "2012-10-17", "Statement": '
    '{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}}'
)
TAGS = [{"Key": f"k{number}", "Value": "x" * 200} for number in range(20)]


def write(path: Path, url: str, begin: int, told: int) -> None:
    """CreateRole with tags, over and over, each told when it is acknowledged; ends by being killed."""
    clock = SystemClock()
    store = open_store(path, clock, url, Quotas({"RolesPerAccount": None}))
    found = handler("iam", "CreateRole")
    assert found is not None
    caller = Caller(ACCOUNT, "user", "AIDA", "admin", f"arn:aws:iam::{ACCOUNT}:user/admin", "AKIA")
    nothing: Any = None
    for number in range(begin, begin + 1000):
        with store.write() as conn:
            call = Call(caller, ACCOUNT, "us-east-1", "r", clock.now(), {}, store, nothing, nothing, clock)
            call.enter(lambda conn=conn: conn)  # type: ignore[misc]
            found.function(call, role_name=f"r{number}", assume_role_policy_document=TRUST, tags=TAGS)
        os.write(told, b"%d\n" % number)


def killed(path: Path, url: str, begin: int, chance: random.Random) -> list[int]:
    """The numbers that a writer told until it was killed."""
    heard, told = os.pipe()
    writer = os.fork()
    if writer == 0:
        try:
            write(path, url, begin, told)
        finally:
            os._exit(1)
    os.close(told)
    said = os.read(heard, 1)  # it writes by now
    time.sleep(chance.uniform(0, 0.01))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    while piece := os.read(heard, 1 << 16):
        said += piece
    os.close(heard)
    return [int(line) for line in said.split(b"\n")[:-1]]


def whole(store: Store) -> set[int]:
    """The roles that there are, each with all of its tags and its place in the log of changes."""
    entity, tag, change = schema.entity.c, schema.tag.c, schema.change.c
    with store.read() as conn:
        rows = conn.execute(select(entity.id, entity.name).where(entity.kind == "role")).all()
        tags = Counter(conn.execute(select(tag.resource_id)).scalars())
        changes = Counter(conn.execute(select(change.id)).scalars())
    assert tags == {row.id: len(TAGS) for row in rows}
    assert {changes[row.id] for row in rows} <= {1}
    return {int(row.name[1:]) for row in rows}


# INVARIANT: an acknowledged write survives kill -9, and nothing is ever half written.
@pytest.mark.timeout(1200)  # of 200 processes, each of which opens the store
def test_kill_9_takes_nothing_that_was_acknowledged(tmp_path: Path, store_url: str) -> None:
    services.load()
    store = open_store(tmp_path / "d", SystemClock(), store_url)
    accounts.found(store, ACCOUNT)
    bootstrap(store, ACCOUNT)
    store.close()  # no connection is open when a writer is forked
    chance = random.Random(int.from_bytes(os.urandom(4), "big"))
    acknowledged = set[int]()
    for turn in range(KILLS):
        acknowledged |= set(killed(tmp_path / "d", store_url, turn * 1000, chance))
        if turn % 20 == 19 or turn == KILLS - 1:
            store = open_store(tmp_path / "d", SystemClock(), store_url)
            found = whole(store)
            store.close()
            assert acknowledged <= found
            assert len(found - acknowledged) <= turn + 1  # the one that was under way, committed and not told
    assert len(acknowledged) >= KILLS
