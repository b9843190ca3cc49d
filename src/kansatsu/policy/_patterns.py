"""Matches strings and ARNs against lists of patterns, compiled once.

Equality and prefixes are nearly all patterns of real policies. The others are matched without backtracking: in a short
text by looking for one piece after the other, else by the set of places where a match of what is read of the pattern
may end, a bit for each, all of which move in a few operations at once.

INVARIANT: one character of a pattern costs a few passes over one bit for each character of the text, whatever stands
around it (tests/policy/test_costs.py).
INVARIANT: a substituted variable is literal. Its value becomes a piece and is never read as a pattern
(tests/policy/test_patterns.py).
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache

from kansatsu.policy._template import Token, Variable, Wild, tokenize
from kansatsu.policy.model import Context

_SHORT = 256  # characters, among which pieces are found faster than places are counted
_KEPT = 1 << 24  # bits that are kept of one text


class _Any(Enum):
    """Any character, or any number of them; inside a part of an ARN none of them a colon."""

    ONE = "?"
    ONE_INSIDE = "? but :"
    STAR = "*"
    STAR_INSIDE = "* but :"


_ONE, _STAR = _Any.ONE, _Any.STAR
_Piece = str | _Any
_Step = _Piece | Variable


class _Pattern:
    """A pattern with wildcards and without variables, in which no two pieces of text stand side by side."""

    __slots__ = ("_head", "_least", "_middle", "_pieces", "_tail")

    def __init__(self, pieces: Sequence[_Piece]):
        first, last = pieces[0], pieces[-1]
        self._pieces = pieces
        self._head = first if isinstance(first, str) else ""
        self._tail = last if isinstance(last, str) else ""
        self._least = _least(pieces)
        inner = [piece for piece in pieces[1:-1] if isinstance(piece, str)]
        stars = all(isinstance(piece, str) or piece is _STAR for piece in pieces)
        self._middle = tuple(inner) if stars else None

    def match(self, value: str) -> bool:
        if len(value) < self._least or not value.startswith(self._head) or not value.endswith(self._tail):
            return False
        if self._middle is None or len(value) > _SHORT:
            return _reaches_end(self._pieces, value)
        at, end = len(self._head), len(value) - len(self._tail)
        for piece in self._middle:
            found = value.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True


class _Template:
    """A pattern with variables in it."""

    __slots__ = ("_least", "_steps")

    def __init__(self, steps: Sequence[_Step]):
        self._steps = steps
        self._least = _least(steps)

    def match(self, value: str, context: Context) -> bool:
        pieces: list[_Piece] = []
        room = len(value) - self._least
        for step in self._steps:
            if isinstance(step, Variable):
                text = step.resolve(context)
                if text is None or len(text) > room:
                    return False
                room -= len(text)
                if text:
                    pieces.append(text)
            else:
                pieces.append(step)
        return _reaches_end(pieces, value)

    def resolvable(self, context: Context) -> bool:
        return all(step.resolve(context) is not None for step in self._steps if isinstance(step, Variable))


class Patterns:
    """A list of patterns of which one must match."""

    __slots__ = ("_exact", "_prefixes", "_wild", "everything", "hopeless", "templates")

    def __init__(self) -> None:
        self.everything = False
        self._exact: set[str] = set()
        self._prefixes: tuple[str, ...] = ()
        self._wild: list[_Pattern] = []
        self.templates: list[_Template] = []
        self.hopeless = False  # a variable stands where none is replaced

    def match(self, value: str, context: Context) -> bool:
        """Does one of the patterns match?"""
        if self.everything or value in self._exact or value.startswith(self._prefixes):
            return True
        for pattern in self._wild:
            if pattern.match(value):
                return True
        return any(template.match(value, context) for template in self.templates)

    def resolvable(self, context: Context) -> bool:
        """Can every variable be replaced?"""
        return not self.hopeless and all(template.resolvable(context) for template in self.templates)

    def add(self, steps: Sequence[_Step]) -> None:
        pieces = _pieces(steps)
        if len(pieces) < len(steps):
            self.templates.append(_Template(steps))
        elif (exact := _text(pieces)) is not None:
            self._exact.add(exact)
        elif pieces[-1] is _STAR and (prefix := _text(pieces[:-1])) is not None:
            self._prefixes += (prefix,)
        else:
            self._wild.append(_Pattern(pieces))


def globs(texts: Iterable[str], *, variables: bool) -> Patterns:
    """Patterns over whole strings, as StringLike has them."""
    patterns = Patterns()
    for text in texts:
        patterns.add(_steps([tokenize(text, variables=variables, wildcards=True)], 0))
    return patterns


def arns(texts: Iterable[str], *, variables: bool) -> Patterns:
    """Patterns of the ARN operators: six parts, each compared by itself, the sixth may hold colons. `*` is any value.

    Variables are replaced anywhere: that they are not before the fifth colon is said of the element Resource alone.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    patterns = Patterns()
    for tokens, parts in _taken_apart(texts, variables):
        if tokens == (Wild.STAR,):
            patterns.everything = True
        elif len(parts) == 6:
            patterns.add(_steps(parts, 5))
    return patterns


