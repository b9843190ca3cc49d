"""A store on its first day, for tests that are not about that day: its files are copied, not made again each time."""

import atexit
import functools
import shutil
import tempfile
from datetime import datetime
from pathlib import Path

from kansatsu.clock import Clock
from kansatsu.identity import Store, open_store


class _Moment:
    def __init__(self, time: datetime) -> None:
        self.time = time

    def now(self) -> datetime:
        return self.time


@functools.cache
def _first_day(time: datetime) -> Path:
    directory = tempfile.mkdtemp(prefix="kansatsu-first-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    made = Path(directory) / "data"
    open_store(made, _Moment(time)).close()
    return made


def opened(data_dir: Path, clock: Clock, url: str = "") -> Store:
    """open_store() on a new data directory. On SQLite the machine may lose what was written last: no test cuts its
    power, and to wait for the disk is most of a small write."""
    if not url:
        shutil.copytree(_first_day(clock.now()), data_dir)
    store = open_store(data_dir, clock, url)
    if not url:
        raw = store._database.writer.raw_connection()
        raw.cursor().execute("PRAGMA synchronous=OFF")
        raw.close()
    return store
