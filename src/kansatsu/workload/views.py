"""What the credential endpoints may know of an instance or a process: the seam between `delivery` and the providers.

`workload` implements these protocols, `delivery` only reads them. Everything is asked anew for every request, so that
an association, a tag or a metadata option that changed shows at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

# How a set of credentials reached the instance: without (1.0) or with (2.0) a session token of the metadata service.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html (ec2:RoleDelivery)
Delivery = Literal["1.0", "2.0"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """One set of temporary credentials, as an endpoint hands them out. Times are aware."""

    role_name: str
    role_arn: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    token: str = field(repr=False)
    last_updated: datetime
    expiration: datetime


@dataclass(frozen=True, slots=True)
class CredentialError:
    """Something is attached, but there are no credentials: the code and sentence that AWS shows at the endpoint.

    `role_name` is empty where the profile holds no role or is gone: then there is no document to show.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html
    """

    code: str
    message: str
    role_name: str
    last_updated: datetime


# None: nothing is associated.
CredentialsState = Credentials | CredentialError | None


@dataclass(frozen=True, slots=True)
class IamInfo:
    """The iam/info document. A profile without a role is a Success with a message, a deleted one is an error code."""

    code: str
    last_updated: datetime
    instance_profile_arn: str = ""
    instance_profile_id: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class MetadataOptions:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceMetadataOptionsResponse.html"""

    http_tokens: Literal["optional", "required"] = "required"
    http_endpoint: Literal["enabled", "disabled"] = "enabled"
    hop_limit: int = 1  # 1..64
    instance_metadata_tags: Literal["enabled", "disabled"] = "disabled"


@dataclass(frozen=True, slots=True)
class InstanceFacts:
    """What was fixed when the instance was launched. An empty string is a category that this instance lacks."""

    image_id: str
    instance_type: str
    hostname: str
    local_ipv4: str
    mac: str
    availability_zone: str
    launch_time: datetime
    availability_zone_id: str = ""
    reservation_id: str = ""
    launch_index: int = 0
    subnet_id: str = ""
    subnet_cidr: str = ""
    vpc_id: str = ""
    vpc_cidr: str = ""
    interface_id: str = ""
    security_groups: tuple[tuple[str, str], ...] = ()  # (id, name)
    public_ipv4: str = ""
    public_hostname: str = ""
    host_id: str = ""
    key_name: str = ""
    public_key: str = ""
    architecture: str = "x86_64"
    root_device: str = "/dev/xvda"
    user_data: bytes | None = None


class InstanceView(Protocol):
    """One instance, as its own metadata service shows it."""

    @property
    def id(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def options(self) -> MetadataOptions: ...
    @property
    def tags(self) -> Mapping[str, str]: ...
    @property
    def facts(self) -> InstanceFacts: ...

    def credentials(self, delivery: Delivery) -> CredentialsState:
        """The credentials due now. Never raises and never waits: they are fetched and renewed beforehand."""

    def iam_info(self) -> IamInfo | None:
        """None: nothing is associated."""


class ProcessView(Protocol):
    """One process (or task) that asks a container credential endpoint."""

    @property
    def id(self) -> str:
        """128 random bits, unguessable, fixed for the life of the process."""

    @property
    def authorization(self) -> str:
        """What the Authorization header must be (AWS_CONTAINER_AUTHORIZATION_TOKEN)."""

    @property
    def instance(self) -> InstanceView | None:
        """The instance that this process stands for; None where it has no metadata service."""

    def credentials(self) -> CredentialsState:
        """The credentials due now. Never raises and never waits."""


class TaskMetadata(Protocol):
    """What an ECS task is told of itself."""

    def container(self, key: str) -> dict[str, Any] | None:
        """The metadata document of one of its containers, by the key in its endpoint's path; None for other keys."""

    def task(self, *, tags: bool = False) -> dict[str, Any]:
        """The metadata document of the task, if asked with its tags."""

    async def statistics(self, key: str | None) -> Mapping[str, Any] | None:
        """Docker's statistics of one container by that key, or of all (None) by their Docker ids; None: none."""


class TaskView(ProcessView, TaskMetadata, Protocol):
    """One ECS task: it has endpoints of its own, where its credential id is enough."""


class SharedProcessView(ProcessView, Protocol):
    """A process that reaches its endpoints on a listener that it shares with others."""

    @property
    def task(self) -> TaskMetadata | None:
        """What it is told as a task; None where it is none."""
