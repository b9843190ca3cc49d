"""Whatever is given to the linter, it answers with findings: AWS's own policies, any JSON, any bytes."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kansatsu.identity import aws_managed
from kansatsu.lint import RULES, guess, lint
from kansatsu.lint._globs import covers, overlap
from kansatsu.policy import Fault, PolicyType, diagnose
from kansatsu.policy._operators import NAMES, parse_name

ARNS = [info.arn for info in aws_managed.all()]


@pytest.mark.parametrize("first", range(8))
def test_aws_managed_policies(first: int) -> None:
    """Each is read and its findings lie in its text; none of AWS's own is malformed."""
    for arn in ARNS[first::8]:
        text = aws_managed.document(arn)
        assert text is not None
        for finding in lint(text):
            assert finding.rule != "malformed", (arn, finding)
            assert 0 <= finding.span[0] < finding.span[1] <= len(text), (arn, finding)


def rules_of(name: str) -> set[str]:
    text = aws_managed.document(f"arn:aws:iam::aws:policy/{name}")
    assert text is not None
    return {finding.rule for finding in lint(text)}


def test_well_known_policies() -> None:
    assert rules_of("AdministratorAccess") == {"administrator"}
    assert {"allow-not-action"} <= rules_of("PowerUserAccess")
    assert {"privilege-escalation", "pass-role-anything"} <= rules_of("IAMFullAccess")
    assert not {"privilege-escalation", "pass-role-anything", "administrator"} & rules_of("IAMReadOnlyAccess")
    assert not {"privilege-escalation", "administrator"} & rules_of("IAMUserChangePassword")


words = st.sampled_from(
    [
        "Version",
        "Id",
        "Statement",
        "Sid",
        "Effect",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Principal",
        "NotPrincipal",
        "Condition",
        "AWS",
        "Service",
        "2012-10-17",
        "2008-10-17",
        "Allow",
        "Deny",
        "*",
        "s3:*",
        "s3:GetObject",
        "iam:PassRole",
        "iam:*",
        "sts:AssumeRole",
        "arn:aws:s3:::b/*",
        "${aws:username}",
        "arn:aws:iam::*:role/*",
        "StringEquals",
        "ForAllValues:StringLike",
        "Null",
        "Bool",
        "IpAddress",
        "10.0.0.0/8",
        "NumericLessThan",
        "5",
        "aws:SourceIp",
        "aws:TagKeys",
        "aws:username",
        "true",
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
statements = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.lists(st.sampled_from(["*", "s3:*", "iam:*"]), min_size=1),
    },
    optional={
        "Resource": st.lists(
            st.sampled_from(["*", "arn:aws:s3:::b/*", "arn:aws:iam::*:role/${aws:username}", "arn:*"]), min_size=1
        ),
        "Condition": st.dictionaries(
            st.sampled_from(
                ["StringLike", "StringNotEquals", "Null", "Bool", "ForAllValues:StringLike", "NumericLessThan"]
            ),
            st.dictionaries(
                st.sampled_from(["aws:username", "aws:TagKeys", "s3:prefix", "x:y"]),
                st.sampled_from(["true", "5", "${a:b}"]),
            ),
        ),
        "Principal": st.sampled_from(["*", {"AWS": "*"}, {"Service": "ec2.amazonaws.com"}]),
    },
)
documents = st.fixed_dictionaries({"Version": st.just("2012-10-17"), "Statement": st.lists(statements, max_size=3)})


def check(text: str, kind: PolicyType) -> None:
    for finding in lint(text, kind):
        assert finding.rule in RULES
        assert 0 <= finding.span[0] <= finding.span[1] <= len(text)
        assert (finding.line, finding.column) <= (finding.end_line, finding.end_column)
    assert isinstance(guess(text), PolicyType)


@settings(max_examples=150, deadline=None)
@given(values | documents, st.sampled_from(list(PolicyType)))
def test_any_json(value: Any, kind: PolicyType) -> None:
    check(json.dumps(value, indent=1), kind)


