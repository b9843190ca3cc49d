"""Whether containers can be given an identity on this machine: one is started, entered and removed.

It is Kansatsu's own image, a loop that does nothing, and asks nobody for anything.
"""

import asyncio
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kansatsu.cli.engine import open_engine
from kansatsu.cli.settings import Settings
from kansatsu.workload import Provider, ProviderError
from kansatsu.workload.injection import CONTAINER_CREDENTIALS, InjectionError, InjectorClient
from kansatsu.workload.providers import ROLE_LABEL

_LONGEST = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it, and what would mend it."""

    good: bool
    detail: str
    mend: str = ""


def run(settings: Settings) -> Outcome:
    """One container from its start to its end. Raises nothing: what fails is the outcome."""
    return asyncio.run(_run(settings))


async def _run(settings: Settings) -> Outcome:
    # An API service of its own where podman has none: that of a Kansatsu which runs stays as it is.
    with tempfile.TemporaryDirectory(prefix="kansatsu-doctor-") as directory:
        async with open_engine(settings, Path(directory)) as provider:
            if provider is None:
                return Outcome(False, "no engine", "see the checks above")
            try:
                async with asyncio.timeout(_LONGEST):
                    return await _container(provider)
            except TimeoutError:
                return Outcome(False, f"the engine took longer than {_LONGEST:.0f} s", "see the engine's own log")
            finally:
                await provider.close()


async def _container(provider: Provider) -> Outcome:
    name, injector = f"kansatsu-doctor-{os.getpid()}", InjectorClient()
    try:
        container = await provider.inspect(await provider.create_namespace(name, "doctor", {ROLE_LABEL: "namespace"}))
        if container.process is None:
            return Outcome(False, "a container was started and ended at once", "see the engine's own log")
        for item in await injector.listen(container.process.pid, container.process.start_time, [CONTAINER_CREDENTIALS]):
            item.close()
        return Outcome(True, "one was started, and an endpoint put into it")
    except ProviderError as error:
        return Outcome(False, f"none can be started: {error}", "try `podman run` or `docker run` by hand")
    except InjectionError as error:
        return Outcome(False, f"one was started, but {error}", "start with sudo; `kansatsu run` works without")
    finally:
        with suppress(ProviderError):
            await provider.remove(name)
        await injector.stop()
