"""Matches strings and ARNs against lists of patterns, compiled once.

Equality and prefixes, which are nearly all patterns of real policies, need no regular expression. The others are
translated with atomic groups, so that no policy can make a match take more than length times length.

INVARIANT: a substituted variable is literal. Its value is matched through a back reference to a group in front of
the subject and never becomes part of a pattern (tests/policy/test_patterns.py).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kansatsu.policy._template import Token, Variable, Wild, literal, tokenize
from kansatsu.policy.model import Context

_SEPARATOR = "\0"
_ANY = "."
_IN_PART = "[^:]"


class _Template:
    """A pattern with variables in it."""

    __slots__ = ("_body", "_match", "_variables")

    def __init__(self, body: str, variables: Sequence[Variable]):
        groups = "".join(f"(?P<v{i}>[^\0]*)\0" for i in range(len(variables)))
        self._body = body
        self._match = re.compile(groups + body, re.DOTALL).fullmatch
        self._variables = tuple(variables)

    def match(self, value: str, context: Context) -> bool:
        subject = []
        for variable in self._variables:
            text = variable.resolve(context)
            if text is None:
                return False
            subject.append(text)
        if any(_SEPARATOR in part for part in (*subject, value)):
            return self._spelt_out(subject, value)
        return self._match(_SEPARATOR.join((*subject, value))) is not None

    def _spelt_out(self, texts: Sequence[str], value: str) -> bool:
        """The same with the variables' values written into the pattern.

        INVARIANT: the separator in a name or a value is a character like any other; it is no way out of a Deny.
        """
        body = self._body
        for place, text in enumerate(texts):
            body = body.replace(f"(?P=v{place})", re.escape(text))
        return re.fullmatch(body, value, re.DOTALL) is not None

    def resolvable(self, context: Context) -> bool:
        return all(variable.resolve(context) is not None for variable in self._variables)


class Patterns:
    """A list of patterns of which one must match."""

    __slots__ = ("_exact", "_prefixes", "_regexes", "everything", "hopeless", "templates")

    def __init__(self) -> None:
        self.everything = False
        self._exact: set[str] = set()
        self._prefixes: tuple[str, ...] = ()
        self._regexes: list[Callable[[str], re.Match[str] | None]] = []
        self.templates: list[_Template | _Machine] = []
        self.hopeless = False  # a variable stands where none is replaced

    def match(self, value: str, context: Context) -> bool:
        """Does one of the patterns match?"""
        if self.everything or value in self._exact or value.startswith(self._prefixes):
            return True
        for regex in self._regexes:
            if regex(value):
                return True
        return any(template.match(value, context) for template in self.templates)

    def resolvable(self, context: Context) -> bool:
        """Can every variable be replaced?"""
        return not self.hopeless and all(template.resolvable(context) for template in self.templates)

    def add(self, tokens: tuple[Token, ...], body: Callable[[tuple[Token, ...], list[Variable]], str]) -> None:
        if (exact := literal(tokens)) is not None:
            self._exact.add(exact)
        elif tokens[-1] is Wild.STAR and (prefix := literal(tokens[:-1])) is not None:
            self._prefixes += (prefix,)
        else:
            variables: list[Variable] = []
            pattern = body(tokens, variables)
            if variables:
                self.templates.append(_Template(pattern, variables))
            else:
                self._regexes.append(re.compile(pattern, re.DOTALL).fullmatch)


def globs(texts: Iterable[str], *, variables: bool) -> Patterns:
    """Patterns over whole strings, as StringLike has them."""
    patterns = Patterns()
    for text in texts:
        tokens = tokenize(text, variables=variables, wildcards=True)
        patterns.add(tokens, lambda given, found: _glob(given, found, _ANY))
    return patterns


def arns(texts: Iterable[str], *, variables: bool) -> Patterns:
    """Patterns of the ARN operators: six parts, each compared by itself, the sixth may hold colons. `*` is any value.

    Variables are replaced anywhere: that they are not before the fifth colon is said of the element Resource alone.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    return _arns(texts, variables, loose=False)


