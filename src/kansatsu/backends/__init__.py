"""What stands behind the gateway: a port, the embedded moto server, and servers at a URL."""

from kansatsu.backends.head import Credentials
from kansatsu.backends.health import Condition
from kansatsu.backends.moto import EmbeddedBackend
from kansatsu.backends.port import Backend, BackendResponse, verified
from kansatsu.backends.reachable import unreachable
from kansatsu.backends.supervisor import Supervisor
from kansatsu.backends.trouble import Limits
from kansatsu.backends.typed import ask, decoded
from kansatsu.backends.url import UrlBackend

__all__ = [
    "Backend",
    "BackendResponse",
    "Condition",
    "Credentials",
    "EmbeddedBackend",
    "Limits",
    "Supervisor",
    "UrlBackend",
    "ask",
    "decoded",
    "unreachable",
    "verified",
]
