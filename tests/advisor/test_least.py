"""The least policy allows what was used, again, and nothing beside it; and it says where it had to guess."""

import json
import random
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kansatsu.advisor import AccessEvent, Least
from kansatsu.advisor.least import least
from kansatsu.policy import UNRESOLVED, Policies, PolicySet, PolicyType, Principal, Request, Source, evaluate, parse
from kansatsu.policy import compile_policy as compiled

ACCOUNT = "123456789012"
ME = Principal(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/app/p-1", "role", f"arn:aws:iam::{ACCOUNT}:role/app")
UUIDS = [
    "0f8fad5b-d9cb-469f-a165-70867728950e",
    "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "3f333df6-90a4-4fda-8dd3-9485d27cee36",
]
S3 = "arn:aws:s3:::"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/"
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/"
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:"


def event(action: str, resource: str, number: int = 0, **more: Any) -> AccessEvent:
    service, _, name = action.partition(":")
    values = {
        "time": float(number), "request_id": f"r{number}", "account": ACCOUNT, "principal_id": "AROA",
        "principal_arn": ME.arn, "access_key_id": "ASIA", "service": service, "action": name, "resource": resource,
        "region": "us-east-1", "allowed": True, "error": "", "exact": True, "source_ip": "", "user_agent": "",
    }  # fmt: skip
    return AccessEvent(**values | more)  # type: ignore[arg-type]


@cache
def policies(text: str) -> Policies:
    return Policies(PolicySet([compiled(parse(text), Source(PolicyType.IDENTITY))]))


def allows(policy: Least, item: AccessEvent) -> bool:
    if not policy.statements:
        return False
    resource = item.resource if item.exact or item.resource != "*" else UNRESOLVED
    request = Request(ME, f"{item.service}:{item.action}", resource, item.context)
    return evaluate(request, policies(policy.text)).allowed


def patterns(*resources: str, action: str = "s3:GetObject") -> list[str]:
    made = least(event(action, resource, number) for number, resource in enumerate(resources))
    return sorted(pattern for statement in made.statements for pattern in statement["Resource"])


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        # Object keys: several under one prefix, in one place, and never a whole bucket.
        (["b/in/a", "b/in/b"], ["b/in/a", "b/in/b"]),
        (["b/in/a", "b/in/b", "b/in/c"], ["b/in/*"]),
        (["b/a", "b/b", "b/c"], ["b/a", "b/b", "b/c"]),
        (["b/u/1/photo", "b/u/2/photo", "b/u/3/photo"], ["b/u/*/photo"]),
        (["b/u/1/photo", "b/u/2/photo", "b/u/3/name"], ["b/u/1/photo", "b/u/2/photo", "b/u/3/name"]),
        (["b/in/a", "c/in/b", "d/in/c"], ["b/in/a", "c/in/b", "d/in/c"]),
        # Random ids and times.
        ([f"b/{UUIDS[0]}"], ["b/*"]),
        ([f"b/in/{UUIDS[0]}.json"], ["b/in/*.json"]),
        (["b/log/2026-11-25T10:11:12Z.gz"], ["b/log/*.gz"]),
        (["b/log/2026/11/25/x"], ["b/log/*/x"]),
        (["b/1764063842/x"], ["b/*/x"]),
        (["b/out-01JDH5Z9QK3V8XW2M7T4R6N0PB"], ["b/out-*"]),
        (["b-3f2a9c1b/x"], ["b-*/x"]),
        (["logs-123456789012/x"], ["logs-123456789012/x"]),
        (["b/defaced/20261125"], ["b/defaced/20261125"]),
        # What policies would read as a wildcard or a variable.
        (["b/a*b?c${d}"], ["b/a${*}b${?}c${$}{d}"]),
        # A bucket of which nothing but its name is known.
        ([f"{UUIDS[0]}/x"], [f"{UUIDS[0]}/x"]),
        ([f"{UUIDS[0]}/x", f"{UUIDS[1]}/x"], [f"{UUIDS[0]}/x", f"{UUIDS[1]}/x"]),
    ],
)
def test_object_keys(used: list[str], expected: list[str]) -> None:
    assert patterns(*(S3 + key for key in used)) == sorted(S3 + key for key in expected)


