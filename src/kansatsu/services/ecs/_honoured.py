"""What a request asks for and is not done is refused, and never dropped silently."""

from collections.abc import Mapping
from typing import Any

from kansatsu.errors import Unimplemented


def honoured(given: Mapping[str, Any], members: frozenset[str], where: str) -> None:
    """Raise Unimplemented for a member that asks for something which is not done."""
    for member, value in given.items():
        asks_nothing = value is None or value is False or value in ("", [], {})
        if member not in members and not asks_nothing:
            raise Unimplemented(f"The parameter {where}{member} is not implemented.")
