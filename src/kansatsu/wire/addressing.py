"""S3's two ways to name a bucket, in the host or in the path, brought to one: the path.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
"""

from dataclasses import replace
from functools import lru_cache

from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest
from kansatsu.wire import form

_LOCAL = ".localhost"
_LONGEST_NAME = 300  # no name of a host is longer, with its port


@lru_cache(maxsize=1024)
def split_host(host: str) -> tuple[str, str]:
    """A Host header as (bucket, host without it); the bucket is "" when the host names none."""
    name, colon, port = host.partition(":")
    lowered = name.lower()
    for mark in (".s3.", ".s3-"):
        at = lowered.rfind(mark)
        if at > 0 and not lowered[at:].startswith((".s3-control", ".s3-outposts", ".s3-object-lambda")):
            return lowered[:at], name[at + 1 :] + colon + port
    if lowered.endswith(_LOCAL) and not lowered.startswith(("s3.", "s3-")):
        return lowered.removesuffix(_LOCAL), "localhost" + colon + port
    return "", host


def path_style(request: HttpRequest) -> HttpRequest:
    """The same request with its bucket in the path, if the host named one; doing it twice changes nothing.

    The Host is then that of the service alone, so that a backend cannot read another bucket from it than we did.
    Headers that a presigned URL carries as query parameters (x-amz-acl, x-amz-copy-source) become headers, as S3 reads
    them; AwsError (InvalidRequest) when the header is there too and says something else.
    """
    if "x-amz-" in request.query.lower():
        request = _unhoisted(request)
    host = request.headers.get("host", "")
    # INVARIANT: what strangers write is remembered only where it is short: nobody is authenticated yet.
    bucket, rest = split_host(host) if len(host) <= _LONGEST_NAME else split_host.__wrapped__(host)
    if not bucket:
        return request
    path = request.path if request.path.startswith("/") else "/" + request.path
    return replace(request, path=f"/{bucket}{path}", headers={**request.headers, "host": rest})


# What signs a presigned URL is no header of the operation.
_SIGNING = frozenset(
    f"x-amz-{name}"
    for name in ("algorithm", "credential", "date", "expires", "signedheaders", "signature", "security-token")
)


def _unhoisted(request: HttpRequest) -> HttpRequest:
    # INVARIANT: a header in the query counts like the header, so that neither an ACL nor a copy source hides there.
    found = dict(request.headers)
    for key, value in form.pairs(request.query):
        name = key.lower()
        if name.startswith("x-amz-") and name not in _SIGNING and found.setdefault(name, value) != value:
            raise AwsError(f"{name} is given twice.", code="InvalidRequest", status=400)
    return replace(request, headers=found) if len(found) != len(request.headers) else request
