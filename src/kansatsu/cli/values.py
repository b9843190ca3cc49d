"""Text to value and back, for the settings: one small function per kind of value, each with its own sentence."""

import difflib
import importlib.util
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType


class BadValue(ValueError):
    """A setting that cannot be used; the message is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host (name, IPv4 or IPv6 address without brackets) and a TCP port, 0 to 65535."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Where a client on this machine finds it: a wildcard address becomes loopback."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://{Address(host, self.port)}"

    @classmethod
    def of_url(cls, url: str) -> "Address":
        """The address in an http URL that this module made."""
        return address(url.removeprefix("http://").rstrip("/"))


_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[^\s:\[\]]+)):(?P<port>\d{1,5})", re.ASCII)
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d", re.ASCII)
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_SERVICE = re.compile(r"[a-z0-9][a-z0-9-]*")
_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")
_DATABASE = re.compile(r"postgres(?:ql)?://\S+")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """Where the store is: `value` is a URL of PostgreSQL, "" for SQLite. No password is in what is printed of it."""

    value: str = ""

    def __repr__(self) -> str:
        # INVARIANT: whatever may be a password is not shown: up to the last @, and each parameter that is one.
        shown = re.sub(r"(?<=//)([^:/?@]*):.*@", r"\1:***@", self.value)
        return re.sub(r"(?i)((?:ssl)?password=)[^&]*", r"\1***", shown) or "sqlite"

    __str__ = __repr__


def database(text: str) -> DatabaseUrl:
    """`sqlite`, a URL of PostgreSQL, or file:PATH of a file that holds one."""
    if text == "sqlite":
        return DatabaseUrl()
    if text.startswith("file:"):
        path = directory(text.removeprefix("file:"))
        try:
            text = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadValue(f"the file {path} cannot be read: {getattr(error, 'strerror', 'not a text')}.") from None
    if not _DATABASE.fullmatch(text):  # INVARIANT: it is not repeated, for it may hold a password
        raise BadValue("it needs `sqlite`, a URL like postgresql://user@host/name, or file:PATH of a file with one.")
    return DatabaseUrl(text)


def directory(text: str) -> Path:
    if not text:
        raise BadValue("a directory is needed, not an empty text.")
    try:
        path = Path(text).expanduser().absolute()
    except RuntimeError:
        raise BadValue(f"'{text}' names a user without a home directory.") from None
    if "\0" in text:
        raise BadValue("a directory's name has no NUL character.")
    return path


_SYSTEM = "system"


def authorities(text: str) -> Path | None:
    """The file of them; None for the system's."""
    return None if text == _SYSTEM else directory(text)


def show_authorities(path: Path | None) -> str:
    return str(path or _SYSTEM)


def address(text: str) -> Address:
    found = _ADDRESS.fullmatch(text)
    if not found or int(found["port"]) > 65535:
        raise BadValue(f"'{text}' is not HOST:PORT, like 127.0.0.1:4566 or [::1]:4566.")
    return Address(found["v6"] or found["host"], int(found["port"]))


def console(text: str) -> frozenset[str] | None:
    """The further names of hosts; None for `off`."""
    names = frozenset(part.strip().lower() for part in text.split(",") if part.strip()) - {"on"}
    if names == {"off"}:
        return None
    for name in names:
        if name == "off" or not _HOST.fullmatch(name):
            raise BadValue(f"'{name}' is not the name of a host; say `on`, `off`, or names like iam.example.org.")
    return names


def show_console(names: frozenset[str] | None) -> str:
    return "off" if names is None else ",".join(sorted(names)) or "on"


def account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise BadValue(f"'{text}' is not an account; an account is 12 digits, like 123456789012.")
    return text


def region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise BadValue(f"'{text}' is not the name of a region; one is us-east-1.")
    return text


def backend(text: str) -> Mapping[str, str]:
    """`embedded`, URL and SERVICE=URL, separated by commas; the part without a service is that of all others."""
    chosen = {"*": "embedded"}
    for service, target in _by_service(text):
        if target != "embedded" and not _URL.fullmatch(target):
            raise BadValue(f"'{target}' is neither `embedded` nor a URL like http://127.0.0.1:9000.")
        chosen[service] = target.rstrip("/")
    return MappingProxyType(chosen)


