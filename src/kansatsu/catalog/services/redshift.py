"""Amazon Redshift: whoever asks for credentials of a database user may have it join groups, or be made, by name.

https://docs.aws.amazon.com/redshift/latest/mgmt/generating-iam-credentials-role-permissions.html
"""

from collections.abc import Iterator
from itertools import product

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Finder, Frame, Rules
from kansatsu.catalog.values import Unsure, read, safe


def of_cluster(kind: str, member: str, cluster: str = "ClusterIdentifier", only_if: str = "") -> Finder:
    """What a cluster has by the names in a member: "dbuser:cluster/name"; where another member is set, at most."""

    def find(params: Params, frame: Frame) -> Iterator[str]:
        if only_if and not params.get(only_if):
            return
        for own, name in product(list(read(params, cluster)) or [""], read(params, member)):
            if not safe(own, False) or not safe(name, False):
                raise Unsure(name)
            yield frame.arn("redshift", f"{kind}:{own}/{name}")

    return find


RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonredshift.html",
    also={
        "GetClusterCredentials": (
            ("redshift:JoinGroup", of_cluster("dbgroup", "DbGroups")),
            ("redshift:CreateClusterUser", of_cluster("dbuser", "DbUser", only_if="AutoCreate")),
        ),
    },
)
