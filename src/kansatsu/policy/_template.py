"""Takes policy strings apart into literals, wildcards and variables.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from kansatsu.policy.model import Context


class Wild(Enum):
    """The two wildcards."""

    STAR = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """`${key}` or `${key, 'default'}`; the key in lower case."""

    key: str
    default: str | None

    def resolve(self, context: Context) -> str | None:
        """The value in this request. None: it has none, or several, and then the string that uses it matches nothing.

        A multivalued key cannot be substituted, and its default does not stand in for it.
        """
        value = context.get(self.key)
        if value is None:
            return self.default
        return value if isinstance(value, str) else None


Token = str | Wild | Variable

# Keys of tags, behind a slash, may have spaces inside: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
_KEY = r"[^\s{},'\"$/]+/[^\s{},'\"$]+(?: +[^\s{},'\"$]+)+|[^\s{},'\"$]+"
_VARIABLE = re.compile(rf"\$\{{(?:([*?$])|({_KEY})(?:\s*,\s*'([^']*)')?)\}}")
_WILD: Final = {"*": Wild.STAR, "?": Wild.ONE}


class TemplateError(ValueError):
    """A `${` that begins no variable."""


def named(text: str) -> tuple[str, ...]:
    """The keys, in lower case, of all variables in a text, whatever stands around them."""
    return tuple(match[2].lower() for match in _VARIABLE.finditer(text) if match[2])


def tokenize(text: str, *, variables: bool, wildcards: bool) -> tuple[Token, ...]:
    """The tokens of a policy string. Raises TemplateError for `${` without a proper variable behind it.

    `variables` is false for version 2008-10-17, where `${` is plain text. `wildcards` is false where * and ? are
    plain characters (StringEquals).
    """
    tokens: list[Token] = []
    at = 0
    while variables and (start := text.find("${", at)) >= 0:
        match = _VARIABLE.match(text, start)
        if not match:
            raise TemplateError(text)
        _plain(text[at:start], wildcards, tokens)
        escaped, key, default = match.groups()
        tokens.append(escaped or Variable(key.lower(), default))
        at = match.end()
    _plain(text[at:], wildcards, tokens)
    return tuple(tokens)


def _plain(text: str, wildcards: bool, tokens: list[Token]) -> None:
    for piece in re.split(r"([*?])", text) if wildcards else [text]:
        token: Token = _WILD.get(piece, piece) if wildcards else piece
        if token != "" and not (token is Wild.STAR and tokens and tokens[-1] is Wild.STAR):
            tokens.append(token)


def literal(tokens: tuple[Token, ...]) -> str | None:
    """The string that the tokens spell, None when wildcards or variables are among them."""
    return "".join(map(str, tokens)) if all(isinstance(token, str) for token in tokens) else None


def substitute(tokens: tuple[Token, ...], context: Context) -> str | None:
    """The tokens with variables replaced (no wildcards among them); None when one cannot be resolved."""
    text = ""
    for token in tokens:
        part = token.resolve(context) if isinstance(token, Variable) else str(token)
        if part is None:
            return None
        text += part
    return text
