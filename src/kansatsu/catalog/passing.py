"""Roles that a request hands to a service: iam:PassRole on the role, with iam:PassedToService.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from kansatsu.catalog.authorization import Authorization, Context, Params
from kansatsu.catalog.rules import Frame
from kansatsu.catalog.values import Unsure, arn_parts, read, safe

_ROLES: dict[str, tuple[tuple[str, str], ...]] = {}


@dataclass(frozen=True, slots=True)
class Pass:
    """A parameter that holds a role, and the service principal that will take it."""

    path: str
    service: str

    def resolve(self, params: Params, frame: Frame) -> Iterator[Authorization]:
        """The check for each role that is given."""
        context: Context = {"iam:passedtoservice": self.service} if self.service else {}
        try:
            for value in dict.fromkeys(read(params, self.path)):
                yield Authorization("iam:PassRole", _arn(value, frame), context)
        except Unsure:
            yield Authorization("iam:PassRole", "*", context, exact=False)


def _arn(value: str, frame: Frame) -> str:
    parts = arn_parts(value)
    if parts is None and safe(value, False) and not value.startswith("arn:"):
        return f"arn:aws:iam::{frame.account}:role/{value}"
    if parts is None or parts[:4] != ["arn", "aws", "iam", ""] or not parts[5].startswith("role/"):
        raise Unsure(value)
    if not safe(parts[5], True):
        raise Unsure(value)
    return value


def passes(service: str, operation: str) -> tuple[Pass, ...]:
    """The roles that an operation hands over."""
    return tuple(Pass(*row) for row in _ROLES.get(f"{service}.{operation}", ()))
