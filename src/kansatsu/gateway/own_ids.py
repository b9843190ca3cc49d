"""One request, one id: a backend's answer carries the id under which Kansatsu recorded the request, wherever SDKs look.

What botocore calls RequestId is a header of JSON and REST services, and an element of the body of the others, so that
`kansatsu why` knows what a program printed. The backend's own id is beside it, for who has to search there.
"""

import re
from collections.abc import AsyncIterator, Iterable

_HEADERS = frozenset({"x-amzn-requestid", "x-amzn-request-id", "x-amz-request-id"})
_LENGTH = "content-length"
# No text holds a tag as it is.
_ELEMENT = re.compile(rb"(<[Rr]equestI[dD]>)[^<]{1,128}(</[Rr]equestI[dD]>)")
_LONGEST = len(b"<RequestId></RequestId>") + 128
_IN_BODIES = frozenset({"ec2", "query", "rest-xml"})


def headers(given: Iterable[tuple[str, str]], request_id: str) -> list[tuple[str, str]]:
    """The headers of an answer (names in lower case) with `request_id` in place of the backend's."""
    found = []
    for name, value in given:
        if name in _HEADERS:
            found.append((name, request_id))
            found.append(("x-kansatsu-backend-request-id", value))
        else:
            found.append((name, value))
    return [*found, ("x-kansatsu-request-id", request_id)]


def unsized(given: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers of an answer whose body is sent in chunks: ids have many lengths."""
    return [(name, value) for name, value in given if name != _LENGTH]


def in_body(protocol: str, status: int, headers: Iterable[tuple[str, str]]) -> bool:
    """Whether the body of an answer may hold the id: never that of an object."""
    found = dict(headers)
    if protocol not in _IN_BODIES or "content-encoding" in found:
        return False
    return protocol != "rest-xml" or (status >= 400 and "xml" in found.get("content-type", ""))


async def body(pieces: AsyncIterator[bytes], request_id: str) -> AsyncIterator[bytes]:
    """The same bytes with `request_id` in place of the backend's; a tag may lie in two pieces."""
    own = rb"\g<1>" + request_id.encode() + rb"\g<2>"
    held = b""
    async for piece in pieces:
        held = _ELEMENT.sub(own, held + piece)
        # From the first tag on that may begin an element whose end is not here yet.
        cut = held.find(b"<", max(0, len(held) - _LONGEST))
        cut = len(held) if cut < 0 else cut
        if cut:
            yield held[:cut]
        held = held[cut:]
    if held:
        yield held
