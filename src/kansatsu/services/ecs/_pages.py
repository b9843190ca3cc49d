"""Listings of ARNs in pages, as every List operation of ECS gives them."""

from collections.abc import Iterable
from typing import Any

from kansatsu.errors import InvalidParameterException, ValidationError
from kansatsu.identity.pages import Cursor

_LARGEST = 100


def page(member: str, items: Iterable[tuple[str, str]], token: str | None, size: int | None) -> dict[str, Any]:
    """One page of (sort key, text) under the name of its member. Raises InvalidParameterException.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListClusters.html
    """
    if size is not None and not 1 <= size <= _LARGEST:
        raise InvalidParameterException(f"Value {size} for maxResults is not valid: it must be from 1 to {_LARGEST}.")
    try:
        cursor = Cursor.of(member, token, size or _LARGEST)
    except ValidationError:
        raise InvalidParameterException("Invalid token.") from None
    cut = cursor.cut(list(items))
    return {member: cut.items, **({"nextToken": cut.marker} if cut.marker else {})}
