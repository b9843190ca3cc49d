"""Requests that a backend answers: whose resources they are about, what must be known to decide, and where they go.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from kansatsu import catalog, wire
from kansatsu.backends import EmbeddedBackend, verified
from kansatsu.catalog import Authorization
from kansatsu.errors import AccessDenied, AwsError, Unimplemented
from kansatsu.gateway import absent, asgi, deleting, digests, foreign, identity_pools, lookups
from kansatsu.gateway.answers import Answer, Whole
from kansatsu.gateway.deliveries import Deliveries
from kansatsu.gateway.encryption import Encryption
from kansatsu.gateway.exchange import Exchange
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.gateway.introductions import introduce
from kansatsu.gateway.iterators import Iterators
from kansatsu.gateway.lasting import Decider, Outdated
from kansatsu.gateway.log_groups import LogGroups
from kansatsu.gateway.log_queries import LogQueries
from kansatsu.gateway.occupancy import Occupancy
from kansatsu.gateway.parameters import Parameters
from kansatsu.gateway.policies import PolicyCalls
from kansatsu.gateway.secrets import Secrets
from kansatsu.gateway.special import Allow, Special
from kansatsu.gateway.spool import Spool
from kansatsu.gateway.standing import Kept
from kansatsu.gateway.subresources import Subresources
from kansatsu.gateway.uploads import Uploads
from kansatsu.identity import Snapshot, Store
from kansatsu.identity.turns import SMALL
from kansatsu.policy import Policies, PolicySet
from kansatsu.resources import Deciding, Guard, Resources, arn_of, bucket_of, owner_in
from kansatsu.wire import Operation

# INVARIANT: what policies are asked about one request has an end. AWS's own limits are 50 tags, 100 keys.
MOST_VALUES = 4000
_OF_VALUE = 1 << 13  # a value that patterns are held against takes as long as so many octets
# They make a bucket of a name, or take it away, so that afterwards it may be another account's.
_CHANGES_BUCKET = frozenset({"s3.CreateBucket", "s3.DeleteBucket"})


class Backed:
    """From a resolved operation to the backend's answer; what is allowed is the pipeline's to decide."""

    def __init__(self, store: Store, resources: Resources, forwarder: Forwarder, spool: Spool) -> None:
        self._store = store
        self._resources = resources
        self._forwarder = forwarder
        self._deliveries = Deliveries(resources, forwarder, Kept(store))
        self._policies = PolicyCalls(resources, forwarder, self._deliveries)
        self._log_queries = LogQueries(store, forwarder)
        self._iterators = Iterators(store, forwarder)
        self._special: tuple[Special, ...] = (
            *(self._log_queries, self._iterators),
            *(LogGroups(forwarder), Parameters(resources, forwarder), Secrets(resources, forwarder)),
            Subresources(forwarder),
        )
        self._occupancy = Occupancy()
        self._encryption = Encryption(resources, forwarder)
        self._uploads = Uploads(forwarder)
        self._foreign = foreign.Subresources()
        self._spool = spool
        self._large = store.large

    async def answer(self, exchange: Exchange, snapshot: Snapshot, decider: Decider) -> Answer:
        """The answer to a request, once `decider` has raised no denial of `exchange.authorizations`."""
        items = exchange.authorizations = await self._resolve(exchange, decider.policies, snapshot)
        if not self._encryption.concerns(exchange):
            return await self._answer(exchange, snapshot, decider, items)
        async with self._encryption.around(exchange, items) as keys:
            return await self._answer(exchange, snapshot, decider, (*items, *keys))

    async def _answer(
        self,
        exchange: Exchange,
        snapshot: Snapshot,
        decider: Decider,
        items: tuple[Authorization, ...],
    ) -> Answer:
        exchange.authorizations = items
        named = tuple(dict.fromkeys(filter(None, (bucket_of(item.resource) for item in items))))
        allow = partial(self._allow, exchange, decider)
        # INVARIANT: from the look at a bucket's owner to the backend's answer, its name means the same bucket.
        async with self._occupancy.using(named):
            await allow(items)
            if exchange.name not in _CHANGES_BUCKET or not self._resources.owners.several:
                return await self._serve(exchange, snapshot, decider, allow)
            await self._refuse_taken(exchange, named[0])
        async with self._occupancy.changing(named[0]):
            await allow(items)  # once more: whose it is may have changed
            await self._refuse_taken(exchange, named[0])
            return await self._serve(exchange, snapshot, decider, allow)

    async def _resolve(self, exchange: Exchange, policies: Deciding, snapshot: Snapshot) -> tuple[Authorization, ...]:
        """What must be allowed, that of other accounts included."""
        operation, account, region = exchange.known, exchange.caller.account, exchange.region
        tables: dict[tuple[str, str], tuple[str, ...]] = {}
        streams = self._iterators.known(exchange)
        named = await self._resources.named(operation.service.name, operation.name, exchange.params, account, region)
        params, exchange.names = named.params, named.names
        answers = await lookups.known(operation, params, account, region, self._forwarder)
        answers |= await lookups.profiles(operation, params, answers, account, self._store)
        resolve = partial(
            catalog.resolve,
            *(operation, params, account, region),
            known={**answers, **named.names, **streams, **await self._log_queries.known(exchange)},
            role=lookups.roles(snapshot, account),
        )
        by_size, weight = self._large.by_size, exchange.weight
        items = await by_size(*weight, lambda: resolve(lambda *names: tables.setdefault(names, ())))
        conditions = self._resources.conditions
        owned = ((item, _with_rcps(policies, snapshot, owner_in(item.resource, None) or account)) for item in items)
        if tables and any(conditions.by_partition_key(item, deciding) for item, deciding in owned):
            tables = {names: await conditions.partition_keys(*names, account, region) for names in tables}
            items = await by_size(*weight, lambda: resolve(lambda *names: tables[names]))
        # INVARIANT: a key that a server may take for the path to another object must be allowed as both.
        if operation.service.name == "s3" and not self._forwarder.is_literal("s3"):
            items = (*items, *catalog.read_as_paths(items))
        return (*items, *catalog.abroad(operation, params, account, region, items))

    async def _allow(self, exchange: Exchange, decider: Decider, items: Sequence[Authorization]) -> None:
        account, region, policies = exchange.caller.account, exchange.region, decider.policies
        exchange.guards = await self._resources.guards(items, account, region, exchange.names)
        decider.guarded(items, exchange.guards)
        if exchange.name == "s3.CopyObject":
            owners = [guard.account or account for guard in exchange.guards]
            tagged = bool(exchange.params.get("Tagging"))
            kept = await self._resources.conditions.without_tags(items, owners, region, tagged=tagged)
            pairs = [pair for pair in zip(items, exchange.guards, strict=True) if pair[0] in kept]
            items, exchange.guards = kept, tuple(guard for _, guard in pairs)
        completed = []
        for item, guard in zip(items, exchange.guards, strict=True):
            # Whatever may decide, also a policy that has no effect for this caller.
            owner = guard.account or account
            asked = _with_rcps(policies, exchange.state, owner)
            if guard.policy is not None:
                asked = [*asked, Policies(PolicySet(), resource=guard.policy)]
            completed.append(await self._resources.conditions.completed(item, owner, region, asked))
        exchange.authorizations, exchange.completed, exchange.passed = tuple(completed), True, {}
        values = max((_values(item) for item in completed), default=0)
        if values > MOST_VALUES:
            raise Unimplemented(
                f"Kansatsu decides on no request with more than {MOST_VALUES} values of a condition key."
            )
        await self._hold(exchange, decider)
        size = max(len(exchange.request.body), values * _OF_VALUE)
        await self._large.by_size(account, size, partial(decider.authorize, size > SMALL))
        # What everybody has through a service is no right that anybody needs: no evidence of use, none to learn.
        keys = [place for place, guard in enumerate(exchange.guards) if guard.of_aws and place not in exchange.passed]
        unneeded = [place for place in keys if "kms:viaservice" in exchange.authorizations[place].context]
        if unneeded:
            exchange.keep([place for place in range(len(exchange.guards)) if place not in unneeded])
        _expected(exchange.params, exchange.authorizations, exchange.guards, account)

    async def _hold(self, exchange: Exchange, decider: Decider) -> None:
        """Raises Outdated, or SigningError, where it was decided by what holds no more.

        INVARIANT: what is asked of the backend is allowed by what holds then, not by what held when it was looked up.
        """

        async def guards(items: Sequence[Authorization]) -> Sequence[Guard]:
            return await self._resources.guards(items, exchange.caller.account, exchange.region, exchange.names)

        if await decider.outdated(guards):
            raise Outdated

    async def _refuse_taken(self, exchange: Exchange, bucket: str) -> None:
        """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html"""
        account = exchange.caller.account
        if exchange.name != "s3.CreateBucket":
            return
        if await self._resources.owners.found(arn_of(bucket), account) not in ("", account):
            text = (
                "The requested bucket name is not available. The bucket namespace is shared by all users of the "
                "system. Please select a different name and try again."
            )
            raise AwsError(text, code="BucketAlreadyExists", status=409, fields={"BucketName": bucket})

    async def _serve(self, exchange: Exchange, snapshot: Snapshot, decider: Decider, allow: Allow) -> Answer:
        operation, guard = exchange.known, exchange.guards[0]
        owner = _account(operation, exchange.authorizations, exchange.guards)
        account = owner or exchange.caller.account or self._forwarder.home  # of an application's user
        await self._refuse_unseen(exchange, account)
        await self._uploads.verify(exchange, account)
        await identity_pools.verify(exchange, account, self._forwarder)
        if operation.tells_endpoints:
            return Whole(wire.encode(operation, _own_endpoint(exchange), exchange.request_id))
        async with self._deliveries.around(exchange, guard, snapshot, account):
            with self._resources.changing(exchange.name, exchange.authorizations):
                await self._hold(exchange, decider)
                result = await self._policies.answer(exchange, guard, snapshot)
                if result is not None:
                    return Whole(wire.encode(operation, result, exchange.request_id))
                backend = self._forwarder.backend(operation.service.name, account)
                for special in self._special:
                    if special.concerns(exchange):
                        return await special.answer(exchange, account, allow)
                await self._foreign.verify(backend, account, exchange.region, operation, exchange.params)
                await introduce(backend, account, exchange.region, exchange.authorizations, snapshot)
                await self._hold(exchange, decider)
                got = self._pass_on(exchange, account, partial(self._at_last, exchange, decider, allow))
                return await absent.told(got, exchange, account, self._forwarder, allow)

    async def _refuse_unseen(self, exchange: Exchange, account: str) -> None:
        operation = exchange.known
        # INVARIANT: fail closed: a kind of policy that nothing here enforces is refused, never stored.
        if kind := catalog.sets_unenforced_policy(operation, exchange.params):
            raise Unimplemented(
                f"Kansatsu does not enforce {kind} yet, so {operation.service.name}:{operation.name} is refused "
                "instead of storing a policy that would have no effect."
            )
        if why := catalog.acts_unseen(operation, exchange.params):
            raise Unimplemented(f"Kansatsu refuses {operation.service.name}:{operation.name} for now: {why}.")
        if self._resources.owners.several:
            # INVARIANT: no service reads or writes a bucket of another account because somebody told it its name.
            for bucket in sorted(catalog.buckets(operation, exchange.params)):
                if await self._resources.owners.found(arn_of(bucket), account) not in ("", account):
                    raise Unimplemented(
                        f"Kansatsu refuses {operation.service.name}:{operation.name} with the bucket {bucket}: it is "
                        f"not account {account}'s, and no policy would be asked about what happens to it."
                    )

    async def _at_last(self, exchange: Exchange, decider: Decider, allow: Allow) -> None:
        """Once more when the body is there, which its sender may have held back. Raises its denial."""
        items = exchange.authorizations
        try:
            await self._hold(exchange, decider)
        except Outdated:
            exchange.undecided()
            await decider.answered(partial(allow, items))

    async def _pass_on(self, exchange: Exchange, account: str, still: Callable[[], Awaitable[None]]) -> Answer:
        if exchange.refused:
            return await deleting.answer(exchange, account, self._forwarder)
        if exchange.form is not None:
            form, at = exchange.form, (account, exchange.region, exchange.request_id)
            async with form.spooled(self._spool) as (upload, file):
                await still()
                got = await self._forwarder.forward(upload, exchange.known, *at, file)
                return await form.answer(got, secure=exchange.secure)
        operation = exchange.known
        body = verified(asgi.stream(exchange.receive), exchange.body) if exchange.body else None
        # Servers of S3 hold a body against what is said of it; the embedded one does not.
        if operation.service.name == "s3" and isinstance(self._forwarder.backend("s3", account), EmbeddedBackend):
            if (said := digests.said(operation.name, exchange.request.headers)) and body is None:
                digests.verify(said, exchange.request.body)
            elif body is not None:
                body = digests.verified(said, body)
        body = _checked(body, still) if body is not None else None
        # INVARIANT: only S3 reads a bucket from the host; no other path may grow by what a client wrote there.
        request = wire.path_style(exchange.request) if operation.service.name == "s3" else exchange.request
        got = await self._forwarder.forward(request, operation, account, exchange.region, exchange.request_id, body)
        await self._encryption.verify(exchange, got)
        return got


async def _checked(body: AsyncIterator[bytes], still: Callable[[], Awaitable[None]]) -> AsyncIterator[bytes]:
    """A body whose last piece comes only while it is still allowed, so that no backend keeps another one."""
    held = b""
    async for piece in body:
        if held:
            yield held
        held = piece
    await still()
    if held:
        yield held


def _own_endpoint(exchange: Exchange) -> Mapping[str, Any]:
    """INVARIANT: endpoint discovery leads nobody past the gateway, to where no policy of ours is asked.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoint-discovery.html: an address without a scheme is
    asked by https.
    """
    host = exchange.request.headers.get("host", "")
    address = host if exchange.secure else f"http://{host}"
    return {"Endpoints": [{"Address": address, "CachePeriodInMinutes": 1440}]}


def _with_rcps(policies: Deciding, snapshot: Snapshot, owner: str) -> Deciding:
    """INVARIANT: a key that an RCP of the resource's account asks for is looked up as if the caller's policies did."""
    rcps = snapshot.rcps(owner)
    return [*policies, Policies(PolicySet(), rcps=rcps)] if rcps else policies


def _account(operation: Operation, items: Sequence[Authorization], guards: Sequence[Guard]) -> str:
    """The account in which the backend does it, "" for the caller's own.

    INVARIANT: what another account's resource allows is done there, never to a namesake in the caller's.
    """
    if operation.service.name == "s3":
        return guards[0].account  # the source of a copy may be another's
    # INVARIANT: what one reads for it in another account (code, a layer, a secret) makes nothing happen there.
    first = items[0].action
    own = first.partition(":")[0] + ":"
    owners = {
        guard.account
        for item, guard in zip(items, guards, strict=True)
        if item.action == first or (item.action.startswith(own) and item.action != "lambda:GetLayerVersion")
    }
    owners.discard("")
    if len(owners) > 1:
        raise Unimplemented(
            f"{operation.service.name}:{operation.name} on resources of several accounts at once is not implemented."
        )
    return next(iter(owners), "")


def _expected(params: Mapping[str, Any], items: Sequence[Authorization], guards: Sequence[Guard], account: str) -> None:
    """Whose bucket the caller said that it is.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    read = (item.resource for item in items if "CopySource" in params and item.action.startswith("s3:GetObject"))
    source = next(read, "")
    for member, resource in (("ExpectedBucketOwner", items[0].resource), ("ExpectedSourceBucketOwner", source)):
        if (expected := params.get(member)) and bucket_of(resource):
            owner = next(guard.account for item, guard in zip(items, guards, strict=True) if item.resource == resource)
            if expected != (owner or account):
                raise AccessDenied("Access Denied")


def _values(item: Authorization) -> int:
    """How many the condition key has that has the most."""
    return max((len(values) for values in item.context.values() if not isinstance(values, str)), default=0)
