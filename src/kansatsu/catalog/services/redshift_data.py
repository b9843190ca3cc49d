"""Amazon Redshift Data API: whoever has it log in may read the secret, or get the credentials, that it logs in with.

https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-access.html
https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-iam.html
"""

from collections.abc import Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Finder, Frame, Question, Rules
from kansatsu.catalog.services import redshift, redshift_serverless
from kansatsu.catalog.services.secretsmanager import asked, secrets
from kansatsu.catalog.values import Unsure, read, safe

_LOGS_IN = (
    *("BatchExecuteStatement", "DescribeTable", "ExecuteStatement", "ListDatabases", "ListSchemas"),
    "ListTables",
)
_workgroups = redshift_serverless.asked("workgroup", member="WorkgroupName")


def _without_secret(*finders: Finder, having: str = "", lacking: str = "") -> Finder:
    """What is logged in to with temporary credentials: by these, where a member is given and another is not."""

    def find(params: Params, frame: Frame) -> Iterator[str]:
        if params.get("SecretArn") or not params.get(having) or params.get(lacking):
            return
        for finder in finders:
            yield from finder(params, frame)

    return find


def _of_workgroup(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_ExecuteStatement.html: a name or an ARN"""
    for name in read(params, "WorkgroupName"):
        if not name.startswith("arn:"):
            yield from redshift_serverless.named("workgroup")({"workgroupName": name}, frame)
        elif name.startswith(frame.arn("redshift-serverless", "workgroup/")) and "*" not in name and "?" not in name:
            yield name
        else:
            raise Unsure(name)


def _where(params: Params, frame: Frame) -> Iterator[str]:
    """The cluster, or the workgroup."""
    yield from _of_workgroup(params, frame)
    for name in read(params, "ClusterIdentifier"):
        if not safe(name, False):
            raise Unsure(name)
        yield frame.arn("redshift", f"cluster:{name}")


def _asked(params: Params) -> Iterator[Question]:
    yield from asked("SecretArn")(params)
    if not params.get("SecretArn"):
        yield from _workgroups(params)


_USERS, _DATABASES = redshift.of_cluster("dbuser", "DbUser"), redshift.of_cluster("dbname", "Database")
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonredshiftdataapi.html",
    finders=dict.fromkeys(_LOGS_IN, _where),
    also=dict.fromkeys(
        _LOGS_IN,
        (
            ("secretsmanager:GetSecretValue", secrets("SecretArn")),
            ("redshift:GetClusterCredentials", _without_secret(_USERS, _DATABASES, having="DbUser")),
            (
                "redshift:GetClusterCredentialsWithIAM",
                _without_secret(_DATABASES, having="ClusterIdentifier", lacking="DbUser"),
            ),
            ("redshift-serverless:GetCredentials", _without_secret(_of_workgroup, having="WorkgroupName")),
        ),
    ),
    questions=dict.fromkeys(_LOGS_IN, _asked),
)
