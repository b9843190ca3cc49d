"""What reports of last access list: services by their prefixes, their actions, and which of these leave a trace here.

AWS tracks management actions of some services. Kansatsu sees every request, so that it tracks data events (S3 objects,
DynamoDB items) too; what no request asks for (actions of consoles and of AWS itself) nobody can see, and silence about
it must not look like "unused".
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed-action-last-accessed.html
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from kansatsu.catalog import reference
from kansatsu.wire import load_service

UNTRACKED = Path(__file__).parent / "data" / "untracked.txt"  # made by scripts/untracked_actions.py
_OWN = "kansatsu"  # the control API has actions too, and no reference of AWS's


@lru_cache(maxsize=1)
def services() -> tuple[str, ...]:
    """The prefixes ("namespaces") of all services, sorted."""
    return tuple(sorted({*reference.prefixes(), _OWN}))


def service_name(prefix: str) -> str:
    """The service as AWS calls it; the prefix itself where AWS has none like it."""
    return "Kansatsu" if prefix == _OWN else reference.titles().get(prefix, prefix)


def actions(prefix: str) -> tuple[str, ...]:
    """All actions of a service, without the prefix; none for an unknown service."""
    return load_service(_OWN).operation_names if prefix == _OWN else reference.names(prefix)


def is_tracked(prefix: str, action: str) -> bool:
    """Can a request here be seen to use the action?"""
    return action not in _untracked().get(prefix, ())


def untracked(prefix: str) -> tuple[str, ...]:
    """The actions of a service that no request here can be seen to use, sorted."""
    known = _untracked().get(prefix, ())
    return tuple(name for name in actions(prefix) if name in known)


@lru_cache(maxsize=1)
def _untracked() -> Mapping[str, frozenset[str]]:
    lines = UNTRACKED.read_text().splitlines()
    return {prefix: frozenset(names) for prefix, *names in map(str.split, lines) if not prefix.startswith("#")}
