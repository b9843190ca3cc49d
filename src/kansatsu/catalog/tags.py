"""The condition keys aws:RequestTag/KEY and aws:TagKeys from a request's tags, in whatever shape a service has them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requesttag
"""

from collections.abc import Mapping
from typing import Any

from kansatsu.catalog.authorization import Context, Params

_MEMBERS = (
    "tags",
    "tag",
    "taglist",
    "tagset",
    "tagstoadd",
    "addtags",
    "newtags",
    "resourcetags",
    "userpooltags",
    "hostedzonetags",
)
_KEYS = ("tagkeys", "tagkeylist", "tagstoremove", "keys", "removetags")
_NAMED = (("Key", "Value"), ("key", "value"), ("TagKey", "TagValue"), ("tagKey", "tagValue"))


def members(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(members with tags, members with keys of tags) among an operation's parameters."""
    tags = tuple(name for name in names if name.lower() in _MEMBERS)
    keys = tuple(name for name in names if name.lower() in _KEYS and (name.lower() != "keys"))
    return tags, keys


def request_tags(params: Params, names: tuple[tuple[str, ...], tuple[str, ...]]) -> Context:
    """The condition keys of the tags that a request gives or takes away; {} when there are none."""
    found: Context = {}
    keys: dict[str, None] = {}
    for member in names[0]:
        for key, value in _pairs(params.get(member)):
            found[f"aws:requesttag/{key.lower()}"] = value
            keys[key] = None
    for member in names[1]:
        given = params.get(member)
        for item in given if isinstance(given, list) else ():
            key = item.get("Key", item.get("key")) if isinstance(item, Mapping) else item
            if isinstance(key, str):
                keys[key] = None
    if keys:
        found["aws:tagkeys"] = tuple(keys)
    return found


def asked(params: Params) -> Context:
    """The same, of an operation whose parameters nobody has looked through before."""
    return request_tags(params, members(tuple(params)))


def _pairs(value: Any) -> list[tuple[str, str]]:
    """[{Key, Value}], {key: value}, or either within a structure (Tags.Items of CloudFront)."""
    if isinstance(value, list):
        return [pair for item in value if isinstance(item, Mapping) for pair in _pair(item)]
    if isinstance(value, Mapping):
        items = value.get("Items")
        if isinstance(items, list):
            return _pairs(items)
        return [(key, text) for key, text in value.items() if isinstance(text, str)]
    return []


def _pair(item: Mapping[str, Any]) -> list[tuple[str, str]]:
    for key, value in _NAMED:
        if isinstance(item.get(key), str):
            text = item.get(value)
            return [(item[key], text if isinstance(text, str) else "")]
    return []
