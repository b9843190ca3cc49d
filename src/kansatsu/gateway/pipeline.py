"""The one request path: authenticate, resolve, authorize, handle or forward, record, answer.

Our own services and proxied ones take the same steps; no handler checks its caller, and nothing has a private door.
"""

import logging
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection

from kansatsu import catalog, wire
from kansatsu.advisor import MOST_ASKED, EvidenceLost, Recorder
from kansatsu.catalog import Authorization
from kansatsu.clock import Clock
from kansatsu.errors import AccessDenied, AwsError, InternalFailure, InvalidAction, ServiceUnavailable, Unimplemented
from kansatsu.gateway import anonymous, asgi, compressed, deleting, evidence, forms, observing, refusals
from kansatsu.gateway.answers import Answer, Whole
from kansatsu.gateway.authentication import Authenticator, Identity
from kansatsu.gateway.backed import Backed
from kansatsu.gateway.bodies import Bodies
from kansatsu.gateway.deliveries import Undelivered
from kansatsu.gateway.denying import Denier
from kansatsu.gateway.exchange import Exchange
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.gateway.lasting import Decider
from kansatsu.gateway.learning import bound_of
from kansatsu.gateway.spool import Spool
from kansatsu.gateway.turned_away import TurnedAway
from kansatsu.identity import Snapshot, Store
from kansatsu.identity.turns import SMALL
from kansatsu.policy import Decision, Policies
from kansatsu.resources import Resources
from kansatsu.services import OURS
from kansatsu.services.callers import policies_of
from kansatsu.services.deciding import decide
from kansatsu.services.ec2 import ownership
from kansatsu.services.issuers import Issuers
from kansatsu.services.registry import Call, Handler, Refused, handler
from kansatsu.signing import AuthFailure, Signature, SigningError, Verified, parse_signature
from kansatsu.wire import Service
from kansatsu.workload import Workload

log = logging.getLogger(__name__)

# Services with one endpoint for the partition: whatever Region a client signs with, this is aws:RequestedRegion.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion
GLOBAL_REGION = "us-east-1"
_GLOBAL = frozenset({"iam", "organizations", "cloudfront", "route53"})


