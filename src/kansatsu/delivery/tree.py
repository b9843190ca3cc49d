"""The tree of an instance's metadata: which paths there are, and what each holds.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-metadata.html (instance metadata categories)
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from kansatsu.workload.views import InstanceFacts, InstanceView

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
VERSIONS = (
    *("1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01"),
    *("2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12", "2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19"),
    *("2016-06-30", "2016-09-02", "2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01", "2020-10-27", "2021-01-03"),
    *("2021-03-23", "2021-07-15", "2022-09-24", "2024-04-11"),
)
LATEST = "latest"

# Which tag keys have a path: other keys cannot be shown (and RunInstances refuses them where tags are enabled).
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
_TAG_KEY = re.compile(r"[A-Za-z0-9+\-=.,_:@]+")
_RESERVED_TAG_KEYS = frozenset({".", "..", "_index"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """A document, made when it is asked for. None: there is none just now."""

    content: Callable[[], bytes | None]
    content_type: str = "text/plain"
    changed: datetime | None = None  # None: when the instance was launched


@dataclass(frozen=True, slots=True)
class Directory:
    """Names to nodes. `listing` replaces the names in the order given, each directory with a trailing slash."""

    entries: Mapping[str, "Node"]
    listing: tuple[str, ...] | None = None

    def text(self) -> str:
        if self.listing is not None:
            return "\n".join(self.listing)
        return "\n".join(name + "/" if isinstance(node, Directory) else name for name, node in self.entries.items())


# A string is a leaf that costs nothing to make.
Node = Directory | Leaf | str


def find(node: Node, path: Iterable[str]) -> Node | None:
    """The node that the path names; None when there is none."""
    current: Node | None = node
    for name in path:
        if not isinstance(current, Directory):
            return None
        current = current.entries.get(name)
    return current


def root(user_data: bytes | None, dynamic: Directory, meta_data: Directory) -> Directory:
    """One version of the whole tree."""
    entries: dict[str, Node] = {"dynamic": dynamic, "meta-data": meta_data}
    if user_data is not None:
        entries["user-data"] = Leaf(lambda: user_data, "application/octet-stream")
    return Directory(entries, tuple(entries))  # this one level is listed without slashes


def meta_data(view: InstanceView, iam: Directory | None) -> Directory:
    """The meta-data directory; `iam` is what is there while a profile is associated."""
    facts = view.facts
    partition, domain = _partition(view.region)
    tags = _tags(view) if view.options.instance_metadata_tags == "enabled" else {}
    return directory(
        {
            "ami-id": facts.image_id,
            "ami-launch-index": str(facts.launch_index),
            "ami-manifest-path": "(unknown)",
            "block-device-mapping": directory({"ami": facts.root_device, "root": facts.root_device}),
            "hostname": facts.hostname,
            "iam": iam,
            "instance-action": "none",
            "instance-id": view.id,
            "instance-life-cycle": "on-demand",
            "instance-type": facts.instance_type,
            "local-hostname": facts.hostname,
            "local-ipv4": facts.local_ipv4,
            "mac": facts.mac,
            "network": _network(view),
            "placement": directory(
                {
                    "availability-zone": facts.availability_zone,
                    "availability-zone-id": facts.availability_zone_id,
                    "host-id": facts.host_id,
                    "region": view.region,
                }
            ),
            "profile": "default-hvm",
            "public-hostname": facts.public_hostname,
            "public-ipv4": facts.public_ipv4,
            "public-keys": _public_keys(facts),
            "reservation-id": facts.reservation_id,
            "security-groups": "\n".join(name for _, name in facts.security_groups),
            "services": directory({"domain": domain, "partition": partition}),
            "tags": directory({"instance": directory(tags)}),
        }
    )


def directory(entries: Mapping[str, Node | None]) -> Directory:
    """A directory of what there is: empty strings and empty directories are categories that this instance lacks."""
    present = {name: node for name, node in entries.items() if node is not None and node != "" and not _empty(node)}
    return Directory(present)


def _empty(node: Node) -> bool:
    return isinstance(node, Directory) and not node.entries


def _network(view: InstanceView) -> Directory:
    facts = view.facts
    interface = directory(
        {
            "device-number": "0",
            "interface-id": facts.interface_id,
            "ipv4-associations": directory({facts.public_ipv4: facts.local_ipv4} if facts.public_ipv4 else {}),
            "local-hostname": facts.hostname,
            "local-ipv4s": facts.local_ipv4,
            "mac": facts.mac,
            "owner-id": view.account,
            "public-hostname": facts.public_hostname,
            "public-ipv4s": facts.public_ipv4,
            "security-group-ids": "\n".join(identifier for identifier, _ in facts.security_groups),
            "security-groups": "\n".join(name for _, name in facts.security_groups),
            "subnet-id": facts.subnet_id,
            "subnet-ipv4-cidr-block": facts.subnet_cidr,
            "vpc-id": facts.vpc_id,
            "vpc-ipv4-cidr-block": facts.vpc_cidr,
            "vpc-ipv4-cidr-blocks": facts.vpc_cidr,
        }
    )
    macs = directory({facts.mac: interface} if facts.mac else {})
    return directory({"interfaces": directory({"macs": macs})})


def _public_keys(facts: InstanceFacts) -> Directory | None:
    if not facts.key_name or not facts.public_key:
        return None
    return Directory({"0": directory({"openssh-key": facts.public_key})}, (f"0={facts.key_name}",))


def _tags(view: InstanceView) -> dict[str, Node]:
    # A tag without a value is listed too, so it must resolve: a leaf may be empty where a string may not.
    return {
        key: Leaf(value.encode)
        for key, value in sorted(view.tags.items())
        if _TAG_KEY.fullmatch(key) and key not in _RESERVED_TAG_KEYS
    }


def _partition(region: str) -> tuple[str, str]:
    if region.startswith("cn-"):
        return "aws-cn", "amazonaws.com.cn"
    return ("aws-us-gov" if region.startswith("us-gov-") else "aws"), "amazonaws.com"
