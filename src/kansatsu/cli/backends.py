"""What stands behind the gateway: the embedded backend, or the ones that the settings name."""

from contextlib import AsyncExitStack

from kansatsu.backends import Backend, Credentials, EmbeddedBackend, UrlBackend
from kansatsu.cli import credentials
from kansatsu.cli.output import Failure, again
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


def check(settings: Settings) -> None:
    """Raise NoCredentials where a backend of the settings could not be asked, before anything is made."""
    for name in set(settings.backend.values()) - {EMBEDDED}:
        _credentials(name, settings)


def _credentials(name: str, settings: Settings) -> Credentials:
    """INVARIANT: those of the environment that Kansatsu was started in; never the clients', nor its own admin's."""
    from botocore.session import Session  # a third of a second that the embedded backend does not need

    found = Session().get_credentials()
    if found is None:
        raise NoCredentials(f"No credentials for the backend {name}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
    frozen = found.get_frozen_credentials()
    if str(frozen.access_key) == _own_key(settings):
        raise NoCredentials(
            f"The credentials for the backend {name} would be this Kansatsu's own administrator's; undo "
            f"`{again('env')}` in this shell, and set the backend's AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    return Credentials(str(frozen.access_key), str(frozen.secret_key))


def _own_key(settings: Settings) -> str:
    try:
        return credentials.read(settings.data_dir).access_key_id
    except Failure:
        return ""  # the first start: there are none yet


def _make(name: str, settings: Settings) -> Backend:
    clock = SystemClock()
    if name == EMBEDDED:
        return EmbeddedBackend(settings.data_dir / "backend", clock)
    return UrlBackend(name, _credentials(name, settings), clock)