class Pipeline:
    """The request path over a store, a recorder, the workloads and the backends."""

    def __init__(
        self,
        store: Store,
        recorder: Recorder,
        workload: Workload,
        forwarder: Forwarder,
        resources: Resources,
        clock: Clock,
        *,
        observe: bool = False,
        spool: Spool | None = None,
        issuers: Issuers | None = None,
    ) -> None:
        self._store, self._by_size = store, store.large.by_size
        self._recorder, self._workload = recorder, workload
        self._forwarder, self._resources = forwarder, resources
        self._backed = Backed(store, resources, forwarder, spool or Spool())
        self._clock = clock
        self._authenticator = Authenticator(store)
        self._denier = Denier(store, recorder)
        self._observe = observe
        self._issuers = issuers or Issuers()
        self._strangers, self._bearers = anonymous.Rate(), anonymous.Rate()
        self._turned_away, self._bodies = TurnedAway(), Bodies()

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """Answer one AWS request."""
        request, secure = asgi.head(scope), scope.get("scheme") == "https"
        client, body = asgi.client(scope), asgi.Body(receive, request.headers)
        exchange = Exchange(request, body, client, secure, self._clock.now(), admitted=asgi.admitting(scope))
        with self._bodies.held(exchange):
            await self._answer(exchange, send)

    async def _answer(self, exchange: Exchange, send: asgi.Send) -> None:
        response, error = await self._attempt(exchange)
        try:
            # INVARIANT: the evidence of a call is written before its answer goes out.
            self._record(exchange, error)
        except EvidenceLost as lost:
            await response.close()
            response = _refusal(exchange, ServiceUnavailable(str(lost)))
        send = await exchange.receive.settled(send)
        if exchange.passed:
            send = asgi.adding(send, observing.HEADER, self._told(exchange))
        await response.send(send, bodiless=exchange.request.method == "HEAD")

    async def _attempt(self, exchange: Exchange) -> tuple[Answer, AwsError | None]:
        try:
            return await self._serve(exchange), None
        except (Refused, Undelivered) as raised:
            error = self._refused(exchange, raised)
        except AwsError as raised:
            error = raised
        except SigningError as raised:
            name = exchange.service.name if exchange.service else ""
            self._turned_away.tell(raised.failure, exchange.signature, exchange.client, name, exchange.now)
            exchange.unauthenticated(raised.failure)
            error = refusals.unauthenticated(raised, exchange.service)
        except asgi.ClientGone:
            error = AwsError("The client closed the connection.", code="RequestAborted")
        except Exception:
            log.exception("request %s failed", exchange.request_id)
            error = InternalFailure("We encountered an internal error. Please try again.")
        return _refusal(exchange, error), error

    async def _serve(self, exchange: Exchange) -> Answer:
        form = exchange.form = await forms.opened(exchange.request, exchange.receive)
        exchange.request = form.request if form else exchange.request
        try:
            signature = exchange.signature = form.signature if form else parse_signature(exchange.request)
        except SigningError:
            exchange.service = await self._guess(exchange)
            raise
        exchange.region = signature.region if signature else ""
        signing_name = signature.service if signature else None
        # S3 alone is decided by its head, so that its bodies can be streamed and are asked for (100-continue) only
        # once they are allowed; elsewhere the operation, and often the hash that was signed, is in the body.
        bodiless = signature is None and "content-type" not in exchange.request.headers
        by_head = form is not None or signing_name == "s3" or bodiless
        if not by_head:
            await self._read_body(exchange, signature)
        signed = await self._signed(exchange, signature, whole=not by_head)
        snapshot = exchange.state
        service = self._identify(exchange, signing_name)
        if service.name in _GLOBAL:
            exchange.region = GLOBAL_REGION
        operation = exchange.operation = wire.match(service, exchange.request)
        identity, verified = signed or (anonymous.admitted(operation, exchange.request), None)
        if form is not None:
            form.check(exchange.now)
        elif by_head and operation.streams_request and verified:
            exchange.body = verified.body()
        elif by_head:
            await self._read_body(exchange, signature)
        if exchange.body is None and verified and form is None and by_head:
            _verify_body(exchange, verified)
        # INVARIANT: a head that was replayed with another body is nobody's request, and no evidence of its signer.
        exchange.identity = identity
        exchange.params = await self._by_size(*exchange.weight, partial(wire.decode, operation, exchange.request))
        if identity is anonymous.NOBODY:
            exchange.region = anonymous.region_of(exchange.request, exchange.params)
            if service.name in OURS:
                exchange.identity = await self._store.apart(anonymous.bearer, exchange.params, snapshot)
        return await self._dispatch(exchange, snapshot)

    async def _signed(
        self, exchange: Exchange, signature: Signature | None, *, whole: bool
    ) -> tuple[Identity, Verified] | None:
        try:
            snapshot = exchange.snapshot = await self._store.current()
            if signature is None:
                return None
            known = self._authenticator.authenticate
            found = await self._store.apart(known, exchange.request, signature, snapshot, exchange.now)
            exchange.turn.begin()
            exchange.admitted()
            if whole:
                _verify_body(exchange, found[1])
                exchange.request = compressed.plain(exchange.request, signature.service)
            return found
        except (SigningError, AwsError):  # of the key or the body, or because the database is away
            exchange.service = catalog.outlined(exchange.request, signature.service if signature else None)
            raise

    def _identify(self, exchange: Exchange, signing_name: str | None) -> Service:
        """INVARIANT: only who signed makes us read the model of a service, but for the few that answer strangers."""
        among = anonymous.SERVICES if signing_name is None else ()
        service = exchange.service = catalog.identify(exchange.request, signing_name, among)
        if service is not None:
            return service
        if signing_name is None:
            exchange.service = catalog.outlined(exchange.request, None)
        if exchange.service is not None:
            raise SigningError(AuthFailure.MISSING)
        raise InvalidAction(f"No service that signs as {signing_name!r} has an operation for this request.")

    async def _read_body(self, exchange: Exchange, signature: Signature | None = None) -> None:
        who = ""
        try:
            large = not asgi.fits(exchange.request.headers, SMALL)
            if signature and large and self._authenticator.knows(signature, await self._store.current()):
                who = signature.access_key_id
            body = await self._bodies.read(exchange, who)
        except AwsError:
            # Only to answer in its protocol.
            exchange.service = catalog.outlined(exchange.request, signature.service if signature else None)
            raise
        if body:
            exchange.request = replace(exchange.request, body=body)

    async def _guess(self, exchange: Exchange) -> Service | None:
        """The service of a request whose signature cannot be read: only to answer in its protocol."""
        if "content-type" in exchange.request.headers:
            await self._read_body(exchange)
        return catalog.outlined(exchange.request, None)

    async def _dispatch(self, exchange: Exchange, snapshot: Snapshot) -> Answer:
        operation, owner = exchange.known, "backend"
        name = operation.service.name
        if name in OURS:
            owner = "ours"
        elif name == "ec2":
            await self._workload.adopted()  # whose an instance or an image is, and how it is
            owner = ownership.owner(self._workload, operation.name, exchange.params)
        if owner == "backend":
            return await self._forward(exchange, snapshot)
        found = handler(name, operation.name)
        if owner == "refuse" or found is None:
            raise Unimplemented(f"Kansatsu does not implement {name}:{operation.name} yet.")
        result = exchange.result = await self._handle(exchange, found)
        if owner == "both":
            theirs = await self._forwarder.call(exchange.request, operation, exchange.caller.account, exchange.region)
            result = ownership.merge(operation.name, result, theirs)
        return Whole(wire.encode(operation, result, exchange.request_id))

    async def _handle(self, exchange: Exchange, found: Handler) -> Any:
        await self._by_size(*exchange.weight, partial(wire.validate, exchange.known, exchange.params))
        if found.looks:
            await self._workload.adopted()
        work = partial(self._begun, exchange, found, waited=True)
        if found.slow:
            turn = self._store.aside.take(exchange.caller.account, work)
            call, done, result = await exchange.receive.while_there(turn)
        elif "TokenCode" in exchange.params:  # of a device, which is used up
            call, done, result = await self._store.codes.take(exchange.caller.id, work)
        else:
            waited = exchange.weight[1] > SMALL
            call, done, result = await self._store.apart(self._begun, exchange, found, waited=waited)
        if done:
            return result
        call.enter(None)
        doing = found.function(call, **result) if found.is_async else self._store.transact(_run, found, call, result)
        result = await doing
        exchange.steps = tuple(call.made)
        return result

    def _begun(self, exchange: Exchange, found: Handler, *, waited: bool = False) -> tuple[Call, bool, Any]:
        """Authorize, and run what only reads: (True, its result), else (False, the arguments of what is to come)."""
        self._present(exchange, waited=waited)
        snapshot, caller, context = exchange.state, exchange.caller, exchange.context
        call = Call(
            caller, caller.account, exchange.region, exchange.request_id, exchange.now, context, self._store,
            self._recorder, self._workload, self._clock, self._issuers, snapshot, self._resources,
            host=exchange.request.headers.get("host", ""), vouched=exchange.vouched,
        )  # fmt: skip
        with ExitStack() as stack:
            call.enter(lambda: stack.enter_context(self._store.read()))
            if found.before:
                exchange.authorizations = (Authorization(found.before, "*", {}, exact=False),)
                self._authorize(exchange)
            exchange.authorizations = tuple(found.authorizations(call, exchange.params))
            exchange.steps = tuple(found.steps(call, exchange.params)) if found.steps else ()
            if found.always_allowed:
                exchange.authorized = True
            else:
                self._authorize(exchange)
            exchange.steps = ()  # INVARIANT: what is not done is no evidence of use
            arguments = found.bind(exchange.params)
            if not found.write and not found.is_async:
                return call, True, found.function(call, **arguments)
        return call, False, arguments

    async def _forward(self, exchange: Exchange, snapshot: Snapshot) -> Answer:
        decider = Decider(
            self._store, exchange, partial(self._deciding, exchange, snapshot), partial(self._authorize, exchange)
        )
        return await decider.answered(partial(self._backed.answer, exchange, snapshot, decider))

    def _deciding(self, exchange: Exchange, snapshot: Snapshot, waited: bool) -> tuple[Policies, ...]:
        """All policies that must allow it; in memory from then on, as accounts are."""
        snapshot.accounts()
        self._present(exchange, waited=waited)
        bound = bound_of(exchange.signer, self._workload, self._authenticator, snapshot, exchange.now)
        return (policies_of(exchange.caller, snapshot),) if bound is None else bound.deciding

    def _present(self, exchange: Exchange, *, waited: bool) -> None:
        """Who asks and what of, as it is decided. INVARIANT: what has waited is decided by what holds when its turn
        comes."""
        if waited and exchange.signature is not None:
            exchange.snapshot = self._store.snapshot()
            exchange.identity = self._authenticator.again(exchange.signature, exchange.snapshot, self._clock.now())
        exchange.context = exchange.context_of(exchange.signer)

    def _authorize(self, exchange: Exchange) -> None:
        """Raise the denial of the first authorization that policy does not allow; all must be allowed."""
        identity, context, snapshot = exchange.signer, exchange.context, exchange.state
        if identity is anonymous.NOBODY and anonymous.is_of_users(exchange.known):
            exchange.authorized = True
            return
        bound = bound_of(identity, self._workload, self._authenticator, snapshot, exchange.now)
        policies = policies_of(identity.caller, snapshot) if bound is None else bound.own
        items = tuple(zip_longest(exchange.checks, exchange.guards))
        keys, refused = deleting.keys(exchange), dict[int, tuple[Authorization, Decision]]()
        made = exchange.request_id, exchange.now, exchange.region
        for place, (item, guard) in enumerate(items):
            decision = decide(identity.principal, item, guard, context, policies, snapshot)
            if decision.allowed and bound is not None:
                starter, theirs = bound.starter.principal, exchange.context_of(bound.starter)
                decision = bound.within(decide(starter, item, guard, theirs, bound.policies, snapshot))
            if decision.allowed:
                continue
            if identity is anonymous.NOBODY:
                # INVARIANT: whom no policy of the resource lets in must sign, in every mode; nothing of it is kept, so
                # that strangers fill nothing and learn nothing.
                if deleting.named(item) not in keys:
                    raise SigningError(AuthFailure.MISSING)
                exchange.refused[place] = AccessDenied("Access Denied")
                continue
            # INVARIANT: observing opens no account to another.
            own = guard is None or guard.account in ("", identity.caller.account)
            passes = self._observe and own and observing.may_pass(item)
            if not passes:
                self._log("denied", exchange, item)
            if not passes and deleting.named(item) in keys:
                refused[place] = item, decision
                continue
            others = items[:place] + items[place + 1 :]
            asked = (decide(identity.principal, *other, context, policies, snapshot) for other in others[:MOST_ASKED])
            denial = made, identity.caller, exchange.known, context, [decision, *asked]
            if passes:
                exchange.passed[place] = self._denier.passed(*denial, item)
                continue
            evidence.deny(exchange, item)
            raise self._denier.denied(*denial, item)
        if identity is anonymous.NOBODY and not deleting.leaves(exchange):
            raise SigningError(AuthFailure.MISSING)
        if refused:
            exchange.refused = self._denier.divided(made, identity.caller, exchange.known, context, refused)
        exchange.authorized = True

    def _told(self, exchange: Exchange) -> str:
        """Tell of what was let through, once a request, however often it was decided; what its client is told."""
        for passed in exchange.passed.values():
            self._log("would be denied", exchange, passed.item)
        told, *_ = [passed.keep() or passed.reason for passed in exchange.passed.values()]
        return told

    def _log(self, said: str, exchange: Exchange, item: Authorization) -> None:
        log.info("%s %s %s on %r %s", said, exchange.caller.arn, item.action, item.resource, exchange.request_id)

    def _refused(self, exchange: Exchange, error: Refused | Undelivered) -> AwsError:
        """The denial of an operation of ours that decided by itself, or of what the backend would deliver."""
        identity = exchange.signer
        made = exchange.request_id, exchange.now, exchange.region
        context = exchange.context_of(identity) if isinstance(error, Refused) else error.decision.request.context
        return self._denier.refused(made, identity.caller, exchange.known, context, error)

    def _record(self, exchange: Exchange, error: AwsError | None) -> None:
        """Append what happened; requests that nobody is known to have made are not evidence of a principal."""
        if exchange.identity is None or exchange.operation is None:
            return
        if anonymous.is_stranger(exchange.identity) and not self._worth_recording(exchange, error):
            return
        self._recorder.append(*evidence.told(exchange, error))
        caller = exchange.identity.caller
        if caller.session is not None:
            service = exchange.authorizations[0].action.partition(":")[0] if exchange.authorizations else ""
            self._workload.issuer.used(caller.access_key_id, service, exchange.now)

    def _worth_recording(self, exchange: Exchange, error: AwsError | None) -> bool:
        """INVARIANT: credentials that were given out are on record, however many strangers ask for something else."""
        if not exchange.authorized or not (exchange.caller.account or exchange.guards):
            return False
        if exchange.known.service.name in OURS:
            return error is None or self._bearers.allows(exchange.now.timestamp())
        return self._strangers.allows(exchange.now.timestamp())


def _refusal(exchange: Exchange, error: AwsError) -> Whole:
    service = exchange.service or wire.outline("s3")
    return Whole(wire.encode_error(service, error, exchange.request_id, exchange.operation))


def _verify_body(exchange: Exchange, verified: Verified) -> None:
    """What was signed, decoded where it is aws-chunked. Raises SigningError."""
    payload = verified.check_body(exchange.request.body)
    if payload is not exchange.request.body:
        exchange.request = replace(exchange.request, body=payload)


def _run(conn: Connection, found: Handler, call: Call, arguments: dict[str, Any]) -> Any:
    call.enter(lambda: conn)
    return found.function(call, **arguments)
