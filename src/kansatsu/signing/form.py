"""HTML forms that upload an object to S3: from the octets of multipart/form-data to fields, a claim and a file.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
INVARIANT: what can be read in two ways is no form: a field given twice, a part without a name or with two, a boundary
inside of a value.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from kansatsu.errors import AwsError
from kansatsu.signing.body import BodyVerifier
from kansatsu.signing.errors import AuthFailure, SigningError
from kansatsu.signing.model import ALGORITHM, Signature
from kansatsu.signing.parse import MAX_EXPIRES, NOT_SUPPORTED, credential, signed_at

# "The form data and boundaries (excluding the contents of the file) cannot exceed 20KB."
LONGEST_HEAD = 20 * 1024
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html: in one request.
LARGEST_FILE = 5 * 1024**3

_PARAMETER = r'\s*;\s*([A-Za-z0-9*-]+)=("(?:[^"\\]|\\.)*"|[^\s;,"]+)'
_TYPE = re.compile(rf"multipart/form-data((?:{_PARAMETER})*)\s*;?\s*", re.IGNORECASE | re.ASCII)
_DISPOSITION = re.compile(rf"form-data((?:{_PARAMETER})*)\s*", re.IGNORECASE)
_EACH = re.compile(_PARAMETER)
# https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_NAME = re.compile(r"[!-~]{1,256}")
_PLAIN = frozenset({"7bit", "8bit", "binary"})

_CLAIMS = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "policy")
_SIGV2 = frozenset({"awsaccesskeyid", "signature"})


@dataclass(frozen=True, slots=True)
class FormHead:
    """What comes before the file: fields by name in lower case, with `${filename}` filled in; where the file begins."""

    fields: Mapping[str, str]
    filename: str
    length: int  # bytes up to the first one of the file

    def signature(self) -> Signature | None:
        """The signature that the fields claim to be; None: nobody signed. Raises SigningError, AwsError."""
        given = [name for name in _CLAIMS if self.fields.get(name)]
        if not given:
            if self.fields.keys() & _SIGV2:
                raise SigningError(AuthFailure.UNSUPPORTED_VERSION, NOT_SUPPORTED)
            return None
        for name in _CLAIMS:
            if name not in given:
                raise missing(name)
        algorithm, scope, date, signature, policy = (self.fields[name] for name in _CLAIMS)
        if algorithm != ALGORITHM:
            raise SigningError(AuthFailure.UNSUPPORTED_ALGORITHM, NOT_SUPPORTED)
        access_key_id, day, region, service = credential(scope)
        if service != "s3":
            raise SigningError(AuthFailure.WRONG_SERVICE, "Credential should be scoped to correct service: 's3'.")
        return Signature(
            access_key_id,
            day,
            region,
            service,
            (),
            signature,
            signed_at(date, day, header=False),
            self.fields.get("x-amz-security-token"),
            expires=MAX_EXPIRES,  # as long as a signing key is good for
            policy=policy,
        )


def boundary_of(content_type: str) -> bytes | None:
    """The boundary of a multipart/form-data; None for another type. Raises AwsError."""
    if not content_type.lower().lstrip().startswith("multipart/form-data"):
        return None
    found = _TYPE.fullmatch(content_type.strip())
    boundary = _parameters(found[1]).get("boundary", "") if found else ""
    if not _BOUNDARY.fullmatch(boundary):
        raise malformed()
    return boundary.encode()


def head_of(data: bytes, boundary: bytes) -> FormHead | None:
    """The head of a form whose first bytes are `data`; None: more are needed. Raises AwsError."""
    head = _head(data, boundary)
    if (len(data) if head is None else head.length) > LONGEST_HEAD:
        text = "Your POST request fields preceding the upload file were too large."
        raise AwsError(text, code="MaxPostPreDataLengthExceededError", status=400)
    return head


def _head(data: bytes, boundary: bytes) -> FormHead | None:
    at, fields = 0, dict[str, str]()
    opening, delimiter = b"--" + boundary + b"\r\n", b"\r\n--" + boundary
    if not data.startswith(opening):
        if not opening.startswith(data):
            raise malformed()
        return None
    at = len(opening)
    while True:
        if (end := data.find(b"\r\n\r\n", at)) < 0:
            return None
        name, filename = _part(data[at:end])
        start = end + 4
        if name == "file":
            return FormHead(_expanded(fields, filename), filename, start)
        if (stop := data.find(delimiter, start)) < 0 or len(data) < (at := stop + len(delimiter) + 2):
            return None
        if data[at - 2 : at] == b"--":
            raise AwsError("POST requires exactly one file upload per request.", code="InvalidArgument", status=400)
        if data[at - 2 : at] != b"\r\n" or name in fields:
            raise malformed()
        fields[name] = _text(data[start:stop])


class FormFile(BodyVerifier):
    """The content of the file on its way: what comes after it is no part of it, and is not read.

    `smallest` and `largest` bound its size in bytes.
    """

    def __init__(self, boundary: bytes, smallest: int, largest: int) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._smallest, self._largest = smallest, largest
        self._held, self._after, self._size, self._ended = b"", b"", 0, False

    def feed(self, data: bytes) -> bytes:
        """Raises AwsError EntityTooLarge past the largest size."""
        if self._ended:
            self._follow(data)
            return b""
        data = self._held + data
        at = data.find(self._delimiter)
        self._ended = at >= 0
        if self._ended:
            self._held = b""
            self._follow(data[at + len(self._delimiter) :])
        else:
            at = max(0, len(data) - len(self._delimiter) + 1)
            self._held = data[at:]
        self._size += at
        if self._size > self._largest:
            raise too_large(self._size, self._largest)
        return data[:at]

    def finish(self) -> bytes:
        """Raises AwsError where the form does not go on after the file as a form does, or the file is too small."""
        if not self._ended or self._after[:2] not in (b"--", b"\r\n"):
            raise malformed()
        if self._size < self._smallest:
            fields: dict[str, object] = {"ProposedSize": self._size, "MinSizeAllowed": self._smallest}
            text = "Your proposed upload is smaller than the minimum allowed size"
            raise AwsError(text, code="EntityTooSmall", status=400, fields=fields)
        return b""

    def _follow(self, data: bytes) -> None:
        self._after += data
        # "Any fields below it are ignored": a button, say; not without end.
        if len(self._after) > LONGEST_HEAD:
            raise malformed()


def too_large(size: int, largest: int) -> AwsError:
    fields: dict[str, object] = {"ProposedSize": size, "MaxSizeAllowed": largest}
    text = "Your proposed upload exceeds the maximum allowed size"
    return AwsError(text, code="EntityTooLarge", status=400, fields=fields)


def missing(name: str) -> AwsError:
    text = (
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
    )
    fields: dict[str, object] = {"ArgumentName": name, "ArgumentValue": ""}
    return AwsError(text, code="InvalidArgument", status=400, fields=fields)


def malformed() -> AwsError:
    text = "The body of your POST request is not well-formed multipart/form-data."
    return AwsError(text, code="MalformedPOSTRequest", status=400)


def _part(head: bytes) -> tuple[str, str]:
    """Name, in lower case as header names are, and file name of a part."""
    headers: dict[str, str] = {}
    for line in _text(head).split("\r\n"):
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or name in headers or "\r" in line or "\n" in line:
            raise malformed()
        headers[name] = value.strip()
    found = _DISPOSITION.fullmatch(headers.get("content-disposition", ""))
    parameters = _parameters(found[1]) if found else {}
    name = parameters.get("name", "").lower()
    if not _NAME.fullmatch(name) or headers.get("content-transfer-encoding", "binary").lower() not in _PLAIN:
        raise malformed()
    # "only the text following the last slash (/) or backslash (\) is used"
    return name, re.split(r"[/\\]", parameters.get("filename", ""))[-1]


def _parameters(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _EACH.findall(text):
        if name.lower() in found:
            raise malformed()
        quoted = value.startswith('"')
        found[name.lower()] = value[1:-1].replace('\\"', '"') if quoted else value
    return found


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise malformed() from None


def _expanded(fields: Mapping[str, str], filename: str) -> dict[str, str]:
    """ "The variable ${filename} is automatically replaced with the name of the file provided by the user"."""
    kept = {*_CLAIMS, "x-amz-security-token"}
    return {name: value if name in kept else value.replace("${filename}", filename) for name, value in fields.items()}
