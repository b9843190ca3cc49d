"""The public keys of identity providers: read from a file, or from the issuer itself, and remembered for a while.

https://openid.net/specs/openid-connect-discovery-1_0.html: ISSUER/.well-known/openid-configuration names `jwks_uri`.
INVARIANT: an issuer is asked over TLS that this machine trusts, follows no redirect, and answers little and soon:
whoever may create a provider cannot make Kansatsu fetch from anywhere else, nor hold anything up.
"""

import asyncio
import json
import time
import urllib.request
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from kansatsu.errors import AwsError

OWN = "/_kansatsu/tokens/"  # and the id of the issuer
_PATIENCE = 5  # seconds
_LARGEST = 1 << 20  # bytes
_KNOWN_FOR, _UNKNOWN_FOR = 300, 15  # seconds


class Issuers:
    """`sources`: issuer -> file or URL of its key set, for issuers that cannot be asked themselves.

    `base` is where everybody finds the gateway: below it are the issuers of our own tokens and their keys.
    """

    def __init__(self, sources: Mapping[str, str] | None = None, base: str = "http://127.0.0.1:4566") -> None:
        self._sources = {} if sources is None else sources
        self._base = base.rstrip("/")
        self._known: dict[str, tuple[float, KeySet | None]] = {}
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # only for issuers of providers

    def url(self, id: str) -> str:
        """The issuer of our own tokens, as it stands in them."""
        return f"{self._base}{OWN}{id}"

    def own(self, issuer: str) -> bool:
        return issuer.startswith(f"{self._base}{OWN}")

    async def keys(self, issuer: str) -> KeySet:
        """The keys of an issuer (a URL). Raises IDPCommunicationError."""
        async with self._asking[issuer]:
            until, keys = self._known.get(issuer, (0.0, None))
            if time.monotonic() >= until:
                keys = await asyncio.to_thread(self._read, issuer)
                self._known[issuer] = (time.monotonic() + (_KNOWN_FOR if keys else _UNKNOWN_FOR), keys)
        if keys is None:
            raise AwsError(
                "Couldn't retrieve verification key from your identity provider, please reference "
                "AssumeRoleWithWebIdentity documentation for requirements",
                code="IDPCommunicationError",
            )
        return keys

    def _read(self, issuer: str) -> KeySet | None:
        try:
            source = self._sources.get(issuer.rstrip("/"), "")
            if source and not source.startswith(("http://", "https://")):
                return KeySet.import_key_set(json.loads(Path(source).read_bytes()))
            return KeySet.import_key_set(_fetch(source or _tls(_discover(issuer))))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, JoseError):
            return None


def _discover(issuer: str) -> str:
    return str(_fetch(_tls(issuer).rstrip("/") + "/.well-known/openid-configuration")["jwks_uri"])


def _tls(url: str) -> str:
    if not url.startswith("https://"):
        raise ValueError(url)
    return url


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _fetch(url: str) -> Any:
    opener = urllib.request.build_opener(_NoRedirect)
    with opener.open(url, timeout=_PATIENCE) as answer:
        return json.loads(answer.read(_LARGEST))
