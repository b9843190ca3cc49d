"""Names in parameters: where they are, and which of them can stand in an ARN without being read two ways."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

# INVARIANT: a name holds nothing that a policy, an ARN or a path would read as more than a letter: no wildcard, no
# variable, no colon, no percent sign, no slash unless its type has slashes in its names. What else there is is unsure.
_NAME = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9_+=.,@#$!~()'-](?:[A-Za-z0-9_+=.,@#$!~()' -]*[A-Za-z0-9_+=.,@#$!~()'-])?"
NAME = re.compile(_NAME)
_PART = _NAME.replace("$!", "$[\\]!")  # of a path: names of log streams have brackets
PATH = re.compile(rf"/?{_PART}(?:/{_PART})*")
_LONGEST = 2048
_ARN_END = re.compile(r"[A-Za-z0-9_+=.,@#$\[\]!~()'/: -]*")


class Unsure(Exception):
    """A value that does not say surely which resource it names."""


def safe(value: str, slashes: bool) -> bool:
    """Whether a name is one that every reader takes for the same."""
    return len(value) <= _LONGEST and (PATH if slashes else NAME).fullmatch(value) is not None


def read(params: Any, path: str) -> Iterator[str]:
    """The values at a path; numbers as text. What is there and is no text raises Unsure."""
    top, steps, transform = _taken_apart(path)
    if top not in params:
        return
    for value in _walk(params, steps):
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise Unsure(path)
        text = str(value)
        if text:
            yield TRANSFORMS[transform](text) if transform else text


def told(params: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """The values of a condition key; true and false as policies have them, nothing where there is something else."""
    top, steps, transform = _taken_apart(path)
    found = list(_walk(params, steps)) if top in params else []
    if not all(isinstance(value, (str, int, float)) for value in found):
        return ()
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in found]
    return tuple(TRANSFORMS[transform](text) if transform else text for text in texts if text)


def walk(values: Any, path: str) -> Iterator[Any]:
    """What stands at a path, as it is."""
    return _walk(values, _taken_apart(path)[1])


@lru_cache(maxsize=4096)
def _taken_apart(path: str) -> tuple[str, tuple[str, ...], str]:
    """(the parameter, the steps, the transform) of a path."""
    way, _, transform = path.partition("|")
    steps = tuple(way.split("."))
    return re.sub(r"(\[\]|\{\}|<>)$", "", steps[0]), steps, transform


def _walk(value: Any, steps: tuple[str, ...]) -> Iterator[Any]:
    if not steps:
        if isinstance(value, list):
            yield from value
        elif value is not None:
            yield value
        return
    step, rest = steps[0], steps[1:]
    if not isinstance(value, Mapping):
        return
    if step.endswith("{}"):
        yield from value.get(step[:-2]) or ()
    elif step.endswith("[]"):
        for item in value.get(step[:-2]) or ():
            yield from _walk(item, rest)
    elif step.endswith("<>"):
        for item in (value.get(step[:-2]) or {}).values():
            yield from _walk(item, rest)
    else:
        yield from _walk(value.get(step), rest)


_QUEUE_URL = re.compile(
    r"(?:https?://[A-Za-z0-9.:-]+)?/?(?P<account>[0-9]{12})/(?P<name>[A-Za-z0-9_-]{1,80}(?:\.fifo)?)"
)


def queue(text: str) -> tuple[str, str]:
    """(account, name) of a queue URL.

    INVARIANT: a queue URL is a host, an account and a name and nothing else: no query, no dots, no further path.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
    """
    found = _QUEUE_URL.fullmatch(text)
    if found is None:
        raise Unsure(text)
    return found["account"], found["name"]


def _without(prefix: str) -> Callable[[str], str]:
    return lambda text: text.removeprefix(prefix)


def _zone(text: str) -> str:
    """ "/hostedzone/Z1" and "Z1" are one: https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHostedZone.html"""
    return text.removeprefix("/hostedzone/").removeprefix("hostedzone/")


def _first_of(separator: str) -> Callable[[str], str]:
    return lambda text: text if text.startswith("arn:") else text.partition(separator)[0]


def _scope(text: str) -> str:
    """REGIONAL and CLOUDFRONT in ARNs: https://docs.aws.amazon.com/waf/latest/APIReference/API_CreateIPSet.html"""
    return {"REGIONAL": "regional", "CLOUDFRONT": "global"}.get(text, text)


TRANSFORMS: dict[str, Callable[[str], str]] = {
    "scope": _scope,
    "zone": _zone,
    "delegation": _without("/delegationset/"),
    "change": _without("/change/"),
    "before-colon": _first_of(":"),
    "before-slash": _first_of("/"),
    "unslashed": _without("/"),
    "given": lambda _: "true",
    "is-on": lambda text: str(text in ("cross-az", "enabled")).lower(),
}


def arn_parts(text: str) -> list[str] | None:
    """The six parts of an ARN; None when it is none, or one that can be read two ways."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or len(text) > _LONGEST or _ARN_END.fullmatch(parts[5]) is None:
        return None
    return parts
