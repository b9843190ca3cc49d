"""The condition keys aws:RequestTag/KEY and aws:TagKeys from a request's tags, in whatever shape a service has them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requesttag
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any

from kansatsu.catalog.authorization import Authorization, Context, Params
from kansatsu.errors import Unimplemented

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
    pairs = [pair for member in names[0] for pair in _pairs(params.get(member))]
    found, keys = of_pairs("aws:requesttag/", pairs), dict.fromkeys(key for key, _ in pairs)
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


class Either(tuple[str, ...]):
    """The values of one condition key that a request gives in several ways: `readings` asks about each."""

    __slots__ = ()


def of_pairs(prefix: str, pairs: Iterable[tuple[str, str]]) -> Context:
    """The condition keys of tags, which do not tell upper from lower case.

    INVARIANT: of a key that is given twice, or as "Env" and "env", no value hides another.
    """
    values: dict[str, dict[str, None]] = {}
    for key, value in pairs:
        values.setdefault(prefix + key.lower(), {})[value] = None
    return {key: Either(given) if len(given) > 1 else next(iter(given)) for key, given in values.items()}


_MOST_READINGS = 64


def readings(items: Iterable[Authorization]) -> Iterator[Authorization]:
    """The same checks, each once for every way to read its tags: all must be allowed.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html: a condition matches a tag key in one case only.
    """
    for item in items:
        if Either not in map(type, item.context.values()):  # as almost always
            yield item
            continue
        several = {key: value for key, value in item.context.items() if isinstance(value, Either)}
        if prod(map(len, several.values())) > _MOST_READINGS:
            raise Unimplemented("Kansatsu cannot tell which of so many tags of the same name a condition key means.")
        for values in product(*several.values()):
            yield replace(item, context={**item.context, **dict(zip(several, values, strict=True))})


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
