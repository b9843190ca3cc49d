"""Text to Document and back: the parser of policy documents."""

import json
from collections.abc import Mapping
from typing import NoReturn, cast

from kansatsu.policy import _rules
from kansatsu.policy._json import Json, JsonError, JsonObject, Number, outline, read
from kansatsu.policy._principals import UNIQUE_ID, account_of
from kansatsu.policy.model import Condition, Document, PolicyType, Statement

DOCUMENT_KEYS = frozenset({"Version", "Id", "Statement"})
STATEMENT_KEYS = frozenset(
    {
        "Sid",
        "Effect",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Principal",
        "NotPrincipal",
        "Condition",
    }
)
PRINCIPAL_KINDS = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})
_TEXTS = frozenset({str})  # a Number is none
_WHITE_SPACE = str.maketrans("", "", " \t\n\r\f\v")


def parse(text: str, type: PolicyType = PolicyType.IDENTITY, *, managed: bool = False) -> Document:
    """The document that the text is. Raises MalformedPolicyDocument, nothing else, with AWS's message.

    `managed`: the text is for CreatePolicy or CreatePolicyVersion, which refuse versions before 2012-10-17.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
    """
    top = _read(text, type)
    _only(top, DOCUMENT_KEYS)
    version = _text(top.get("Version", "2008-10-17"))
    if version not in {"2008-10-17", "2012-10-17"}:
        _syntax()
    if managed and version != "2012-10-17":
        raise _rules.refuse(_rules.OLD)
    _rules.check_version(_text(top["Version"]) if "Version" in top else None, type)
    if "Id" in top and not _rules.RULES[type].id:
        _syntax()
    statements = tuple(_statement(each, text, type, version) for each in _statements(top))
    sids = [statement.sid for statement in statements if statement.sid]
    if len(sids) != len(set(sids)):
        raise _rules.refuse(_rules.SID_TWICE)
    return Document(version, statements, _text(top.get("Id", "")), text, len(text.translate(_WHITE_SPACE)))


def _read(text: str, type: PolicyType) -> JsonObject:
    rules = _rules.RULES[type]
    if rules.leading_space and text[:1].isspace():
        raise _rules.refuse(rules.leading_space)
    if rules.characters and not rules.characters.fullmatch(text):
        _syntax()
    try:
        top = outline(text)
    except JsonError:
        raise _rules.refuse(rules.not_json) from None
    if not isinstance(top, JsonObject):
        _syntax()
    return top


def _statements(top: JsonObject) -> list[JsonObject]:
    found = top.get("Statement")
    entries = found if isinstance(found, list) else [found]
    statements = [entry for entry in entries if isinstance(entry, JsonObject)]
    if not statements or len(statements) != len(entries):
        _syntax()
    return statements


def _statement(given: JsonObject, text: str, type: PolicyType, version: str) -> Statement:
    _only(given, STATEMENT_KEYS)
    _fields(given, type)
    effect = given.get("Effect")
    if effect not in ("Allow", "Deny"):
        _syntax()
    statement = Statement(
        sid=_text(given.get("Sid", "")),
        effect=str(effect),
        actions=_texts(_either(given, "Action")),
        resources=_texts(_either(given, "Resource")),
        principals=_principals(_either(given, "Principal")) if _has_principal(given) else (),
        conditions=_conditions(given.get("Condition", JsonObject())),
        not_action="NotAction" in given,
        not_resource="NotResource" in given,
        not_principal="NotPrincipal" in given,
        span=given.span,
        line=text.count("\n", 0, given.span[0]) + 1,
    )
    _rules.check(statement, type, version)
    return statement


def _fields(given: JsonObject, type: PolicyType) -> None:
    rules = _rules.RULES[type]
    for name in ("Resource", "NotResource"):
        if name in given and not rules.resource_allowed:
            raise _rules.refuse(f"Has prohibited field {name}")
        # INVARIANT: a list of no resources is refused, since a statement without the element is about everything.
        if given.get(name) == []:
            raise _rules.refuse(_rules.NO_RESOURCES)
    has_principal = _has_principal(given)
    if has_principal and not rules.principal:
        raise _rules.refuse(_rules.PRINCIPAL_PROHIBITED)
    if rules.principal and not has_principal:
        raise _rules.refuse("Missing required field Principal")


def _has_principal(given: JsonObject) -> bool:
    return "Principal" in given or "NotPrincipal" in given


def _either(given: JsonObject, name: str) -> Json:
    """The element or its Not twin; both at once are an error, neither is an empty list."""
    if name in given and f"Not{name}" in given:
        _syntax()
    return given.get(name, given.get(f"Not{name}", []))


