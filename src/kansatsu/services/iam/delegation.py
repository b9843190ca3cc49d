"""Delegation requests: a partner asks an account for temporary access, and an approver lends its own, scoped down.

https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-building-integration.html
On AWS a partner's policy templates are registered by AWS. Here each account has its own: its managed policies below the
path /delegation-template/.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kansatsu import arn
from kansatsu.catalog import Authorization
from kansatsu.errors import AccessDenied, AwsError, EntityAlreadyExists, InvalidInput, LimitExceeded, NoSuchEntity
from kansatsu.identity import credentials, delegations, managed
from kansatsu.identity.credentials import Credential
from kansatsu.identity.delegations import KIND, State
from kansatsu.identity.pages import Cursor
from kansatsu.identity.sessions import LONGEST_SESSION
from kansatsu.policy import Policy, PolicyType, Source, compile_policy, diagnose, parse
from kansatsu.services import notices
from kansatsu.services.callers import is_itself
from kansatsu.services.iam import _render, _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.iam._templates import filled, values
from kansatsu.services.iam.delegation_check import checked
from kansatsu.services.registry import Call, Params, operation

TEMPLATES = "/delegation-template/"
OPEN = 1000  # requests of one account; AWS does not say its own quota
_OPEN = (State.ASSIGNED, State.PENDING)
# What the owner of a request may do with it without a policy that says so.
_OF_OWNER = frozenset({"GetDelegationRequest", "GetHumanReadableSummary", "UpdateDelegationRequest"})
Shown = dict[str, Any]


def _new(call: Call, params: Params) -> _resources.Target:
    template = (params.get("Permissions") or {}).get("PolicyTemplateArn")
    keys: _resources.Context = {
        "iam:delegationduration": str(params["SessionDuration"]),
        "iam:notificationchannel": params["NotificationChannel"],
    }
    return arn.iam(call.account, "delegation-request/*"), keys | ({"iam:templatearn": template} if template else {})


@iam("CreateDelegationRequest", _new)
async def create_delegation_request(
    call: Call,
    *,
    description: str,
    permissions: Mapping[str, Any],
    requestor_workflow_id: str,
    notification_channel: str,
    session_duration: int,
    owner_account_id: str | None = None,
    request_message: str | None = None,
    redirect_url: str | None = None,
    only_send_by_owner: bool = False,
) -> Shown:
    with call.store.read() as conn:
        policy = _policy(call, conn, permissions)
    await notices.check(call, notification_channel)
    given = {
        "OwnerAccountId": owner_account_id,
        "Description": description,
        "RequestMessage": request_message,
        "Permissions": dict(permissions),
        "PermissionPolicy": policy,
        "SessionDuration": session_duration,
        "RedirectUrl": redirect_url,
        "OnlySendByOwner": only_send_by_owner,
    }
    shown = {name: value for name, value in given.items() if value is not None}
    details: Shown = {"shown": shown, "channel": notification_channel}

    def create(conn: Any) -> Credential:
        if credentials.named(conn, call.account, KIND, requestor_workflow_id) is not None:
            raise EntityAlreadyExists(f"A delegation request with the workflow id {requestor_workflow_id} exists.")
        if len(credentials.every(conn, call.account, KIND)) >= OPEN:
            raise LimitExceeded(f"Cannot exceed quota for DelegationRequestsPerAccount: {OPEN}")
        now = call.now.timestamp()
        return delegations.create(conn, call.store.sealer, call.account, requestor_workflow_id, now, details)

    return {"DelegationRequestId": (await call.store.transact(create)).id}


def _policy(call: Call, conn: Any, permissions: Mapping[str, Any]) -> str:
    """The policy that is asked for. Raises InvalidInput."""
    template = permissions.get("PolicyTemplateArn", "")
    try:
        found = managed.get(conn, call.account, template)
    except NoSuchEntity:
        found = None
    if found is None or found.path != TEMPLATES or managed.owner_of(template) != call.account:
        raise InvalidInput(f"{template} is not a policy template of this account.")
    text = filled(
        managed.version(conn, found, f"v{found.default_version}").document, values(permissions.get("Parameters") or ())
    )
    if fault := diagnose(text, PolicyType.SESSION):
        raise InvalidInput(f"What comes of the policy template is no policy: {fault}")
    return text


# ---- who may see and do what ----------------------------------------------------------------------------------------


def _locate(name: str) -> Callable[[Call, Params], Authorization]:
    def locate(call: Call, params: Params) -> Authorization:
        target = arn.iam(call.account, f"delegation-request/{_id(params)}")
        found = credentials.by_id(call.conn, _id(params), KIND)
        owned = found is not None and found.details.get("owner") == call.caller.arn and found.owner == call.account
        granted = _granted(call.caller.arn, name, target) if owned and name in _OF_OWNER else None
        return Authorization(f"iam:{name}", target, {}, True, granted=granted)

    return locate


def _id(params: Params) -> str:
    return str(params.get("DelegationRequestId") or params["EntityArn"].rpartition("delegation-request/")[2])


def _granted(owner: str, name: str, target: str) -> Policy:
    """INVARIANT: whoever owns a request may see it and add to it, and nothing else, and no other request."""
    statement = f'{{"Effect": "Allow", "Action": "iam:{name}", "Resource": "{target}"}}'
    text = f'{{"Version": "2012-10-17", "Statement": {statement}}}'
    return compile_policy(parse(text), Source(PolicyType.IDENTITY, owner=owner, name="DelegationRequestOwner"))


def _act(name: str, *, write: bool = True) -> Callable[[Any], Any]:
    return operation("iam", name, resource=_locate(name), write=write)


def _existing(call: Call, id: str, conn: Any = None) -> Credential:
    """INVARIANT: a request that is another account's is as if there were none; one that is nobody's is anybody's."""
    found = credentials.by_id(conn or call.conn, id, KIND)
    if found is not None and (found.owner or _asked_of(found)) in ("", call.account):
        return found
    raise NoSuchEntity(f"The delegation request {id} cannot be found.")


