"""The HTTP endpoints that hand credentials to workloads: the instance metadata service and container credentials."""

from typing import TYPE_CHECKING

from kansatsu.later import later

if TYPE_CHECKING:
    from kansatsu.delivery.authority import Authority
    from kansatsu.delivery.containers import CredentialEndpoint
    from kansatsu.delivery.instance_identity import Keys, load_keys
    from kansatsu.delivery.metadata import MetadataService
    from kansatsu.delivery.resolver import Names
    from kansatsu.delivery.server import Handle
    from kansatsu.delivery.tasks import TaskEndpoint
else:
    __getattr__ = later(
        __name__,
        {
            "authority": "Authority",
            "containers": "CredentialEndpoint",
            "instance_identity": "Keys load_keys",
            "metadata": "MetadataService",
            "resolver": "Names",
            "server": "Handle",
            "tasks": "TaskEndpoint",
        },
    )

__all__ = ["Authority", "CredentialEndpoint", "Handle", "Keys", "MetadataService", "Names", "TaskEndpoint", "load_keys"]
