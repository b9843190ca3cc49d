"""The one frozen settings object, and the one place that says which of defaults, file, environment and flags wins.

Later wins: default, TOML file, `KANSATSU_*` environment, flag. Unknown keys and bad values raise SettingError.
"""

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kansatsu.cli import surroundings, values

CONFIG_FILE = "kansatsu.toml"
PREFIX = "KANSATSU_"
# Not settings: what Kubernetes and Docker invent for a service of this name, our tests' images, `kansatsu run`'s word.
_OTHERS = (PREFIX + "SERVICE_", PREFIX + "PORT", PREFIX + "TEST_CACHE", surroundings.RUNNING_AS)

OBSERVE = "observe"
NOT_ENFORCED = "NOTHING IS ENFORCED: in the mode observe, requests that policies deny go on and are recorded."

SettingError = values.BadValue


class NotYours(SettingError):
    """The data directory is another user's."""


Address = values.Address


@dataclass(frozen=True, slots=True)
class Settings:
    """Effective settings; the meaning of each is its `help` in SETTINGS and docs/settings.md."""

    data_dir: Path
    database_url: values.DatabaseUrl
    listen: Address
    account: str
    region: str
    backend: Mapping[str, str]  # service name -> "embedded" or URL; "*" is every other service
    backend_profile: Mapping[str, str]  # service name -> profile of AWS's shared files, "" for the environment's
    backend_connect_timeout: timedelta
    backend_answer_timeout: timedelta
    backend_idle_timeout: timedelta
    backend_retries: int
    backend_ca_bundle: Path | None
    oidc_keys: Mapping[str, str]  # issuer -> file or URL of its key set
    token_issuer: str  # "gateway" or a URL
    quotas: Mapping[str, int | None]  # name -> number, None: unlimited
    resource_ttl: timedelta
    upload_spool: int  # bytes
    mode: str
    engine: str
    task_host_paths: tuple[str, ...]
    task_pull: str
    test_mode: bool
    revoke_on: str
    session_duration: timedelta
    event_fsync_interval: timedelta
    event_retention_days: int
    trail: tuple[str, ...]
    trail_interval: timedelta
    trail_retention_days: int
    log_level: str
    console: frozenset[str] | None  # further names of hosts under which it answers; None: there is none
    console_session: timedelta

    def backend_of(self, service: str) -> str:
        """What stands behind `service` (botocore's name): "embedded" or a URL."""
        return self.backend.get(service, self.backend["*"])

    def profile_of(self, service: str) -> str:
        """Whose credentials that backend gets ("*": of every other service), "" for the environment's."""
        return self.backend_profile.get(service, self.backend_profile["*"])


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: how it is spelt, read and explained."""

    name: str
    default: str
    parse: Callable[[str], Any]
    show: Callable[[Any], str]
    help: str
    metavar: str = "TEXT"
    many: bool = False  # may be given more than once
    flag: bool = False  # a flag without a value

    @property
    def field(self) -> str:
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        return PREFIX + self.field.upper()


def _time(name: str, default: str, least: str, most: str, help: str) -> Setting:
    any_length = values.duration(timedelta(0), timedelta.max)
    bounded = values.duration(any_length(least), any_length(most))
    return Setting(name, default, bounded, values.show_duration, f"{help}: {least} to {most}.", "TIME")


SETTINGS: tuple[Setting, ...] = (
    Setting("data-dir", "", values.directory, str, "Directory of the store, keys, log and sockets.", "DIR"),
    Setting("database-url", "sqlite", values.database, str, "`sqlite`, postgresql://..., or file:PATH of one.", "URL"),
    Setting("listen", "127.0.0.1:4566", values.address, str, "Address of the gateway; port 0 takes a free one.", "H:P"),
    Setting("account", "123456789012", values.account, str, "The account that the first start makes.", "ID"),
    Setting("region", "us-east-1", values.region, str, "Region of resources whose request names none.", "REGION"),
    Setting(
        "backend",
        "embedded",
        values.backend,
        values.show_backend,
        "What the gateway fronts: `embedded`, a URL, or SERVICE=URL for one service.",
        "[SERVICE=]URL",
        many=True,
    ),
    Setting(
        "backend-profile",
        "environment",
        values.profile,
        values.show_profile,
        "Profile with the credentials for backends at a URL, or SERVICE=PROFILE for one service.",
        "[SERVICE=]PROFILE",
        many=True,
    ),
    _time("backend-connect-timeout", "5s", "100ms", "1m", "Longest time to connect to a backend at a URL"),
    _time("backend-answer-timeout", "1m", "100ms", "15m", "Longest time until such a backend begins to answer"),
    _time("backend-idle-timeout", "1m", "100ms", "15m", "Longest pause of such a backend in a request or an answer"),
    Setting(
        "backend-retries",
        "2",
        values.integer(0, 10),
        str,
        "How often a call is sent again that changes nothing, or never left, and had no answer.",
        "N",
    ),
    Setting(
        "backend-ca-bundle",
        "system",
        values.authorities,
        values.show_authorities,
        "Who may sign backends' certificates: `system`, or a PEM file of authorities.",
        "FILE",
    ),
    Setting(
        "oidc-keys",
        "none",
        values.key_sources,
        values.show_key_sources,
        "Where the keys of an identity provider are read, when not from the issuer itself: a JWKS file or URL.",
        "ISSUER=FILE|URL",
        many=True,
    ),
    Setting(
        "quotas", "aws", values.quotas, values.show_quotas, "Quotas of IAM that are not AWS's.", "NAME=N", many=True
    ),
    Setting("token-issuer", "gateway", values.issuer, str, "Where others find the keys of our own tokens.", "URL"),
    _time("resource-ttl", "5s", "0s", "1h", "How long the policies of resources at a backend URL are remembered"),
    Setting(
        "upload-spool",
        "10GiB",
        values.size(1024**2, 1024**4),
        values.show_size,
        "How much of browsers' uploads waits on disk at once: 1MiB to 1TiB.",
        "SIZE",
    ),
    Setting(
        "mode",
        "enforce",
        values.one_of("enforce", "observe"),
        str,
        "`observe` decides and records, and refuses nothing that policy would.",
        "MODE",
    ),
    Setting(
        "engine",
        "auto",
        values.engine,
        str,
        "Container engine: `auto`, `none`, or unix:///path of a Docker Engine API socket.",
        "ENGINE",
    ),
    Setting("task-host-paths", "none", values.mountable, values.show_parts, "What tasks may mount.", "DIR", many=True),
    Setting(
        "task-pull",
        "missing",
        values.one_of("missing", "always", "never"),
        str,
        "When the images of tasks are pulled from their registries.",
        "WHEN",
    ),
    Setting(
        "test-mode",
        "false",
        values.boolean,
        values.show_boolean,
        "Let tests empty the server by POST /_kansatsu/reset.",
        flag=True,
    ),
    Setting(
        "revoke-on",
        "disassociate",
        values.one_of("disassociate", "replace", "never"),
        str,
        "Which change of an association revokes the sessions issued through it.",
        "EVENT",
    ),
    _time("session-duration", "1h", "1h", "6h", "Lifetime of credentials issued to instances"),
    _time("event-fsync-interval", "1s", "0s", "1m", "Longest time that a recorded event may be in the page cache only"),
    Setting("event-retention-days", "400", values.integer(1, 3650), str, "Days that recorded events are kept.", "DAYS"),
    Setting(
        "trail",
        "files",
        values.trail,
        values.show_parts,
        "Where CloudTrail's records go: `files`, s3://BUCKET[/PREFIX], both, or `none`.",
        "WHERE",
        many=True,
    ),
    _time("trail-interval", "1m", "1s", "1h", "How often the trail is delivered"),
    Setting(
        "trail-retention-days", "400", values.integer(1, 3650), str, "Days that the trail's files are kept.", "DAYS"
    ),
    Setting(
        "log-level", "info", values.one_of("debug", "info", "warning", "error"), str, "Least severity logged.", "LEVEL"
    ),
    Setting(
        "console",
        "on",
        values.console,
        values.show_console,
        "The web console: `on`, `off`, or further names of this host under which browsers open it.",
        "on|off|NAME",
        many=True,
    ),
    _time("console-session", "1h", "1m", "12h", "How long one signs in to the console"),
)
_FIELDS = tuple(setting.field.upper() for setting in SETTINGS)
BY_NAME = MappingProxyType({setting.name: setting for setting in SETTINGS})


@dataclass(frozen=True, slots=True)
class Effective:
    """Settings and, per setting name, where the value came from ("default", "flag --listen", ...)."""

    settings: Settings
    sources: Mapping[str, str]

    def shown(self) -> list[tuple[str, str, str]]:
        """Rows (name, value, source) in the order of SETTINGS."""
        return [(s.name, s.show(getattr(self.settings, s.field)), self.sources[s.name]) for s in SETTINGS]


def default_data_dir(environ: Mapping[str, str]) -> str:
    """`$XDG_STATE_HOME/kansatsu`, or `~/.local/state/kansatsu` (XDG Base Directory Specification)."""
    state = environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path("~/.local/state").expanduser()
    return str(base / "kansatsu")


def load(
    flags: Mapping[str, Sequence[str]] | None = None,
    config: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Effective:
    """Settings from every source; `flags` maps a setting's name to the texts given on the command line."""
    environ = os.environ if environ is None else environ
    layers = [("default", {s.name: [s.default] for s in SETTINGS} | {"data-dir": [default_data_dir(environ)]})]
    upper = [
        *_environment(environ),
        *(("flag --" + name, {name: list(texts)}) for name, texts in (flags or {}).items()),
    ]
    config = config or environ.get(PREFIX + "CONFIG")
    file = Path(config).expanduser() if config else _data_dir(layers + upper) / CONFIG_FILE
    found = _merge([*layers, *_file(file, named=bool(config)), *upper])
    _check_mountable(found)
    return found


