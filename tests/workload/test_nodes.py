"""Of several nodes on one database each looks after the workloads of its own host, and after no other's."""

from pathlib import Path

from clusters import Cluster
from kansatsu.clock import SystemClock
from kansatsu.identity import Store, open_store
from kansatsu.workload import records
from kansatsu.workload.fleet import Fleet
from kansatsu.workload.records import Association, Details, Instance
from kansatsu.workload.tasks.hosts import Hosts
from kansatsu.workload.tasks.records import Place

ACCOUNT = "123456789012"


async def test_instances_and_hosts_are_those_of_the_node_that_made_them(tmp_path: Path, cluster: Cluster) -> None:
    def opened(name: str) -> Store:
        return open_store(tmp_path / name, SystemClock(), url)

    with cluster.database() as url:
        one = opened("one")
        (tmp_path / "two").mkdir()
        (tmp_path / "two" / "master.key").write_bytes((tmp_path / "one" / "master.key").read_bytes())
        (tmp_path / "two" / "master.key").chmod(0o600)
        two = opened("two")
        held = Instance("i-1", ACCOUNT, "us-east-1", "container", "c", False, "running", 1.0, Details())
        with one.write() as conn:
            records.save_instance(conn, held, new=True, node=one.node)
            records.save_association(conn, Association("a", ACCOUNT, "i-1", "p", "arn", "associated", 1.0))
        hosts = Hosts(one, one.clock)
        host = await hosts.change(hosts.of_cluster(Place(ACCOUNT, "us-east-1"), "c", "engine"), tags={"a": "b"})
        for store, expected in ((one, ["i-1"]), (two, [])):
            fleet, known = Fleet(store, store.clock), Hosts(store, store.clock)
            fleet.load()
            known.load()
            assert [member.instance.id for member in fleet] == expected
            assert (known.known(host.arn) is not None) == bool(expected)
        one.close()
        two.close()
