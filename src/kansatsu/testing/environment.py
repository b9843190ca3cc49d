"""The environment of this process as somebody's: what code under test, and programs that it starts, find in it."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """Make `os.environ` this one for a block, and boto3's default session a new one; nothing else is undone after it.

    For one thread: the environment belongs to the whole process.
    """
    before = {name: os.environ.get(name) for name in {*os.environ, *wanted} if os.environ.get(name) != wanted.get(name)}
    _set({name: wanted.get(name) for name in before})
    _renew()
    try:
        yield
    finally:
        _set(before)
        _forget()


def _set(values: Mapping[str, str | None]) -> None:
    for name, text in values.items():
        if text is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = text


def _renew() -> None:
    """The default session of boto3 has the credentials of whoever made it."""
    if "boto3" in sys.modules:
        from kansatsu.testing import sessions

        sessions.renew_default()


def _forget() -> None:
    boto3: Any = sys.modules.get("boto3")
    if boto3 is not None:
        boto3.DEFAULT_SESSION = None
