"""SigV4, both sides, without I/O: whether a request is what its signer signed, and signing requests of our own."""

from kansatsu.signing.body import BodyVerifier
from kansatsu.signing.errors import AuthFailure, SigningError
from kansatsu.signing.form import (
    LARGEST_FILE,
    LONGEST_HEAD,
    FormFile,
    FormHead,
    boundary_of,
    head_of,
    malformed,
    missing,
    too_large,
)
from kansatsu.signing.form_policy import FormPolicy, parse_policy
from kansatsu.signing.model import ALGORITHM, PayloadMode, Signature
from kansatsu.signing.parse import parse_signature
from kansatsu.signing.sign import presign, sign
from kansatsu.signing.verify import Verified, require_scope, verify

__all__ = [
    "ALGORITHM",
    "LARGEST_FILE",
    "LONGEST_HEAD",
    "AuthFailure",
    "BodyVerifier",
    "FormFile",
    "FormHead",
    "FormPolicy",
    "PayloadMode",
    "Signature",
    "SigningError",
    "Verified",
    "boundary_of",
    "head_of",
    "malformed",
    "missing",
    "parse_policy",
    "parse_signature",
    "presign",
    "require_scope",
    "sign",
    "too_large",
    "verify",
]
