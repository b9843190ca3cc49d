"""Rules about Action and Resource: do they exist, and do they belong together?"""

import difflib
from collections.abc import Collection, Iterator

from kansatsu.lint import _reference
from kansatsu.lint._globs import arn_overlap, covers
from kansatsu.lint._reference import Action
from kansatsu.lint.findings import Found, Part, Subject

_VARIABLE_START = "${"
_COLONS = 5  # of an ARN: who has fewer is everything, or malformed


def nearest(name: str, known: Collection[str]) -> str:
    """`; did you mean X?` or a full stop."""
    by_lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return f"; did you mean {by_lower[near[0]]}?" if near else "."


def unknown_service(subject: Subject) -> Iterator[Found]:
    for part, action, prefix in _prefixed(subject):
        if prefix not in _reference.prefixes():
            yield Found(doubt(action), part.at("Action", action))


def unknown_action(subject: Subject) -> Iterator[Found]:
    for part, action, prefix in _prefixed(subject):
        if not _reference.actions(prefix) or _reference.matching(action):
            continue
        if "*" in action or "?" in action:
            yield Found(f"No action of AWS matches {action}.", part.at("Action", action))
        else:
            yield Found(doubt(action), part.at("Action", action))


def doubt(action: str) -> str:
    """A sentence when AWS documents no such action (`s3:GetObjct`), else ""."""
    prefix = action.lower().partition(":")[0]
    if prefix not in _reference.prefixes():
        return f"No service of AWS has the prefix {prefix}{nearest(prefix, _reference.prefixes())}"
    if _reference.matching(action):
        return ""
    return f"AWS has no action {action}{nearest(action, [each.name for each in _reference.actions(prefix).values()])}"


def _prefixed(subject: Subject) -> Iterator[tuple[Part, str, str]]:
    for part in subject.parts:
        for action in part.statement.actions:
            prefix, colon, _ = action.lower().partition(":")
            if colon and prefix != "*":
                yield part, action, prefix


def redundant_value(subject: Subject) -> Iterator[Found]:
    for part in subject.parts:
        for element, values in (("Action", part.statement.actions), ("Resource", part.statement.resources)):
            compared = [value.lower() if element == "Action" else value for value in values]
            wide = {value for value in compared if "*" in value or "?" in value}
            seen = set()
            for value, same in zip(values, compared, strict=True):
                wider = next((each for each in wide if each != same and covers(each, same)), None)
                if same in seen or wider is not None:
                    yield Found(f"{value} is already in {wider or same}.", part.at(element, value))
                seen.add(same)


def unsupported_resource(subject: Subject) -> Iterator[Found]:
    for part in _with_resources(subject):
        for pattern in part.statement.actions:
            actions = _reference.matching(pattern)
            if actions and not any(_meets(part, action) for action in actions):
                yield Found(_unsupported(pattern, actions), part.at("Action", pattern))


def _unsupported(pattern: str, actions: tuple[Action, ...]) -> str:
    wanted = sorted({_shown(arn) for action in actions for arn in action.resources})
    if not wanted:
        return f'AWS documents no resources for {pattern}: only "Resource": "*" is sure to mean it.'
    few = ", ".join(wanted[:3]) + (" or others" if len(wanted) > 3 else "")
    return f"No resource of this statement is one of {pattern}, which has {few}."


def _shown(arn: str) -> str:
    return arn.replace("\x01", "*")


def unused_resource(subject: Subject) -> Iterator[Found]:
    for part in _with_resources(subject):
        actions = part.actions
        unknown = any(not _reference.matching(pattern) for pattern in part.statement.actions)
        if unknown or not actions:
            continue
        for resource in part.statement.resources:
            if resource.count(":") >= _COLONS and not any(_fits(resource, action) for action in actions):
                yield Found(f"None of the statement's actions works on {resource}.", part.at("Resource", resource))


def _with_resources(subject: Subject) -> Iterator[Part]:
    for part in subject.parts:
        statement = part.statement
        if statement.resources and not statement.not_resource and not statement.not_action:
            yield part


def _meets(part: Part, action: Action) -> bool:
    resources = part.statement.resources
    return any(set(resource) == {"*"} or _fits(resource, action) for resource in resources)


def _fits(resource: str, action: Action) -> bool:
    return any(arn == "*" or arn_overlap(loosened(resource), arn) for arn in action.resources)


def loosened(text: str) -> str:
    """The pattern with each policy variable as a star."""
    parts = text.split(_VARIABLE_START)
    return parts[0] + "".join("*" + part.partition("}")[2] for part in parts[1:])
