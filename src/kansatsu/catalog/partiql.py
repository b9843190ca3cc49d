"""PartiQL statements as far as authorization needs them: the verb, the table, the index.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
"""

import re
from dataclasses import dataclass
from itertools import pairwise

_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[A-Za-z_][\w.:/-]*|\d[\w.]*|[^\s\w]""")

_SECOND = frozenset(("select", "from", "into", "join", ";"))


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: `verb` is Select, Insert, Update or Delete; `compared` are the attributes tested for equality."""

    verb: str
    table: str
    index: str = ""
    compared: frozenset[str] = frozenset()
    literals: tuple[str, ...] = ()


def parse(text: str) -> Statement | None:
    """A statement, or None when it is not certain which table it means."""
    if "--" in text or "/*" in text or "`" in text:
        return None  # comments could hide what follows from one reader and not from another
    tokens = _TOKEN.findall(text)
    words = [token.lower() for token in tokens]
    # `EXISTS(SELECT ...)` is a statement of its own, used as a condition in transactions
    if words[:2] == ["exists", "("] and words[-1:] == [")"]:
        tokens, words = tokens[2:-1], words[2:-1]
    at = _table_position(words)
    if at is None or at >= len(tokens):
        return None
    table, after = _name(tokens[at]), at + 1
    index = ""
    if tokens[after : after + 1] == ["."] and after + 1 < len(tokens):
        index, after = _name(tokens[after + 1]) or "", after + 2
    elif table and "." in table and not tokens[at].startswith('"'):
        return None  # a table of that name, or an index of a table
    verb = words[0].capitalize()
    # INVARIANT: a second table (a join, a subquery, a second statement) is never passed over.
    if not table or _SECOND.intersection(_rest(words, after, verb)):
        return None
    literals = tuple(t[1:-1].replace("''", "'") if t[0] == "'" else t for t in tokens[after:] if t[0] in "'0123456789")
    return Statement(verb, table, index, _compared(tokens, after) if verb == "Select" else frozenset(), literals)


def _rest(words: list[str], after: int, verb: str) -> list[str]:
    rest = words[after:]
    if rest and rest[-1] == ";":
        rest = rest[:-1]
    if verb == "Select" and rest[:1] == [","]:
        return ["join"]
    return [word for word in rest if not word.startswith(("'", '"'))]


def _table_position(words: list[str]) -> int | None:
    if not words:
        return None
    if words[0] == "select":
        return words.index("from") + 1 if words.count("from") == 1 else None
    if words[:2] in (["insert", "into"], ["delete", "from"]):
        return 2
    return 1 if words[0] == "update" else None


def _name(token: str) -> str | None:
    if token.startswith('"'):
        return token[1:-1].replace('""', '"')
    return token if token[0].isalpha() or token[0] == "_" else None


def _compared(tokens: list[str], after: int) -> frozenset[str]:
    """Attributes in `name = value`; none when an OR makes the comparison optional."""
    rest = tokens[after:]
    if any(token.lower() in ("or", "not") for token in rest):
        return frozenset()
    found = set()
    for left, sign in pairwise(rest):
        name = _name(left)
        if sign == "=" and name:
            found.add(name)
    return frozenset(found)
