"""A narrowed policy: it refuses nothing of what was allowed, allows nothing more, and says why of each line."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kansatsu.advisor.narrow import Fate, Use, narrow, written
from kansatsu.policy import UNRESOLVED, Document, PolicySet, PolicyType, Source, Verdict, compile_policy, parse

BUCKET = "arn:aws:s3:::reports"
DAILY = f"{BUCKET}/2026/{{}}.csv"


def document(*statements: dict[str, Any]) -> Document:
    return parse(json.dumps({"Version": "2012-10-17", "Statement": statements}))


def allow(actions: Any, resources: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def use(action: str, resource: str = "*", **context: str) -> Use:
    return Use(action, resource, True, context, 100.0, "arn:aws:iam::123456789012:role/job")


CASES: list[tuple[str, list[dict[str, Any]], list[Use], list[dict[str, Any]]]] = [
    (
        "unused services and actions go, resources become what was seen",
        [allow(["s3:*", "sqs:*"])],
        [use("s3:GetObject", f"{BUCKET}/a"), use("s3:ListAllMyBuckets")],
        [allow(["s3:ListAllMyBuckets"], ["*"]), allow(["s3:GetObject"], [f"{BUCKET}/a"])],
    ),
    (
        "names that change every time become patterns, within the statement's own",
        [allow("s3:PutObject", f"{BUCKET}/*")],
        [use("s3:PutObject", DAILY.format(f"2026-11-0{day}")) for day in range(1, 5)],
        [allow(["s3:PutObject"], [f"{BUCKET}/2026/*.csv"])],
    ),
    (
        "and are spelt out where they would be more than the statement's own",
        [allow("s3:PutObject", f"{BUCKET}/2026/2026-11-0?.csv")],
        [use("s3:PutObject", DAILY.format("2026-11-01"))],
        [allow(["s3:PutObject"], [f"{BUCKET}/2026/2026-11-01.csv"])],
    ),
    (
        "conditions, denies and Sids stay",
        [
            allow("s3:*", Sid="All", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
            {"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"},
        ],
        [use("s3:GetObject", f"{BUCKET}/a", **{"aws:sourceip": "10.1.1.1"})],
        [
            allow(
                ["s3:GetObject"],
                [f"{BUCKET}/a"],
                Sid="All",
                Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
            ),
            {"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"},
        ],
    ),
    (
        "resources with variables stay: each principal has others",
        [allow("s3:*", "arn:aws:s3:::home/${aws:username}/*")],
        [use("s3:GetObject", "arn:aws:s3:::home/ana/x", **{"aws:username": "ana"})],
        [allow(["s3:GetObject"], ["arn:aws:s3:::home/${aws:username}/*"])],
    ),
    (
        "NotAction and NotResource become what was used of them",
        [{"Effect": "Allow", "NotAction": "iam:*", "NotResource": f"{BUCKET}/secret/*"}],
        [use("s3:GetObject", f"{BUCKET}/a")],
        [allow(["s3:GetObject"], [f"{BUCKET}/a"])],
    ),
    (
        "nothing used, nothing left",
        [allow("s3:*")],
        [],
        [],
    ),
    (
        "what no request can show stays, spelt in full",
        [allow(["s3:GetObject", "aws-portal:ViewBilling"])],
        [],
        [allow(["aws-portal:ViewBilling"], ["*"])],
    ),
]


@pytest.mark.parametrize(("said", "before", "uses", "after"), CASES, ids=[said for said, *_ in CASES])
def test_a_policy_is_cut_down_to_its_use(
    said: str, before: list[dict[str, Any]], uses: list[Use], after: list[dict[str, Any]]
) -> None:
    made = narrow(document(*before), uses)
    order = lambda item: json.dumps(item, sort_keys=True)  # noqa: E731
    assert sorted(map(dict, made.statements), key=order) == sorted(after, key=order), said
    if after:
        parse(made.text)


def test_each_line_has_its_evidence() -> None:
    made = narrow(
        document(allow(["s3:*", "ec2:DescribeVpcs", "sqs:SendMessage", "aws-portal:ViewBilling"])),
        [use("s3:GetObject", f"{BUCKET}/a"), use("ec2:DescribeVpcs"), use("ec2:DescribeVpcs")],
    )
    assert [(line.action, line.fate, line.resources, line.uses, line.people) for line in made.lines] == [
        ("s3:*", Fate.NARROWED, (f"{BUCKET}/a",), 1, 1),
        ("ec2:DescribeVpcs", Fate.KEPT, ("*",), 2, 1),
        ("sqs:SendMessage", Fate.REMOVED, (), 0, 0),
        ("aws-portal:ViewBilling", Fate.UNSEEN, (), 0, 0),
    ]


# ---- laws -----------------------------------------------------------------------------------------------------------

ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:ListBucket", "sqs:SendMessage", "iam:PassRole")
RESOURCES = (
    "*",
    BUCKET,
    *(f"{BUCKET}/{key}" for key in ("a", "b/c", "b/d", "b/e", "b/*", "b/?", "${x}")),
    f"{BUCKET}/run-6f1c2d3e-0000-4000-8000-00000000000a/out",
    f"{BUCKET}/run-6f1c2d3e-0000-4000-8000-00000000000b/out",
    "arn:aws:sqs:us-east-1:123456789012:orders",
    "arn:aws:iam::123456789012:role/job",
    f"{BUCKET}/${{aws:username}}/k",
    f"{BUCKET}/ana/k",
)
PATTERNS = ("*", f"{BUCKET}/*", f"{BUCKET}/b/?", f"{BUCKET}*", "arn:aws:sqs:*:*:*", f"{BUCKET}/${{aws:username}}/*")
some = st.lists
STATEMENTS = st.builds(
    lambda effect, action, actions, resource, resources, condition: {
        "Effect": effect,
        action: actions,
        resource: resources,
        **({"Condition": {"StringEquals": {"aws:username": "ana"}}} if condition else {}),
    },
    st.sampled_from(["Allow", "Allow", "Allow", "Deny"]),
    st.sampled_from(["Action", "Action", "NotAction"]),
    some(st.sampled_from((*ACTIONS, "s3:*", "s3:Get*", "*")), min_size=1, max_size=3, unique=True),
    st.sampled_from(["Resource", "Resource", "NotResource"]),
    some(st.sampled_from((*PATTERNS, *RESOURCES[1:])), min_size=1, max_size=3, unique=True),
    st.booleans(),
)
USES = some(
    st.builds(
        lambda action, resource, resolved, name: Use(
            action, resource if resolved else "*", resolved, {"aws:username": name} if name else {}, 1.0, "x"
        ),
        st.sampled_from(ACTIONS),
        st.sampled_from(RESOURCES),
        st.booleans(),
        st.sampled_from(["ana", "ben", ""]),
    ),
    max_size=8,
)


def decides(made: Document | None, one: Use) -> bool:
    return decide([made] if made is not None else [], one)


def decide(made: list[Document], one: Use) -> bool:
    held = PolicySet([compile_policy(each, Source(PolicyType.IDENTITY)) for each in made])
    return held.verdict(one.action, one.resource if one.resolved else UNRESOLVED, one.context) is Verdict.ALLOW


@settings(max_examples=300, deadline=None)
@given(
    some(STATEMENTS, min_size=1, max_size=4), USES, USES, st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17"])
)
def test_what_was_allowed_stays_allowed_and_nothing_is_added(
    statements: list[dict[str, Any]], history: list[Use], others: list[Use], version: str
) -> None:
    """INVARIANT: the suggested policy refuses nothing of the allowed history, and allows nothing that was not."""
    before = parse(json.dumps({"Version": version, "Statement": statements}))
    allowed = [one for one in history if decides(before, one)]
    made = narrow(before, allowed)
    after = parse(made.text) if made.text else None
    for one in allowed:
        assert decides(after, one), (made.text, one)
    for one in [*history, *others]:
        assert decides(before, one) or not decides(after, one), (made.text, one)


@settings(max_examples=200, deadline=None)
@given(some(some(STATEMENTS, min_size=1, max_size=2), min_size=2, max_size=3), USES, USES)
def test_so_it_stays_where_policies_of_both_versions_become_one(
    documents: list[list[dict[str, Any]]], history: list[Use], others: list[Use]
) -> None:
    """What is a variable in one is plain text in the other."""
    versions = itertools.cycle(["2012-10-17", "2008-10-17"])
    before = [
        parse(json.dumps({"Version": version, "Statement": statements}))
        for version, statements in zip(versions, documents, strict=False)
    ]
    allowed = [one for one in history if decide(before, one)]
    text = written(statement for each in before for statement in narrow(each, allowed).current)
    after = [parse(text)] if text else []
    for one in allowed:
        assert decide(after, one), (text, one)
    for one in [*history, *others]:
        assert decide(before, one) or not decide(after, one), (text, one)


MFA = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
DENIED: list[tuple[str, dict[str, Any], Use, tuple[int, tuple[str, ...]]]] = [
    ("for want of MFA", allow("ec2:*", **MFA), use("ec2:RunInstances"), (1, ("aws:MultiFactorAuthPresent",))),
    ("by another policy", allow("ec2:*"), use("ec2:RunInstances"), (1, ())),
    ("by another, with MFA", allow("ec2:*", **MFA), use("ec2:RunInstances", **{"aws:multifactorauthpresent": "true"}),
     (1, ())),
    ("by keys that are not on record", allow("ec2:*", **MFA), Use("ec2:RunInstances", "*", False, None, 1.0, "x"),
     (1, ("aws:MultiFactorAuthPresent",))),
    ("another action", allow("ec2:*"), use("s3:GetObject"), (0, ())),
    ("another resource", allow("s3:*", f"{BUCKET}/a"), use("s3:GetObject", f"{BUCKET}/b"), (0, ())),
]  # fmt: skip


@pytest.mark.parametrize(
    ("statement", "tried", "expected"), [row[1:] for row in DENIED], ids=[row[0] for row in DENIED]
)
def test_what_was_denied_keeps_nothing_and_is_told(
    statement: dict[str, Any], tried: Use, expected: tuple[int, tuple[str, ...]]
) -> None:
    made = narrow(document(statement), [], [tried])
    (line,) = made.lines
    assert (line.fate, made.statements) == (Fate.REMOVED, ())
    assert (line.denied, line.unmet) == expected
    assert line.last_denied == (tried.time if expected[0] else 0.0)


HIDDEN: list[tuple[str, Any, list[dict[str, Any]], tuple[tuple[str, ...], ...]]] = [
    ("a wildcard of what nobody sees stays", ["aws-portal:*"], [allow(["aws-portal:*"], ["*"])], ((),)),
    ("and one that is narrower", ["aws-portal:View*"], [allow(["aws-portal:View*"], ["*"])], ((),)),
    ("one that is spelt out stays", ["iam:*ServiceSpecific*", "sts:SetContext"], [allow(["sts:SetContext"], ["*"])],
     ((), ())),
    ("what goes with a wildcard is told", ["sts:G*", "sts:Set*"], [],
     (("sts:GetServiceBearerToken",), ("sts:SetContext",))),
]  # fmt: skip


@pytest.mark.parametrize(("actions", "after", "hidden"), [row[1:] for row in HIDDEN], ids=[row[0] for row in HIDDEN])
def test_silence_about_what_no_request_shows_is_told(
    actions: Any, after: list[dict[str, Any]], hidden: tuple[tuple[str, ...], ...]
) -> None:
    """INVARIANT: a wildcard of such actions alone stays; where it stands for others too, they are named."""
    made = narrow(document(allow(actions)), [])
    assert list(map(dict, made.statements)) == after
    assert tuple(line.hidden for line in made.lines) == hidden
