"""The web console of a server, or none, as the settings say."""

from kansatsu.advisor import Recorder
from kansatsu.cli.settings import Settings
from kansatsu.clock import Clock
from kansatsu.console import Asked, Console
from kansatsu.console import Settings as ConsoleSettings
from kansatsu.identity import Store


def opened(
    settings: Settings, account: str, store: Store, recorder: Recorder, ask: Asked, clock: Clock
) -> Console | None:
    if settings.console is None:
        return None
    names = settings.console | {"localhost", settings.listen.host.lower()}
    return Console(
        store, recorder, ask, clock, ConsoleSettings(account, settings.region, settings.console_session, names)
    )
