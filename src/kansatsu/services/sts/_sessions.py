"""What all operations that make sessions have in common: session policies, MFA devices, the shape of credentials."""

from typing import Any

from kansatsu.errors import AccessDenied, NoSuchEntity, ValidationError
from kansatsu.identity import Session, managed
from kansatsu.policy import PolicyType, parse
from kansatsu.services.registry import Call

POLICY_ARNS = 10


def credentials(session: Session, token: str) -> dict[str, Any]:
    """The Credentials of an answer."""
    return {
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret.value,
        "SessionToken": token,
        "Expiration": session.expires,
    }


def inline_policy(text: str | None) -> str | None:
    """The inline session policy. Raises MalformedPolicyDocument."""
    if text is not None:
        parse(text, PolicyType.SESSION)
    return text


def policy_arns(call: Call, account: str, requested: list[dict[str, str]] | None) -> tuple[str, ...]:
    """The managed session policies; each must exist in the principal's account or be one of AWS."""
    arns = tuple(item["arn"] for item in requested or ())
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
    return arns


def no_device(serial_number: str | None, token_code: str | None) -> None:
    """Refuse whoever names an MFA device. There are none yet, so no serial number is one."""
    if serial_number is not None or token_code is not None:
        raise AccessDenied(
            "MultiFactorAuthentication failed, unable to validate MFA code.  "
            "Please verify your MFA serial number is valid and associated with this user."
        )
