"""Inline policies, by the names that a change gives them: what cannot be asked, said to people."""

from collections.abc import Sequence


def not_as_asked(arn: str, name: str, names: Sequence[str], new: str) -> str:
    """Why a document cannot be for the inline policy `name` of `arn`, whose are `names`; `new`: how to ask for one."""
    if name in names:
        return f"{arn} has an inline policy {name} already: leave out {new}."
    return f"{arn} has no inline policy {name}, it has {those(names)}. {new} makes one of that name."


def those(names: Sequence[str]) -> str:
    """What there is of what was asked for, in words."""
    return ", ".join(sorted(names)) or "none"
