"""What stands behind the gateway: the embedded backend, or the ones that the settings name."""

from contextlib import AsyncExitStack

from kansatsu.backends import Backend, Credentials, EmbeddedBackend, UrlBackend
from kansatsu.cli.settings import Settings
from kansatsu.clock import SystemClock

EMBEDDED = "embedded"


class NoCredentials(Exception):
    """A backend at a URL whose credentials are nowhere to be found."""


async def open_backends(
    settings: Settings, stack: AsyncExitStack
) -> tuple[dict[str, Backend], Backend, EmbeddedBackend | None]:
    """Backends by service, the one for every other service, and the embedded one if it is used; all are starting."""
    made: dict[str, Backend] = {}
    for name in set(settings.backend.values()):
        backend = made[name] = _make(name, settings)
        backend.start()
        stack.push_async_callback(backend.stop)
    route = {service: made[name] for service, name in settings.backend.items() if service != "*"}
    embedded = made.get(EMBEDDED)
    return route, made[settings.backend["*"]], embedded if isinstance(embedded, EmbeddedBackend) else None


def _make(name: str, settings: Settings) -> Backend:
    clock = SystemClock()
    if name == EMBEDDED:
        return EmbeddedBackend(settings.data_dir / "backend", clock)
    from botocore.session import Session  # a third of a second that the embedded backend does not need

    # The backend's own credentials are those of the environment that Kansatsu was started in; never the clients'.
    found = Session().get_credentials()
    if found is None:
        raise NoCredentials(f"No credentials for the backend {name}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
    frozen = found.get_frozen_credentials()
    return UrlBackend(name, Credentials(str(frozen.access_key), str(frozen.secret_key)), clock)
