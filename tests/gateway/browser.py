"""A browser at the console, as far as its server can tell: headers, one cookie and what the page keeps."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kansatsu.console import Console
from kansatsu.http import HttpRequest, HttpResponse

from .conftest import Gateway
from .raw import Keys

PATH = "/_kansatsu/console/"
PASSWORD = "Corr3ct-horse"


class MovedClock:
    """Now, and then some."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True)
class Said:
    """An answer of the console."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str:
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""

    @property
    def result(self) -> Any:
        assert self.status == 200, self.body
        return self.body["result"]


class Browser:
    """Asks as the console's own page does; headers given by name replace the page's, None leaves one out."""

    def __init__(self, gateway: Gateway, console: Console, client: str = "127.0.0.1", host: str = "127.0.0.1:4566"):
        self._gateway, self._console = gateway, console
        self.client, self.host = client, host
        self.cookie, self.word = "", ""

    def ask(self, door: str, given: Any = None, method: str = "POST", **headers: str | None) -> Said:
        page: dict[str, str | None] = {
            "host": self.host,
            "origin": f"http://{self.host}",
            "sec-fetch-site": "same-origin",
            "content-type": "application/json",
            "x-kansatsu-console": self.word or "-",
            "cookie": f"kansatsu-console={self.cookie}" if self.cookie else None,
            "user-agent": "Mozilla/5.0 (tests)",
        }
        page |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in page.items() if value is not None}
        request = HttpRequest(method, PATH + door, "", sent, json.dumps(given or {}).encode())
        answer: HttpResponse = self._gateway.run(self._console(request, self.client, False))
        found = {name.lower(): value for name, value in answer.headers}
        is_json = found.get("content-type") == "application/json"
        return Said(answer.status, found, json.loads(answer.body) if is_json else answer.body)

    def sign_in(self, **given: str) -> Said:
        """Sign in, and keep what a browser keeps."""
        said = self.ask("api/sign-in", given)
        if said.status == 200:
            self.word = said.body["word"]
            self.cookie = said.headers["set-cookie"].partition(";")[0].partition("=")[2]
        return said

    def call(self, service: str, operation: str, **parameters: Any) -> Said:
        return self.ask("api/call", {"service": service, "operation": operation, "parameters": parameters})

    def is_in(self) -> bool:
        return self.ask("api/session").status == 200


def named(keys: Keys, **more: str) -> dict[str, str]:
    """What the user types."""
    return {"account": "123456789012", "user": keys.name, "password": PASSWORD, **more}


def person(gateway: Gateway, *statements: dict[str, Any], reset: bool = False) -> Keys:
    """A user with a password."""
    keys = gateway.user(*statements)
    gateway.iam.create_login_profile(UserName=keys.name, Password=PASSWORD, PasswordResetRequired=reset)
    return keys
