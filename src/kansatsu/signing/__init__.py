"""SigV4, both sides, without I/O: whether a request is what its signer signed, and signing requests of our own."""

from kansatsu.signing.body import BodyVerifier
from kansatsu.signing.errors import AuthFailure, SigningError
from kansatsu.signing.model import ALGORITHM, PayloadMode, Signature
from kansatsu.signing.parse import parse_signature
from kansatsu.signing.sign import presign, sign
from kansatsu.signing.verify import Verified, require_scope, verify

__all__ = [
    "ALGORITHM",
    "AuthFailure",
    "BodyVerifier",
    "PayloadMode",
    "Signature",
    "SigningError",
    "Verified",
    "parse_signature",
    "presign",
    "require_scope",
    "sign",
    "verify",
]
