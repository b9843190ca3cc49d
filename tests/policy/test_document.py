"""Documents: what the grammar takes, and AWS's sentence for what it refuses.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kansatsu.errors import MalformedPolicyDocument
from kansatsu.policy import Document, PolicyType, dump, parse, principals, with_principals
from kansatsu.policy._json import Json, JsonError, JsonObject, outline, read

SYNTAX = "Syntax errors in policy."
VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}


def doc(*statements: Any, **top: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **top})


def without(given: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != name}


def condition(block: Any) -> str:
    return doc({**ALLOW, "Condition": block})


IDENTITY: list[tuple[str, str, str]] = [
    ("empty", "", SYNTAX),
    ("no JSON", "{", SYNTAX),
    ("a Python dict", "{'Version': '2012-10-17'}", SYNTAX),
    ("a trailing comma", doc(ALLOW)[:-1] + ",}", SYNTAX),
    ("text behind", doc(ALLOW) + "x", SYNTAX),
    ("leading space", " " + doc(ALLOW), "The policy failed legacy parsing"),
    ("leading newline", "\n" + doc(ALLOW), "The policy failed legacy parsing"),
    ("a list", "[]", SYNTAX),
    ("a string", '"x"', SYNTAX),
    ("a byte order mark", "\ufeff" + doc(ALLOW), SYNTAX),
    ("a character beyond Latin-1", doc(ALLOW)[:-1] + ',"Id":"\u2603"}', SYNTAX),
    ("a control character", doc(ALLOW).replace("GetObject", "Get\x01"), SYNTAX),
    ("half a surrogate pair", condition({"StringEquals": {"a:x": "%"}}).replace("%", "\\ud800"), SYNTAX),
    ("its other half", condition({"StringEquals": {"a:x": "%"}}).replace("%", "\\udfff"), SYNTAX),
    ("NaN", condition({"NumericEquals": {"a:x": "%"}}).replace('"%"', "NaN"), SYNTAX),
    ("deep", "[" * 100_000, SYNTAX),
    ("deep inside", condition({"StringEquals": {"a:x": "%"}}).replace('"%"', "[" * 5000 + "]" * 5000), SYNTAX),
    ("no Statement", '{"Version":"2012-10-17"}', SYNTAX),
    ("empty Statement", doc(), SYNTAX),
    ("Statement is a string", '{"Version":"2012-10-17","Statement":"x"}', SYNTAX),
    ("Statement holds a string", doc("x"), SYNTAX),
    ("an unknown element", doc(ALLOW, Extra="x"), SYNTAX),
    ("an element in lower case", doc(ALLOW, version="x"), SYNTAX),
    ("an unknown element of a statement", doc({**ALLOW, "Actions": "s3:*"}), SYNTAX),
    ("a Condition at the top", doc(ALLOW, Condition={}), SYNTAX),
    ("an Id", doc(ALLOW, Id="x"), SYNTAX),
    ("a version of the future", doc(ALLOW, Version="2026-01-01"), SYNTAX),
    ("a version that is a number", doc(ALLOW, Version=2012), SYNTAX),
    ("no Effect", doc(without(ALLOW, "Effect")), SYNTAX),
    ("Effect in lower case", doc({**ALLOW, "Effect": "allow"}), SYNTAX),
    ("Effect is a list", doc({**ALLOW, "Effect": ["Allow"]}), SYNTAX),
    ("no Action", doc(without(ALLOW, "Action")), "Policy statement must contain actions."),
    ("empty Action", doc({**ALLOW, "Action": []}), "Policy statement must contain actions."),
    ("Action and NotAction", doc({**ALLOW, "NotAction": "s3:*"}), SYNTAX),
    ("Action is a number", doc({**ALLOW, "Action": 1}), SYNTAX),
    ("Action is null", doc({**ALLOW, "Action": None}), SYNTAX),
    ("Action is an object", doc({**ALLOW, "Action": {"a": "b"}}), SYNTAX),
    ("Action holds a list", doc({**ALLOW, "Action": [["s3:*"]]}), SYNTAX),
    ("Action without vendor", doc({**ALLOW, "Action": "GetObject"}), VENDOR),
    ("Action with an empty vendor", doc({**ALLOW, "Action": ":GetObject"}), VENDOR),
    ("Action is empty", doc({**ALLOW, "Action": ""}), VENDOR),
    ("Action with two colons", doc({**ALLOW, "Action": "s3:a:b"}), "Actions/Condition can contain only one colon."),
    ("a wildcard in the vendor", doc({**ALLOW, "Action": "s*:GetObject"}), "Vendor s* is not valid"),
    ("a blank in the vendor", doc({**ALLOW, "Action": " s3:GetObject"}), "Vendor  s3 is not valid"),
    ("a blank in the action", doc({**ALLOW, "Action": "s3:Get Object"}), SYNTAX),
    ("an action without name", doc({**ALLOW, "Action": "s3:"}), SYNTAX),
    ("no Resource", doc(without(ALLOW, "Resource")), "Policy statement must contain resources."),
    ("empty Resource", doc({**ALLOW, "Resource": []}), "Policy statement must contain resources."),
    ("Resource and NotResource", doc({**ALLOW, "NotResource": "*"}), SYNTAX),
    ("Resource is a name", doc({**ALLOW, "Resource": "bucket"}), 'Resource bucket must be in ARN format or "*".'),
    ("Resource is an empty text", doc({**ALLOW, "Resource": ""}), 'Resource  must be in ARN format or "*".'),
    ("Resource is a glob", doc({**ALLOW, "Resource": "*bucket"}), 'Resource *bucket must be in ARN format or "*".'),
    (
        "an unknown partition",
        doc({**ALLOW, "Resource": "arn:${P}:s3:::b"}),
        'Partition "${P}" is not valid for resource "arn:${P}:s3:::b".',
    ),
    ("an open variable", doc({**ALLOW, "Resource": "arn:aws:s3:::b/${aws:username"}), SYNTAX),
    ("an empty variable", doc({**ALLOW, "Resource": "arn:aws:s3:::b/${}"}), SYNTAX),
    ("a blank in a variable", doc({**ALLOW, "Resource": "arn:aws:s3:::b/${aws: username}"}), SYNTAX),
    ("a default without quotes", doc({**ALLOW, "Resource": "arn:aws:s3:::b/${aws:username, x}"}), SYNTAX),
    ("a Principal", doc({**ALLOW, "Principal": "*"}), "Policy document should not specify a principal."),
    ("a NotPrincipal", doc({**ALLOW, "NotPrincipal": "*"}), "Policy document should not specify a principal."),
    (
        "a Sid twice",
        doc({**ALLOW, "Sid": "a"}, {**ALLOW, "Sid": "a"}),
        "Statement IDs (SID) in a single policy must be unique.",
    ),
    (
        "a Sid with a hyphen",
        doc({**ALLOW, "Sid": "a-b"}),
        "Statement IDs (SID) must be alpha-numeric. "
        "Check that your input satisfies the regular expression [0-9A-Za-z]*",
    ),
    ("a Sid that is a number", doc({**ALLOW, "Sid": 1}), SYNTAX),
    ("an unknown operator", condition({"StringMatches": {"a:x": "1"}}), "Invalid Condition type : StringMatches"),
    (
        "an operator behind a wrong set operator",
        condition({"ForSome:StringEquals": {"a:x": "1"}}),
        "Invalid Condition type : ForSome:StringEquals",
    ),
    ("NullIfExists", condition({"NullIfExists": {"a:x": "true"}}), "Invalid Condition type : NullIfExists"),
    ("ForAnyValue:Null", condition({"ForAnyValue:Null": {"a:x": "true"}}), "Invalid Condition type : ForAnyValue:Null"),
    ("BinaryNotEquals", condition({"BinaryNotEquals": {"a:x": "YQ=="}}), "Invalid Condition type : BinaryNotEquals"),
    ("a key for an operator", condition({"a:x": "1"}), SYNTAX),
    ("an unknown operator without keys is no condition but no document either", condition({"Foo": []}), SYNTAX),
    ("Condition is a list", condition([]), SYNTAX),
    ("Condition is null", condition(None), SYNTAX),
    ("a key without vendor", condition({"StringEquals": {"x": "1"}}), VENDOR),
    ("no values", condition({"StringEquals": {"a:x": []}}), SYNTAX),
    ("a null value", condition({"StringEquals": {"a:x": None}}), SYNTAX),
    ("an object for a value", condition({"StringEquals": {"a:x": {"b": "c"}}}), SYNTAX),
    ("a number that is none", condition({"NumericLessThan": {"a:x": "ten"}}), SYNTAX),
    ("a variable for a number", condition({"NumericLessThan": {"a:x": "${a:y}"}}), SYNTAX),
    ("a date that is none", condition({"DateLessThan": {"a:x": "2026-13-01"}}), SYNTAX),
    ("a wildcard date", condition({"DateEquals": {"a:x": "2026-*"}}), SYNTAX),
    ("a Boolean that is none", condition({"Bool": {"a:x": "yes"}}), SYNTAX),
    ("Null with something else", condition({"Null": {"a:x": "yes"}}), SYNTAX),
    ("an address that is none", condition({"NotIpAddress": {"a:x": "localhost"}}), SYNTAX),
    ("an address with a wildcard", condition({"IpAddress": {"a:x": "10.0.*.*"}}), SYNTAX),
    ("a base64 text that is none", condition({"BinaryEquals": {"a:x": "?"}}), SYNTAX),
    ("Effect twice", doc(ALLOW).replace('"Effect": "Allow"', '"Effect": "Deny", "Effect": "Allow"'), SYNTAX),
    ("Statement twice", doc(ALLOW)[:-1] + ', "Statement": []}', SYNTAX),
    ("an operator twice", condition({"Null": {}}).replace('"Null": {}', '"Null": {}, "Null": {}'), SYNTAX),
]


@pytest.mark.parametrize(("text", "message"), [row[1:] for row in IDENTITY], ids=[row[0] for row in IDENTITY])
@pytest.mark.parametrize("type", [PolicyType.IDENTITY, PolicyType.BOUNDARY, PolicyType.SESSION, PolicyType.SCP])
def test_refused(text: str, message: str, type: PolicyType) -> None:
    with pytest.raises(MalformedPolicyDocument) as refused:
        parse(text, type)
    assert refused.value.message == message


def principal(kind: str, value: Any) -> str:
    return doc({**TRUST, "Principal": {kind: value}})


STS = "AssumeRole policy may only specify STS AssumeRole actions."
REFUSED_TRUST: list[tuple[str, str, str]] = [
    ("no JSON", "{", "This policy contains invalid Json"),
    ("leading space", " " + doc(TRUST), "JSON strings must not have leading spaces"),
    ("no Principal", doc(without(TRUST, "Principal")), "Missing required field Principal"),
    ("a Resource", doc({**TRUST, "Resource": "*"}), "Has prohibited field Resource"),
    ("a NotResource", doc({**TRUST, "NotResource": "*"}), "Has prohibited field NotResource"),
    ("another service's action", doc({**TRUST, "Action": "s3:GetObject"}), STS),
    ("every action", doc({**TRUST, "Action": "*"}), STS),
    ("an action of sts that assumes nothing", doc({**TRUST, "Action": "sts:GetCallerIdentity"}), STS),
    ("NotAction", doc({**without(TRUST, "Action"), "NotAction": "sts:AssumeRole"}), STS),
    ("no Action", doc(without(TRUST, "Action")), "Policy statement must contain actions."),
    ("an empty Principal", doc({**TRUST, "Principal": {}}), SYNTAX),
    ("a Principal without values", principal("AWS", []), SYNTAX),
    ("a Principal that is a text", doc({**TRUST, "Principal": "ec2.amazonaws.com"}), SYNTAX),
    ("an unknown kind", principal("Robot", "x"), SYNTAX),
    ("both Principals", doc({**TRUST, "NotPrincipal": "*"}), SYNTAX),
    (
        "NotPrincipal with Allow",
        doc({**without(TRUST, "Principal"), "NotPrincipal": {"AWS": "111122223333"}}),
        "Allow with NotPrincipal is not allowed.",
    ),
]
BAD_PRINCIPALS = [
    ("AWS", "arn:aws:iam::111122223333:user/*"),
    ("AWS", "arn:aws:iam::*:root"),
    ("AWS", "arn:aws:iam::111122223333:user/b?b"),
    ("AWS", "arn:aws:iam::11112222:root"),
    ("AWS", "arn:aws:iam::111122223333:group/g"),
    ("AWS", "arn:aws:s3:::bucket"),
    ("AWS", "11112222333"),
    ("AWS", "bob"),
    ("AWS", ""),
    ("Service", "ec2"),
    ("Service", "*.amazonaws.com"),
    ("Federated", "arn:aws:iam::111122223333:user/bob"),
    ("CanonicalUser", "x"),
]
REFUSED_TRUST += [
    (f"{kind} {value}", principal(kind, value), f'Invalid principal in policy: "{kind.upper()}":"{value}"')
    for kind, value in BAD_PRINCIPALS
]


@pytest.mark.parametrize(("text", "message"), [row[1:] for row in REFUSED_TRUST], ids=[row[0] for row in REFUSED_TRUST])
def test_refused_trust_policy(text: str, message: str) -> None:
    with pytest.raises(MalformedPolicyDocument) as refused:
        parse(text, PolicyType.TRUST)
    assert refused.value.message == message


GOOD = [
    (PolicyType.IDENTITY, doc(ALLOW)),
    (PolicyType.IDENTITY, json.dumps({"Statement": ALLOW})),
    (PolicyType.IDENTITY, doc({**ALLOW, "Sid": ""}, {**ALLOW, "Sid": ""})),
    (PolicyType.IDENTITY, doc({**ALLOW, "Condition": {}})),
    (PolicyType.IDENTITY, doc({**ALLOW, "Resource": ["arn:aws:logs:*", "arn:aws-cn:s3:::b", "arn:*:s3:::b"]})),
    (PolicyType.IDENTITY, condition({"StringEquals": {"aws:RequestTag/a:b c": "\u2603"}})),
    (PolicyType.IDENTITY, condition({"StringLikeIfExists": {"token.example.com/id/X:sub": ["a", 1, True]}})),
    (PolicyType.IDENTITY, json.dumps({"Statement": {**ALLOW, "Resource": "arn:aws:s3:::b/${x"}})),
    (PolicyType.TRUST, doc(TRUST, Id="x")),
    (PolicyType.TRUST, doc({**TRUST, "Principal": "*"})),
    (PolicyType.TRUST, doc({**TRUST, "Principal": {"AWS": "*"}})),
    (PolicyType.TRUST, principal("AWS", ["111122223333", "arn:aws:iam::111122223333:role/a/b", "AROA" + "A" * 17])),
    (PolicyType.TRUST, principal("AWS", "arn:aws:sts::111122223333:assumed-role/R/s")),
    (PolicyType.TRUST, principal("Federated", ["accounts.google.com", "arn:aws:iam::111122223333:saml-provider/X"])),
    (PolicyType.RESOURCE, doc({**ALLOW, "Sid": "two words", "Principal": {"CanonicalUser": "0" * 64}}, Id="x y")),
    (PolicyType.RESOURCE, doc({**without(ALLOW, "Resource"), "Principal": "*"})),
    (PolicyType.RESOURCE, "\n " + doc({**ALLOW, "Principal": "*"})),
    (PolicyType.RCP, doc({**ALLOW, "Effect": "Deny", "Principal": "*"})),
    (PolicyType.VPC_ENDPOINT, doc({**ALLOW, "Principal": "*"})),
]


@pytest.mark.parametrize(("type", "text"), GOOD)
def test_taken_and_dumped(type: PolicyType, text: str) -> None:
    document = parse(text, type)
    assert parse(dump(document), type) == document
    assert document.text == text


SCALARS = [
    '"a"',
    '"b:c d"',
    '""',
    '"\\n"',
    '"\\u00e9"',
    '"\\ud800"',
    '"é"',
    '"\x7f"',
    "1",
    "-0",
    "1.5e3",
    "true",
    "false",
    "null",
]
DAMAGE = [
    "",
    "",
    "NaN",
    "-Infinity",
    "01",
    "nul",
    ",",
    ":",
    "[",
    "]",
    "{",
    "}",
    '"',
    "\\",
    "\t",
    " \r\n",
    '{"a":1,"a":2}',
]
json_texts = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: "[ " + ",".join(each) + "]")
        | st.lists(st.builds("{} : {}".format, st.sampled_from(['"a"', '"b"', '"Statement"']), inner), max_size=2).map(
            lambda each: "{" + "\n,".join(each) + " }"
        )
    ),
    max_leaves=8,
)


def damaged(text: str, at: int, damage: str) -> str:
    at %= len(text) + 1
    return text[:at] + damage + text[at + at % 2 * bool(damage) :]


@settings(max_examples=500, deadline=None)
@given(st.builds(damaged, json_texts, st.integers(0, 60), st.sampled_from(DAMAGE)))
def test_the_outline_is_what_is_read_and_both_are_json(text: str) -> None:
    """Both readers agree on every text; what they take the standard module takes too, and reads in the same way."""
    try:
        found = read(text)
    except JsonError:
        with pytest.raises(JsonError):
            outline(text)
        return
    quick = outline(text)
    assert quick == found == json.loads(text, parse_int=str, parse_float=str)
    assert typed(quick) == typed(found)
    spans = [each.span for each in (found, quick) if isinstance(each, JsonObject)]
    assert len(set(spans)) <= 1
    assert all(json.loads(text[slice(*span)]) == json.loads(text) for span in spans)


def typed(value: Json) -> Any:
    """The value with the types that `==` does not tell apart."""
    if isinstance(value, dict):
        return {name: typed(each) for name, each in value.items()}
    return [typed(each) for each in value] if isinstance(value, list) else (type(value), value)


def test_version_is_2008_when_absent_and_create_policy_refuses_it() -> None:
    text = json.dumps({"Statement": ALLOW})
    assert parse(text).version == "2008-10-17"
    with pytest.raises(MalformedPolicyDocument, match="must be version 2012-10-17 or greater"):
        parse(text, managed=True)
    assert parse(doc(ALLOW), managed=True).version == "2012-10-17"


def test_size_is_without_white_space() -> None:
    assert parse('{ "Statement" :\n\t[ ' + json.dumps(ALLOW) + "\r\n] }").size == len(
        '{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}'
    )


def test_statements_know_where_they_stand() -> None:
    text = (
        '{"Version": "2012-10-17",\n "Statement": [\n  '
        + json.dumps(ALLOW)
        + ",\n  "
        + json.dumps({**ALLOW, "Sid": "Second"})
        + "]}"
    )
    first, second = parse(text).statements
    assert (first.line, second.line) == (3, 4)
    assert json.loads(text[slice(*first.span)]) == ALLOW
    assert json.loads(text[slice(*second.span)])["Sid"] == "Second"


def trust_of(*entries: Any) -> Document:
    return parse(doc(*({**TRUST, "Principal": {"AWS": entry}} for entry in entries)), PolicyType.TRUST)


def test_principals_lists_users_and_roles() -> None:
    role, user, old = "arn:aws:iam::111122223333:role/r", "arn:aws:iam::111122223333:user/u", "AROA" + "A" * 17
    session = "arn:aws:sts::111122223333:assumed-role/R/s"
    document = trust_of([role, "111122223333", user], [role, old, session, "arn:aws:iam::111122223333:root", "*"])
    assert principals(document) == (role, user, old)


def test_with_principals_changes_nothing_else() -> None:
    role = "arn:aws:iam::111122223333:role/r"
    text = (
        '{ "Version":"2012-10-17",\n "Statement":[{"Sid":"x", "Effect":"Allow","Action":"sts:AssumeRole",'
        f' "Principal": {{"AWS": "{role}", "Service":"ec2.amazonaws.com"}},'
        f' "Condition":{{"ArnLike":{{"aws:PrincipalArn":"{role}"}}}}}},'
        f'{{"Effect":"Deny","Action":"sts:AssumeRole","NotPrincipal":{{"AWS":["111122223333","{role}"]}}}}]}}'
    )
    changed = with_principals(text, {role: "AROAX"})
    assert changed.count("AROAX") == 2
    assert f'"aws:PrincipalArn":"{role}"' in changed
    assert '"NotPrincipal":{"AWS":["111122223333", "AROAX"]}' in changed
    assert changed.replace('"AROAX"', f'"{role}"').replace(", ", ",") == text.replace(", ", ",")
    assert with_principals(text, {}) == text
    assert with_principals(changed, {"AROAX": role}).replace(", ", ",") == text.replace(", ", ",")


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nothing_is_nested_deeper_than_sixteen_times(opening: str, closing: str) -> None:
    assert read(opening * 16 + "1" + closing * 16)
    with pytest.raises(JsonError, match="nested too deeply"):
        read(opening * 17 + "1" + closing * 17)


@pytest.mark.parametrize("text", ["[]", '"x"', "{}", '{"Statement": 1}'])
def test_with_principals_leaves_alone_what_names_nobody(text: str) -> None:
    assert with_principals(text, {"*": "x"}) == text


@pytest.mark.parametrize("text", ["", "{", "[" * 5000])
def test_with_principals_refuses_what_is_no_json(text: str) -> None:
    with pytest.raises(MalformedPolicyDocument):
        with_principals(text, {})
