"""Policy templates of delegation requests: a text with @{parameters}, and the policy that comes of values for them.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_PolicyParameter.html
"""

import json
import re
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from kansatsu.errors import InvalidInput

_PARAMETER = re.compile(r"@\{([^{}]+)\}")
Values = Mapping[str, Sequence[str]]
LONGEST = 20_480  # characters of the policy; what a session may carry is less


def values(parameters: Sequence[Mapping[str, Any]]) -> Values:
    """The Parameters of a request. Raises InvalidInput."""
    found: dict[str, Sequence[str]] = {}
    for item in parameters:
        name, given = str(item.get("Name", "")), item.get("Values") or []
        if not name or name in found or not given:
            raise InvalidInput("Each parameter of a policy template is given once, with a name and a value.")
        if item.get("Type", "string") == "string" and len(given) != 1:
            raise InvalidInput(f"The parameter {name} of the type string has one value.")
        found[name] = given
    return found


def filled(template: str, given: Values) -> str:
    """The policy. Raises InvalidInput where parameters and values are not the same ones.

    INVARIANT: a value is text within one string of the policy, whatever is in it; it never becomes an element of it.
    """
    asked = set(_PARAMETER.findall(template))
    if asked != set(given):
        differ = ", ".join(sorted(asked ^ set(given)))
        raise InvalidInput(f"The parameters of the policy template and those of the request differ: {differ}.")
    text = json.dumps(_filled(json.loads(template), given))
    if len(text) > LONGEST:
        raise _too_long()
    return text


def _too_long() -> InvalidInput:
    return InvalidInput(f"What comes of the policy template is longer than {LONGEST} characters.")


def _filled(item: Any, given: Values) -> Any:
    if isinstance(item, dict):
        return {key: _filled(value, given) for key, value in item.items()}
    if isinstance(item, list):
        made = [_filled(one, given) for one in item]
        return [each for one in made for each in (one if isinstance(one, list) else [one])]
    if not isinstance(item, str):
        return item
    # INVARIANT: what would be too long is refused before it is made: parameters multiply.
    named = [given[name] for name in _PARAMETER.findall(item)]
    if prod(map(len, named)) * (len(item) + sum(max(map(len, values)) for values in named)) > LONGEST:
        raise _too_long()
    texts = _texts(item, given)
    return texts[0] if len(texts) == 1 else texts


def _texts(text: str, given: Values) -> list[str]:
    """All texts that come of one: each value of each parameter in it. What a value says is not looked into again."""
    found = _PARAMETER.search(text)
    if found is None:
        return [text]
    head, rest = text[: found.start()], _texts(text[found.end() :], given)
    return [head + value + tail for value in given[found[1]] for tail in rest]