@settings(max_examples=100, deadline=None)
@given(st.text() | documents.map(json.dumps), st.integers(0, 400), st.sampled_from('{}[]",:*\\\x00é'))
def test_any_text(text: str, at: int, replaced: str) -> None:
    check(text[:at] + replaced + text[at + 1 :], PolicyType.IDENTITY)


def test_deep_nesting_is_no_json() -> None:
    check("[" * 100_000, PolicyType.IDENTITY)


globs = st.text("ab*?", max_size=6)
plain = st.text("ab", max_size=5)


def matches(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern.replace("*", ".*").replace("?", "."), text) is not None


@given(globs, globs, plain)
def test_what_covers_matches_more_and_what_both_match_overlaps(one: str, other: str, text: str) -> None:
    assert overlap(one, other) == overlap(other, one)
    if matches(one, text) and matches(other, text):
        assert overlap(one, other)
    if covers(one, other) and matches(other, text):
        assert matches(one, text)


ANY = '{"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"BAD": {"a:b": "x"}}}}'
# text, what our sentence says, and the part of the text it is about
FAULTS = [
    (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Actions": "s3:*"}]}',
        "did you mean Action?",
        '"s3:*"',
    ),
    ('{"Statement": {"Effect": "allow", "Action": "s3:*", "Resource": "*"}}', "Effect is Allow or Deny", '"allow"'),
    ('{"Statement": {"Effect": "Allow", "Action": ["s3:*", "s3"], "Resource": "*"}}', 'cannot be "s3"', '"s3"'),
    ('{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": ["*", "photos"]}}', "photos", '"photos"'),
    ('{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*",}}', "double quotes", "}"),
    ('{"Statement": {"Effect": "Allow", "Effect": "Deny"}}', "Effect is there twice", '"'),
    ('{"Version": "2012-10-18", "Statement": []}', "Version is 2012-10-17", '"2012-10-18"'),
    ('{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::\u2019"}}', "U+2019", "\u2019"),
    (
        '{"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*", '
        '"Condition": {"Bool": {"a:b": ["true", "x"]}}}}',
        "do not fit",
        '"x"',
    ),
    *(
        (
            ANY.replace("BAD", bad),
            f'There is no condition operator "{bad}"{end}',
            '{"a:b": "x"}',
        )
        for bad, end in [
            ("StringEqual", "; did you mean StringEquals?"),
            ("stringequal", "; did you mean StringEquals?"),
            ("ForAllValue:StringLike", "; did you mean ForAllValues:StringLike?"),
            ("IpAdress", "; did you mean IpAddress?"),
            ("zzz", "."),
        ]
    ),
    ("", "a value is expected", ""),
    ("[]", "is a JSON object", "[]"),
]


@pytest.mark.parametrize(("text", "why", "where"), FAULTS)
def test_a_fault_is_shown_where_it_is(text: str, why: str, where: str) -> None:
    fault = diagnose(text)
    assert fault is not None
    assert why in fault.why
    assert text[slice(*fault.span)] == where


def test_two_sentences_are_two() -> None:
    fault = Fault("Invalid Condition type : X", "There is none.", (0, 0))
    assert fault.text == "Invalid Condition type : X. There is none."
    assert Fault("Syntax errors in policy.", "Why.", (0, 0)).text == "Syntax errors in policy. Why."
    assert Fault("Too long", "", (0, 0)).text == "Too long"


def test_operators_are_spelled_as_aws_does() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"""
    plain = [name for name in NAMES if ":" not in name and not name.endswith("IfExists")]
    ordered = ["", "Not", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
    assert sorted(plain) == sorted(
        [
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
            "Bool",
            "BinaryEquals",
            "IpAddress",
            "NotIpAddress",
            "Null",
        ]
        + [
            kind + negation + how
            for kind in ("String", "Arn")
            for negation in ("", "Not")
            for how in ("Equals", "Like")
        ]
        + [kind + how + ("Equals" if how in ("", "Not") else "") for kind in ("Numeric", "Date") for how in ordered]
    )
    assert all(map(parse_name, NAMES))
