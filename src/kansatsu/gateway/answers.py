"""What goes back to a client: a value of ours, as a whole."""

from typing import Protocol

from kansatsu.gateway import asgi
from kansatsu.http import HttpResponse


class Answer(Protocol):
    """What goes back: a value of ours, or a backend's answer on its way."""

    async def send(self, send: asgi.Send, *, bodiless: bool) -> None: ...
    async def close(self) -> None: ...


class Whole:
    """An answer that is there as a whole."""

    def __init__(self, response: HttpResponse) -> None:
        self._response = response

    async def send(self, send: asgi.Send, *, bodiless: bool) -> None:
        response = self._response
        await asgi.answer(send, response.status, response.headers, response.body, bodiless=bodiless)

    async def close(self) -> None:
        """Nothing is held."""
