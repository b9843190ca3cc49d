"""What is PostgreSQL's own: a sentence for every database that cannot be used, texts, nodes, lost connections."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import insert, select, text

from clusters import Cluster
from kansatsu.clock import SystemClock
from kansatsu.errors import ValidationError
from kansatsu.identity import Store, StoreError, look, open_store, postgres, schema, touch
from kansatsu.identity.database import HEAD, MIGRATIONS
from kansatsu.identity.postgres import PostgresDatabase
from kansatsu.identity.sqlite import FILE, SqliteDatabase


@contextmanager
def opened(path: Path, url: str):  # type: ignore[no-untyped-def]
    store = open_store(path, SystemClock(), url)
    yield store
    store.close()


def refusal(path: Path, url: str, work: Callable[[Path, str], object] | None = None) -> str:
    with pytest.raises(StoreError) as caught:
        work(path, url) if work else open_store(path, SystemClock(), url)
    return str(caught.value)


def copied(source: Path, target: Path, *names: str) -> Path:
    target.mkdir(mode=0o700)
    for name in names:
        (target / name).write_bytes((source / name).read_bytes())
        (target / name).chmod(0o600)
    return target


SECRET = "s3cret-and-no-other"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (lambda at: f"postgresql://kansatsu:{SECRET}@/missing?host={at}", 'database "missing" does not exist'),
        (lambda at: f"postgresql://nobody:{SECRET}@/postgres?host={at}", 'role "nobody" does not exist'),
        (lambda at: f"postgresql://kansatsu:{SECRET}@127.0.0.1:9/x", "onnection refused"),
        (lambda at: f"postgresql://kansatsu:{SECRET}@/x?hots={at}", "The URL of the database cannot be read"),
        (lambda at: f"postgresql://kansatsu@/x?host={at}&sslmode={SECRET}", "cannot be used"),
    ],
)
def test_a_database_that_cannot_be_reached(
    tmp_path: Path, cluster: Cluster, url: Callable[[Path], str], why: str
) -> None:
    said = refusal(tmp_path, url(cluster.directory))
    assert why in said
    assert "sslmode" in said or SECRET not in said


@pytest.fixture
def locked(cluster: Cluster) -> Iterator[str]:
    """A user who must give a password; the rest of the cluster trusts everybody."""
    cluster.ask(f"CREATE ROLE locked LOGIN PASSWORD '{SECRET}'")
    rules = Path(cluster.data) / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all locked scram-sha-256\n" + before)
    cluster.ask("SELECT pg_reload_conf()")
    yield "locked"
    rules.write_text(before)
    cluster.ask("SELECT pg_reload_conf()")
    cluster.ask("DROP ROLE locked")


def test_a_wrong_password_is_told_and_not_shown(tmp_path: Path, cluster: Cluster, locked: str) -> None:
    url = f"postgresql://{locked}:not-{SECRET}@/postgres?host={cluster.directory}"
    for said in (refusal(tmp_path, url), refusal(tmp_path, url, look)):
        assert 'password authentication failed for user "locked"' in said and SECRET not in said


# INVARIANT: a server that only follows another one decides nothing.
def test_a_database_that_takes_no_writes(tmp_path: Path, cluster: Cluster) -> None:
    with cluster.database() as url:
        name = url.split("/")[3].split("?")[0]
        cluster.ask(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        for said in (refusal(tmp_path, url), refusal(tmp_path, url, look)):
            assert "it takes no writes: a standby, or one that is set to read only" in said
        cluster.ask(f"ALTER DATABASE {name} RESET default_transaction_read_only", "postgres")


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_a_start_would_find(tmp_path: Path, cluster: Cluster, database: str) -> None:
    directory = tmp_path / "d"
    with cluster.empty_database() as made:
        url = made if database == "postgresql" else ""
        first = "empty, the first start makes its tables" if url else "the first start makes it"
        assert look(directory, url).endswith(first) and not directory.exists()
        for version, said in ((HEAD, f"schema {HEAD}, up to date"), ("0011", f"the next start brings it to {HEAD}")):
            with opened(directory, url) as store, store.write() as conn:
                conn.execute(text(f"UPDATE alembic_version SET version_num = '{version}'"))
            assert look(directory, url).endswith(said)
            database_of = PostgresDatabase(url, "") if url else SqliteDatabase(directory / FILE)
            with closing(database_of), database_of.writer.begin() as conn:
                conn.execute(text(f"UPDATE alembic_version SET version_num = '{HEAD}'"))
        with opened(directory, url) as store, store.write() as conn:
            conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        assert "newer Kansatsu (schema 9999" in refusal(directory, url, look)
        if url:
            assert "newer Kansatsu" in refusal(tmp_path / "another", url, look)
            cluster.ask(f"UPDATE alembic_version SET version_num = '{HEAD}'", url.split("/")[3].split("?")[0])
            assert "their key is not here" in refusal(tmp_path / "another", url, look)


def test_databases_that_are_not_ours(tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster.empty_database() as url:
        name = url.split("/")[3].split("?")[0]
        # Another program that keeps its revisions with Alembic, too.
        cluster.ask("CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('1')", name)
        assert "is not a Kansatsu database" in refusal(tmp_path, url)
        monkeypatch.setattr(postgres, "OLDEST", 99)
        assert "is on PostgreSQL 15; Kansatsu needs 99 or newer." in refusal(tmp_path, url)
    cluster.ask("CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER libc")
    monkeypatch.undo()
    assert "holds texts as SQL_ASCII" in refusal(tmp_path, cluster.url("bytes"))
    assert not (tmp_path / "master.key").exists()


def test_every_node_has_the_key_and_a_name_of_its_own(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "CLAIM_SECONDS", 0.0)
    with cluster.database() as url, opened(tmp_path / "one", url) as one:
        assert one.claim_node() == set()
        assert "their key is not here. Copy master.key" in refusal(tmp_path / "without", url)
        assert not (tmp_path / "without" / "master.key").exists()
        with cluster.database() as elsewhere, opened(tmp_path / "other", elsewhere):
            pass
        assert "is not the key of the database" in refusal(tmp_path / "other", url)
        with opened(copied(tmp_path / "one", tmp_path / "two", "master.key"), url) as two:
            assert two.claim_node() == {one.node}
            assert one.claim_node() == {two.node}
        twin = copied(tmp_path / "one", tmp_path / "twin", "master.key", "node")
        with opened(twin, url) as copy, pytest.raises(StoreError, match="Another node with the name"):
            copy.claim_node()


def migrated(url: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    database = PostgresDatabase(url, "migrating")
    with database.preparing() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, revision)
        database.settle(conn)
    database.close()


def test_an_upgrade_waits_until_no_other_node_is_connected(tmp_path: Path, cluster: Cluster) -> None:
    with cluster.empty_database() as url:
        migrated(url, "0009")
        with psycopg.connect(url, application_name="kansatsu other"):
            assert f"this version needs {HEAD}, and the nodes other use it" in refusal(tmp_path, url)
        with opened(tmp_path, url) as store, store.write() as conn:
            assert conn.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
            conn.execute(select(schema.instance.c.node))
            conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        assert "newer Kansatsu (schema 9999" in refusal(tmp_path, url)


def test_migrations_and_metadata_make_the_same_columns_and_indexes(cluster: Cluster) -> None:
    made = []
    for by_migration in (True, False):
        with cluster.empty_database() as url:
            if by_migration:
                migrated(url, "head")
            database = PostgresDatabase(url, "test")
            database.prepare()
            name = url.split("/")[3].split("?")[0]
            columns = "SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default"
            asked = (
                f"{columns} FROM information_schema.columns WHERE table_schema = 'public'",
                "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
            )
            made.append([sorted(map(str, cluster.ask(query, name))) for query in asked])
            database.close()
    assert made[0] == made[1]
    assert not any("'character varying'" in column for column in made[0][0])


@pytest.fixture
def store(tmp_path: Path, cluster: Cluster):  # type: ignore[no-untyped-def]
    with cluster.database() as url, opened(tmp_path / "d", url) as made:
        yield made


def test_texts_are_of_any_length_in_the_order_of_code_points_and_have_no_nul(store: Store) -> None:
    names = ["a" * 2000, "Z", "_", "b", "é", "A"]
    with store.write() as conn:
        conn.execute(insert(schema.setting), [{"name": name, "value": "test"} for name in names])
    query = select(schema.setting.c.name).where(schema.setting.c.value == "test").order_by(schema.setting.c.name)
    with store.read() as conn:
        assert list(conn.execute(query).scalars()) == sorted(names)
    assert store.snapshot().access_key("AKIA") is None
    with pytest.raises(ValidationError):
        store.snapshot().access_key("AK\0IA")


def test_a_transaction_that_fails_leaves_a_gap_that_costs_nobody_its_memory(store: Store) -> None:
    with store.write() as conn:
        touch(conn, "", "entity", "x")
    snapshot = store.snapshot()
    kept = snapshot._present.put
    kept(("kept",), "value", ("nothing",))

    def fail() -> None:
        with store.write() as conn:
            touch(conn, "", "entity", "x")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with store.write() as conn:
        touch(conn, "", "entity", "x")
    assert store.snapshot()._present.get(("kept",)) == "value"


# INVARIANT: after a connection was lost nothing in memory is trusted.
def test_a_lost_connection_is_made_again_and_memory_starts_afresh(store: Store, cluster: Cluster) -> None:
    snapshot = store.snapshot()
    snapshot._present.put(("stale",), "value", ("nothing",))
    named = f"application_name = 'kansatsu {store.node}'"
    cluster.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {named}")
    assert store.snapshot()._present.get(("stale",)) is None
    with store.write() as conn:
        touch(conn, "", "entity", "x")
    with store.read() as conn:
        assert conn.execute(text("SHOW transaction_read_only")).scalar() == "on"


@pytest.mark.parametrize("before", ["off", "local", "on", "remote_apply"])
def test_what_is_acknowledged_is_committed_whatever_the_servers_default(
    tmp_path: Path, cluster: Cluster, before: str
) -> None:
    with cluster.database() as url:
        name = url.split("/")[3].split("?")[0]
        cluster.ask(f"ALTER DATABASE {name} SET synchronous_commit = '{before}'")
        with opened(tmp_path / "d", url) as store, store.write() as conn:
            expected = "on" if before in ("off", "local") else before
            assert conn.execute(text("SHOW synchronous_commit")).scalar() == expected
        cluster.ask(f"ALTER DATABASE {name} RESET synchronous_commit")
