"""What logs, AWS's reports and the authorization details say together, and what nobody can know."""

import dataclasses
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kansatsu.advisor import account as accounts
from kansatsu.advisor.account import NoAccount
from kansatsu.advisor.logs import evidence, html, report, told
from kansatsu.advisor.logs.evidence import Evidence, Told
from kansatsu.advisor.logs.reading import Result
from kansatsu.advisor.logs.report import Outcome, Person
from kansatsu.advisor.logs.summary import Totals, summarise

from .trail import ACCOUNT, ROLE, USER, delivered, record, role, user

NOW = datetime(2026, 11, 25, tzinfo=UTC)
TEAM = f"arn:aws:iam::{ACCOUNT}:policy/team"


def document(*actions: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}


def details(*role_actions: str, **changes: Any) -> dict[str, Any]:
    common = {"CreateDate": "2025-01-01T00:00:00Z"}
    return {
        "UserDetailList": [
            {
                "UserName": name, "UserId": id_, "Arn": f"arn:aws:iam::{ACCOUNT}:user/{name}", "Path": "/",
                "GroupList": ["people"], "AttachedManagedPolicies": [], **common,
            }
            for name, id_ in (("alice", "AIDAALICE0000000000A"), ("bob", "AIDABOB"))
        ],
        "GroupDetailList": [
            {
                "GroupName": "people", "GroupId": "AGPA1", "Arn": f"arn:aws:iam::{ACCOUNT}:group/people", "Path": "/",
                "GroupPolicyList": [], "AttachedManagedPolicies": [{"PolicyName": "team", "PolicyArn": TEAM}], **common,
            }
        ],
        "RoleDetailList": [
            {
                "RoleName": "orders", "RoleId": "AROAORDERS000000000A", "Arn": ROLE, "Path": "/apps/",
                "AttachedManagedPolicies": [],
                "RolePolicyList": [{"PolicyName": "app", "PolicyDocument": document(*role_actions or ("s3:*",))}],
                **common,
            }
        ],
        "Policies": [
            {
                "PolicyName": "team", "Arn": TEAM, "Path": "/", "PolicyId": "ANPA1",
                "PolicyVersionList": [
                    {"IsDefaultVersion": False, "Document": document("*")},
                    {"IsDefaultVersion": True, "Document": document("iam:List*", "sqs:*", "ec2:*")},
                ],
            }
        ],
        **changes,
    }  # fmt: skip


def proof(
    records: list[dict[str, Any]], *actions: str, reports: tuple[Told, ...] = (), since: datetime | None = None,
    whole: bool = True,
) -> evidence.Evidence:  # fmt: skip
    """`whole`: of a trail that left nothing out but data events, in an account that is never idle."""
    totals = summarise(delivered(records)).totals if records else Totals()
    days = sorted({item["eventTime"][:10] for item in records})
    if whole and records:
        for kind in ("read", "write", "kms.amazonaws.com", "rdsdata.amazonaws.com"):
            totals.span(kind, totals.first, totals.last)
    made = evidence.of(Result(totals, read=1, days=days), json.dumps(details(*actions)).encode(), reports, NOW, since)
    if whole:
        made.regions = ["eu-west-1", "us-east-1"]
    return made


def found(records: list[dict[str, Any]], *actions: str, **more: Any) -> Outcome:
    """The report of the same."""
    return report.outcome(proof(records, *actions, **more))


def of(outcome: Outcome, arn: str) -> Person:
    return next(item for item in outcome.people if item.arn == arn)


def states(outcome: Outcome, arn: str) -> dict[str, str]:
    return {item.namespace: item.state for item in of(outcome, arn).services}


def test_use_counts_for_who_did_it() -> None:
    outcome = found([record(source="ec2", name="DescribeInstances"), record(role(), name="ListBuckets")])
    assert states(outcome, USER) == {"iam": "unused", "sqs": "unknown", "ec2": "used"}
    assert states(outcome, USER.replace("alice", "bob")) == {"iam": "unused", "sqs": "unknown", "ec2": "unused"}
    assert states(outcome, ROLE) == {"s3": "used"}
    service = of(outcome, USER).services[0]
    assert (service.namespace, service.used, service.policies) == ("ec2", 1, (TEAM,))
    assert service.actions > 500 and service.last == datetime(2026, 11, 20, 10, tzinfo=UTC).timestamp()


def test_a_namesake_that_is_gone_gives_nobody_a_use() -> None:
    outcome = found([record(role(id="AROAOLD"), source="rds", name="DescribeDBInstances")], "rds:*")
    assert states(outcome, ROLE) == {"rds": "unused"}
    (stranger,) = outcome.evidence.strangers
    assert (stranger.kind, stranger.id, stranger.count) == ("role", "AROAOLD", 1)
    assert any("not in the account (any more): orders" in gap for gap in outcome.gaps)


def test_records_without_an_id_are_matched_by_name() -> None:
    identity = {"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/orders/x", "accountId": ACCOUNT}
    assert states(found([record(identity)]), ROLE) == {"s3": "used"}


