"""Whoever waits for a slow database waits alone: nothing of a request asks one that is another process on the loop."""

import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event

from clusters import Cluster

from . import raw
from .conftest import Gateway
from .raw import Keys
from .test_tags import code_of


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with cluster.database() as url:
        made = Gateway(tmp_path_factory.mktemp("shared") / "data", url)
        made.start()
        yield made
        made.stop()


@pytest.fixture(scope="module")
def ana(shared: Gateway) -> Keys:
    """May list roles and buckets, and assume a role."""
    return shared.user(raw.statement("Allow", ["iam:List*", "s3:List*", "sts:*"]))


def _assumed(gateway: Gateway, keys: Keys) -> Any:
    role = gateway.role(raw.statement("Allow", "*"))
    return gateway.client("sts", keys).assume_role(RoleArn=role["Arn"], RoleSessionName="session")


ASKED: dict[str, Callable[[Gateway, Keys], Any]] = {
    "a read of ours": lambda g, k: g.client("iam", k).list_roles(),
    "of whoever asks": lambda g, k: g.client("sts", k).get_caller_identity(),
    "a write": lambda g, _: g.iam.create_group(GroupName="group"),
    "a session": _assumed,
    "a denied one": lambda g, k: code_of(g.client("iam", k).delete_group, GroupName="group"),
    "of a wrong key": lambda g, k: code_of(g.client("iam", Keys("AKIA" + "A" * 16, k.secret)).list_roles),
    "of the backend": lambda g, k: g.client("s3", k).list_buckets(),
    "denied of the backend": lambda g, k: code_of(g.client("s3", k).create_bucket, Bucket="bucket"),
    "a simulation": lambda g, _: g.iam.simulate_custom_policy(PolicyInputList=[], ActionNames=["s3:GetObject"]),
}


# INVARIANT: the event loop never waits for a database that is another process, to let somebody in or for these.
@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_no_request_asks_the_database_on_the_loop(
    shared: Gateway, ana: Keys, asked: Callable[[Gateway, Keys], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, places = shared.store._database, list[str]()
    shared.store._snapshot._drop_all()  # nothing is in memory
    version, asked_at = database.data_version, list[int]()

    def note(*_: Any) -> None:
        asked_at.append(threading.get_ident())
        if asked_at[-1] == shared._thread.ident:
            places.append("".join(traceback.format_stack(limit=20)))

    monkeypatch.setattr(database, "data_version", lambda: (note(), version())[1])
    engines = (database.reader, database.writer)
    for engine in engines:
        event.listen(engine, "begin", note)
    try:
        asked(shared, ana)
    finally:
        for engine in engines:
            event.remove(engine, "begin", note)
    assert asked_at and not places, places[0]
