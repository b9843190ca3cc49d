"""What is written down of a request before its answer goes out: what it used, and what it was decided with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from kansatsu import wire
from kansatsu.advisor import DENIALS, AccessEvent, Asking, Bearer, CallRecord, digest, digest_of, worth_keeping
from kansatsu.catalog import Authorization, redaction, trails
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
Evidence = tuple[list[AccessEvent], list[CallRecord], dict[str, str]]


class _Told(NamedTuple):
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
    texts: dict[str, str] = {}
    refused, denied = deleting.split(exchange), next(iter(exchange.refused.values()), None)
    if refused and not exchange.authorizations:
        # INVARIANT: where all is denied nothing was allowed, whatever else is wrong with the request.
        exchange.authorizations, exchange.authorized = refused, False
        refused, error = (), error or denied
    items = exchange.authorizations or (
        Authorization(f"{exchange.known.service.name}:{exchange.known.name}", "*", {}, exact=False),
    )
    own = _Told(exchange.request_id, exchange.known, exchange.params, exchange.result, items)
    events = [*_events(exchange, own, error), *_delivered(exchange)]
    records = [_record(exchange, own, error, texts)]
    for step in exchange.steps:
        operation = wire.load_service(step.service).operation(step.name)
        part = _Told(new_id(), operation, step.params, step.result, step.authorizations, exchange.request_id, steps.VIA)
        failed = None if step.made or error is None else _denial(operation, error)
        events += _events(exchange, part, failed)
        records.append(_record(exchange, part, failed, texts))
    if refused and exchange.caller.kind != "anonymous":
        part = _Told(new_id(), exchange.known, exchange.params, None, refused, exchange.request_id)
        events += _events(exchange, part._replace(request_id=exchange.request_id), denied)
        records.append(_record(exchange, part, denied, texts))
    return events, records, texts


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


def _allowed(exchange: Exchange, error: AwsError | None) -> bool:
    """What failed before any policy was asked was not allowed; nor was what a trust policy refused."""
    return exchange.authorized and (error is None or error.code not in DENIALS)


def _account(exchange: Exchange) -> str:
    return exchange.caller.account or exchange.guards[0].account


def _events(exchange: Exchange, told: _Told, error: AwsError | None) -> Iterator[AccessEvent]:
    caller = exchange.caller
    allowed = _allowed(exchange, error)
    for place, item in enumerate(told.items):
        passed = None if told.parent else exchange.passed.get(place)
        prefix, _, action = item.action.partition(":")
        yield AccessEvent(
            time=exchange.now.timestamp(),
            request_id=told.request_id,
            account=_account(exchange),
            principal_id=caller.id,
            principal_arn=caller.arn,
            access_key_id=caller.access_key_id,
            service=prefix,
            action=action,
            resource=item.resource[:_LONGEST],
            region=exchange.region,
            allowed=allowed and passed is None,
            error=error.code if error else "",
            exact=item.exact,
            source_ip=exchange.client,
            user_agent=exchange.request.headers.get("user-agent", "")[:_LONGEST],
            context=worth_keeping(item.context, _LONGEST) if caller.learning else {},
            would_deny=passed.reason if passed else "",
        )


def _delivered(exchange: Exchange) -> Iterator[AccessEvent]:
    """What the backend will do by itself, or would have: as the service, or as the role that it would do it with."""
    for decision in exchange.delivering:
        request = decision.request
        prefix, _, action = request.action.partition(":")
        yield AccessEvent(
            time=exchange.now.timestamp(),
            request_id=exchange.request_id,
            account=_account(exchange),
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


def _record(exchange: Exchange, told: _Told, error: AwsError | None, texts: dict[str, str]) -> CallRecord:
    caller, operation, signer = exchange.caller, told.operation, exchange.signer
    hides = redaction.of_params(operation)
    allowed = _allowed(exchange, error)
    return CallRecord(
        call=told.request_id,
        time=exchange.now.timestamp(),
        account=_account(exchange),
        kind=caller.kind,
        principal_id=caller.id,
        name=caller.name,
        arn=caller.arn,
        entity=signer.entity.arn if signer.entity is not None else caller.arn,
        access_key_id=caller.access_key_id,
        service=operation.service.name,
        operation=operation.name,
        region=exchange.region,
        source_ip=exchange.client,
        user_agent=exchange.request.headers.get("user-agent", "")[:_LONGEST],
        allowed=allowed,
        context=exchange.context,
        asked=tuple(
            _asking(exchange, place, item, texts if allowed else None) for place, item in enumerate(told.items)
        ),
        error=error.code if error else "",
        message=error.message if error else "",
        observed=bool(exchange.passed) and (not told.parent or bool(told.via)),
        session=_bearer(caller.session, caller.learning, texts) if caller.session is not None else None,
        host=exchange.request.headers.get("host", "") if exchange.secure else "",
        params=(hides(told.params) if hides else told.params) or None,
        result=_result(told) if error is None else None,
        via=told.via,
        parent=told.parent,
    )


def _asking(exchange: Exchange, place: int, item: Authorization, texts: dict[str, str] | None) -> Asking:
    """`texts` None: it was denied, and guards stand beside other checks than are left of it."""
    guard = exchange.guards[place] if texts is not None and place < len(exchange.guards) else None
    owner = owner_in(item.resource, guard)
    policy = guard.policy_for(exchange.signer.principal, item.action) if guard is not None else None
    account = exchange.caller.account
    resolved = item.exact or item.resource != "*"
    known = item.resource if resolved else UNRESOLVED
    return Asking(
        item.action,
        item.resource[:_LONGEST],
        resolved,
        owner,
        digest_of(policy, texts) if texts is not None else "",
        {**of_resource(item.action, known, owner, account, exchange.state), **item.context},
    )


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
