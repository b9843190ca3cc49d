"""The ASGI application: Kansatsu's own paths, and everything else as an AWS request."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from kansatsu import wire
from kansatsu.errors import AwsError
from kansatsu.gateway import asgi
from kansatsu.gateway.bodies import Bodies, Unsigned
from kansatsu.http import HttpRequest, HttpResponse
from kansatsu.services.issuers import OWN

log = logging.getLogger(__name__)

HEALTH = "/_kansatsu/health"
RESET = "/_kansatsu/reset"
_CONFIGURATION, _KEYS = "/.well-known/openid-configuration", "/.well-known/jwks.json"
CONSOLE = "/_kansatsu/console"
_CONSOLE_LIMIT = 1024 * 1024  # bytes of one request of the console

# (request, the client's address, whether it came over TLS) -> answer
Console = Callable[[HttpRequest, str, bool], Awaitable[HttpResponse]]

_JSON = [("content-type", "application/json")]


def _in_bucket(scope: asgi.Scope) -> bool:
    """Whether the host names a bucket: then every path is a key in it."""
    request = asgi.head(scope)
    return wire.path_style(HttpRequest("GET", "/", headers={"host": request.headers.get("host", "")})).path != "/"


class App:
    """ASGI 3 application.

    `health` gives what GET /_kansatsu/health reports. `reset`, only with --test-mode, wipes everything but the admin
    user and its key; without it the path does not exist. `keys` gives the public keys of an issuer of ours by its id,
    and `issuer_url` its URL: the two documents of OpenID Connect discovery, for whoever is shown one of our tokens.
    https://openid.net/specs/openid-connect-discovery-1_0.html
    `console` answers below CONSOLE, if it is given.
    """

    def __init__(
        self,
        aws: Callable[[asgi.Scope, asgi.Receive, asgi.Send], Awaitable[None]],
        health: Callable[[], Mapping[str, Any]],
        reset: Callable[[], Awaitable[None]] | None = None,
        keys: Callable[[str], Mapping[str, Any] | None] = lambda _: None,
        issuer_url: Callable[[str], str] = str,
        console: Console | None = None,
    ) -> None:
        self._keys, self._issuer_url = keys, issuer_url
        self._aws = aws
        self._health = health
        self._reset = reset
        self._console = console
        self._bodies = Bodies()

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path.startswith("/_kansatsu/") and not _in_bucket(scope):
            body = asgi.Body(receive, asgi.head(scope).headers)
            await self._own(path, scope, body, body.settling(send))
        else:
            await self._aws(scope, receive, send)

    async def _own(self, path: str, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        inside = scope["state"][asgi.INSIDE]
        if path == HEALTH and scope["method"] in ("GET", "HEAD"):
            # INVARIANT: a workload learns nothing of the machine it runs on, and can wipe nothing.
            await self._json(send, 200, {"status": "ok"} if inside else self._health())
        elif path == RESET and self._reset is not None and not inside:
            await self._do_reset(scope, send)
        elif (path == CONSOLE or path.startswith(CONSOLE + "/")) and self._console is not None and not inside:
            # INVARIANT: workloads have no place to try passwords at.
            holder = Unsigned()
            with self._bodies.held(holder):
                await self._show(self._console, holder, scope, receive, send)
        elif path.startswith(OWN) and (found := await asyncio.to_thread(self._discovered, path[len(OWN) :])):
            await self._json(send, 200, found)
        else:
            await self._json(send, 404, {"message": f"There is nothing at {path}."})

    def _discovered(self, rest: str) -> Mapping[str, Any] | None:
        """What is at ID/.well-known/... INVARIANT: public keys, and nothing else of an account."""
        name = rest.partition("/")[0]
        keys = self._keys(name) if rest in (name + _CONFIGURATION, name + _KEYS) else None
        if keys is None or rest.endswith(_KEYS):
            return keys
        url = self._issuer_url(name)
        return {
            "issuer": url,
            "jwks_uri": url + _KEYS,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES384"],
        }

    async def _show(
        self, console: Console, holder: Unsigned, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send
    ) -> None:
        request, client = asgi.head(scope), asgi.client(scope)
        try:
            # INVARIANT: strangers, for whom the console is too, fill no memory.
            body = await self._bodies.read_for(holder, receive, request.headers, "", _CONSOLE_LIMIT)
        except asgi.ClientGone:
            return
        except AwsError as error:
            response = HttpResponse(error.status, [], error.message.encode())
        else:
            request = replace(request, path=scope["path"], body=body)
            response = await console(request, client, scope.get("scheme") == "https")
        bodiless = request.method == "HEAD"
        await asgi.answer(send, response.status, response.headers, response.body, bodiless=bodiless)

    async def _do_reset(self, scope: asgi.Scope, send: asgi.Send) -> None:
        headers = dict(scope["headers"])
        if scope["method"] != "POST":
            await self._json(send, 405, {"message": "Use POST."})
        elif b"origin" in headers or b"sec-fetch-site" in headers:
            # INVARIANT: a web page that a developer happens to open cannot wipe the server.
            await self._json(send, 403, {"message": "Reset is not for browsers."})
        else:
            assert self._reset is not None  # noqa: S101 - checked by the caller
            await self._reset()
            log.warning("everything but the admin user was wiped (test mode)")
            await self._json(send, 200, {"status": "reset"})

    @staticmethod
    async def _json(send: asgi.Send, status: int, value: Mapping[str, Any]) -> None:
        await asgi.answer(send, status, _JSON, json.dumps(value).encode(), bodiless=False)
