"""Tells a backend that refuses Kansatsu's own credentials from one that refuses the request."""

import re
from collections.abc import AsyncIterator

from kansatsu.backends.port import BackendResponse

_STATUSES = frozenset({400, 401, 403})
_MOST = 64 * 1024  # bytes of an error that are looked at; none is longer
_CODE = re.compile(rb'<Code>\s*([\w.]+)\s*</Code>|"(?:__type|code)"\s*:\s*"(?:[^"#]*#)?([\w.]+)"')
# What only the signer of a request can be told.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
_CODES = frozenset(
    {
        "AuthFailure", "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError", "ExpiredToken",
        "ExpiredTokenException", "IncompleteSignature", "IncompleteSignatureException", "InvalidAccessKeyId",
        "InvalidClientTokenId", "InvalidSecurity", "InvalidSignatureException", "InvalidToken",
        "MissingAuthenticationToken", "MissingAuthenticationTokenException", "MissingSecurityHeader", "NotSignedUp",
        "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)  # fmt: skip


async def of_credentials(response: BackendResponse) -> str:
    """The backend's code when it says that our key, token, signature or clock is wrong; "" for every other answer.

    The response can be read afterwards as if nobody had looked, unless there is a code: then it is closed.
    """
    if response.status not in _STATUSES:
        return ""
    pieces: list[bytes] = []
    async for piece in response.body:
        pieces.append(piece)
        if sum(map(len, pieces)) >= _MOST:
            break
    found = _CODE.search(b"".join(pieces))
    code = (found[1] or found[2]).decode() if found else ""
    if code in _CODES:
        await response.close()
        return code
    response.body = _again(pieces, response.body)
    return ""


async def _again(pieces: list[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    async for piece in rest:
        yield piece
