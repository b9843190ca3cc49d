"""RDS Data API: whoever has it log in with a secret may read the secret.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.access.html: it "transparently calls Secrets
Manager, which allows (or denies) the user's request for the secret".
"""

from kansatsu.catalog.rules import Rules
from kansatsu.catalog.services.secretsmanager import asked, secrets

_SECRETS = {
    **dict.fromkeys(
        (
            *("BatchExecuteStatement", "BeginTransaction", "CommitTransaction", "ExecuteStatement"),
            "RollbackTransaction",
        ),
        "secretArn",
    ),
    "ExecuteSql": "awsSecretStoreArn",
}
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrdsdataapi.html",
    also={operation: (("secretsmanager:GetSecretValue", secrets(name)),) for operation, name in _SECRETS.items()},
    questions={operation: asked(name) for operation, name in _SECRETS.items()},
)
