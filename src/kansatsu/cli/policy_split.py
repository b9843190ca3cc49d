"""Where a suggested policy goes: to its subject, or in several managed policies where it is larger than AWS takes.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Answer = Mapping[str, Any]
AWS_MANAGED = ":iam::aws:policy/"  # nobody else makes versions of them: one of one's own goes in their place
OWN = "-suggested"
_ATTACHED = 10  # managed policies of one user, group or role
_LONGEST = 110  # characters of a name that gets a suffix; AWS takes 128


@dataclass(frozen=True, slots=True)
class Plan:
    """`own`: the document that the subject itself gets, "" for none. `more`: managed policies to make, by their names,
    which are attached to each of `holders` (ARNs). `said`: what to know of the size; `possible` False: no command.
    """

    own: str
    more: tuple[tuple[str, str], ...] = ()
    holders: tuple[str, ...] = ()
    said: str = ""
    possible: bool = True


def kind_and_name(arn: str) -> tuple[str, str]:
    """("role", "job") of the ARN of an entity, ("policy", NAME) of that of a managed policy."""
    kind, _, path = arn.rpartition(":")[2].partition("/")
    return kind, path.rpartition("/")[2]


def plan(answer: Answer) -> Plan:
    """How the suggestion comes into force within AWS's quotas."""
    from kansatsu.advisor import fitting
    from kansatsu.policy import QUOTAS

    document, subject = answer["Document"], answer["Arn"]
    kind, name = kind_and_name(subject)
    if not document and not _elsewhere(subject):
        return Plan("")
    if _elsewhere(subject):
        said = (
            f"{subject} is managed by AWS, which refuses other changes: its permission set or service has its policies."
        )
        return Plan(document, said=said, possible=False)
    quota = fitting.quota_of(subject)
    size, beside = fitting.size(document), _beside(answer)
    if size + beside <= quota.size:
        return _made(subject, name, [document])
    said = f"The suggested policy has {size} {quota.unit}"
    said += f" and the inline policies in whose place it goes {beside}" if beside and size <= quota.size else ""
    what = "a managed policy" if kind == "policy" else f"the inline policies of a {kind} together"
    said += f", and AWS takes {quota.size} of {what}"
    made = fitting.parts(document, QUOTAS["managed"])
    if made is None:
        return Plan(document, said=f"{said}; it cannot be divided: spell out its NotAction.", possible=False)
    if kind == "policy" and answer.get("Bounds"):
        who = answer["Bounds"][0]
        return Plan(document, said=f"{said}; it bounds {who}, and a boundary is one policy.", possible=False)
    has = 1 if kind == "policy" else sum(bool(policy["PolicyArn"]) for policy in answer["Policies"])
    if has + len(made) > _ATTACHED:
        said += (
            f"; in {len(made)} managed policies it is more than the {_ATTACHED} that one may have: let it allow more,"
        )
        return Plan(document, said=f"{said} such as whole services, or detach others first.", possible=False)
    several = f"{len(made)} managed policies" if len(made) > 1 else "a managed policy"
    said += f": it is given as {several}, which together say the same."
    return _made(subject, name, made, tuple(answer.get("AttachedTo") or ()), said)


def _elsewhere(subject: str) -> bool:
    """Is it a role that AWS alone changes?

    https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
    """
    kind, name = kind_and_name(subject)
    path = subject.rpartition(":")[2].removeprefix("role")
    return kind == "role" and (
        name.startswith("AWSReservedSSO_") or path.startswith(("/aws-reserved/", "/aws-service-role/"))
    )


def _made(subject: str, name: str, made: list[str], holders: tuple[str, ...] = (), said: str = "") -> Plan:
    base = name[:_LONGEST]
    if AWS_MANAGED in subject:
        names = [base + OWN, *(f"{base}{OWN}-{number}" for number in range(2, len(made) + 1))]
        return Plan("", tuple(zip(names, made, strict=True)), (), said)
    if ":policy/" in subject:
        more = tuple((f"{base}-{number}", text) for number, text in enumerate(made[1:], 2))
        return Plan(made[0], more, holders if more else (), said)
    if not said:
        return Plan(made[0])
    names = [f"{base}{OWN}-{number}" for number in range(1, len(made) + 1)]
    return Plan("", tuple(zip(names, made, strict=True)), (subject,), said)


def _beside(answer: Answer) -> int:
    """The size of the inline policies that are there until the new one is."""
    from kansatsu.advisor import fitting

    if kind_and_name(answer["Arn"])[0] == "policy":
        return 0
    others = (item for item in answer["Policies"] if not item["PolicyArn"] and item["PolicyName"] != "suggested")
    return sum(fitting.size(item["Document"]) for item in others)


def one_line(text: str) -> str:
    """A document in one line, for a command."""
    return json.dumps(json.loads(text))