def profile(text: str) -> Mapping[str, str]:
    """PROFILE and SERVICE=PROFILE, separated by commas; the part without a service is that of all others.

    "" of the result, `environment` of the text, is no profile: the credentials of the environment.
    """
    chosen = {"*": ""}
    for service, name in _by_service(text):
        if not _PROFILE.fullmatch(name):
            raise BadValue(f"'{name}' is no name of a profile.")
        chosen[service] = "" if name == _ENVIRONMENT else name
    return MappingProxyType(chosen)


def show_profile(chosen: Mapping[str, str]) -> str:
    return show_backend({service: name or _ENVIRONMENT for service, name in chosen.items()})


def _by_service(text: str) -> Iterator[tuple[str, str]]:
    for part in filter(None, (part.strip() for part in text.split(","))):
        service, equals, target = part.partition("=")
        if not equals or service.startswith(("http://", "https://")):
            service, target = "*", part
        if service != "*" and not _SERVICE.fullmatch(service):
            raise BadValue(f"'{service}' is not the name of a service; one is s3.")
        if service != "*" and service not in (known := _services()):
            near = difflib.get_close_matches(service, known, n=1)
            raise BadValue(f"there is no service {service}" + (f"; did you mean {near[0]}?" if near else "."))
        yield service, target


def _services() -> frozenset[str]:
    """The services that botocore has models of; it is not imported for that."""
    found = importlib.util.find_spec("botocore")
    places = list(found.submodule_search_locations or ()) if found else []
    return frozenset(entry.name for place in places for entry in Path(place, "data").iterdir() if entry.is_dir())


def show_backend(chosen: Mapping[str, str]) -> str:
    return ",".join(url if service == "*" else f"{service}={url}" for service, url in chosen.items())


def key_sources(text: str) -> Mapping[str, str]:
    """ISSUER=FILE and ISSUER=URL, separated by commas, or `none`; the issuer is the URL in its tokens."""
    chosen: dict[str, str] = {}
    for part in (part.strip() for part in text.split(",") if text != "none"):
        issuer, equals, source = part.partition("=")
        if not equals or not source or not _URL.fullmatch(issuer):
            raise BadValue(f"'{part}' is not like https://issuer.example=keys.json.")
        is_url = source.startswith(("http://", "https://"))
        chosen[issuer.rstrip("/")] = source if is_url else str(Path(source).expanduser().absolute())
    return MappingProxyType(chosen)


def quotas(text: str) -> Mapping[str, int | None]:
    """NAME=N and NAME=unlimited (None), separated by commas, or `aws`: as it is there."""
    if text == "aws":
        return MappingProxyType({})
    from kansatsu.identity.quotas import DEFAULTS  # late: few set any, and all commands read the settings

    chosen: dict[str, int | None] = {}
    for part in (part.strip() for part in text.split(",")):
        name, _, number = part.partition("=")
        if name not in DEFAULTS:
            raise BadValue(f"'{name}' is no quota that can be set: {', '.join(DEFAULTS)}.")
        if number != "unlimited" and not (number.isascii() and number.isdecimal()):
            raise BadValue(f"'{part}' is not like {name}=5000 or {name}=unlimited.")
        chosen[name] = None if number == "unlimited" else int(number)
    return MappingProxyType(chosen)


def show_quotas(chosen: Mapping[str, int | None]) -> str:
    shown = {name: "unlimited" if limit is None else limit for name, limit in chosen.items()}
    return ",".join(f"{name}={limit}" for name, limit in shown.items()) or "aws"


GATEWAY = "gateway"


def issuer(text: str) -> str:
    """A URL, or `gateway`."""
    if text != GATEWAY and not _URL.fullmatch(text):
        raise BadValue(f"'{text}' is neither `{GATEWAY}` nor like https://iam.example.")
    return text.rstrip("/")


def base(chosen: str, gateway: str) -> str:
    """The URL that an issuer's is made of; `gateway` is that of the gateway here."""
    return gateway if chosen == GATEWAY else chosen


