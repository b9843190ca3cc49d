"""DeleteObjects: each key is allowed or denied by itself, and one that is denied keeps no other from being deleted.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from email.utils import format_datetime
from typing import Any

from kansatsu import wire
from kansatsu.catalog import Authorization
from kansatsu.catalog.s3 import object_arn
from kansatsu.errors import AwsError, InternalFailure, Unimplemented
from kansatsu.gateway import digests
from kansatsu.gateway.answers import Whole
from kansatsu.gateway.digests import CHECKSUM, MD5
from kansatsu.gateway.exchange import Exchange
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.http import HttpRequest, HttpResponse
from kansatsu.signing.checksums import TRAILERS

_Named = tuple[str, str]  # an object: its ARN, the id of its version or ""
_SAYS_WHICH = "x-amz-sdk-checksum-algorithm"
_XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"


def keys(exchange: Exchange) -> frozenset[_Named]:
    """The objects of a request whose denials are told in its answer, each for itself; of all others none."""
    if exchange.known.name != "DeleteObjects" or exchange.known.service.name != "s3":
        return frozenset()
    return frozenset(_of_object(exchange, one) for one in _objects(exchange))


def named(item: Authorization) -> _Named:
    """The object that an authorization is about."""
    return item.resource, str(item.context.get("s3:versionid", ""))


def leaves(exchange: Exchange) -> bool:
    """Whether something is left of a request that is not refused."""
    denied = _refused(exchange)
    return any(named(item) not in denied for item in exchange.checks)


def split(exchange: Exchange) -> tuple[Authorization, ...]:
    """What was denied; of the exchange is left what concerns the keys that were not."""
    refused = exchange.refused
    if not refused:
        return ()
    items, denied = exchange.authorizations, _refused(exchange)
    exchange.keep([place for place, item in enumerate(items) if named(item) not in denied])
    return tuple(items[place] for place in refused)


async def answer(exchange: Exchange, account: str, forwarder: Forwarder) -> Whole:
    """Delete the keys that nothing denied, and tell of the others.

    Raises AwsError: the backend's, or BadDigest where the body is not what the client says of it.
    """
    _verify(exchange.request)
    refused = _refused(exchange)
    kept = [one for one in _objects(exchange) if _of_object(exchange, one) not in refused]
    result: dict[str, Any] = {}
    if kept:
        request = wire.path_style(_remade(exchange, kept))
        result = await forwarder.call(request, exchange.known, account, exchange.region)
        if exchange.params["Delete"].get("Quiet"):
            result.pop("Deleted", None)  # not every backend knows what it means
    denied = [
        {"Key": one["Key"], "VersionId": one.get("VersionId"), "Code": error.code, "Message": error.message}
        for one in _objects(exchange)
        if (error := refused.get(_of_object(exchange, one))) is not None
    ]
    merged = {**result, "Errors": [*result.get("Errors", ()), *denied]}
    return Whole(_named(wire.encode(exchange.known, merged, exchange.request_id)))


def _named(response: HttpResponse) -> HttpResponse:
    """The answer with the name that S3 gives its document, which the model does not tell."""
    body = response.body.replace(b"DeleteObjectsOutput", b"DeleteResult", 1)
    head, _, _ = body.rpartition(b"</DeleteObjectsOutput>")
    return HttpResponse(response.status, response.headers, head + b"</DeleteResult>")


def _objects(exchange: Exchange) -> list[dict[str, Any]]:
    return list((exchange.params.get("Delete") or {}).get("Objects", ()))


def _of_object(exchange: Exchange, one: Mapping[str, Any]) -> _Named:
    return object_arn(exchange.params.get("Bucket", ""), one.get("Key", "")), one.get("VersionId") or ""


def _refused(exchange: Exchange) -> Mapping[_Named, AwsError]:
    """The denials by the object and version; one of several for the same."""
    return {named(exchange.authorizations[place]): error for place, error in exchange.refused.items()}


def _verify(request: HttpRequest) -> None:
    """INVARIANT: a body that is not what its client says of it is refused, also where the backend gets another."""
    unknown = (name for name in request.headers if name.startswith(CHECKSUM) and name not in TRAILERS)
    if name := next(unknown, ""):
        raise Unimplemented(f"Kansatsu cannot verify {name} of a request of which policy denies a part.")
    digests.verify(digests.said("DeleteObjects", request.headers), request.body)


def _remade(exchange: Exchange, kept: list[dict[str, Any]]) -> HttpRequest:
    """The request for these keys alone, with a digest of its own."""
    delete = exchange.params["Delete"]
    quiet = f"<Quiet>{str(delete['Quiet']).lower()}</Quiet>" if "Quiet" in delete else ""
    body = f'<Delete xmlns="{_XMLNS}">{"".join(map(_element, kept))}{quiet}</Delete>'.encode()
    said = {
        name: value
        for name, value in exchange.request.headers.items()
        if name not in (MD5, _SAYS_WHICH) and not name.startswith(CHECKSUM)
    }
    said[MD5] = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    request = replace(exchange.request, headers=said, body=body)
    # INVARIANT: no key that was denied reaches the backend: what it reads there is what was allowed, and nothing else.
    if wire.decode(exchange.known, request).get("Delete") != {**delete, "Objects": kept}:
        raise InternalFailure("The keys that are allowed cannot be told to the backend.")
    return request


def _element(one: Mapping[str, Any]) -> str:
    texts = {
        name: format_datetime(value, usegmt=True) if name == "LastModifiedTime" else str(value)
        for name, value in one.items()
    }
    return f"<Object>{''.join(f'<{name}>{wire.escape(text)}</{name}>' for name, text in texts.items())}</Object>"
