"""Amazon EMR: a cluster is also called a job flow, and the beginning of an id says what is tagged.

https://docs.aws.amazon.com/emr/latest/ManagementGuide/security_iam_service-with-iam.html
"""

from collections.abc import Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Rules
from kansatsu.catalog.values import Unsure, safe


def _tagged(params: Params, frame: Frame) -> Iterator[str]:
    """Clusters by id; studios and others are left unsure.

    https://docs.aws.amazon.com/emr/latest/APIReference/API_AddTags.html
    """
    given = params.get("ResourceId")
    if not isinstance(given, str) or not given.startswith("j-") or not safe(given, False):
        raise Unsure(given)
    yield frame.arn("elasticmapreduce", f"cluster/{given}")


RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticmapreduce.html",
    names={"cluster": ("ClusterId", "JobFlowId", "JobFlowIds")},
    finders={"AddTags": _tagged, "RemoveTags": _tagged},
)