def _principals(given: Json) -> tuple[tuple[str, str], ...]:
    if given == "*":
        return (("*", "*"),)
    if not isinstance(given, JsonObject) or not given:
        _syntax()
    _only(given, PRINCIPAL_KINDS)
    entries = tuple((kind, value) for kind, values in given.items() for value in _texts(values))
    if not entries:
        _syntax()
    return entries


def _conditions(given: Json) -> tuple[Condition, ...]:
    if not isinstance(given, JsonObject):
        _syntax()
    conditions = []
    for operator, keys in given.items():
        if not isinstance(keys, JsonObject):
            _syntax()
        conditions += [Condition(operator, key, _values(values)) for key, values in keys.items()]
    return tuple(conditions)


def _values(given: Json) -> tuple[str, ...]:
    """Condition values may be numbers and Booleans as well; all are compared as text."""
    values = given if isinstance(given, list) else [given]
    if not values:
        _syntax()
    if _TEXTS.issuperset(map(type, values)):
        return cast("tuple[str, ...]", tuple(values))
    return tuple(("true" if value else "false") if isinstance(value, bool) else _scalar(value) for value in values)


def _scalar(given: Json) -> str:
    if not isinstance(given, str):
        _syntax()
    return str(given)


def _text(given: Json) -> str:
    if not isinstance(given, str) or isinstance(given, Number):
        _syntax()
    return given


def _texts(given: Json) -> tuple[str, ...]:
    values = given if isinstance(given, list) else [given]
    if not _TEXTS.issuperset(map(type, values)):
        _syntax()
    return cast("tuple[str, ...]", tuple(values))


def _only(given: JsonObject, allowed: frozenset[str]) -> None:
    if not given.keys() <= allowed:
        _syntax()


def _syntax() -> NoReturn:
    raise _rules.refuse(_rules.SYNTAX)


def dump(document: Document) -> str:
    """A text that parses to an equal document."""
    top: dict[str, object] = {"Version": document.version}
    if document.id:
        top["Id"] = document.id
    top["Statement"] = [_plain(statement) for statement in document.statements]
    return json.dumps(top, separators=(",", ":"))


def _plain(statement: Statement) -> dict[str, object]:
    plain: dict[str, object] = {"Sid": statement.sid} if statement.sid else {}
    plain["Effect"] = statement.effect
    if statement.principals:
        grouped: dict[str, list[str]] = {}
        for kind, value in statement.principals:
            grouped.setdefault(kind, []).append(value)
        name = "NotPrincipal" if statement.not_principal else "Principal"
        plain[name] = "*" if "*" in grouped else grouped
    plain["NotAction" if statement.not_action else "Action"] = statement.actions
    if statement.resources:
        plain["NotResource" if statement.not_resource else "Resource"] = statement.resources
    conditions: dict[str, dict[str, object]] = {}
    for condition in statement.conditions:
        conditions.setdefault(condition.operator, {})[condition.key] = condition.values
    return plain | ({"Condition": conditions} if conditions else {})


def principals(document: Document) -> tuple[str, ...]:
    """The users, roles and their unique ids that the document names, each once, in order.

    Accounts, sessions, services and providers are not among them: AWS keeps those as they are written.
    """
    found = (value for statement in document.statements for kind, value in statement.principals if kind == "AWS")
    return tuple(dict.fromkeys(value for value in found if _is_entity(value)))


def _is_entity(value: str) -> bool:
    if account_of(value) or "::cloudfront:" in value:
        return False
    return bool(UNIQUE_ID.fullmatch(value)) or (":iam::" in value and value.startswith("arn:"))


def with_principals(text: str, mapping: Mapping[str, str]) -> str:
    """The text of a valid document with AWS principals replaced (ARN by unique id or back); nothing else changes.

    Raises MalformedPolicyDocument when the text is not JSON.
    """
    try:
        top = read(text)
    except JsonError:
        raise _rules.refuse(_rules.SYNTAX) from None
    changes = [change for element in _principal_elements(top) for change in _change(text, element, mapping)]
    for start, end, replacement in sorted(changes, reverse=True):
        text = text[:start] + replacement + text[end:]
    return text


def _principal_elements(top: Json) -> list[JsonObject]:
    found = top.get("Statement") if isinstance(top, JsonObject) else None
    entries = found if isinstance(found, list) else [found]
    elements = [
        entry.get(name) for entry in entries if isinstance(entry, JsonObject) for name in ("Principal", "NotPrincipal")
    ]
    return [element for element in elements if isinstance(element, JsonObject)]


def _change(text: str, element: JsonObject, mapping: Mapping[str, str]) -> list[tuple[int, int, str]]:
    given = element.get("AWS")
    values = given if isinstance(given, list) else [given]
    replaced = [mapping.get(value, value) if isinstance(value, str) else value for value in values]
    if replaced == values:
        return []
    start, end = element.spans["AWS"]
    return [(start, end, json.dumps(replaced if isinstance(given, list) else replaced[0]))]
