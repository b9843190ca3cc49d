"""What is wrong with a document, in our words and where: a row for each thing; and the places of elements."""

import json
from typing import Any

import pytest

from kansatsu.policy import Fault, Places, PolicyType, diagnose, diagnose_all, line_and_column, parse

IDENTITY, RESOURCE, TRUST, SCP = PolicyType.IDENTITY, PolicyType.RESOURCE, PolicyType.TRUST, PolicyType.SCP
GOOD = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
ANYBODY = {"Effect": "Allow", "Principal": "*", "Action": "s3:*"}


def of(statement: Any, **more: Any) -> str:
    return json.dumps({**more, "Statement": statement}, ensure_ascii=False)


def without(*names: str, **more: Any) -> str:
    return of({name: value for name, value in GOOD.items() if name not in names} | more)


def on(condition: Any) -> str:
    return without(Condition=condition)


def for_principal(principal: Any, **more: Any) -> str:
    return of({**ANYBODY, "Principal": principal}, **more)


OBJECT_OR_STAR = 'Principal must be "*" or an object such as {"AWS": "111122223333"}.'
HAS_VALUES = "a:b must have a value, or a list of values."
LONG = "x" * 80
OPEN = "arn:aws:s3:::b/${"
SAME = {**GOOD, "Sid": "A"}

# type, text, our sentence as a whole, and what it is about
FAULTS: list[tuple[PolicyType, str, str, str]] = [
    (IDENTITY, "\ufeff{}", "The text begins with a byte order mark.", "\ufeff"),
    (IDENTITY, " " + of(GOOD), "The text begins with white space.", " "),
    (TRUST, "\n" + of(GOOD), "The text begins with white space.", "\n"),
    (IDENTITY, '{"a" 1}', "This is no JSON: a : is expected.", "1"),
    (IDENTITY, "[1]", "A policy document is a JSON object.", "[1]"),
    (
        IDENTITY,
        without(Sid="A").replace("A", "\u0100", 1),
        "The character U+0100 cannot stand in this type of policy.",
        "\u0100",
    ),
    (IDENTITY, of([]), "Statement must be an object, or a list of at least one.", "[]"),
    (IDENTITY, of("x"), "Statement must be an object, or a list of at least one.", '"x"'),
    (IDENTITY, of([GOOD, "x"]), "Every statement must be an object.", json.dumps([GOOD, "x"])),
    (IDENTITY, '{"Version": "2012-10-17"}', "The element Statement is missing.", '{"Version": "2012-10-17"}'),
    (IDENTITY, of(GOOD, Id="x"), 'A document has no element "Id".', '"x"'),
    (IDENTITY, of(GOOD, version="x"), 'A document has no element "version"; did you mean Version?', '"x"'),
    (RESOURCE, of(ANYBODY, Id=1), "Id must be a text.", "1"),
    (SCP, of(GOOD), "A service control policy must say Version 2012-10-17.", of(GOOD)),
    (
        SCP,
        of(GOOD, Version="2008-10-17"),
        "A service control policy must say Version 2012-10-17.",
        '"2008-10-17"',
    ),
    (IDENTITY, of(GOOD, Version="2012"), "Version is 2012-10-17 or 2008-10-17.", '"2012"'),
    (
        IDENTITY,
        without("Effect"),
        "The element Effect is missing.",
        json.dumps({"Action": "s3:*", "Resource": "*"}),
    ),
    (IDENTITY, without(Effect="allow"), "Effect is Allow or Deny, written so.", '"allow"'),
    (IDENTITY, without(Sid=7), "Sid must be a text.", "7"),
    (IDENTITY, without(Sid="a b"), 'Sid cannot be "a b".', '"a b"'),
    (IDENTITY, of([SAME, SAME]), '"A" is the Sid of two statements.', '"A"'),
    (IDENTITY, without(NotAction="sqs:*"), "Action and NotAction cannot stand in one statement.", '"sqs:*"'),
    (IDENTITY, without(NotResource="*"), "Resource and NotResource cannot stand in one statement.", '"*"'),
    (
        RESOURCE,
        of({**ANYBODY, "NotPrincipal": "*"}),
        "Principal and NotPrincipal cannot stand in one statement.",
        '"*"',
    ),
    (IDENTITY, without(Action={"s3": 1}), "Action must be a text or a list of texts.", '{"s3": 1}'),
    (IDENTITY, without("Action", NotAction=1), "NotAction must be a text or a list of texts.", "1"),
    (IDENTITY, without(Resource=[["*"]]), "Resource must be a text or a list of texts.", '[["*"]]'),
    (IDENTITY, without("Resource", NotResource=[1]), "NotResource must be a text or a list of texts.", "[1]"),
    (RESOURCE, for_principal("111122223333"), OBJECT_OR_STAR, '"111122223333"'),
    (RESOURCE, for_principal({}), OBJECT_OR_STAR, "{}"),
    (
        RESOURCE,
        for_principal({"Aws": "111122223333"}),
        'Principal has no element "Aws"; did you mean AWS?',
        '"111122223333"',
    ),
    (RESOURCE, for_principal({"AWS": []}), "AWS must be a text or a list of texts.", "[]"),
    (RESOURCE, for_principal({"AWS": 1}), "AWS must be a text or a list of texts.", "1"),
    (RESOURCE, for_principal({"AWS": ["111122223333", "bob"]}), 'Principal cannot be {"AWS": "bob"}.', '"bob"'),
    (RESOURCE, for_principal({"AWS": "*", "Service": "s"}), 'Principal cannot be {"Service": "s"}.', '"s"'),
    (IDENTITY, on("x"), 'Condition must be an object such as {"StringEquals": {"aws:username": "bob"}}.', '"x"'),
    (IDENTITY, on({"Bool": "x"}), "Bool must be an object of condition keys and values.", '"x"'),
    (IDENTITY, on({"Bool": {"a:b": []}}), HAS_VALUES, "[]"),
    (IDENTITY, on({"Bool": {"a:b": {"c": 1}}}), HAS_VALUES, '{"c": 1}'),
    (IDENTITY, on({"Bool": {"a:b": None}}), HAS_VALUES, "null"),
    (
        IDENTITY,
        on({"Bool": {"a:b": "true", "c:d": "x"}}),
        'The operator, key and value do not fit: {"Bool": {"c:d": "x"}}.',
        '"x"',
    ),
    (TRUST, of({**ANYBODY, "Action": ["sts:AssumeRole", "s3:Get"]}), 'Action cannot be "s3:Get".', '"s3:Get"'),
    (IDENTITY, without(Resource=["*", "b", "b"]), 'Resource cannot be "b".', '"b"'),
    (IDENTITY, without(Resource=LONG), f'Resource cannot be "{LONG[:56]}....', f'"{LONG}"'),
    (IDENTITY, of([GOOD, {**GOOD, "Action": "s3"}]), 'Action cannot be "s3".', '"s3"'),
    (IDENTITY, of({**GOOD, "Resource": OPEN}, Version="2012-10-17"), f'Resource cannot be "{OPEN}".', f'"{OPEN}"'),
    (  # in the older version that is plain text
        IDENTITY,
        of({**GOOD, "Resource": OPEN, "Condition": {"Bool": {"a:b": "x"}}}, Version="2008-10-17"),
        'The operator, key and value do not fit: {"Bool": {"a:b": "x"}}.',
        '"x"',
    ),
    # AWS's own sentence says it all.
    (IDENTITY, of(ANYBODY | {"Resource": "*"}), "", json.dumps(ANYBODY | {"Resource": "*"})),
    (IDENTITY, without("Resource"), "", json.dumps({"Effect": "Allow", "Action": "s3:*"})),
]


