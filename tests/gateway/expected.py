"""AWS's words for requests that are not authentic: status, code and text in each protocol."""

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
S3_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)
EC2_FAILED = "AWS was not able to validate the provided access credentials"
INVALID = "The security token included in the request is invalid."
UNSUPPORTED = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
Expected = tuple[int, str, str]  # status, code, message ("...": what the middle of it is does not matter)


def common(
    query: Expected, json: tuple[str, str], ec2: Expected, s3: Expected, rest_json_status: int = 403
) -> dict[str, Expected]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html and its like of the other services."""
    code, message = json
    return {
        "query": query,
        "json": (400, code, message),
        "rest-json": (rest_json_status, code, message),
        "ec2": ec2,
        "s3": s3,
    }


MISSING = common(
    (403, "MissingAuthenticationToken", "Request is missing Authentication Token"),
    ("MissingAuthenticationTokenException", "Missing Authentication Token"),
    (401, "AuthFailure", EC2_FAILED),
    (403, "AccessDenied", "Access Denied"),
)
UNKNOWN_KEY = common(
    (403, "InvalidClientTokenId", INVALID),
    ("UnrecognizedClientException", INVALID),
    (401, "AuthFailure", EC2_FAILED),
    (403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
)
INVALID_TOKEN = {**UNKNOWN_KEY, "s3": (400, "InvalidToken", "The provided token is malformed or otherwise invalid.")}
WRONG = common(
    (403, "SignatureDoesNotMatch", MISMATCH),
    ("InvalidSignatureException", MISMATCH),
    (401, "AuthFailure", EC2_FAILED),
    (403, "SignatureDoesNotMatch", S3_MISMATCH),
)
EXPIRED_TOKEN = common(
    (403, "ExpiredToken", "The security token included in the request is expired"),
    ("ExpiredTokenException", "The security token included in the request is expired"),
    (400, "RequestExpired", "Request has expired."),
    (400, "ExpiredToken", "The provided token has expired."),
)
TOO_SKEWED = (
    403,
    "RequestTimeTooSkewed",
    "The difference between the request time and the current time is too large.",
)
OLD = common(
    (403, "SignatureDoesNotMatch", "Signature expired: ... is now earlier than ... (... - 15 min.)"),
    ("InvalidSignatureException", "Signature expired: ... is now earlier than ... (... - 15 min.)"),
    (400, "RequestExpired", "Request has expired."),
    TOO_SKEWED,
)
EARLY = common(
    (403, "SignatureDoesNotMatch", "Signature not yet current: ... is still later than ... (... + 15 min.)"),
    ("InvalidSignatureException", "Signature not yet current: ... is still later than ... (... + 15 min.)"),
    (400, "RequestExpired", "Request has expired."),
    TOO_SKEWED,
)
SCOPE = common(
    (403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region."),
    ("InvalidSignatureException", "Credential should be scoped to a valid region."),
    (401, "AuthFailure", EC2_FAILED),
    (400, "AuthorizationHeaderMalformed", "Credential should be scoped to a valid region."),
)
NOT_SIGNED = "There were headers present in the request which were not signed"
UNSIGNED = common(
    (403, "SignatureDoesNotMatch", f"{NOT_SIGNED}: x-amz-sneaky"),
    ("InvalidSignatureException", f"{NOT_SIGNED}: x-amz-sneaky"),
    (401, "AuthFailure", f"{NOT_SIGNED}: x-amz-sneaky"),
    (403, "AccessDenied", NOT_SIGNED),
)
NO_HOST = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
UNSIGNED_HOST = common(
    (403, "SignatureDoesNotMatch", NO_HOST),
    ("InvalidSignatureException", NO_HOST),
    (401, "AuthFailure", NO_HOST),
    (403, "AccessDenied", NOT_SIGNED),
)
SIGV2 = common(
    (400, "IncompleteSignature", UNSUPPORTED),
    ("IncompleteSignatureException", UNSUPPORTED),
    (401, "AuthFailure", UNSUPPORTED),
    (400, "InvalidRequest", UNSUPPORTED),
)
SIGV4A_TEXT = f"Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'. {UNSUPPORTED}"
SIGV4A = common(
    (400, "IncompleteSignature", SIGV4A_TEXT),
    ("IncompleteSignatureException", SIGV4A_TEXT),
    (401, "AuthFailure", SIGV4A_TEXT),
    (400, "InvalidArgument", "Unsupported Authorization Type"),
)
