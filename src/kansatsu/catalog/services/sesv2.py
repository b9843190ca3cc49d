"""Amazon SES: identities are addresses and domains. Which of the two stands for a sender only the service knows.

https://docs.aws.amazon.com/ses/latest/dg/control-user-access.html
"""

from kansatsu.catalog.rules import Rules

RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html",
    names={"identity": ("EmailIdentity",), "SendEmail:identity": ("FromEmailAddressIdentityArn",)},
    tagging="TagResource",
)