def _check_mountable(found: Effective) -> None:
    """INVARIANT: no task mounts what Kansatsu keeps, its keys first of all."""
    kept = found.settings.data_dir.resolve()
    for part in found.settings.task_host_paths:
        if kept.is_relative_to(part) or Path(part).is_relative_to(kept):
            source = found.sources["task-host-paths"]
            raise SettingError(f"task-host-paths ({source}): '{part}' would give tasks the data directory {kept}.")


Layer = tuple[str, dict[str, list[str]]]


def _merge(layers: Sequence[Layer]) -> Effective:
    chosen: dict[str, tuple[str, list[str]]] = {}
    for source, texts in layers:
        for name, given in texts.items():
            chosen[name] = (source, given)
    fields: dict[str, Any] = {}
    for name, (source, given) in chosen.items():
        setting = BY_NAME[name]
        try:
            fields[setting.field] = setting.parse(",".join(given) if setting.many else given[-1])
        except SettingError as error:
            raise SettingError(f"{name} ({source}): {error}") from None
    return Effective(Settings(**fields), {name: source for name, (source, _) in chosen.items()})


def _data_dir(layers: Sequence[Layer]) -> Path:
    return _merge(layers).settings.data_dir


def _environment(environ: Mapping[str, str]) -> list[Layer]:
    known = {setting.variable: setting.name for setting in SETTINGS}
    layers: list[Layer] = []
    for variable, text in sorted(environ.items()):
        if variable in known:
            layers.append(("environment " + variable, {known[variable]: [text]}))
        elif variable.startswith(PREFIX) and variable != PREFIX + "CONFIG" and not variable.startswith(_OTHERS):
            raise SettingError(
                f"{variable} is not a setting{values.nearest(variable.removeprefix(PREFIX), _FIELDS, PREFIX)}"
            )
    return layers


