"""Whom a name means: one rule for all commands; and what a name that nobody has may be meant for.

An ARN is what it is; user/NAME, group/NAME, role/NAME and policy/NAME are short for one; a NAME alone is that of the
one user, group, role or managed policy that has it, of those that the command is about.
"""

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kansatsu.cli.output import Exit, Failure

ENTITIES = ("user", "group", "role", "policy")
_ARN = re.compile(r"arn:[a-z-]+:iam::(\d{12}|aws):(?P<kind>user|group|role|policy)/([!-~]*/)?(?P<name>[!-.0-~]+)", re.A)
_SHORT = re.compile(r"(?P<kind>user|group|role|policy)/(?P<name>[^/]+)", re.ASCII)
_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)
_TAKEN = (
    "Give such an ARN (arn:aws:iam::123456789012:role/NAME), user/NAME, group/NAME, role/NAME or policy/NAME, "
    "or a NAME that only one of them has."
)
_FINDERS = {"user": ("get_user", "UserName"), "group": ("get_group", "GroupName"), "role": ("get_role", "RoleName")}
# Of a kind: the operation that lists it, the member of its answer, and that of each one's name.
_LISTS = {
    "user": ("list_users", "Users", "UserName"),
    "group": ("list_groups", "Groups", "GroupName"),
    "role": ("list_roles", "Roles", "RoleName"),
    "policy": ("list_policies", "Policies", "PolicyName"),
    "instance-profile": ("list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
}
# What is said of a name that is not there: by IAM, and by EC2 of an instance profile.
_MISSING = ("NoSuchEntity: ", "Invalid IAM Instance Profile name")


def arn_of(iam: Any, text: str) -> str:
    """The ARN that is meant. Ends the command where there is none, or where several are."""
    with meant(lambda: iam, text):
        if text.startswith("arn:"):
            if _ARN.fullmatch(text) is None:
                raise Failure(f"{text} is the ARN of no user, group, role or managed policy. {_TAKEN}", Exit.USAGE)
            return text
        if short := _SHORT.fullmatch(text):
            return _managed(iam, short["name"]) if short["kind"] == "policy" else _find(iam, *short.groups())
        if _NAME.fullmatch(text) is None:
            raise Failure(f"{text or 'An empty name'} names nobody. {_TAKEN}", Exit.USAGE)
        return _named(iam, text)


def policy_of(iam: Any, text: str) -> str:
    """The ARN that was given, or that of the managed policy of that name, with policy/ before it or without."""
    name = text.removeprefix("policy/")
    if ":" in name or "/" in name:
        return arn_of(iam, text)
    with meant(lambda: iam, text, ("policy",)):
        return _managed(iam, name)


def role_of(text: str) -> str:
    """NAME of role/NAME, for operations that take no more; anything else as it is."""
    return text.removeprefix("role/")


@contextmanager
def meant(
    iam: Callable[[], Any], text: str, kinds: Sequence[str] = ENTITIES, *, usage: Collection[str] = ()
) -> Iterator[None]:
    """Say beside "there is no such thing" which one may be meant: `text` is as it was typed, for one of `kinds`.

    `usage`: as of `client.answers`.
    """
    from botocore.exceptions import ClientError

    from kansatsu.cli.client import answers

    try:
        with answers(usage=usage):
            yield
    except Failure as failure:
        sentence = failure.message
        if sentence.endswith("?") or not any(said in sentence for said in _MISSING):
            raise
        try:
            near = _near(iam(), text, kinds)
        except (ClientError, Failure):  # who may not list them
            near = ""
        if not near:
            raise
        raise Failure(f"{sentence} Did you mean {near}?", Exit(failure.exit_code)) from None


def _near(iam: Any, text: str, kinds: Sequence[str]) -> str:
    """The nearest that is there, spelt as `text` is."""
    typed = _ARN.fullmatch(text) or _SHORT.fullmatch(text)
    name = typed["name"] if typed else text
    known: dict[str, list[tuple[str, str, str]]] = {}
    for kind in kinds:
        for arn, item in _all(iam, kind):
            known.setdefault(item.lower(), []).append((kind, item, arn))
    of_kind = [item for item, found in known.items() if typed and typed["kind"] in (one[0] for one in found)]
    nearest = (
        [lower for lower in (name.lower(),) if lower in known]
        or difflib.get_close_matches(name.lower(), of_kind, n=1)
        or difflib.get_close_matches(name.lower(), known, n=1)
    )
    found = known[nearest[0]] if nearest else []
    found = [one for one in found if typed and one[0] == typed["kind"]] or found
    if any(item == name and (not typed or kind == typed["kind"]) for kind, item, _ in found):
        return ""  # it is there: what is missing is something else
    if text.startswith("arn:"):
        return " or ".join(arn for _, _, arn in found)
    alone = not typed and len(found) == 1
    return " or ".join(item if alone else f"{kind}/{item}" for kind, item, _ in found)


def _all(iam: Any, kind: str, **asked: Any) -> Iterator[tuple[str, str]]:
    """ARN and name of all that there are of a kind."""
    operation, members, name = _LISTS[kind]
    asked["MaxItems"] = 1000
    while True:
        page = getattr(iam, operation)(**asked)
        yield from ((item["Arn"], item[name]) for item in page[members])
        if not page.get("IsTruncated"):
            return
        asked["Marker"] = page["Marker"]


def _named(iam: Any, name: str) -> str:
    """The ARN of the one user, group, role or managed policy of that name."""
    from botocore.exceptions import ClientError

    found: dict[str, str] = {}
    for kind in ENTITIES:
        try:
            arn = _policy(iam, name, own=bool(found)) if kind == "policy" else _find(iam, kind, name)
        except ClientError as error:
            # Whoever may not list policies still finds what is none.
            if error.response["Error"]["Code"] != ("AccessDenied" if found and kind == "policy" else "NoSuchEntity"):
                raise
        except Failure as failure:  # a report that stands for IAM
            if not failure.message.startswith("NoSuchEntity"):
                raise
        else:
            found |= {f"{kind}/{name}": arn} if arn else {}
    if not found:
        raise Failure(f"NoSuchEntity: There is no user, group, role or managed policy named {name}.")
    if len(found) > 1:
        raise Failure(f"{name} is the name of several: type {' or '.join(found)}.", Exit.USAGE)
    return next(iter(found.values()))


def _find(iam: Any, kind: str, name: str) -> str:
    operation, member = _FINDERS[kind]
    return str(getattr(iam, operation)(**{member: name})[kind.capitalize()]["Arn"])


def _managed(iam: Any, name: str) -> str:
    found = _policy(iam, name)
    if found is None:
        raise Failure(f"NoSuchEntity: There is no managed policy named {name}.")
    return found


def _policy(iam: Any, name: str, *, own: bool = False) -> str | None:
    """The ARN of the account's managed policy of that name, else (`own` False) of AWS's; names differ by case alone
    nowhere. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    for scope in ("Local",) if own else ("Local", "AWS"):
        for arn, item in _all(iam, "policy", Scope=scope):
            if item.lower() == name.lower():
                return arn
    return None