def _asked_of(item: Credential) -> str:
    return str(item.details["shown"].get("OwnerAccountId", ""))


def _in(call: Call, id: str, *states: State, conn: Any = None, error: type[AwsError] = InvalidInput) -> Credential:
    """The request, which must be this account's and in one of these states."""
    found = _existing(call, id, conn)
    now = delegations.state(found, call.now.timestamp())
    if now not in states:
        raise error(f"The delegation request {id} is {now}.")
    return found


# ---- the way of a request -------------------------------------------------------------------------------------------


@_act("AssociateDelegationRequest")
def associate_delegation_request(call: Call, delegation_request_id: str) -> Shown:
    found = _in(call, delegation_request_id, State.UNASSIGNED)
    _move(call, call.conn, found, State.ASSIGNED, account=call.account, owner=call.caller.arn)
    return {}


@_act("UpdateDelegationRequest", write=False)
async def update_delegation_request(call: Call, delegation_request_id: str, notes: str = "") -> Shown:
    return await _step(call, delegation_request_id, State.PENDING, _OPEN, shown={"Notes": notes} if notes else {})


@_act("RejectDelegationRequest", write=False)
async def reject_delegation_request(call: Call, delegation_request_id: str, notes: str = "") -> Shown:
    said = {"RejectionReason": notes} if notes else {}
    return await _step(call, delegation_request_id, State.REJECTED, (*_OPEN, State.ACCEPTED), shown=said)


@_act("AcceptDelegationRequest", write=False)
async def accept_delegation_request(call: Call, delegation_request_id: str) -> Shown:
    """The approver's identity of this moment is what the partner gets, with what bounds it, and no more than was asked.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_AcceptDelegationRequest.html
    """
    # INVARIANT: no session of a root user comes of it, and none that learns.
    if call.caller.kind not in ("user", "role") or call.caller.learning:
        raise AccessDenied("Only users and roles accept delegation requests.")
    lent: Shown = {"approver": call.caller.arn, "lender": _lender(call)}
    return await _step(call, delegation_request_id, State.ACCEPTED, _OPEN, error=NoSuchEntity, **lent)


def _lender(call: Call) -> Shown:
    """Who lends, and all that bounds the session that it called with."""
    caller, session = call.caller, call.caller.session
    lent: Shown = {"id": caller.id, "name": caller.name, "kind": caller.kind}
    # INVARIANT: no session is outlived by what it lent, and nothing is lent longer than a revocation is remembered.
    lent |= {"issued": call.now.timestamp(), "ends": (call.now + LONGEST_SESSION).timestamp()}
    lent["itself"] = session is None or is_itself(session)
    if session is not None:
        names = ("kind", "session_name", "policy", "policy_arns", "tags", "transitive_tag_keys", "source_identity")
        lent |= {name: getattr(session, name) for name in (*names, "chain_depth", "source", "scoped")}
        lent |= {"issued": session.issued.timestamp(), "mfa": session.mfa and session.mfa.timestamp()}
        lent["ends"] = session.expires.timestamp()
    return lent


