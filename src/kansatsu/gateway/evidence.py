"""What is written down of a request before its answer goes out: what it used, and what it was decided with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from kansatsu import wire
from kansatsu.advisor import DENIALS, AccessEvent, Asking, Bearer, CallRecord, digest, digest_of, worth_keeping
from kansatsu.catalog import Authorization, redaction, trails
from kansatsu.catalog.tags import readings
from kansatsu.errors import AwsError
from kansatsu.gateway import deleting
from kansatsu.gateway.exchange import Exchange, new_id
from kansatsu.gateway.refusals import denial_code
from kansatsu.identity import Session
from kansatsu.identity.console import SOURCE as SIGNED_IN
from kansatsu.identity.delegations import ITSELF
from kansatsu.identity.delegations import SOURCE as DELEGATED
from kansatsu.policy import UNRESOLVED
from kansatsu.resources import owner_in
from kansatsu.services import steps
from kansatsu.services.deciding import of_resource
from kansatsu.wire import Operation

# INVARIANT: what a client chose never makes a record so long that its readers take it for damage (1 MiB), nor the
# evidence of one request out of proportion to it. Longer than any ARN that AWS has.
_LONGEST = 4096
_NOTHING: dict[str, str | tuple[str, ...]] = {}
Evidence = tuple[list[AccessEvent], list[CallRecord], dict[str, str]]


class _Told(msgspec.Struct, frozen=True, gc=False):
    """The request, or a step of it (`parent`: the request's id), as it is written down."""

    request_id: str
    operation: Operation
    params: Mapping[str, Any]
    result: Any
    items: Sequence[Authorization]
    parent: str = ""
    via: str = ""


def told(exchange: Exchange, error: AwsError | None) -> Evidence:
    """The events of a request and of its steps, these themselves, and the texts of the policies that they name."""
    made: Evidence = [], [], {}
    refused: tuple[Authorization, ...] = ()
    denied = None
    if exchange.refused:
        refused, denied = deleting.split(exchange), next(iter(exchange.refused.values()))
        if not exchange.authorizations:
            # INVARIANT: where all is denied nothing was allowed, whatever else is wrong with the request.
            exchange.authorizations, exchange.authorized = refused, False
            refused, error = (), error or denied
    operation = exchange.known
    items = exchange.authorizations or (
        Authorization(f"{operation.service.name}:{operation.name}", "*", {}, exact=False),
    )
    _tell(exchange, _Told(exchange.request_id, operation, exchange.params, exchange.result, items), error, made)
    if exchange.delivering:
        made[0].extend(_delivered(exchange, made[0][0].account))
        made[1].extend(_delivered_as_role(exchange, made[2]))
    for step in exchange.steps:
        operation = wire.load_service(step.service).operation(step.name)
        part = _Told(new_id(), operation, step.params, step.result, step.authorizations, exchange.request_id, steps.VIA)
        _tell(exchange, part, None if step.made or error is None else _denial(operation, error), made)
    if refused and exchange.caller.kind != "anonymous":
        part = _Told(new_id(), exchange.known, exchange.params, None, refused, exchange.request_id)
        _tell(exchange, part, denied, made)
    return made


def _denial(operation: Operation, error: AwsError) -> AwsError:
    return AwsError(error.message, code=denial_code(operation.service), status=error.status)


def deny(exchange: Exchange, item: Authorization) -> None:
    """Leave of what was asked what the denial of `item` is evidence of: an attempt at that, and at the operation.

    INVARIANT: steps that nobody came to are no use of anything.
    """
    exchange.passed = {}
    if item in exchange.authorizations:
        exchange.authorizations, exchange.steps = of_denied(item, exchange.authorizations), ()
        return
    denied = next(step for step in exchange.steps if item in step.authorizations)
    exchange.authorizations = exchange.authorizations[:1]
    exchange.steps = (replace(denied, authorizations=of_denied(item, denied.authorizations)),)


def of_denied(item: Authorization, asked: Sequence[Authorization]) -> tuple[Authorization, ...]:
    """What is recorded of a request of which `item` was denied: that, and what the operation's own service was asked.

    AWS counts attempts at a service, not only successes: who was refused iam:PassRole by RunInstances tried EC2.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html
    """
    own = asked[0]
    other = own.action.partition(":")[0] != item.action.partition(":")[0]
    return (item, own) if other else (item,)


def _tell(exchange: Exchange, told: _Told, error: AwsError | None, made: Evidence) -> None:
    """Add an event of each thing that was asked, and the record of the whole.

    It runs once a request: what all of them have is looked up once, and members go by place, which is six times as
    fast as by name.
    """
    events, records, texts = made
    signer, operation, parent, passed = exchange.signer, told.operation, told.parent, exchange.passed
    caller, guards, headers = signer.caller, exchange.guards, exchange.request.headers
    session, learning, region = caller.session, caller.learning, exchange.region
    time, agent = exchange.now.timestamp(), headers.get("user-agent", "")[:_LONGEST]
    account = caller.account or guards[0].account
    code, message = (error.code, error.message) if error is not None else ("", "")
    # What failed before any policy was asked was not allowed; nor was what a trust policy refused.
    allowed = exchange.authorized and code not in DENIALS
    # What one key of many was refused is evidence of the whole request.
    event_id = parent if parent and not told.via else told.request_id
    asked = []
    for place, item in enumerate(told.items):
        let = passed.get(place) if passed and not parent else None
        resource = item.resource[:_LONGEST]
        prefix, _, action = item.action.partition(":")
        context = worth_keeping(item.context, _LONGEST) if learning else _NOTHING
        events.append(AccessEvent(
            time, event_id, account, caller.id, caller.arn, caller.access_key_id, prefix, action, resource, region,
            allowed and let is None, code, item.exact, exchange.client, "", context, let.reason if let else "",
        ))  # fmt: skip
        # Of what was denied, guards stand beside other checks than are left of it.
        guard = guards[place] if allowed and place < len(guards) else None
        policy = guard.policy_for(signer.principal, item.action) if guard is not None else None
        owner, resolved = owner_in(item.resource, guard), item.exact or item.resource != "*"
        known = item.resource if resolved else UNRESOLVED
        own = of_resource(item.action, known, owner, caller.account, exchange.state)
        named = digest_of(policy, texts)
        absent = item.absent if exchange.completed else None
        if not item.context:  # as of most operations of ours
            asked.append(Asking(item.action, resource, resolved, owner, named, own, absent))
            continue
        # INVARIANT: each way to read the tags of a resource is one that was asked about, and a replay asks again.
        for one in readings((item,)):
            asked.append(Asking(item.action, resource, resolved, owner, named, {**own, **one.context}, absent))
    hides = redaction.of_params(operation)
    records.append(CallRecord(
        told.request_id, time, account, caller.kind, caller.id, caller.name, caller.arn,
        signer.entity.arn if signer.entity is not None else caller.arn,
        caller.access_key_id, operation.service.name, operation.name, region, exchange.client, allowed,
        exchange.context, tuple(asked), "" if exchange.context.get("aws:useragent") == agent else agent, code, message,
        bool(passed) and (not parent or bool(told.via)),
        _bearer(session, learning, texts) if session is not None else None,
        headers.get("host", "") if exchange.secure else "",
        (hides(told.params) if hides else told.params) or None,
        _result(told) if error is None else None,
        True, told.via, parent, exchange.vouched[0] if exchange.vouched else None,
    ))  # fmt: skip


def _delivered(exchange: Exchange, account: str) -> Iterator[AccessEvent]:
    """What the backend will do by itself, or would have: as the service, or as the role that it would do it with."""
    for decision in exchange.delivering:
        request = decision.request
        prefix, _, action = request.action.partition(":")
        yield AccessEvent(
            time=exchange.now.timestamp(),
            request_id=exchange.request_id,
            account=account,
            principal_id=request.principal.id.partition(":")[0] or request.principal.arn,
            principal_arn=request.principal.arn,
            access_key_id="",
            service=prefix,
            action=action,
            resource=request.resource[:_LONGEST],
            region=exchange.region,
            allowed=decision.allowed,
            error="" if decision.allowed else "AccessDenied",
            exact=True,
            source_ip="",
            user_agent=exchange.name.partition(".")[0] + ".amazonaws.com",
        )


def _delivered_as_role(exchange: Exchange, texts: dict[str, str]) -> Iterator[CallRecord]:
    """The same of what a role of the account is to do, with all that decided: so that a replay asks it again.

    INVARIANT: what only deliveries need of a role is used, and no suggestion takes it away.
    """
    for decision in exchange.delivering:
        request, principal = decision.request, decision.request.principal
        if principal.kind != "role":
            continue
        resource, known = request.resource[:_LONGEST], request.resource is not UNRESOLVED
        owner, guard = request.resource_account, digest_of(decision.policies.resource, texts)
        time, (role_id, _, session) = exchange.now.timestamp(), principal.id.partition(":")
        service = exchange.known.service.name
        yield CallRecord(
            new_id(), time, principal.account, "role", role_id, principal.role_arn.rpartition("/")[2], principal.arn,
            principal.role_arn, "", service, exchange.known.name, exchange.region, "", decision.allowed,
            _NOTHING, (Asking(request.action, resource, known, owner, guard, request.context, None),),
            user_agent=f"{service}.amazonaws.com", error="" if decision.allowed else "AccessDenied",
            session=Bearer("role", session, time), parent=exchange.request_id,
        )  # fmt: skip


def _bearer(session: Session, learning: str, texts: dict[str, str]) -> Bearer:
    scoped = {digest(text): text for text in session.scoped}
    texts |= scoped
    policy = ""
    if session.policy is not None:
        policy = digest(session.policy)
        texts[policy] = session.policy
    return Bearer(
        kind=session.kind,
        name=session.session_name,
        issued=session.issued.timestamp(),
        mfa=session.mfa is not None,
        source_identity=session.source_identity,
        policy=policy,
        policy_arns=session.policy_arns,
        chained=session.chain_depth > 0,
        learning=bool(learning),
        delivery=session.source.get("delivery", "") if "instance" in session.source else "",
        console=SIGNED_IN in session.source,
        delegated=session.source.get(DELEGATED) == ITSELF,
        scoped=tuple(scoped),
    )


def _result(told: _Told) -> Any:
    """What an operation of ours answered, where it changed something or gave out credentials.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """
    operation = told.operation
    service = operation.service.name
    if not told.result or (service != "sts" and trails.reads(service, operation.name, told.items[0].action)):
        return None
    hides = redaction.of_result(operation)
    return hides(told.result) if hides else told.result
