"""Condition keys as AWS spells them: inside they are in lower case, people read them in their own spelling."""

from functools import lru_cache

from kansatsu.catalog.keys import names


@lru_cache(maxsize=1)
def _spellings() -> dict[str, str]:
    """Keys, and the beginnings of those that end with the name of a tag or the like."""
    found = (name.partition("${")[0].partition("<")[0] for name in names())
    return {name.lower(): name for name in found}


def spelt(key: str) -> str:
    """A key in lower case as AWS writes it; one that is not in the table stays as it is."""
    head, slash, rest = key.partition("/")
    known = _spellings()
    return known.get(key) or known.get(head + slash, head + slash) + rest
