"""Subresources of S3 at a server behind a URL, which may take one that it does not know for the whole object or bucket.

Many pass over such a part of the query: who might only tag an object overwrote it there, who might only delete the
rules of a bucket deleted the bucket. So before a server is asked for a subresource it must have shown that it knows it:
by an answer to the operation that reads it.
"""

import re
from collections.abc import AsyncIterator, Mapping
from functools import cache
from typing import Any

from kansatsu import wire
from kansatsu.backends import Backend, BackendResponse, EmbeddedBackend, ask
from kansatsu.errors import AwsError, Unimplemented
from kansatsu.http import HttpRequest
from kansatsu.wire import Operation

_PLAIN = frozenset({"x-id", "list-type"})  # what is asked for with these is the bucket or object itself
# POST means nothing to an object or bucket, and a part of an upload is allowed as the object that it would be.
_HARMLESS = frozenset({"UploadPart", "UploadPartCopy"})
# The document that answers each, from the operation's page in https://docs.aws.amazon.com/AmazonS3/latest/API/
_DOCUMENTS = {
    "GetObjectAcl": ("AccessControlPolicy",),
    "GetObjectAttributes": ("GetObjectAttributesResponse", "GetObjectAttributesOutput"),
    "GetObjectLegalHold": ("LegalHold",),
    "GetObjectRetention": ("Retention",),
    "GetObjectTagging": ("Tagging",),
    "ListParts": ("ListPartsResult",),
}
_OF_ANYTHING = frozenset({"", "ListBucketResult", "ListAllMyBucketsResult", "Error", "html"})
_ROOT = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?<(?:[\w.-]+:)?(\w+)")
_ENOUGH = 512  # bytes: the name of a document is in them
# Errors that no request for an object or bucket itself has, whatever a server calls what it does not find.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
_KNOWN_BY = re.compile(
    r"NoSuch(Upload|TagSet(Error)?|BucketPolicy|\w*Configuration)|\w+(Configuration|Controls)NotFound(Error)?"
)


class Subresources:
    """What one server has shown that it knows; used from one event loop."""

    def __init__(self) -> None:
        self._known: set[str] = set()  # by the operation that reads it

    async def verify(
        self, backend: Backend, account: str, region: str, operation: Operation, params: Mapping[str, Any]
    ) -> None:
        """Raises Unimplemented where the server has not shown that it knows what the operation is about, and the
        server's own error where it has nothing there.

        INVARIANT: what is authorized as a part of an object or bucket is never done to the whole.
        """
        if not is_part(operation) or isinstance(backend, EmbeddedBackend):
            return
        reader = _reader(operation.name)
        if reader is None:
            raise _not_known(operation)
        if reader.name in self._known:
            return
        members = dict(reader.input.members) if reader.input else {}
        asked = {name: value for name, value in params.items() if name in members}
        try:
            await ask(Careful(backend, reader), account, region, "s3", reader.name, asked)
        except AwsError as error:
            if not _KNOWN_BY.fullmatch(error.code):
                raise
        self._known.add(reader.name)


class Careful:
    """A server of S3 whose answer to `operation` is none where it is that of the object or bucket itself."""

    def __init__(self, backend: Backend, operation: Operation) -> None:
        self._backend = backend
        self._operation = operation

    async def call(self, account: str, region: str, signing_name: str, request: HttpRequest) -> BackendResponse:
        """As Backend.call. Raises Unimplemented."""
        response = await self._backend.call(account, region, signing_name, request)
        if response.status >= 300 or await _answers(self._operation, response):
            return response
        await response.close()
        raise _not_known(self._operation)


async def asked(
    backend: Backend, account: str, region: str, service: str, operation: str, params: Mapping[str, Any]
) -> dict[str, Any]:
    """backends.ask, of a backend that may not know what it is asked."""
    if service != "s3" or isinstance(backend, EmbeddedBackend):
        return await ask(backend, account, region, service, operation, params)
    model = wire.load_service("s3").operation(operation)
    careful = Careful(backend, model) if is_part(model) else backend
    return await ask(careful, account, region, service, operation, params)


def is_part(operation: Operation) -> bool:
    """Whether a server that passes over what it does not know would do it to the whole object or bucket."""
    if operation.service.name != "s3" or operation.http_method == "POST" or operation.name in _HARMLESS:
        return False
    return bool(_keys(operation))


@cache
def _reader(name: str) -> Operation | None:
    """The operation that reads what another one is about and needs the least for it, None where there is none."""
    s3 = wire.load_service("s3")
    operation = s3.operation(name)
    readers = [
        one
        for one in map(s3.operation, s3.operation_names)
        if one.http_method == "GET"
        and (_keys(one), _of_object(one)) == (_keys(operation), _of_object(operation))
        and not (one.streams_response or one.deprecated)
        and (one.name in _DOCUMENTS or not _of_object(one))
    ]
    return min(readers, key=lambda one: len(one.input.required) if one.input else 0, default=None)


def _of_object(operation: Operation) -> bool:
    return "{Key+}" in operation.uri


def _keys(operation: Operation) -> frozenset[str]:
    """The parts of the query that make it an operation of its own."""
    fixed = {part.partition("=")[0] for part in operation.uri.partition("?")[2].split("&") if part}
    members = dict(operation.input.members) if operation.input else {}
    if "UploadId" in members:
        fixed.add("uploadId")
    return frozenset(fixed - _PLAIN)


async def _answers(operation: Operation, response: BackendResponse) -> bool:
    """Whether a success is one of this operation.

    INVARIANT: whoever writes objects makes none that is taken for an answer about one: of an object itself there is
    always an ETag.
    """
    text, response.body = await _begun(response.body)
    found = _ROOT.match(text)
    root = found[1].decode() if found else ""
    if _of_object(operation):
        return root in _DOCUMENTS.get(operation.name, ()) and not any(name == "etag" for name, _ in response.headers)
    return root not in _OF_ANYTHING or (operation.name == "GetBucketPolicy" and text.lstrip()[:1] == b"{")


async def _begun(body: AsyncIterator[bytes]) -> tuple[bytes, AsyncIterator[bytes]]:
    """The beginning of a body, and all of it."""
    text = b""
    while len(text) < _ENOUGH and (piece := await anext(body, b"")):
        text += piece

    async def whole() -> AsyncIterator[bytes]:
        yield text
        async for piece in body:
            yield piece

    return text, whole()


def _not_known(operation: Operation) -> Unimplemented:
    return Unimplemented(f"The backend does not implement s3:{operation.name}.")
