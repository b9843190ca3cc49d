"""Objects that are not there: only who may list the bucket is told so, and for everybody else the read is denied.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html, under "Permissions"
"""

from kansatsu.catalog import Authorization
from kansatsu.errors import AwsError
from kansatsu.gateway.answers import Answer
from kansatsu.gateway.exchange import Exchange
from kansatsu.gateway.forwarding import Forwarded, Forwarder
from kansatsu.gateway.special import Allow
from kansatsu.resources import arn_of

_READS = frozenset({"s3.GetObject", "s3.HeadObject", "s3.GetObjectAttributes"})


async def told(got: Answer, exchange: Exchange, account: str, forwarder: Forwarder, allow: Allow) -> Answer:
    """The answer, where the caller may have it. Raises the denial of s3:ListBucket where there is no such object."""
    if exchange.name not in _READS or not isinstance(got, Forwarded) or got.status != 404:
        return got
    bucket = exchange.params["Bucket"]
    try:
        await forwarder.ask(account, exchange.region, "s3", "HeadBucket", {"Bucket": bucket})
    except AwsError as error:
        if error.status == 404:
            return got  # it is the bucket that is not there
    try:
        await allow((*exchange.authorizations, Authorization("s3:ListBucket", arn_of(bucket))))
    except BaseException:
        await got.close()
        raise
    return got
