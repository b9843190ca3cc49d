"""The default backend: moto in a process of its own, reached over a unix socket that is ours alone."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from kansatsu.backends.head import Credentials
from kansatsu.backends.health import Condition
from kansatsu.backends.port import BackendResponse
from kansatsu.backends.reachable import unreachable
from kansatsu.backends.supervisor import Supervisor
from kansatsu.backends.url import Target
from kansatsu.clock import Clock
from kansatsu.http import HttpRequest

if TYPE_CHECKING:
    from kansatsu.backends.client import Client

# https://docs.getmoto.org/en/latest/docs/multi_account.html
_ACCOUNT_HEADER = "x-moto-account-id"
# The server reads the scope of a signature and checks neither key nor signature.
_CREDENTIALS = Credentials("backend", "backend")


class EmbeddedBackend:
    """Moto under a Supervisor. Its data live in memory: they are gone when it, or we, end."""

    apart = True
    literal = True

    def __init__(self, directory: Path, clock: Clock, *, wait_seconds: float = 30.0) -> None:
        self.supervisor = Supervisor(directory, wait_seconds=wait_seconds)
        self._clock = clock
        self._client: Client | None = None

    @property
    def state(self) -> str:
        return self.supervisor.state

    @property
    def condition(self) -> Condition:
        return Condition(self.supervisor.state)

    def start(self) -> None:
        """Begin to come up; returns at once. Needs a running event loop."""
        self.supervisor.start()

    async def call(
        self,
        account: str,
        region: str,
        service: str,
        request: HttpRequest,
        body: AsyncIterator[bytes] | None = None,
        length: int | None = None,
        *,
        repeatable: bool = False,
    ) -> BackendResponse:
        """See Backend.call; waits, within bounds, while the server starts."""
        if error := unreachable(request):
            raise error
        await self.supervisor.wait_ready()
        if self._client is None:
            from kansatsu.backends.client import Client  # see UrlBackend.start

            self._client = Client("http://backend", self.supervisor.socket)
        target = Target(self._client, _CREDENTIALS, self._clock)
        extra = {_ACCOUNT_HEADER: account}
        return await target.send(region, service, request, body=body, length=length, extra=extra, repeatable=repeatable)

    async def reset(self) -> None:
        """Start again with no data; calls wait meanwhile."""
        await self.supervisor.stop()
        self.supervisor.start()

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None
        await self.supervisor.stop()