def show_key_sources(chosen: Mapping[str, str]) -> str:
    return ",".join(f"{issuer}={source}" for issuer, source in chosen.items()) or "none"


_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[A-Za-z0-9!_.*'()-]+)*)/?", re.ASCII)


def trail(text: str) -> tuple[str, ...]:
    """`files`, s3://BUCKET/PREFIX, or both, separated by commas; nothing of `none`."""
    parts = tuple(filter(None, (part.strip() for part in text.split(","))))
    if parts == ("none",):
        return ()
    for part in parts:
        if part != "files" and not _BUCKET.fullmatch(part):
            raise BadValue(f"'{part}' is none of `files`, `none`, and a bucket like s3://logs/prefix.")
    if not parts:
        raise BadValue("it needs `files`, `none`, or a bucket like s3://logs/prefix.")
    return tuple(part.rstrip("/") for part in parts)


def show_parts(parts: tuple[str, ...]) -> str:
    return ",".join(parts) or "none"


def mountable(text: str) -> tuple[str, ...]:
    """Directories of this host, separated by commas; none of `none`."""
    parts = tuple(filter(None, (part.strip() for part in text.split(","))))
    if parts == ("none",):
        return ()
    for part in parts:
        path = Path(part)
        if part == "/" or not path.is_absolute() or path.resolve() != path or not path.is_dir() or part != str(path):
            raise BadValue(
                f"'{part}' is not the whole path of a directory of this host, without links, like /srv/data."
            )
        # INVARIANT: whoever may write into one of them cannot put something else in the place of another one.
        if any(other != part and path.is_relative_to(other) for other in parts):
            raise BadValue(f"'{part}' lies in another directory of the list: leave one of the two out.")
    if not parts:
        raise BadValue("it needs `none`, or whole paths of directories like /srv/data.")
    return parts


def engine(text: str) -> str:
    if text in {"auto", "none"} or re.fullmatch(r"unix:///\S+", text):
        return text
    raise BadValue(f"'{text}' is none of auto, none, unix:///path/of/socket.")


def boolean(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise BadValue(f"'{text}' is neither true nor false.")
    return text.lower() in _TRUE


def show_boolean(value: bool) -> str:
    return "true" if value else "false"


def one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise BadValue(f"'{text}' is none of {', '.join(words)}.")
        return text

    return parse


_SIZES = {"MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}
_ENVIRONMENT = "environment"
_PROFILE = re.compile(r"[A-Za-z0-9_.@:/+-]{1,256}", re.ASCII)


def size(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        found = re.fullmatch(r"(\d{1,7})(MiB|GiB|TiB)", text, re.ASCII)
        value = int(found[1]) * _SIZES[found[2]] if found else -1
        if not least <= value <= most:
            raise BadValue(f"'{text}' is not a size from {show_size(least)} to {show_size(most)}, like 20GiB.")
        return value

    return parse


def show_size(value: int) -> str:
    unit = next((unit for unit, size in reversed(_SIZES.items()) if value % size == 0), "MiB")
    return f"{value // _SIZES[unit]}{unit}"


def integer(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not least <= int(text) <= most:
            raise BadValue(f"'{text}' is not a whole number from {least} to {most}.")
        return int(text)

    return parse


def duration(least: timedelta, most: timedelta) -> Callable[[str], timedelta]:
    def parse(text: str) -> timedelta:
        found = _DURATION.fullmatch(text)
        value = timedelta(seconds=float(found[1]) * _UNITS[found[2]]) if found else None
        if value is None or not least <= value <= most:
            raise BadValue(f"'{text}' is not a time from {show_duration(least)} to {show_duration(most)}, like 90m.")
        return value

    return parse


def show_duration(value: timedelta) -> str:
    milliseconds = round(value.total_seconds() * 1000)
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds % size == 0 and milliseconds >= size:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


def nearest(name: str, known: Iterable[str], prefix: str = "") -> str:
    """The end of a sentence on a wrong name: the known one that it may be meant for, or a full stop."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {prefix}{near[0]}?" if near else "."