@pytest.mark.parametrize(("type", "text", "why", "where"), FAULTS)
def test_each_fault_in_words_and_where_it_is(type: PolicyType, text: str, why: str, where: str) -> None:
    fault = diagnose(text, type)
    assert fault is not None
    assert (fault.why, text[slice(*fault.span)]) == (why, where)
    assert fault.text.startswith(fault.message.removesuffix(".")) and fault.text.endswith(why)


STATEMENTS = [row for row in FAULTS if row[0] is IDENTITY and row[1].startswith('{"Statement": {')]


@pytest.mark.parametrize(("type", "text", "why", "where"), STATEMENTS)
def test_each_statement_tells_its_own_fault_and_good_ones_none(
    type: PolicyType, text: str, why: str, where: str
) -> None:
    bad = text.removeprefix('{"Statement": ').removesuffix("}")
    other = json.dumps({**GOOD, "Effect": "allow"})
    found = list(diagnose_all('{"Statement": [' + f"{bad}, {json.dumps(GOOD)}, {other}" + "]}", type))
    alone = diagnose(text, type)
    assert alone is not None
    said, of_other = [one.text for one in found], "Effect is Allow or Deny, written so."
    assert sum(text.endswith(of_other) for text in said) == 1 + (why == of_other)
    assert any(text.endswith(why or alone.message) for text in said)
    # AWS has one sentence for all of a document: it stands with the first.
    assert [one.message for one in found] == [found[0].message] + [""] * (len(found) - 1)


