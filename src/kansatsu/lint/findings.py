"""The rules of the linter, in one table, and what they find in a document."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import NamedTuple

from kansatsu.policy import Document, PolicyType, Statement

_GRANTS = frozenset({PolicyType.IDENTITY, PolicyType.SESSION})
_GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
# Each lets its holder change what some principal may do, or become it.
_ESCALATIONS = (
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
)


class Rule(NamedTuple):
    """`severity` is error, warning or note; `types` are the policies that the rule is about."""

    severity: str
    message: str
    url: str
    types: frozenset[PolicyType]
    found: Callable[[Statement], bool]


class Finding(NamedTuple):
    """A rule that a statement (`statement` is its index; `line` counts from 1) does not keep."""

    rule: str
    severity: str
    message: str
    url: str
    statement: int
    line: int


def _everything(statement: Statement) -> bool:
    return "*" in statement.resources and not statement.not_resource


def _grants(statement: Statement, action: str) -> bool:
    """Is the action granted by name or wildcard, yet not by the grant of everything, which has its own rule?"""
    patterns = [given.lower() for given in statement.actions if given not in {"*", "*:*"}]
    named = any(fnmatchcase(action.lower(), pattern) for pattern in patterns)
    return statement.effect == "Allow" and not statement.not_action and named


def _pass_role(statement: Statement) -> bool:
    limited = any(condition.key.lower() == "iam:passedtoservice" for condition in statement.conditions)
    return _grants(statement, "iam:PassRole") and _everything(statement) and not limited


def _administrator(statement: Statement) -> bool:
    every = not statement.not_action and not {"*", "*:*"}.isdisjoint(statement.actions)
    return statement.effect == "Allow" and every and _everything(statement) and not statement.conditions


def _not_action(statement: Statement) -> bool:
    return statement.effect == "Allow" and statement.not_action and _everything(statement)


def _escalation(statement: Statement) -> bool:
    open_ = _everything(statement) and not statement.conditions
    return open_ and any(_grants(statement, action) for action in _ESCALATIONS)


def _anybody(statement: Statement) -> bool:
    anybody = not {("*", "*"), ("AWS", "*")}.isdisjoint(statement.principals)
    return statement.effect == "Allow" and anybody and not statement.conditions


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "pass-role-anything": Rule(
            "warning",
            "iam:PassRole on * passes every role to every service: name the roles or add iam:PassedToService.",
            _GUIDE + "id_roles_use_passrole.html",
            _GRANTS,
            _pass_role,
        ),
        "administrator": Rule(
            "warning",
            "Everything is allowed on everything: name the actions and resources that are needed.",
            _GUIDE + "best-practices.html",
            _GRANTS,
            _administrator,
        ),
        "allow-not-action": Rule(
            "warning",
            "Allow with NotAction grants all that is not listed, and what AWS adds later: list what is needed.",
            _GUIDE + "reference_policies_elements_notaction.html",
            _GRANTS,
            _not_action,
        ),
        "escalation": Rule(
            "warning",
            "On * this lets the holder give permissions to themselves: name the resources or add a condition.",
            _GUIDE + "access_policies_boundaries.html",
            _GRANTS,
            _escalation,
        ),
        "trust-anybody": Rule(
            "error",
            "Anybody in any account may assume the role: name the principals or add a condition.",
            _GUIDE + "reference_policies_elements_principal.html",
            frozenset({PolicyType.TRUST}),
            _anybody,
        ),
    }
)


def lint(document: Document, type: PolicyType = PolicyType.IDENTITY) -> tuple[Finding, ...]:
    """What the rules find in a document of this type, in the order of its statements."""
    return tuple(
        Finding(name, rule.severity, rule.message, rule.url, index, statement.line)
        for index, statement in enumerate(document.statements)
        for name, rule in RULES.items()
        if type in rule.types and rule.found(statement)
    )
