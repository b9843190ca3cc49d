"""Roles that calls pass to services: iam:PassRole leaves no record of its own, the parameters of the call tell. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

import re
from collections.abc import Iterator

import msgspec

from kansatsu.advisor.logs.records import BAD

_ROLE = ":role/"
# Roles are passed by their names, too, by what holds one, and in parameters that are not on record.
_HINT = re.compile(
    '"[a-zA-Z]*(?:[rR]ole|[iI]nstanceProfile|[lL]aunch(?:Template|Configuration)|[tT]askDefinition)'
    '|"omitted"|HIDDEN_DUE_TO_SECURITY_REASONS'
)
_NOT_ON_RECORD = frozenset({"", "null"})
_NO_SERVICES = ("sts.", "iam.")  # what they are told of roles passes none
_NONE: set[str] = set()
_text = msgspec.json.Decoder()


def passed(event_source: str, event_name: str, parameters: bytes) -> tuple[set[str], bool]:
    """The ARNs of roles in the parameters of what is not only reading; where there are none: may it have passed one?"""
    if event_source.startswith(_NO_SERVICES):
        return _NONE, event_name == "AddRoleToInstanceProfile"
    text = parameters.decode("latin-1")
    # One of these is in all that _HINT finds. They are looked for first, and in text and not in bytes: each makes it
    # several times as fast, and nearly all parameters have none.
    if not (
        "ole" in text or "nstanceProfile" in text or "aunch" in text or "askDefinition" in text or "omitted" in text
        or "HIDDEN_DUE" in text
    ):  # fmt: skip
        return _NONE, text in _NOT_ON_RECORD
    try:
        found = set(_roles(_text.decode(parameters))) if _ROLE in text else _NONE
    except BAD:
        return _NONE, True
    return found, not found and _HINT.search(text) is not None


def _roles(value: object) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith("arn:") and ":iam::" in value and ":role/" in value:
            yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _roles(item)
