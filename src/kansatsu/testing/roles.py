"""Roles of tests: each has exactly the policies that it was made with, and one session for each test."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from kansatsu.policy import PolicyType, diagnose, line_and_column, parse

ECS_TASKS = "ecs-tasks.amazonaws.com"
# A document as a dict or JSON text, a file, or the ARN of a managed policy; or several of these.
Policy: TypeAlias = Mapping[str, Any] | str | Path
Policies: TypeAlias = Policy | Sequence[Policy]


@dataclass(frozen=True)
class Role:
    """Who the code under test is: the session's ARN, its role, and the environment that says so."""

    arn: str
    role_name: str
    process_id: str
    environ: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Role({self.arn})"


@dataclass(frozen=True, slots=True)
class Held:
    """One policy of a role: the ARN of a managed one, or a document; `label` is what it is called in reports."""

    label: str
    arn: str = ""
    text: str = ""


def held(policies: Policies | None, directories: Sequence[Path]) -> tuple[Held, ...]:
    """Policies as they were given -> what to put on a role. Raises ValueError with a sentence.

    A file is looked for in these directories, one after the other.
    """
    if policies is None:
        return ()
    several = [policies] if isinstance(policies, str | Path | Mapping) else list(policies)
    return tuple(_held(policy, directories) for policy in several)


def _held(policy: Policy, directories: Sequence[Path], type: PolicyType = PolicyType.IDENTITY) -> Held:
    found = _found(policy, directories)
    fault = None if found.arn else diagnose(found.text, type)
    if fault is not None:
        line, column = line_and_column(found.text, fault.span[0])
        # The lines of a dict are ours.
        place = "" if isinstance(policy, Mapping) else f":{line}:{column}"
        raise ValueError(f"{found.label}{place}: MalformedPolicyDocument: {fault.text}")
    return found


def _found(policy: Policy, directories: Sequence[Path]) -> Held:
    if isinstance(policy, Mapping):
        return Held("a policy in the test", text=json.dumps(policy, indent=2))
    text = str(policy)
    if text.startswith("arn:"):
        return Held(text, arn=text)
    if text.lstrip().startswith("{"):
        return Held("a policy in the test", text=text)
    for directory in directories:
        if (path := directory / text).is_file():
            return Held(text, text=path.read_text(encoding="utf-8"))
    places = dict.fromkeys(str(directory.absolute()) for directory in directories)
    raise ValueError(f"There is no policy file {text} in {' or '.join(places)}.")


def trusted(trust: Policy | None, directories: Sequence[Path]) -> tuple[str, str]:
    """A service principal, or a trust policy in any form -> (service that is trusted, document)."""
    if trust is None or (isinstance(trust, str) and trust.endswith(".amazonaws.com")):
        service = ECS_TASKS if trust is None else str(trust)
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        return service, json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    text = _held(trust, directories, PolicyType.TRUST).text
    statements = parse(text, PolicyType.TRUST).statements
    services = [name for statement in statements for kind, name in statement.principals if kind == "Service"]
    if not services:
        raise ValueError("The trust policy trusts no service, so no test can run as the role.")
    return services[0], text
