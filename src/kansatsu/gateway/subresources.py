"""Operations of S3 that the embedded backend does not have: it takes them for others, on the object or bucket itself.

A subresource that it does not know it passes over. What deletes an annotation would delete the object; what shows the
metrics of a bucket would list its objects.
"""

from typing import Any

from kansatsu import wire
from kansatsu.backends import EmbeddedBackend
from kansatsu.errors import AwsError, Unimplemented
from kansatsu.gateway.answers import Whole
from kansatsu.gateway.exchange import Exchange
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.gateway.special import Allow

_PARTS = ("Analytics", "IntelligentTiering", "Metadata", "MetadataTable", "Metrics")
# INVARIANT: none of these reaches it. tests/gateway/test_subresources.py asks for every operation of S3.
_UNKNOWN = frozenset(
    f"s3.{name}"
    for name in (
        *("DeleteObjectAnnotation", "GetObjectAnnotation", "ListObjectAnnotations", "PutObjectAnnotation"),
        *("GetObjectTorrent", "RenameObject", "UpdateObjectEncryption", "WriteGetObjectResponse"),
        *("GetBucketAbac", "GetBucketRequestPayment", "PutBucketRequestPayment", "DeleteBucketInventoryConfiguration"),
        *(f"{verb}Bucket{part}Configuration" for verb in ("Create", "Delete", "Get", "Put") for part in _PARTS),
        *(f"ListBucket{part}Configurations" for part in _PARTS),
        *(f"UpdateBucketMetadata{table}TableConfiguration" for table in ("Annotation", "Inventory", "Journal")),
    )
)
_RETENTION = "s3.GetObjectRetention"


class Subresources:
    """Refuses them; the retention of an object, which is in its head as well, is taken from there."""

    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder

    def concerns(self, exchange: Exchange) -> bool:
        """Is it one of them, for the embedded backend?"""
        if exchange.name not in _UNKNOWN and exchange.name != _RETENTION:
            return False
        return isinstance(self._forwarder.backend("s3", self._forwarder.home), EmbeddedBackend)

    async def answer(self, exchange: Exchange, account: str, _allow: Allow) -> Whole:
        """The retention. Raises Unimplemented for all others."""
        if exchange.name != _RETENTION:
            raise Unimplemented(f"The backend does not implement s3:{exchange.known.name}.")
        params = exchange.params
        asked = {name: params[name] for name in ("Bucket", "Key", "VersionId") if params.get(name)}
        try:
            head: Any = await self._forwarder.ask(account, exchange.region, "s3", "HeadObject", asked)
        except AwsError as error:
            if error.status != 404:
                raise
            # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
            raise AwsError("The specified key does not exist.", code="NoSuchKey", status=404) from error
        if not head.get("ObjectLockMode"):
            text = "The specified object does not have a ObjectLock configuration"
            raise AwsError(text, code="NoSuchObjectLockConfiguration", status=404)
        found = {"Mode": head["ObjectLockMode"], "RetainUntilDate": head["ObjectLockRetainUntilDate"]}
        return Whole(wire.encode(exchange.known, {"Retention": found}, exchange.request_id))
