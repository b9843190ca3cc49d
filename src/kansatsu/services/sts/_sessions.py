"""What all operations that make sessions have in common: session policies, MFA devices, the shape of credentials."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from kansatsu import arn
from kansatsu.errors import AccessDenied, AwsError, InvalidInput, NoSuchEntity, ValidationError
from kansatsu.identity import EntityRecord, Session, credentials, devices, managed, sessions, token_versions
from kansatsu.identity.credentials import Credential
from kansatsu.policy import PolicyType, parse
from kansatsu.services.registry import Call
from kansatsu.services.sts._tags import SessionTags

POLICY_ARNS = 10
_FAILED = "MultiFactorAuthentication failed"


def shown(session: Session, token: str) -> dict[str, Any]:
    """The Credentials of an answer, how large their token is, and how much of what it may be that is, in per cent."""
    credentials = {
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret.value,
        "SessionToken": token,
        "Expiration": session.expires,
    }
    size = len(token)
    share = -(-100 * size // sessions.LONGEST_TOKEN)
    return {"Credentials": credentials, "SessionTokenSize": size, "SessionTokenUtilization": share}


def inline_policy(text: str | None) -> str | None:
    """The inline session policy. Raises MalformedPolicyDocument."""
    if text is not None:
        parse(text, PolicyType.SESSION)
    return text


def policies(call: Call, account: str, inline: str | None, requested: list[dict[str, str]] | None) -> dict[str, Any]:
    """The session policies, as fields of Session; each managed one is of the principal's account or one of AWS.

    Raises PackedPolicyTooLarge, MalformedPolicyDocument, ValidationError.
    """
    # Whose arn the model does not require; without one it names no policy.
    arns = tuple(item.get("arn", "") for item in requested or ())
    sessions.check_plaintext(inline, arns)
    if len(arns) > POLICY_ARNS:
        raise ValidationError(
            f"1 validation error detected: Value '{list(arns)}' at 'policyArns' failed to satisfy constraint: "
            f"Member must have length less than or equal to {POLICY_ARNS}"
        )
    for policy_arn in arns:
        try:
            managed.get(call.conn, account, policy_arn)
        except NoSuchEntity:
            raise ValidationError(f"Policy {policy_arn} does not exist or is not attachable.") from None
        except InvalidInput as error:  # which is no error of STS
            raise ValidationError(error.message) from None
    return {"policy": inline_policy(inline), "policy_arns": arns}


@dataclass(frozen=True, slots=True)
class Passed:
    """What whoever asks for a role session passes to it. `source_identity` "": none; `minimum_size` is the token's."""

    policy: str | None
    policy_arns: list[dict[str, str]] | None
    tags: SessionTags
    source_identity: str
    minimum_size: int


def assumed(
    call: Call, role: EntityRecord, session_name: str, seconds: int, passed: Passed, **more: Any
) -> dict[str, Any]:
    """A new session of a role, as all operations that assume roles answer with it; `more` are fields of Session."""
    more["source"] = {**more.get("source", {}), **regions(call, role.account)}
    session, token = sessions.issue(
        call.store,
        account=role.account,
        principal_id=role.id,
        principal_name=role.name,
        kind="role",
        session_name=session_name,
        issued=call.now,
        expires=call.now.replace(microsecond=0) + timedelta(seconds=seconds),
        tags=passed.tags.tags,
        transitive_tag_keys=passed.tags.transitive,
        source_identity=passed.source_identity,
        minimum_size=passed.minimum_size,
        **policies(call, role.account, passed.policy, passed.policy_arns),
        **more,
    )
    answer = shown(session, token) | {
        "AssumedRoleUser": {
            "AssumedRoleId": session.user_id,
            "Arn": arn.assumed_role(role.account, role.name, session_name),
        },
    }
    if size := sessions.packed_policy_size(session):
        answer["PackedPolicySize"] = size
    if passed.source_identity:
        answer["SourceIdentity"] = passed.source_identity
    return answer


def at_region(call: Call, operation: str) -> None:
    """The endpoint of STS that has no Region in its name does not have this operation. Raises InvalidAction.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html, .../API_GetWebIdentityToken.html
    """
    if token_versions.is_global(call.host):
        raise AwsError(
            f"{operation} is not available on the global endpoint of AWS STS; ask that of a Region.",
            code="InvalidAction",
        )


def regions(call: Call, account: str) -> dict[str, str]:
    """What the source of a session says of the Regions that its token is good in."""
    return token_versions.mark(call.conn, account) if token_versions.is_global(call.host) else {}


def shows_device(call: Call, serial_number: str | None, token_code: str | None) -> datetime | None:
    """When the caller showed a code of its device: now, or None when it shows none. It is used up by prove_device().

    INVARIANT: a wrong code is refused before any policy is asked: two refusals would tell who has only stolen a key
    what the device would open.
    """
    if serial_number is None and token_code is None:
        return None
    with call.store.read() as conn:
        device, now = _device(conn, call, serial_number), call.now.timestamp()
        fits = device is not None and devices.fits(conn, call.store.sealer, device, token_code or "", now)
    if not fits:
        prove_device(call, serial_number, token_code)  # which remembers the guess
    return call.now


def prove_device(call: Call, serial_number: str | None, token_code: str | None) -> None:
    """The last of all checks, so that a request that fails for another reason uses up no code.

    INVARIANT: nothing is answered with on the strength of a code until this has found that nobody else used it.
    Raises AccessDenied for a device that is not the caller's and for a code that is wrong, or was used before.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_configure-api-require.html
    """
    if serial_number is None and token_code is None:
        return
    with call.store.write() as conn:
        device = _device(conn, call, serial_number)
        if device is None:
            raise AccessDenied(
                f"{_FAILED}, unable to validate MFA code.  "
                "Please verify your MFA serial number is valid and associated with this user."
            )
        proved = devices.proves(conn, call.store.sealer, device, token_code or "", call.now.timestamp())
    if not proved:
        raise AccessDenied(f"{_FAILED} with invalid MFA one time pass code. ")


def _device(conn: Connection, call: Call, serial_number: str | None) -> Credential | None:
    """The device of that serial number, where it is the caller's own."""
    device = credentials.named(conn, call.account, devices.KIND, serial_number or "")
    return device if device is not None and call.caller.kind == "user" and device.owner == call.caller.id else None
