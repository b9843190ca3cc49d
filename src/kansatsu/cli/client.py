"""Signed calls to a running Kansatsu with botocore: the command line has no private door.

The control API is the service `kansatsu`; its model lies with those of `kansatsu.wire`.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import kansatsu
from kansatsu.cli import credentials, daemon
from kansatsu.cli.output import Exit, Failure
from kansatsu.cli.settings import Settings

MODELS = Path(kansatsu.__file__).parent / "wire" / "models"
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_MEANS_NOTHING = frozenset({"InvalidParameterCombination"})
# Of operations that take nothing which may be missing: there this is what cannot be read.
CANNOT_BE_READ = frozenset({"InvalidParameterValue", "ValidationException"})
_LOST = frozenset(
    {
        "EndpointConnectionError",
        "ConnectionClosedError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
    }
)


def connect(settings: Settings, service: str, profile: str | None = None, account: str | None = None) -> Any:
    """A botocore client of the server that holds the data directory, as its administrator or as an AWS profile.

    The administrator is that of the first account, or of `account`, a name or id, which goes with no profile (exit 2).

    Where that directory has none, or is another user's, a profile with an endpoint_url is enough: it says where and
    who. Ends the command with exit 3 when no server runs.
    """
    if profile is None:
        credentials.refuse_inside()
    elif account is not None:
        raise Failure("Give --profile or --account, not both.", Exit.USAGE)
    found = daemon.require_running(settings.data_dir) if profile is None else daemon.running(settings.data_dir)
    import botocore.config
    import botocore.exceptions
    import botocore.session

    config = botocore.config.Config(
        use_fips_endpoint=False,
        use_dualstack_endpoint=False,
        proxies={},
        retries={"total_max_attempts": 1},
        read_timeout=60,
    )
    try:
        if profile is not None:
            session = botocore.session.Session(profile=profile)
        else:
            session = botocore.session.Session(session_vars=NO_FILES)
            keys = credentials.read(settings.data_dir, account)
            session.set_credentials(keys.access_key_id, keys.secret_access_key)
        session.get_component("data_loader").search_paths.append(str(MODELS))
        if found is not None:
            endpoint, region = found.endpoint, settings.region
        else:
            endpoint, region = _of_profile(session, settings)
        return session.create_client(service, region_name=region, endpoint_url=endpoint, config=config)
    except botocore.exceptions.ProfileNotFound:
        raise Failure(f"There is no profile {profile} in your AWS files; see `aws configure list-profiles`.") from None
    except botocore.exceptions.BotoCoreError as error:
        raise Failure(f"No client for {service}: {error}.") from None


def _of_profile(session: Any, settings: Settings) -> tuple[str, str]:
    """Endpoint and region that the session's profile names; exit 3 when it names no endpoint."""
    section = session.get_scoped_config()
    if "endpoint_url" not in section:
        daemon.require_running(settings.data_dir)
    return section["endpoint_url"], section.get("region", settings.region)


# The user's own AWS files and profile have no say in what the administrator of this directory asks.
NO_FILES: dict[str, tuple[str | None, str | None, Any, Any]] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


@contextmanager
def answers(flags: Mapping[str, str] | None = None, *, usage: Collection[str] = ()) -> Iterator[None]:
    """Turn AWS's errors into ends of the command: exit 4 when denied, 3 when nobody answers, 2 for what was asked in a
    way that means nothing, else 1.

    `flags`: what the command line calls parameters that a message may name. `usage`: further codes that mean exit 2.
    """
    import botocore.exceptions

    try:
        yield
    except botocore.exceptions.ClientError as error:
        code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
        for parameter, flag in (flags or {}).items():
            message = message.replace(parameter, flag)
        ends = Exit.DENIED if code in _DENIED else Exit.USAGE if code in {*_MEANS_NOTHING, *usage} else Exit.FAILED
        raise Failure(f"{code}: {message}", ends) from None
    except botocore.exceptions.BotoCoreError as error:
        kind = type(error).__name__
        ends = Exit.NOT_RUNNING if kind in _LOST else Exit.USAGE if kind == "ParamValidationError" else Exit.FAILED
        raise Failure(" ".join(str(error).split()), ends) from None
