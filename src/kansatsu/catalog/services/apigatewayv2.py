"""Amazon API Gateway, WebSocket and HTTP APIs: the same actions and resources, without the version in the path."""

from kansatsu.catalog.rules import Rules
from kansatsu.catalog.services.apigateway import by_path

RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagementv2.html",
    custom=by_path,
)
