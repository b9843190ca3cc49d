"""Tagging what a call makes is kept by a suggestion where the call gave tags, or where no record tells."""

from typing import Any

import pytest

from kansatsu.advisor.logs.summary import pack, summarise, unpack

from .test_suggest import actions, suggested
from .trail import ACCOUNT, delivered, record, role, user

RUN = {"instancesSet": {"items": [{"imageId": "ami-1", "minCount": 1}]}, "instanceType": "t3.micro"}
TAGS = {"items": [{"resourceType": "instance", "tags": [{"key": "a", "value": "b"}]}]}
ASSUME = {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/next", "roleSessionName": "s"}
CASES: list[tuple[str, Any, str, str, Any, str, bool]] = [
    ("no tags", role(), "ec2", "RunInstances", RUN, "ec2:CreateTags", False),
    ("tags", role(), "ec2", "RunInstances", {**RUN, "tagSpecificationSet": TAGS}, "ec2:CreateTags", True),
    ("of a launch template", role(), "ec2", "RunInstances", {**RUN, "launchTemplate": {"version": "1"}},
     "ec2:CreateTags", True),
    ("not on record", role(), "ec2", "RunInstances", None, "ec2:CreateTags", True),
    ("too large for the record", role(), "ec2", "RunInstances", {"omitted": True}, "ec2:CreateTags", True),
    ("of the source", role(), "ec2", "CopySnapshot", {"sourceSnapshotId": "snap-1"}, "ec2:CreateTags", True),
    ("a role without", role(), "iam", "CreateRole", {"roleName": "r", "path": "/"}, "iam:TagRole", False),
    ("a role with", role(), "iam", "CreateRole", {"roleName": "r", "tags": [{"key": "a"}]}, "iam:TagRole", True),
    ("a service's own tags", role(), "ecs", "RunTask", {"cluster": "c", "enableECSManagedTags": True},
     "ecs:TagResource", True),
    ("a session of a user", user(), "sts", "AssumeRole", ASSUME, "sts:TagSession", False),
    ("its tags", user(), "sts", "AssumeRole", {**ASSUME, "tags": [{"key": "a"}]}, "sts:TagSession", True),
    ("its source identity", user(), "sts", "AssumeRole", {**ASSUME, "sourceIdentity": "x"}, "sts:SetSourceIdentity",
     True),
    ("what a session hands on", role(), "sts", "AssumeRole", ASSUME, "sts:TagSession", True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("who", "source", "name", "parameters", "tags", "kept"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_tagging_is_kept_where_it_may_have_been(
    who: Any, source: str, name: str, parameters: Any, tags: str, kept: bool
) -> None:
    call = record(who, source, name, requestParameters=parameters, readOnly=source == "sts")
    (row,) = unpack(pack(summarise(delivered([call])).totals)).rows.values()
    assert row.tagged is kept
    if who["type"] == "AssumedRole":
        found = actions(suggested([call], f"{source}:*"))
        assert (tags in found, f"{source}:{name}" in found) == (kept, True)


def test_one_call_with_tags_among_many_is_enough() -> None:
    """In whatever order, in one file or in two."""
    plain = [record(role(), "ec2", "RunInstances", requestParameters=RUN, readOnly=False) for _ in range(3)]
    with_tags = record(role(), "ec2", "RunInstances", requestParameters={**RUN, "tagSpecificationSet": TAGS})
    for calls in ([*plain, with_tags], [with_tags, *plain]):
        assert "ec2:CreateTags" in actions(suggested(calls, "ec2:*"))
    one, other = (summarise(delivered(some)).totals for some in (plain, [with_tags]))
    one.merge(other)
    assert [row.tagged for row in one.rows.values()] == [True]
