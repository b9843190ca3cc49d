"""The table of rules, and the functions that put a document to them."""

from collections.abc import Iterable, Mapping
from itertools import islice
from types import MappingProxyType

from kansatsu.lint import actions, conditions, documents, grants, names, principals
from kansatsu.lint.findings import Finding, Rule, Severity, Span, Subject
from kansatsu.policy import PolicyType, diagnose_all, line_and_column, parse

_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
_QUOTAS = _IAM + "reference_iam-quotas.html"
_CHECKS = _IAM + "access-analyzer-reference-policy-checks.html"
_OPERATORS = _IAM + "reference_policies_elements_condition_operators.html"
_MANY = _IAM + "reference_policies_condition-single-vs-multi-valued-context-keys.html"
_KEYS = _IAM + "reference_policies_condition-keys.html"
_PASS_ROLE = _IAM + "id_roles_use_passrole.html"
_ELEMENT = _IAM + "reference_policies_elements_"
_REFERENCE = (
    "https://docs.aws.amazon.com/service-authorization/latest/reference/"
    "reference_policies_actions-resources-contextkeys.html"
)

_EVERY = frozenset(PolicyType)
_IDENTITY = frozenset({PolicyType.IDENTITY})
_GRANTS = frozenset({PolicyType.IDENTITY, PolicyType.RESOURCE})
_RESOURCE = frozenset({PolicyType.RESOURCE})
_TRUST = frozenset({PolicyType.TRUST})
_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

_MOST_FAULTS = 100  # of a text of a megabyte that cannot stand anywhere
_MALFORMED = Rule(
    "malformed", _ERROR, "AWS would refuse the document.", _IAM + "reference_policies_grammar.html", _EVERY
)
_VALID = (  # what `validate` finds as well
    Rule("too-large", _ERROR, "The document is larger than AWS takes.", _QUOTAS, _EVERY, documents.too_large),
    Rule("over-default-quota", _WARNING, "Larger than AWS takes by default.", _QUOTAS, _EVERY, documents.over_default),
    Rule(
        "misspelt-service-principal",
        _ERROR,
        "A service principal that is but a letter away from one that there is.",
        _ELEMENT + "principal.html",
        _RESOURCE | _TRUST,
        names.misspelt_service,
    ),
)
_RULES = (
    Rule("missing-version", _WARNING, "No Version.", _ELEMENT + "version.html", _EVERY, documents.missing_version),
    Rule(
        "variable-in-old-version",
        _ERROR,
        "A policy variable where none is replaced.",
        _IAM + "reference_policies_variables.html",
        _EVERY,
        documents.variable_in_old_version,
    ),
    Rule("empty-sid", _NOTE, "A Sid is empty.", _ELEMENT + "sid.html", _EVERY, documents.empty_sid),
    Rule(
        "redundant-statement",
        _WARNING,
        "Another statement says all of this already.",
        _CHECKS,
        _EVERY,
        documents.redundant_statement,
    ),
    Rule(
        "shadowed-statement",
        _WARNING,
        "Another statement denies all of this.",
        _IAM + "reference_policies_evaluation-logic.html",
        _EVERY,
        documents.shadowed_statement,
    ),
    Rule("redundant-value", _NOTE, "Covered by another of its list.", _CHECKS, _EVERY, actions.redundant_value),
    Rule("unknown-service", _ERROR, "No service has that prefix.", _REFERENCE, _EVERY, actions.unknown_service),
    Rule("unknown-action", _ERROR, "AWS documents no such action.", _REFERENCE, _EVERY, actions.unknown_action),
    Rule(
        "unsupported-resource",
        _WARNING,
        "An action that no resource of its statement belongs to.",
        _REFERENCE,
        _EVERY,
        actions.unsupported_resource,
    ),
    Rule(
        "unused-resource",
        _WARNING,
        "A resource that no action of its statement works on.",
        _REFERENCE,
        _EVERY,
        actions.unused_resource,
    ),
    Rule(
        "malformed-arn",
        _ERROR,
        "A resource whose ARN lacks a field, or names no service.",
        _IAM + "reference-arns.html",
        _EVERY,
        names.malformed_arn,
    ),
    Rule(
        "malformed-account",
        _ERROR,
        "An account id that has not 12 digits.",
        _IAM + "reference-arns.html",
        _EVERY,
        names.malformed_account,
    ),
    Rule(
        "unknown-region",
        _WARNING,
        "AWS has no such Region.",
        _IAM + "reference-arns.html",
        _EVERY,
        names.unknown_region,
    ),
    Rule("unknown-condition-key", _ERROR, "AWS documents no such key.", _KEYS, _EVERY, conditions.unknown_key),
    Rule(
        "unsupported-condition-key",
        _WARNING,
        "A condition key that no action of its statement has.",
        _REFERENCE,
        _EVERY,
        conditions.unsupported_key,
    ),
    Rule(
        "partly-supported-condition-key",
        _NOTE,
        "A condition key that some actions of its statement have not.",
        _REFERENCE,
        _EVERY,
        conditions.partly_supported_key,
    ),
    Rule(
        "operator-key-type",
        _ERROR,
        "An operator that cannot compare values of its key.",
        _OPERATORS,
        _EVERY,
        conditions.misfit,
    ),
    Rule(
        "condition-never-matches",
        _ERROR,
        "A condition that is never true.",
        _OPERATORS,
        _EVERY,
        conditions.never_matches,
    ),
    Rule(
        "missing-set-operator",
        _WARNING,
        "A key of several values without a set operator.",
        _MANY,
        _EVERY,
        conditions.missing_set_operator,
    ),
    Rule(
        "set-operator-on-single-value",
        _WARNING,
        "A set operator on a key of one value.",
        _MANY,
        _EVERY,
        conditions.set_operator_on_single,
    ),
    Rule(
        "for-all-values-without-null",
        _WARNING,
        "An Allow that ForAllValues opens to requests without the key.",
        _MANY,
        _EVERY,
        conditions.for_all_values,
    ),
    Rule(
        "wildcard-in-equals",
        _WARNING,
        "An operator that takes a star as it is.",
        _OPERATORS,
        _EVERY,
        conditions.wildcard_in_equals,
    ),
    Rule(
        "mfa-without-if-exists",
        _WARNING,
        "A Deny without MFA that long-term keys pass by.",
        _KEYS,
        _EVERY,
        conditions.mfa_without_if_exists,
    ),
    Rule(
        "private-source-ip",
        _WARNING,
        "A private address where a public one is compared.",
        _KEYS,
        _EVERY,
        conditions.private_address,
    ),
    Rule(
        "administrator",
        _WARNING,
        "Everything is allowed on everything.",
        _IAM + "best-practices.html",
        _IDENTITY,
        grants.administrator,
    ),
    Rule(
        "allow-not-action",
        _WARNING,
        "Allow with NotAction.",
        _ELEMENT + "notaction.html",
        _GRANTS,
        grants.allow_not_action,
    ),
    Rule(
        "allow-not-resource",
        _WARNING,
        "Allow with NotResource.",
        _ELEMENT + "notresource.html",
        _GRANTS,
        grants.allow_not_resource,
    ),
    Rule(
        "pass-role-anything",
        _WARNING,
        "Every role may be passed to every service.",
        _PASS_ROLE,
        _IDENTITY,
        grants.pass_role,
    ),
    Rule(
        "privilege-escalation",
        _WARNING,
        "What is allowed is a way to more.",
        _IAM + "access_policies_boundaries.html",
        _IDENTITY,
        grants.escalation,
    ),
    Rule(
        "borrowed-role",
        _NOTE,
        "A way to act as the role of something else.",
        _PASS_ROLE,
        _IDENTITY,
        grants.borrowed_role,
    ),
    Rule("public-access", _WARNING, "Anybody is let in.", _ELEMENT + "principal.html", _RESOURCE, principals.public),
    Rule("trust-anybody", _ERROR, "Anybody is trusted.", _ELEMENT + "principal.html", _TRUST, principals.public),
    Rule(
        "deny-not-principal",
        _NOTE,
        "Deny with NotPrincipal.",
        _ELEMENT + "notprincipal.html",
        _RESOURCE,
        principals.not_principal,
    ),
    Rule(
        "confused-deputy",
        _NOTE,
        "A service may act for any account.",
        _IAM + "confused-deputy.html",
        _RESOURCE,
        principals.confused_deputy,
    ),
    Rule(
        "oidc-any-subject",
        _ERROR,
        "Every subject of a shared identity provider is trusted.",
        _IAM + "id_roles_create_for-idp_oidc.html",
        _TRUST,
        principals.any_subject,
    ),
)

RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in (_MALFORMED, *_VALID, *_RULES)})
"""Every rule by its id, which stays what it is from version to version."""


def validate(text: str, type: PolicyType = PolicyType.IDENTITY) -> tuple[Finding, ...]:
    """Would AWS store the document? What it says against it, its size, and service principals that there are not.

    Raises nothing, whatever the text.
    """
    return _find(text, type, _VALID)


def lint(text: str, type: PolicyType = PolicyType.IDENTITY) -> tuple[Finding, ...]:
    """What `validate` finds, and what all rules find in a document that AWS would store, in the order of the text."""
    return _find(text, type, (*_VALID, *_RULES))


def _find(text: str, type: PolicyType, rules: Iterable[Rule]) -> tuple[Finding, ...]:
    faults = islice(diagnose_all(text, type), _MOST_FAULTS)
    if malformed := [_finding(_MALFORMED, f"MalformedPolicyDocument: {one.text}", one.span, text) for one in faults]:
        return tuple(sorted(malformed, key=lambda each: each.span))
    subject = Subject(parse(text, type), type)
    found = [
        _finding(rule, each.message, each.span, text)
        for rule in rules
        if type in rule.types and rule.check is not None
        for each in rule.check(subject)
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda each: each.span))


def _finding(rule: Rule, message: str, span: Span, text: str) -> Finding:
    start, end = line_and_column(text, span[0]), line_and_column(text, span[1])
    return Finding(rule.id, rule.severity, message, rule.url, *start, *end, span)
