"""What is written down of a request before its answer goes out: what it used, and what it was decided with."""

from collections.abc import Iterator, Sequence
from typing import Any

from kansatsu.advisor import DENIALS, AccessEvent, Asking, Bearer, CallRecord, digest, digest_of, worth_keeping
from kansatsu.catalog import Authorization, redaction, trails
from kansatsu.errors import AwsError
from kansatsu.gateway.context import of_resource
from kansatsu.gateway.exchange import Exchange
from kansatsu.identity import Session
from kansatsu.policy import UNRESOLVED
from kansatsu.resources import owner_in

# INVARIANT: what a client chose never makes a record so long that its readers take it for damage (1 MiB), nor the
# evidence of one request out of proportion to it. Longer than any ARN that AWS has.
_LONGEST = 4096
Evidence = tuple[list[AccessEvent], CallRecord, dict[str, str]]


def told(exchange: Exchange, error: AwsError | None) -> Evidence:
    """The events of a request, the request itself, and the texts of the policies that it names."""
    items = exchange.authorizations or (
        Authorization(f"{exchange.known.service.name}:{exchange.known.name}", "*", {}, exact=False),
    )
    texts: dict[str, str] = {}
    return [*_events(exchange, items, error), *_delivered(exchange)], _record(exchange, items, error, texts), texts


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


def _events(exchange: Exchange, items: Sequence[Authorization], error: AwsError | None) -> Iterator[AccessEvent]:
    caller = exchange.caller
    allowed = _allowed(exchange, error)
    for place, item in enumerate(items):
        passed = exchange.passed.get(place)
        prefix, _, action = item.action.partition(":")
        yield AccessEvent(
            time=exchange.now.timestamp(),
            request_id=exchange.request_id,
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


def _record(
    exchange: Exchange, items: Sequence[Authorization], error: AwsError | None, texts: dict[str, str]
) -> CallRecord:
    caller, operation, signer = exchange.caller, exchange.known, exchange.signer
    hides = redaction.of_params(operation)
    allowed = _allowed(exchange, error)
    return CallRecord(
        call=exchange.request_id,
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
        asked=tuple(_asking(exchange, place, item, texts if allowed else None) for place, item in enumerate(items)),
        error=error.code if error else "",
        message=error.message if error else "",
        observed=bool(exchange.passed),
        session=_bearer(caller.session, caller.learning, texts) if caller.session is not None else None,
        host=exchange.request.headers.get("host", "") if exchange.secure else "",
        params=(hides(exchange.params) if hides else exchange.params) or None,
        result=_result(exchange, items[0].action) if error is None else None,
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
    )


def _result(exchange: Exchange, action: str) -> Any:
    """What an operation of ours answered, where it changed something or gave out credentials.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """
    operation = exchange.known
    service = operation.service.name
    if not exchange.result or (service != "sts" and trails.reads(service, operation.name, action)):
        return None
    hides = redaction.of_result(operation)
    return hides(exchange.result) if hides else exchange.result
