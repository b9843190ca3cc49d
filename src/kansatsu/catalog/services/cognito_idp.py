"""Amazon Cognito user pools by id; what an application's user does with a token is authorized on everything."""

from kansatsu.catalog.rules import Rules

RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncognitouserpools.html",
    names={"userpool": ("UserPoolId", "ResourceArn"), "webacl": ()},
)
