"""Files of a trail as summaries: every kind of caller, every form of file, any order, any split, any bytes."""

import gzip
import json
import pickle
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kansatsu.advisor.logs import passing
from kansatsu.advisor.logs.callers import Caller
from kansatsu.advisor.logs.records import CORRUPT, NO_LOG, TRUNCATED
from kansatsu.advisor.logs.summary import Totals, arns, pack, summarise, unpack

from . import trail
from .trail import ACCOUNT, ROLE, USER, delivered, record, role, user

PAGE = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html"
ROLE_ID, USER_ID = "AROAORDERS000000000A", "AIDAALICE0000000000A"
ISSUED_BY_USER = {"sessionContext": {"sessionIssuer": {"type": "IAMUser", "principalId": USER_ID, "arn": USER}}}
# userIdentity as PAGE has it for each type, and who it is in IAM.
CALLERS: list[tuple[str, dict[str, Any] | None, Caller]] = [
    ("IAMUser", user(), Caller("user", USER_ID, USER, ACCOUNT)),
    ("the user's session", user() | {"sessionContext": {"attributes": {}}}, Caller("user", USER_ID, USER, ACCOUNT)),
    ("AssumedRole", role(), Caller("role", ROLE_ID, ROLE, ACCOUNT)),
    (
        "acting for",
        role(invokedBy="athena.amazonaws.com"),
        Caller("role", ROLE_ID, ROLE, ACCOUNT, "athena.amazonaws.com"),
    ),
    (
        "AssumedRole without issuer",
        {key: value for key, value in role().items() if key != "sessionContext"},
        Caller("role", ROLE_ID, f"arn:aws:iam::{ACCOUNT}:role/orders", ACCOUNT),
    ),
    ("Role", role() | {"type": "Role"}, Caller("role", ROLE_ID, ROLE, ACCOUNT)),
    (
        "Root",
        {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT},
        Caller("root", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT),
    ),
    (
        "FederatedUser",
        {"type": "FederatedUser", "principalId": f"{ACCOUNT}:bob", "accountId": ACCOUNT} | ISSUED_BY_USER,
        Caller("user", USER_ID, USER, ACCOUNT),
    ),
    (
        "AWSAccount",
        {"type": "AWSAccount", "principalId": "AIDAQRSTUVWXYZEXAMPLE", "accountId": "999999999999"},
        Caller("account", "", "AIDAQRSTUVWXYZEXAMPLE", "999999999999"),
    ),
    (
        "AWSService",
        {"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"},
        Caller("service", "", "autoscaling.amazonaws.com", ""),
    ),
    (
        "SAMLUser",
        {"type": "SAMLUser", "principalId": "SampleUk97:saml-user", "identityProvider": "SampleUk97"},
        Caller("saml", "", "SampleUk97:saml-user", ""),
    ),
    (
        "WebIdentityUser",
        {"type": "WebIdentityUser", "principalId": "accounts.google.com:app:user", "userName": "user"},
        Caller("web identity", "", "accounts.google.com:app:user", ""),
    ),
    (
        "IdentityCenterUser",
        {"type": "IdentityCenterUser", "accountId": ACCOUNT, "onBehalfOf": {"userId": "544894e8-80c1"}},
        Caller("identity center", "", "", ACCOUNT),
    ),
    ("Unknown", {"type": "Unknown", "principalId": "x", "accountId": ACCOUNT}, Caller("unknown", "", "x", ACCOUNT)),
    (
        "a new type",
        {"type": "Martian", "arn": "arn:aws:x", "accountId": ACCOUNT},
        Caller("unknown", "", "arn:aws:x", ACCOUNT),
    ),
    (
        "no type, and a role's id",
        {"principalId": f"{ROLE_ID}:s", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/orders/s", "accountId": ACCOUNT},
        Caller("role", ROLE_ID, f"arn:aws:iam::{ACCOUNT}:role/orders", ACCOUNT),
    ),
    (
        "a user's name alone",
        {"type": "IAMUser", "accountId": ACCOUNT, "userName": "alice"},
        Caller("user", "", f"arn:aws:iam::{ACCOUNT}:user/alice", ACCOUNT),
    ),
    ("no type", {"invokedBy": "ec2.amazonaws.com"}, Caller("service", "", "ec2.amazonaws.com", "")),
    ("nobody", None, Caller("nobody", "", "", "")),
    ("nothing", {}, Caller("nobody", "", "", "")),
]


@pytest.mark.parametrize(("identity", "caller"), [case[1:] for case in CALLERS], ids=[case[0] for case in CALLERS])
def test_callers(identity: dict[str, Any] | None, caller: Caller) -> None:
    text = json.dumps({"Records": [record() | {"userIdentity": identity}]}).encode()
    ((who, *_),) = summarise(text).totals.rows
    assert who == caller


@pytest.mark.parametrize("identity", [[], 7, "x", {"type": 7}, {"sessionContext": []}], ids=str)
def test_who_cannot_be_told_is_nobody_and_counts(identity: Any) -> None:
    found = summarise(json.dumps({"Records": [record() | {"userIdentity": identity}, record()]}).encode()).totals
    assert [(key[0].kind, tally.count) for key, tally in found.rows.items()] == [("nobody", 1), ("user", 1)]
    assert (found.events, found.malformed) == (2, 0)


def test_events_are_known_by_their_hour() -> None:
    """All at once where every eventID is a UUID, one by one where one is not: the same."""
    times = [f"2026-11-{20 + hour // 24}T{hour % 24:02}:{minute}:00{zone}"
             for hour in (22, 23, 25) for minute in (10, 59) for zone in ("Z", "+01:30")]  # fmt: skip
    items = [record(time=time, eventID=f"00000000-0000-4000-8000-{n:012}") for n, time in enumerate(times)]
    at_once = summarise(delivered(items)).ids
    assert {hour: len(ids) for hour, ids in at_once.items()} == {
        "2026-11-20T20": 1, "2026-11-20T21": 2, "2026-11-20T22": 3, "2026-11-20T23": 3, "2026-11-21T00": 1,
        "2026-11-21T01": 2,
    }  # fmt: skip
    other = summarise(delivered([*items, record(time="2026-12-24T00:00:00Z", eventID="our own")])).ids
    assert len(other.pop("2026-12-24T00")) == 1
    assert other == at_once


def test_an_entity_that_was_made_again_is_another_one() -> None:
    found = summarise(delivered([record(role()), record(role(id="AROAORDERS000000000B"))])).totals
    assert {key[0].id for key in found.rows} == {"AROAORDERS000000000A", "AROAORDERS000000000B"}
    assert {key[0].arn for key in found.rows} == {ROLE}


def test_denied_attempts_count_and_are_told_apart() -> None:
    items = [record(time="2026-11-20T10:00:00Z"), record(time="2026-11-20T11:00:00Z", errorCode="AccessDenied")]
    (tally,) = summarise(delivered(items)).totals.rows.values()
    assert (tally.count, tally.denied) == (2, 1)
    assert tally.last == datetime(2026, 11, 20, 11, tzinfo=UTC)
    assert tally.allowed == datetime(2026, 11, 20, 10, tzinfo=UTC)


def test_what_is_no_call_is_counted_by_itself() -> None:
    found = summarise(delivered([record(eventType="AwsServiceEvent"), record(eventType="AwsConsoleSignIn")])).totals
    assert (found.rows, found.events) == ({}, 0)
    assert found.others == {"AwsServiceEvent": 1, "AwsConsoleSignIn": 1}


def test_resources_are_kept_up_to_a_number() -> None:
    def named(number: int) -> dict[str, Any]:
        return record(name="GetObject", resources=[{"ARN": f"arn:aws:s3:::b/{number}", "accountId": ACCOUNT}])

    (tally,) = summarise(delivered(map(named, range(20)))).totals.rows.values()
    assert arns(tally) == {f"arn:aws:s3:::b/{number}" for number in range(20)}
    (tally,) = summarise(delivered([named(1), record(name="GetObject")])).totals.rows.values()
    assert arns(tally) is None  # one of them names none: it may have been any
    (tally,) = summarise(delivered(map(named, range(26)))).totals.rows.values()
    assert (arns(tally), tally.many) == (None, True)


def test_roles_that_were_passed() -> None:
    lambda_role = f"arn:aws:iam::{ACCOUNT}:role/lambda"
    items = [
        record(source="lambda", name="CreateFunction20150331", readOnly=False, requestParameters={"role": lambda_role}),
        record(source="sts", name="AssumeRole", readOnly=False, requestParameters={"roleArn": ROLE}),
        record(source="lambda", name="GetFunction20150331", requestParameters={"role": lambda_role}),
    ]
    found = summarise(delivered(items)).totals
    assert {key[2]: tally.passed for key, tally in found.rows.items()} == {
        "CreateFunction20150331": {lambda_role},
        "AssumeRole": None,
        "GetFunction20150331": None,
    }


ONE, TWO = record(), record(role())
WHOLE = delivered([ONE, TWO])
FORMS = {
    "delivered": (WHOLE, ""),
    "not packed": (json.dumps({"Records": [ONE, TWO]}).encode(), ""),
    "array": (json.dumps([ONE, TWO], indent=1).encode(), ""),
    "lines": ("\n".join(map(json.dumps, [ONE, TWO])).encode(), ""),
    "lines, packed": (gzip.compress("\n".join(map(json.dumps, [ONE, TWO])).encode()), ""),
    "byte order mark": (b"\xef\xbb\xbf" + json.dumps({"Records": [ONE, TWO]}).encode(), ""),
    "lookup-events": (
        json.dumps({"Events": [{"EventId": "1", "CloudTrailEvent": json.dumps(item)} for item in (ONE, TWO)]}).encode(),
        "",
    ),
    "two archives": (gzip.compress(b'{"Records": [') + gzip.compress(json.dumps([ONE, TWO])[1:].encode() + b"}"), ""),
    "cut off": (json.dumps({"Records": [ONE, TWO, record()]}).encode()[:-9], TRUNCATED),
    "archive cut off": (delivered([ONE, TWO, *(record(name=f"X{i}") for i in range(999))])[:-20], TRUNCATED),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_forms(form: str) -> None:
    data, trouble = FORMS[form]
    found = summarise(data)
    assert found.trouble == trouble
    kinds = [key[0].kind for key in found.totals.rows if key[2] == "ListBuckets"]
    assert sorted(kinds) == ["role", "user"]
    assert found.totals.malformed == 0


@pytest.mark.parametrize(
    ("data", "trouble"),
    [
        (b"", CORRUPT),
        (b"\x00\x01", CORRUPT),
        (b"\x1f\x8b\x08 no archive", CORRUPT),
        (gzip.compress(b"no JSON"), CORRUPT),
        (b'{"Records": [' + b"[" * 100_000, CORRUPT),
        (b'{"Records": 7}', NO_LOG),
        (b'{"digestStartTime": "2026-11-20T10:00:00Z", "logFiles": []}', NO_LOG),
        (b'{"Records": []}', ""),  # CloudTrail does not deliver one, but nothing is wrong with it
    ],
    ids=["nothing", "bytes", "no archive", "archive of no JSON", "too deep", "no records", "digest", "none"],
)
def test_what_is_no_log_is_named(data: bytes, trouble: str) -> None:
    found = summarise(data)
    assert (found.trouble, found.totals.rows) == (trouble, {})


def test_records_that_are_none_are_counted_and_the_others_count() -> None:
    bad = [None, 7, {}, record() | {"eventTime": "yesterday"}, record() | {"eventTime": "2026-11-20T10:00:00"}]
    found = summarise(delivered([*bad, record()]))
    assert (found.totals.malformed, found.totals.events, found.trouble) == (5, 1, "")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes(data: bytes, packed: bool) -> None:
    found = summarise(gzip.compress(data) if packed else data)
    assert unpack(pack(found.totals)) == found.totals


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["AssumedRole", ":role/", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from([*ONE, "errorCode", "resources"]), _values, max_size=6), max_size=4))
def test_any_records(changes: list[dict[str, Any]]) -> None:
    """What stands in a record instead of what should: it is counted as something, and never ends the run."""
    found = summarise(json.dumps({"Records": [record() | change for change in changes]}).encode())
    totals = found.totals
    counted = totals.events + totals.malformed + totals.duplicates + sum(totals.others.values())
    assert counted == len(changes) or not changes
    assert unpack(pack(totals)) == totals


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=4), st.integers(0, len(WHOLE) - 1))
def test_any_damage(damage: bytes, place: int) -> None:
    summarise(WHOLE[:place] + damage + WHOLE[place + len(damage) :])
    summarise(WHOLE[:place])


