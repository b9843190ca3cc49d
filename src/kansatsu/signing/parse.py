"""From a request's head to the signature that it claims to carry.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from kansatsu.http import HttpRequest
from kansatsu.signing.canonical import S3_SERVICES, to_bytes
from kansatsu.signing.errors import AuthFailure, SigningError
from kansatsu.signing.model import ALGORITHM, TERMINATOR, PayloadMode, Signature

# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html: "The maximum is 604800 (seven days)".
MAX_EXPIRES = 604_800

# Services with operations whose payload AWS lets unsigned (authtype v4-unsigned-body in the service models).
_UNSIGNED_PAYLOAD = S3_SERVICES | {"ebs", "lex", "mediastore", "omics"}

_PARTS = ("Credential", "Signature", "SignedHeaders")
_QUERY_PARTS = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders")
_QUERY_NAMES = frozenset((*_QUERY_PARTS, "X-Amz-Expires", "X-Amz-Security-Token", "X-Amz-Content-Sha256"))
_SIGV2_NAMES = frozenset({"AWSAccessKeyId", "Signature"})

_HASH = re.compile(r"[0-9a-f]{64}")
_TIMESTAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_SIGNED_HEADERS = re.compile(r"[a-z0-9!#$%&'*+.^_`|~:-]+(;[a-z0-9!#$%&'*+.^_`|~:-]+)*")
_MODES = {mode.value: mode for mode in PayloadMode if mode is not PayloadMode.HASHED}

_LONGEST_CREDENTIAL = 512  # characters; an access key id has up to 128

_WRONG_HASH = (
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, or a valid sha256 value."
)
_QUERY_INCOMPLETE = (
    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
    "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
)
NOT_SUPPORTED = f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}."


def parse_signature(request: HttpRequest) -> Signature | None:
    """The signature of a request's Authorization header or presigned URL; None: it is anonymous.

    Raises SigningError for everything that claims to be authentication and is not well-formed SigV4.
    """
    authorization = request.headers.get("authorization")
    parameters = _query_parameters(request.query)
    if authorization is None:
        if parameters is None:
            return None
        return _from_query(request, parameters)
    if parameters is not None:
        raise SigningError(
            AuthFailure.MULTIPLE,
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
            "parameter or the Authorization header should be specified",
        )
    return _from_header(request, authorization)


def _from_header(request: HttpRequest, authorization: str) -> Signature:
    headers = request.headers
    parts = _header_parts(authorization)
    date = headers.get("x-amz-date") or headers.get("date")
    wanting = [f"Authorization header requires '{name}' parameter." for name in _PARTS if not parts.get(name)]
    if not date:
        wanting.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if wanting or not date:
        raise SigningError(AuthFailure.INCOMPLETE, f"{' '.join(wanting)} {_hashed(authorization)}")
    access_key_id, day, region, service = credential(parts["Credential"])
    mode, payload_hash = _payload(headers.get("x-amz-content-sha256"), service)
    return Signature(
        access_key_id,
        day,
        region,
        service,
        _signed_headers(parts["SignedHeaders"]),
        parts["Signature"],
        signed_at(date, day, header="x-amz-date" not in headers),
        headers.get("x-amz-security-token"),
        False,
        mode,
        payload_hash,
    )


def _header_parts(authorization: str) -> dict[str, str]:
    scheme, _, rest = authorization.strip().partition(" ")
    if scheme != ALGORITHM:
        _refuse_scheme(scheme, authorization)
    parts: dict[str, str] = {}
    for part in rest.split(","):
        name, separator, value = part.strip().partition("=")
        if not separator or name in parts:
            raise SigningError(
                AuthFailure.INCOMPLETE,
                f"'{part.strip()}' not a valid key=value pair (missing equal-sign) in Authorization header: "
                f"{_hashed(authorization)}",
            )
        parts[name] = value
    return parts


def _refuse_scheme(scheme: str, authorization: str) -> None:
    if scheme == "AWS":
        raise SigningError(AuthFailure.UNSUPPORTED_VERSION, NOT_SUPPORTED)
    if scheme.startswith("AWS4-"):
        raise SigningError(
            AuthFailure.UNSUPPORTED_ALGORITHM, f"Unsupported AWS 'algorithm': '{scheme}'. {NOT_SUPPORTED}"
        )
    raise SigningError(AuthFailure.UNSUPPORTED_TYPE, f"Unsupported Authorization Type. {_hashed(authorization)}")


def _hashed(authorization: str) -> str:
    # As AWS does: the header could hold a secret that a client put there by mistake.
    digest = hashlib.sha256(to_bytes(authorization)).digest()
    return f"(Hashed with SHA-256 and encoded with Base64) Authorization={base64.b64encode(digest).decode()}"


def _query_parameters(query: str) -> dict[str, str] | None:
    """The parameters of a presigned URL, decoded; None when there are none."""
    if "X-Amz-" not in query and "Signature=" not in query:
        return None
    found: dict[str, str] = {}
    legacy: set[str] = set()
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name in _QUERY_NAMES:
            # INVARIANT: one value each, or what is verified might not be what is used.
            if name in found:
                raise SigningError(AuthFailure.MALFORMED_QUERY, f"{name} is given more than once.")
            found[name] = unquote(value, "latin-1")
        elif name in _SIGV2_NAMES:
            legacy.add(name)
    if not found and legacy == _SIGV2_NAMES:
        raise SigningError(AuthFailure.UNSUPPORTED_VERSION, NOT_SUPPORTED)
    # A lone X-Amz-Security-Token or -Date claims nothing; without one of these three a request is anonymous.
    claims = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature")
    return found if any(name in found for name in claims) else None


def _from_query(request: HttpRequest, parameters: Mapping[str, str]) -> Signature:
    algorithm = parameters.get("X-Amz-Algorithm", ALGORITHM)
    if algorithm != ALGORITHM:
        raise SigningError(
            AuthFailure.UNSUPPORTED_ALGORITHM, f"Unsupported AWS 'algorithm': '{algorithm}'. {NOT_SUPPORTED}"
        )
    if not all(parameters.get(name) for name in _QUERY_PARTS):
        raise SigningError(AuthFailure.MALFORMED_QUERY, _QUERY_INCOMPLETE)
    access_key_id, day, region, service = credential(parameters["X-Amz-Credential"])
    mode, payload_hash = _presigned_payload(request, parameters, service)
    return Signature(
        access_key_id,
        day,
        region,
        service,
        _signed_headers(parameters["X-Amz-SignedHeaders"]),
        parameters["X-Amz-Signature"],
        signed_at(parameters["X-Amz-Date"], day, header=False),
        parameters.get("X-Amz-Security-Token"),
        True,
        mode,
        payload_hash,
        _expires(parameters.get("X-Amz-Expires"), service),
    )


def _presigned_payload(request: HttpRequest, parameters: Mapping[str, str], service: str) -> tuple[PayloadMode, str]:
    given = request.headers.get("x-amz-content-sha256") or parameters.get("X-Amz-Content-Sha256")
    if given is None and service in S3_SERVICES:
        return PayloadMode.UNSIGNED, PayloadMode.UNSIGNED.value
    mode, payload_hash = _payload(given, service)
    if mode not in (PayloadMode.HASHED, PayloadMode.UNSIGNED):
        raise SigningError(AuthFailure.INVALID_PAYLOAD_HASH, f"A presigned URL does not allow {mode.value}.")
    return mode, payload_hash


def _expires(text: str | None, service: str) -> int | None:
    if text is None:
        if service in S3_SERVICES:
            raise SigningError(AuthFailure.MALFORMED_QUERY, _QUERY_INCOMPLETE)
        return None  # other services do not ask for it: the URL lives as long as a signed header
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise SigningError(AuthFailure.INVALID_EXPIRES, "X-Amz-Expires should be a number")
    if text.startswith("-") or not text.strip("0"):
        raise SigningError(AuthFailure.INVALID_EXPIRES, "X-Amz-Expires must be non-negative")
    if len(text) > 12 or int(text) > MAX_EXPIRES:
        raise SigningError(
            AuthFailure.INVALID_EXPIRES,
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            f"{MAX_EXPIRES} seconds",
        )
    return int(text)


def credential(text: str) -> list[str]:
    """Access key id, day, region and service of `keyid/date/region/service/aws4_request`."""
    elements = text.split("/") if len(text) <= _LONGEST_CREDENTIAL else []  # they are kept, in caches and logs
    if len(elements) != 5 or not all(elements):
        raise SigningError(
            AuthFailure.MALFORMED_CREDENTIAL,
            f"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{text[:_LONGEST_CREDENTIAL]}'",
        )
    if elements.pop() != TERMINATOR:
        raise SigningError(
            AuthFailure.WRONG_SCOPE,
            f"Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{text.rpartition('/')[2]}'.",
        )
    return elements


def _signed_headers(text: str) -> tuple[str, ...]:
    # Nothing but header names: a line feed or the like in here could imitate other lines of the canonical request.
    if not _SIGNED_HEADERS.fullmatch(text):
        raise SigningError(
            AuthFailure.INCOMPLETE, "SignedHeaders must be header names in lower case, separated by semicolons."
        )
    names = tuple(text.split(";"))
    # INVARIANT: each header is canonicalized once: what a request costs grows with its length, and no faster.
    if len(set(names)) != len(names):
        raise SigningError(AuthFailure.INCOMPLETE, "SignedHeaders must name each header once.")
    return names


def signed_at(text: str, day: str, *, header: bool) -> datetime:
    """The time of signing. `header`: text is a Date header, which may be in RFC 1123 form."""
    try:
        if _TIMESTAMP.fullmatch(text):
            time = datetime(
                int(text[:4]),
                int(text[4:6]),
                int(text[6:8]),
                int(text[9:11]),
                int(text[11:13]),
                int(text[13:15]),
                0,
                UTC,
            )
        elif header:
            time = parsedate_to_datetime(text)
            time = (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
        else:
            raise ValueError(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        raise SigningError(
            AuthFailure.MALFORMED_DATE,
            f"Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601",
        ) from None
    stamp = text if _TIMESTAMP.fullmatch(text) else time.strftime("%Y%m%dT%H%M%SZ")
    if day != stamp[:8]:
        raise SigningError(
            AuthFailure.WRONG_SCOPE,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{day}' != '{stamp[:8]}', from '{stamp}'.",
        )
    return time


def _payload(given: str | None, service: str) -> tuple[PayloadMode, str]:
    """Mode and hash from x-amz-content-sha256."""
    if given is None:
        if service in S3_SERVICES:
            raise SigningError(
                AuthFailure.MISSING_PAYLOAD_HASH, "Missing required header for this request: x-amz-content-sha256"
            )
        return PayloadMode.HASHED, ""
    if _HASH.fullmatch(given):
        return PayloadMode.HASHED, given
    mode = _MODES.get(given)
    if mode is None or (mode is not PayloadMode.UNSIGNED and service not in S3_SERVICES):
        raise SigningError(AuthFailure.INVALID_PAYLOAD_HASH, _WRONG_HASH)
    # INVARIANT: a service that AWS has sign every body does not accept an unsigned one.
    if mode is PayloadMode.UNSIGNED and service not in _UNSIGNED_PAYLOAD:
        raise SigningError(AuthFailure.INVALID_PAYLOAD_HASH, f"{service} does not allow UNSIGNED-PAYLOAD.")
    return mode, given