def _file(path: Path, *, named: bool) -> list[Layer]:
    import tomllib

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if named:
            raise SettingError(f"the configuration file {path} does not exist.") from None
        return []
    except (OSError, UnicodeDecodeError) as error:
        if not named and isinstance(error, OSError):
            _check_directory(path.parent, error)
        raise SettingError(f"the configuration file {path} cannot be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"the configuration file {path} is not TOML: {error}.") from None
    source = f"file {path}"
    texts = {name: _from_toml(name, value, path) for name, value in content.items()}
    if "data-dir" in texts:
        if not named:
            raise SettingError(f"data-dir cannot be set in {path}, which is found through it; use --config or a flag.")
        texts["data-dir"] = [str(path.absolute().parent / Path(texts["data-dir"][0]).expanduser())]
    return [(source, texts)]


_UNFIT = {errno.ENOTDIR: "is not a directory", errno.ENAMETOOLONG: "is too long"}


def _check_directory(path: Path, error: OSError) -> None:
    """Raise what is wrong with the data directory itself, where that is why the file in it cannot be read."""
    if error.errno in _UNFIT:
        raise SettingError(f"The data directory {path} {_UNFIT[error.errno]}.") from None
    if isinstance(error, PermissionError) and os.geteuid() != _owner(path):
        raise NotYours(f"The data directory {path} belongs to another user.") from None


def _owner(path: Path) -> int:
    """Whose directory it is; where that cannot be seen, whose the one above it is that hides it."""
    try:
        return path.stat().st_uid
    except OSError:
        return _owner(path.parent)


def _from_toml(name: str, value: object, path: Path) -> list[str]:
    if name not in BY_NAME:
        raise SettingError(f"{name} in {path} is not a setting{values.nearest(name, BY_NAME)}")
    if isinstance(value, bool):
        return [values.show_boolean(value)]
    if isinstance(value, str | int):
        return [str(value)]
    if BY_NAME[name].many and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    if BY_NAME[name].many and isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return [url if service == "default" else f"{service}={url}" for service, url in value.items()]
    raise SettingError(f"{name} in {path} has a value of the wrong type: {value!r}.")
