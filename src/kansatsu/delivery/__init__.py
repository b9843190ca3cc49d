"""The HTTP endpoints that hand credentials to workloads: the instance metadata service and container credentials."""

from kansatsu.delivery.authority import Authority
from kansatsu.delivery.containers import CredentialEndpoint
from kansatsu.delivery.instance_identity import Keys, load_keys
from kansatsu.delivery.metadata import MetadataService
from kansatsu.delivery.resolver import Names
from kansatsu.delivery.server import Handle
from kansatsu.delivery.tasks import TaskEndpoint

__all__ = ["Authority", "CredentialEndpoint", "Handle", "Keys", "MetadataService", "Names", "TaskEndpoint", "load_keys"]
