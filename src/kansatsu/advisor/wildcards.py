"""Names of actions written short: a wildcard in the place of many of them, which matches no other that is known. Pure.

INVARIANT: a wildcard stands only where what it was made of has an action pattern that covers it, so that it allows
nothing new, today's actions or tomorrow's; and none of the actions that are to go is matched by it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from kansatsu.catalog import tracking
from kansatsu.policy import globs

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Brevity(NamedTuple):
    """How short names are to be written: a wildcard is for at least `fewest` of them; `anywhere`: it may cut a word."""

    fewest: int
    anywhere: bool = False


BREVITIES = (Brevity(8), Brevity(2), Brevity(2, anywhere=True))  # the first that fits is the one to take


def shortened(kept: Iterable[str], own: Sequence[str], *, negated: bool, brevity: Brevity) -> list[str]:
    """`kept`, actions of a statement whose action patterns are `own` (`negated`: its NotAction), written short; sorted.

    What is written in `own` and not in `kept` is to go, like all else that the catalog knows.
    """
    by_service: defaultdict[str, set[str]] = defaultdict(set)
    for action in kept:
        by_service[action.partition(":")[0].lower()].add(action)
    found: set[str] = set()
    for service, actions in by_service.items():
        names = {action.lower() for action in actions}
        mine = [pattern for pattern in own if pattern.lower().partition(":")[0] in (service, "*")]  # of many services
        known = {f"{service}:{name}" for name in tracking.actions(service)} | {one for one in mine if _is_name(one)}
        going = sorted(one.lower() for one in known if one.lower() not in names)
        wild = set() if negated else set(_kept_whole(actions, mine, going, brevity))
        rest = {action for action in actions if not any(matches(pattern, action) for pattern in wild)}
        found |= wild | _grouped(rest, mine, going, negated, brevity)
    return sorted(found)


def _kept_whole(actions: set[str], own: Sequence[str], going: Sequence[str], brevity: Brevity) -> Iterator[str]:
    """Patterns as they were written, of which nothing goes."""
    for pattern in own:
        several = sum(matches(pattern, action) for action in actions) >= brevity.fewest
        if several and not any(matches(pattern, name) for name in going) and pattern[0] != "*":
            yield pattern


def _grouped(actions: set[str], own: Sequence[str], going: Sequence[str], negated: bool, brevity: Brevity) -> set[str]:
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for action in actions:
        groups[_head(action, own, going, negated, brevity)].add(action)
    alone = groups.pop("", set())
    wild = {f"{head}*" for head, those in groups.items() if len(those) >= brevity.fewest}
    left = alone.union(*groups.values())
    return wild | {action for action in left if not any(matches(pattern, action) for pattern in wild)}


def _head(action: str, own: Sequence[str], going: Sequence[str], negated: bool, brevity: Brevity) -> str:
    """The shortest beginning of the action that nothing else has that goes; "" where there is none."""
    start = action.index(":") + 1
    ends = range(start, len(action)) if brevity.anywhere else (start, *_ends(action, start))
    for end in ends:
        head = action[:end].lower()
        if _covered(head, own, negated) and not any(name.startswith(head) for name in going):
            return action[:end]
    return ""


def _ends(action: str, start: int) -> Iterator[int]:
    return (match.start() for match in _WORDS.finditer(action, start + 1))


def _covered(head: str, own: Sequence[str], negated: bool) -> bool:
    """Is every action that begins with `head` one of the statement's? False where that is not certain."""
    plain = [re.split(r"[*?]", pattern.lower(), maxsplit=1)[0] for pattern in own]
    if negated:  # none of what it leaves out may begin alike
        return not any(head.startswith(begin) or begin.startswith(head) for begin in plain)
    return any(
        pattern.lower() in (f"{begin}*", "*:*") and head.startswith(begin)
        for pattern, begin in zip(own, plain, strict=True)
    )


def _is_name(pattern: str) -> bool:
    return not set("*?") & set(pattern)


def matches(pattern: str, action: str) -> bool:
    """Does an action pattern match an action? INVARIANT: as the engine finds it: no pattern takes long."""
    return _compiled(pattern.lower()).match(action.lower(), {})


_compiled = lru_cache(maxsize=4096)(lambda pattern: globs([pattern], variables=False))
