"""GetWebIdentityToken: a signed token that says who the caller is, for whoever reads the issuer's published keys.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html
"""

import json
import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from joserfc import jwt

from kansatsu.catalog import Authorization, asked_tags
from kansatsu.errors import AwsError, ValidationError
from kansatsu.identity import issuers
from kansatsu.services.registry import Call, Params, operation
from kansatsu.services.sts import _sessions as common

DEFAULT_DURATION = 300  # seconds; the bounds, 60 and 3600, are the model's
_LARGEST = 8192  # bytes of claims: AWS does not say its own bound
_NAMESPACE = "https://sts.amazonaws.com/"

# Where the session comes from, by the condition keys that tell the same.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html
_SESSION = {
    "aws:principalorgid": "org_id",
    "aws:sourceidentity": "source_identity",
    "aws:federatedprovider": "federated_provider",
    "ec2:sourceinstancearn": "ec2_source_instance_arn",
    "ec2:roledelivery": "ec2_role_delivery",
    "aws:ec2instancesourcevpc": "ec2_instance_source_vpc",
    "aws:ec2instancesourceprivateipv4": "ec2_instance_source_private_ipv4",
}


def _asked(_call: Call, params: Params) -> Iterable[Authorization]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html"""
    tags = asked_tags(params)
    context = {
        **tags,
        "sts:identitytokenaudience": tuple(params["Audience"]),
        "sts:durationseconds": str(params.get("DurationSeconds", DEFAULT_DURATION)),
        "sts:signingalgorithm": params["SigningAlgorithm"],
    }
    yield Authorization("sts:GetWebIdentityToken", "*", context, True)
    if params.get("Tags"):
        yield Authorization("sts:TagGetWebIdentityToken", "*", tags, True)


@operation("sts", "GetWebIdentityToken", resource=_asked)
def get_web_identity_token(
    call: Call,
    *,
    audience: list[str],
    signing_algorithm: str,
    duration_seconds: int = DEFAULT_DURATION,
    subject_mode: str = "AWSIdentity",
    scope: str | None = None,
    tags: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    common.at_region(call, "GetWebIdentityToken")
    if signing_algorithm not in issuers.ALGORITHMS:
        raise ValidationError(f"The signing algorithm {signing_algorithm} is none of {', '.join(issuers.ALGORITHMS)}.")
    if subject_mode != "AWSIdentity":
        # Only IAM Identity Center gives a session such an identity, and there is none here.
        raise ValidationError("The context of the calling session does not contain the aws:OriginIdentity/Subject key.")
    if scope is not None:
        raise ValidationError("Scope can be specified only when SubjectMode is OriginIdentity.")
    issuer = issuers.of(call.conn, call.account)
    if issuer is None or not issuer.enabled:
        raise _refused("OutboundWebIdentityFederationDisabled", "is not enabled for this account.", 403)
    ends = call.now.replace(microsecond=0) + timedelta(seconds=duration_seconds)
    # INVARIANT: no token outlives the session that asked for it.
    if call.caller.session is not None and ends > call.caller.session.expires:
        raise _refused("SessionDurationEscalation", "cannot give a token that outlives the calling session.", 403)
    claims = {
        "iss": call.issuers.url(issuer.id),
        "aud": audience[0] if len(audience) == 1 else audience,
        "sub": _subject(call),
        "iat": int(call.now.timestamp()),
        "exp": int(ends.timestamp()),
        "jti": str(uuid.uuid4()),
        _NAMESPACE: _identity(call, tags),
    }
    if len(json.dumps(claims)) > _LARGEST:
        raise _refused("JWTPayloadSizeExceeded", "cannot give a token with so many claims.", 400)
    key = issuers.key(call.conn, call.store.sealer, issuer, signing_algorithm)
    token = jwt.encode({"alg": signing_algorithm, "kid": key.kid}, claims, key, algorithms=[signing_algorithm])
    return {"WebIdentityToken": token, "Expiration": ends}


def _subject(call: Call) -> str:
    """Of a role session its role."""
    record = call.snapshot.entity(call.caller.id) if call.caller.kind == "role" else None
    return record.arn if record is not None else call.caller.arn


def _identity(call: Call, tags: list[dict[str, str]] | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "aws_account": call.account,
        "source_region": call.region,
        "principal_id": _subject(call),
    }
    told |= {claim: call.context[key] for key, claim in _SESSION.items() if key in call.context}
    paths = call.context.get("aws:principalorgpaths", ())
    if paths:
        told["ou_path"] = paths if isinstance(paths, str) else paths[0]
    if call.caller.session is not None:
        told["original_session_exp"] = call.caller.session.expires.strftime("%Y-%m-%dT%H:%M:%SZ")
    if own := _principal_tags(call):
        told["principal_tags"] = own
    if tags:
        told["request_tags"] = {item["Key"]: item["Value"] for item in tags}
    return told


def _principal_tags(call: Call) -> dict[str, str]:
    """Those of the user or role, and of the session over them: keys are the same without regard to case."""
    record = call.snapshot.entity(call.caller.id)
    held = {key.lower(): (key, value) for key, value in (record.tags if record is not None else {}).items()}
    session = call.caller.session
    held |= {key.lower(): (key, value) for key, value in (session.tags if session is not None else {}).items()}
    return dict(held.values())


def _refused(code: str, why: str, status: int) -> AwsError:
    return AwsError(f"Outbound web identity federation {why}", code=f"{code}Exception", status=status)
