"""GetSessionToken and GetFederationToken: sessions of a user itself, and of those for whom it vouches.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
What such sessions may never do, whatever is granted, the policy engine knows (policy.Limits).
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from kansatsu import arn
from kansatsu.catalog import Authorization, asked_tags
from kansatsu.errors import AccessDenied, Unimplemented
from kansatsu.identity import Session, sessions
from kansatsu.services.registry import Call, Params, operation
from kansatsu.services.sts import _sessions as common
from kansatsu.services.sts._tags import SessionTags

DEFAULT_DURATION = 43200  # seconds; the bounds, 900 and 129600, are the model's


@operation("sts", "GetSessionToken")
def get_session_token(
    call: Call,
    duration_seconds: int = DEFAULT_DURATION,
    serial_number: str | None = None,
    token_code: str | None = None,
    minimum_session_token_size: int = 0,
) -> dict[str, Any]:
    """No policy can refuse it: it is how a user authenticates with MFA.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getsessiontoken.html
    """
    _require_long_term_key(call, "GetSessionToken")
    shown = common.shows_device(call, serial_number, token_code)
    made = _issue(call, duration_seconds, kind="user", mfa=shown, minimum_size=minimum_session_token_size)
    common.prove_device(call, serial_number, token_code)
    return common.shown(*made)


def _federated_user(call: Call, params: Params) -> Iterable[Authorization]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_permissions-required"""
    target, tags = arn.federated_user(call.account, params["Name"]), asked_tags(params)
    yield Authorization("sts:GetFederationToken", target, tags, True)
    if params.get("Tags"):
        yield Authorization("sts:TagSession", target, tags, True)


@operation("sts", "GetFederationToken", resource=_federated_user)
def get_federation_token(
    call: Call,
    *,
    name: str,
    policy: str | None = None,
    policy_arns: list[dict[str, str]] | None = None,
    duration_seconds: int = DEFAULT_DURATION,
    tags: list[dict[str, str]] | None = None,
    minimum_session_token_size: int = 0,
) -> dict[str, Any]:
    _require_long_term_key(call, "GetFederationToken")
    session, token = _issue(
        call,
        duration_seconds,
        kind="federated",
        session_name=name,
        tags=SessionTags.of(tags, None, None).tags,
        minimum_size=minimum_session_token_size,
        **common.policies(call, call.account, policy, policy_arns),
    )
    answer = common.shown(session, token) | {
        "FederatedUser": {"FederatedUserId": session.user_id, "Arn": arn.federated_user(call.account, name)},
    }
    if size := sessions.packed_policy_size(session):
        answer["PackedPolicySize"] = size
    return answer


def _require_long_term_key(call: Call, name: str) -> None:
    """INVARIANT: no session begets another one that is free of its limits, its policies or its end."""
    if call.caller.session is None and call.caller.kind == "root":
        raise Unimplemented(f"Kansatsu makes no sessions of the root user with {name}; AWS advises against them, too.")
    if call.caller.session is not None or call.caller.kind != "user":
        raise AccessDenied(f"Cannot call {name} with session credentials")


def _issue(call: Call, duration: int, **fields: Any) -> tuple[Session, str]:
    return sessions.issue(
        call.store,
        account=call.account,
        principal_id=call.caller.id,
        principal_name=call.caller.name,
        issued=call.now,
        expires=call.now.replace(microsecond=0) + timedelta(seconds=duration),
        source=common.regions(call, call.account),
        **fields,
    )
