"""A backend at a URL gets requests that are signed for it and raw as they came; its failures are AWS errors."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from kansatsu.backends import Credentials, UrlBackend
from kansatsu.clock import SystemClock
from kansatsu.errors import ServiceUnavailable
from kansatsu.http import HttpRequest
from kansatsu.signing import parse_signature, verify

from .calls import ACCOUNT, pieces

OURS = Credentials("AKIAOURS", "our secret")
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[UrlBackend]:
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    backend = UrlBackend(f"http://{host}:{port}", OURS, SystemClock(), watch=False)
    backend.start()
    try:
        yield backend
    finally:
        await backend.stop()
        await runner.cleanup()


async def echo(request: web.BaseRequest) -> web.Response:
    path, _, query = request.raw_path.partition("?")
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = await request.read()
    seen = HttpRequest(request.method, path, query, headers, body)
    signature = parse_signature(seen)
    assert signature is not None
    verify(seen, signature, "our secret", SystemClock().now()).check_body(body)
    answer = {"x-path": request.raw_path, "x-key": signature.access_key_id, "x-host": request.host}
    return web.Response(status=201, body=body, headers={**answer, "Connection": "close", "Server": "them"})


@pytest.mark.parametrize("path", ["/", "/b/a%20b/%C3%BC//x/../y", "/b/a+b%2Fc", "/b/~!*'()"])
@pytest.mark.parametrize("query", ["", "list-type=2&prefix=a%2Fb&empty=", "acl"])
@pytest.mark.parametrize("streamed", [True, False])
async def test_raw_and_signed(path: str, query: str, *, streamed: bool) -> None:
    headers = {"host": "localhost:4566", "authorization": "theirs", "x-amz-meta-a": "1"}
    async with serving(echo) as backend:
        request = HttpRequest("PUT", path, query, headers, b"" if streamed else b"payload")
        body = pieces([b"pay", b"load"]) if streamed else None
        response = await backend.call(ACCOUNT, "us-east-1", "s3", request, body, 7 if streamed else None)
        assert response.status == 201
        assert await response.read() == b"payload"
        found = {name.lower(): value for name, value in response.headers}
        assert found["x-path"] == path + ("?" if query else "") + query
        assert found["x-key"] == "AKIAOURS"
        assert found["x-host"].startswith("127.0.0.1:")
        assert not {"connection", "server", "date"} & found.keys()


async def test_redirects_are_not_followed() -> None:
    async def redirect(_: web.BaseRequest) -> web.Response:
        return web.Response(status=307, headers={"Location": "http://169.254.169.254/latest/"})

    async with serving(redirect) as backend:
        response = await backend.call(ACCOUNT, "us-east-1", "s3", HttpRequest("GET", "/b"))
        assert response.status == 307
        await response.close()


async def test_an_answer_that_breaks_off() -> None:
    async def half(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport
        request.transport.close()
        return response

    async with serving(half) as backend:
        response = await backend.call(ACCOUNT, "us-east-1", "s3", HttpRequest("GET", "/b"))
        with pytest.raises(ServiceUnavailable):
            await response.read()


@pytest.mark.parametrize(
    "url",
    [
        "minio:9000",
        "ftp://minio",
        "http://",
        "http://h/path",
        "http://h?x=1",
        "http://user:secret@h",
        "",
        "http://h:0",
        "http://h:65536",
    ],
)
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(ValueError):
        UrlBackend(url, OURS, SystemClock())
