"""What a process that runs as an ECS task would (`kansatsu run --task-role`) is told of itself: its metadata.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kansatsu.arn import PARTITION

FAMILY, NAME = "kansatsu-run", "process"


@dataclass(frozen=True, slots=True)
class ProcessTask:
    """A task of the cluster `default` with one container, which is the process. ECS's own operations do not know it."""

    id: str  # 32 hex digits
    account: str
    region: str
    started: datetime

    @property
    def arn(self) -> str:
        return self._arn(f"task/default/{self.id}")

    @property
    def key(self) -> str:
        """What stands for the container in the path of its metadata endpoint."""
        return f"{self.id}-{int(self.id[:8], 16):010}"

    def container(self, key: str) -> dict[str, Any] | None:
        """The metadata of the container whose endpoint has this key, None for any other key."""
        return self._container() if key == self.key else None

    def task(self, *, tags: bool = False) -> dict[str, Any]:
        """The metadata of the whole task."""
        return {
            "Cluster": self._arn("cluster/default"),
            "TaskARN": self.arn,
            "Family": FAMILY,
            "Revision": "1",
            "DesiredStatus": "RUNNING",
            "KnownStatus": "RUNNING",
            "Containers": [self._container()],
            "AvailabilityZone": f"{self.region}a",
            "LaunchType": "EC2",
            **({"TaskTags": {}} if tags else {}),
        }

    async def statistics(self, key: str | None) -> None:
        """There are none: nobody counts what the process uses."""
        return

    def _container(self) -> dict[str, Any]:
        moment = self.started.isoformat().replace("+00:00", "Z")
        return {
            "DockerId": self.key,
            "Name": NAME,
            "DockerName": f"ecs-{self.id}-{NAME}",
            "Image": "",
            "Labels": {
                "com.amazonaws.ecs.cluster": "default",
                "com.amazonaws.ecs.container-name": NAME,
                "com.amazonaws.ecs.task-arn": self.arn,
                "com.amazonaws.ecs.task-definition-family": FAMILY,
                "com.amazonaws.ecs.task-definition-version": "1",
            },
            "DesiredStatus": "RUNNING",
            "KnownStatus": "RUNNING",
            "Limits": {"CPU": 0, "Memory": 0},
            "CreatedAt": moment,
            "StartedAt": moment,
            "Type": "NORMAL",
            "ContainerARN": self._arn(f"container/default/{self.id}/{NAME}"),
            "Networks": [{"NetworkMode": "host", "IPv4Addresses": ["127.0.0.1"]}],
        }

    def _arn(self, resource: str) -> str:
        return f"arn:{PARTITION}:ecs:{self.region}:{self.account}:{resource}"
