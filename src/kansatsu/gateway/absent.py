"""Objects that are not there: only who may list the bucket is told so, and for everybody else the read is denied.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html, under "Permissions";
of the others, which read by the same permission, AWS's pages say nothing.
"""

from collections.abc import Awaitable
from functools import partial

from kansatsu.catalog import Authorization
from kansatsu.errors import AwsError
from kansatsu.gateway.answers import Answer
from kansatsu.gateway.exchange import Exchange
from kansatsu.gateway.forwarding import Forwarded, Forwarder
from kansatsu.gateway.special import Allow
from kansatsu.resources import arn_of, bucket_of

_READS = frozenset({"s3.GetObject", "s3.HeadObject", "s3.GetObjectAttributes"})
# INVARIANT: others that are allowed as s3:GetObject tell no more. The uploads of parts are verified before.
_OTHERS = frozenset({"s3.SelectObjectContent", "s3.CopyObject", "s3.UploadPartCopy"})


async def told(
    asked: Awaitable[Answer], exchange: Exchange, account: str, forwarder: Forwarder, allow: Allow
) -> Answer:
    """The answer, where the caller may have it. Raises the denial of s3:ListBucket where there is no such object."""
    allowed = partial(_allowed, exchange, account, forwarder, allow)
    reads = exchange.name in _READS | _OTHERS
    try:
        got = await asked
    except AwsError as error:
        if reads and error.code == "NoSuchKey":
            await allowed()
        raise
    if not reads or not isinstance(got, Forwarded) or got.status != 404:
        return got
    try:
        await allowed()
    except BaseException:
        await got.close()
        raise
    return got


async def _allowed(exchange: Exchange, account: str, forwarder: Forwarder, allow: Allow) -> None:
    buckets = [(account, exchange.params["Bucket"])]
    if "CopySource" in exchange.params:
        pairs = zip(exchange.authorizations, exchange.guards, strict=True)
        item, guard = next((item, guard) for item, guard in pairs if item.action.startswith("s3:GetObject"))
        buckets.append((guard.account or exchange.caller.account, bucket_of(item.resource)))
    for owner, bucket in buckets:
        try:
            await forwarder.ask(owner, exchange.region, "s3", "HeadBucket", {"Bucket": bucket})
        except AwsError as error:
            if error.status == 404:
                return  # it is the bucket that is not there
    await allow((*exchange.authorizations, Authorization("s3:ListBucket", arn_of(buckets[-1][1]))))
