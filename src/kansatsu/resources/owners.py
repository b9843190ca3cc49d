"""Whose a bucket is: no ARN tells, and the backend reads any account's bucket for any other.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-walkthroughs-managing-access-example2.html
"""

from collections.abc import Callable
from dataclasses import dataclass

from kansatsu import arn
from kansatsu.errors import ServiceUnavailable
from kansatsu.resources.facts import Place, Unsupported
from kansatsu.resources.kinds import OWNED
from kansatsu.resources.knowledge import Knowledge

_REGION = "us-east-1"  # of the lists of buckets, which are one for all Regions


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts that there are, the first account first, and whether a service's backend keeps them apart."""

    all: Callable[[], tuple[str, ...]]
    apart: Callable[[str], bool]


class Owners:
    """Answers whose a bucket is, by asking the backend for each account's buckets of that name.

    `home` is the account to which everything belongs at a backend that does not keep accounts apart.
    """

    def __init__(self, knowledge: Knowledge, home: str, accounts: Accounts) -> None:
        self._knowledge = knowledge
        self._home = home
        self._accounts = accounts

    async def of_bucket(self, bucket_arn: str, account: str) -> str:
        """The owner of a bucket; `account`, that of the caller, where nobody has it. Raises ServiceUnavailable."""
        return await self.found(bucket_arn, account) or account

    async def found(self, bucket_arn: str, account: str) -> str:
        """The owner of a bucket, "" where nobody has it. Without a question where there is one account only."""
        if not self._accounts.apart("s3"):
            return self._home
        known = self._accounts.all()
        if len(known) < 2:
            return account
        for candidate in dict.fromkeys((account, *known)):
            owned = await self._knowledge.learn(OWNED, Place(candidate, bucket_arn, _REGION))
            if isinstance(owned, Unsupported):
                # INVARIANT: an owner who cannot be told is never taken for oneself.
                raise ServiceUnavailable(f"The backend does not say whose bucket {bucket_arn} is.")
            if owned:
                return candidate
        return ""

    @property
    def several(self) -> bool:
        """Whether a bucket may be another account's than one's own."""
        return self._accounts.apart("s3") and len(self._accounts.all()) > 1


def bucket_of(resource: str) -> str:
    """The bucket in an ARN of a bucket or an object, "" of everything else."""
    named = arn.Arn.parse(resource)
    if named is None or named.service != "s3" or named.region or named.account:
        return ""
    return named.resource.partition("/")[0].replace("*", "")


def arn_of(bucket: str) -> str:
    """The ARN of a bucket."""
    return f"arn:{arn.PARTITION}:s3:::{bucket}"