def resources(texts: Iterable[str], *, variables: bool) -> Patterns:
    """Patterns of Resource and NotResource.

    A wildcard in the first five parts stays inside its part, but a `*` that is the last character of a part may
    reach over the colon behind it; the sixth part is free. Variables are replaced in the sixth part only.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    patterns = Patterns()
    for tokens, parts in _taken_apart(texts, variables):
        if tokens == (Wild.STAR,):
            patterns.everything = True
        elif any(isinstance(token, Variable) for part in parts[:5] for token in part):
            patterns.hopeless = True
        else:
            patterns.add(_steps(parts, 5, last_is_free=True))
    return patterns


def _taken_apart(texts: Iterable[str], variables: bool) -> Iterable[tuple[tuple[Token, ...], list[tuple[Token, ...]]]]:
    for text in texts:
        tokens = tokenize(text, variables=variables, wildcards=True)
        yield tokens, _split(tokens)


def _split(tokens: tuple[Token, ...]) -> list[tuple[Token, ...]]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if not isinstance(token, str):
            parts[-1].append(token)
            continue
        first, *others = token.split(":", 6 - len(parts))
        if first:
            parts[-1].append(first)
        parts += [[other] if other else [] for other in others]
    return [tuple(part) for part in parts]


def _steps(parts: Sequence[tuple[Token, ...]], bound: int, *, last_is_free: bool = False) -> list[_Step]:
    """The parts with colons between them; wildcards of the first `bound` stay inside their part.

    `last_is_free`: but for a star at its end.
    """
    steps: list[_Step] = []
    for number, part in enumerate(parts):
        if number:
            _append(steps, ":")
        inside = number < bound
        for place, token in enumerate(part):
            if token is Wild.STAR:
                free = not inside or (last_is_free and place == len(part) - 1)
                steps.append(_STAR if free else _Any.STAR_INSIDE)
            elif token is Wild.ONE:
                steps.append(_Any.ONE_INSIDE if inside else _ONE)
            else:
                _append(steps, token)
    return steps


def _append(steps: list[_Step], step: _Step | Wild) -> None:
    """Text behind text becomes one with it."""
    if isinstance(step, str) and steps and isinstance(steps[-1], str):
        steps[-1] += step
    elif not isinstance(step, Wild):
        steps.append(step)


def _pieces(steps: Sequence[_Step]) -> list[_Piece]:
    return [step for step in steps if not isinstance(step, Variable)]


def _text(pieces: Sequence[_Piece]) -> str | None:
    """The text that the pieces are, None when wildcards are among them."""
    if not pieces:
        return ""
    return pieces[0] if len(pieces) == 1 and isinstance(pieces[0], str) else None


def _least(steps: Sequence[_Step]) -> int:
    """How many characters a match has at least; variables may have none."""
    return sum(len(step) if isinstance(step, str) else step in (_ONE, _Any.ONE_INSIDE) for step in steps)


class _Places:
    """Where in a text others end: bit n for its first n characters."""

    __slots__ = ("_after", "_room", "_text", "all", "inside")

    def __init__(self, text: str):
        self._text = text
        self._room = _KEPT // (len(text) + 1)
        self._after: dict[str, int] = {}
        self.all = (2 << len(text)) - 1
        self.inside = self.all >> 1 & ~(self.after(":") >> 1)  # before all characters but colons

    def after(self, piece: str) -> int:
        found = self._after.get(piece)
        if found is None:
            found = self._character(piece) if len(piece) == 1 else self._piece(piece)
            if len(self._after) < self._room:
                self._after[piece] = found
        return found

    def _character(self, character: str) -> int:
        marks, at = bytearray(len(self._text) // 8 + 1), self._text.find(character)
        while at >= 0:
            marks[at >> 3] |= 1 << (at & 7)
            at = self._text.find(character, at + 1)
        return int.from_bytes(marks, "little") << 1

    def _piece(self, piece: str) -> int:
        ends = self.all
        for number, character in enumerate(piece):
            if not ends & (ends - 1):
                return self.one(ends, piece[number:])
            ends = ends << 1 & self.after(character)
        return ends

    def one(self, end: int, piece: str) -> int:
        """After the piece, when that begins at this one place; or 0."""
        return end << len(piece) if self._text.startswith(piece, end.bit_length() - 1) else 0


_places = lru_cache(maxsize=4)(_Places)  # a text is held against many patterns, one after the other


def _reaches_end(pieces: Sequence[_Piece], value: str) -> bool:
    places = _places(value)
    ends = 1  # bit n: what is read of the pattern may match the first n characters
    for piece in pieces:
        if isinstance(piece, str):
            ends = ends << len(piece) & places.after(piece) if ends & (ends - 1) else places.one(ends, piece)
        elif piece is _STAR:
            ends = places.all ^ ((ends & -ends) - 1)
        elif piece is _Any.STAR_INSIDE:
            # The carry takes each place on through what is no colon.
            ends |= ((ends & places.inside) + places.inside) ^ places.inside
        else:
            ends = ends << 1 & places.all if piece is _ONE else (ends & places.inside) << 1
        if not ends:
            return False
    return bool(ends >> len(value) & 1)
