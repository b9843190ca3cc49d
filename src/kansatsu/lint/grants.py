"""Rules about what an identity-based policy gives away: everything, all but a list, and the way to more."""

from collections.abc import Iterator

from kansatsu.lint import _ask
from kansatsu.lint.escalation import BORROWED, ESCALATIONS, Path
from kansatsu.lint.findings import Found, Part, Span, Subject
from kansatsu.policy import PolicySet, PolicyType


def administrator(subject: Subject) -> Iterator[Found]:
    for part in subject.parts:
        if _is_everything(part):
            yield Found(
                "Everything is allowed on everything: name the actions and resources needed.", _place(part, "*:*")
            )


def _is_everything(part: Part) -> bool:
    statement = part.statement
    all_actions = not statement.not_action and any(set(each) <= {"*", ":"} for each in statement.actions)
    all_resources = not statement.not_resource and any(set(each) == {"*"} for each in statement.resources)
    return part.allows and all_actions and all_resources and not statement.conditions


def allow_not_action(subject: Subject) -> Iterator[Found]:
    for part in subject.parts:
        if part.allows and part.statement.not_action:
            yield Found(
                "Allow with NotAction grants all that is not listed, in every service, and what AWS adds later.",
                part.at("Action"),
            )


def allow_not_resource(subject: Subject) -> Iterator[Found]:
    for part in subject.parts:
        if part.allows and part.statement.not_resource:
            yield Found(
                "Allow with NotResource grants all resources that are not listed, and those of the future.",
                part.at("Resource"),
            )


def pass_role(subject: Subject) -> Iterator[Found]:
    """Asked with no iam:PassedToService, about roles that only a wildcard names."""
    for part in subject.parts:
        if not part.allows or _is_everything(part):
            continue
        asked = _ask.policies(_ask.alone(part), PolicyType.IDENTITY)
        role = f"arn:aws:iam::{_ask.ACCOUNT}:role/{_ask.OTHER}"
        filled = (_ask.fill(resource) for resource in part.statement.resources if resource.endswith(":role/*"))
        if any(_ask.allowed(asked, "iam:PassRole", arn, {}) for arn in (role, *filled)):
            yield Found(
                "Every role may be passed to every service: name the roles, or add iam:PassedToService.",
                _place(part, "iam:PassRole"),
            )


def escalation(subject: Subject) -> Iterator[Found]:
    yield from _paths(subject, ESCALATIONS)


def borrowed_role(subject: Subject) -> Iterator[Found]:
    yield from _paths(subject, BORROWED)


def _paths(subject: Subject, paths: tuple[Path, ...]) -> Iterator[Found]:
    """Each path that the whole document opens; a grant of everything opens all, and has a rule of its own."""
    if any(_is_everything(part) for part in subject.parts):
        return
    asked = _ask.policies(subject.document, subject.type)
    by_place: dict[Span, list[tuple[str, str]]] = {}
    for path in paths:
        steps = _open(subject, asked, path)
        if steps:
            part = next((part for part in subject.parts if _concerns(part, steps[-1])), subject.parts[0])
            by_place.setdefault(_place(part, steps[-1]), []).append((" and ".join(steps), path.sentence))
    for span, (first, *others) in by_place.items():
        yield Found(f"{first[0]}: {first[1]}" + _more([steps for steps, _ in others]), span)


def _more(others: list[str]) -> str:
    return f" There are more such ways here: {', '.join(others)}." if others else ""


def _open(subject: Subject, asked: PolicySet, path: Path) -> list[str]:
    """The actions by which the document opens a path, [] when it does not."""
    steps = []
    for step in path.steps:
        action = next((each for each in step.actions if _step(subject, asked, each, step.resources, path)), None)
        if action is None:
            return []
        steps.append(action)
    return steps


def _step(subject: Subject, asked: PolicySet, action: str, types: tuple[str, ...], path: Path) -> bool:
    if not types:
        return any(_ask.allowed(asked, action, arn, path.context) for arn in _anywhere(subject))
    own = f"/{_ask.NAME}"
    found = (arn for arn in _ask.resources(subject, types) if path.own or not arn.endswith(own))
    return any(_ask.allowed(asked, action, arn, path.context) for arn in found)


def _anywhere(subject: Subject) -> Iterator[str]:
    """Resources for actions of other services: all that the document names, filled in."""
    yield "*"
    yield "arn:aws:service:us-east-1:111122223333:" + _ask.OTHER
    for part in subject.parts:
        yield from (_ask.fill(resource) for resource in part.statement.resources if part.allows and "*" in resource)


def _concerns(part: Part, action: str) -> bool:
    asked = _ask.policies(_ask.alone(part), PolicyType.IDENTITY)
    _, allows = asked.candidates(action)
    return bool(allows)


def _place(part: Part, action: str) -> Span:
    """The value of Action that means the action, or the element."""
    from kansatsu.lint._globs import covers

    if not part.statement.not_action:
        for pattern in part.statement.actions:
            if covers(pattern.lower(), action.lower()):
                return part.at("Action", pattern)
    return part.at("Action")
