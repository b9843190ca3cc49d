"""Smaller policies by logs: nothing that was used goes, nothing is added, and what nobody could have seen stays."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kansatsu.advisor.granting import granted
from kansatsu.advisor.logs.evidence import Told
from kansatsu.advisor.logs.suggest import NoSubject, suggestion
from kansatsu.catalog import tracking
from kansatsu.policy import PolicySet, PolicyType, Source, compile_policy, parse

from .test_report import NOW, TEAM, details, proof
from .trail import ACCOUNT, ROLE, USER, record, role

MADE = NOW.timestamp()
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"


def suggested(records: list[dict[str, Any]], *actions: str, reports: tuple[Told, ...] = (), arn: str = ROLE) -> Any:
    made = proof(records, *actions, reports=reports)
    return suggestion(made, made.account, arn)


def statements(answer: Any) -> list[dict[str, Any]]:
    text = answer["Document"]
    return json.loads(text)["Statement"] if text else []


def actions(answer: Any) -> set[str]:
    """All actions that are left, one by one: what a wildcard matches is in the catalog."""
    patterns = [pattern for item in statements(answer) for pattern in item["Action"]]
    held = policies(json.dumps({"Version": "2012-10-17", "Statement": [everywhere(patterns)]})) if patterns else ()
    return {f"{prefix}:{name}" for prefix in tracking.services() for one in held for name in granted(one.rules, prefix)}


def everywhere(patterns: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": patterns, "Resource": "*"}


def policies(text: str) -> PolicySet:
    return PolicySet([compile_policy(parse(text), Source(PolicyType.IDENTITY))] if text else [])


def fates(answer: Any) -> dict[str, str]:
    return {line["Action"]: line["Fate"] for line in answer["Lines"]}


def test_unused_actions_go_and_used_ones_stay() -> None:
    answer = suggested(
        [record(role(), "ec2", "DescribeInstances"), record(role())], "ec2:*", "rds:*", "s3:ListAllMyBuckets"
    )
    assert actions(answer) == {"ec2:DescribeInstances", "s3:ListAllMyBuckets"}
    assert fates(answer) == {"ec2:*": "narrowed", "rds:*": "removed", "s3:ListAllMyBuckets": "kept"}
    assert answer["Requests"] == 2
    (line,) = [item for item in answer["Lines"] if item["Action"] == "ec2:*"]
    assert (line["Uses"], line["Principals"], line["LastUsed"]) == (1, 1, datetime(2026, 11, 20, 10, tzinfo=UTC))


def test_denied_attempts_keep_nothing() -> None:
    denied = record(role(), "ec2", "RunInstances", errorCode="Client.UnauthorizedOperation")
    answer = suggested([denied, record(role())], "ec2:*", "s3:ListAllMyBuckets")
    assert actions(answer) == {"s3:ListAllMyBuckets"}
    lines = {line["Action"]: line for line in answer["Lines"]}
    assert (lines["ec2:*"]["Denied"], lines["ec2:*"]["LastDenied"]) == (1, datetime(2026, 11, 20, 10, tzinfo=UTC))
    assert lines["s3:ListAllMyBuckets"]["Denied"] == 0


def test_of_several_resources_the_sum_of_the_calls_is_told() -> None:
    calls = [record(role(), "kms", "Decrypt", resources=[{"ARN": KEY + str(n % 2)}]) for n in range(5)]
    (line,) = suggested(calls, "kms:*")["Lines"]
    assert (line["Uses"], line["Resources"]) == (5, [KEY + "0", KEY + "1"])


def test_data_events_stay_unless_aws_says_that_they_were_not_used() -> None:
    """The attack: s3:GetObject is cut from a role that reads objects all day, because the trail is blind to it."""
    answer = suggested([record(role())], "s3:GetObject", "s3:ListAllMyBuckets")
    assert actions(answer) == {"s3:GetObject", "s3:ListAllMyBuckets"}
    assert fates(answer)["s3:GetObject"] == "kept, cannot be seen"
    seen = record(role(), name="PutObject", managementEvent=False)  # data events of some buckets are not those of all
    assert "s3:GetObject" in actions(suggested([seen], "s3:GetObject", "s3:PutObject"))
    unused = Told(ROLE, "x", MADE, {"s3": 0.0, "sqs": 0.0}, {})
    assert actions(suggested([record(role(), "ec2", "StopInstances")], "s3:*", "ec2:*", reports=(unused,))) == {
        "ec2:StopInstances"
    }
    others = Told(USER, "x", MADE, {"s3": 0.0}, {})  # another's report says nothing of this role
    assert "s3:GetObject" in actions(suggested([record(role())], "s3:GetObject", reports=(others,)))


def test_what_was_used_before_the_logs_begin_stays() -> None:
    early = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    used = Told(ROLE, "x", MADE, {"ec2": early}, {})
    answer = suggested([record(role())], "ec2:RunInstances", "rds:*", "s3:ListAllMyBuckets", reports=(used,))
    assert actions(answer) == {"ec2:RunInstances", "s3:ListAllMyBuckets"}
    which = Told(ROLE, "x", MADE, {"ec2": early}, {"ec2": {"RunInstances": early, "StopInstances": 0.0}})
    kept = actions(suggested([record(role())], "ec2:*", reports=(which,)))
    # Of what AWS does not track it tells nothing: it may have been that, too.
    assert {"ec2:RunInstances", "ec2:DescribeVpcs"} <= kept and "ec2:StopInstances" not in kept


def test_resources_are_narrowed_only_where_every_record_names_them() -> None:
    named = record(role(), "kms", "Decrypt", resources=[{"ARN": KEY}])
    (statement,) = statements(suggested([named], "kms:*"))
    assert (statement["Action"], statement["Resource"]) == (["kms:Decrypt"], [KEY])
    (statement,) = statements(suggested([named, record(role(), "kms", "Decrypt")], "kms:*"))
    assert statement["Resource"] == ["*"]


def test_conditions_and_limited_resources_do_not_hide_a_use() -> None:
    """Records have no condition keys: a statement that may have allowed it is not cut."""
    given_ = details()
    given_["RoleDetailList"][0]["RolePolicyList"] = [
        {
            "PolicyName": "app",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "ec2:*",
                        "Resource": "arn:aws:ec2:*:*:instance/*",
                        "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}},
                    },
                    {"Effect": "Allow", "Action": "iam:*", "Resource": "arn:aws:iam::*:user/${aws:username}"},
                    {"Effect": "Deny", "Action": "ec2:TerminateInstances", "Resource": "*"},
                ],
            },
        }
    ]
    calls = [
        record(role(), "ec2", "StopInstances", readOnly=False, requestParameters={"force": False}),
        record(role(), "iam", "GetUser", resources=[{"ARN": USER}]),
    ]
    made = proof(calls)
    made.details = json.dumps(given_).encode()
    answer = suggestion(made, made.account, "role/orders")
    first, second, third = statements(answer)
    assert (first["Action"], first["Resource"]) == (["ec2:StopInstances"], ["arn:aws:ec2:*:*:instance/*"])
    assert first["Condition"] == {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
    assert (second["Action"], second["Resource"]) == (["iam:GetUser"], ["arn:aws:iam::*:user/${aws:username}"])
    assert third["Effect"] == "Deny"


def test_passing_a_role_is_kept_with_the_role() -> None:
    passed = f"arn:aws:iam::{ACCOUNT}:role/lambda"
    call = record(role(), "lambda", "CreateFunction20150331", readOnly=False, requestParameters={"role": passed})
    answer = suggested([call], "iam:PassRole", "lambda:*")
    assert {"iam:PassRole", "lambda:CreateFunction"} <= actions(answer)
    assert [passed] in [item["Resource"] for item in statements(answer)]
    assert any(f"{passed} was passed" in note for note in answer["Notes"])


def test_role_chaining_and_services_that_act_are_named() -> None:
    """A role that assumes another one; a user who does is no chain. What was denied is none either."""
    next_role = f"arn:aws:iam::{ACCOUNT}:role/next"
    assume: dict[str, Any] = {
        "source": "sts",
        "name": "AssumeRole",
        "resources": [{"ARN": next_role, "accountId": ACCOUNT, "type": "AWS::IAM::Role"}],
    }
    answer = suggested([record(role(), **assume), record(role(invokedBy="athena.amazonaws.com"), source="kms",
                                                         name="Decrypt")], "sts:AssumeRole", "kms:*")  # fmt: skip
    said = " ".join(answer["Notes"])
    assert f"{ROLE} assumed further roles (role chaining)" in said and f"{next_role} was assumed" in said
    assert "athena.amazonaws.com acted for them, with their permissions" in said
    denied = suggested([record(role(), **assume, errorCode="AccessDenied")], "sts:AssumeRole")
    assert "role chaining" not in " ".join(denied["Notes"])
    by_user = suggested([record(**assume)], "sts:AssumeRole", arn=USER)
    assert "role chaining" not in " ".join(by_user["Notes"])


def test_a_role_that_was_delivered_and_did_nothing_is_told_as_such() -> None:
    """EC2 assumes the role of an instance by itself: https://docs.aws.amazon.com/IAM/latest/UserGuide/
    cloudtrail-integration.html#cloudtrail-integration_examples-sts-api-service
    """
    service = {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}
    given = [{"ARN": ROLE, "accountId": ACCOUNT, "type": "AWS::IAM::Role"}]
    assumed = record(service, "sts", "AssumeRole", resources=given)

    def told(*calls: dict[str, Any]) -> list[str]:
        notes = suggested(list(calls), "ec2:*")["Notes"]
        return [note for note in notes if "no call of its sessions" in note]

    (note,) = told(assumed, record(service, "sts", "AssumeRole", "2026-11-19T10:00:00Z", resources=given))
    assert note.startswith(f"{ROLE} was assumed, by ec2.amazonaws.com last on 2026-11-20, and no call")
    assert told(assumed, record(role(), "ec2", "DescribeVpcs")) == []
    assert told({**assumed, "errorCode": "AccessDenied"}) == []
    assert told(record(service, "sts", "AssumeRole", resources=[{"ARN": ROLE.replace("orders", "others")}])) == []


def test_of_a_managed_policy_the_use_of_all_counts() -> None:
    bob = {"type": "IAMUser", "principalId": "AIDABOB", "arn": USER.replace("alice", "bob"), "accountId": ACCOUNT}
    answer = suggested([record(bob, "ec2", "DescribeVpcs")], arn=TEAM)
    assert "ec2:DescribeVpcs" in actions(answer) and "iam:ListUsers" not in actions(answer)
    assert answer["PrincipalArns"] == [USER, USER.replace("alice", "bob")]
    assert suggested([record(bob, "ec2", "DescribeVpcs")], arn="group/people")["Document"] == answer["Document"]


def test_gaps_are_said_and_lower_the_confidence() -> None:
    days = [f"2026-{month:02}-{day:02}T00:00:00Z" for month in (7, 8, 9, 10) for day in range(1, 29)]
    made = proof([record(role(), "ec2", "DescribeVpcs", time=day) for day in days])
    made.holes = []
    unused = next(line for line in suggestion(made, made.account, ROLE)["Lines"] if line["Action"] == "s3:*")
    assert unused["Confidence"] == "high"
    made.troubles = [("a/b.json.gz", "truncated", 0)]
    answer = suggestion(made, made.account, TEAM)
    assert {line["Confidence"] for line in answer["Lines"] if not line["Uses"]} == {"low"}
    assert any("cut off before the end" in note and "b.json.gz" in note for note in answer["Notes"])


@pytest.mark.parametrize("arn", ["role/nobody", f"arn:aws:iam::{ACCOUNT}:policy/none", "x"])
def test_nobody(arn: str) -> None:
    with pytest.raises(NoSubject):
        suggested([], arn=arn)


_NAMES = [
    ("ec2", "RunInstances"),
    ("ec2", "DescribeVpcs"),
    ("s3", "ListBuckets"),
    ("kms", "Decrypt"),
    ("iam", "ListRoles"),
]
_PATTERNS = ["*", "ec2:*", "ec2:Describe*", "s3:*", "kms:Decrypt", "iam:List*", "rds:*"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(_NAMES), st.booleans(), st.sampled_from([None, KEY, KEY + "2"])), max_size=8),
    st.lists(st.sampled_from(_PATTERNS), min_size=1, max_size=3, unique=True),
)
def test_laws(calls: list[tuple[tuple[str, str], bool, str | None]], patterns: list[str]) -> None:
    """Nothing that was allowed and granted is refused afterwards; nothing is granted that was not before."""
    records = [
        record(role(), source, name, **({"errorCode": "AccessDenied"} if denied else {}),
               **({"resources": [{"ARN": arn}]} if arn else {}))
        for (source, name), denied, arn in calls
    ]  # fmt: skip
    made = proof(records, *patterns)
    account = made.account
    before = account.held(account.entities[ROLE])
    after = policies(suggestion(made, account, ROLE)["Document"])
    for item in made.seen:
        action = f"{item.service}:{item.action}"
        if item.allowed and not item.perhaps and before.may_allow(action):
            assert after.may_allow(action), action
    for action in ("ec2:RunInstances", "ec2:StopInstances", "rds:StopDBInstance", "iam:CreateUser", "s3:GetObject"):
        assert before.may_allow(action) or not after.may_allow(action)