@pytest.mark.parametrize(
    ("action", "used", "expected"),
    [
        ("kms:Decrypt", [KEY + UUIDS[0]], [KEY + UUIDS[0]]),
        ("kms:Decrypt", [KEY + UUIDS[1], KEY + UUIDS[0]], [KEY + UUIDS[0], KEY + UUIDS[1]]),
        ("s3:ListBucket", [S3 + UUIDS[0]], [S3 + UUIDS[0]]),
        ("dynamodb:GetItem", [TABLE + "a", TABLE + "b", TABLE + "c"], [TABLE + "a", TABLE + "b", TABLE + "c"]),
        ("dynamodb:GetItem", [TABLE + f"orders-{UUIDS[0]}"], [TABLE + "orders-*"]),
        ("dynamodb:Query", [TABLE + f"{UUIDS[0]}/index/by-day"], [TABLE + f"{UUIDS[0]}/index/by-day"]),
        ("secretsmanager:GetSecretValue", [SECRET + "app/db-AbCdEf"], [SECRET + "app/db-??????"]),
        ("logs:PutLogEvents", [f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/app/x:log-stream:2026/11/25/y"],
         [f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/app/x:log-stream:*/y"]),
        ("logs:PutLogEvents", [f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:2026/11/25/y"],
         [f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:2026/11/25/y"]),
        ("ec2:RunInstances", [f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/*"],
         [f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/*"]),
        ("s3:ListAllMyBuckets", ["*"], ["*"]),
    ],
)  # fmt: skip
def test_other_resources(action: str, used: list[str], expected: list[str]) -> None:
    assert patterns(*used, action=action) == expected
    made = least(event(action, resource, number) for number, resource in enumerate(used))
    assert all(allows(made, event(action, resource)) for resource in used)


def test_it_groups_by_actions_and_resources_and_keeps_services_and_kinds_apart() -> None:
    made = least(
        [
            event("s3:PutObject", S3 + "b/x", 1), event("s3:GetObject", S3 + "b/x", 2),
            event("s3:GetObject", S3 + "b/y", 3), event("s3:PutObject", S3 + "b/y", 4),
            event("s3:ListBucket", S3 + "b", 5), event("dynamodb:GetItem", TABLE + "t", 6),
            event("sts:GetCallerIdentity", "*", 7),
        ]
    )  # fmt: skip
    assert list(made.statements) == [
        {"Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": [TABLE + "t"]},
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [S3 + "b"]},
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": [S3 + "b/x", S3 + "b/y"]},
    ]
    assert made.text.count("\n") > 20, "one action or resource a line, so that a line can be taken away"


@pytest.mark.parametrize(
    ("contexts", "expected"),
    [
        ([{"s3:prefix": "in/"}], {"StringLike": {"s3:prefix": ["in/"]}}),
        ([{"s3:prefix": "in/"}, {"s3:prefix": "out/"}], {"StringLike": {"s3:prefix": ["in/", "out/"]}}),
        ([{"s3:prefix": f"in/{UUIDS[0]}"}], {"StringLike": {"s3:prefix": ["in/*"]}}),
        ([{"s3:prefix": "in/"}, {}], None),
        ([{"s3:delimiter": "/"}], None),
        ([{"iam:passedtoservice": "ec2.amazonaws.com"}],
         {"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com"]}}),
    ],
)  # fmt: skip
def test_conditions_that_every_use_met(contexts: list[dict[str, str]], expected: Any) -> None:
    events = [event("s3:ListBucket", S3 + "b", number, context=context) for number, context in enumerate(contexts)]
    made = least(events)
    assert [statement.get("Condition") for statement in made.statements] == [expected]
    assert all(allows(made, item) for item in events)


def test_a_resource_that_is_known_is_named_even_where_its_conditions_are_not() -> None:
    made = least([event("dynamodb:PutItem", TABLE + "t", exact=False)])
    assert [statement["Resource"] for statement in made.statements] == [[TABLE + "t"]] and made.uncovered == ()


def test_what_it_does_not_answer_for() -> None:
    made = least(
        [
            event("sqs:SendMessage", "*", 1, exact=False),
            event("s3:PutObject", S3 + "b/x", 2, allowed=False, error="AccessDenied"),
            event("s3:PutObject", S3 + "b/x", 3, allowed=False, error="AccessDenied"),
            event("iam:CreateRole", "*", 4, allowed=False, error="ValidationError", exact=False),
        ]
    )
    assert list(made.statements) == [{"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": ["*"]}]
    assert [(str(item.kind), item.action, item.count) for item in made.uncovered] == [
        ("denied", "s3:PutObject", 2),
        ("failed", "iam:CreateRole", 1),
        ("inexact", "sqs:SendMessage", 1),
    ]
    assert least([]).text == ""


def test_what_observing_let_through_was_used() -> None:
    passed = {"allowed": False, "would_deny": "no identity-based policy allows it"}
    made = least(
        [
            event("s3:PutObject", S3 + "b/x", 1, **passed),
            event("s3:GetObject", S3 + "b/x", 2, error="NoSuchKey", **passed),
            event("sqs:SendMessage", "*", 3, exact=False, **passed),
            event("s3:DeleteObject", S3 + "b/x", 4, error="AccessDenied", **passed),  # let through, and refused behind
            event("iam:CreateUser", "*", 5, allowed=False, error="AccessDenied"),
        ]
    )
    assert [(said["Action"], said["Resource"]) for said in made.statements] == [
        (["s3:GetObject", "s3:PutObject"], [S3 + "b/x"]),
        (["sqs:SendMessage"], ["*"]),
    ]
    assert [(str(item.kind), item.action) for item in made.uncovered] == [
        ("denied", "iam:CreateUser"),
        ("denied", "s3:DeleteObject"),
        ("inexact", "sqs:SendMessage"),
    ]


@pytest.mark.parametrize("error", ["AccessDenied", "ExpiredToken"])
def test_what_was_refused_at_first_and_is_in_the_policy_is_covered(error: str) -> None:
    refused = {"allowed": False, "error": error}
    keys = [event("s3:PutObject", f"{S3}b/in/{key}", number) for number, key in enumerate("abc")]
    early = [event("s3:PutObject", f"{S3}b/in/{key}", 9 + number, **refused) for number, key in enumerate("ad")]
    assert least([*early, *keys]).uncovered == ()
    others = [event("s3:PutObject", S3 + "b/out/a", 7, **refused), event("s3:GetObject", S3 + "b/in/a", 8, **refused)]
    assert {(item.action, item.resource) for item in least([*early, *keys, *others]).uncovered} == {
        ("s3:PutObject", S3 + "b/out/a"),
        ("s3:GetObject", S3 + "b/in/a"),
    }
    unfit = least([event("s3:PutObject", "no-arn", 1), event("s3:PutObject", S3 + "b/x", 2, **refused)])
    assert [item.resource for item in unfit.uncovered] == [S3 + "b/x"]


def test_every_pattern_that_matches_more_is_explained() -> None:
    made = least(event("s3:GetObject", f"{S3}b/in/{name}", number) for number, name in enumerate("edcba"))
    [said] = made.widened
    assert (said.pattern, said.count, said.examples) == (S3 + "b/in/*", 5, tuple(f"{S3}b/in/{name}" for name in "abc"))


# ---- laws -----------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["in", "out", "a", "b", "c", "data", "x*y", "${z}", "?", "report.csv", *UUIDS[:2], "2026-11-25"]
)
BUCKETS = st.sampled_from(["one", "two", f"t-{UUIDS[0]}"])
OBJECTS = st.builds(
    lambda bucket, key: f"{S3}{bucket}/{'/'.join(key)}", BUCKETS, st.lists(WORDS, min_size=1, max_size=4)
)
USES = st.one_of(
    st.builds(event, st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]), OBJECTS),
    st.builds(event, st.just("s3:ListBucket"), st.sampled_from([S3 + "one", S3 + "two"]),
              context=st.sampled_from([{}, {"s3:prefix": "in/"}, {"s3:prefix": f"{UUIDS[2]}/x*"}])),
    st.builds(event, st.sampled_from(["dynamodb:GetItem", "dynamodb:Query"]),
              st.sampled_from([TABLE + "a", TABLE + "b/index/i", TABLE + UUIDS[0], TABLE + UUIDS[1]])),
    st.builds(event, st.just("kms:Decrypt"), st.sampled_from([KEY + name for name in UUIDS])),
    st.builds(event, st.just("sqs:SendMessage"), st.just("*"), exact=st.just(False)),
    st.builds(event, st.just("iam:PassRole"), st.just(f"arn:aws:iam::{ACCOUNT}:role/r"), allowed=st.booleans(),
              error=st.just("AccessDenied"), context=st.just({"iam:passedtoservice": "ecs.amazonaws.com"})),
)  # fmt: skip
SESSIONS = st.lists(USES, max_size=24).map(
    lambda made: [msgspec.structs.replace(item, request_id=f"r{number}") for number, item in enumerate(made)]
)


@settings(deadline=None)
@given(SESSIONS, st.randoms(use_true_random=False))
def test_it_allows_every_use_in_whatever_order_and_however_often(
    session: list[AccessEvent], chance: random.Random
) -> None:
    made = least(session)
    assert all(allows(made, item) for item in session if item.allowed)
    shuffled = [*session, *session]
    chance.shuffle(shuffled)
    assert least(shuffled) == made
    assert made.text == least(shuffled).text
    if made.statements:
        assert json.loads(made.text)["Statement"] == list(made.statements)


@settings(deadline=None)
@given(SESSIONS)
def test_it_allows_nothing_beside(session: list[AccessEvent]) -> None:
    """Near misses of every use: another action, service, account, Region, bucket, table, key and role."""
    made = least(session)
    used = {(f"{item.service}:{item.action}") for item in session if item.allowed}
    for item in session:
        if not item.exact or not item.allowed:
            continue
        for action in {"s3:GetObjectAcl", "s3:DeleteBucket", "dynamodb:PutItem", "kms:Encrypt", "iam:GetRole"} - used:
            assert not allows(made, event(action, item.resource, context=item.context))
        action = f"{item.service}:{item.action}"
        for miss in {
            item.resource.replace(ACCOUNT, "210987654321"),
            item.resource.replace("us-east-1", "eu-west-1"),
            item.resource.replace(":::one", ":::other"),
            item.resource.replace("table/a", "table/z"),
            item.resource.replace("role/r", "role/s"),
        } - {item.resource}:
            assert not allows(made, event(action, miss, context=item.context))
    opened = {pattern for statement in made.statements for pattern in statement["Resource"]}
    assert not opened & {S3 + "*", S3 + "*/*", TABLE + "", "arn:aws:*"}
    whole = {S3 + bucket + "/*" for bucket in ("one", "two")}
    assert not opened & whole or any("/" not in item.resource.partition(":::")[2].partition("/")[2] for item in session)
