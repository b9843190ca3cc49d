"""Which requests are the console's own pages asking, and the headers that keep anything else out of them."""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from kansatsu.http import HttpRequest

COOKIE = "kansatsu-console"
WORD = "x-kansatsu-console"  # the header with the word of the session; "-" before there is one

# INVARIANT: nothing runs in the page but the files of the build; nothing frames it, and it speaks with nobody else.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
HEADERS = [
    ("content-security-policy", _POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
]


def is_ours(request: HttpRequest, names: frozenset[str]) -> bool:
    """Is the host that was asked one that we are?

    INVARIANT: a name that an attacker lets point here (DNS rebinding) is not: addresses cannot be rebound, and of names
    only `names` count.
    """
    name = _host(request.headers.get("host", ""))
    if name in names:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def is_own_page(request: HttpRequest) -> bool:
    """Did a page of this very origin ask?

    INVARIANT: a page of another origin, another port of this host included, cannot: its Origin is another, and the
    header makes its browser ask first, which nobody answers.
    """
    if WORD not in request.headers or not request.headers.get("content-type", "").startswith("application/json"):
        return False
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = urlsplit(request.headers.get("origin", ""))
    return origin.scheme in ("http", "https") and origin.netloc.lower() == request.headers.get("host", "").lower()


def cookies(request: HttpRequest) -> Iterable[str]:
    """What cookies of our name say: other ports of the host can set some, which no answer of ours reaches to delete.

    INVARIANT: which is ours, the word decides, that other ports cannot know: theirs open nothing, and keep nobody out.
    """
    said = (part.strip().partition("=") for part in request.headers.get("cookie", "").split(";"))
    return dict.fromkeys(value for name, _, value in said if name == COOKIE and value)


def set_cookie(value: str, seconds: int, path: str, *, secure: bool) -> tuple[str, str]:
    """The header that sets it, or with "" deletes it."""
    parts = [f"{COOKIE}={value}", f"Path={path}", f"Max-Age={seconds if value else 0}", "HttpOnly", "SameSite=Strict"]
    return "set-cookie", "; ".join([*parts, "Secure"] if secure else parts)


def is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _host(text: str) -> str:
    # A Host is a name and a port; of an address with more than that, the name is not all that was asked.
    if not set(text).isdisjoint("@/?#\\"):
        return ""
    try:
        return (urlsplit(f"//{text}").hostname or "").lower()
    except ValueError:
        return ""
