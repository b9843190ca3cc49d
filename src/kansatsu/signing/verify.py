"""The decision whether a signature is right: time, scope, what must be signed, and the signature itself.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kansatsu.http import HttpRequest
from kansatsu.signing import canonical
from kansatsu.signing.body import BodyVerifier, Chain, body_verifier
from kansatsu.signing.errors import AuthFailure, SigningError
from kansatsu.signing.keys import signature as compute
from kansatsu.signing.keys import signing_key, to_ascii
from kansatsu.signing.model import ALGORITHM, EMPTY_HASH, Signature

# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html: "within 15 minutes"
SKEW = timedelta(minutes=15)
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Verified:
    """A signature that is right for the head of its request; the body is verified as it passes `body()`."""

    signature: Signature
    _headers: Mapping[str, str]
    _chain: Chain
    _payload_hash: str

    def body(self) -> BodyVerifier:
        """A fresh verifier for the body of this request.

        Raises SigningError when a chunked body does not say its length.
        """
        return body_verifier(self.signature.payload, self._payload_hash, self._headers, self._chain)

    def check_body(self, body: bytes) -> bytes:
        """The payload of a body that is there as a whole (decoded, when it is aws-chunked).

        Raises SigningError when hash, chunk signatures, checksum or length are wrong.
        """
        if not body and self._payload_hash == EMPTY_HASH:
            return body
        verifier = self.body()
        return verifier.feed(body) + verifier.finish()


def verify(request: HttpRequest, signature: Signature, secret: str, now: datetime) -> Verified:
    """Verify the signature of a request's head (and body, when `signature.needs_body`).

    `now` is aware. Raises SigningError.
    """
    _check_time(signature, now)
    stamp = signature.timestamp
    canonical_request, payload_hash = "", ""
    if signature.policy is None:
        _check_signed(request.headers, signature)
        payload_hash = signature.payload_hash or hashlib.sha256(request.body).hexdigest()
        canonical_request = _canonical_request(request, signature, payload_hash)
        digest = hashlib.sha256(canonical.to_bytes(canonical_request)).hexdigest()
        string_to_sign = f"{ALGORITHM}\n{stamp}\n{signature.scope}\n{digest}"
    else:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
        string_to_sign = signature.policy
    key = signing_key(secret, signature.date, signature.region, signature.service)
    expected = compute(key, string_to_sign)
    # INVARIANT: the comparison takes the same time wherever the first difference is.
    if not hmac.compare_digest(expected.encode(), to_ascii(signature.signature)):
        raise SigningError(
            AuthFailure.MISMATCH,
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.",
            {
                "AWSAccessKeyId": signature.access_key_id,
                "StringToSign": string_to_sign,
                "SignatureProvided": signature.signature,
                "CanonicalRequest": canonical_request,
            },
        )
    return Verified(signature, request.headers, Chain(key, stamp, signature.scope, expected), payload_hash)


def _canonical_request(request: HttpRequest, signature: Signature, payload_hash: str) -> str:
    return (
        f"{request.method}\n{canonical.path(request.path, signature.service)}\n"
        f"{canonical.query(request.query, 'X-Amz-Signature' if signature.presigned else '')}\n"
        f"{canonical.headers(request.headers, signature.signed_headers)}\n"
        f"{';'.join(signature.signed_headers)}\n{payload_hash}"
    )


def require_scope(signature: Signature, *, service: str | None = None, region: str | None = None) -> None:
    """Check that a signature is for this signing name and region, where a caller knows them.

    Raises SigningError WRONG_SERVICE or WRONG_REGION.
    """
    if service is not None and signature.service != service:
        raise SigningError(AuthFailure.WRONG_SERVICE, f"Credential should be scoped to correct service: '{service}'.")
    if region is not None and signature.region != region:
        raise SigningError(
            AuthFailure.WRONG_REGION,
            f"Credential should be scoped to a valid region, not '{signature.region}'.",
            {"Region": region},
        )


def _check_time(signature: Signature, now: datetime) -> None:
    time = signature.time
    if abs(time - now) <= SKEW and signature.expires is None:
        return
    now = now.astimezone(UTC)
    if time - now > SKEW:
        raise SigningError(
            AuthFailure.NOT_YET,
            f"Signature not yet current: {time.strftime(_STAMP)} is still later than "
            f"{(now + SKEW).strftime(_STAMP)} ({now.strftime(_STAMP)} + 15 min.)",
        )
    if signature.expires is not None:
        until = time + timedelta(seconds=signature.expires)
        if now > until:
            raise SigningError(
                AuthFailure.EXPIRED_URL,
                f"Signature expired: {until.strftime(_STAMP)} is now earlier than {now.strftime(_STAMP)}",
                {"X-Amz-Expires": str(signature.expires), "Expires": until.strftime("%Y-%m-%dT%H:%M:%SZ")},
            )
    elif now - time > SKEW:
        raise SigningError(
            AuthFailure.SKEWED,
            f"Signature expired: {time.strftime(_STAMP)} is now earlier than "
            f"{(now - SKEW).strftime(_STAMP)} ({now.strftime(_STAMP)} - 15 min.)",
        )


def _check_signed(headers: Mapping[str, str], signature: Signature) -> None:
    signed = frozenset(signature.signed_headers)
    # INVARIANT: the host is signed, so that a request for one endpoint cannot be replayed at another.
    if "host" not in signed:
        raise SigningError(
            AuthFailure.UNSIGNED_HOST,
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
            {"HeadersNotSigned": "host"},
        )
    # INVARIANT: every x-amz-* header that is present is signed: nobody on the way can add a copy source, a grant, a
    # session token or a date. S3's documentation asks the same of Content-Type
    # (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html), but takes requests without:
    # minio-go, and with it restic and many others, never signs it.
    unsigned = [name for name in headers if name.startswith("x-amz-") and name not in signed]
    if unsigned:
        raise SigningError(
            AuthFailure.UNSIGNED_HEADER,
            f"There were headers present in the request which were not signed: {', '.join(sorted(unsigned))}",
            {"HeadersNotSigned": ", ".join(sorted(unsigned))},
        )
