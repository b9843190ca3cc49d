"""Many actions written short, and documents in parts: nothing more is allowed, nothing that was used is refused."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kansatsu.advisor import fitting
from kansatsu.advisor.narrow import Fate, Smaller, Use, smaller
from kansatsu.advisor.wildcards import BREVITIES, shortened
from kansatsu.catalog import tracking
from kansatsu.policy import QUOTAS, PolicySet, PolicyType, Quota, Source, Verdict, compile_policy, parse

ALL = [f"{service}:{name}" for service in ("ec2", "sqs", "s3") for name in tracking.actions(service)]
EC2 = [name for name in ALL if name.startswith("ec2:")]
MANAGED = QUOTAS["managed"]


def policies(*texts: str) -> PolicySet:
    return PolicySet([compile_policy(parse(text), Source(PolicyType.IDENTITY)) for text in texts])


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(actions: Any, element: str = "Action") -> str:
    return document({"Effect": "Allow", element: actions, "Resource": "*"})


def allowed(held: PolicySet, action: str) -> bool:
    return held.verdict(action, "*", {}) is Verdict.ALLOW


def cut(text: str, used: list[str], quota: Quota = MANAGED) -> Smaller:
    uses = [Use(action, "*", False, {}, 1.0, "x") for action in used]
    return smaller(list(policies(text)), uses, [], quota)


def left(made: Smaller) -> list[str]:
    return [action for statement in json.loads(made.text)["Statement"] for action in statement["Action"]]


CASES: list[tuple[str, list[str], list[str], list[str]]] = [
    ("few are spelt out", ["sqs:*"], ["sqs:SendMessage", "sqs:ReceiveMessage"],
     ["sqs:ReceiveMessage", "sqs:SendMessage"]),
    ("all of a service", ["sqs:*"], [name for name in ALL if name.startswith("sqs:")], ["sqs:*"]),
    ("all that a pattern has", ["ec2:Describe*", "ec2:RunInstances"], [n for n in EC2 if n.startswith("ec2:Describe")],
     ["ec2:Describe*"]),
    ("a pattern with a star in the middle", ["ec2:*Images"], [n for n in EC2 if n.endswith("Images")],
     sorted(n for n in EC2 if n.endswith("Images"))),
    ("of a pattern as it is written", ["ec2:*Gateway"], [n for n in EC2 if n.endswith("Gateway")], ["ec2:*Gateway"]),
    ("not past what was allowed", ["ec2:DescribeV*"], [n for n in EC2 if n.startswith("ec2:DescribeV")],
     ["ec2:DescribeV*"]),
    ("not where a name that is written goes", ["ec2:Describe*", "ec2:DescribeOfTomorrow"],
     [n for n in EC2 if n.startswith("ec2:Describe") and "DescribeO" not in n], []),
]  # fmt: skip


@pytest.mark.parametrize(("own", "used", "expected"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_names_are_written_short(own: list[str], used: list[str], expected: list[str]) -> None:
    made = left(cut(allow(own), used))
    if expected:
        assert made == expected
    else:
        assert not allowed(policies(allow(made)), "ec2:DescribeOfTomorrow") and len(made) < len(used)


def test_what_stays_whole_is_kept() -> None:
    """The line of a wildcard of which nothing goes is the one that was there."""
    made = cut(allow(["ec2:Describe*", "sqs:*"]), [name for name in EC2 if name.startswith("ec2:Describe")])
    assert [(line.action, line.fate) for _, line in made.lines] == [
        ("ec2:Describe*", Fate.KEPT),
        ("sqs:*", Fate.REMOVED),
    ]


def test_most_of_a_large_service_fits_in_one_policy() -> None:
    """One by one the actions of EC2 are four times what AWS takes of a managed policy."""
    gone = {"ec2:RunInstances", "ec2:DescribeVpcs", "ec2:DeleteVpc"}
    kept = [name for name in EC2 if name not in gone]
    assert fitting.size(allow(kept)) > 3 * MANAGED.size
    made = cut(allow("ec2:*"), kept)
    assert fitting.size(made.text) <= MANAGED.size
    assert {name for name in EC2 if not allowed(policies(made.text), name)} == gone


def test_words_are_cut_only_where_it_takes_that() -> None:
    kept = [name for number, name in enumerate(EC2) if number % 40]
    roomy, tight = (left(cut(allow("ec2:*"), kept, quota)) for quota in (Quota(10**6, 10**6, ""), QUOTAS["user"]))
    assert len(tight) < len(roomy) < len(kept)
    assert cuts_words(tight) and not cuts_words(roomy)


def cuts_words(patterns: list[str]) -> bool:
    heads = [pattern.removesuffix("*") for pattern in patterns if pattern.endswith("*")]
    return any(all(name[len(head) :][:1].islower() for name in EC2 if name.startswith(head)) for head in heads)


OWN = (
    "ec2:*",
    "ec2:Describe*",
    "ec2:*Vpc*",
    "ec2:Describe?pcs",
    "*:*",
    "sqs:*",
    "sqs:SendMessage",
    "*",
    "EC2:describe*",
)
SOME = st.lists(st.sampled_from(OWN), min_size=1, max_size=3, unique=True)
STRANGE = st.sampled_from(["ec2:DescribeOfTomorrow", "ec2:New", "sns:Publish", "sqs:Sendmessage", "iam:PassRole"])


def test_attack_patterns_that_take_all_the_time_there_is() -> None:
    """Who may write a policy stopped the server where a smaller one was asked for: 43 s with eight stars."""
    name = "ec2:" + "a" * 60
    patterns = ["ec2:" + "*a" * stars + "*zz" for stars in range(20, 30)]
    made = cut(allow([*patterns, name, "ec2:*"]), [name, "ec2:RunInstances"])
    assert allowed(policies(made.text), name)


@settings(max_examples=100, deadline=None)
@given(SOME, st.booleans(), st.sets(st.sampled_from(ALL), max_size=12), st.sampled_from(BREVITIES), STRANGE)
def test_a_wildcard_allows_what_is_kept_and_nothing_else(
    own: list[str], negated: bool, gone: set[str], brevity: Any, strange: str
) -> None:
    """INVARIANT: what is known is allowed where it is kept; what nobody knows only where it was."""
    before = policies(allow(own, "NotAction" if negated else "Action"))
    kept = {name for name in ALL if allowed(before, name)} - gone
    made = shortened(kept, own, negated=negated, brevity=brevity)
    after = policies(*([allow(made)] if made else []))
    assert {name for name in ALL if allowed(after, name)} == kept
    assert allowed(before, strange) or not allowed(after, strange)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Allow", "Allow", "Deny"]),
            st.lists(st.sampled_from(ALL), min_size=1, max_size=60, unique=True),
            st.lists(st.integers(0, 300).map("arn:aws:sqs:us-east-1:123456789012:{}".format), min_size=1, unique=True),
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([Quota(300, 300, ""), Quota(2000, 2000, "")]),
    st.sampled_from(ALL),
    st.integers(0, 300),
)
def test_parts_say_what_the_whole_says(
    statements: list[tuple[str, list[str], list[str]]], quota: Quota, action: str, number: int
) -> None:
    """INVARIANT: each part is within the quota, and together they decide as the one document does."""
    text = document(*({"Effect": effect, "Action": actions, "Resource": arns} for effect, actions, arns in statements))
    made = fitting.parts(text, quota)
    assert made is not None and all(quota.fits(parse(part)) for part in made)
    asked = [(action, number)] + [(actions[0], int(arns[-1].rpartition(":")[2])) for _, actions, arns in statements]
    for name, which in asked:
        resource = f"arn:aws:sqs:us-east-1:123456789012:{which}"
        assert policies(*made).verdict(name, resource, {}) is policies(text).verdict(name, resource, {})


def test_what_cannot_be_divided_is_said_to_be() -> None:
    """A NotAction in two statements would allow what both leave out."""
    text = document({"Effect": "Allow", "NotAction": EC2, "Resource": "*"})
    assert fitting.parts(text, MANAGED) is None
