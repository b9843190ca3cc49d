"""What AWS's service authorization reference says of actions, resources and condition keys, as rules want it.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from kansatsu.catalog import reference
from kansatsu.lint._globs import SEGMENT, covers
from kansatsu.lint._keys import GLOBAL_KEYS, Key
from kansatsu.wire import load_service

_OWN = "kansatsu"  # the control API has actions too, and no reference of AWS's
_PART = re.compile(r"\$\{[^}]*\}")
_KEY_PART = re.compile(r"\$\{[^}]*\}|<[^>]*>")


class Action(NamedTuple):
    """An action as AWS spells it. `resources` are ARN patterns, none where it has only `*`; `keys` in lower case."""

    name: str
    resources: tuple[str, ...]
    keys: frozenset[str]


@lru_cache(maxsize=1)
def prefixes() -> frozenset[str]:
    """The prefixes of all services."""
    return reference.prefixes() | {_OWN}


@lru_cache(maxsize=512)
def actions(prefix: str) -> Mapping[str, Action]:
    """The actions of a service by their names in lower case, without the prefix; none for an unknown service."""
    if prefix == _OWN:
        own = load_service(_OWN).operation_names
        return {name.lower(): Action(f"{_OWN}:{name}", ("*",), frozenset()) for name in own}
    of_types = reference.type_keys(prefix)
    return {name.lower(): _action(prefix, name, of_types) for name in reference.names(prefix)}


def _action(prefix: str, name: str, of_types: Mapping[str, tuple[str, ...]]) -> Action:
    found = reference.documented(prefix, name)
    if found is None:  # a resource type of it is not documented: it may be anything
        return Action(f"{prefix}:{name}", ("*",), frozenset(reference.key_types(prefix)))
    keys = {*found.keys, *(key for each in found.types for key in of_types.get(each.key, ()))}
    patterns = dict.fromkeys(_pattern(each.template) for each in found.types)
    return Action(f"{prefix}:{name}", tuple(patterns), frozenset(key.lower() for key in keys))


def _pattern(template: str) -> str:
    return _PART.sub("*", template.replace("${BucketName}", SEGMENT))


@lru_cache(maxsize=8192)
def matching(pattern: str) -> tuple[Action, ...]:
    """The actions that an Action element's value means."""
    if set(pattern) <= {"*", ":"}:
        return ()
    prefix, _, name = pattern.lower().partition(":")
    known = actions(prefix)
    if "*" not in name and "?" not in name:
        return (known[name],) if name in known else ()
    return tuple(action for each, action in known.items() if covers(name, each))


@lru_cache(maxsize=512)
def keys(prefix: str) -> Mapping[str, Key]:
    """The condition keys of a service, in lower case and as AWS writes them: `s3:existingobjecttag/<key>`."""
    names = reference.key_names(prefix)
    return {lower: Key(names[lower], *_type(kind)) for lower, kind in reference.key_types(prefix).items()}


def _type(name: str) -> tuple[str, bool]:
    return name.removeprefix("ArrayOf"), name.startswith("ArrayOf")


@lru_cache(maxsize=4096)
def key(name: str) -> Key | None:
    """What is known of a condition key, None when AWS has none of this name."""
    lower = name.lower()
    known = {**keys(lower.partition(":")[0]), **GLOBAL_KEYS}
    return known.get(lower) or next((each for template, each in known.items() if same_key(template, lower)), None)


def near_keys(name: str) -> Iterator[str]:
    """The keys among which a misspelt one may be meant."""
    prefix = name.lower().partition(":")[0]
    return (each.name for each in (GLOBAL_KEYS if prefix == "aws" else keys(prefix)).values())


def same_key(template: str, name: str) -> bool:
    """Is `name` the key, or one of the keys, that the template stands for? Both in lower case."""
    return template == name or bool((regex := _template(template)) and regex.fullmatch(name))


@lru_cache(maxsize=4096)
def _template(template: str) -> re.Pattern[str] | None:
    parts = _KEY_PART.split(template)
    return re.compile(".+".join(map(re.escape, parts)), re.DOTALL) if len(parts) > 1 else None


def supports(action: Action, name: str) -> bool:
    """Does the action's documentation have the key?"""
    return any(same_key(each, name.lower()) for each in action.keys)
