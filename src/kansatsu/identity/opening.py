"""Opens the store of a data directory, on either database, with the one key that belongs to it."""

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, insert, select

from kansatsu.clock import Clock
from kansatsu.identity import former, keyring
from kansatsu.identity.database import Database, standing
from kansatsu.identity.quotas import AWS, Quotas
from kansatsu.identity.schema import setting
from kansatsu.identity.sealing import StoreError, Vault, load_master_key
from kansatsu.identity.sqlite import FILE, SqliteDatabase
from kansatsu.identity.store import Store

MASTER_KEY, NODE = "master.key", "node"
_CHECK = "master_key_check"
_CHECK_TEXT = b"this installation's master key"
_CHECK_QUERY = select(setting.c.value).where(setting.c.name == _CHECK)


def open_store(data_dir: Path, clock: Clock, url: str = "", quotas: Quotas = AWS) -> Store:
    """Open or create the store in `data_dir` (mode 0700, files 0600), or the one on PostgreSQL at `url`, whose key and
    this node's name are in `data_dir`. Raises StoreError: a sentence for the user.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = _on_postgres(data_dir, clock, url) if url else _on_sqlite(data_dir, clock)
    except OSError as error:
        raise StoreError(f"The data directory {data_dir} cannot be used: {error.strerror}.") from error
    store.quotas = quotas
    return store


def look(data_dir: Path, url: str = "") -> str:
    """What open_store() would find, in words; nothing is made or changed. Raises StoreError as that would."""
    if url:
        database: Database = _postgres(url, "")
    elif not (data_dir / FILE).exists():
        return f"{data_dir / FILE}: the first start makes it"
    else:
        database = SqliteDatabase(data_dir / FILE)
    with closing(database):
        database.check()
        found = standing(database)
        if not found.startswith("empty"):
            _check_key(database, data_dir / MASTER_KEY)
        return f"{database.where()}: {found}"


@contextmanager
def read_only(
    data_dir: Path, url: str = ""
) -> Iterator[tuple[Callable[[], AbstractContextManager[Connection]], Vault]]:
    """What connects to the database of a store that there is, to read it, and its key; nothing is made or changed.
    Raises StoreError."""
    with closing(_postgres(url, "") if url else SqliteDatabase(data_dir / FILE)) as database:
        database.check()
        yield database.reader.connect, Vault(load_master_key(data_dir / MASTER_KEY, create=False))


def node_name(data_dir: Path) -> str:
    """What this data directory's node is called in a database that it shares: the same at every start."""
    path = data_dir / NODE
    if not path.exists():
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(os.urandom(4).hex())
    return path.read_text().strip()


def _on_sqlite(data_dir: Path, clock: Clock) -> Store:
    path = data_dir / FILE
    key = load_master_key(data_dir / MASTER_KEY, create=not path.exists() or path.stat().st_size == 0)
    _close(data_dir)
    database = SqliteDatabase(path)
    with _given_up(database):
        database.prepare()
        return _checked(database, key, clock, data_dir)


def _on_postgres(data_dir: Path, clock: Clock, url: str) -> Store:
    _close(data_dir)
    database = _postgres(url, node_name(data_dir))
    with _given_up(database):
        database.prepare()
        new = _check_key(database, data_dir / MASTER_KEY)
        return _checked(database, load_master_key(data_dir / MASTER_KEY, create=new), clock, data_dir)


def _postgres(url: str, node: str) -> Database:
    try:
        from kansatsu.identity.postgres import PostgresDatabase
    except ImportError:
        raise StoreError("PostgreSQL needs its driver. Run: pip install 'kansatsu[postgres]'") from None
    return PostgresDatabase(url, node)


def _check_key(database: Database, path: Path) -> bool:
    """Whether nobody has sealed anything there yet. Raises StoreError when somebody has, and the key is not here."""
    with database.reader.connect() as conn:
        new = conn.execute(_CHECK_QUERY).scalar() is None
    if not new and not path.exists():
        raise StoreError(
            f"The database {database.where()} has nodes already, and their key is not here. Copy {MASTER_KEY} from "
            f"the data directory of one of them to {path}."
        )
    return new


def _close(data_dir: Path) -> None:
    """Nobody else may look into a directory that is ours; one with other things in it stays as it is."""
    entries = {entry.name for entry in data_dir.iterdir()}
    if FILE in entries or entries <= {MASTER_KEY, NODE}:
        data_dir.chmod(0o700)


@contextmanager
def _given_up(database: Database) -> Iterator[None]:
    try:
        yield
    except BaseException:
        database.close()
        raise


def _checked(database: Database, key: bytes, clock: Clock, data_dir: Path) -> Store:
    """INVARIANT: no store is opened with another key than the one that its first start sealed with."""
    vault = Vault(key)
    store = Store(database, vault, clock)
    with store.read() as conn:
        sealed = conn.execute(_CHECK_QUERY).scalar()
    if sealed is None:
        sealed = _first_start(store, vault)
    try:
        vault.open(base64.b64decode(sealed), "check", _CHECK)
    except StoreError:
        raise StoreError(
            f"{data_dir / MASTER_KEY} is not the key of the database {database.where()}. Put the one there that "
            "belongs to it: from a backup, or from the data directory of another node."
        ) from None
    with store.read() as conn:
        known = former.are_sealed(conn)
    if not known:
        with store.write() as conn:
            former.seal_all(conn, store.sealer)
    return store


def _first_start(store: Store, vault: Vault) -> str:
    with store.write() as conn:
        sealed: str | None = conn.execute(_CHECK_QUERY).scalar()
        if sealed is None:  # else another process was faster, perhaps with another key
            sealed = base64.b64encode(vault.seal(_CHECK_TEXT, "check", _CHECK)).decode()
            conn.execute(insert(setting), {"name": _CHECK, "value": sealed})
            keyring.add(conn, vault, store.clock.now())
            former.seal_all(conn, store.sealer)
        return sealed