def test_what_data_events_would_show_is_unknown_without_them_and_not_unused() -> None:
    """The attack: a bucket's reader loses s3:GetObject, because the trail is blind to it."""
    outcome = found([record()], "s3:GetObject", "s3:ListAllMyBuckets", "rds:*")
    assert states(outcome, ROLE) == {"s3": "unknown", "rds": "unused"}
    assert any("No data events are on record of" in gap and " s3," in gap for gap in outcome.gaps)
    service = next(item for item in of(outcome, ROLE).services if item.namespace == "s3")
    assert (service.actions, service.used, service.unknown) == (2, 0, 1)
    seen = record(name="GetObject", managementEvent=False)  # of some bucket is not of all
    assert states(found([seen], "s3:GetObject"), ROLE) == {"s3": "unknown"}


def test_which_action_it_was_may_be_unknown() -> None:
    outcome = found([record(role(), "dynamodb", "TransactWriteItems", managementEvent=False)], "dynamodb:*")
    service = of(outcome, ROLE).services[0]
    assert (service.state, service.used) == ("used", 0)
    assert service.unknown >= 4


def test_passing_a_role_is_told_by_the_call_that_passed_it() -> None:
    parameters = {"role": f"arn:aws:iam::{ACCOUNT}:role/lambda"}
    call = record(role(), "lambda", "CreateFunction20150331", readOnly=False, requestParameters=parameters)
    outcome = found([call], "iam:PassRole", "lambda:CreateFunction")
    assert states(outcome, ROLE) == {"iam": "used", "lambda": "used"}
    (passed,) = [item for item in outcome.evidence.seen if item.action == "PassRole"]
    assert passed.event == "lambda.CreateFunction20150331"
    assert passed.resources == (parameters["role"],)


def test_what_is_outside_the_window_does_not_count() -> None:
    old = record(role(), time="2026-01-01T00:00:00Z")
    assert states(found([old, record()], since=NOW - timedelta(days=90)), ROLE) == {"s3": "unknown"}
    future = record(role(), time="2027-01-01T00:00:00Z")
    outcome = found([future])
    assert outcome.evidence.future == 1 and any("in the future" in gap for gap in outcome.gaps)


def test_holes_in_the_trail_are_named() -> None:
    outcome = found([record(time=f"2026-11-{day:02}T00:00:00Z") for day in (1, 2, 9, 20)])
    assert outcome.evidence.holes == [("2026-11-03", "2026-11-08"), ("2026-11-10", "2026-11-19")]


def saved(tmp_path: Path, name: str, **changes: Any) -> tuple[list[Told], list[tuple[str, str]]]:
    text = {
        "JobStatus": "COMPLETED",
        "JobCompletionDate": "2026-11-24T00:00:00+00:00",
        "ServicesLastAccessed": [
            {
                "ServiceName": "Amazon S3", "ServiceNamespace": "s3", "LastAuthenticated": "2026-10-01T00:00:00+00:00",
                "LastAuthenticatedEntity": ROLE, "TotalAuthenticatedEntities": 1,
                "TrackedActionsLastAccessed": [
                    {"ActionName": "ListAllMyBuckets", "LastAccessedTime": "2026-10-01T00:00:00+00:00"},
                    {"ActionName": "GetBucketAcl"},
                ],
            },
            {"ServiceName": "Amazon SQS", "ServiceNamespace": "sqs", "TotalAuthenticatedEntities": 0},
        ],
        **changes,
    }  # fmt: skip
    (tmp_path / name).write_text(json.dumps(text))
    return told.read([tmp_path], accounts.of(details()))


def test_what_aws_says_is_evidence_beside_the_logs(tmp_path: Path) -> None:
    reports, bad = saved(tmp_path, "role-orders.json")
    assert bad == []
    before = found([record()], "s3:*", "sqs:*", "rds:*")
    assert states(before, ROLE) == {"s3": "unknown", "sqs": "unknown", "rds": "unused"}
    after = found([record()], "s3:*", "sqs:*", "rds:*", reports=tuple(reports))
    assert states(after, ROLE) == {"s3": "used", "sqs": "unused", "rds": "unused"}
    service = next(item for item in of(after, ROLE).services if item.namespace == "s3")
    assert service.last == datetime(2026, 10, 1, tzinfo=UTC).timestamp()
    later = found([record(role())], "s3:*", reports=tuple(reports))  # a maximum: the logs know of a later use
    assert of(later, ROLE).services[0].last == datetime(2026, 11, 20, 10, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("name", "changes", "whose"),
    [
        ("role-orders.json", {}, ROLE),
        ("AROAORDERS000000000A.json", {}, ROLE),
        ("orders.json", {}, ROLE),
        ("x.json", {}, ROLE),  # the only one who is named in it
        ("x.json", {"Arn": USER}, USER),
        ("user-bob.json", {}, USER.replace("alice", "bob")),
        ("x.json", {"ServicesLastAccessed": []}, "whose report it is cannot be told"),
        ("group-people.json", {}, "it is of a group"),
        ("x.json", {"Arn": "arn:aws:iam::1:role/no"}, "whose report it is cannot be told"),
        ("role-orders.json", {"JobStatus": "IN_PROGRESS"}, "its job is IN_PROGRESS"),
        ("role-orders.json", {"IsTruncated": True}, "it is only the first page"),
        ("role-orders.json", {"ServicesLastAccessed": 7}, "Expected `array`"),
    ],
)
def test_whose_report_it_is(tmp_path: Path, name: str, changes: dict[str, Any], whose: str) -> None:
    reports, bad = saved(tmp_path, name, **changes)
    if whose.startswith("arn:"):
        assert ([item.arn for item in reports], bad) == ([whose], [])
    else:
        assert reports == [] and bad[0][1].startswith(whose)


