"""Amazon EMR: a cluster is also called a job flow, and the beginning of an id says what is tagged.

https://docs.aws.amazon.com/emr/latest/ManagementGuide/security_iam_service-with-iam.html
"""

from collections.abc import Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Question, Rules
from kansatsu.catalog.values import Unsure, read, safe


def _tagged(params: Params, frame: Frame) -> Iterator[str]:
    """Clusters by id; studios and others are left unsure.

    https://docs.aws.amazon.com/emr/latest/APIReference/API_AddTags.html
    """
    given = params.get("ResourceId")
    if not isinstance(given, str) or not given.startswith("j-") or not safe(given, False):
        raise Unsure(given)
    yield frame.arn("elasticmapreduce", f"cluster/{given}")


_GROUPS = ("InstanceGroupId", "InstanceGroups[].InstanceGroupId")
_OF_GROUPS = ("ModifyInstanceGroups", "PutAutoScalingPolicy", "RemoveAutoScalingPolicy")


def _asked(params: Params) -> Iterator[Question]:
    for cluster in read(params, "ClusterId"):
        asked = {"ClusterId": cluster}
        yield Question(f"groups {cluster}", "emr", "ListInstanceGroups", asked, "InstanceGroups[].Id")


def _with_groups(params: Params, frame: Frame) -> Iterator[str]:
    """The cluster, which ModifyInstanceGroups may leave out.

    INVARIANT: the groups are its own: a backend may find a group by its id alone, in another cluster.
    https://docs.aws.amazon.com/emr/latest/APIReference/API_ModifyInstanceGroups.html
    """
    clusters, groups = set(read(params, "ClusterId")), {group for path in _GROUPS for group in read(params, path)}
    for cluster in clusters:
        if not safe(cluster, False) or not groups.issubset(frame.known.get(f"groups {cluster}", "").split("\n")):
            raise Unsure(cluster)
        yield frame.arn("elasticmapreduce", f"cluster/{cluster}")


RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticmapreduce.html",
    names={"cluster": ("ClusterId", "JobFlowId", "JobFlowIds")},
    finders={"AddTags": _tagged, "RemoveTags": _tagged, **dict.fromkeys(_OF_GROUPS, _with_groups)},
    questions=dict.fromkeys(_OF_GROUPS, _asked),
)