def resources(texts: Iterable[str], *, variables: bool) -> Patterns:
    """Patterns of Resource and NotResource.

    A wildcard in the first five parts stays inside its part, but a `*` that is the last character of a part may
    reach over the colon behind it; the sixth part is free. Variables are replaced in the sixth part only.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    return _arns(texts, variables, loose=True)


def _arns(texts: Iterable[str], variables: bool, *, loose: bool) -> Patterns:
    patterns = Patterns()
    for text in texts:
        tokens = tokenize(text, variables=variables, wildcards=True)
        parts = _split(tokens)
        if tokens == (Wild.STAR,):
            patterns.everything = True
        elif loose and any(isinstance(token, Variable) for part in parts[:5] for token in part):
            patterns.hopeless = True
        elif loose and _mixed(parts):
            patterns.templates.append(_Machine(parts))
        elif loose or len(parts) == 6:
            patterns.add(tokens, _loose if loose else _strict)
    return patterns


def _split(tokens: tuple[Token, ...]) -> list[tuple[Token, ...]]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if not isinstance(token, str):
            parts[-1].append(token)
            continue
        first, *others = token.split(":", 6 - len(parts))
        if first:
            parts[-1].append(first)
        parts += [[other] for other in others]
    return [tuple(part) for part in parts]


def _strict(tokens: tuple[Token, ...], variables: list[Variable]) -> str:
    *head, last = _split(tokens)
    # The head has no way to match but one: its parts end at colons that they cannot hold.
    return "".join(f"(?>{_glob(part, variables, _IN_PART)}:)" for part in head) + _glob(last, variables, _ANY)


def _loose(tokens: tuple[Token, ...], variables: list[Variable]) -> str:
    """An expression for a pattern whose every star may cross colons; only `?` is bound to its part."""
    parts = _split(tokens)
    flat: list[Token] = list(parts[0])
    for part in parts[1:]:
        flat += [":", *part]
    bound = sum(len(part) for part in parts[:5]) + 4
    return _glob(tuple(flat), variables, _ANY, bound if len(parts) == 6 else len(flat))


def _mixed(parts: Sequence[tuple[Token, ...]]) -> bool:
    """Does one of the first five parts hold a star that is not its last character?"""
    return any(Wild.STAR in part[:-1] for part in parts[:5])


class _Machine:
    """A pattern whose stars differ in what they may cross: simulated, since backtracking could take forever."""

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[tuple[Token, ...]]):
        self._parts = parts

    def match(self, value: str, context: Context) -> bool:
        cells = self._cells(context)
        if cells is None:
            return False
        taking, star = _masks(cells)
        states = _reach(1, star)
        for character in value:
            taken = states & taking(character)
            states = _reach((taken & star) | ((taken & ~star) << 1), star)
            if not states:
                return False
        return bool(states >> len(cells) & 1)

    def resolvable(self, context: Context) -> bool:
        return self._cells(context) is not None

    def _cells(self, context: Context) -> list["_Cell"] | None:
        cells: list[_Cell] = []
        for index, part in enumerate(self._parts):
            cells.extend([_Cell(":")] if index else [])
            for place, token in enumerate(part):
                if isinstance(token, Wild):
                    star = token is Wild.STAR
                    free = index == 5 or (star and place == len(part) - 1)
                    cells.append(_Cell("", star, free))
                    continue
                text = token.resolve(context) if isinstance(token, Variable) else token
                if text is None:
                    return None
                cells.extend(_Cell(character) for character in text)
        return cells


@dataclass(frozen=True, slots=True)
class _Cell:
    """One place of a pattern: a character, or "" for any (but a colon, unless `free`), once or as often as it likes."""

    character: str
    star: bool = False
    free: bool = False


def _masks(cells: Sequence[_Cell]) -> tuple[Callable[[str], int], int]:
    """Places as bits: those that take a character, and those of stars. All states move in a few operations at once."""
    literal: dict[str, int] = {}
    free = bound = star = 0
    for place, cell in enumerate(cells):
        if cell.character:
            literal[cell.character] = literal.get(cell.character, 0) | 1 << place
        elif cell.free:
            free |= 1 << place
        else:
            bound |= 1 << place
        star |= int(cell.star) << place
    return lambda character: literal.get(character, 0) | free | (0 if character == ":" else bound), star


def _reach(states: int, star: int) -> int:
    """The states and those behind their stars, which may also match nothing."""
    while more := (states & star) << 1 & ~states:
        states |= more
    return states


def _glob(tokens: tuple[Token, ...], variables: list[Variable], any_one: str, bound: int = 0) -> str:
    """A regular expression for the tokens; only its last star can be tried again, the others are atomic.

    `any_one` is what a star repeats and a question mark stands for; before token `bound` the latter is no colon.
    """
    runs: list[str] = [""]
    for place, token in enumerate(tokens):
        if token is Wild.STAR:
            runs.append("")
        elif token is Wild.ONE:
            runs[-1] += _IN_PART if place < bound else any_one
        elif isinstance(token, Variable):
            runs[-1] += f"(?P=v{len(variables)})"
            variables.append(token)
        else:
            runs[-1] += re.escape(str(token))
    if len(runs) == 1:
        return runs[0]
    first, *middle, last = runs
    return first + "".join(f"(?>{any_one}*?{run})" for run in middle) + f"{any_one}*{last}"
