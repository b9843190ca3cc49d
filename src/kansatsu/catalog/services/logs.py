"""Amazon CloudWatch Logs: what is asked about a log group is authorized on its ARN with what its streams begin with.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html: a policy names a log
group with ":*" behind it, but for tags.
"""

from kansatsu.catalog.rules import Rules

_GROUP = "arn:${Partition}:logs:${Region}:${Account}:log-group:${LogGroupName}"
_GROUPS = ("logGroupName", "logGroupIdentifier", "logGroupNames", "logGroupIdentifiers", "resourceIdentifier")
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html",
    names={
        "log-group": _GROUPS,
        "CreateLogAnomalyDetector:log-group": ("logGroupArnList",),
        "log-stream": ("logStreamName",),
        "anomaly-detector": ("anomalyDetectorArn",),
        "delivery": ("id",),
        "CreateDelivery:delivery": (),
        "delivery-destination": ("name", "deliveryDestinationName", "deliveryDestinationArn"),
        "delivery-source": ("name", "deliverySourceName"),
        "destination": ("destinationName",),
        "lookup-table": ("lookupTableName", "lookupTableArn"),
        "scheduled-query": ("identifier",),
        "PutSubscriptionFilter:destination": (),
    },
    parents={"LogGroupName": ("logGroupName", "logGroupIdentifier")},
    paths=frozenset({"log-group", "log-stream", "LogGroupName", "LogStreamName"}),
    forms={"log-group": f"{_GROUP}:log-stream:"},
    types={
        "CreateDelivery": ("delivery=*", "delivery-destination", "delivery-source"),
        "DeleteDeliverySource": ("delivery-source",),
        "UpdateDeliveryConfiguration": ("delivery",),
    },
    tagging="TagResource",
)
