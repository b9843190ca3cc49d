"""The global condition keys that a request itself supplies.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
Keys are in lower case. A key that does not apply is absent, never empty.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import ceil
from typing import Any

from kansatsu.http import HttpRequest
from kansatsu.identity import EntityRecord, Session
from kansatsu.services.registry import Caller
from kansatsu.services.sts import saml, web_identity
from kansatsu.signing import ALGORITHM, Signature

Context = dict[str, str | tuple[str, ...]]

_PRINCIPAL_TYPES = {"user": "User", "role": "AssumedRole", "root": "Account", "federated": "FederatedUser"}


def of_principal(caller: Caller, entity: EntityRecord) -> Context:
    """Keys that stay the same for all requests under one access key."""
    context: Context = {
        # Of a role session its role's; of a federated user its own.
        "aws:principalarn": caller.arn if caller.kind == "federated" else entity.arn,
        "aws:principalaccount": caller.account,
        "aws:principaltype": _PRINCIPAL_TYPES[caller.kind],
        "aws:userid": caller.user_id,
        "aws:principalisawsservice": "false",
        "aws:viaawsservice": "false",
    }
    if caller.kind == "user":
        context["aws:username"] = caller.name
    context.update({f"aws:principaltag/{key.lower()}": value for key, value in entity.tags.items()})
    if session := caller.session:
        # aws:MultiFactorAuthPresent is in the context of temporary credentials only.
        context["aws:multifactorauthpresent"] = "true" if session.mfa else "false"
        context["aws:tokenissuetime"] = _timestamp(int(session.issued.timestamp()))
        context.update({f"aws:principaltag/{key.lower()}": value for key, value in session.tags.items()})
        if session.kind == "root":
            context["aws:assumedroot"] = "true"
        if session.source_identity:
            context["aws:sourceidentity"] = session.source_identity
        context.update(_of_instance(caller))
        context.update(web_identity.issued_for(session.source, caller.account))
        context.update(saml.issued_for(session.source))
    return context


def _of_instance(caller: Caller) -> Context:
    """Keys of credentials that the instance metadata service delivered.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-ec2-instance
    """
    source = caller.session.source if caller.session else None
    if not source or "instance" not in source:
        return {}
    instance = f"arn:aws:ec2:{source.get('region', '')}:{caller.account}:instance/{source['instance']}"
    keys = {
        "ec2:sourceinstancearn": instance,
        "ec2:roledelivery": source.get("delivery", ""),
        "aws:ec2instancesourcevpc": source.get("vpc", ""),
        "aws:ec2instancesourceprivateipv4": source.get("private_ip", ""),
    }
    return {key: value for key, value in keys.items() if value}


def of_request(
    request: HttpRequest, client: str, secure: bool, region: str, now: datetime, session: Session | None
) -> Context:
    """Keys of one request; `session` is that of the caller, if it has one."""
    second = int(now.timestamp())
    context: Context = {
        "aws:sourceip": client,
        "aws:securetransport": "true" if secure else "false",
        "aws:currenttime": _timestamp(second),
        "aws:epochtime": str(second),
        "aws:requestedregion": region,
    }
    for header, key in (("user-agent", "aws:useragent"), ("referer", "aws:referer")):
        if value := request.headers.get(header):
            context[key] = value
    if session is not None and session.mfa is not None:
        context["aws:multifactorauthage"] = str(max(0, int((now - session.mfa).total_seconds())))
    return context


def of_s3(signature: Signature | None, request: HttpRequest, params: Mapping[str, Any], now: datetime) -> Context:
    """Keys of S3 alone: how the request was signed, and how long an object will be kept.

    https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html
    """
    context: Context = {}
    if signature is not None:
        context["s3:signatureversion"] = ALGORITHM
        context["s3:authtype"] = "REST-QUERY-STRING" if signature.presigned else "REST-HEADER"
        if signature.policy is not None:
            context["s3:authtype"] = "POST"
        if signature.presigned:
            context["s3:signatureage"] = str(max(0, int((now - signature.time).total_seconds() * 1000)))
    if hashed := request.headers.get("x-amz-content-sha256"):
        context["s3:x-amz-content-sha256"] = hashed
    until = params.get("ObjectLockRetainUntilDate") or (params.get("Retention") or {}).get("RetainUntilDate")
    if isinstance(until, datetime):
        # In whole days, begun ones included: who asks for ten days from now asks for 10, however long the way was.
        context["s3:object-lock-remaining-retention-days"] = str(ceil((until - now) / timedelta(days=1)))
    return context


@lru_cache(maxsize=64)
def _timestamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
