"""Short ways to call a backend."""

from collections.abc import AsyncIterator, Iterable

from kansatsu.backends import Backend
from kansatsu.http import HttpRequest

ACCOUNT = "111111111111"
OTHER = "222222222222"


async def pieces(items: Iterable[bytes]) -> AsyncIterator[bytes]:
    """A body in these pieces."""
    for item in items:
        yield item


async def s3(
    backend: Backend,
    method: str,
    path: str,
    query: str = "",
    headers: dict[str, str] | None = None,
    *,
    account: str = ACCOUNT,
    body: bytes = b"",
) -> tuple[int, bytes]:
    """Status and body of one S3 request."""
    request = HttpRequest(method, path, query, {"host": "localhost:4566", **(headers or {})}, body)
    response = await backend.call(account, "us-east-1", "s3", request)
    return response.status, await response.read()
