"""A replay in sentences: what is not listed is counted, so that many lines of one hide none of another."""

from datetime import UTC, datetime
from typing import Any

import pytest

from kansatsu.cli import policy_change

DAY = datetime(2026, 11, 5, tzinfo=UTC)


def answer(counts: list[int], refused: int) -> dict[str, Any]:
    numbers = {"Requests": refused, "Allowed": 0, "Refused": refused, "CannotTell": 0}
    none = {"RefusedAlready": 0, "Denied": 0, "NewlyAllowed": 0, "Unknown": [], "Gaps": [], "Notes": []}
    listed = [{"Count": count} for count in counts]
    return numbers | none | {"Since": DAY, "PrincipalArns": ["x"], "RefusedRequests": listed}


@pytest.mark.parametrize(("counts", "refused", "left"), [([3, 4], 7, 0), ([3, 4], 9, 2), ([], 1, 1)])
def test_what_is_refused_and_not_listed_is_said(counts: list[int], refused: int, left: int) -> None:
    """The attack: a hundred session names of one role push somebody else's request out of the list."""
    said = [line for line in policy_change.summary(answer(counts, refused)) if "not listed" in line]
    assert said == ([f"  {left} that would be refused are not listed: ask for more with --max"] if left else [])
