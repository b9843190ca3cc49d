"""Calls by which clients set and read the policies of resources: checked, and passed on by value.

What a policy does is decided in `kansatsu.resources` and by the policy engine; what is here is how it is set.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from kansatsu.backends import EmbeddedBackend
from kansatsu.errors import AccessDenied, AwsError, Unimplemented
from kansatsu.gateway import buses, permissions, tables
from kansatsu.gateway.authentication import Identity
from kansatsu.gateway.buses import BusPermissions
from kansatsu.gateway.deliveries import Deliveries
from kansatsu.gateway.exchange import Exchange
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.gateway.permissions import FunctionPermissions
from kansatsu.gateway.tables import TablePolicies
from kansatsu.identity import Snapshot
from kansatsu.identity.principals import InvalidPrincipal, People, kept
from kansatsu.policy import Document, PolicyType, Request, Source, compile_policy, evaluate
from kansatsu.resources import (
    COMPOSED,
    GRANT_PRINCIPALS,
    READERS,
    SETTERS,
    Guard,
    Place,
    Resources,
    is_public,
    shown,
)
from kansatsu.resources.buses import named
from kansatsu.resources.kinds import compiled
from kansatsu.services.callers import policies_of

Params = Mapping[str, Any]
_STATUS = "s3.GetBucketPolicyStatus"
_BY_OWNER = frozenset({"s3.PutBucketPolicy", "s3.GetBucketPolicy", "s3.DeleteBucketPolicy", _STATUS})
_OF_GRANTS = frozenset({"kms.CreateGrant", "kms.ListRetirableGrants"})
_BY_STATEMENT = frozenset({*COMPOSED, *permissions.CALLS, *buses.CALLS})
_BY_VALUE = frozenset({*SETTERS, *READERS, *_BY_STATEMENT, *_OF_GRANTS, *_BY_OWNER, *tables.CALLS})


_KEY_POLICY = frozenset({"kms.GetKeyPolicy", "kms.PutKeyPolicy"})


class PolicyCalls:
    """Answers the calls that set or show resource policies; all others are forwarded as they are."""

    def __init__(self, resources: Resources, forwarder: Forwarder, deliveries: Deliveries) -> None:
        self._resources = resources
        self._forwarder = forwarder
        self._deliveries = deliveries
        self._composing = asyncio.Lock()
        self._permissions = FunctionPermissions(lambda place, name, params: self._ask(place, "lambda", name, params))
        self._tables = TablePolicies(resources, lambda place, name, params: self._ask(place, "dynamodb", name, params))
        self._buses = BusPermissions(resources, lambda place, name, params: self._ask(place, "events", name, params))

    async def answer(self, exchange: Exchange, guard: Guard, snapshot: Snapshot) -> Params | None:
        """The result of an authorized call that has a policy in it, None for every other call.

        Raises the service's error for a policy that AWS would not take, and what the backend raises.
        """
        name, operation, identity = exchange.name, exchange.known, exchange.signer
        params: Params = exchange.params
        if name in permissions.ENDS and guard.place is not None and self._is_embedded("lambda", guard.place):
            await self._permissions.end(name, params, guard.place)
        if name not in _BY_VALUE or operation.service.protocol not in operation.service.protocols:
            return None
        if not guard.supported:
            said = f"{operation.service.name}:{operation.name}"
            raise Unimplemented(f"The backend has no policies for this resource, so {said} is refused.")
        # What is only made now has no ARN yet, and whoever makes it owns it.
        place = guard.place or Place(guard.account or identity.caller.account, "", exchange.region)
        if name in _BY_OWNER and identity.caller.account != place.account:
            text = "The specified method is not allowed against this resource."
            raise AwsError(text, code="MethodNotAllowed", status=405)
        params = _with_name(params) if name in _KEY_POLICY else params
        people = People(snapshot.entity, snapshot.find)
        if name in _BY_STATEMENT:
            return await self._by_statement(exchange, place, people)
        if name in tables.CALLS:
            await self._tables.prepare(params, place, embedded=self._is_embedded("dynamodb", place))
        if name in SETTERS:
            kept = await self._kept(exchange, params, place, snapshot)
            if kept is None and name not in READERS:
                return None
            params = kept or params
        if name in _OF_GRANTS:
            params = _with_ids(params, people)
        if name == _STATUS and guard.policy is not None:
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicyStatus.html
            return {"PolicyStatus": {"IsPublic": is_public(guard.policy.document)}}
        if name == "s3.DeleteBucketPolicy":
            return None
        asked = "GetBucketPolicy" if name == _STATUS else operation.name  # it says why there is none
        result = await self._ask(place, operation.service.name, asked, params)
        return shown(name, result, people) if name in READERS else result

    async def _by_statement(self, exchange: Exchange, place: Place, people: People) -> Params:
        """A call that lets somebody in by parameters, or puts him out."""
        name, params = exchange.name, exchange.params
        if name in COMPOSED:
            return await self._compose(exchange, place)
        if name in permissions.CALLS:
            keep = partial(self._deliveries.keep, place, exchange=exchange)
            return await self._permissions.answer(name, params, place, people, keep)
        # INVARIANT: it names a bus of one's own account only, which is where the backend looks it up.
        place = named(params, exchange.signer.caller.account, exchange.region)
        embedded = self._is_embedded("events", place)
        return await self._buses.answer(name, params, place, people, embedded=embedded)

    async def _kept(self, exchange: Exchange, params: Params, place: Place, snapshot: Snapshot) -> Params | None:
        """The parameters of a call with the policy as it is kept, None where it sets none."""
        name = exchange.name
        embedded = self._is_embedded(name.partition(".")[0], place)
        people = People(snapshot.entity, snapshot.find)
        prepared = SETTERS[name].prepared(params, place.arn, people, embedded=embedded)
        if prepared is None:
            return None
        document, passed = prepared
        await self._may_set(name, params, document, place, exchange.signer, snapshot)
        await self._deliveries.keep(place, compiled(place, document.text), exchange)
        return await self._tables.marked(passed, place) if name == tables.SETS and embedded else passed

    def _is_embedded(self, service: str, place: Place) -> bool:
        return isinstance(self._forwarder.backend(service, place.account), EmbeddedBackend)

    async def _ask(self, place: Place, service: str, operation: str, params: Params) -> Params:
        return await self._forwarder.ask(place.account, place.region, service, operation, params)

    async def _compose(self, exchange: Exchange, place: Place) -> Params:
        """A call that adds a statement to a policy, or takes one out: the whole policy is set anew."""
        name, params = exchange.name, exchange.params
        composed = COMPOSED[name]
        async with self._composing:
            policy = await self._resources.policy(place)
            text = composed.changed(params, place, policy.document.text if policy is not None else "")
            await self._deliveries.keep(place, compiled(place, text), exchange)
            await self._ask(place, name.partition(".")[0], composed.operation, composed.params(params, text))
        return {}

    async def _may_set(
        self, name: str, params: Params, document: Document, place: Place, identity: Identity, snapshot: Snapshot
    ) -> None:
        """What services check of a policy beyond its text."""
        if name == "s3.PutBucketPolicy":
            await self._not_blocked(document, place, identity)
        elif name == "secretsmanager.PutResourcePolicy" and params.get("BlockPublicPolicy") and is_public(document):
            # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutResourcePolicy.html
            text = (
                "The BlockPublicPolicy parameter is set to true, and the resource policy did not prevent broad access "
                "to the secret."
            )
            raise AwsError(text, code="PublicPolicyException", status=400)
        elif (lockout := _LOCKOUTS.get(name)) is not None and not params.get(lockout.override):
            _not_locked_out(lockout, document, place, identity, snapshot)

    async def _not_blocked(self, document: Document, place: Place, identity: Identity) -> None:
        # INVARIANT: what Block Public Access forbids is not stored.
        if is_public(document) and "BlockPublicPolicy" in await self._resources.block(place):
            raise AccessDenied(
                f"User: {identity.caller.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "
                f'"{place.arn}" because public policies are prevented by the BlockPublicPolicy setting in S3 Block '
                "Public Access."
            )


class _Lockout(NamedTuple):
    """What one must still be allowed under a new policy, the parameter that says otherwise, and the error."""

    action: str
    override: str
    code: str
    text: str


_OF_KEY = _Lockout(
    "kms:PutKeyPolicy",
    "BypassPolicyLockoutSafetyCheck",
    "MalformedPolicyDocumentException",
    "The new key policy will not allow you to update the key policy in the future.",
)
_LOCKOUTS = {
    # https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html
    "kms.PutKeyPolicy": _OF_KEY,
    "kms.CreateKey": _OF_KEY,
    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html
    "ecr.SetRepositoryPolicy": _Lockout(
        "ecr:SetRepositoryPolicy",
        "force",
        "InvalidParameterException",
        "The new repository policy will not allow you to update the repository policy in the future.",
    ),
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutResourcePolicy.html
    tables.SETS: _Lockout(
        "dynamodb:PutResourcePolicy",
        "ConfirmRemoveSelfResourceAccess",
        "ValidationException",
        "The new resource policy will not allow you to update the resource policy in the future.",
    ),
}


def _not_locked_out(
    lockout: _Lockout, document: Document, place: Place, identity: Identity, snapshot: Snapshot
) -> None:
    resource = compile_policy(document, Source(PolicyType.RESOURCE, owner=place.arn))
    policies = replace(policies_of(identity.caller, snapshot), resource=resource)
    key = place.arn or f"arn:aws:kms:{place.region}:{place.account}:key/new"
    request = Request(identity.principal, lockout.action, key, identity.context, place.account)
    if not evaluate(request, policies).allowed:
        raise AwsError(lockout.text, code=lockout.code, status=400)


def _with_name(params: Params) -> dict[str, Any]:
    """There is one name, and it may be left out: https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html"""
    if params.get("PolicyName", "default") != "default":
        raise AwsError("No such policy exists", code="NotFoundException", status=400)
    return {**params, "PolicyName": "default"}


def _with_ids(params: Params, people: People) -> Params:
    """The principals of a grant as they are kept.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html
    """
    named = {name: str(params[name]) for name in GRANT_PRINCIPALS if params.get(name)}
    try:
        return {
            **params,
            **{
                name: kept("Service" if value.endswith(".amazonaws.com") else "AWS", value, people)
                for name, value in named.items()
            },
        }
    except InvalidPrincipal as error:
        raise AwsError(
            f"ARN does not refer to a valid principal: {error.value}", code="InvalidArnException", status=400
        ) from None
