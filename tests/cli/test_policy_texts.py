"""Documents side by side: diffs with evidence, AWS CLI commands that a shell reads back, and Terraform's templates."""

import json
import shlex
from datetime import UTC, datetime, timedelta
from typing import Any

import hcl2
import pytest

from kansatsu.cli import policy_texts

ACCOUNT = "123456789012"
DAY = datetime(2026, 11, 5, tzinfo=UTC)


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(actions: Any, resources: Any = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def said(action: str, fate: str, **more: Any) -> dict[str, Any]:
    nothing = {"Uses": 0, "Principals": 0, "Denied": 0, "UnmetKeys": [], "Confidence": "low"}
    return {"Action": action, "Fate": fate} | nothing | more


def test_the_order_and_form_of_a_document_are_no_difference() -> None:
    one, other = document(allow(["s3:Get*", "sqs:*"])), document(allow(["sqs:*", "s3:Get*"], ["*"]))
    assert list(policy_texts.diff(one, other, ("a", "b"))) == []
    single = json.dumps({"Version": "2012-10-17", "Statement": allow("s3:Get*")})
    assert list(policy_texts.diff(single, document(allow(["s3:Get*"])), ("a", "b"))) == []


def test_a_diff_has_the_evidence_beside_each_line() -> None:
    mfa = ["aws:MultiFactorAuthPresent"]
    lines = [
        said("s3:*", "narrowed", Uses=2, Principals=1, LastUsed=DAY),
        said("sqs:*", "removed"),
        said("ec2:*", "removed", Denied=3, LastDenied=DAY, UnmetKeys=mfa),
        said("kms:*", "narrowed", Uses=1, Principals=2, LastUsed=DAY, Denied=1, LastDenied=DAY),
        said("kms:*", "removed"),
    ]
    made = list(
        policy_texts.diff(
            document(allow(["ec2:*", "kms:*", "s3:*", "sqs:*"])),
            document(allow("s3:GetObject")),
            ("a", "b"),
            policy_texts.evidence(lines),
        )
    )
    assert '-        "s3:*",    # narrowed: used 2 times by one principal, last on 2026-11-05; confidence low' in made
    assert '-        "sqs:*"    # removed: not used on record; confidence low' in made
    assert (
        '-        "ec2:*",    # removed: not used on record, but tried 3 times and denied, last on 2026-11-05 '
        "(its conditions ask for aws:MultiFactorAuthPresent); confidence low"
    ) in made
    assert (  # in two statements
        '-        "kms:*",    # narrowed: used once by 2 principals, last on 2026-11-05, and once denied, last on '
        "2026-11-05; confidence low | removed: not used on record; confidence low"
    ) in made
    assert '+        "s3:GetObject"' in made


def test_what_stays_has_its_evidence_too_where_that_is_asked_for() -> None:
    line = said("s3:Get*", "kept", Uses=1, Principals=2, LastUsed=DAY, Confidence="high")
    same = document(allow(["s3:Get*"]))
    noted = '         "s3:Get*"    # kept: used once by 2 principals, last on 2026-11-05; confidence high'
    for after in (same, document(allow(["s3:Get*"], ["arn:aws:s3:::b"]))):
        made = list(policy_texts.diff(same, after, ("a", "b"), policy_texts.evidence([line]), whole=True))
        assert noted in made
        assert made[0 if after == same else 3].strip() == "{"
    assert list(policy_texts.diff(same, same, ("a", "b"), policy_texts.evidence([line]))) == []


@pytest.mark.parametrize(("confidence", "days", "lines"), [("low", 1, 2), ("medium", 8, 1), ("high", 91, 1)])
def test_how_far_back_the_record_reaches_is_said(confidence: str, days: int, lines: int) -> None:
    since = DAY - timedelta(days=days)
    told = policy_texts.reach({"Requests": 1, "Since": since, "Until": DAY, "Confidence": confidence})
    assert len(told) == lines
    assert told[0] == (
        f"From 1 request since {since:%Y-%m-%d %H:%M}, {days} day{'s' * (days > 1)}: {confidence} confidence."
    )


TEXT = document(allow("s3:GetObject", "arn:aws:s3:::b/${aws:username}/it's"))
POLICIES = [
    {"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess", "PolicyName": "ReadOnlyAccess", "Document": TEXT},
    {"PolicyArn": "", "PolicyName": "own", "Document": TEXT},
]


def suggestion(arn: str, text: str, **more: Any) -> dict[str, Any]:
    known = {"Requests": 1, "Notes": [], "Gaps": [], "Lines": [said("s3:*", "removed", Confidence="high")]}
    return {"Arn": arn, "Document": text, "Policies": POLICIES} | known | more


COMMANDS: list[tuple[str, str, list[list[str]]]] = [
    (
        "policy/team/shared",
        TEXT,
        [["create-policy-version", "--policy-arn", f"arn:aws:iam::{ACCOUNT}:policy/team/shared", "--set-as-default"]],
    ),
    (
        "role/svc/job",
        TEXT,
        [
            ["put-role-policy", "--role-name", "job", "--policy-name", "suggested"],
            ["detach-role-policy", "--role-name", "job", "--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"],
            ["delete-role-policy", "--role-name", "job", "--policy-name", "own"],
        ],
    ),
    (
        "arn:aws:iam::aws:policy/job-function/ReadOnlyAccess",
        TEXT,
        [["create-policy", "--policy-name", "ReadOnlyAccess-suggested"]],
    ),
    (
        "user/ana",
        "",
        [
            ["detach-user-policy", "--user-name", "ana", "--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"],
            ["delete-user-policy", "--user-name", "ana", "--policy-name", "own"],
        ],
    ),
]


@pytest.mark.parametrize(("subject", "text", "words"), COMMANDS, ids=[subject for subject, *_ in COMMANDS])
def test_commands_are_read_back_by_a_shell(subject: str, text: str, words: list[list[str]]) -> None:
    arn = subject if subject.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:{subject}"
    *first, last = policy_texts.commands(suggestion(arn, text))
    assert all(command.endswith(" &&") for command in first)  # nothing goes where what takes its place was refused
    made = [shlex.split(command.removesuffix(" &&")) for command in (*first, last)]
    assert [command[2 : 2 + len(each)] for command, each in zip(made, words, strict=True)] == words
    if text:
        assert json.loads(made[0][-1]) == json.loads(text)


TERRAFORM = [
    (f"{ACCOUNT}:policy/team/shared", "aws_iam_policy", "shared", {"name": "shared", "path": "/team/"}),
    (f"{ACCOUNT}:policy/1st=a,b", "aws_iam_policy", "_1st_a_b", {"name": "1st=a,b"}),
    ("aws:policy/service-role/Own", "aws_iam_policy", "Own", {"name": "Own-suggested"}),
    (f"{ACCOUNT}:role/svc/job", "aws_iam_role_policy", "job_suggested", {"name": "suggested", "role": "job"}),
    (f"{ACCOUNT}:user/ana@b.c", "aws_iam_user_policy", "ana_b_c_suggested", {"name": "suggested", "user": "ana@b.c"}),
    (f"{ACCOUNT}:group/-g", "aws_iam_group_policy", "_-g_suggested", {"name": "suggested", "group": "-g"}),
]


@pytest.mark.parametrize(("subject", "kind", "label", "names"), TERRAFORM, ids=[label for _, _, label, _ in TERRAFORM])
def test_terraform_reads_what_it_is_given(subject: str, kind: str, label: str, names: dict[str, str]) -> None:
    """By a parser of its language; ${ and %{, which are templates there, come out as they were."""
    odd = ["arn:aws:s3:::b/${aws:username}/it's", "arn:aws:s3:::c/%{x}/$${y}", 'arn:aws:s3:::d/"\\\n']
    text = document(allow("s3:GetObject", odd))
    (block,) = hcl2.loads(policy_texts.terraform(suggestion(f"arn:aws:iam::{subject}", text)))["resource"]
    ((found, (((named, body)),)),) = ((key.strip('"'), value.items()) for key, value in block.items())
    assert (found, named.strip('"')) == (kind, label)
    assert {name: body[name].strip('"') for name in names} == names
    policy = body["policy"].strip('"').removeprefix("<<JSON\n").removesuffix("\nJSON")
    assert json.loads(policy.replace("$${", "${").replace("%%{", "%{")) == json.loads(
        document(allow(["s3:GetObject"], sorted(odd)))
    )


ROLE = f"arn:aws:iam::{ACCOUNT}:role/job"
LOW = [said("s3:*", "removed")]


@pytest.mark.parametrize(
    ("arn", "text", "more"),
    [
        (ROLE, TEXT, {"Requests": 0, "Lines": LOW}),
        (ROLE, "", {"Requests": 0, "Lines": LOW}),
        (ROLE, "", {"Requests": 9, "Lines": LOW}),  # nothing of them was allowed
        (ROLE, "", {"Requests": 0, "Lines": []}),
        (f"arn:aws:iam::{ACCOUNT}:policy/job", "", {}),  # a managed policy cannot be empty
    ],
)
def test_without_evidence_nothing_is_deleted(arn: str, text: str, more: dict[str, Any]) -> None:
    """What is printed is comments for a shell and for Terraform, with the reason."""
    answer = suggestion(arn, text, **more)
    for printed in ("\n".join(policy_texts.commands(answer)), policy_texts.terraform(answer)):
        assert shlex.split(printed, comments=True) == []
        assert "no evidence" in printed or "detach it instead" in printed


def test_a_name_that_begins_with_a_dash_is_no_option() -> None:
    answer = suggestion(f"arn:aws:iam::{ACCOUNT}:group/-g", TEXT) | {"Policies": [own("-p", "")]}
    made = [shlex.split(command)[3:5] for command in policy_texts.commands(answer)]
    assert made == [["--group-name=-g", "--policy-name"], ["--group-name=-g", "--policy-name=-p"]]


def own(name: str, text: str) -> dict[str, Any]:
    return {"PolicyArn": "", "PolicyName": name, "Document": text or TEXT}


LONG = document(allow("s3:" + "x" * 1024))
SIZES: list[tuple[str, int, list[Any], str, str]] = [
    ("user/ana", 2049, [], "has 2049 characters without white space, and AWS takes 2048 of the inline policies of",
     "create-policy"),
    ("user/ana", 2048, [], "", "put-user-policy"),
    ("user/ana", 1025, [own("suggested", LONG)], "", "put-user-policy"),  # it is replaced
    ("user/ana", 1025, [own("own", LONG)], "AWS takes 2048 of the inline policies of a user together", "create-policy"),
    ("role/job", 10241, [], "AWS takes 10240", ""),  # of one action: nothing to divide
    ("group/staff", 5121, [], "AWS takes 5120", "create-policy"),
    ("policy/job", 6145, [], "AWS takes 6144 of a managed policy", ""),
    ("policy/job", 6144, [own("job", document(allow("s3:" + "x" * 6000)))], "", "create-policy-version"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("subject", "size", "held", "said", "first"), SIZES, ids=[f"{row[0]} {row[1]} {len(row[2])}" for row in SIZES]
)
def test_nothing_is_proposed_that_aws_would_refuse_for_its_size(
    subject: str, size: int, held: list[Any], said: str, first: str
) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    text = document(allow("s3:")).replace(" ", "")
    text = text.replace("s3:", "s3:" + "x" * (size - len(text)))
    answer = suggestion(f"arn:aws:iam::{ACCOUNT}:{subject}", text, Policies=held)
    printed = "\n".join(policy_texts.commands(answer)), policy_texts.terraform(answer)
    assert all(said in text for text in printed)
    assert [bool(shlex.split(text, comments=True)) for text in printed] == [bool(first)] * 2
    assert shlex.split(printed[0], comments=True)[2:3] == [first][: bool(first)]


def test_what_is_saved_has_its_notes() -> None:
    """As comments, of one line each whatever is in them."""
    gap = {"Why": "unclean end", "After": DAY, "Until": DAY, "Lost": 2}
    answer = suggestion(ROLE, TEXT, Notes=["By what is in force now", "two\nlines\u2028three"], Gaps=[gap])
    remarks = [
        "# Gap in the evidence (unclean end): 2026-11-05 00:00:00 to 2026-11-05 00:00:00, 2 records lost",
        "# By what is in force now",
        "# two lines three",
    ]
    assert list(policy_texts.commands(answer))[:3] == remarks
    named = policy_texts.gaps({"Gaps": [gap | {"Why": "segment altered", "Segment": "w0-1.jsonl"}]})
    assert named == [remarks[0][2:].replace("unclean end", "segment altered, w0-1.jsonl")]
    assert policy_texts.terraform(answer).splitlines()[:3] == remarks
    assert list(policy_texts.commands(suggestion(ROLE, "", Requests=0)))  # a long record, and no request: it may go
