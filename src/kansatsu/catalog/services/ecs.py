"""Amazon ECS: everything is in a cluster, "default" where none is named.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security_iam_service-with-iam.html
"""

from kansatsu.catalog.rules import Rules

RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html",
    parents={"ClusterName": ("cluster",), "ServiceName": ("service",)},
    defaults={"ClusterName": "default"},
    names={
        "cluster": ("cluster", "clusters", "clusterName"),
        "service": ("service", "services", "serviceName"),
        "task": ("task", "tasks"),
        "container-instance": ("containerInstance", "containerInstances"),
    },
    tagging="TagResource",
)
