"""Puts questions to a document through the engine that decides requests: what it would really allow, and to whom."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from kansatsu.lint.findings import Part, Subject
from kansatsu.policy import (
    Document,
    Policies,
    Policy,
    PolicySet,
    PolicyType,
    Principal,
    Request,
    Source,
    compile_policy,
    evaluate,
    parse,
)

ACCOUNT = "111122223333"
ELSEWHERE = "444455556666"
NAME = "kansatsu-lint"  # of the caller, and of nothing in anybody's policy
OTHER = "kansatsu-lint-other"
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_ALL = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'

CALLER: Mapping[str, str] = {
    "aws:username": NAME,
    "aws:userid": "AIDAKANSATSULINT",
    "aws:principalarn": f"arn:aws:iam::{ACCOUNT}:user/{NAME}",
    "aws:principalaccount": ACCOUNT,
    "aws:principaltype": "User",
    "aws:multifactorauthpresent": "true",
    "aws:securetransport": "true",
}


def policies(document: Document, type: PolicyType) -> PolicySet:
    """The document alone."""
    return PolicySet((compile_policy(document, Source(type)),))


def allowed(asked: PolicySet, action: str, resource: str, context: Mapping[str, str]) -> bool:
    """May a user whose only policy this is do the action, with what is usual in a request and this context?"""
    user = Principal(ACCOUNT, CALLER["aws:principalarn"], "user", id=CALLER["aws:userid"])
    request = Request(user, action, resource, {**CALLER, **context})
    return evaluate(request, Policies(asked)).allowed


def resources(subject: Subject, types: tuple[str, ...]) -> Iterator[str]:
    """ARNs of these types ("user", "role") that nobody's policy names: what a wildcard of the document reaches.

    Each pattern of the document that holds a wildcard is filled in; a policy variable is the caller's value, so that
    these include the caller itself.
    """
    patterns = {f"arn:aws:iam::{ACCOUNT}:{kind}/{name}" for kind in types for name in (OTHER, NAME)}
    for part in subject.parts:
        for resource in part.statement.resources:
            if part.allows and not part.statement.not_resource and set(resource) != {"*"}:
                filled = fill(resource)
                if filled != resource:
                    patterns |= {_typed(filled, kind) for kind in types} - {""}
    return iter(sorted(patterns))


def fill(pattern: str) -> str:
    """A text that the pattern matches, which is named by its wildcards only."""
    text = _VARIABLE.sub(lambda found: CALLER.get(found[1].partition(",")[0].strip().lower(), OTHER), pattern)
    head, colon, tail = text.rpartition(":")
    account = re.sub(r"^([^:]*:[^:]*:[^:]*:[^:]*:)[*]$", rf"\g<1>{ACCOUNT}", head)
    account = account.replace("*", "").replace("?", "x")
    return account + colon + tail.replace("*", OTHER).replace("?", "x")


def _typed(arn: str, kind: str) -> str:
    """The ARN when it is one of that type, one of that type below it when its last part was nothing but a wildcard."""
    head, _, tail = arn.rpartition(":")
    if tail.startswith(f"{kind}/"):
        return arn
    return f"{head}:{kind}/{OTHER}" if tail == OTHER else ""


@lru_cache(maxsize=1)
def everything() -> PolicySet:
    """A policy that allows all."""
    return policies(parse(_ALL), PolicyType.IDENTITY)


def stranger_may(guard: Policy, type: PolicyType, action: str, resource: str) -> bool:
    """May a user of another account, who is allowed all there, do this by the policy of the resource or role?"""
    arn = f"arn:aws:iam::{ELSEWHERE}:user/{NAME}"
    user = Principal(ELSEWHERE, arn, "user", id=CALLER["aws:userid"])
    context = {**CALLER, "aws:principalarn": arn, "aws:principalaccount": ELSEWHERE, "aws:sourceip": "203.0.113.7"}
    request = Request(user, action, resource, context, resource_account=ACCOUNT)
    if type is PolicyType.TRUST:
        return evaluate(request, Policies(everything(), trust=guard)).allowed
    return evaluate(request, Policies(everything(), resource=guard)).allowed


def alone(part: Part) -> Document:
    """The document without its other Allow statements."""
    document = part.document
    kept = tuple(each for index, each in enumerate(document.statements) if index == part.index or each.effect == "Deny")
    return Document(document.version, kept, document.id, document.text, document.size)
