"""What stands behind the gateway: the embedded backend, or the ones that the settings name."""

import asyncio
import math
import ssl
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

from kansatsu.backends import Backend, Condition, Credentials, EmbeddedBackend, Limits, UrlBackend
from kansatsu.cli import credentials
from kansatsu.cli.output import Failure, again
from kansatsu.cli.settings import Settings
from kansatsu.clock import SystemClock

EMBEDDED = "embedded"


class Unusable(Exception):
    """A backend at a URL that could not be asked: no credentials, no authorities; the message is for the user."""


async def open_backends(
    settings: Settings, stack: AsyncExitStack
) -> tuple[dict[str, Backend], Backend, EmbeddedBackend | None]:
    """Backends by service, the one for every other service, and the embedded one if it is used; all are starting."""
    made: dict[_Used, Backend] = {}
    used = _used(settings)
    for one in sorted(set(used.values())):
        backend = made[one] = _embedded(settings) if one.url == EMBEDDED else _make(one, settings)
        backend.start()
        stack.push_async_callback(backend.stop)
    route = {service: made[one] for service, one in used.items() if service != "*"}
    own = made.get(_Used(EMBEDDED, ""))
    return route, made[used["*"]], own if isinstance(own, EmbeddedBackend) else None


class _Used(NamedTuple):
    """A backend, and whose credentials it gets: a profile, or "" for those of the environment."""

    url: str
    profile: str


def _used(settings: Settings) -> dict[str, _Used]:
    """By service; "*" is every other one.

    INVARIANT: a backend gets the credentials that are meant for it, for its services alone.
    """
    found = {}
    for service in {*settings.backend, *settings.backend_profile}:
        url = settings.backend_of(service)
        found[service] = _Used(url, "" if url == EMBEDDED else settings.profile_of(service))
    return found


def fact_lifetime(settings: Settings) -> Callable[[str], float]:
    """How many seconds what a service's backend said of a resource is good for.

    Nobody but us changes anything at the embedded backend; at a URL somebody else may.
    """

    def lifetime(service: str) -> float:
        return math.inf if settings.backend_of(service) == EMBEDDED else settings.resource_ttl.total_seconds()

    return lifetime


def check(settings: Settings) -> None:
    """Raise Unusable where a backend of the settings could not be asked, before anything is made."""
    for one in sorted(set(_used(settings).values())):
        if one.url != EMBEDDED:
            _make(one, settings)


def conditions(route: Mapping[str, Backend], default: Backend) -> dict[str, dict[str, Any]]:
    """How each backend is, by service, as the health path says it; "*" is every other service."""
    return {service: _shown(backend.condition) for service, backend in {"*": default, **route}.items()}


def _shown(condition: Condition) -> dict[str, Any]:
    since = condition.since.strftime("%Y-%m-%dT%H:%M:%SZ") if condition.since else None
    return {"state": condition.state, "since": since, "why": condition.why or None}


def look(settings: Settings) -> dict[str, Condition]:
    """How each backend at a URL is right now, by URL. Raises Unusable."""

    async def ask(one: _Used) -> Condition:
        backend = _make(one, settings, watch=False)
        try:
            return await backend.look()
        finally:
            await backend.stop()

    used = sorted(one for one in set(_used(settings).values()) if one.url != EMBEDDED)
    return {f"{one.url} as {one.profile}" if one.profile else one.url: asyncio.run(ask(one)) for one in used}


def _credentials(one: _Used, settings: Settings) -> Credentials:
    """INVARIANT: a profile's, or the environment's that Kansatsu was started in; never the clients', nor its own."""
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session  # a third of a second that the embedded backend does not need

    name = one.url
    try:
        # A profile that is named is the one, whatever keys are in the environment.
        found = Session(profile=one.profile or None).get_credentials()
    except BotoCoreError as error:
        raise Unusable(f"No credentials for the backend {name}: {error}.") from None
    if found is None and one.profile:
        raise Unusable(f"No credentials for the backend {name}: the profile {one.profile} has none.")
    if found is None:
        raise Unusable(f"No credentials for the backend {name}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
    frozen = found.get_frozen_credentials()
    if str(frozen.access_key) in _own_keys(settings):
        raise Unusable(
            f"The credentials for the backend {name} would be this Kansatsu's own administrator's; undo "
            f"`{again('env')}` in this shell, and set the backend's AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    token = str(frozen.token) if frozen.token else None
    return Credentials(str(frozen.access_key), str(frozen.secret_key), token)


def _own_keys(settings: Settings) -> set[str]:
    try:
        return {keys.access_key_id for keys in credentials.read_all(settings.data_dir).values()}
    except Failure:
        return set()  # the first start: there are none yet


def _embedded(settings: Settings) -> EmbeddedBackend:
    return EmbeddedBackend(settings.data_dir / "backend", SystemClock())


def _make(one: _Used, settings: Settings, *, watch: bool = True) -> UrlBackend:
    given, limits, tls = _credentials(one, settings), _limits(settings), _trust(one.url, settings)
    try:
        return UrlBackend(one.url, given, SystemClock(), limits=limits, tls=tls, watch=watch)
    except ValueError as error:
        raise Unusable(str(error)) from None


def _limits(settings: Settings) -> Limits:
    return Limits(
        connect=settings.backend_connect_timeout.total_seconds(),
        answer=settings.backend_answer_timeout.total_seconds(),
        idle=settings.backend_idle_timeout.total_seconds(),
        retries=settings.backend_retries,
    )


def _trust(name: str, settings: Settings) -> ssl.SSLContext | None:
    bundle = settings.backend_ca_bundle
    if not name.startswith("https://") or bundle is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(bundle))
    except ssl.SSLError:
        raise Unusable(f"backend-ca-bundle {bundle} holds no certificate in PEM form.") from None
    except OSError as error:
        raise Unusable(f"backend-ca-bundle {bundle} cannot be read: {error.strerror}.") from None
