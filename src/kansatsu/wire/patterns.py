"""The patterns of the AWS models, which are Java's regular expressions, as Python's."""

import re
import unicodedata
from functools import lru_cache
from itertools import groupby

_PROPERTY = re.compile(r"\\(p)\{(?:Is)?([A-Za-z_]+)\}|\\p([A-Z])")
# How Java, whose characters have 16 bits, writes "everything beyond them".
_SURROGATES = r"\uD800\uDC00-\uDBFF\uDFFF"
# Beyond this no assigned character is a letter, digit, separator, mark, symbol or punctuation, tags excepted.
_LAST = 0x32400
_POSIX = {
    "ASCII": r"\x00-\x7f",
    "Alnum": "a-zA-Z0-9",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Graph": "!-~",
    "Print": " -~",
    "Punct": r"!-/:-@\[-`{-~",
    "Space": r"\s",
    "Upper": "A-Z",
    "Lower": "a-z",
}


@lru_cache(maxsize=1)
def _categories() -> list[tuple[str, int, int]]:
    """(category, first, last) of every run of characters of one category."""
    runs = []
    for category, run in groupby(range(_LAST), key=lambda code: unicodedata.category(chr(code))):
        codes = list(run)
        runs.append((category, codes[0], codes[-1]))
    return runs


@lru_cache(maxsize=64)
def _ranges(name: str) -> str:
    if name in _POSIX:
        return _POSIX[name]
    name = "L" if name == "Alphabetic" else name
    spans = [(first, last) for category, first, last in _categories() if category.startswith(name)]
    if not spans:
        raise ValueError(f"unknown property {name}")
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in spans)


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern for fullmatch(); None when it uses what Python cannot express, and is then not checked."""
    pattern = pattern.replace(_SURROGATES, r"\U00010000-\U0010ffff")
    out: list[str] = []
    depth = 0
    position = 0
    try:
        while position < len(pattern):
            found = _PROPERTY.match(pattern, position)
            if found:
                ranges = _ranges(found[2] or found[3])
                out.append(ranges if depth else f"[{ranges}]")
                position = found.end()
                continue
            char = pattern[position]
            step = 2 if char == "\\" else 1
            if char == "[":
                if depth:  # a nested class is a union in Java; a plain bracket in Python must be escaped
                    return None
                depth = 1
            elif char == "]" and depth:
                depth = 0
            out.append(pattern[position : position + step])
            position += step
        return re.compile("".join(out), re.ASCII | re.DOTALL if "(?s)" in pattern else re.ASCII)
    except (re.error, ValueError):
        return None
