"""Two who ask one server at once, on SQLite; two nodes on PostgreSQL: cli/test_nodes.py."""

import pytest

from races import PAIRS, QUOTAS, one_alone, over_quota, rounds

from .conftest import Gateway


@pytest.mark.parametrize("quota", QUOTAS)
def test_attack_one_more_than_a_quota(gateway: Gateway, quota: str) -> None:
    codes = over_quota([gateway.iam], quota)
    assert codes == ["", *["LimitExceeded"] * 7]


@pytest.mark.parametrize("pair", PAIRS)
def test_attack_what_one_deletes_while_the_other_uses_it(gateway: Gateway, pair: str) -> None:
    found = rounds([gateway.iam], pair)
    assert one_alone(found), found
