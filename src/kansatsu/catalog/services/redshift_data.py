"""Amazon Redshift Data API: whoever has it log in with a secret may read the secret.

https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-access.html
"""

from kansatsu.catalog.rules import Rules
from kansatsu.catalog.services.secretsmanager import asked, secrets

_WITH_SECRET = (
    *("BatchExecuteStatement", "DescribeTable", "ExecuteStatement", "ListDatabases", "ListSchemas"),
    "ListTables",
)
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonredshiftdataapi.html",
    also=dict.fromkeys(_WITH_SECRET, (("secretsmanager:GetSecretValue", secrets("SecretArn")),)),
    questions=dict.fromkeys(_WITH_SECRET, asked("SecretArn")),
)
