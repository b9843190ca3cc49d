"""Who asks and how an answer says no: what the parts of the console share."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, Protocol

from kansatsu.errors import AwsError
from kansatsu.identity.console import Keys


@dataclass(frozen=True, slots=True)
class Settings:
    """What the composition root decides. `names`: hosts that we are besides addresses, in lower case."""

    account: str  # the first one
    region: str
    life: timedelta
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser: its address, whether it came over TLS, its user agent, the host asked and its page's origin."""

    client: str
    secure: bool
    agent: str
    host: str
    origin: str

    @property
    def says_tls(self) -> bool:
        """Whether its page came over TLS, which may end before us.

        INVARIANT: what a client says decides what its browser does with its cookie, and no aws:SecureTransport.
        """
        return self.secure or self.origin.startswith("https://")

    @property
    def crowd(self) -> str:
        """The address that failures are counted by: of IPv6 the network, which one host has all of."""
        address = ip_address(self.client)
        return self.client if address.version == 4 else str(address.exploded)[:19]


class Asked(Protocol):
    """The gateway: signs one operation with the keys and passes it through its whole request path.

    The result and the request id. Raises AwsError, with the request id among its fields.
    """

    async def __call__(
        self,
        keys: Keys,
        region: str,
        service: str,
        operation: str,
        params: Mapping[str, Any],
        *,
        client: str,
        secure: bool,
        agent: str,
    ) -> tuple[Mapping[str, Any], str]: ...


class Refused(AwsError):
    """No, with a code that the page has its own words for, in each of its languages."""

    def __init__(self, code: str, message: str, status: int = 401, **fields: object):
        super().__init__(message, code=code, status=status, fields=fields)
