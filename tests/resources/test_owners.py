"""Whose a bucket is: learnt from each account's list, forgotten when it may have changed, asked only where it may."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from kansatsu.errors import AwsError, ServiceUnavailable
from kansatsu.resources import KINDS, Accounts, Knowledge
from kansatsu.resources.owners import Owners, arn_of, bucket_of

FIRST, SECOND, THIRD = "111111111111", "222222222222", "333333333333"


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class World:
    """A backend with buckets by account, and the accounts of an installation."""

    lists: dict[str, list[str]] = field(default_factory=dict)
    accounts: tuple[str, ...] = (FIRST, SECOND, THIRD)
    apart: bool = True
    asked: int = 0
    failure: AwsError | None = None

    async def ask(
        self, account: str, region: str, service: str, operation: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        assert (service, operation) == ("s3", "ListBuckets")
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        # Some backends take no notice of the prefix.
        return {"Buckets": [{"Name": name} for name in self.lists.get(account, [])]}

    def __post_init__(self) -> None:
        self.knowledge = Knowledge(self.ask, Clock(), KINDS)
        accounts = Accounts(lambda: self.accounts, lambda _service: self.apart)
        self.owners = Owners(self.knowledge, FIRST, accounts)

    async def owner(self, bucket: str, account: str = FIRST) -> str:
        return await self.owners.of_bucket(arn_of(bucket), account)


async def test_it_is_whose_list_has_it() -> None:
    world = World({FIRST: ["a", "ab"], SECOND: ["b"]})
    assert [await world.owner(bucket, SECOND) for bucket in ("a", "ab", "b", "nobodys")] == [
        FIRST,
        FIRST,
        SECOND,
        SECOND,
    ]
    assert await world.owners.found(arn_of("nobodys"), SECOND) == ""


async def test_one_account_is_asked_nothing() -> None:
    world = World({FIRST: ["a"]}, accounts=(FIRST,))
    assert await world.owner("a") == FIRST
    assert world.asked == 0 and not world.owners.several
    world.accounts = (FIRST, SECOND)  # opened meanwhile
    assert await world.owner("a", SECOND) == FIRST
    assert world.owners.several


async def test_a_backend_of_one_account_is_the_first_accounts() -> None:
    world = World({SECOND: ["a"]}, apart=False)
    assert await world.owner("a", SECOND) == FIRST
    assert world.asked == 0 and not world.owners.several


async def test_it_is_remembered_until_the_bucket_changes_or_the_backend_is_emptied() -> None:
    world = World({FIRST: ["a"]})
    assert await world.owner("a", FIRST) == FIRST
    asked = world.asked
    assert await world.owner("a", FIRST) == FIRST and world.asked == asked
    for operation, lists in (("s3.DeleteBucket", {}), ("s3.CreateBucket", {SECOND: ["a"]})):
        with world.knowledge.changing(operation, [arn_of("a")]):
            world.lists = lists
    assert await world.owner("a", FIRST) == SECOND
    world.lists = {THIRD: ["a"]}
    world.knowledge.clear()  # what the embedded backend held is gone when it dies
    assert await world.owner("a", FIRST) == THIRD


# INVARIANT: an owner who cannot be told is never taken for oneself.
async def test_a_backend_that_does_not_say() -> None:
    for code, status in (("InternalError", 500), ("NotImplemented", 501), ("AccessDenied", 403)):
        world = World({SECOND: ["a"]}, failure=AwsError("no", code=code, status=status))
        with pytest.raises(ServiceUnavailable):
            await world.owner("a", FIRST)


@pytest.mark.parametrize(
    ("resource", "bucket"),
    [
        ("arn:aws:s3:::b", "b"),
        ("arn:aws:s3:::b/k/l", "b"),
        ("arn:aws:s3:::b/*", "b"),
        ("arn:aws:s3:us-east-1:111111111111:accesspoint/x", ""),
        ("arn:aws:sqs:us-east-1:111111111111:q", ""),
        ("*", ""),
    ],
)
def test_the_bucket_of_a_resource(resource: str, bucket: str) -> None:
    assert bucket_of(resource) == bucket
