"""PartiQL statements as far as authorization needs them: the verb, the table, the index.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
"""

import re
from dataclasses import dataclass

from kansatsu.errors import AwsError

_TOKEN = re.compile(
    r"""[ \t\r\n]+|'(?:[^']|'')*'|"(?:[^"]|"")+"|[A-Za-z_][A-Za-z0-9_]*|[0-9][A-Za-z0-9_.]*|--|/\*"""
    r"""|[-*=<>!+,.?()\[\]{}:|/;]"""
)
# What names a table, or begins another statement.
_TABLES = frozenset(
    {
        "select", "from", "into", "join", "update", "insert", "delete", "upsert", "union", "intersect", "except",
        "pivot", "unpivot", "let",
    }
)  # fmt: skip
_TABLE_WORD = re.compile(rf"\b(?:{'|'.join(sorted(_TABLES))})\b", re.IGNORECASE)
# What another reader might take for the beginning of a comment, or for the end of a literal that has not ended.
_TRICKY = re.compile(r"--|/\*|\\['\"]|`")
# What may stand behind the table: nothing else, so no alias and no second table.
_AFTER = {
    "select": ("", "where", "order"),
    "insert": ("value",),
    "update": ("set", "remove"),
    "delete": ("", "where", "returning"),
}
_BEFORE = {"insert": ["insert", "into"], "update": ["update"], "delete": ["delete", "from"]}
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,255}|arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]{1,255}")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: `verb` is Select, Insert, Update or Delete; `compared` are the attributes tested for equality.

    `whole`: it selects everything. `returned` is what of the item it gives back, as ReturnValues has it."""

    verb: str
    table: str
    index: str = ""
    compared: frozenset[str] = frozenset()
    literals: tuple[str, ...] = ()
    whole: bool = False
    returned: str = ""

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """Table and index, as every reader may take them: "a.b" is a table to one and an index to the other."""
        table, dot, index = self.table.partition(".")
        return ((self.table, self.index), *([(table, index)] if dot and not self.index else []))


def parse(text: str) -> Statement:
    """A statement of one table. Raises AwsError for what does not say with certainty which table it means."""
    tokens = _tokens(text)
    words = [token.lower() for token in tokens]
    # `EXISTS(SELECT ...)` is a statement of its own, used as a condition in transactions
    if words[:2] == ["exists", "("] and words[-1:] == [")"]:
        tokens, words = tokens[2:-1], words[2:-1]
    if words[-1:] == [";"]:
        tokens, words = tokens[:-1], words[:-1]
    at = _table_position(words)
    table, after = _name(tokens[at] if at < len(tokens) else ""), at + 1
    verb, index = words[0], ""
    if verb == "select" and tokens[after : after + 1] == ["."] and tokens[at].startswith('"'):
        index, after = _name(tokens[after + 1] if after + 1 < len(tokens) else ""), after + 2
    # INVARIANT: a second table (a join, an alias, a subquery, a second statement) is never passed over.
    if (words[after] if after < len(words) else "") not in _AFTER[verb]:
        raise _malformed("Only select from a single table or index is supported.")
    rest = tokens[after:]
    if _TABLES.intersection(words[after:]) or ";" in rest or _may_be_misread(text, tokens, at):
        raise _malformed("Unexpected keyword")
    literals = tuple(t[1:-1].replace("''", "'") if t[0] == "'" else t for t in rest if t[0] in "'0123456789")
    compared = _compared(rest) if verb == "select" else frozenset[str]()
    whole = verb == "select" and words[1 : at - 1] == ["*"]
    return Statement(verb.capitalize(), table, index, compared, literals, whole, _returned(verb, words[after:]))


# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.update.html
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.delete.html
_RETURNED = {"all": "ALL", "modified": "UPDATED"}


def _returned(verb: str, rest: list[str]) -> str:
    """INVARIANT: what nobody reads certainly, in or out of its place, gives back all that there was."""
    if verb not in ("update", "delete") or "returning" not in rest:
        return ""
    what, when, star = [*rest[-3:], "", "", ""][:3]
    if rest[-4:-3] != ["returning"] or star != "*" or what not in _RETURNED or when not in ("old", "new"):
        return "ALL_OLD"
    return f"{_RETURNED[what]}_{when.upper()}"


def _malformed(why: str) -> AwsError:
    return AwsError(f"Statement wasn't well formed, can't be processed: {why}", code="ValidationException", status=400)


def _tokens(text: str) -> list[str]:
    """INVARIANT: no character is passed over, and there are no comments."""
    found, at = [], 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or token[0] in ("--", "/*"):
            raise _malformed("Unexpected term")
        at = token.end()
        if not token[0].isspace():
            found.append(token[0])
    return found


def _table_position(words: list[str]) -> int:
    verb = words[0] if words else ""
    if verb == "select" and "from" in words:
        at = words.index("from") + 1
        if not _TABLES.intersection(words[1 : at - 1]):
            return at
    elif verb in _BEFORE and words[: len(_BEFORE[verb])] == _BEFORE[verb]:
        return len(_BEFORE[verb])
    raise _malformed("Unexpected keyword" if verb in _AFTER else "Expected data manipulation")


def _may_be_misread(text: str, tokens: list[str], at: int) -> bool:
    """Whether who looks for words before quotes, or ends a literal elsewhere, could find another table."""
    quoted = [token for token in tokens if token[0] in "'\""]
    hidden = sum(len(_TABLE_WORD.findall(token)) for token in quoted)
    return hidden > 0 and (
        _TRICKY.search(text) is not None
        or any(_TABLE_WORD.search(token) for token in tokens[: at + 1] if token[0] in "'\"")
    )


def _name(token: str) -> str:
    name = token[1:-1] if token.startswith('"') else token
    if not _NAME.fullmatch(name):
        raise _malformed("Unexpected from source")
    return name


def _compared(rest: list[str]) -> frozenset[str]:
    """Attributes in `name = value`; none when an OR makes the comparison optional."""
    if any(token.lower() in ("or", "not") for token in rest):
        return frozenset()
    found = set()
    for before, left, sign, right in zip(rest, rest[1:], rest[2:], rest[3:], strict=False):
        # INVARIANT: one compared with another attribute, or within another attribute, limits no scan.
        if sign == "=" and before.lower() in ("where", "and", "(") and right[0] in "'?0123456789-":
            found.add(left[1:-1].replace('""', '"') if left[0] == '"' else left)
    return frozenset(found)
