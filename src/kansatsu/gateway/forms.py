"""Uploads from browsers: a POST of multipart/form-data to a bucket becomes the PutObject that its fields describe.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

import asyncio
import logging
import os
import re
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import lru_cache
from typing import IO
from urllib.parse import quote, urlencode, urlsplit

from kansatsu import wire
from kansatsu.backends import verified
from kansatsu.errors import AwsError, ServiceUnavailable, Unimplemented
from kansatsu.gateway import asgi
from kansatsu.gateway.answers import Answer, Whole
from kansatsu.gateway.forwarding import Forwarded
from kansatsu.gateway.spool import Room, Spool
from kansatsu.http import HttpRequest, HttpResponse
from kansatsu.signing import (
    LARGEST_FILE,
    LONGEST_HEAD,
    FormFile,
    FormHead,
    Signature,
    boundary_of,
    head_of,
    malformed,
    missing,
    parse_policy,
    too_large,
)

log = logging.getLogger(__name__)

_PATH = re.compile(r"/([A-Za-z0-9._-]{1,255})(/.*)?", re.ASCII | re.DOTALL)
# Of the browser's own headers only these count: all that AWS reads of the object is in the fields.
_KEPT = ("host", "origin", "referer", "user-agent")
# INVARIANT: no field becomes two headers.
_TOKEN = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_META = "x-amz-meta-"
# Fields of the form itself; the rest of x-amz-* says something of the object.
_OF_FORM = frozenset({"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-security-token", "x-amz-signature"})
_RENAMED = {"acl": "x-amz-acl", "tagging": "x-amz-tagging"}
_NO_FIELDS = frozenset({"content-length", *_RENAMED.values()})
_TOLD = ("etag", "access-control-", "x-amz-", "x-kansatsu-")  # of the backend's answer
_STATUS = {"200": 200, "201": 201}
_IN_MEMORY = 1024 * 1024
# Where large temporary files belong: /tmp is often in memory.
_PLACE = "/var/tmp" if os.access("/var/tmp", os.W_OK) else None  # noqa: S108


class Form:
    """An upload by form whose head was read: `request` is the PutObject that it means, without the file.

    `signature` is what the fields claim; None: nobody signed.
    """

    def __init__(self, head: FormHead, boundary: bytes, start: bytes, rest: AsyncIterator[bytes], sent: HttpRequest):
        asked = wire.path_style(sent)
        self._fields = head.fields
        self._boundary, self._start, self._rest = boundary, start, rest
        self._bucket = _bucket(asked)
        self._key = head.fields.get("key", "")
        if not self._key:
            raise missing("key")
        host = sent.headers.get("host", "")
        self._place = host if asked.path != sent.path else f"{host}/{self._bucket}"
        self._length = asked.headers.get("content-length", "")
        self._smallest, self._largest = 0, LARGEST_FILE
        self.signature: Signature | None = head.signature()
        headers = {name: asked.headers[name] for name in _KEPT if name in asked.headers} | _headers(head.fields)
        self.request = HttpRequest("PUT", f"/{self._bucket}/{quote(self._key)}", "", headers)

    def check(self, now: datetime) -> None:
        """Hold the form against the policy that was signed. Raises AwsError."""
        if self.signature is not None and self.signature.policy is not None:
            policy = parse_policy(self.signature.policy)
            policy.check(self._fields, self._bucket, now)
            self._smallest, self._largest = policy.smallest, min(policy.largest, LARGEST_FILE)
        # What cannot fit, whatever of it is not the file, is not read.
        if self._length.isdigit() and (size := int(self._length) - 2 * LONGEST_HEAD) > self._largest:
            raise too_large(size, self._largest)

    @asynccontextmanager
    async def spooled(self, spool: Spool) -> AsyncIterator[tuple[HttpRequest, AsyncIterator[bytes]]]:
        """The request with the length of its file, and the file, once all of it is there and right.

        Only its end tells how long the file is, and backends want to know before they get it. Raises AwsError.
        """
        # INVARIANT: nothing reaches the backend of a file that turns out too large, too small, or cut off.
        with (
            spool.room(stranger=self.signature is None) as room,
            tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, dir=_PLACE) as file,
        ):
            try:
                size = await self._fill(file, room)
            except OSError as error:
                log.error("an upload by form could not be kept in %s: %s", _PLACE or tempfile.gettempdir(), error)
                raise ServiceUnavailable("There is no room for this file now. Please try again.") from error

            async def body() -> AsyncIterator[bytes]:
                while piece := await asyncio.to_thread(file.read, 65536):
                    yield piece

            headers = {**self.request.headers, "content-length": str(size)}
            yield HttpRequest("PUT", self.request.path, "", headers), body()

    async def _fill(self, file: IO[bytes], room: Room) -> int:
        size = 0
        async for piece in verified(self._pieces(), FormFile(self._boundary, self._smallest, self._largest)):
            size += len(piece)
            room.take(len(piece))
            if size <= _IN_MEMORY:
                file.write(piece)
            else:
                await asyncio.to_thread(file.write, piece)
        file.seek(0)
        return size

    async def answer(self, got: Forwarded, *, secure: bool) -> Answer:
        """What the form asked to be told; a refusal of the backend as it is."""
        if got.status >= 300:
            return got
        headers = [(n, v) for n, v in await got.drained() if n.lower().startswith(_TOLD)]
        etag = next((value for name, value in headers if name.lower() == "etag"), "")
        if target := self._redirect(etag):
            return Whole(HttpResponse(303, [*headers, ("Location", target)]))
        status = _STATUS.get(self._fields.get("success_action_status", ""), 204)
        location = f"http{'s' if secure else ''}://{self._place}/{quote(self._key)}"
        headers.append(("Location", location))
        if status != 201:
            return Whole(HttpResponse(status, headers))
        members = {"Location": location, "Bucket": self._bucket, "Key": self._key, "ETag": etag}
        inside = "".join(f"<{name}>{wire.escape(value)}</{name}>" for name, value in members.items())
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>{inside}</PostResponse>'
        return Whole(HttpResponse(201, [*headers, ("Content-Type", "application/xml")], text.encode()))

    def _redirect(self, etag: str) -> str:
        """ "If Amazon S3 cannot interpret the URL, it acts as if the field is not present."."""
        url = self._fields.get("success_action_redirect") or self._fields.get("redirect", "")
        try:
            parts = urlsplit(url)
        except ValueError:
            return ""
        if parts.scheme not in ("http", "https") or not parts.netloc or not re.fullmatch("[!-~]+", url):
            return ""
        told = urlencode({"bucket": self._bucket, "key": self._key, "etag": etag}, quote_via=quote)
        return parts._replace(query=f"{parts.query}&{told}" if parts.query else told).geturl()

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield self._start
        async for piece in self._rest:
            yield piece


async def opened(request: HttpRequest, receive: asgi.Receive) -> Form | None:
    """The form that a request is, its head read, None where it is another request. Raises AwsError, SigningError."""
    if request.method != "POST" or request.query or "authorization" in request.headers:
        return None
    boundary = boundary_of(request.headers.get("content-type", ""))
    if boundary is None or "x-amz-target" in request.headers:
        return None
    _bucket(wire.path_style(request))
    data, rest = b"", asgi.stream(receive)
    async for piece in rest:
        data += piece
        # Only an empty line ends a head: octets that come one by one are not read anew with each.
        complete = b"\r\n\r\n" in data[-len(piece) - 3 :] or len(data) > LONGEST_HEAD
        if complete and (head := head_of(data, boundary)):
            return Form(head, boundary, data[head.length :], rest, request)
    head_of(data, boundary)
    raise malformed()


def _bucket(asked: HttpRequest) -> str:
    found = _PATH.fullmatch(asked.path)
    # INVARIANT: which key it is stands in the fields alone, where the policy sees it.
    if found is None or found[2] not in (None, "/"):
        text = "The specified method is not allowed against this resource."
        raise AwsError(text, code="MethodNotAllowed", status=405)
    return found[1]


@lru_cache(maxsize=1)
def _of_object() -> frozenset[str]:
    """The headers of PutObject, in lower case."""
    shape = wire.load_service("s3").operation("PutObject").input
    members = shape.members if shape else ()
    named = (member.get("locationName") for _, member in members if member.get("location") == "header")
    return frozenset(name.lower() for name in named) - _NO_FIELDS


def _headers(fields: Mapping[str, str]) -> dict[str, str]:
    """The headers of a PutObject that say what the fields say. Raises AwsError."""
    made = {}
    for field, value in fields.items():
        name = _RENAMED.get(field, field)
        if field in _OF_FORM or field.startswith("x-ignore-"):
            continue
        if field not in _of_object() and field not in _RENAMED and not field.startswith(_META):
            if field.startswith("x-amz-"):
                raise Unimplemented(f"Kansatsu does not take the field {field} in a form.")
            continue  # key, policy, success_action_status, and what is the page's own
        text = _tags(value) if field == "tagging" else value
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(text):
            raise AwsError(f"The field {field} cannot be a header.", code="InvalidArgument", status=400)
        made[name] = text.strip().encode().decode("latin-1")
    return made


def _tags(document: str) -> str:
    """The tags of a Tagging document as x-amz-tagging has them. Raises AwsError MalformedXML."""
    operation = wire.load_service("s3").operation("PutObjectTagging")
    request = HttpRequest("PUT", "/bucket/key", "tagging", {}, document.encode())
    tags = wire.decode(operation, request).get("Tagging", {}).get("TagSet", [])
    return urlencode([(tag.get("Key", ""), tag.get("Value", "")) for tag in tags], quote_via=quote)
