"""Amazon Data Firehose: streams by name."""

from kansatsu.catalog.rules import Rules

RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonkinesisfirehose.html",
    names={"deliverystream": ("DeliveryStreamName",)},
    tagging="TagDeliveryStream",
)
