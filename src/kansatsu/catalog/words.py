"""Which parameter names which resource: the words of names, compared as AWS varies them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kansatsu.wire import Operation

_KINDS = ("resourceidentifier", "resourcename", "resourceid", "identifier", "name", "arn", "id")
_VERB = re.compile(r"(?:Batch|Admin)?[A-Z][a-z0-9]+")
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html and others: what these make
# has no id yet, and is authorized with "*" in its place.
_MAKING = re.compile(
    r"(Create|Register|Import|Copy|Run|Request|Start|Allocate|Purchase|Publish|Generate|Submit|Open|Begin|Issue|Add|Put)"
    r"[A-Z]"
)
_NEW = re.compile(r"(Create|Register|Import|Copy|Run|Request|Allocate|Purchase|Generate|Issue)[A-Z]")
_GENERIC = ("name", "id", "arn", "identifier", "resourceid", "resourcename", "resourcearn", "resourceidentifier")
_FURTHER = ("source", "target", "new", "destination", "original")


@dataclass(frozen=True, slots=True)
class Member:
    """A top-level parameter: its name, the same in plain letters, and whether it holds text (or a list of it)."""

    name: str
    plain: str
    text: bool
    many: bool
    flag: bool = False  # true or false


def plain(text: str) -> str:
    """A name in lower case, letters and digits alone."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def members_of(operation: Operation) -> tuple[Member, ...]:
    """The parameters of an operation."""
    if operation.input is None:
        return ()
    found = []
    for name, shape in operation.input.members:
        many = shape.type == "list"
        kind = shape.member.type if many else shape.type
        found.append(Member(name, plain(name), kind in ("string", "integer", "long"), many, kind == "boolean"))
    return tuple(found)


def noun(operation: str) -> str:
    """What an operation is about: "ListQueueTags" -> "queuetags"."""
    return plain(_VERB.sub("", operation, count=1))


def makes(operation: str) -> bool:
    """Whether an operation may make something that has no id before."""
    return _MAKING.match(operation) is not None


def is_new(operation: str) -> bool:
    """Whether what an operation is about did not exist before, so that no policy can be about that one."""
    return _NEW.match(operation) is not None


def same_thing(key: str, thing: str) -> bool:
    """Whether a resource type is what an operation is about.

    INVARIANT: the ends are compared: CreateFunctionVersion is about a version, and its Name is not the function's.
    """
    own, one = plain(key), _singular(thing)
    return bool(one) and (thing.endswith(own) or one.endswith(own) or own.endswith(one))


def _singular(text: str) -> str:
    return text[:-3] + "y" if text.endswith("ies") else text.removesuffix("s")


def _kind_of(text: str) -> tuple[str, str]:
    """(stem, kind): "functionname" -> ("function", "name"); kind is "" when the name says none."""
    for kind in _KINDS:
        if text.endswith(kind):
            return text.removesuffix(kind), {"resourcename": "name", "resourceid": "id"}.get(kind, kind)
    return text, ""


def _fit(one: str, other: str) -> bool:
    """Whether a parameter of one kind can hold an id of another: a name is not an id."""
    return {one, other} != {"name", "id"}


def sources(placeholder: str, key: str, operation: str, members: Sequence[Member]) -> tuple[str, ...]:
    """The parameters that name what a placeholder stands for, in a resource type `key` ("" for a parent)."""
    if not placeholder:
        return ()
    wanted, own = plain(placeholder), plain(key)
    stem, kind = _kind_of(wanted)
    stems = {item for item in (stem, own, wanted) if item}
    found = [m.name for m in members if m.text and _is_named(m, stems, kind)]
    if not found and key and same_thing(key, noun(operation)):
        found = [m.name for m in members if m.text and m.plain in _GENERIC and _fit(_kind_of(m.plain)[1], kind)]
    if key:
        further = (stem, own)
        found += [
            m.name
            for m in members
            if m.text and m.name not in found and any(_is_further(m, base, kind) for base in further if base)
        ]
    return tuple(found)


def _is_named(member: Member, stems: set[str], kind: str) -> bool:
    for text in (member.plain, _singular(member.plain)) if member.many else (member.plain,):
        base, own = _kind_of(text)
        if (base in stems or text in stems) and _fit(own, kind):
            return True
    return False


def _is_further(member: Member, stem: str, kind: str) -> bool:
    base, own = _kind_of(member.plain)
    return any(base == word + stem for word in _FURTHER) and _fit(own, kind)