@_act("SendDelegationToken", write=False)
async def send_delegation_token(call: Call, delegation_request_id: str) -> Shown:
    with call.store.read() as conn:
        found = _in(call, delegation_request_id, State.ACCEPTED, conn=conn)
    if found.details["shown"]["OnlySendByOwner"] and found.details["owner"] != call.caller.arn:
        raise AccessDenied("The token of this delegation request can only be sent by its owner.")
    token = delegations.sealed(call.store.sealer, found)
    # Sent before the request is final: a token that nobody got is good for nothing, one that is sent again is another.
    await notices.send(call, found, State.FINALIZED, TradeInToken=token)

    def finalize(conn: Any) -> None:
        now = call.now.timestamp()
        again = _in(call, delegation_request_id, State.ACCEPTED, conn=conn)
        until = min(now + again.details["shown"]["SessionDuration"], again.details["lender"]["ends"])
        _move(call, conn, again, State.FINALIZED, until=until)

    await call.store.transact(finalize)
    return {}


async def _step(
    call: Call,
    id: str,
    to: State,
    states: tuple[State, ...],
    *,
    shown: Shown | None = None,
    error: type[AwsError] = InvalidInput,
    **details: Any,
) -> Shown:
    def step(conn: Any) -> Credential:
        found = _in(call, id, *states, conn=conn, error=error)
        return _move(call, conn, found, to, shown={**found.details["shown"], **(shown or {})}, **details)

    await notices.tell(call, await call.store.transact(step), to)
    return {}


def _move(
    call: Call, conn: Any, item: Credential, to: State, *, account: str | None = None, **details: Any
) -> Credential:
    now = call.now.timestamp()
    return delegations.move(conn, call.store.sealer, item, to, now, account, **details)


# ---- reading --------------------------------------------------------------------------------------------------------


@_act("GetDelegationRequest", write=False)
def get_delegation_request(call: Call, delegation_request_id: str, delegation_permission_check: bool = False) -> Shown:
    found = _existing(call, delegation_request_id)
    answer: Shown = {"DelegationRequest": _show(call, found)}
    if delegation_permission_check:
        result = checked(call, found.details["shown"]["PermissionPolicy"])
        answer |= {"PermissionCheckStatus": "COMPLETE", "PermissionCheckResult": result}
    return answer


def _listed(_call: Call, params: Params) -> _resources.Target:
    return "*", {"iam:delegationrequestowner": params["OwnerId"]} if "OwnerId" in params else {}


@iam("ListDelegationRequests", _listed)
def list_delegation_requests(
    call: Call, owner_id: str | None = None, marker: str | None = None, max_items: int | None = None
) -> Shown:
    cursor = Cursor.of("ListDelegationRequests", marker, max_items)
    held = credentials.owned(call.conn, call.account, KIND)
    mine = [(item.id, item) for item in held if owner_id in (None, item.details.get("owner"))]
    page = _render.page("DelegationRequests", cursor.cut(mine), lambda item: _show(call, item))
    return page | {"isTruncated": page.pop("IsTruncated")}


@_act("GetHumanReadableSummary", write=False)
def get_human_readable_summary(call: Call, entity_arn: str, locale: str = "en") -> Shown:
    """AWS has a language model write it; there is none here, which the answer says in AWS's own word."""
    if ":delegation-request/" not in entity_arn:
        raise InvalidInput("The only entity that has a summary is a delegation request.")
    _existing(call, entity_arn.rpartition("/")[2])
    return {"SummaryState": "NOT_SUPPORTED", "Locale": locale}


def _show(call: Call, item: Credential) -> Shown:
    held = item.details
    shown: Shown = {
        **held["shown"],
        "DelegationRequestId": item.id,
        "State": str(delegations.state(item, call.now.timestamp())),
        "RequestorId": item.account,
        "CreateDate": _render.when(item.created),
        "UpdatedTime": _render.when(held["updated"]),
        "ExpirationTime": _render.when(delegations.expires(item)),
    }
    named = {"OwnerId": held.get("owner"), "ApproverId": held.get("approver"), "OwnerAccountId": item.owner}
    return shown | {name: value for name, value in named.items() if value}
