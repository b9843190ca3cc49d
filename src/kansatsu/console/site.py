"""What the console answers below its path: files, sessions, and the operations of whoever signed in."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from kansatsu.advisor import EvidenceLost, Recorder
from kansatsu.clock import Clock
from kansatsu.console import files, guard, parameters
from kansatsu.console.sign_in import Admitted, SignIn
from kansatsu.console.visitor import Asked, Refused, Settings, Visitor
from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest, HttpResponse
from kansatsu.identity import Store, aliases, console
from kansatsu.identity.console import Opened

log = logging.getLogger(__name__)

PATH = "/_kansatsu/console"
_API = "api/"
_JSON = [("content-type", "application/json"), ("cache-control", "no-store")]
_Answer = tuple[Mapping[str, Any], list[tuple[str, str]]]


class Console:
    """`gateway.app.Console`: one request below PATH, whose path is decoded, to its answer."""

    def __init__(self, store: Store, recorder: Recorder, ask: Asked, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._ask = ask
        self._settings = settings
        self._sign_in = SignIn(store, recorder, ask, clock, settings)
        self._doors: Mapping[str, Callable[[HttpRequest, Mapping[str, Any], Visitor], Awaitable[_Answer]]] = {
            "sign-in": self._enter,
            "session": self._show,
            "sign-out": self._leave,
            "call": self._call,
        }

    async def __call__(self, request: HttpRequest, client: str, secure: bool) -> HttpResponse:
        if not guard.is_ours(request, self._settings.names):
            return _said(Refused("UnknownHost", "This host is not a name of Kansatsu.", 421))
        if request.path == PATH:
            return HttpResponse(308, [*guard.HEADERS, ("location", PATH + "/")])
        name = request.path.removeprefix(PATH + "/")
        if not name.startswith(_API):
            return self._file(request, name)
        said = (request.headers.get(name, "") for name in ("user-agent", "host", "origin"))
        visitor = Visitor(client, secure, *said)
        try:
            return await self._served(request, name.removeprefix(_API), visitor)
        except EvidenceLost as lost:
            return _said(Refused("ServiceUnavailable", str(lost), 503))
        except AwsError as error:
            return _said(error)
        except Exception:  # the edge
            log.exception("the console failed")
            return _said(Refused("InternalFailure", "We encountered an internal error. Please try again.", 500))

    def _file(self, request: HttpRequest, name: str) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return _said(Refused("MethodNotAllowed", "Use GET.", 405))
        found = files.answer(request, name)
        if found is None:
            return _said(Refused("NotFound", "There is no such file.", 404))
        return HttpResponse(found.status, [*found.headers, *guard.HEADERS], found.body)

    async def _served(self, request: HttpRequest, door: str, visitor: Visitor) -> HttpResponse:
        found = self._doors.get(door)
        if found is None:
            raise Refused("NotFound", "There is nothing here.", 404)
        # INVARIANT: nothing is done, and no cookie is looked at, for a page that is not ours.
        if request.method != "POST" or not guard.is_own_page(request):
            raise Refused("ForeignPage", "Only the console's own pages may ask this.", 403)
        result, headers = await found(request, parameters.body(request.body), visitor)
        return HttpResponse(200, [*_JSON, *headers, *guard.HEADERS], parameters.encode(result))

    async def _enter(self, _request: HttpRequest, given: Mapping[str, Any], visitor: Visitor) -> _Answer:
        if "link" in given:
            if not guard.is_loopback(visitor.client):
                raise Refused("LinkInvalid", "A link opens the console on the machine that Kansatsu runs on only.")
            admitted = await self._sign_in.by_link(given, visitor)
        elif "ticket" in given:
            admitted = await self._sign_in.with_new_password(given, visitor)
        elif "accessKeyId" in given:
            admitted = await self._sign_in.by_key(given, visitor)
        else:
            admitted = await self._sign_in.by_password(given, visitor)
        return self._welcome(admitted, visitor)

    def _welcome(self, admitted: Admitted, visitor: Visitor) -> _Answer:
        opened = self._find([admitted.cookie], admitted.word)
        seconds = int(self._settings.life.total_seconds())
        made = guard.set_cookie(admitted.cookie, seconds, PATH, secure=visitor.says_tls)
        return {**self._shown(opened), "word": admitted.word}, [made]

    async def _show(self, request: HttpRequest, _given: Mapping[str, Any], _visitor: Visitor) -> _Answer:
        return self._shown(self._session(request)), []

    async def _leave(self, request: HttpRequest, _given: Mapping[str, Any], visitor: Visitor) -> _Answer:
        """INVARIANT: the session is over here, whatever the browser keeps."""
        await self._store.transact(console.end, self._session(request))
        return {}, [guard.set_cookie("", 0, PATH, secure=visitor.says_tls)]

    async def _call(self, request: HttpRequest, given: Mapping[str, Any], visitor: Visitor) -> _Answer:
        opened = self._session(request)
        service, operation = parameters.text(given, "service", 64), parameters.text(given, "operation", 128)
        params = parameters.checked(service, operation, given.get("parameters", {}))
        region = parameters.region(given) or self._settings.region
        result, request_id = await self._ask(
            *(opened.keys, region, service, operation, params),
            client=visitor.client,
            secure=visitor.secure,
            agent=visitor.agent,
        )
        return {"result": result, "requestId": request_id}, []

    def _session(self, request: HttpRequest) -> Opened:
        return self._find(guard.cookies(request), request.headers.get(guard.WORD, ""))

    def _find(self, cookies: Iterable[str], word: str) -> Opened:
        with self._store.read() as conn:
            for cookie in cookies:
                if opened := console.find(conn, self._store.sealer, cookie, word, self._clock.now()):
                    return opened
        raise Refused("SessionEnded", "You are not signed in.", account=self._settings.account)

    def _shown(self, opened: Opened) -> Mapping[str, Any]:
        user = opened.user
        with self._store.read() as conn:
            alias = aliases.of(conn, user.account)
        return {
            "account": user.account,
            "alias": alias or "",
            "user": user.name,
            "arn": user.arn,
            "region": self._settings.region,
            "mfa": opened.mfa,
            "expires": opened.expires,
        }


def _said(error: AwsError) -> HttpResponse:
    told = {"code": error.code, "message": error.message, **error.fields}
    return HttpResponse(error.status, [*_JSON, *guard.HEADERS], parameters.encode(told))
