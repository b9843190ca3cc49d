"""Every way in which a signature can be wrong, as far as AWS tells them apart; the gateway maps them to error codes."""

from collections.abc import Mapping
from enum import StrEnum


class AuthFailure(StrEnum):
    """What is wrong. `general` names the broader failure, for tables that do not tell the finer ones apart."""

    MISSING = "missing"
    INCOMPLETE = "incomplete"  # a part of the Authorization header, of the query form, or the date is not there
    INVALID_KEY = "invalid-key"
    INVALID_TOKEN = "invalid-token"  # noqa: S105 - a name, not a secret
    EXPIRED_TOKEN = "expired-token"  # noqa: S105 - a name, not a secret
    MISMATCH = "mismatch"
    SKEWED = "skewed"  # signed more than 15 minutes ago
    NOT_YET = "not-yet"  # signed for a time more than 15 minutes ahead
    EXPIRED_URL = "expired-url"
    WRONG_SCOPE = "wrong-scope"  # date or terminator of the credential scope
    WRONG_REGION = "wrong-region"
    WRONG_SERVICE = "wrong-service"
    UNSIGNED_HEADER = "unsigned-header"  # an x-amz-* header (S3: or Content-Type) is present and not signed
    UNSIGNED_HOST = "unsigned-host"
    PAYLOAD_MISMATCH = "payload-mismatch"

    MALFORMED_CREDENTIAL = "malformed-credential"
    MALFORMED_DATE = "malformed-date"
    MALFORMED_QUERY = "malformed-query"  # of a presigned URL: parameters are missing or given twice
    INVALID_EXPIRES = "invalid-expires"
    MULTIPLE = "multiple"  # both an Authorization header and a presigned URL
    UNSUPPORTED_ALGORITHM = "unsupported-algorithm"  # SigV4A and what else begins with AWS4-
    UNSUPPORTED_VERSION = "unsupported-version"  # SigV2
    UNSUPPORTED_TYPE = "unsupported-type"  # Basic, Bearer, ...

    MISSING_PAYLOAD_HASH = "missing-payload-hash"
    INVALID_PAYLOAD_HASH = "invalid-payload-hash"
    MISSING_LENGTH = "missing-length"  # chunked upload without x-amz-decoded-content-length
    INVALID_LENGTH = "invalid-length"
    INCOMPLETE_BODY = "incomplete-body"
    MALFORMED_CHUNK = "malformed-chunk"
    CHUNK_TOO_SMALL = "chunk-too-small"
    CHUNK_MISMATCH = "chunk-mismatch"
    MALFORMED_TRAILER = "malformed-trailer"
    UNSUPPORTED_TRAILER = "unsupported-trailer"
    CHECKSUM_MISMATCH = "checksum-mismatch"

    @property
    def general(self) -> "AuthFailure":
        return _GENERAL.get(self, self)


_GENERAL = {
    AuthFailure.NOT_YET: AuthFailure.SKEWED,
    AuthFailure.WRONG_REGION: AuthFailure.WRONG_SCOPE,
    AuthFailure.WRONG_SERVICE: AuthFailure.WRONG_SCOPE,
    AuthFailure.UNSIGNED_HOST: AuthFailure.UNSIGNED_HEADER,
    AuthFailure.MALFORMED_CREDENTIAL: AuthFailure.INCOMPLETE,
    AuthFailure.MALFORMED_DATE: AuthFailure.INCOMPLETE,
    AuthFailure.MALFORMED_QUERY: AuthFailure.INCOMPLETE,
    AuthFailure.INVALID_EXPIRES: AuthFailure.INCOMPLETE,
    AuthFailure.MULTIPLE: AuthFailure.INCOMPLETE,
    AuthFailure.UNSUPPORTED_ALGORITHM: AuthFailure.INCOMPLETE,
    AuthFailure.UNSUPPORTED_VERSION: AuthFailure.INCOMPLETE,
    AuthFailure.UNSUPPORTED_TYPE: AuthFailure.INCOMPLETE,
    AuthFailure.MISSING_PAYLOAD_HASH: AuthFailure.PAYLOAD_MISMATCH,
    AuthFailure.INVALID_PAYLOAD_HASH: AuthFailure.PAYLOAD_MISMATCH,
    AuthFailure.MISSING_LENGTH: AuthFailure.PAYLOAD_MISMATCH,
    AuthFailure.INVALID_LENGTH: AuthFailure.PAYLOAD_MISMATCH,
    AuthFailure.INCOMPLETE_BODY: AuthFailure.PAYLOAD_MISMATCH,
    AuthFailure.MALFORMED_CHUNK: AuthFailure.PAYLOAD_MISMATCH,
    AuthFailure.CHUNK_TOO_SMALL: AuthFailure.PAYLOAD_MISMATCH,
    AuthFailure.CHUNK_MISMATCH: AuthFailure.MISMATCH,
    AuthFailure.MALFORMED_TRAILER: AuthFailure.PAYLOAD_MISMATCH,
    AuthFailure.UNSUPPORTED_TRAILER: AuthFailure.PAYLOAD_MISMATCH,
    AuthFailure.CHECKSUM_MISMATCH: AuthFailure.PAYLOAD_MISMATCH,
}


class SigningError(Exception):
    """A request that is not, or wrongly, signed.

    `detail` completes AWS's sentence or is the whole of it; `fields` are the members that S3 adds to its error
    (HeadersNotSigned, StringToSign, CanonicalRequest...), by AWS's names.
    """

    def __init__(self, failure: AuthFailure, detail: str = "", fields: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{failure.value}: {detail}" if detail else failure.value)
        self.failure = failure
        self.detail = detail
        self.fields: Mapping[str, str] = fields or {}
