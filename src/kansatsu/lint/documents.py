"""Rules about a document as a whole: its size and version, its Sids, statements that add nothing."""

from collections.abc import Iterator

from kansatsu.lint._globs import covers, overlap
from kansatsu.lint.actions import loosened
from kansatsu.lint.findings import Found, Part, Subject
from kansatsu.policy import QUOTAS, Condition, Document, PolicyType, Quota, Statement

_BY_TYPE = {
    PolicyType.IDENTITY: "managed",
    PolicyType.BOUNDARY: "managed",
    PolicyType.SESSION: "session",
    PolicyType.TRUST: "trust",
    PolicyType.SCP: "scp",
    PolicyType.RCP: "rcp",
    PolicyType.VPC_ENDPOINT: "vpc-endpoint",
}
_BY_SERVICE = {
    "s3": "bucket",
    "kms": "key",
    "sqs": "queue",
    "dynamodb": "table",
    "lambda": "function",
    "secretsmanager": "secret",
}


def quota(document: Document, type: PolicyType) -> Quota | None:
    """The limit of size; that of a resource-based policy is its service's, None where that is not known.

    An identity-based policy is measured as a managed one. Inline it may be larger: QUOTAS["role"] is the largest.
    """
    if type is not PolicyType.RESOURCE:
        return QUOTAS[_BY_TYPE[type]]
    services = {action.lower().partition(":")[0] for each in document.statements for action in each.actions}
    return QUOTAS[_BY_SERVICE[services.pop()]] if len(services) == 1 and services <= set(_BY_SERVICE) else None


def too_large(subject: Subject) -> Iterator[Found]:
    found = quota(subject.document, subject.type)
    if found is not None:
        size = found.measure(subject.document)
        most = QUOTAS["role"].size if subject.type is PolicyType.IDENTITY else found.most
        if size > most:
            yield Found(
                f"The document has {size} {found.unit}; AWS takes at most {most}.", subject.places.top("Statement")
            )


def over_default(subject: Subject) -> Iterator[Found]:
    found = quota(subject.document, subject.type)
    if found is not None:
        size = found.measure(subject.document)
        most = QUOTAS["role"].size if subject.type is PolicyType.IDENTITY else found.most
        if found.size < size <= most:
            kind = "a managed policy" if subject.type is PolicyType.IDENTITY else "the default quota"
            yield Found(
                f"The document has {size} {found.unit}, more than {kind} takes: {found.size}.",
                subject.places.top("Statement"),
            )


def missing_version(subject: Subject) -> Iterator[Found]:
    if "Version" not in subject.places.names:
        yield Found(
            'Without Version this is the old language 2008-10-17: say "Version": "2012-10-17".',
            subject.places.top("Version"),
        )


def variable_in_old_version(subject: Subject) -> Iterator[Found]:
    if subject.document.version == "2012-10-17":
        return
    for part in subject.parts:
        for resource in part.statement.resources:
            if "${" in resource:
                yield Found(_plain(resource), part.at("Resource", resource))
        for condition in part.statement.conditions:
            for value in condition.values:
                if "${" in value:
                    yield Found(_plain(value), part.at("Condition", condition.operator, condition.key, value))


def _plain(text: str) -> str:
    return f"Version 2008-10-17 replaces no variables: {text} is taken as it is written."


def empty_sid(subject: Subject) -> Iterator[Found]:
    for part in subject.parts:
        if not part.statement.sid and part.places.has(part.index, "Sid"):
            yield Found("The Sid is empty: name the statement or leave it out.", part.at("Sid"))


def redundant_statement(subject: Subject) -> Iterator[Found]:
    for part, other in _pairs(subject):
        same = part.statement.effect == other.statement.effect
        twice = _within(other.statement, part.statement) and other.index > part.index
        if same and _within(part.statement, other.statement) and not twice:
            yield Found(f"Statement {other.index + 1} {_verb(other)} all of this already.", part.at("Effect"))


def shadowed_statement(subject: Subject) -> Iterator[Found]:
    for part, other in _pairs(subject):
        if part.allows and not other.allows and _within(part.statement, other.statement):
            yield Found(f"Statement {other.index + 1} denies all that this one allows.", part.at("Effect"))


def _verb(part: Part) -> str:
    return "allows" if part.allows else "denies"


def _pairs(subject: Subject) -> Iterator[tuple[Part, Part]]:
    return ((part, other) for part in subject.parts for other in subject.parts if part.index != other.index)


def _within(small: Statement, large: Statement) -> bool:
    """Does every request that `small` is about concern `large` too? False where that is not certain."""
    conditions = {_plain_condition(each) for each in small.conditions}
    if not {_plain_condition(each) for each in large.conditions} <= conditions:
        return False
    lower = [[action.lower() for action in each.actions] for each in (small, large)]
    if not _subset(lower[0], small.not_action, lower[1], large.not_action):
        return False
    if not _subset(list(small.resources), small.not_resource, list(large.resources), large.not_resource):
        return False
    return _principals_within(small, large)


def _plain_condition(condition: Condition) -> tuple[str, str, frozenset[str]]:
    return condition.operator.lower(), condition.key.lower(), frozenset(condition.values)


def _subset(small: list[str], small_not: bool, large: list[str], large_not: bool) -> bool:
    if not small_not and not large_not:
        return all(any(covers(general, each) for general in large) for each in small)
    if not small_not:
        return not any(overlap(loosened(each), loosened(excluded)) for each in small for excluded in large)
    if large_not:
        return all(any(covers(general, each) for general in small) for each in large)
    return any(set(general) <= {"*", ":"} and general for general in large)


def _principals_within(small: Statement, large: Statement) -> bool:
    if small.not_principal or large.not_principal:
        return small.not_principal == large.not_principal and set(small.principals) == set(large.principals)
    everybody = ("*", "*") in large.principals
    return everybody or set(small.principals) <= set(large.principals)