def test_reports_are_kept(tmp_path: Path) -> None:
    made = found([record(), record(role())]).evidence
    evidence.save(made, tmp_path)
    assert evidence.load(tmp_path) == made
    assert isinstance(evidence.load(tmp_path / evidence.NAME), Evidence)
    for text in (b"", b"nothing"):
        (tmp_path / evidence.NAME).write_bytes(text)
        with pytest.raises(evidence.NoEvidence):
            evidence.load(tmp_path)
    with pytest.raises(evidence.NoEvidence):
        evidence.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{}", b"[" * 100_000, json.dumps(details(IsTruncated=True)).encode(),
     json.dumps(details(RoleDetailList=[{"RoleName": "x"}])).encode(), b'{"UserDetailList": [7]}'],
)  # fmt: skip
def test_what_is_no_account(text: bytes) -> None:
    with pytest.raises(NoAccount):
        accounts.read(text)


def test_documents_may_be_percent_encoded_and_those_of_aws_may_be_missing() -> None:
    given = details()
    given["RoleDetailList"][0]["RolePolicyList"][0]["PolicyDocument"] = "%7B%22Version%22%3A%222012-10-17%22%2C" + (
        "%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22sqs%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D"
    )
    attached = ["arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess", f"arn:aws:iam::{ACCOUNT}:policy/gone"]
    given["RoleDetailList"][0]["AttachedManagedPolicies"] = [{"PolicyName": "x", "PolicyArn": arn} for arn in attached]
    account = accounts.of(given)
    held = account.held(account.entities[ROLE])
    assert held.may_allow("sqs:SendMessage") and held.may_allow("ec2:DescribeInstances")
    assert list(account.unread) == [attached[1]]
    assert any("gone" in gap for gap in report.gaps(found([record()]).evidence, account))


class _Page(HTMLParser):
    """What a browser would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_the_page_holds_no_script_and_asks_nobody(tmp_path: Path) -> None:
    """The attack: who may make a role writes a page of the administrator."""
    evil = "x<script>alert(1)</script><img/src=x onerror='alert(1)'>"
    records = [record(user(evil, "AIDAEVIL")), record({"type": "AWSService", "invokedBy": evil}), record(role())]
    outcome = found(records)
    text = html.page(outcome)
    page = _Page()
    page.feed(text)
    assert evil not in text and "&lt;script&gt;" in text
    assert not page.tags & {"script", "img", "link", "iframe", "object", "base", "a"}
    assert not {name for name in page.attributes if name.startswith("on") or name in {"src", "href", "style"}}
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert "default-src 'none'" in text
    report.write(outcome, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", "report.json", "services.csv"}
    kept = json.loads((tmp_path / "report.json").read_text())
    assert [item["arn"] for item in kept["principals"]] == [item.arn for item in outcome.people]


def test_an_empty_report_is_a_report() -> None:
    outcome = found([])
    assert "There is no call in the logs" in outcome.gaps[0]
    assert "There is no call in the logs" in html.page(outcome)


def test_two_runs_may_write_the_same_report(tmp_path: Path) -> None:
    """The attack: the one moves away what the other has begun to write."""
    writing = "import sys; from pathlib import Path; from kansatsu.advisor.logs.evidence import put\n"
    writing += "for _ in range(300): put(Path(sys.argv[1]), sys.argv[2].encode() * 4000)"
    file = tmp_path / "report.json"
    runs = [subprocess.Popen([sys.executable, "-c", writing, str(file), letter]) for letter in "ab"]
    assert [run.wait() for run in runs] == [0, 0]
    assert file.read_text() in {"a" * 4000, "b" * 4000}
    assert list(tmp_path.iterdir()) == [file]


def test_services_csv_holds_no_formula(tmp_path: Path) -> None:
    """The attack: who may name a policy runs a formula in the administrator's spreadsheet."""
    outcome = found([record(role())])
    service = msgspec.structs.replace(outcome.people[0].services[0], policies=("=1+1",))
    person = msgspec.structs.replace(outcome.people[0], services=(service,))
    report.write(dataclasses.replace(outcome, people=(person,)), tmp_path)
    assert (tmp_path / "services.csv").read_text().splitlines()[1].endswith(",'=1+1")