def test_all_faults_of_a_document_are_told_once() -> None:
    bare = {"Effect": "Deny", "Action": "s3:*"}
    text = of([{**GOOD, "Efect": "Allow"}, {**GOOD, "Action": 5, "Resource": {}}, bare])
    found = [(one.why, text[slice(*one.span)]) for one in diagnose_all(text)]
    assert found == [
        ('A statement has no element "Efect"; did you mean Effect?', '"Allow"'),
        ("Action must be a text or a list of texts.", "5"),
        ("Resource must be a text or a list of texts.", "{}"),
        ("Policy statement must contain resources.", json.dumps(bare)),
    ]
    assert list(diagnose_all(of(GOOD))) == []


def test_the_first_of_two_and_the_right_one_of_two() -> None:
    text = of([GOOD, {**GOOD, "Sid": "B"}, {**GOOD, "Sid": "B"}])
    fault = diagnose(text)
    assert fault is not None and fault.span[0] == text.rindex('"B"')
    text = without(Resource=["*", "b", "c"], Sid="b")
    fault = diagnose(text)
    assert fault is not None and fault.span[0] == text.index('"b"')


def test_lines_count_from_the_first_one_though_it_is_empty() -> None:
    text = "\n" + of(ANYBODY)
    assert line_and_column(text, 1) == (2, 1)
    assert parse(text, RESOURCE).statements[0].line == 2


def test_what_is_taken_has_no_fault() -> None:
    assert diagnose(of(GOOD)) is None
    assert diagnose(of(ANYBODY, Id="x"), RESOURCE) is None
    assert diagnose(" " + of(ANYBODY), RESOURCE) is None


TEXT = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "One", "Effect": "Allow", "Action": ["s3:Get*", "s3:\\u0050ut*"], "Resource": "*"},
    {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"a:b": ["true"]}}}
  ]
}"""


@pytest.mark.parametrize(
    ("index", "path", "found"),
    [
        (0, ("Sid",), '"One"'),
        (0, ("Action",), '["s3:Get*", "s3:\\u0050ut*"]'),
        (0, ("Action", "s3:Get*"), '"s3:Get*"'),
        (0, ("Action", "s3:Put*"), '"s3:\\u0050ut*"'),  # as it is written
        (0, ("Action", "s3:List*"), '["s3:Get*", "s3:\\u0050ut*"]'),
        (1, ("Condition", "Bool", "a:b", "true"), '"true"'),
        (1, ("Condition", "Bool", "c:d", "true"), '{"a:b": ["true"]}'),
        (1, ("Condition", "Null", "a:b"), '{"Bool": {"a:b": ["true"]}}'),
        (1, ("Sid",), TEXT.splitlines()[4].strip()),
        (1, (), TEXT.splitlines()[4].strip()),
    ],
)
def test_a_place_in_a_statement(index: int, path: tuple[str, ...], found: str) -> None:
    assert TEXT[slice(*Places(TEXT).find(index, *path))] == found


def test_places_of_the_document_itself() -> None:
    places = Places(TEXT)
    assert places.names == {"Version", "Statement"}
    assert TEXT[slice(*places.top("Version"))] == '"2012-10-17"'
    assert (places.top("Id"), Places("  " + of(GOOD)).top("Id")) == ((0, 1), (2, 3))
    assert [places.has(0, "Sid"), places.has(1, "Sid"), places.has(1, "Condition")] == [True, False, True]
    alone = Places(of(GOOD))
    assert alone.has(0, "Effect") and of(GOOD)[slice(*alone.find(0, "Effect"))] == '"Allow"'


@pytest.mark.parametrize("text", ["", "[]", "{", "x"])
def test_of_what_is_no_document_every_place_is_the_whole(text: str) -> None:
    places = Places(text)
    assert places.names == frozenset() and not places.has(0, "Effect")
    assert places.find(0, "Effect") == (0, len(text))
    assert places.top("Version") == (0, min(1, len(text)))


@pytest.mark.parametrize(("at", "expected"), [(0, (1, 1)), (1, (1, 2)), (2, (2, 1)), (5, (3, 2))])
def test_lines_and_columns_begin_with_one(at: int, expected: tuple[int, int]) -> None:
    assert line_and_column("a\nb\ncd", at) == expected


def test_a_fault_of_one_sentence() -> None:
    assert Fault("Too long.", "", (0, 0)).text == "Too long."


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [("{\n", 2, (1, 2)), ("{\n\n  \n", 6, (1, 2)), ("", 0, (1, 1)), ("{\n a", 3, (2, 2)), ("{\n a", 4, (2, 3))],
)
def test_what_is_missing_at_the_end_is_missed_behind_the_last_thing(text: str, at: int, expected: object) -> None:
    assert line_and_column(text, at) == expected
