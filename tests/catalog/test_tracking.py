"""Services and actions of reports, and the list of actions that leave no trace."""

import subprocess
import sys
from pathlib import Path

import pytest

from kansatsu.catalog import reference, tracking

ROOT = Path(__file__).parents[2]


def test_services_have_names_and_actions() -> None:
    found = tracking.services()
    assert list(found) == sorted(found)
    assert {"s3", "iam", "kansatsu", "tag"} <= set(found)
    assert [tracking.service_name(name) for name in ("sqs", "kansatsu")] == ["Amazon SQS", "Kansatsu"]
    assert all(tracking.actions(name) for name in found)
    assert tracking.actions("no-such-service") == ()
    assert tracking.actions("../services") == ()


@pytest.mark.parametrize(
    ("prefix", "action", "tracked"),
    [
        ("s3", "GetObject", True),  # a data event, which AWS does not track
        ("s3", "GetObjectVersion", True),
        ("s3", "ListAllMyBuckets", True),
        ("s3", "ReplicateObject", False),  # done by S3 itself
        ("dynamodb", "PartiQLSelect", True),
        ("iam", "PassRole", True),  # inferred from the call that passed the role
        ("sts", "TagSession", True),
        ("sts", "GetServiceBearerToken", False),
        ("kansatsu", "CreateAccount", True),
    ],
)
def test_tracked(prefix: str, action: str, tracked: bool) -> None:
    assert action in tracking.actions(prefix)
    assert tracking.is_tracked(prefix, action) is tracked


def test_the_list_names_actions_that_there_are() -> None:
    for line in tracking.UNTRACKED.read_text().splitlines()[1:]:
        prefix, *names = line.split()
        assert set(names) <= set(reference.names(prefix)), prefix


def test_the_list_is_what_the_script_makes() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "untracked_actions.py"), "--check"]
    done = subprocess.run(command, check=False)
    assert done.returncode == 0, "scripts/untracked_actions.py would write another list"
