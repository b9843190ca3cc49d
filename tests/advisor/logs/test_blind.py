"""What a trail may leave out is unknown, never unused: the attack is a trail blind to daily use."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kansatsu.advisor.logs import evidence, reading, report, sources
from kansatsu.advisor.logs.blind import Blind
from kansatsu.advisor.logs.cache import Cache
from kansatsu.advisor.logs.evidence import Told
from kansatsu.advisor.logs.report import Outcome
from kansatsu.advisor.logs.suggest import suggestion

from .test_report import NOW, details, found, of, proof, states
from .test_suggest import actions
from .trail import ROLE, record, role, user, write

DAYS = [f"2026-11-{day:02}T10:00:00Z" for day in range(1, 25)]
READ: dict[str, Any] = {"source": "ec2", "name": "DescribeVpcs"}
WRITE: dict[str, Any] = {"source": "ec2", "name": "RunInstances", "readOnly": False, "requestParameters": {"min": 1}}
KMS: dict[str, Any] = {"source": "kms", "name": "Decrypt"}
DATA_API: dict[str, Any] = {"source": "rdsdata", "name": "ExecuteStatement", "readOnly": False}
ALL = (READ, WRITE, KMS, DATA_API)
GRANTED = ("sns:CreateTopic", "sns:ListTopics", "kms:Encrypt", "rds-data:ExecuteStatement", "iam:PassRole")


def trail(*kinds: dict[str, Any], days: list[str] = DAYS, **more: Any) -> list[dict[str, Any]]:
    """Daily calls by somebody else than the role."""
    return [record(user("bob", "AIDABOB"), time=day, **(kind | more)) for day in days for kind in kinds]


def without(kind: dict[str, Any]) -> list[dict[str, Any]]:
    return trail(*(each for each in ALL if each is not kind))


def kept(outcome: Outcome) -> set[str]:
    return actions(suggestion(outcome.evidence, outcome.account, ROLE))


def told(days_ago: int = 0, services: dict[str, float] | None = None, **listed: dict[str, float]) -> Told:
    made = NOW - timedelta(days=days_ago)
    return Told(ROLE, "x", made.timestamp(), services if services is not None else dict.fromkeys(listed, 0.0), listed)


SNS, TOPICS, LIST = {"sns:CreateTopic", "sns:ListTopics"}, {"sns:CreateTopic"}, {"sns:ListTopics"}
CRYPT, SQL, PASS = {"kms:Encrypt"}, {"rds-data:ExecuteStatement"}, {"iam:PassRole"}
MINE: dict[str, Any] = {"identity": role(), "source": "ec2", "name": "RunInstances", "readOnly": False}
LATER = DAYS[10:]
MORE = trail(*ALL)
CASES: list[tuple[str, list[dict[str, Any]], set[str], str]] = [
    ("nothing is left out", trail(*ALL), set(), ""),
    ("no reads", trail(WRITE, KMS, DATA_API, readOnly=False), LIST | CRYPT | SQL, "No call that only reads"),
    ("no writes", trail(READ, KMS, DATA_API, readOnly=True), TOPICS | CRYPT | SQL | PASS, "No call that writes"),
    ("no KMS", without(KMS), CRYPT, "No call of kms"),
    ("no Data API", without(DATA_API), SQL, "No call of rdsdata"),
    ("reads from mid-window on", trail(WRITE, KMS, DATA_API, readOnly=False) + trail(READ, days=LATER),
     LIST | CRYPT | SQL,
     "A call that only reads is on record only from 2026-11-11 to 2026-11-24"),
    ("KMS until mid-window", without(KMS) + trail(KMS, days=DAYS[:9]), CRYPT, "of kms is on record only from"),
    ("a call that is like no action", [*MORE, record(role(), "sns", "Frobnicate")], SNS, "No IAM action is known"),
    ("an event source that nobody knows", [*MORE, record(role(), "news", "CreateTopic")], SNS, "(news.amazonaws.com)"),
    ("such a call of no known name", [*MORE, record(role(), "news", "Frobnicate")], set(), "that are no service"),
    ("such a call of somebody else", [*MORE, record(user(), "news", "CreateTopic")], set(), "(news.amazonaws.com)"),
    ("such a call, denied", [*MORE, record(role(), "news", "CreateTopic", errorCode="AccessDenied")], set(), ""),
    ("one that was denied", [*MORE, record(role(), "sns", "Frobnicate", errorCode="AccessDenied")], set(), ""),
    ("a role by its name", [*MORE, record(**MINE, requestParameters={"roleName": "x"})], PASS, ""),
    ("what holds a role", [*MORE, record(**MINE, requestParameters={"iamInstanceProfile": "x"})], PASS, ""),
    ("no parameters", [*MORE, record(**MINE, requestParameters=None)], PASS, ""),
    ("parameters that were cut", [*MORE, record(**MINE, requestParameters={"omitted": True})], PASS, ""),
    ("other parameters", [*MORE, record(**MINE, requestParameters={"a": {"b": 1}})], set(), ""),
    ("of a profile", [*MORE, record(role(), "iam", "AddRoleToInstanceProfile", readOnly=False)], PASS, ""),
    ("a role is made", [*MORE, record(role(), "iam", "CreateRole", readOnly=False)], set(), ""),
]  # fmt: skip


@pytest.mark.parametrize(("records", "unknown", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_the_trail_may_have_left_out(records: list[dict[str, Any]], unknown: set[str], said: str) -> None:
    outcome = found(records, *GRANTED, whole=False)
    assert kept(outcome) == unknown
    (person,) = [item for item in outcome.people if item.arn == ROLE]
    assert sum(item.unknown for item in person.services) == len(unknown)
    for item in person.services:
        assert item.state != "unused" or not any(name.startswith(f"{item.namespace}:") for name in unknown)
    assert any(said in gap for gap in outcome.gaps)


@pytest.mark.parametrize(
    ("report_", "unknown"),
    [
        (told(0, {"kms": 0.0}), set()),
        (told(0, {"s3": 0.0}), CRYPT),  # it says nothing of KMS
        (told(30, {"kms": 0.0}), CRYPT),  # older than the logs' end
        (told(0, {}, kms={"Encrypt": 0.0}), set()),
        (told(0, {"kms": NOW.timestamp() - 86400}, kms={"Encrypt": 0.0}), set()),
        (told(0, {"kms": NOW.timestamp() - 86400}, kms={"Decrypt": 0.0}), CRYPT),  # it does not track Encrypt
        (told(0, {"sns": NOW.timestamp() - 86400}), CRYPT | SNS),  # used, and not on record
        (told(0, {"iam": 0.0}), CRYPT),
    ],
)
def test_what_aws_tells_of_it(report_: Told, unknown: set[str]) -> None:
    outcome = found(without(KMS), *GRANTED, reports=(report_,), whole=False)
    assert kept(outcome) == unknown
    old = any("proves nothing unused" in gap for gap in outcome.gaps)
    assert old is (report_.made < NOW.timestamp())


def test_aws_tells_nothing_of_passing_a_role() -> None:
    passed = [*MORE, record(**MINE, requestParameters={"roleName": "x"})]
    outcome = found(passed, *GRANTED, reports=(told(0, {"iam": 0.0}),), whole=False)
    assert kept(outcome) == PASS and states(outcome, ROLE)["iam"] == "unknown"


def test_nothing_on_record_proves_nothing() -> None:
    outcome = found([], *GRANTED, whole=False)
    assert set(states(outcome, ROLE).values()) == {"unknown"} and kept(outcome) == set(GRANTED)


def test_one_region_and_changed_settings_are_named_and_lower_the_confidence() -> None:
    def confidence(records: list[dict[str, Any]]) -> tuple[str, str]:
        outcome = found(records, *GRANTED, whole=False)
        answer = suggestion(outcome.evidence, outcome.account, ROLE)
        return {line["Confidence"] for line in answer["Lines"]}.pop(), " ".join(answer["Notes"])

    both = [*trail(*ALL), *trail(READ, awsRegion="eu-west-1")]
    assert confidence(both)[0] == "medium"
    assert confidence(trail(*ALL))[0] == "low" and "Only calls in us-east-1 are on record" in confidence(trail(*ALL))[1]
    changed = record(user("bob", "AIDABOB"), "cloudtrail", "PutEventSelectors", time=DAYS[5], readOnly=False)
    level, said = confidence([*both, changed])
    assert level == "low" and "PutEventSelectors on 2026-11-06" in said
    assert confidence([*both, changed | {"errorCode": "AccessDenied"}])[0] == "medium"


def test_one_wrong_clock_hides_no_use() -> None:
    """The attack: an event of next year, so that all use of the same operation, or a gap, is not seen any more."""
    records = [*MORE, record(role(), "sns", "ListTopics", time="2026-11-10T00:00:00Z")]
    wrong = record(role(), "sns", "ListTopics", time="2027-06-01T00:00:00Z")
    outcome = found([*records, wrong], *GRANTED, since=NOW - timedelta(days=400), whole=False)
    assert states(outcome, ROLE)["sns"] == "used" and kept(outcome) >= LIST
    assert next(item.last for item in of(outcome, ROLE).services if item.namespace == "sns") == NOW.timestamp()
    assert outcome.evidence.last == NOW.timestamp() and outcome.evidence.holes == []
    early = record(user("bob", "AIDABOB"), time="1999-01-01T00:00:00Z", **READ)
    outcome = found([*records, early], *GRANTED, since=NOW - timedelta(days=400), whole=False)
    assert any("The logs begin on 2026-11-01" in gap for gap in outcome.gaps)


def test_events_of_the_future_count_when_their_time_has_come(tmp_path: Path) -> None:
    """Files are read once: what was too early then is not left out for ever."""
    early = record(role(), "sns", "ListTopics", time="2026-11-28T00:00:00Z")
    for number, records in enumerate((trail(*ALL), [early])):
        write(tmp_path / "logs", number, records)
    listed = sources.listing([str(tmp_path / "logs")], sources.Bucket(), None).files

    for now, future, last in (
        (NOW, 1, NOW),
        (datetime(2026, 12, 5, tzinfo=UTC), 0, datetime(2026, 11, 28, tzinfo=UTC)),
    ):
        cache = Cache(tmp_path)
        try:
            result = reading.read(listed, sources.Bucket(), cache, 1, lambda _done, _size: None)
        finally:
            cache.close()
        made = evidence.of(result, json.dumps(details(*GRANTED)).encode(), (), now, None)
        assert (result.known > 0) is (now != NOW)
        assert made.future == future
        service = next(item for item in of(report.outcome(made), ROLE).services if item.namespace == "sns")
        assert (service.state, service.last) == ("used", last.timestamp())


@pytest.mark.parametrize("reports", [(), (told(sns=0.0),), (told(services={"sns": NOW.timestamp(), "ec2": 0.0}),)])
@pytest.mark.parametrize("records", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_of_many_actions_the_unknown_are_those_of_each_alone(
    records: list[dict[str, Any]], reports: tuple[Told, ...]
) -> None:
    made = proof(records, *GRANTED, reports=reports)
    blind, people = Blind(made), made.account.people()
    asked = {"sns": ("CreateTopic", "ListTopics"), "kms": ("Encrypt",), "iam": ("PassRole", "GetRole")}
    asked |= {"ec2": ("RunInstances",)}
    for _ in range(2):
        for entity in people:
            for service, names in asked.items():
                alone = {name for name in names if blind.unknown(entity, service, name)}
                assert blind.among(entity, service, names) == alone
