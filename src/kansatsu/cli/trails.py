"""Where the settings send the trail: a directory, buckets at the backend, or nowhere."""

import asyncio
from collections.abc import Callable
from concurrent.futures import TimeoutError as Late
from typing import Any

from kansatsu.advisor import Directory, Recorder, Trail, TrailSettings
from kansatsu.cli.settings import Settings
from kansatsu.clock import Clock
from kansatsu.errors import AwsError

DIRECTORY = "trail"
_FILES = "files"
_WAIT = 60.0  # seconds for one file to reach a bucket


def opened(settings: Settings, recorder: Recorder, clock: Clock, account: str, ask: Any) -> Trail | None:
    """The trail of the settings, None without one. Call it on the event loop on which `ask` is."""
    if not settings.trail:
        return None
    loop = asyncio.get_running_loop()
    destinations = [
        Directory(settings.data_dir / DIRECTORY)
        if where == _FILES
        else _bucket(where, loop, account, settings.region, ask)
        for where in settings.trail
    ]
    kept = TrailSettings(settings.trail_interval.total_seconds(), settings.trail_retention_days)
    return Trail(recorder.directory, settings.data_dir, clock, destinations, worker=recorder.worker, settings=kept)


def _bucket(
    where: str, loop: asyncio.AbstractEventLoop, account: str, region: str, ask: Any
) -> Callable[[str, bytes], None]:
    """What puts an object, as a call of our own: no policy of a client's is asked, none of its rights are lent."""
    bucket, _, prefix = where.removeprefix("s3://").partition("/")

    def put(key: str, data: bytes) -> None:
        params = {"Bucket": bucket, "Key": f"{prefix}/{key}" if prefix else key, "Body": data}
        work = asyncio.run_coroutine_threadsafe(ask(account, region, "s3", "PutObject", params), loop)
        try:
            work.result(_WAIT)
        except AwsError as error:
            raise OSError(f"{where} took no file of the trail: {error.code}: {error.message}") from error
        except Late as error:
            work.cancel()
            raise OSError(f"{where} took no file of the trail within {_WAIT:.0f} s") from error

    return put
