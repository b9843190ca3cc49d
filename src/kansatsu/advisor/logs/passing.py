"""Roles that calls pass to services: iam:PassRole leaves no record of its own, the parameters of the call tell. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

import re
from collections.abc import Iterator

import msgspec

_ROLE = b":role/"
# Roles are passed by their names, too, by what holds one, and in parameters that are not on record.
_HINT = re.compile(
    rb'"[a-zA-Z]*(?:[rR]ole|[iI]nstanceProfile|[lL]aunch(?:Template|Configuration)|[tT]askDefinition)'
    rb'|"omitted"|HIDDEN_DUE_TO_SECURITY_REASONS'
)
_NOT_ON_RECORD = frozenset({b"", b"null"})
_NO_SERVICES = ("sts.", "iam.")  # what they are told of roles passes none
_text = msgspec.json.Decoder()


def roles(event_source: str, parameters: bytes) -> set[str]:
    """The ARNs of roles in the parameters of what is not only reading."""
    if _ROLE not in parameters or event_source.startswith(_NO_SERVICES):
        return set()
    return set(_roles(_text.decode(parameters)))


def hinted(event_source: str, event_name: str, parameters: bytes) -> bool:
    """May a call in whose parameters is no ARN of a role have passed one?"""
    if event_source.startswith(_NO_SERVICES):
        return event_name == "AddRoleToInstanceProfile"
    return parameters in _NOT_ON_RECORD or _HINT.search(parameters) is not None


def _roles(value: object) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith("arn:") and ":iam::" in value and ":role/" in value:
            yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _roles(item)
