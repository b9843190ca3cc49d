"""Documents within AWS's quotas: written shorter where they are too large, or split into several. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

import json
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from kansatsu.advisor.wildcards import BREVITIES, Brevity
from kansatsu.policy import QUOTAS, Quota

Made = TypeVar("Made")
_LISTS = ("Action", "Resource")  # of NotAction and NotResource a part would say another thing


def fitted(make: Callable[[Brevity], Made], text: Callable[[Made], str], quota: Quota) -> Made:
    """What is made as plainly as it fits, or as short as it can be."""
    for brevity in BREVITIES:
        made = make(brevity)
        if size(text(made)) <= quota.size:
            break
    return made


def quota_of(arn: str) -> Quota:
    """The quota of a managed policy, or of the inline policies of a user, group or role."""
    kind = arn.rpartition(":")[2].partition("/")[0]
    return QUOTAS["managed" if kind == "policy" else kind]


def size(text: str) -> int:
    """Characters without white space, as AWS counts."""
    return sum(not sign.isspace() for sign in text)


def parts(text: str, quota: Quota) -> list[str] | None:
    """Documents within the quota that together say what one does; None where a statement cannot be divided so far.

    A list of actions or resources says the same in two statements as in one, in an Allow and in a Deny.
    """
    whole = json.loads(text)
    given = whole["Statement"]
    made: list[list[Mapping[str, Any]]] = []
    for statement in given if isinstance(given, list) else [given]:
        for piece in _pieces(statement, lambda some: _fits(whole, some, quota)):
            room = next((some for some in made if _fits(whole, [*some, piece], quota)), None)
            if room is None:
                made.append([piece])
            else:
                room.append(piece)
    if not all(_fits(whole, some, quota) for some in made):
        return None
    return [_text(whole, some) for some in made]


def _pieces(
    statement: Mapping[str, Any], fits: Callable[[Sequence[Mapping[str, Any]]], bool]
) -> Iterator[Mapping[str, Any]]:
    long = max(_LISTS, key=lambda name: _length(statement.get(name)))
    values = statement.get(long)
    if fits([statement]) or not isinstance(values, list) or len(values) < 2:
        yield statement
        return
    fewest = bisect_left(range(1, len(values)), True, key=lambda count: not fits([{**statement, long: values[:count]}]))
    count = max(1, fewest)  # one is too large still: then it is the other list's turn
    rest = {key: value for key, value in statement.items() if key != "Sid"}  # which is there once
    for one, some in ((statement, values[:count]), (rest, values[count:])):
        yield from _pieces({**one, long: some}, fits)


def _length(value: object) -> int:
    return size(json.dumps(value)) if isinstance(value, list) and len(value) > 1 else 0


def _fits(whole: Mapping[str, Any], statements: Iterable[Mapping[str, Any]], quota: Quota) -> bool:
    return size(_text(whole, statements)) <= quota.size


def _text(whole: Mapping[str, Any], statements: Iterable[Mapping[str, Any]]) -> str:
    return json.dumps({**whole, "Statement": list(statements)})
