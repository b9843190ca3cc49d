"""Which services exist and what tells their requests apart: signing name, X-Amz-Target, host, API version."""

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from kansatsu.wire import service_metadata


class Index:
    """The metadata of every service by each thing that a request may show."""

    def __init__(self, metadata: Mapping[str, Mapping[str, Any]]):
        self.metadata = metadata
        self.by_signing_name: dict[str, list[str]] = defaultdict(list)
        self.by_target: dict[str, list[str]] = defaultdict(list)
        self.by_endpoint: dict[str, list[str]] = defaultdict(list)
        for name, item in metadata.items():
            self.by_signing_name[item.get("signingName", item["endpointPrefix"])].append(name)
            self.by_endpoint[item["endpointPrefix"]].append(name)
            if item.get("targetPrefix"):
                self.by_target[item["targetPrefix"]].append(name)

    def protocols(self, name: str) -> tuple[str, ...]:
        """Every protocol of a service."""
        item = self.metadata[name]
        return tuple(item.get("protocols") or (item["protocol"],))


@lru_cache(maxsize=1)
def index() -> Index:
    """The index, built on first use from the heads of the model files (about 30 ms)."""
    return Index(service_metadata())
