"""Where the elements of a policy document stand in its text, for those who point at them."""

import re
from json.decoder import scanstring  # type: ignore[attr-defined]

from kansatsu.policy._json import Json, JsonError, JsonObject, read

Span = tuple[int, int]
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


class Places:
    """The places of a document that is JSON; a span is (start, end) in the text.

    Raises nothing: in a text that is no document every place is the whole of it.
    """

    def __init__(self, text: str):
        self._text = text
        try:
            top = read(text)
        except JsonError:
            top = None
        self._top = top if isinstance(top, JsonObject) else None
        found = self._top.get("Statement") if self._top is not None else None
        self._statements = found if isinstance(found, list) else [found]

    @property
    def names(self) -> frozenset[str]:
        """The elements that the document itself has, such as Version."""
        return frozenset(self._top or ())

    def has(self, index: int, element: str) -> bool:
        """Is the element written in that statement?"""
        statement = self._statements[index]
        return isinstance(statement, JsonObject) and element in statement

    def top(self, element: str) -> Span:
        """The value of an element of the document itself; without it, the document's first character."""
        if self._top is None or element not in self._top:
            start = self._top.span[0] if self._top is not None else 0
            return start, min(start + 1, len(self._text))
        return self._top.spans[element]

    def find(self, index: int, *path: str) -> Span:
        """A place in a statement: the value of the last name of the path that is there.

        `find(0, "Condition", "StringEquals", "aws:username", "bob")`. A name that is no element is looked for among the
        texts of the value that was reached.
        """
        node: Json = self._statements[index]
        span = node.span if isinstance(node, JsonObject) else (0, len(self._text))
        for name in path:
            if not isinstance(node, JsonObject):
                return self._item(span, name)
            if name not in node:
                break
            span, node = node.spans[name], node[name]
        return span

    def _item(self, span: Span, wanted: str) -> Span:
        for match in _STRING.finditer(self._text, *span):
            value, _ = scanstring(self._text, match.start() + 1, True)
            if value == wanted:
                return match.span()
        return span


def line_and_column(text: str, at: int) -> tuple[int, int]:
    """Both from 1; a column is a character."""
    at = min(at, len(text.rstrip()))  # where something is missing at the end: behind the last thing that is there
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
