"""What can be said of two patterns without a request: does one cover the other, have they a text in common."""

import re
from collections.abc import Callable
from functools import lru_cache

SEGMENT = "\x01"  # any text without a slash: the name of a bucket in AWS's templates of ARNs
_STARS = frozenset({"*", SEGMENT})
_ESCAPES = ("${*}", "${?}", "${$}")


def covers(general: str, special: str) -> bool:
    """Does every text that `special` matches match `general` too? False where that is not certain.

    Both may hold `*` and `?`; a policy variable is equal to itself only.
    """
    if general == special:
        return True
    if "*" not in general and "?" not in general:
        return False
    return _compiled(general)(special) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> Callable[[str], re.Match[str] | None]:
    """Matches a text whose own stars only a star may take. Atomic groups, so that none takes long."""
    if any(escape in pattern for escape in _ESCAPES):
        return _NOTHING
    first, *others = (re.escape(run).replace(r"\?", "[^*]") for run in pattern.split("*"))
    middle = "".join(f"(?>.*?{run})" for run in others[:-1])
    return re.compile(first + middle + (f".*{others[-1]}" if others else ""), re.DOTALL).fullmatch


_NOTHING = re.compile(r"(?!)").fullmatch


@lru_cache(maxsize=65536)
def overlap(first: str, second: str) -> bool:
    """Is there a text that both patterns match? They may hold `*`, `?` and SEGMENT."""
    todo, seen = [(0, 0)], set()
    while todo:
        state = todo.pop()
        if state == (len(first), len(second)):
            return True
        if state not in seen:
            seen.add(state)
            todo += _steps(first, second, *state)
    return False


def _steps(first: str, second: str, i: int, j: int) -> list[tuple[int, int]]:
    one, other = first[i : i + 1], second[j : j + 1]
    steps = []
    if one in _STARS:
        steps.append((i + 1, j))
        if other and other not in _STARS and (one, other) != (SEGMENT, "/"):
            steps.append((i, j + 1))
    if other in _STARS:
        steps.append((i, j + 1))
        if one and one not in _STARS and (other, one) != (SEGMENT, "/"):
            steps.append((i + 1, j))
    if one and other and one not in _STARS and other not in _STARS and (one == other or "?" in (one, other)):
        steps.append((i + 1, j + 1))
    return steps


def arn_overlap(pattern: str, template: str) -> bool:
    """Is there an ARN that both mean? Part by part, of which the sixth may hold colons; the end of a pattern is any."""
    parts, wanted = pattern.split(":", 5), template.split(":", 5)
    if len(parts) < 6 and parts[-1].endswith("*"):
        parts += ["*"] * (6 - len(parts))
    return len(parts) == len(wanted) and all(map(overlap, parts, wanted))
