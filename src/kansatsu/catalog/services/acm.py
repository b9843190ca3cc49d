"""AWS Certificate Manager: certificates by ARN."""

from kansatsu.catalog.rules import Rules

RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscertificatemanager.html",
    names={"certificate": ("CertificateArn",)},
    made=frozenset({"ImportCertificate"}),  # or what an imported one replaces
    tagging="AddTagsToCertificate",
)
