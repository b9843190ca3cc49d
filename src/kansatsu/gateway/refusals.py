"""The one table of authentication errors and denials: what each protocol and service answers, word for word.

Sources: CommonErrors of each API reference, https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from collections.abc import Callable

from kansatsu.catalog import Authorization
from kansatsu.errors import AwsError
from kansatsu.policy import Decision
from kansatsu.signing import AuthFailure, SigningError
from kansatsu.wire import Service

_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_INVALID = "The security token included in the request is invalid."
_EXPIRED = "The security token included in the request is expired"
_EC2 = "AWS was not able to validate the provided access credentials"
_S3_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)

# failure -> dialect -> (code, status, message); "" as the message: the detail of the failure itself.
_Row = dict[str, tuple[str, int, str]]


def _row(
    query: tuple[str, int, str], json: tuple[str, str], ec2: tuple[str, int, str], s3: tuple[str, int, str]
) -> _Row:
    """JSON services answer 400, REST-JSON ones 403, with the same code and message."""
    code, message = json
    return {"query": query, "json": (code, 400, message), "rest-json": (code, 403, message), "ec2": ec2, "s3": s3}


_TABLE: dict[AuthFailure, _Row] = {
    AuthFailure.MISSING: _row(
        ("MissingAuthenticationToken", 403, "Request is missing Authentication Token"),
        ("MissingAuthenticationTokenException", "Missing Authentication Token"),
        ("AuthFailure", 401, _EC2),
        ("AccessDenied", 403, "Access Denied"),
    ),
    AuthFailure.INCOMPLETE: _row(
        ("IncompleteSignature", 400, ""),
        ("IncompleteSignatureException", ""),
        ("AuthFailure", 401, ""),
        ("AuthorizationHeaderMalformed", 400, ""),
    ),
    AuthFailure.INVALID_KEY: _row(
        ("InvalidClientTokenId", 403, _INVALID),
        ("UnrecognizedClientException", _INVALID),
        ("AuthFailure", 401, _EC2),
        ("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."),
    ),
    AuthFailure.INVALID_TOKEN: _row(
        ("InvalidClientTokenId", 403, _INVALID),
        ("UnrecognizedClientException", _INVALID),
        ("AuthFailure", 401, _EC2),
        ("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
    ),
    AuthFailure.EXPIRED_TOKEN: _row(
        ("ExpiredToken", 403, _EXPIRED),
        ("ExpiredTokenException", _EXPIRED),
        ("RequestExpired", 400, "Request has expired."),
        ("ExpiredToken", 400, "The provided token has expired."),
    ),
    AuthFailure.MISMATCH: _row(
        ("SignatureDoesNotMatch", 403, _SIGNATURE),
        ("InvalidSignatureException", _SIGNATURE),
        ("AuthFailure", 401, _EC2),
        ("SignatureDoesNotMatch", 403, _S3_SIGNATURE),
    ),
    AuthFailure.SKEWED: _row(
        ("SignatureDoesNotMatch", 403, ""),
        ("InvalidSignatureException", ""),
        ("RequestExpired", 400, "Request has expired."),
        ("RequestTimeTooSkewed", 403, "The difference between the request time and the current time is too large."),
    ),
    AuthFailure.EXPIRED_URL: _row(
        ("SignatureDoesNotMatch", 403, ""),
        ("InvalidSignatureException", ""),
        ("RequestExpired", 400, "Request has expired."),
        ("AccessDenied", 403, "Request has expired"),
    ),
    AuthFailure.WRONG_SCOPE: _row(
        ("SignatureDoesNotMatch", 403, ""),
        ("InvalidSignatureException", ""),
        ("AuthFailure", 401, _EC2),
        ("AuthorizationHeaderMalformed", 400, ""),
    ),
    AuthFailure.UNSIGNED_HEADER: _row(
        ("SignatureDoesNotMatch", 403, ""),
        ("InvalidSignatureException", ""),
        ("AuthFailure", 401, ""),
        ("AccessDenied", 403, "There were headers present in the request which were not signed"),
    ),
    AuthFailure.PAYLOAD_MISMATCH: _row(
        ("SignatureDoesNotMatch", 403, _SIGNATURE),
        ("InvalidSignatureException", _SIGNATURE),
        ("AuthFailure", 401, _EC2),
        (
            "XAmzContentSHA256Mismatch",
            400,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
    ),
}

# Where S3 tells failures apart that the others do not.
_S3_ONLY: dict[AuthFailure, tuple[str, int, str]] = {
    AuthFailure.UNSUPPORTED_VERSION: (
        "InvalidRequest",
        400,
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    ),
    AuthFailure.UNSUPPORTED_TYPE: ("InvalidArgument", 400, "Unsupported Authorization Type"),
    AuthFailure.UNSUPPORTED_ALGORITHM: ("InvalidArgument", 400, "Unsupported Authorization Type"),
    AuthFailure.MULTIPLE: ("InvalidArgument", 400, ""),
    AuthFailure.MALFORMED_QUERY: ("AuthorizationQueryParametersError", 400, ""),
    AuthFailure.INVALID_EXPIRES: ("AuthorizationQueryParametersError", 400, ""),
    AuthFailure.MISSING_PAYLOAD_HASH: ("InvalidRequest", 400, ""),
    AuthFailure.INVALID_PAYLOAD_HASH: ("InvalidArgument", 400, ""),
    AuthFailure.MISSING_LENGTH: ("MissingContentLength", 411, "You must provide the Content-Length HTTP header."),
    AuthFailure.INVALID_LENGTH: ("InvalidArgument", 400, ""),
    AuthFailure.INCOMPLETE_BODY: ("IncompleteBody", 400, ""),
    AuthFailure.MALFORMED_CHUNK: ("InvalidRequest", 400, ""),
    AuthFailure.CHUNK_TOO_SMALL: ("InvalidChunkSizeError", 403, ""),
    AuthFailure.MALFORMED_TRAILER: ("MalformedTrailerError", 400, ""),
    AuthFailure.UNSUPPORTED_TRAILER: ("InvalidRequest", 400, ""),
    AuthFailure.CHECKSUM_MISMATCH: ("BadDigest", 400, ""),
}

# Services with a word of their own for AccessDenied: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
_DENIED_BY = {"sns": "AuthorizationError"}
_DENIALS = {"ec2": "UnauthorizedOperation", "json": "AccessDeniedException", "rest-json": "AccessDeniedException"}

_DIALECTS = {"query": "query", "ec2": "ec2", "json": "json", "rest-json": "rest-json", "rest-xml": "query"}


def dialect(service: Service | None) -> str:
    """Which column of the table a service speaks; requests of no recognisable service are answered as S3 does."""
    if service is None or service.name in ("s3", "s3control"):
        return "s3"
    return _DIALECTS.get(service.protocol, "json")


def unauthenticated(error: SigningError, service: Service | None) -> AwsError:
    """The error for a request whose signature, key, token or body was not accepted."""
    spoken = dialect(service)
    row = _TABLE.get(error.failure) or _TABLE[error.failure.general]
    code, status, message = _S3_ONLY.get(error.failure, row["s3"]) if spoken == "s3" else row[spoken]
    # Only S3 shows what it computed; its StringToSign is made of what the client sent and of no secret.
    fields: dict[str, object] = dict(error.fields) if spoken == "s3" else {}
    return AwsError(message or error.detail, code=code, status=status, fields=fields)


def pointer(id: str) -> str:
    """Where the details of a denial are; the words are AWS's, but for its console, which does not know our ids.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied-authorization-id.html
    """
    if not id:
        return ""
    return (
        f". Run `kansatsu why {id}` for complete details, or call the GetRequestAuthorizationDetails API with the "
        f"following authorization id: {id}"
    )


def denied(
    arn: str, authorization: Authorization, decision: Decision, service: Service, id: str, encoded: Callable[[], str]
) -> AwsError:
    """The error for a request that policy refuses.

    `id`: under which the details are kept, "" when they are not. `encoded` seals what EC2 puts into its message.
    """
    spoken = dialect(service)
    resource = f'"{authorization.resource}"' if spoken == "s3" else authorization.resource
    message = (
        f"User: {arn} is not authorized to perform: {authorization.action} on resource: {resource} "
        f"{decision.reason(authorization.action)}{_denying_policy(decision)}"
    )
    if not authorization.exact and authorization.resource == "*":
        message += " (Kansatsu cannot tell which resource this request names: only a policy on * allows it)"
    message += pointer(id)
    if spoken == "ec2":
        return AwsError(
            f"You are not authorized to perform this operation. {message}. "
            f"Encoded authorization failure message: {encoded()}",
            code=denial_code(service),
            status=403,
        )
    return AwsError(message, code=denial_code(service), status=400 if spoken == "json" else 403)


def denial_code(service: Service) -> str:
    """What a service calls the denial of a request."""
    return _DENIED_BY.get(service.name) or _DENIALS.get(dialect(service), "AccessDenied")


def _denying_policy(decision: Decision) -> str:
    """The ARN of the policy that denies explicitly, where it has one."""
    if not decision.explicit:
        return ""
    denying = (match for match in decision.matched if match.effect == "Deny" and match.policy.type is decision.type)
    found = next(denying, None)
    return f": {found.policy.arn}" if found is not None and found.policy.arn else ""
