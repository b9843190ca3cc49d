"""Keys of KMS that a request to S3 does not name: a bucket's default, and that of an object which is read.

S3 uses them with the caller's rights: who may not use the key neither writes nor reads what it encrypts.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

from kansatsu.backends import EmbeddedBackend
from kansatsu.catalog import Authorization
from kansatsu.catalog.services.s3 import key_uses
from kansatsu.errors import AwsError, ServiceUnavailable
from kansatsu.gateway.exchange import Exchange
from kansatsu.gateway.forwarding import Forwarded, Forwarder
from kansatsu.gateway.occupancy import Apart
from kansatsu.resources import Place, Resources, arn_of, bucket_of

_WRITES = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload"})
_READS = frozenset({"GetObject", "CopyObject", "UploadPartCopy", "SelectObjectContent", "HeadObject"})
_COPIES = frozenset({"CopyObject", "UploadPartCopy", "SelectObjectContent"})  # their answers do not tell the key
_CONCERNED = frozenset(f"s3.{name}" for name in (*_WRITES, *_READS, "CompleteMultipartUpload"))
_KEY = "x-amz-server-side-encryption-aws-kms-key-id"
_SAYS_HOW = ("ServerSideEncryption", "SSECustomerAlgorithm")
_OF_OBJECT = frozenset({"s3:GetObject", "s3:GetObjectVersion"})


class Encryption:
    """Finds those keys at the embedded backend, where all writes pass here; used from one event loop."""

    def __init__(self, resources: Resources, forwarder: Forwarder) -> None:
        self._resources = resources
        self._forwarder = forwarder
        self._apart = Apart()
        # Buckets in which something may be encrypted by a key of KMS: only there is asked about what is read.
        self._encrypted: set[str] = set()

    @staticmethod
    def concerns(exchange: Exchange) -> bool:
        """Can keys of KMS have a say in it that the request does not name?"""
        return exchange.name in _CONCERNED

    @asynccontextmanager
    async def around(
        self, exchange: Exchange, items: Sequence[Authorization]
    ) -> AsyncIterator[Sequence[Authorization]]:
        """Around a request that concerns keys, to the head of its answer: what keys must allow besides `items`.

        INVARIANT: what is read is encrypted by the key that was asked, also where somebody writes it anew in between:
        a copy and a write never meet at one object, and of all other reads the answer tells the key (`verify`).
        Raises ServiceUnavailable where the backend does not say, OperationAborted where a write takes long.
        """
        operation = exchange.known.name
        if operation not in _COPIES:
            keys = await self._checks(exchange, items)
            if operation in _READS or bucket_of(items[0].resource) not in self._encrypted:
                yield keys
                return
            async with self._apart.at((), [items[0].resource]):
                yield keys
            return
        read = [item.resource for item in _read(items)]
        async with self._apart.at(read, [items[0].resource] if operation == "CopyObject" else ()):
            yield await self._checks(exchange, items)

    async def verify(self, exchange: Exchange, answer: Forwarded) -> None:
        """Raises ServiceUnavailable where the object in the answer is not the one that was asked about."""
        if exchange.read_with is not None and answer.header(_KEY) != exchange.read_with and answer.status < 300:
            # Or nobody knew that the bucket has encrypted objects: the next try asks.
            self._encrypted.add(bucket_of(exchange.authorizations[0].resource))
            await answer.close()
            raise ServiceUnavailable("The object was changed while it was read. Please try again.")

    async def _checks(self, exchange: Exchange, items: Sequence[Authorization]) -> tuple[Authorization, ...]:
        operation = exchange.known.name
        found: list[Authorization] = []
        if operation in _WRITES:
            found += await self._written(exchange, items)
        if operation in _READS and (operation != "HeadObject" or exchange.params.get("ChecksumMode")):
            for item in _read(items):
                found += await self._read_by(exchange, item)
        return tuple(found)

    async def _written(self, exchange: Exchange, items: Sequence[Authorization]) -> Sequence[Authorization]:
        params, operation = exchange.params, exchange.known.name
        bucket = bucket_of(items[0].resource)
        if any(item.action.startswith("kms:") for item in items):
            self._encrypted.add(bucket)
        if not bucket or any(params.get(name) for name in _SAYS_HOW):
            return ()
        place = await self._place(exchange, bucket)
        name = await self._resources.default_key(place) if place is not None else ""
        if place is None or not name:
            return ()
        self._encrypted.add(bucket)
        return await self._uses(operation, name, place)

    async def _read_by(self, exchange: Exchange, item: Authorization) -> Sequence[Authorization]:
        """INVARIANT: no object is read without the key that encrypts it, whatever the bucket's default is by now."""
        bucket = bucket_of(item.resource)
        if (place := await self._place(exchange, bucket)) is None:
            return ()
        told = exchange.known.name not in _COPIES
        exchange.read_with = "" if told else None
        if bucket not in self._encrypted:
            return ()
        asked = {"Bucket": bucket, "Key": item.resource.partition("/")[2]}
        if isinstance(version := item.context.get("s3:versionid"), str):
            asked["VersionId"] = version
        try:
            head = await self._forwarder.ask(place.account, place.region, "s3", "HeadObject", asked)
        except AwsError as error:
            if error.status in (400, 404, 405, 412):
                return ()  # there is nothing to read: no such object, or a mark that it was deleted
            raise ServiceUnavailable("The backend does not say how the object is encrypted. Try again.") from error
        name = str(head.get("SSEKMSKeyId") or "")
        exchange.read_with = name if told else None
        return await self._uses("GetObject", name, place) if name else ()

    async def _uses(self, operation: str, name: str, place: Place) -> Sequence[Authorization]:
        return key_uses(operation, await self._resources.key(name, place), place.account, place.region)

    async def _place(self, exchange: Exchange, bucket: str) -> Place | None:
        """The bucket in its owner's account; None where it is not the embedded backend's."""
        owner = await self._resources.owners.of_bucket(arn_of(bucket), exchange.caller.account)
        if not owner or not isinstance(self._forwarder.backend("s3", owner), EmbeddedBackend):
            return None
        return Place(owner, arn_of(bucket), exchange.region)


def _read(items: Sequence[Authorization]) -> Iterator[Authorization]:
    return (item for item in items if item.action in _OF_OBJECT)