_identities = st.sampled_from(
    [user(), role(), role(session="i-2"), role(id="AROAORDERS000000000B"), user("bob", "AIDABOB")]
)
_events = st.builds(
    lambda identity, name, day, hour, denied, number: record(
        identity,
        name=name,
        time=f"2026-11-{day:02}T{hour:02}:00:00Z",
        eventID=f"00000000-0000-4000-8000-{number:012}" if number % 5 else f"our-own-{number}",
        resources=[{"ARN": f"arn:aws:s3:::b{number % 30}"}],
        **({"errorCode": "AccessDenied"} if denied else {}),
    ),
    _identities,
    st.sampled_from(["ListBuckets", "GetObject"]),
    st.integers(19, 21),
    st.integers(0, 23),
    st.booleans(),
    st.integers(0, 10**9),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(_events, max_size=40, unique_by=lambda item: item["eventID"]), st.randoms(use_true_random=False))
def test_the_sum_is_the_oracles_whatever_the_split_and_order(events: list[dict[str, Any]], luck: random.Random) -> None:
    parts: list[list[dict[str, Any]]] = [[] for _ in range(luck.randint(1, 4))]
    for event in events:
        parts[luck.randrange(len(parts))].append(event)
    for part in parts:
        part.extend(luck.sample(part, luck.randint(0, len(part))))  # twice in the same file
        luck.shuffle(part)
    totals = Totals()
    for part in parts:
        totals.merge(pickle.loads(pickle.dumps(summarise(delivered(part)))).totals)
    found = {
        (who.id, source, name, region): (
            f"{tally.last:%Y-%m-%dT%H:%M:%SZ}",
            f"{tally.allowed:%Y-%m-%dT%H:%M:%SZ}" if tally.allowed else None,
            tally.count,
            tally.denied,
        )
        for (who, source, name, region), tally in totals.rows.items()
    }
    assert found == trail.oracle(events)
    whole = summarise(delivered(events)).totals
    assert whole.rows == totals.rows
    assert (whole.events, whole.first, whole.last) == (totals.events, totals.first, totals.last)


@pytest.mark.parametrize(
    "words",
    [
        '"roleName":"x"', '"taskRoleArn":"x"', '"iamInstanceProfile":{}', '"InstanceProfileName":"x"',
        '"LaunchTemplate":{}', '"launchConfigurationName":"x"', '"taskDefinition":"x"', '"TaskDefinition":"x"',
        '"code":"omitted"', '"code":"HIDDEN_DUE_TO_SECURITY_REASONS"', '"Rolle":"é","role":"é"',
    ],
)  # fmt: skip
def test_words_of_roles_are_found(words: str) -> None:
    assert passing.passed("ec2.amazonaws.com", "RunInstances", f'{{"a":"é",{words}}}'.encode()) == (set(), True)
    assert passing.passed("sts.amazonaws.com", "AssumeRole", f"{{{words}}}".encode()) == (set(), False)


@pytest.mark.parametrize(
    "words", ['"console":"whole"', '"a1role":1', '"launch":1', '"not omitted":1', '"é":"a role"', ""]
)
def test_other_words_are_not(words: str) -> None:
    assert passing.passed("ec2.amazonaws.com", "RunInstances", f"{{{words}}}".encode()) == (set(), False)
