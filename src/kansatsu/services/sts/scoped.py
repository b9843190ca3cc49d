"""GetScopedCredentials: further credentials of the caller's own session, that may do less or end earlier.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetScopedCredentials.html
"""

from datetime import timedelta
from typing import Any

from kansatsu.errors import AccessDenied, AwsError, ValidationError
from kansatsu.identity import sessions
from kansatsu.services.registry import Call, operation
from kansatsu.services.sts import _sessions as common

LAYERS = 3  # of policies by which a session may be scoped down


@operation("sts", "GetScopedCredentials")
def get_scoped_credentials(
    call: Call,
    *,
    policy: str | None = None,
    duration_seconds: int | None = None,
    minimum_session_token_size: int = 0,
    scoped_session_description: str | None = None,  # for the trail, which has every parameter
) -> dict[str, Any]:
    session = call.caller.session
    if session is None:
        raise AwsError(
            "GetScopedCredentials can only be called with temporary security credentials.",
            code="InvalidSubjectCredentials",
            status=400,
        )
    # INVARIANT: nobody leaves a learning session for one that learns nothing.
    if call.caller.learning:
        raise AccessDenied("A learning session is not scoped down: what it does is what it learns.")
    if policy is None and duration_seconds is None:
        raise ValidationError("At least one of Policy and DurationSeconds must be given.")
    if policy is not None and len(session.scoped) >= LAYERS:
        raise AccessDenied(f"A session can be scoped down by at most {LAYERS} policies.")
    expires = session.expires
    if duration_seconds is not None:
        # INVARIANT: no session outlives the one that it comes of.
        expires = call.now.replace(microsecond=0) + timedelta(seconds=duration_seconds)
        if expires > session.expires:
            raise AwsError(
                "The requested DurationSeconds exceeds the remaining lifetime of the calling session.",
                code="InsufficientSessionLifetime",
                status=400,
            )
    text = common.inline_policy(policy)
    made, token = sessions.narrowed(
        call.store, session, expires=expires, policy=text, minimum_size=minimum_session_token_size
    )
    answer = common.shown(made, token) | {
        "SessionInfo": {"ScopedSessionId": made.user_id, "Arn": call.caller.arn},
        "ScopedPoliciesCount": len(made.scoped),
    }
    return answer | ({"SourceIdentity": made.source_identity} if made.source_identity else {})
