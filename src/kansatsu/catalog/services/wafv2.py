"""AWS WAF: what it has is named by scope, name and id; the id of what is made is the service's choice.

https://docs.aws.amazon.com/waf/latest/developerguide/security_iam_service-with-iam.html
"""

from kansatsu.catalog.rules import Rules

RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awswafv2.html",
    parents={"Scope": ("Scope|scope",)},
)
