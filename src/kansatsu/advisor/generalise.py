"""Resources that were used, as patterns for the next run: names that change every time become wildcards, no others.

Pure. Account, Region, service and the type of a resource stay as they are, and so does what alone names a resource.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kansatsu.arn import Arn

SEVERAL = 3  # different names at one place of otherwise equal object keys: it is a place for any name
_MOST_EXAMPLES = 3
_PARTLY = "a part of the name is a random id or a time"

_RANDOM = re.compile(
    r"""(?<![0-9A-Za-z])(?:
      [0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}                                  # UUID
    | \d{4}-\d\d-\d\d(?:[T_ -]\d\d[:.-]?\d\d(?:[:.-]?\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?  # date, time
    | (?:19|20)\d\d/\d\d/\d\d(?:/\d\d)?                                                     # date as folders
    | (?:19|20)\d{6}T\d{6}Z?                                                                # basic ISO 8601
    | (?=[0-9A-Z]*\d)[0-7][0-9A-HJKMNP-TV-Z]{25}                                            # ULID
    | (?=(?:[a-f]*\d){2})(?=(?:\d*[a-f]){2})[0-9a-f]{8,128}                                 # hexadecimal
    | 1\d{9}(?:\d{3}|\d{6}|\d{9})?                                                          # time since the epoch
    | tmp[0-9a-z_]{8}                                                                       # Python's tempfile
    )(?![0-9A-Za-z])""",
    re.VERBOSE | re.ASCII,
)
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html#iam-resources: Secrets
# Manager adds six random characters to a name, and a policy says -?????? for them.
_SECRET = re.compile(r"(secret:.+-)[0-9A-Za-z]{6}", re.DOTALL)
_SPECIAL = re.compile(r"[?]|[$](?=\{)|\*")


@dataclass(frozen=True, slots=True)
class Widened:
    """A pattern that matches more than what was used: why, how many resources it stands for, and some of them."""

    pattern: str
    reason: str
    count: int
    examples: tuple[str, ...]


class Patterns:
    """The patterns of all resources of a session, and what there is to say about those that match more."""

    def __init__(self, resources: Iterable[str]) -> None:
        self._reasons: dict[str, str] = {}
        self.kept: set[str] = set()  # resources whose whole name looks random
        self._first = {resource: self._template(resource) for resource in set(resources)}

    def of(self, resources: Iterable[str]) -> dict[str, set[str]]:
        """What one action was used on -> the patterns for it, each with the resources that it stands for."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for resource in resources:
            found[self._first[resource]].add(resource)
        return _merged(found, self._reasons)

    def widened(self, pattern: str, used: Iterable[str]) -> Widened | None:
        """The explanation of a pattern; None when it says no more than what was used."""
        if (reason := self._reasons.get(pattern)) is None:
            return None
        known = sorted(used)
        return Widened(pattern, reason, len(known), tuple(known[:_MOST_EXAMPLES]))

    def _template(self, resource: str) -> str:
        pattern, reason = _template(resource)
        name = _named(pattern)
        # INVARIANT: a name of which nothing would be left stays as it is: no key, table or bucket becomes all of them.
        if name != _named(resource) and not _says_something(name):
            self.kept.add(resource)
            pattern, reason = _kept(resource)
        if reason:
            self._reasons[pattern] = reason
        return pattern


def without_random(text: str) -> str:
    """A text as a pattern: escaped, with random parts replaced."""
    return _pieces(text)[0]


def literal(resource: str) -> str:
    """A resource as the pattern that matches it alone."""
    return _escaped(resource, True)


def is_object(resource: str) -> bool:
    """Is this the ARN of an object in a bucket, whose key is data?"""
    parsed = Arn.parse(resource)
    return parsed is not None and parsed.service == "s3" and not parsed.account and "/" in parsed.resource


def _template(resource: str) -> tuple[str, str]:
    """A resource with its random parts replaced, and why it is not itself any more ("" when it is)."""
    parsed = Arn.parse(resource)
    if parsed is None:
        return resource, ""
    if parsed.service == "secretsmanager" and (secret := _SECRET.fullmatch(parsed.resource)):
        text, changed = _pieces(secret[1])
        reason = "the six characters that Secrets Manager adds to a name are random"
        return _with(parsed, text + "??????"), reason + (", and so is a part of the name" if changed else "")
    text, changed = _pieces(parsed.resource, stars=is_object(resource))
    return _with(parsed, text), _PARTLY if changed else ""


def _pieces(text: str, *, stars: bool = True) -> tuple[str, bool]:
    """Escaped text with `*` for random parts, and whether there were any. `stars`: a star is meant as one."""
    parts, at = [], 0
    for match in _RANDOM.finditer(text):
        parts += [_escaped(text[at : match.start()], stars), "*"]
        at = match.end()
    parts.append(_escaped(text[at:], stars))
    return "".join(parts), at > 0


def _escaped(text: str, stars: bool) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-specialchars"""
    return _SPECIAL.sub(lambda sign: f"${{{sign[0]}}}" if stars or sign[0] != "*" else "*", text)


def _with(parsed: Arn, resource: str) -> str:
    return str(Arn(parsed.partition, parsed.service, parsed.region, parsed.account, resource))


def _split(resource: str) -> tuple[str, str, str]:
    """An ARN in three: up to its name, the name that tells one resource from others of its type, and what follows."""
    match = re.match(r"(arn:(?:[^:]*:){4})(.*)", resource, re.DOTALL)
    if match is None:
        return "", resource, ""
    head, rest = match.groups()
    typed = re.match(r"([a-z-]+[/:])(.+)", rest, re.DOTALL) if not head.startswith("arn:aws:s3:") else None
    if typed is not None:
        head, rest = head + typed[1], typed[2]
    name = re.match(r"[/:]?[^/:]*", rest)
    assert name is not None  # noqa: S101 - it matches the empty string too
    return head, name[0], rest[name.end() :]


def _named(resource: str) -> str:
    head, name, _ = _split(resource)
    return head + name


def _says_something(named: str) -> bool:
    return re.search(r"\w", _split(named)[1].replace("*", "")) is not None


def _kept(resource: str) -> tuple[str, str]:
    """The resource with its name as it was, and random parts replaced only in what follows it."""
    head, name, rest = _split(resource)
    stars = is_object(resource)
    text, changed = _pieces(rest, stars=stars)
    return head + _escaped(name, stars) + text, _PARTLY if changed else ""


def _merged(used: Mapping[str, set[str]], reasons: dict[str, str]) -> dict[str, set[str]]:
    """Object keys that differ in one place only, with several names there, in one pattern.

    The first part of a key is never that place: nothing opens a whole bucket.
    """
    rows = {tuple(pattern.split("/")): set(known) for pattern, known in used.items() if is_object(pattern)}
    found = {pattern: set(known) for pattern, known in used.items() if not is_object(pattern)}
    for place in range(max(map(len, rows), default=0) - 1, 1, -1):
        groups: defaultdict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
        for row in rows:
            if place < len(row):
                groups[*row[:place], "*", *row[place + 1 :]].add(row)
        for merged, members in groups.items():
            if len(members) >= SEVERAL:
                known = set[str]().union(*(rows.pop(row) for row in members))
                rows.setdefault(merged, set()).update(known)
                reasons["/".join(merged)] = "several keys differ in this place only"
    return found | {"/".join(row): known for row, known in rows.items()}
