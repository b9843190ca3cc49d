"""Condition keys that only the backend can tell, and that are asked for only where a policy may decide by them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kansatsu.catalog import Authorization
from kansatsu.catalog.s3 import READS_TAGS, WRITES_TAGS
from kansatsu.resources.facts import Place, Unsupported
from kansatsu.resources.kinds import LOCATION, PARTITION_KEYS
from kansatsu.resources.knowledge import Ask, Knowledge
from kansatsu.resources.owners import arn_of, bucket_of
from kansatsu.resources.property_keys import property_keys, property_keys_of
from kansatsu.resources.tags import Deciding, asked, may_have_tags, tag_keys

_REGION = "aws:requestedregion"
# dynamodb:FullTableScan is false where the partition key is given.
_BY_PARTITION_KEY = (
    *("dynamodb:leadingkeys", "dynamodb:fulltablescan", "dynamodb:firstpartitionkeyvalues"),
    *(f"dynamodb:{place}partitionkeyvalues" for place in ("second", "third", "fourth")),
)


# Beside properties, what is looked up only where a policy asks for it.
_LOOKED_UP = re.compile(
    r"[a-z0-9-]+:resourcetag/.*|s3:existingobjecttag/.*|rds:[a-z-]*tag/.*"
    r"|dynamodb:(leadingkeys|fulltablescan|(first|second|third|fourth)partitionkeyvalues)",
    re.S,
)


def looked_up(
    action: str, resource: str, resolved: bool, context: Mapping[str, str | tuple[str, ...]], keys: frozenset[str]
) -> frozenset[str]:
    """Which of these keys a check on a resource of the backend has only where a policy asks for them, and has not."""
    asked = keys - context.keys()
    found = {key for key in asked if _LOOKED_UP.fullmatch(key)}
    if action.startswith("s3:") and resource != "*":
        found |= asked & {_REGION}
    return property_keys_of(action, resource, resolved, context, asked).union(found)


class Conditions:
    """Completes what a request is authorized on."""

    def __init__(self, knowledge: Knowledge, ask: Ask) -> None:
        self._knowledge = knowledge
        self._ask = ask

    async def completed(self, item: Authorization, account: str, region: str, policies: Deciding) -> Authorization:
        """The check with the tags of its resource, which `account` owns, and the Region of its bucket.

        Raises ServiceUnavailable and Unimplemented where a policy asks for what cannot be told.
        """
        if not any(one.ask(item.action) for one in policies):
            return item
        told = await tag_keys(self._ask, item, account, region, policies)
        told |= await property_keys(self._ask, item, account, region, policies)
        bucket = bucket_of(item.resource)
        # A request is made in the Region of its bucket, whatever Region the client signed for.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion
        if bucket and item.action != "s3:CreateBucket" and asked(policies, item.action, (_REGION,)):
            location = await self._knowledge.learn(LOCATION, Place(account, arn_of(bucket), region))
            if isinstance(location, str) and location:
                told[_REGION] = location
        keys = frozenset[str]().union(*(one.keys(item.action) for one in policies))
        wanted = looked_up(item.action, item.resource, item.exact, item.context, keys)
        absent = tuple(sorted(wanted - told.keys()))
        return replace(item, context={**item.context, **told}, absent=absent) if told or absent else item

    async def without_tags(
        self, items: Sequence[Authorization], owners: Sequence[str], region: str, *, tagged: bool
    ) -> tuple[Authorization, ...]:
        """The checks of a CopyObject but those for tags that its source does not have; `owners` are the resources'.

        `tagged`: the request gives tags of its own, and writes them in any case.
        """
        for item, owner in zip(items, owners, strict=True):
            # INVARIANT: tags that cannot be read are taken for some.
            if item.action in READS_TAGS and await may_have_tags(self._ask, item, owner, region):
                return tuple(items)
        spared = READS_TAGS if tagged else READS_TAGS | {WRITES_TAGS}
        return tuple(item for item in items if item.action not in spared)

    async def partition_keys(self, table: str, index: str, account: str, region: str) -> tuple[str, ...]:
        """Those of a table, by name or ARN, or of its index; () where it is not there. Raises ServiceUnavailable."""
        table_arn = table if table.startswith("arn:") else f"arn:aws:dynamodb:{region}:{account}:table/{table}"
        parts = table_arn.split(":", 5)
        if len(parts) != 6 or not parts[5].startswith("table/"):
            return ()
        found = await self._knowledge.learn(PARTITION_KEYS, Place(parts[4], table_arn, parts[3]))
        return () if isinstance(found, Unsupported) else found.get(index, ())

    @staticmethod
    def by_partition_key(item: Authorization, policies: Deciding) -> bool:
        """Whether a policy may decide by keys that depend on which attribute is the partition key."""
        return item.action.startswith("dynamodb:") and asked(policies, item.action, _BY_PARTITION_KEY)
