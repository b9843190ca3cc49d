"""AWS AppSync: APIs and what is in them, by id."""

from kansatsu.catalog.rules import Rules

RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsappsync.html",
    names={"graphqlapi": ("apiId",), "api": ("apiId",)},
    parents={"GraphQLAPIId": ("apiId",), "ApiId": ("apiId",)},
    types=dict.fromkeys(("GetGraphqlApi", "UpdateGraphqlApi", "DeleteGraphqlApi"), ("graphqlapi",)),
    tagging="TagResource",
)
