"""Grants that are found once for all who hold the same are those of each by itself; and how they are written."""

import csv
import dataclasses
import io
import itertools
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu import policy as engine
from kansatsu.advisor import granting
from kansatsu.advisor.logs import report, tables
from kansatsu.advisor.logs.grants import Grants
from kansatsu.catalog import tracking
from kansatsu.policy import Policy, PolicySet, PolicyType, Source

from .test_report import found
from .trail import record, role, user

PATTERNS = ["*", "s3:*", "s3:Get*", "s3:GetObject", "sqs:*", "sqs:SendMessage", "iam:PassRole", "s3:Delete*", "no:Such"]
STATEMENT = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Allow", "Allow", "Deny"]),
        "Action": st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3),
        "Resource": st.sampled_from(["*", "arn:aws:s3:::b/*"]),
    }
)
HELD = st.lists(
    st.tuples(st.sampled_from(["one", "two", "three"]), st.booleans(), st.lists(STATEMENT, min_size=1, max_size=2)),
    max_size=3,
)  # fmt: skip


def policy(name: str, managed: bool, statements: list[dict[str, object]]) -> Policy:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    arn = f"arn:aws:iam::123456789012:policy/{name}" if managed else ""
    return engine.compile_policy(engine.parse(text), Source(PolicyType.IDENTITY, arn=arn, name=name))


@given(st.lists(HELD, min_size=1, max_size=3))
def test_grants_are_those_of_each_by_itself(people: list[list[tuple[str, bool, list[dict[str, object]]]]]) -> None:
    grants = Grants()
    for _ in range(2):
        for described in people:
            held = PolicySet(dict.fromkeys(itertools.starmap(policy, described)))
            plain = [
                (namespace, names, [item.source.arn or item.source.name for item in granting.granting(held, namespace)])
                for namespace in tracking.services()
                if (names := granting.granted(held, namespace))
            ]
            assert [(one.namespace, one.names, list(one.policies)) for one in grants.of(held)] == plain


def outcome() -> report.Outcome:
    records = [
        record(role()),
        record(user(), "sqs", "SendMessage"),
        record(user("bob", "AIDABOB"), "ec2", "DescribeVpcs"),
    ]
    return found(records, "s3:*", "iam:*", "ec2:*")


def test_report_json_says_all_that_the_report_says() -> None:
    """`services` and `policies` stand there once, and are named by their places."""
    made = outcome()
    kept = json.loads(tables.json(made))
    assert kept["version"] == tables.VERSION
    assert len({json.dumps(one) for one in kept["services"]}) == len(kept["services"])
    for person, written in zip(made.people, kept["principals"], strict=True):
        assert (written["arn"], written["removableActions"]) == (person.arn, person.cut)
        services = [kept["services"][place] for place in written["services"]]
        assert [
            (one["namespace"], one["state"], one["calls"], *one["actions"].values(),
             [kept["policies"][place] for place in one["policies"]])
            for one in services
        ] == [
            (one.namespace, one.state, one.calls, one.actions, one.used, one.unknown, list(one.policies))
            for one in person.services
        ]  # fmt: skip
        assert [bool(one["lastAccessed"]) for one in services] == [bool(one.last) for one in person.services]


def rows(people: tuple[report.Person, ...]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(tables.csv(people).decode())))


def test_services_csv_folds_what_nobody_used_where_it_would_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    people = outcome().people
    whole = rows(people)
    assert [(row["principal"], row["service"]) for row in whole] == [
        (person.arn, one.namespace) for person in people for one in person.services
    ]
    monkeypatch.setattr(tables, "MOST_ROWS", len(whole) - 1)
    folded = rows(people)
    assert len(folded) < len(whole)

    def spread(some: list[dict[str, str]]) -> set[tuple[str, ...]]:
        alike = ("principal", "type", "state", "last-accessed", "calls", "policies")
        return {(name, *(row[key] for key in alike)) for row in some for name in row["service"].split()}

    def totals(some: list[dict[str, str]]) -> list[int]:
        return [sum(int(row[key]) for row in some) for key in ("granted", "used", "unknown")]

    assert (spread(folded), totals(folded)) == (spread(whole), totals(whole))
    assert all(len(row["service"].split()) == 1 for row in folded if row["last-accessed"])


def test_a_report_grows_with_what_differs_and_not_with_people_times_services() -> None:
    """3,000 administrators made report.json 378 MB: of each it holds a number for a service."""
    made = outcome()
    (first, *_) = made.people
    services = tuple(
        report.Service(
            f"service{number}", "unused", 0.0, 0, 40, 0, 0, (f"arn:aws:iam::123456789012:policy/{'x' * 60}",)
        )
        for number in range(400)
    )
    people = tuple(report.Person(f"{first.arn}{n}", "user", f"u{n}", "", 0.0, services) for n in range(100))
    size = len(tables.json(dataclasses.replace(made, people=people)))
    one = len(tables.json(dataclasses.replace(made, people=people[:1])))
    assert (size - one) / (99 * 400) < math.log10(400) + 3  # bytes for a service of one user or role
