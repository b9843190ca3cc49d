"""What a rule is, what it finds, and the document that it looks at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from kansatsu.lint import _reference
from kansatsu.policy import Document, Places, PolicyType, Statement

Span = tuple[int, int]


class Severity(StrEnum):
    """error: something does not do what it says; warning: it does what nobody should want; note: look at it."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a document does not keep, and where: lines and columns count from 1, the end is exclusive."""

    rule: str
    severity: Severity
    message: str
    url: str
    line: int
    column: int
    end_line: int
    end_column: int
    span: Span


class Found(NamedTuple):
    """What a rule's function says: a sentence, and the place in the text that it is about."""

    message: str
    span: Span


@dataclass(frozen=True, slots=True)
class Part:
    """A statement of a document, with its places."""

    document: Document
    index: int
    statement: Statement
    places: Places

    @property
    def allows(self) -> bool:
        """Is this an Allow statement?"""
        return self.statement.effect == "Allow"

    @property
    def actions(self) -> tuple[_reference.Action, ...]:
        """The known actions that an Action element means; none for NotAction and for `*`."""
        if self.statement.not_action:
            return ()
        found = (action for pattern in self.statement.actions for action in _reference.matching(pattern))
        return tuple(dict.fromkeys(found))

    def at(self, element: str, *path: str) -> Span:
        """Where an element, or a value in it, stands; `Action` is also found as NotAction."""
        twin = f"Not{element}"
        return self.places.find(self.index, twin if self.places.has(self.index, twin) else element, *path)


@dataclass(frozen=True)
class Subject:
    """A valid document, and what its rules share."""

    document: Document
    type: PolicyType

    @cached_property
    def places(self) -> Places:
        """Where things stand in the text."""
        return Places(self.document.text)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The statements in their order."""
        statements = enumerate(self.document.statements)
        return tuple(Part(self.document, index, statement, self.places) for index, statement in statements)


Check = Callable[[Subject], Iterator[Found]]


class Rule(NamedTuple):
    """`summary` says in general what the rule is about; `types` are the policies that it is about.

    `check` is None where the parser finds it.
    """

    id: str
    severity: Severity
    summary: str
    url: str
    types: frozenset[PolicyType]
    check: Check | None = None
