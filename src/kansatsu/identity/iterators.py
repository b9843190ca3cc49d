"""Iterators of shards, sealed with the stream that they were given for: nobody makes one for another stream."""

import base64
import binascii
from datetime import datetime

from kansatsu.identity.sealer import Sealer, Unopenable

_PURPOSE = "iterator"


def seal(sealer: Sealer, region: str, streams: str, iterator: str) -> str:
    """The iterator of a backend and the ARNs of its streams, as a client gets it."""
    return base64.b64encode(sealer.seal(_PURPOSE, f"{streams}\n{iterator}".encode(), region)).decode()


def opened(sealer: Sealer, region: str, given: str, now: datetime) -> tuple[str, str]:
    """(the ARNs of its streams, the backend's iterator). Raises Unopenable for one that was not given here."""
    try:
        sealed = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        raise Unopenable from None
    streams, _, iterator = sealer.open(_PURPOSE, sealed, region, now).decode().partition("\n")
    return streams, iterator
