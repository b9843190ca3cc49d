"""Who am I, whose key is that, and what does this encoded denial say."""

from typing import Any

from kansatsu.errors import AwsError, ValidationError
from kansatsu.identity import ids, messages
from kansatsu.services.registry import Call, operation


@operation("sts", "GetCallerIdentity")
def get_caller_identity(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: no policy can refuse it."""
    caller = call.caller
    return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}


@operation("sts", "GetAccessKeyInfo")
def get_access_key_info(call: Call, access_key_id: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html: the id alone tells the account."""
    account = ids.account_of(access_key_id)
    if account is None:
        raise ValidationError(f"The access key id {access_key_id} is not valid.")
    return {"Account": account}


@operation("sts", "DecodeAuthorizationMessage")
def decode_authorization_message(call: Call, encoded_message: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html"""
    try:
        text = messages.decode(call.store.sealer, call.account, encoded_message, call.now)
    except messages.InvalidMessage:
        raise AwsError(
            "The message provided is invalid or was not issued for this account.",
            code="InvalidAuthorizationMessageException",
        ) from None
    return {"DecodedMessage": text.partition("\n")[0]}  # behind it is an authorization id, for `kansatsu why`
