"""Calls by which clients set and read the policies of resources: checked, and passed on by value.

What a policy does is decided in `kansatsu.resources` and by the policy engine; what is here is how it is set.
"""

from collections.abc import Mapping
from typing import Any

from kansatsu.backends import EmbeddedBackend
from kansatsu.errors import AccessDenied, AwsError, Unimplemented
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.identity import Snapshot
from kansatsu.identity.principals import People
from kansatsu.policy import Document
from kansatsu.resources import READERS, SETTERS, Guard, Resources, is_public, shown
from kansatsu.services.registry import Caller
from kansatsu.wire import Operation


class PolicyCalls:
    """Answers the calls that set or show resource policies; all others are forwarded as they are."""

    def __init__(self, resources: Resources, forwarder: Forwarder) -> None:
        self._resources = resources
        self._forwarder = forwarder

    async def answer(
        self, operation: Operation, params: Mapping[str, Any], guard: Guard, caller: Caller, snapshot: Snapshot
    ) -> Mapping[str, Any] | None:
        """The result of an authorized call that has a policy in it, None for every other call.

        Raises the service's error for a policy that AWS would not take, and what the backend raises.
        """
        name = f"{operation.service.name}.{operation.name}"
        if name not in SETTERS and name not in READERS and name != "s3.GetBucketPolicyStatus":
            return None
        if guard.place is None or not guard.supported:
            raise Unimplemented(f"The backend has no policies for this resource, so {name} is refused.")
        people = People(snapshot.entity, snapshot.find)
        if name in SETTERS:
            prepared = SETTERS[name].prepared(
                params, guard.place.arn, people, embedded=self._embedded(operation, guard)
            )
            if prepared is not None:
                document, params = prepared
                await self._may_set(operation, document, guard, caller)
        elif name not in READERS:
            return await self._status(operation, params, guard)
        result = await self._ask(operation, params, guard)
        return shown(name, result, people) if name in READERS else result

    def _embedded(self, operation: Operation, guard: Guard) -> bool:
        return isinstance(self._forwarder.backend(operation.service.name, guard.account), EmbeddedBackend)

    async def _ask(self, operation: Operation, params: Mapping[str, Any], guard: Guard) -> Mapping[str, Any]:
        assert guard.place is not None  # noqa: S101 - answer() has looked
        return await self._forwarder.ask(
            guard.account, guard.place.region, operation.service.name, operation.name, params
        )

    async def _may_set(self, operation: Operation, document: Document, guard: Guard, caller: Caller) -> None:
        """What S3 checks when a bucket policy is set.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html: by the bucket owner's account only.
        """
        assert guard.place is not None  # noqa: S101 - answer() has looked
        if operation.service.name != "s3":
            return
        if caller.account != guard.account:
            raise AwsError(
                "The specified method is not allowed against this resource.", code="MethodNotAllowed", status=405
            )
        # INVARIANT: what Block Public Access forbids is not stored.
        if is_public(document) and "BlockPublicPolicy" in await self._resources.block(guard.place):
            raise AccessDenied(
                f'User: {caller.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "{guard.place.arn}" '
                "because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access."
            )

    async def _status(self, operation: Operation, params: Mapping[str, Any], guard: Guard) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicyStatus.html"""
        if guard.policy is None:
            return await self._ask(operation.service.operation("GetBucketPolicy"), params, guard)  # raises why not
        return {"PolicyStatus": {"IsPublic": is_public(guard.policy.document)}}
