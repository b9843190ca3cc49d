"""Opening a data directory: modes, keys, revisions, and a sentence for everything that is wrong."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, insert, select

from kansatsu.clock import SystemClock
from kansatsu.identity import StoreError, bootstrap, open_store, schema
from kansatsu.identity.database import HEAD, MIGRATIONS

ACCOUNT = "123456789012"


def made(path: Path) -> Path:
    store = open_store(path, SystemClock())
    bootstrap(store, ACCOUNT)
    store.close()
    return path


def refusal(path: Path) -> str:
    with pytest.raises(StoreError) as caught:
        open_store(path, SystemClock())
    return str(caught.value)


def test_nothing_can_be_read_by_others(tmp_path: Path) -> None:
    store = open_store(tmp_path / "a" / "data", SystemClock())
    with store.write() as conn:
        conn.execute(insert(schema.setting), {"name": "x", "value": "y"})
    modes = {entry.name: entry.stat().st_mode & 0o777 for entry in (tmp_path / "a" / "data").iterdir()}
    store.close()
    assert modes == {"kansatsu.db": 0o600, "kansatsu.db-wal": 0o600, "kansatsu.db-shm": 0o600, "master.key": 0o600}
    assert (tmp_path / "a" / "data").stat().st_mode & 0o777 == 0o700


def test_a_directory_with_other_things_in_it_keeps_its_mode(tmp_path: Path) -> None:
    """--data-dir /tmp must not close /tmp to everybody else."""
    tmp_path.chmod(0o755)
    (tmp_path / "something").touch()
    open_store(tmp_path, SystemClock()).close()
    assert tmp_path.stat().st_mode & 0o777 == 0o755


# INVARIANT: the key is never made anew beside a database.
def test_a_missing_key_is_an_error_and_stays_missing(tmp_path: Path) -> None:
    (made(tmp_path / "d") / "master.key").unlink()
    assert "master.key is missing" in refusal(tmp_path / "d")
    assert not (tmp_path / "d" / "master.key").exists()


def test_the_key_of_another_installation_is_an_error(tmp_path: Path) -> None:
    key = (made(tmp_path / "a") / "master.key").read_bytes()
    (made(tmp_path / "b") / "master.key").write_bytes(key)
    assert "is not the key of the database" in refusal(tmp_path / "b")


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_damaged_key_is_an_error(tmp_path: Path, content: bytes) -> None:
    (made(tmp_path / "d") / "master.key").write_bytes(content)
    assert "is damaged" in refusal(tmp_path / "d")


def test_a_key_that_others_can_read_is_an_error(tmp_path: Path) -> None:
    (made(tmp_path / "d") / "master.key").chmod(0o640)
    assert "chmod 600" in refusal(tmp_path / "d")


def test_a_newer_database_is_an_error(tmp_path: Path) -> None:
    with sqlite3.connect(made(tmp_path / "d") / "kansatsu.db") as conn:
        conn.execute("UPDATE alembic_version SET version_num = '9999'")
    conn.close()
    assert "newer Kansatsu (schema 9999" in refusal(tmp_path / "d")


def test_another_programs_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "master.key").write_bytes(b"k" * 32)
    (tmp_path / "master.key").chmod(0o600)
    with sqlite3.connect(tmp_path / "kansatsu.db") as conn:
        conn.execute("CREATE TABLE theirs (x)")
    conn.close()
    assert "is not a Kansatsu database" in refusal(tmp_path)


def test_a_damaged_database_is_an_error(tmp_path: Path) -> None:
    (made(tmp_path / "d") / "kansatsu.db").write_bytes(b"no database " * 1000)
    assert "is not a Kansatsu database" in refusal(tmp_path / "d")


def test_a_directory_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "d").touch()
    assert "cannot be used" in refusal(tmp_path / "d")


def test_secrets_are_not_in_the_files(tmp_path: Path) -> None:
    store = open_store(tmp_path / "d", SystemClock())
    admin = bootstrap(store, ACCOUNT)
    assert admin is not None
    key = store.snapshot().access_key(admin.access_key_id)
    files = b"".join(entry.read_bytes() for entry in (tmp_path / "d").iterdir())
    store.close()
    assert key is not None and key.secret.value == admin.secret.value
    assert admin.access_key_id.encode() in files
    assert admin.secret.value.encode() not in files
    assert admin.secret.value not in f"{admin} {admin!r} {key} {key.secret} {key.secret!r} {[key.secret]}"


# INVARIANT: the attack: whoever can write to the database gives a victim's row the secret of a key that he knows.
def test_a_ciphertext_in_another_row_does_not_open(tmp_path: Path) -> None:
    store = open_store(tmp_path / "d", SystemClock())
    mine, theirs = bootstrap(store, ACCOUNT), bootstrap(store, "210987654321")
    assert mine is not None and theirs is not None
    table = schema.access_key
    with store.write() as conn:
        known = conn.execute(select(table.c.secret).where(table.c.id == mine.access_key_id)).scalar()
        conn.execute(table.update().where(table.c.id == theirs.access_key_id).values(secret=known))
    with pytest.raises(StoreError, match="cannot be decrypted"):
        store.snapshot().access_key(theirs.access_key_id)
    store.close()


def test_the_newest_migration_is_the_one_that_a_new_database_is_stamped_with() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_migrations_and_metadata_make_the_same_tables(tmp_path: Path) -> None:
    from alembic import command

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    by_migration = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    by_metadata = create_engine(f"sqlite:///{tmp_path / 'made.db'}")
    with by_migration.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "head")
    with by_migration.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn, opts={"compare_type": True}), schema.metadata) == []
    schema.metadata.create_all(by_metadata)
    query = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND name != 'alembic_version'"
    with by_migration.connect() as left, by_metadata.connect() as right:
        one, two = ({name: normal(sql) for name, sql in conn.exec_driver_sql(query)} for conn in (left, right))
    by_migration.dispose()
    by_metadata.dispose()
    assert one == two


def normal(sql: str | None) -> list[str]:
    """The words of a definition in any order: Alembic and SQLAlchemy lay the same columns out differently."""
    return sorted((sql or "").replace("(", " ").replace(")", " ").replace(",", " ").replace('"', "").split())
