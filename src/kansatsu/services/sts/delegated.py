"""GetDelegatedAccessToken: the partner of a delegation request gets the approver's identity, scoped down.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetDelegatedAccessToken.html
"""

from datetime import UTC, datetime
from typing import Any

from kansatsu import arn
from kansatsu.errors import AccessDenied, AwsError, ValidationError
from kansatsu.identity import Session, credentials, delegations, sessions, token_versions
from kansatsu.identity.console import SOURCE as SIGNED_IN
from kansatsu.identity.delegations import KIND, State
from kansatsu.identity.sealing import Secret
from kansatsu.services.registry import Call, operation
from kansatsu.services.sts import _sessions as common


@operation("sts", "GetDelegatedAccessToken")
def get_delegated_access_token(call: Call, trade_in_token: str) -> dict[str, Any]:
    # INVARIANT: nobody leaves a learning session for one that learns nothing and has other bounds.
    if call.caller.learning:
        raise AccessDenied("A learning session trades in no token.")
    # INVARIANT: the token is good in the account that asked, and nowhere else.
    asked = delegations.opened(call.store.sealer, call.account, trade_in_token, call.now)
    found = credentials.by_id(call.conn, asked, KIND) if asked else None
    if found is None or found.account != call.account:
        raise ValidationError("The trade-in token is not valid.")
    now, until = call.now.timestamp(), float(found.details.get("until", 0.0))
    if found.details["state"] != State.FINALIZED or now >= until:
        raise AwsError("The trade-in token has expired.", code="ExpiredTradeInTokenException", status=400)
    lent = _lent(call, found.owner, found.details["lender"], datetime.fromtimestamp(until, UTC))
    # INVARIANT: what is lent is the approver's own and what was asked for, both: the policy bounds whatever grants it.
    lent["scoped"] = (*lent["scoped"], found.details["shown"]["PermissionPolicy"])
    # What the approver's own token was good in says nothing of this one's.
    kept = {name: text for name, text in lent["source"].items() if name != token_versions.MARK}
    lent["source"] = kept | common.regions(call, lent["account"])
    session, token = sessions.issue(call.store, **lent)
    principal = _arn(call, session)
    return {"Credentials": common.shown(session, token)["Credentials"], "AssumedPrincipal": principal}


def _lent(call: Call, account: str, lender: dict[str, Any], until: datetime) -> dict[str, Any]:
    """The fields of the session. Raises AccessDenied when the approver, or the session that approved, is no more."""
    record = call.snapshot.entity(lender["id"])
    mfa = lender.get("mfa")
    fields = {
        "account": account,
        "principal_id": lender["id"],
        "principal_name": lender["name"],
        "kind": lender["kind"],
        "session_name": lender.get("session_name", ""),
        "expires": until,
        "policy": lender.get("policy"),
        "policy_arns": tuple(lender.get("policy_arns", ())),
        "tags": lender.get("tags", {}),
        "transitive_tag_keys": tuple(lender.get("transitive_tag_keys", ())),
        "source_identity": lender.get("source_identity", ""),
        "mfa": datetime.fromtimestamp(mfa, UTC) if mfa else None,
        "chain_depth": lender.get("chain_depth", 0),
        # INVARIANT: what a partner does is not taken for what its approver does in the console.
        "source": {name: text for name, text in lender.get("source", {}).items() if name != SIGNED_IN}
        | {delegations.SOURCE: delegations.ITSELF if lender["itself"] else "session"},
        "scoped": tuple(lender.get("scoped", ())),
    }
    # INVARIANT: what revokes the approver's session (its sessions until a moment, or those of which a policy denies the
    # aws:TokenIssueTime) revokes what it lent, though that was made later: the time of issue is the approver's.
    fields["issued"] = datetime.fromtimestamp(lender["issued"], UTC)
    approved = Session("", Secret(""), **fields)
    if record is None or record.kind != lender["kind"] or call.snapshot.revoked(approved):
        raise AccessDenied("The principal that accepted the delegation request is no more, or was revoked.")
    return fields


def _arn(call: Call, session: Session) -> str:
    if session.kind == "role":
        return arn.assumed_role(session.account, session.principal_name, session.session_name)
    record = call.snapshot.entity(session.principal_id)
    return record.arn if record is not None else ""
